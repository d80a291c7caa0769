//! What `cargo dev events` writes: each event is handled with success by the function it is for.

use roost::account::{Role, token};
use roost::function::records;
use roost_local::{all_functions, events, provider};
use roost_tests::{Product, handle};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn every_live_event_is_answered_with_success() {
    let product = Product::start().await;
    let live = events::live(&product.stack.url()).await.expect("the stack makes what the events need");
    let functions = all_functions();
    let app = product.stack.app();
    let names: Vec<&str> = functions.names().collect();
    assert_eq!(live.len(), names.len(), "an event for every function and no other");
    for name in names {
        handle(&app, name, &live[name]).await.unwrap();
    }
}

fn of(event: &Value) -> aws_lambda_events::event::dynamodb::Event {
    serde_json::from_value(event.clone()).expect("an event of a stream")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_event_is_understood_by_its_function() {
    let product = Product::start().await;
    let functions = all_functions();
    let app = product.stack.app();
    let account = product.somebody("sample").await.id.parse().expect("an account's id");
    // Some samples are an administrator's.
    let roles = [Role::Admin];
    let token = token::issue(&app.secrets, app.clock.now(), account, &roles, &app.entropy).expect("a token");
    // The samples are of 2027; what they ask for shall lie ahead in any year.
    let next_year = format!("{}-", product.day(0).year() + 1);
    for name in functions.names() {
        let file = roost_local::root().join(format!("events/{name}.json"));
        let sample = std::fs::read_to_string(file).expect("a sample").replace("2027-", &next_year);
        let mut event: Value = serde_json::from_str(&sample).expect("JSON");
        if let Some(endpoint) = functions.endpoints().find(|endpoint| endpoint.name == name) {
            if let Some(authorization) = event.pointer_mut("/headers/authorization") {
                *authorization = format!("Bearer {token}").into();
            }
            let sent = event["body"].as_str().unwrap_or_default().to_owned();
            if let Some(signature) = event.pointer_mut("/headers/stripe-signature") {
                let now = app.clock.now().as_second();
                *signature = provider::sign(provider::WEBHOOK_SECRET, now, sent.as_bytes()).into();
            }
            let request =
                lambda_http::request::from_str(&event.to_string()).expect("an event of API Gateway");
            let answer = (endpoint.handle)(app.clone(), request).await;
            let status = answer.status().as_u16();
            // The samples' things are not there, nor do their accounts exist; all else is as it should be.
            let signs_in = ["login", "refresh", "logout"].contains(&name);
            let understood = (200..300).contains(&status) || status == if signs_in { 401 } else { 404 };
            assert!(understood, "{name}: {status} {}", String::from_utf8_lossy(answer.body()));
        } else if let Some(consumer) = functions.consumers.iter().find(|consumer| consumer.name == name) {
            let failed = (consumer.handle)(app.clone(), records(of(&event))).await;
            assert!(failed.is_empty(), "{name}: {failed:?}");
        } else if let Some(listener) = functions.listeners.iter().find(|listener| listener.name == name) {
            let event = serde_json::from_value(event).expect("an event of a bus");
            (listener.handle)(app.clone(), event).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}
