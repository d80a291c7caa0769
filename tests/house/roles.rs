//! Each function has a role of its own with exactly what its sources ask for: no more, no less, no
//! wildcard.

use std::collections::{BTreeMap, BTreeSet};

use roost::ids::EventId;
use roost::store::keys;
use serde_json::Value;

use crate::none_of;
use crate::source::root;
use crate::template::{Function, functions, resources, template, texts};
use crate::uses::{self, Use};

/// What a stream's reader may do beside what its sources ask for: Lambda reads the stream for it.
const STREAM: [&str; 4] =
    ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];

/// The patterns allowed in a resource: Lambda chooses the names of the failed batches it writes,
/// each version of the index has a name of its own, each photo its objects, and which configuration
/// set SES applies to a sender is set there.
const PATTERNS: [&str; 5] = [
    "${Data.Outputs.FailuresBucketArn}/aws/lambda/*",
    "${Data.Outputs.SearchDomainArn}/${SearchIndex}-*",
    "${Data.Outputs.PhotosBucketArn}/photos/*",
    "${Data.Outputs.PhotosBucketArn}/uploads/*",
    "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:configuration-set/*",
];
const FAILED_BATCHES: &str = PATTERNS[0];
/// What Secrets Manager adds to a secret's name in its ARN: six characters that nobody else chooses.
const OF_A_SECRET: &str = "-??????";

#[test]
fn a_role_allows_exactly_what_its_function_asks_of_the_tables() {
    let asked = uses::of_functions(&root());
    let mut offences = Vec::new();
    for function in functions() {
        let asked = asked.get(&function.name).cloned().unwrap_or_default();
        let allowed = allowed(&function);
        let line = |what: &str, used: &Use| {
            format!("{}: {what} {} on {}", function.name, used.action, used.resource)
        };
        offences.extend(asked.difference(&allowed).map(|used| line("add to its role", used)));
        offences.extend(allowed.difference(&asked).map(|used| line("take from its role", used)));
        let tables = |uses: &BTreeSet<Use>| -> BTreeSet<String> {
            let table = |used: &Use| used.resource.split('/').next().unwrap_or_default().to_uppercase();
            uses.iter().map(|used| format!("ROOST_{}_TABLE", table(used))).collect()
        };
        let mut wanted = tables(&asked);
        wanted.extend(uses::pays(&root(), &function.name).iter().map(|setting| (*setting).to_owned()));
        let services = uses::services(&root(), &function.name);
        wanted
            .extend(services.iter().flat_map(|(_, settings)| settings.iter().map(|name| (*name).to_owned())));
        for (_, action, _) in uses::SERVICES {
            let may = function
                .statements
                .iter()
                .any(|statement| texts(&statement["Action"]).contains(&action.to_owned()));
            let asks = services.iter().any(|(asked, _)| *asked == action);
            if may != asks {
                let what = if asks { "add to its role" } else { "take from its role" };
                offences.push(format!("{}: {what} {action}", function.name));
            }
        }
        let (actions, settings) = uses::searches(&root(), &function.name);
        wanted.extend(settings);
        let all = function.statements.iter().flat_map(|statement| texts(&statement["Action"]));
        let of_search: BTreeSet<String> = all.filter(|action| action.starts_with("es:")).collect();
        if of_search != actions {
            offences.push(format!(
                "{}: its role has {of_search:?}, its sources ask for {actions:?}",
                function.name
            ));
        }
        if uses::prices(&root(), &function.name) {
            wanted.extend(["ROOST_SERVICE_FEE_BASIS_POINTS".into(), "ROOST_TAXES".into()]);
        }
        if uses::leads_to_pages(&root(), &function.name) {
            wanted.extend(["ROOST_SITE_NAME".into(), "ROOST_WEB_URL".into()]);
        }
        for secret in uses::hears_a_provider(&root(), &function.name) {
            wanted.extend([secret.into(), format!("{secret}_PREVIOUS")]);
        }
        if uses::fines(&root(), &function.name) {
            wanted.insert("ROOST_HOST_PENALTY_BASIS_POINTS".into());
        }
        let photos = uses::of_photos(&root(), &function.name);
        if photos != may_do_with_photos(&function) {
            offences.push(format!("{}: its role's actions on photos are to be {photos:?}", function.name));
        }
        if !photos.is_empty() {
            wanted.insert("ROOST_PHOTOS_BUCKET".into());
        }
        if uses::shows_photos(&root(), &function.name) {
            wanted.insert("ROOST_PHOTOS_BASE".into());
        }
        let variables = function.resource["Properties"]["Environment"]["Variables"].as_object();
        let given: BTreeSet<String> = variables.into_iter().flatten().map(|(name, _)| name.clone()).collect();
        if given != wanted {
            offences.push(format!(
                "{}: its environment has {given:?}, its sources ask for {wanted:?}",
                function.name
            ));
        }
    }
    none_of("A function's role and environment in template.yaml are what its sources use:", &offences);
}

#[test]
fn a_deployment_applies_the_definition_of_the_index_that_it_brings() {
    let template = template();
    let applied = template.pointer("/Resources/AppliedSearchIndex/Properties/Definition");
    assert_eq!(
        applied.and_then(Value::as_str),
        Some(roost::index::admin::fingerprint()),
        "template.yaml: AppliedSearchIndex needs the fingerprint of infra/search as its Definition"
    );
}

#[test]
fn no_role_has_a_wildcard() {
    let mut offences = Vec::new();
    for function in functions() {
        for statement in &function.statements {
            for action in texts(&statement["Action"]) {
                if action.contains('*') {
                    offences.push(format!("{}: spell the actions of {action} out", function.name));
                }
            }
            let one = std::slice::from_ref(&statement["Resource"]);
            for resource in statement["Resource"].as_array().map_or(one, Vec::as_slice) {
                let pattern = resource["Fn::Sub"].as_str().unwrap_or_default();
                let text = resource.to_string().replace(OF_A_SECRET, "");
                if text.contains(['*', '?']) && !PATTERNS.contains(&pattern) {
                    offences.push(format!("{}: name the resource instead of {resource}", function.name));
                }
            }
            if statement["Effect"] != "Allow"
                || statement["NotAction"] != Value::Null
                || statement["NotResource"] != Value::Null
            {
                offences
                    .push(format!("{}: allow what is used, and nothing else: {statement}", function.name));
            }
        }
    }
    let template = template();
    for (id, role) in resources(&template, "AWS::IAM::Role") {
        if role["Properties"]["ManagedPolicyArns"] != Value::Null {
            offences
                .push(format!("{id}: managed policies allow more than one function uses; list the actions"));
        }
    }
    none_of("A role names its actions and resources:", &offences);
}

#[test]
fn a_role_that_may_write_some_partitions_alone_names_them_as_the_keys_do() {
    let event = EventId::from_bits(0);
    let of_events = keys::done(event, "").partition.replace(&event.to_string(), "*");
    let known = [of_events, keys::RECONCILIATIONS.to_owned()];
    let mut offences = Vec::new();
    for function in functions() {
        for statement in &function.statements {
            let conditions = statement["Condition"].as_object().into_iter().flatten();
            let named = conditions.flat_map(|(_, condition)| texts(&condition["dynamodb:LeadingKeys"]));
            offences.extend(
                named
                    .filter(|partition| !known.contains(partition))
                    .map(|partition| format!("{}: {partition}", function.name)),
            );
        }
    }
    none_of("The partitions that a role is held to are those of store/keys.rs:", &offences);
}

#[test]
fn secrets_reach_the_functions_as_attributes_of_one_resource() {
    let template = template();
    let text = template.to_string();
    let mut offences = Vec::new();
    if text.contains("{{resolve:") {
        offences.push("a template has 60 dynamic references at most: let Secrets read it".to_owned());
    }
    let secrets = &template["Resources"]["Secrets"]["Properties"];
    for rest in text.split("\"Secrets.").skip(1) {
        let attribute = rest.split('"').next().unwrap_or_default();
        if secrets[attribute]["Secret"].is_null() || secrets[attribute]["Version"].is_null() {
            offences.push(format!("Secrets has no property {attribute} with Secret and Version"));
        }
    }
    let reader = functions().into_iter().find(|function| function.name == "read-secrets");
    let reader = reader.expect("a function reads the secrets").resource;
    let variables = reader["Properties"]["Environment"]["Variables"].as_object();
    for (name, value) in variables.into_iter().flatten() {
        if value != "" {
            offences.push(format!("read-secrets: {name} is what it reads itself, and has to be ''"));
        }
    }
    none_of("template.yaml has its secrets from the resource Secrets alone:", &offences);
}

#[test]
fn no_two_functions_share_a_role_or_a_log() {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for function in functions() {
        let properties = &function.resource["Properties"];
        for of in [&properties["Role"], &properties["LoggingConfig"]["LogGroup"]] {
            owners.entry(of.to_string()).or_default().push(function.name.clone());
        }
        // A policy beside its role would be one that no rule here reads.
        assert_eq!(
            properties["Policies"],
            Value::Null,
            "{}: its statements belong in its role",
            function.name
        );
    }
    let shared = owners.into_iter().filter(|(_, names)| names.len() > 1);
    let shared: Vec<String> = shared.map(|(of, names)| format!("{of}: {}", names.join(", "))).collect();
    none_of("Each function has a role and a log group of its own:", &shared);
}

#[test]
fn a_stack_stays_far_from_its_500_resources() {
    let template = template();
    let own = template["Resources"].as_object().map_or(0, serde_json::Map::len);
    let events = |function: Function| {
        function.resource["Properties"]["Events"].as_object().map_or(0, serde_json::Map::len)
    };
    let permissions: usize = functions().into_iter().map(events).sum();
    let all = own + permissions;
    assert!(all <= 400, "{all} resources: CloudFormation takes 500 a stack; nest some in infra/");
}

/// What a role allows on the tables, in the words of [`Use`].
fn allowed(function: &Function) -> BTreeSet<Use> {
    let mut allowed = BTreeSet::new();
    for statement in &function.statements {
        let resource = &statement["Resource"];
        for action in texts(&statement["Action"]).into_iter().filter(|action| action.starts_with("dynamodb:"))
        {
            if STREAM.contains(&action.as_str()) {
                assert!(!function_streams(function).is_empty(), "{}: it reads no stream", function.name);
                continue;
            }
            let action: &'static str = action.leak();
            allowed.insert(Use { resource: table_of(resource), action });
        }
    }
    allowed
}

/// What a role allows on the bucket of photos.
fn may_do_with_photos(function: &Function) -> BTreeSet<&'static str> {
    let statements = function.statements.iter();
    let of_photos =
        statements.filter(|statement| statement["Resource"].to_string().contains("PhotosBucketArn"));
    of_photos.flat_map(|statement| texts(&statement["Action"])).map(|action| &*action.leak()).collect()
}

/// `bookings/index/by_due` of `!Sub '${Data.Outputs.BookingsTableArn}/index/by_due'`.
fn table_of(resource: &Value) -> String {
    let text = resource["Fn::Sub"].as_str().or_else(|| resource["Fn::GetAtt"].as_str()).unwrap_or_default();
    let text = text.trim_start_matches("${").replace('}', "");
    let text = text.strip_prefix("Data.Outputs.").unwrap_or(&text).replace("TableArn", "");
    text.to_lowercase()
}

/// The streams that feed a function.
fn function_streams(function: &Function) -> Vec<String> {
    let events = function.resource["Properties"]["Events"].as_object();
    let streams = events.into_iter().flatten().filter(|(_, event)| event["Type"] == "DynamoDB");
    streams.map(|(id, _)| id.clone()).collect()
}

#[test]
fn a_stream_s_reader_may_read_it_and_keep_what_fails() {
    let mut offences = Vec::new();
    for function in functions() {
        let events = function.resource["Properties"]["Events"].as_object();
        for (id, event) in events.into_iter().flatten().filter(|(_, event)| event["Type"] == "DynamoDB") {
            let properties = &event["Properties"];
            let may = |action: &str, resource: &str| {
                function.statements.iter().any(|statement| {
                    texts(&statement["Action"]).iter().any(|has| has == action)
                        && statement["Resource"].to_string().contains(resource)
                })
            };
            let stream = format!("Data.Outputs.{id}Stream");
            let mut must = |holds: bool, what: &str| {
                if !holds {
                    offences.push(format!("{}.{id}: {what}", function.name));
                }
            };
            must(
                properties["Stream"]["Fn::GetAtt"] == stream,
                "is called after the table whose stream it reads",
            );
            must(STREAM.iter().all(|action| may(action, &stream)), "its role reads the stream");
            must(may("s3:PutObject", FAILED_BATCHES), "its role writes to the failure bucket");
            must(properties["BisectBatchOnFunctionError"] == true, "BisectBatchOnFunctionError: true");
            must(
                properties["FunctionResponseTypes"][0] == "ReportBatchItemFailures",
                "FunctionResponseTypes: [ReportBatchItemFailures]",
            );
            must(
                properties["MaximumRetryAttempts"].is_u64(),
                "MaximumRetryAttempts, or one record stops its shard",
            );
            must(
                properties["DestinationConfig"]["OnFailure"]["Type"] == "S3",
                "a failure destination that keeps the records",
            );
        }
    }
    none_of("A stream's reader gets on after a record that it cannot handle, and loses none:", &offences);
}

#[test]
fn what_fails_for_good_is_kept_where_somebody_can_see_it() {
    let template = template();
    let queues = resources(&template, "AWS::SQS::Queue");
    let open_to_the_bus: BTreeSet<String> = resources(&template, "AWS::SQS::QueuePolicy")
        .into_values()
        .filter(|policy| policy.to_string().contains("events.amazonaws.com"))
        .flat_map(|policy| policy["Properties"]["Queues"].as_array().cloned().unwrap_or_default())
        .filter_map(|queue| queue["Ref"].as_str().map(str::to_owned))
        .collect();
    let mut offences = Vec::new();
    for function in functions() {
        let properties = &function.resource["Properties"];
        let queue_of = |value: &Value| {
            let queue = value["Fn::GetAtt"].as_str()?.strip_suffix(".Arn")?.to_owned();
            queues.contains_key(queue.as_str()).then_some(queue)
        };
        let events = properties["Events"].as_object().into_iter().flatten();
        for (id, event) in events
            .filter(|(_, event)| ["EventBridgeRule", "ScheduleV2"].iter().any(|kind| event["Type"] == *kind))
        {
            let mut must = |holds: bool, what: &str| {
                if !holds {
                    offences.push(format!("{}.{id}: {what}", function.name));
                }
            };
            let undelivered = queue_of(&event["Properties"]["DeadLetterConfig"]["Arn"]);
            must(undelivered.is_some(), "DeadLetterConfig names a queue for what could not be handed over");
            must(
                event["Properties"]["RetryPolicy"]["MaximumRetryAttempts"].is_u64(),
                "RetryPolicy says how often it is tried",
            );
            if event["Type"] == "EventBridgeRule" {
                must(
                    undelivered.is_some_and(|queue| open_to_the_bus.contains(&queue)),
                    "a queue policy lets events.amazonaws.com put there what it could not hand over",
                );
            }
            // What was handed over is tried again by Lambda itself, not by the rule or the schedule.
            let invoked = &properties["EventInvokeConfig"];
            let failed = queue_of(&invoked["DestinationConfig"]["OnFailure"]["Destination"]);
            must(
                failed.is_some(),
                "EventInvokeConfig.DestinationConfig.OnFailure names a queue for what failed",
            );
            must(
                invoked["MaximumRetryAttempts"].is_u64(),
                "EventInvokeConfig says how often a failure is tried again",
            );
            let may_put = function.statements.iter().any(|statement| {
                texts(&statement["Action"]) == ["sqs:SendMessage"]
                    && queue_of(&statement["Resource"]).is_some_and(|queue| Some(queue) == failed)
            });
            must(may_put, "its role may put what failed into that queue");
        }
    }
    none_of("Events and runs that fail for good end in a queue:", &offences);
}
