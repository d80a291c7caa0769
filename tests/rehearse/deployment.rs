//! One deployment of template.yaml: `sam deploy`, the routes, and its end.

use std::collections::BTreeMap;
use std::path::Path;

use roost_tests::command::run;
use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::package::Package;
use crate::tools::Tools;

const STACK: &str = "roost";
const CODE: &str = "roost-code";

/// A deployed stack.
pub(crate) struct Deployment {
    api: String,
    /// How many resources there are of each kind.
    kinds: BTreeMap<String, usize>,
    routes: usize,
}

impl Deployment {
    /// Deploys, and makes the routes that the emulator does not.
    pub(crate) async fn made(
        tools: &Tools,
        emulator: &Emulator,
        package: &Package,
        stripe: &str,
    ) -> Result<Self, String> {
        for (name, secret) in [("stripe-key", "sk_test_local"), ("stripe-webhook-secret", "whsec_local")] {
            let secret = json!({"Name": format!("roost/{name}"), "SecretString": secret});
            emulator.json("secretsmanager", "secretsmanager.CreateSecret", &secret).await?;
        }
        emulator.make_bucket(CODE).await?;
        let template = package.template.clone();
        let folder = template.parent().unwrap_or_else(|| Path::new(".")).to_path_buf();
        let mut deploy = tools.command("sam");
        deploy
            .current_dir(folder)
            .env("AWS_ENDPOINT_URL", emulator.url())
            .args(["deploy", "--stack-name", STACK, "--s3-bucket", CODE, "--template-file"])
            .arg(&template)
            .args(["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
            .args(["--no-confirm-changeset", "--no-progressbar", "--parameter-overrides"])
            .args([format!("Architecture={}", architecture()), format!("StripeUrl={stripe}")])
            .arg("SearchDomain=no");
        let deployed = tokio::task::spawn_blocking(move || run(&mut deploy));
        deployed.await.map_err(|why| why.to_string())??;
        let resources = resources(emulator).await?;
        let mut kinds = BTreeMap::new();
        for (kind, _, _) in &resources {
            *kinds.entry(kind.clone()).or_insert(0) += 1;
        }
        let of =
            |kind: &str| resources.iter().find(|(found, _, _)| found == kind).map(|(_, _, id)| id.clone());
        let api = of("AWS::ApiGatewayV2::Api").ok_or("the stack has no API")?;
        let functions: BTreeMap<String, String> = resources
            .iter()
            .filter(|(kind, _, _)| kind == "AWS::Lambda::Function")
            .map(|(_, logical, physical)| (logical.clone(), physical.clone()))
            .collect();
        let routes = make_routes(emulator, &api, &functions).await?;
        Ok(Self { api, kinds, routes })
    }

    /// Where the API answers.
    pub(crate) fn url(&self, emulator: &Emulator) -> String {
        format!("{}/_aws/execute-api/{}/$default", emulator.url(), self.api)
    }

    pub(crate) fn summary(&self) -> String {
        let all: usize = self.kinds.values().sum();
        let of = |kind: &str| self.kinds.get(kind).copied().unwrap_or_default();
        format!(
            "{all} resources: {} functions with {} roles, {} stream mappings, {} schedules; {} routes",
            of("AWS::Lambda::Function"),
            of("AWS::IAM::Role"),
            of("AWS::Lambda::EventSourceMapping"),
            of("AWS::Scheduler::Schedule"),
            self.routes,
        )
    }

    /// Waits until what schedules and the bus start has been started, as each function's log says.
    pub(crate) async fn started(&self, emulator: &Emulator) -> Result<String, String> {
        const LOGS: [&str; 5] =
            ["ExpireBookingsLogs", "PublishLogs", "RecoverPaymentsLogs", "RemindHoldsLogs", "SendMailLogs"];
        for logs in LOGS {
            let all = resources(emulator).await?;
            let found = all.into_iter().find(|(_, logical, _)| logical == logs);
            let (_, _, group) = found.ok_or_else(|| format!("the stack has no {logs}"))?;
            let asked = json!({"logGroupName": group});
            emulator
                .until(&format!("{group} has a line"), async || {
                    let events = emulator.json("logs", "Logs_20140328.FilterLogEvents", &asked).await.ok()?;
                    events["events"].as_array().filter(|events| !events.is_empty()).map(|_| ())
                })
                .await?;
        }
        Ok("each minute's three functions; the publisher by the streams, the mailer by the bus".into())
    }

    /// Deletes the stack: the functions go, the data stays.
    pub(crate) async fn deleted(&self, emulator: &Emulator) -> Result<String, String> {
        let form = |action: &str| format!("Action={action}&StackName={STACK}&Version=2010-05-15");
        emulator.query("cloudformation", &form("DeleteStack")).await?;
        emulator
            .until("the stack is deleted", async || {
                match emulator.query("cloudformation", &form("DescribeStacks")).await {
                    Ok(answer) => answer.to_string().contains("DELETE_COMPLETE").then_some(()),
                    Err(_) => Some(()),
                }
            })
            .await?;
        let functions = emulator.rest("lambda", "GET", "/2015-03-31/functions/", &Value::Null).await?;
        let left = functions["Functions"].as_array().map_or(0, Vec::len);
        let tables = emulator.json("dynamodb", "DynamoDB_20120810.ListTables", &json!({})).await?;
        let kept = tables["TableNames"].as_array().map_or(0, Vec::len);
        if left > 0 || kept < 5 {
            return Err(format!("the deletion left {left} functions and {kept} tables"));
        }
        Ok(format!("no function is left, the {kept} tables are, as their deletion policy says"))
    }
}

/// Kind, logical name and physical name of every resource.
async fn resources(emulator: &Emulator) -> Result<Vec<(String, String, String)>, String> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let form = format!("Action=ListStackResources&StackName={STACK}&Version=2010-05-15{token}");
        let page = emulator.query("cloudformation", &form).await?;
        let page = page.as_str().ok_or("CloudFormation answered no XML")?;
        for member in page.split("<member>").skip(1) {
            let text = |name: &str| inner(member, name).unwrap_or_default();
            all.push((text("ResourceType"), text("LogicalResourceId"), text("PhysicalResourceId")));
        }
        match inner(page, "NextToken") {
            Some(next) => token = format!("&NextToken={next}"),
            None => return Ok(all),
        }
    }
}

/// What stands between the tags of an element that has no other inside.
fn inner(xml: &str, name: &str) -> Option<String> {
    let from = xml.split_once(&format!("<{name}>"))?.1;
    Some(from.split_once("</")?.0.to_owned())
}

/// API Gateway's import of the API's body, call by call.
async fn make_routes(
    emulator: &Emulator,
    api: &str,
    functions: &BTreeMap<String, String>,
) -> Result<usize, String> {
    let form = format!("Action=GetTemplate&StackName={STACK}&TemplateStage=Processed&Version=2010-05-15");
    let answer = emulator.query("cloudformation", &form).await?;
    let text = answer.as_str().and_then(|xml| inner(xml, "TemplateBody")).ok_or("no processed template")?;
    let text = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&apos;", "'");
    let template: Value = serde_json::from_str(&text.replace("&amp;", "&"))
        .map_err(|why| format!("the processed template: {why}"))?;
    let body = &template["Resources"]["Api"]["Properties"]["Body"];
    let mut made = 0;
    for (path, methods) in body["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let integration = &operation["x-amazon-apigateway-integration"];
            let uri = integration["uri"]["Fn::Sub"].as_str().unwrap_or_default();
            let logical = uri.split("/functions/${").nth(1).and_then(|rest| rest.split('.').next());
            let function = logical.and_then(|logical| functions.get(logical));
            let function = function.ok_or_else(|| format!("{method} {path} names no function: {uri}"))?;
            let arn = format!("arn:aws:lambda:{}:000000000000:function:{function}", crate::emulator::REGION);
            let integration = json!({
                "integrationType": "AWS_PROXY", "integrationUri": arn, "integrationMethod": "POST",
                "payloadFormatVersion": integration["payloadFormatVersion"],
            });
            let integrations = format!("/v2/apis/{api}/integrations");
            let integration = emulator.rest("apigateway", "POST", &integrations, &integration).await?;
            let key = match path.as_str() {
                "$default" => path.clone(),
                path => format!("{} {path}", method.to_uppercase()),
            };
            let target =
                format!("integrations/{}", integration["integrationId"].as_str().unwrap_or_default());
            let route = json!({"routeKey": key, "target": target});
            emulator.rest("apigateway", "POST", &format!("/v2/apis/{api}/routes"), &route).await?;
            made += 1;
        }
    }
    let mut cors = body["x-amazon-apigateway-cors"].clone();
    if let Some(origins) = cors["allowOrigins"].as_str() {
        cors["allowOrigins"] = origins.split(',').collect();
    }
    let settings = json!({"corsConfiguration": cors});
    emulator.rest("apigateway", "PATCH", &format!("/v2/apis/{api}"), &settings).await?;
    Ok(made)
}

/// This machine's, as the template names it.
fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}
