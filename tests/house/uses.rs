//! What each function asks of the tables, read from its sources: which store methods its endpoint
//! reaches, and which calls of which table those make. What a role may do is held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::source::{self, Source};

/// One action on one table or index: `dynamodb:Query` on `bookings/index/by_due`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    /// The table in the words of `Config.tables`, with `/index/<name>` for an index.
    pub(crate) resource: String,
    /// The IAM action.
    pub(crate) action: &'static str,
}

/// How a call of the client, or an item of a transaction, looks in the sources, and the action that
/// IAM asks for it. A transaction itself is no action of its own.
const ACTIONS: [(&str, &str); 13] = [
    (".get_item()", "dynamodb:GetItem"),
    (".batch_get_item()", "dynamodb:BatchGetItem"),
    ("self.batch(", "dynamodb:BatchGetItem"),
    (".query()", "dynamodb:Query"),
    (".scan()", "dynamodb:Scan"),
    (".put_item()", "dynamodb:PutItem"),
    (".update_item()", "dynamodb:UpdateItem"),
    (".delete_item()", "dynamodb:DeleteItem"),
    (".batch_write_item()", "dynamodb:BatchWriteItem"),
    ("Put::builder()", "dynamodb:PutItem"),
    ("Update::builder()", "dynamodb:UpdateItem"),
    ("Delete::builder()", "dynamodb:DeleteItem"),
    ("ConditionCheck::builder()", "dynamodb:ConditionCheckItem"),
];

/// What every function uses, by the name of its binary.
pub(crate) fn of_functions(root: &Path) -> BTreeMap<String, BTreeSet<Use>> {
    let (store, index) = (Store::read(root), Index::read(root));
    let mut uses = BTreeMap::new();
    for package in source::folders(&root.join("functions")) {
        let files = source::read_folder(&package.join("src"));
        let (binaries, modules): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| file.path.contains("/src/bin/"));
        for binary in binaries {
            let reached = reach(&modules, &module_of(&binary));
            let mut methods: BTreeSet<String> =
                reached.iter().flat_map(|body| calls_after(body, ".store.")).collect();
            // The index shares what it must remember through the store.
            let of_index = index.reached_by(&reached);
            methods.extend(of_index.iter().flat_map(|body| calls_after(body, "store.")));
            uses.insert(binary.stem(), methods.iter().flat_map(|method| store.uses(method)).collect());
        }
    }
    uses
}

/// What a function needs for the calls of payment providers that it reaches.
pub(crate) fn pays(root: &Path, function: &str) -> &'static [&'static str] {
    let text = reached_text(root, function);
    let first: &[&str] = &[
        "ROOST_STRIPE_KEY",
        "ROOST_STRIPE_URL",
        "ROOST_ADYEN_KEY",
        "ROOST_ADYEN_MERCHANT",
        "ROOST_ADYEN_URL",
    ];
    if text.contains(".provider(") {
        first
    } else if text.contains(".payouts()") || text.contains(".stripe()") {
        &first[..2]
    } else {
        &[]
    }
}

/// The calls of other services that a function reaches, and what it needs for them: what its sources
/// have, the action that IAM asks for it, and the settings. Who reads the secrets is not given any of them: its
/// environment takes back what is set for all.
pub(crate) const SERVICES: [(&str, &str, &[&str]); 3] = [
    (".bus()", "events:PutEvents", &["ROOST_EVENT_BUS"]),
    (".post()", "ses:SendEmail", &["ROOST_MAIL_SENDER", "ROOST_SITE_NAME", "ROOST_WEB_URL"]),
    (".read_secret(", "secretsmanager:GetSecretValue", &["ROOST_SECRET", "ROOST_SECRET_PREVIOUS"]),
];

/// The services of [`SERVICES`] that a function reaches.
pub(crate) fn services(root: &Path, function: &str) -> Vec<(&'static str, &'static [&'static str])> {
    let text = reached_text(root, function);
    let reached = SERVICES.into_iter().filter(|(call, ..)| text.contains(call));
    reached.map(|(_, action, settings)| (action, settings)).collect()
}

/// What a function asks of the search index: the actions that IAM asks for, and the settings.
pub(crate) fn searches(root: &Path, function: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let text = reached_text(root, function);
    let reached = Index::read(root).reached_by(std::slice::from_ref(&text));
    let action = |rest: &str| {
        rest.split('"').next().map(|method| {
            let (first, rest) = method.split_at(1);
            format!("es:ESHttp{first}{}", rest.to_lowercase())
        })
    };
    let methods = reached.iter().flat_map(|body| body.split("method: \"").skip(1));
    let mut actions: BTreeSet<String> = methods.filter_map(action).collect();
    let mut settings = BTreeSet::new();
    if text.contains(".index()") {
        settings.extend(["ROOST_SEARCH_INDEX".to_owned(), "ROOST_SEARCH_URL".to_owned()]);
    }
    if reached.iter().any(|body| body.contains("self.budget")) {
        settings.insert("ROOST_SEARCH_BUDGET_MS".to_owned());
    }
    if text.contains(".search_domain_ready()") {
        actions.insert("es:DescribeDomain".to_owned());
        settings.insert("ROOST_SEARCH_DOMAIN".to_owned());
    }
    (actions, settings)
}

/// The methods of the index, with their bodies; those of its client as `client.<name>`.
struct Index(BTreeMap<String, String>);

impl Index {
    fn read(root: &Path) -> Self {
        let mut methods: BTreeMap<String, String> = BTreeMap::new();
        for file in source::read_folder(&root.join("shared/src/index")) {
            for (name, body) in file.functions() {
                let name = if file.stem() == "client" { format!("client.{name}") } else { name };
                methods.entry(name).or_default().push_str(&body);
            }
        }
        Self(methods)
    }

    /// The bodies that these reach in the index.
    fn reached_by(&self, bodies: &[String]) -> Vec<String> {
        let mut waiting: Vec<String> =
            bodies.iter().flat_map(|body| calls_after(body, " index.").collect::<Vec<_>>()).collect();
        let (mut reached, mut seen) = (Vec::new(), BTreeSet::new());
        while let Some(method) = waiting.pop() {
            let Some(body) = self.0.get(&method).filter(|_| seen.insert(method.clone())) else { continue };
            let own = if method.starts_with("client.") { "client." } else { "" };
            waiting.extend(calls_after(body, "self.").map(|called| format!("{own}{called}")));
            waiting.extend(calls_after(body, "self.client.").map(|called| format!("client.{called}")));
            reached.push(body.clone());
        }
        reached
    }
}

/// What a function does with the bucket of photos, as IAM names it; reading an object that may be
/// missing asks for the list too, or S3 does not say that it is missing.
pub(crate) fn of_photos(root: &Path, function: &str) -> BTreeSet<&'static str> {
    let text = reached_text(root, function);
    if !text.contains(".photos()") {
        return BTreeSet::new();
    }
    let calls: [(&str, &[&'static str]); 4] = [
        (".sign(", &["s3:PutObject"]),
        ("bucket.put(", &["s3:PutObject"]),
        ("bucket.get(", &["s3:GetObject", "s3:ListBucket"]),
        ("bucket.delete(", &["s3:DeleteObject"]),
    ];
    let asked = calls.into_iter().filter(|(call, _)| text.contains(call));
    asked.flat_map(|(_, actions)| actions.iter().copied()).collect()
}

/// Whether a function reaches where photos are shown.
pub(crate) fn shows_photos(root: &Path, function: &str) -> bool {
    let text = reached_text(root, function);
    text.contains("photos_base") || text.contains("place(&app.config")
}

/// Whether a function leads people to the pages that mails link to.
pub(crate) fn leads_to_pages(root: &Path, function: &str) -> bool {
    reached_text(root, function).contains("config.site")
}

/// What a function checks the events of payment providers by.
pub(crate) fn hears_a_provider(root: &Path, function: &str) -> Vec<&'static str> {
    let text = reached_text(root, function);
    let secrets = [
        (".stripe_webhook_secrets", "ROOST_STRIPE_WEBHOOK_SECRET"),
        (".adyen_webhook_keys", "ROOST_ADYEN_WEBHOOK_KEY"),
    ];
    secrets.into_iter().filter(|(read, _)| text.contains(read)).map(|(_, secret)| secret).collect()
}

/// Whether a function reaches the setting of what a host pays for a cancellation.
pub(crate) fn fines(root: &Path, function: &str) -> bool {
    reached_text(root, function).contains(".host_penalty_basis_points")
}

/// Whether a function reaches the settings that prices depend on.
pub(crate) fn prices(root: &Path, function: &str) -> bool {
    let text = reached_text(root, function);
    text.contains(".service_fee_basis_points") || text.contains("config.taxes")
}

fn reached_text(root: &Path, function: &str) -> String {
    let of_package = |package: std::path::PathBuf| {
        let files = source::read_folder(&package.join("src"));
        let binary = files.iter().find(|file| file.path.contains("/src/bin/") && file.stem() == function)?;
        let module = module_of(binary);
        let modules: Vec<Source> =
            files.iter().filter(|file| !file.path.contains("/src/bin/")).cloned().collect();
        Some(reach(&modules, &module).concat())
    };
    source::folders(&root.join("functions")).into_iter().find_map(of_package).unwrap_or_default()
}

/// The module of the endpoint that a binary serves: `create` of `roost_bookings::create::CreateBooking`.
fn module_of(binary: &Source) -> String {
    let text = binary.code.split("roost_").nth(1).unwrap_or_default();
    text.split("::").nth(1).unwrap_or_default().to_owned()
}

/// The bodies that an endpoint's module reaches within its package: its own, and of the modules it
/// names those functions that it calls, and so on.
fn reach(modules: &[Source], module: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    let mut seen = BTreeSet::new();
    let entry = modules.iter().filter(|file| file.stem() == module);
    let mut waiting: Vec<(&Source, String)> =
        entry.flat_map(|file| file.functions().into_keys().map(move |name| (file, name))).collect();
    while let Some((file, name)) = waiting.pop() {
        if !seen.insert((file.path.clone(), name.clone())) {
            continue;
        }
        let Some(body) = file.functions().remove(&name) else { continue };
        for other in modules {
            let called = other.functions().into_keys().filter(|called| calls(file, &body, other, called));
            waiting.extend(called.map(|called| (other, called)));
        }
        bodies.push(body);
    }
    bodies
}

/// Whether a body in `file` calls the function of this name in `other`.
fn calls(file: &Source, body: &str, other: &Source, name: &str) -> bool {
    let module = other.stem();
    if other.path == file.path {
        return body.contains(&format!("{name}("));
    }
    let imported = file.imports(&module);
    let imports_a_type = imported.iter().any(|word| word.starts_with(char::is_uppercase));
    let as_method = || body.replace(&format!(".store.{name}("), "").contains(&format!(".{name}("));
    body.contains(&format!("{module}::{name}("))
        || (imported.contains(name) && body.contains(&format!("{name}(")))
        || (imports_a_type
            && (as_method() || imported.iter().any(|word| body.contains(&format!("{word}::{name}(")))))
}

/// The names that are called right after `before`: `taken` in `app.store.taken(…)`.
fn calls_after<'a>(body: &'a str, before: &'a str) -> impl Iterator<Item = String> + 'a {
    body.split(before).skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('(')?;
        name.chars().all(|character| character.is_alphanumeric() || character == '_').then(|| name.to_owned())
    })
}

/// The methods of the store, with their bodies.
struct Store {
    methods: BTreeMap<String, String>,
    /// The indexes: the constant's name, its table, and the index's name.
    indexes: Vec<(String, String, String)>,
}

impl Store {
    fn read(root: &Path) -> Self {
        let files = source::read_folder(&root.join("shared/src/store"));
        let mut methods: BTreeMap<String, String> = BTreeMap::new();
        for (name, body) in files.iter().flat_map(Source::functions) {
            methods.entry(name).or_default().push_str(&body);
        }
        let keys = files.iter().find(|file| file.stem() == "keys").expect("store/keys.rs is there");
        let constant = |line: &str| {
            let (name, value) = line.strip_prefix("pub const ")?.split_once(": &str = ")?;
            let (table, _) = name.split_once("_BY_")?;
            Some((name.to_owned(), table.to_lowercase(), value.split('"').nth(1)?.to_owned()))
        };
        Self { methods, indexes: keys.code.lines().filter_map(constant).collect() }
    }

    /// What a method and those it calls ask of the tables.
    fn uses(&self, method: &str) -> BTreeSet<Use> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut waiting = vec![method.to_owned()];
        while let Some(method) = waiting.pop() {
            let Some(body) = self.methods.get(&method) else { continue };
            if !seen.insert(method) {
                continue;
            }
            waiting.extend(calls_after(body, "self."));
            for (call, action) in ACTIONS {
                if body.contains(call) {
                    found.extend(self.resources(body, action).map(|resource| Use { resource, action }));
                }
            }
        }
        found
    }

    /// The tables that a body names; for a query that names indexes, those.
    fn resources(&self, body: &str, action: &str) -> impl Iterator<Item = String> {
        let indexes: Vec<String> = match action {
            "dynamodb:Query" | "dynamodb:Scan" if body.contains(".index_name(") => {
                let named = self.indexes.iter().filter(|(constant, ..)| body.contains(constant.as_str()));
                named.map(|(_, table, index)| format!("{table}/index/{index}")).collect()
            }
            _ => Vec::new(),
        };
        let tables = body
            .split("tables.")
            .skip(1)
            .map(|rest| rest.chars().take_while(|character| character.is_alphanumeric()).collect::<String>());
        let tables: Vec<String> = if indexes.is_empty() { tables.collect() } else { indexes };
        tables.into_iter()
    }
}
