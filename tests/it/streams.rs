//! Streams that misbehave: what search knows ends where the tables are, a record that cannot be
//! handled is kept, stops nothing, and is replayed by the command's own call.

use std::collections::BTreeMap;

use roost::ids::{ListingId, UnitId};
use roost_local::faults::StreamFault;
use roost_tests::{Product, VISA, handle};
use serde_json::{Value, json};

/// What the cells hold of each unit, without how often it was written.
async fn cells(product: &Product) -> BTreeMap<String, Value> {
    let scan = json!({"TableName": "roost-projections"}).to_string();
    let scanned = product.stack.engine().answer("DynamoDB_20120810.Scan", scan.as_bytes()).await;
    let scanned: Value = serde_json::from_str(&scanned.body).unwrap();
    let items = scanned["Items"].as_array().unwrap();
    let filed = items.iter().filter(|item| !item["projection"].is_null());
    filed.map(|item| (format!("{} {}", item["place"], item["unit"]), item["projection"].clone())).collect()
}

/// What they would hold if they were made anew from the tables.
async fn truth(product: &Product, listings: &[String]) -> BTreeMap<String, Value> {
    for listing in listings {
        product.stack.app().store.project(unit(listing)).await.unwrap();
    }
    cells(product).await
}

fn unit(listing: &str) -> UnitId {
    listing.parse::<ListingId>().unwrap().into()
}

/// The objects in the failure bucket.
async fn failures(product: &Product) -> Vec<Value> {
    let app = product.stack.app();
    let bucket = app.failures().unwrap();
    let mut failures = Vec::new();
    for key in bucket.list("aws/lambda/", None).await.unwrap() {
        let bytes = bucket.get(&key, 1 << 20).await.unwrap().unwrap();
        failures.push(serde_json::from_slice(&bytes).unwrap());
    }
    failures
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_doubled_and_displaced_records_end_in_the_same_cells() {
    let product = Product::start().await;
    let (host, homes) = product.host_with_homes("host", 4).await;
    let guest = product.one_of_a_crowd(1);
    product.disturb_streams("project");
    for (number, home) in (0_i64..).zip(&homes) {
        let calendar = async |what: &str, body: Value| {
            host.post(&format!("/v1/listings/{home}/calendar/{what}"), &body).await.expect(200)
        };
        let (from, to) = (product.day(40 + number), product.day(44));
        calendar("block", json!({"startDate": from, "endDate": to})).await;
        for stay in 0..3 {
            let (check_in, check_out) = (product.day(5 + 5 * stay), product.day(8 + 5 * stay));
            let key = format!("{home} {stay}");
            let booking = guest.book(home, check_in, check_out, VISA, &key).await.expect(201);
            if stay == number % 3 {
                let path = format!("/v1/bookings/{}/cancel", booking["id"].as_str().unwrap());
                guest.post(&path, &json!({})).await.expect(200);
            }
        }
        calendar("unblock", json!({"startDate": product.day(42), "endDate": to})).await;
    }
    product.drain().await;
    product.stack.stream_faults().clear();
    // The next change of a unit mends what a lost record has left.
    for home in &homes {
        let price = json!({"startDate": product.day(90), "endDate": product.day(91), "price": {"amount": 9_000, "currency": "EUR"}});
        host.post(&format!("/v1/listings/{home}/calendar/set-price"), &price).await.expect(200);
    }
    product.drain().await;
    let converged = cells(&product).await;
    assert_eq!(converged.len(), homes.len());
    assert_eq!(converged, truth(&product, &homes).await);
    assert_eq!(failures(&product).await, Vec::<Value>::new());
}

/// As other functions than these may have written it, before a deployment or after it was taken back.
#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_cannot_be_read_hides_nothing_but_itself() {
    let product = Product::start().await;
    let (_, homes) = product.host_with_homes("host", 3).await;
    product.drain().await;
    let scan = json!({
        "TableName": "roost-projections", "FilterExpression": "attribute_exists(#projection)",
        "ExpressionAttributeNames": {"#projection": "projection"},
    });
    let scanned = product.stack.engine().answer("DynamoDB_20120810.Scan", scan.to_string().as_bytes()).await;
    let scanned: Value = serde_json::from_str(&scanned.body).unwrap();
    let mut one = scanned["Items"].as_array().unwrap()[0].clone();
    one["projection"] = json!({"B": "/w=="});
    let lost = one["unit"]["S"].as_str().unwrap().to_owned();
    let put = json!({"TableName": "roost-projections", "Item": one}).to_string();
    assert_eq!(product.stack.engine().answer("DynamoDB_20120810.PutItem", put.as_bytes()).await.status, 200);
    let app = product.stack.app();
    assert_eq!(app.store.filed_page(None).await.unwrap().filed.len(), 2);
    let found = product.anybody().get("/v1/search?lat=51.2&lng=4.4&radiusKm=50").await.expect(200);
    assert_eq!(found["total"], 2, "{found}");
    // What infra/project.sh hands over: keys and a number.
    let home = homes.iter().find(|home| unit(home).to_string() == lost).unwrap();
    let keys = json!({"listing": {"S": home}, "item": {"S": format!("unit#{lost}")}});
    let change = json!({
        "Keys": keys, "SequenceNumber": "0", "ApproximateCreationDateTime": 0, "SizeBytes": 0,
    });
    let record = json!({
        "eventName": "MODIFY", "eventSource": "aws:dynamodb", "awsRegion": "", "eventID": "0", "dynamodb": change,
    });
    handle(&app, "project", &json!({"Records": [record]})).await.unwrap();
    product.drain().await;
    let found = product.anybody().get("/v1/search?lat=51.2&lng=4.4&radiusKm=50").await.expect(200);
    assert_eq!(found["total"], 3, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_record_is_kept_stops_nothing_and_is_replayed() {
    let product = Product::start().await;
    let (host, poisoned) = product.host_with_home("host", json!({})).await;
    let sound = product.home_of(&host, json!({})).await;
    let guest = product.one_of_a_crowd(1);
    product.drain().await;
    let before = cells(&product).await;
    let unit = unit(&poisoned).to_string();
    product.stack.stream_faults().inject(move |consumer, record| {
        let hit = consumer == "project" && format!("{:?}", record.keys).contains(&unit);
        hit.then_some(StreamFault::Poisoned)
    });
    // One night is one record, among those of the other home.
    guest.book(&poisoned, product.day(5), product.day(6), VISA, "poisoned").await.expect(201);
    guest.book(&sound, product.day(5), product.day(8), VISA, "sound").await.expect(201);
    product.drain().await;
    product.stack.stream_faults().clear();
    let changed = cells(&product).await;
    let differing = changed.iter().filter(|(place, cell)| before[*place] != **cell).count();
    assert_eq!(differing, 1, "the other home's cell went on, the poisoned one stayed");
    let kept = failures(&product).await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(kept[0]["requestContext"]["functionArn"].as_str().unwrap().ends_with(":function:project"));
    assert_eq!(kept[0]["DDBStreamBatchInfo"]["batchSize"], 1);
    let payload: Value = serde_json::from_str(kept[0]["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload["Records"][0]["dynamodb"]["Keys"]["date"]["S"], product.day(5).to_string());
    let replayed = product.anybody().post("/_local/replay", &json!({})).await.expect(200);
    assert_eq!(replayed, json!({"replayed": 1, "left": []}));
    let converged = cells(&product).await;
    assert_ne!(converged, changed);
    assert_eq!(converged, truth(&product, &[poisoned, sound]).await);
    assert_eq!(failures(&product).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_again_in_a_replay_stays_where_it_is() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.somebody("gil").await;
    // A booking of a shape that no version of ours has written.
    let item = json!({"TableName": "roost-bookings", "Item": {
        "booking": {"S": "bkg_3vJ8cWf1LgM5oSiEqD6aTr"}, "item": {"S": "booking"}, "state": {"S": "gone_fishing"},
    }});
    let put = product.stack.engine().answer("DynamoDB_20120810.PutItem", item.to_string().as_bytes()).await;
    assert_eq!(put.status, 200, "{}", put.body);
    guest.book(&listing, product.day(5), product.day(6), VISA, "k").await.expect(201);
    product.drain().await;
    let mails = product.anybody().get("/_local/mail?to=gil@example.com").await.expect(200);
    assert_eq!(mails["items"].as_array().unwrap().len(), 1, "what came after it went on");
    let replayed = product.anybody().post("/_local/replay", &json!({})).await.expect(200);
    assert_eq!(
        (&replayed["replayed"], replayed["left"].as_array().unwrap().len()),
        (&json!(0), 2),
        "{replayed}"
    );
    assert_eq!(failures(&product).await.len(), 2, "publish's and settle-bookings'");
}
