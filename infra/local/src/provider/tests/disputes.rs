//! Disputes, and the balance transactions that they and all else leave behind.

use roost::clock::Clock;
use roost::error::Error;
use serde_json::{Value, json};

use super::connect::{onboard, opened, transfer};
use super::money::{entries, fine, get, post, refused};
use super::webhooks::{NOW, order, provider, told};
use crate::provider::{DisputeOrder, Provider};

const TRANSACTIONS: &str = "/v1/balance_transactions";

/// The id of a booking's intent of ten euros, of which six were taken.
fn taken(provider: &Provider) -> String {
    let form = "amount=1000&currency=eur&capture_method=manual&metadata[payment]=p&metadata[booking]=b\
                &payment_method=pm_card_visa";
    let made = fine(post(provider, "/v1/payment_intents", "create", form));
    let path = format!("/v1/payment_intents/{}", made["id"].as_str().unwrap());
    fine(post(provider, &format!("{path}/confirm"), "confirm", ""));
    fine(post(provider, &format!("{path}/capture"), "capture", "amount_to_capture=600"));
    made["id"].as_str().unwrap().to_owned()
}

fn dispute(provider: &Provider, booking: &str, outcome: &str) -> roost::error::Result<Value> {
    provider.dispute(&DisputeOrder { booking_id: booking.into(), outcome: outcome.into() })
}

#[test]
fn a_dispute_withdraws_what_is_left_and_ends_won_or_lost() {
    for (outcome, closed) in [("won", true), ("lost", false)] {
        let (provider, _) = provider();
        order(&provider, 0, 1, "in_order");
        let intent = taken(&provider);
        let refund =
            |key: &str| post(&provider, "/v1/refunds", key, &format!("payment_intent={intent}&amount=100"));
        fine(refund("before"));
        told(&provider);
        assert!(matches!(dispute(&provider, "b", "perhaps"), Err(Error::Invalid { .. })));
        assert!(matches!(dispute(&provider, "nobody", "open"), Err(Error::NotFound)));
        let id = dispute(&provider, "b", "open").unwrap()["disputeId"].clone();
        assert_eq!(dispute(&provider, "b", "open").unwrap()["disputeId"], id, "it is open already");
        assert_eq!(told(&provider), ["charge.dispute.created", "charge.dispute.funds_withdrawn"]);
        let path = format!("/v1/disputes/{}", id.as_str().unwrap());
        let shown = get(&provider, &path);
        assert_eq!((&shown["amount"], &shown["status"]), (&json!(500), &json!("needs_response")));
        assert_eq!((&shown["payment_intent"], &shown["metadata"]), (&json!(intent), &json!({})));
        assert_eq!(shown["evidence_details"]["due_by"], NOW + 7 * 24 * 60 * 60);
        let withdrawn = json!({ "amount": -500, "fee": 2_000, "currency": "eur", "type": "adjustment" });
        assert_eq!(shown["balance_transactions"], json!([withdrawn]));
        assert_eq!(refused(refund("during")), "400 charge_disputed");

        assert_eq!(dispute(&provider, "b", outcome).unwrap()["disputeId"], id);
        let ends: &[&str] = &["charge.dispute.funds_reinstated", "charge.dispute.closed"];
        assert_eq!(told(&provider), if closed { ends } else { &ends[1..] });
        assert_eq!(get(&provider, &path)["status"], outcome);
        let ended = format!("dispute_{outcome} succeeded 500");
        assert_eq!(entries(&provider)[3..], ["dispute succeeded 500".to_owned(), ended]);
        if closed {
            fine(refund("after"));
        } else {
            assert_eq!(refused(refund("after")), "400 charge_disputed");
            assert!(matches!(dispute(&provider, "b", "open"), Err(Error::NotFound)), "nothing is left");
        }
        let list = get(&provider, &format!("/v1/disputes?payment_intent={intent}"));
        assert_eq!(list["data"], json!([get(&provider, &path)]));
    }
    let provider = Provider::new(Clock::system());
    assert_eq!(get(&provider, "/v1/disputes/dp_1")["error"]["code"], "resource_missing");
}

#[test]
fn every_movement_is_a_balance_transaction_newest_first_page_by_page() {
    let (provider, hands) = provider();
    let intent = taken(&provider);
    let account = opened(&provider);
    onboard(&provider, &account);
    hands.forward(10);
    let made = fine(transfer(&provider, &account, "transfer", ""));
    hands.forward(10);
    let reversals = format!("/v1/transfers/{}/reversals", made["id"].as_str().unwrap());
    fine(post(&provider, &reversals, "reverse", "amount=200&metadata[refund]=1"));
    hands.forward(10);
    fine(post(
        &provider,
        "/v1/refunds",
        "refund",
        &format!("payment_intent={intent}&amount=100&metadata[refund]=1"),
    ));
    hands.forward(10);
    dispute(&provider, "b", "open").unwrap();
    hands.forward(10);
    dispute(&provider, "b", "won").unwrap();

    let list = |query: &str| get(&provider, &format!("{TRANSACTIONS}?{query}"));
    let all = list("limit=100&expand%5B%5D=data.source");
    let short = |one: &Value| format!("{} {} {}", one["type"].as_str().unwrap(), one["amount"], one["fee"]);
    let movements: Vec<String> = all["data"].as_array().unwrap().iter().map(short).collect();
    let expected = [
        "adjustment 500 0",
        "adjustment -500 2000",
        "refund -100 0",
        "transfer_refund 200 0",
        "transfer -500 0",
        "charge 600 34",
    ];
    assert_eq!(movements, expected);
    let charge = &all["data"][5];
    assert_eq!((&charge["created"], &charge["net"]), (&json!(NOW), &json!(566)));
    assert_eq!(charge["source"]["metadata"], json!({ "booking": "b", "payment": "p" }));
    assert_eq!(charge["source"]["payment_intent"], intent);
    assert_eq!(charge["id"], charge["source"]["balance_transaction"]);
    assert_eq!(all["data"][2]["source"]["metadata"], json!({ "refund": "1" }));
    assert_eq!(all["data"][4]["source"]["metadata"], json!({ "booking": "b", "payout": "p" }));

    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = list(&format!("limit=4{after}"));
        let data = page["data"].as_array().unwrap().clone();
        after = format!("&starting_after={}", data.last().unwrap()["id"].as_str().unwrap());
        paged.extend(data);
        if page["has_more"] == false {
            break;
        }
    }
    let ids = |items: &[Value]| items.iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&paged), ids(all["data"].as_array().unwrap()));
    assert_eq!(paged[5]["source"], charge["source"]["id"], "by its id alone");

    let between = list(&format!("created%5Bgte%5D={}&created%5Blt%5D={}", NOW + 10, NOW + 30));
    assert_eq!(ids(between["data"].as_array().unwrap()), ids(&paged[3..5]));
    for wrong in ["created%5Bgte%5D=now", "starting_after=txn_1", "expand%5B%5D=data", "type=charge"] {
        assert!(list(wrong)["error"].is_object(), "{wrong}");
    }
}
