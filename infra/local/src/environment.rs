//! The environment of functions on this machine: what a deployment's parameters and secrets would
//! be, and for each function only what the template gives it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use roost::config::Config;

use crate::buckets;
use crate::search::{self, Choice};
use crate::template::{Function, Template};

/// The values of a stack at an address.
#[derive(Clone, Debug)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The values of the stack that answers at `url`.
    #[must_use]
    pub fn of(url: &str, template: &Template, search: &Choice) -> Self {
        let mut values = BTreeMap::from(
            [
                ("AWS_REGION", "eu-central-1"),
                // Known to everybody who reads this: it guards nothing but this machine's own data.
                ("ROOST_SECRET", "the-secret-of-every-local-stack-and-of-no-deployment"),
                ("ROOST_STRIPE_KEY", "sk_test_local"),
                ("ROOST_STRIPE_WEBHOOK_SECRET", crate::provider::WEBHOOK_SECRET),
                ("ROOST_ADYEN_KEY", "local"),
                ("ROOST_ADYEN_MERCHANT", "RoostLocal"),
                ("ROOST_ADYEN_WEBHOOK_KEY", crate::provider::ADYEN_WEBHOOK_KEY),
                ("ROOST_SITE_NAME", "Roost"),
                ("ROOST_MAIL_SENDER", "stay@roost.example"),
                // Where a web client in development stands: an origin that the API allows.
                ("ROOST_WEB_URL", "http://localhost:5173"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        values.insert("ROOST_STRIPE_URL".into(), format!("{url}/_local/stripe"));
        values.insert("ROOST_ADYEN_URL".into(), format!("{url}/_local/adyen"));
        values.insert("ROOST_BUCKETS_URL".into(), url.to_owned());
        values.insert("ROOST_PHOTOS_BASE".into(), format!("{url}{}", buckets::SHOWN));
        let index = match search {
            Choice::Off => None,
            Choice::Own => Some("listings"),
            Choice::At { index, .. } => Some(index.as_str()),
        };
        if let Some(index) = index {
            values.insert("ROOST_SEARCH_URL".into(), format!("{url}{}", search::PATH));
            values.insert("ROOST_SEARCH_INDEX".into(), index.to_owned());
        }
        if let Choice::At { budget: Some(budget), .. } = search {
            values.insert("ROOST_SEARCH_BUDGET_MS".into(), budget.to_string());
        }
        if let Some(bus) = template.buses.first() {
            values.insert("ROOST_EVENT_BUS".into(), bus.clone());
        }
        for table in &template.tables {
            values.insert(format!("ROOST_{}_TABLE", table.id.to_uppercase()), table.name.clone());
        }
        for bucket in &template.buckets {
            values.insert(format!("ROOST_{}_BUCKET", bucket.id.to_uppercase()), bucket.name.clone());
        }
        Self(values)
    }

    /// The settings with every value at hand.
    ///
    /// # Errors
    /// A sentence that names the setting that is wrong.
    pub fn config(&self) -> Result<Config, String> {
        Config::from(|name| self.0.get(name).cloned()).map_err(|error| error.to_string())
    }

    /// The settings of one function: what the template names for it, and the region, which Lambda
    /// sets by itself.
    ///
    /// # Errors
    /// A sentence that names the function and what it lacks.
    pub fn config_of(&self, function: &Function) -> Result<Config, String> {
        let value = |name: &str| match function.variables.get(name) {
            // What the template settles itself; what a deployment's secrets hold is ours here.
            Some(Some(settled))
                if !self.0.contains_key(name) || name.ends_with("_TABLE") || name.ends_with("_BUCKET") =>
            {
                Some(settled.clone())
            }
            Some(_) => self.0.get(name).cloned(),
            // What Lambda sets by itself, and where AWS is.
            None if name == "AWS_REGION" || name == "ROOST_BUCKETS_URL" => self.0.get(name).cloned(),
            None => None,
        };
        Config::from(value).map_err(|error| format!("template.yaml: {}: {error}", function.name))
    }

    /// All of it for functions that run in processes of their own against this stack, one
    /// `NAME=value` a line.
    #[must_use]
    pub fn file(&self, url: &str) -> String {
        let mut file = String::new();
        let elsewhere = [
            ("ROOST_STORE_URL", format!("{url}/_local/dynamodb")),
            ("ROOST_EVENTS_URL", format!("{url}/_local/eventbridge")),
            ("ROOST_MAIL_URL", format!("{url}/_local/ses")),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ];
        let own = self.0.iter().map(|(name, value)| (name.as_str(), value.clone()));
        for (name, value) in own.chain(elsewhere) {
            let _ = writeln!(file, "{name}={value}");
        }
        file
    }
}
