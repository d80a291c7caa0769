//! template.yaml as this stack reads it: the one source of functions, routes, tables and schedules.

mod events;
mod pattern;
pub mod yaml;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

pub use events::{Route, Rule, Schedule, Stream};
pub use pattern::Pattern;

/// How long an invocation may take where the template does not say: Lambda's default.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What the template and its nested templates say.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// The functions.
    pub functions: Vec<Function>,
    /// The tables.
    pub tables: Vec<Table>,
    /// The event buses, by their names in the template, which are their names here. Beside them
    /// there is always `default`, which AWS's own services publish on.
    pub buses: Vec<String>,
    /// The buckets.
    pub buckets: Vec<Bucket>,
    /// What browsers of other origins may do.
    pub cors: Cors,
}

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// The name of its binary, which is the function's everywhere outside the template.
    pub name: String,
    /// Its environment: the values as far as the template settles them.
    pub variables: BTreeMap<String, Option<String>>,
    /// The calls that it answers.
    pub routes: Vec<Route>,
    /// The streams that feed it.
    pub streams: Vec<Stream>,
    /// When it is started.
    pub schedules: Vec<Schedule>,
    /// The events that it is handed.
    pub rules: Vec<Rule>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// How often an event that it failed on is handed to it again: Lambda's default is twice.
    pub retries: u32,
    /// The queue for events that it failed on for good, by its name in the template.
    pub failures: Option<String>,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name in the template, without the ending `Table`: `Nights`.
    pub id: String,
    /// Its name here: `roost-nights`.
    pub name: String,
    /// Its properties in the template's words.
    pub properties: Value,
}

/// A bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name in the template, without the ending `Bucket`: `Photos`.
    pub id: String,
    /// Its name here: `roost-photos`.
    pub name: String,
    /// What browsers of other origins may do with it.
    pub cors: Cors,
    /// Whether it tells EventBridge of its new objects.
    pub tells: bool,
}

/// What browsers of other origins may do, as API Gateway answers them.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    /// The origins; `*` is any.
    pub origins: Vec<String>,
    /// The methods.
    pub methods: Vec<String>,
    /// The request headers.
    pub headers: Vec<String>,
    /// The response headers that scripts may read.
    pub exposed: Vec<String>,
    /// For how many seconds a browser may remember it.
    pub max_age: Option<u64>,
}

impl Template {
    /// Reads a template and the templates that it nests.
    ///
    /// # Errors
    /// A sentence that says which file or resource, and what is wrong with it.
    pub fn read(file: &Path) -> Result<Self, String> {
        let root = yaml::read(file)?;
        let mut template = Self::default();
        let folder = file.parent().unwrap_or(Path::new("."));
        let mut documents = vec![root.clone()];
        for nested in nested(&root) {
            documents.push(yaml::read(&folder.join(nested))?);
        }
        template.buses = resources(&root, "AWS::Events::EventBus").map(|(id, _)| id.to_owned()).collect();
        for document in &documents {
            template.take_tables(document);
            template.take_buckets(&root, document);
        }
        let read = Reader {
            root: &root,
            tables: &template.tables,
            buckets: &template.buckets,
            buses: &template.buses,
        };
        let mut functions = Vec::new();
        for (id, resource) in resources(&root, "AWS::Serverless::Function") {
            functions.push(read.function(id, resource)?);
        }
        if let Some((_, api)) = resources(&root, "AWS::Serverless::HttpApi").next() {
            template.cors = read.cors(&api["Properties"]["CorsConfiguration"]);
        }
        template.functions = functions;
        Ok(template)
    }

    /// How long one invocation of a function may take.
    #[must_use]
    pub fn timeout_of(&self, function: &str) -> Duration {
        let found = self.functions.iter().find(|found| found.name == function);
        found.map_or(TIMEOUT, |found| found.timeout)
    }

    fn take_tables(&mut self, document: &Value) {
        for (id, resource) in resources(document, "AWS::DynamoDB::Table") {
            let id = id.strip_suffix("Table").unwrap_or(id).to_owned();
            let name = format!("roost-{}", id.to_lowercase());
            self.tables.push(Table { id, name, properties: resource["Properties"].clone() });
        }
    }

    /// The buckets of a document; their parameters are the root's of the same names.
    fn take_buckets(&mut self, root: &Value, document: &Value) {
        for (id, resource) in resources(document, "AWS::S3::Bucket") {
            let id = id.strip_suffix("Bucket").unwrap_or(id).to_owned();
            let name = format!("roost-{}", id.to_lowercase());
            let read = Reader { root, tables: &[], buckets: &[], buses: &[] };
            let properties = &resource["Properties"];
            let cors = read.bucket_cors(&properties["CorsConfiguration"]["CorsRules"][0]);
            let tells =
                &properties["NotificationConfiguration"]["EventBridgeConfiguration"]["EventBridgeEnabled"];
            self.buckets.push(Bucket { id, name, cors, tells: *tells == true });
        }
    }
}

/// Reads parts of a template with the whole at hand.
struct Reader<'a> {
    root: &'a Value,
    tables: &'a [Table],
    buses: &'a [String],
    buckets: &'a [Bucket],
}

impl Reader<'_> {
    fn function(&self, id: &str, resource: &Value) -> Result<Function, String> {
        let name = resource["Metadata"]["BuildProperties"]["Binary"].as_str();
        let name = name.ok_or_else(|| {
            format!("template.yaml: {id} names no binary in Metadata.BuildProperties.Binary")
        })?;
        let properties = &resource["Properties"];
        let mut variables = BTreeMap::new();
        for from in [&self.root["Globals"]["Function"], properties] {
            let from = from["Environment"]["Variables"].as_object().into_iter().flatten();
            variables.extend(from.map(|(name, value)| (name.clone(), self.settled(value))));
        }
        let timeout = [properties, &self.root["Globals"]["Function"]]
            .into_iter()
            .find_map(|from| self.resolved(&from["Timeout"]).as_u64());
        let invoked = &properties["EventInvokeConfig"];
        let retries = invoked["MaximumRetryAttempts"].as_u64().and_then(|most| u32::try_from(most).ok());
        let mut function = Function {
            name: name.to_owned(),
            variables,
            routes: Vec::new(),
            streams: Vec::new(),
            schedules: Vec::new(),
            rules: Vec::new(),
            timeout: timeout.map_or(TIMEOUT, Duration::from_secs),
            retries: retries.unwrap_or(2),
            failures: resource_of(&invoked["DestinationConfig"]["OnFailure"]["Destination"]),
        };
        for (event_id, event) in properties["Events"].as_object().into_iter().flatten() {
            self.event(&mut function, event)
                .map_err(|why| format!("template.yaml: {id}.{event_id}: {why}"))?;
        }
        Ok(function)
    }

    fn cors(&self, value: &Value) -> Cors {
        Cors {
            origins: self.list(&value["AllowOrigins"]),
            methods: self.list(&value["AllowMethods"]),
            headers: self.list(&value["AllowHeaders"]),
            exposed: self.list(&value["ExposeHeaders"]),
            max_age: value["MaxAge"].as_u64(),
        }
    }

    /// The same in the words of S3.
    fn bucket_cors(&self, rule: &Value) -> Cors {
        Cors {
            origins: self.list(&rule["AllowedOrigins"]),
            methods: self.list(&rule["AllowedMethods"]),
            headers: self.list(&rule["AllowedHeaders"]),
            exposed: self.list(&rule["ExposedHeaders"]),
            max_age: rule["MaxAge"].as_u64(),
        }
    }

    /// A list of texts, or one text with commas.
    fn list(&self, value: &Value) -> Vec<String> {
        match self.resolved(value) {
            Value::Array(items) => items.iter().filter_map(|item| self.settled(item)).collect(),
            other => {
                let text = self.settled(&other).unwrap_or_default();
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
            }
        }
    }

    /// The text that a value has on this machine; `None` where only a deployment knows.
    fn settled(&self, value: &Value) -> Option<String> {
        if let Some(table) = self.table(value) {
            return Some(table.name.clone());
        }
        if let Some(bus) = self.bus(value) {
            return Some(bus.clone());
        }
        if let Some(bucket) = self.bucket(value) {
            return Some(bucket.name.clone());
        }
        match self.resolved(value) {
            Value::String(text) if !text.contains("{{resolve:") => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// A reference to a parameter, as the parameter's default; any other value as it is.
    fn resolved(&self, value: &Value) -> Value {
        let parameter = value["Ref"].as_str().map(|name| &self.root["Parameters"][name]);
        parameter
            .filter(|parameter| parameter.is_object())
            .map_or(value, |parameter| &parameter["Default"])
            .clone()
    }

    /// The event bus that a reference names: `!Ref EventBus`, `!GetAtt EventBus.Name`.
    fn bus(&self, value: &Value) -> Option<&String> {
        let id = resource_of(value)?;
        self.buses.iter().find(|bus| **bus == id)
    }

    /// The table that a reference is about: `!GetAtt Data.Outputs.NightsTable`, `…NightsStream`,
    /// `!GetAtt NightsTable.StreamArn` all mean Nights.
    fn table(&self, value: &Value) -> Option<&Table> {
        if !value.is_object() {
            return None;
        }
        let text = value.to_string();
        let mut words = text.split(|character: char| !character.is_alphanumeric());
        words.find_map(|word| {
            let id = word.strip_suffix("Table").or_else(|| word.strip_suffix("Stream"))?;
            self.tables.iter().find(|table| table.id == id)
        })
    }
}

/// The resource that a value refers to: `Queue` of `!Ref Queue` and `!GetAtt Queue.Arn`.
fn resource_of(value: &Value) -> Option<String> {
    let text = value["Ref"].as_str().or_else(|| value["Fn::GetAtt"].as_str())?;
    text.split('.').next().map(str::to_owned)
}

impl Reader<'_> {
    /// The bucket that a reference is about: `!GetAtt Data.Outputs.PhotosBucket`.
    fn bucket(&self, value: &Value) -> Option<&Bucket> {
        let reference = value["Fn::GetAtt"].as_str().or_else(|| value["Ref"].as_str())?;
        let id = reference.rsplit('.').next()?.strip_suffix("Bucket")?;
        self.buckets.iter().find(|bucket| bucket.id == id)
    }
}

/// The resources of a type, with their logical ids.
fn resources<'a>(document: &'a Value, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let all = document["Resources"].as_object().into_iter().flatten();
    all.filter(move |(_, resource)| resource["Type"] == kind).map(|(id, resource)| (id.as_str(), resource))
}

/// The files of the templates that this one nests.
fn nested(document: &Value) -> impl Iterator<Item = &str> {
    let applications = resources(document, "AWS::Serverless::Application")
        .filter_map(|(_, resource)| resource["Properties"]["Location"].as_str());
    let stacks = resources(document, "AWS::CloudFormation::Stack")
        .filter_map(|(_, resource)| resource["Properties"]["TemplateURL"].as_str());
    applications.chain(stacks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_may_take_as_long_as_it_says_or_all_of_them_do() {
        let template = Template::read(&crate::root().join("template.yaml")).unwrap();
        assert_eq!(template.timeout_of("create-booking"), Duration::from_secs(29));
        assert_eq!(template.timeout_of("reconcile"), Duration::from_mins(15));
    }
}
