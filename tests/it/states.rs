//! What guest and host may do about a booking in each of its states, and what they are told otherwise.

use roost_tests::{Caller, Product, VISA};
use serde_json::{Value, json};

const ACCEPT: &str = "Only an open request can be accepted.";
const DECLINE: &str = "Only an open request can be declined.";
const CHECK_IN: &str = "Only a confirmed booking can be checked in.";
const CHECK_OUT: &str = "Only a guest who has checked in can check out.";
const PAY: &str = "There is nothing to pay on this booking.";
const CANCEL: &str = "Only a held, requested or confirmed booking can be cancelled.";
const LAPSED: &str = "The request has lapsed.";
const HOLD_EXPIRED: &str = "The hold has expired; its nights may be another's by now.";
/// Said of what only repeats what has been done.
const DONE: &str = "";
/// Not tried: it may be done, and other tests do it.
const MAY: Option<&str> = None;

/// Calls of a booking, and whether its host makes them.
const CALLS: [(&str, bool); 7] = [
    ("accept", true),
    ("decline", true),
    ("check-in", true),
    ("check-out", true),
    ("payment", false),
    ("cancel", false),
    ("cancellation", false),
];

/// A state, whether the host had to be asked, what leads there, and what is said to each of the [`CALLS`].
type Row = (&'static str, bool, &'static [&'static str], [Option<&'static str>; 7]);

const TABLE: [Row; 13] = [
    ("held", false, &[], [Some(ACCEPT), Some(DECLINE), Some(CHECK_IN), Some(CHECK_OUT), MAY, MAY, MAY]),
    ("requested", true, &[], [MAY, MAY, Some(CHECK_IN), Some(CHECK_OUT), Some(PAY), MAY, MAY]),
    (
        // Being paid: clients are told that its nights are held.
        "held",
        true,
        &["nobody answers", "accept"],
        [
            Some("The request is being accepted already."),
            Some(DECLINE),
            Some(CHECK_IN),
            Some(CHECK_OUT),
            Some("Another payment of this booking is not settled yet."),
            Some("A payment of this booking is not settled yet."),
            Some("A payment of this booking is not settled yet."),
        ],
    ),
    (
        "confirmed",
        false,
        &["payment"],
        [
            Some(ACCEPT),
            Some(DECLINE),
            Some("The date of check-in has not come at the listing."),
            Some(CHECK_OUT),
            Some(PAY),
            MAY,
            MAY,
        ],
    ),
    ("confirmed", true, &["accept"], [Some(DONE), Some(DECLINE), MAY, Some(CHECK_OUT), Some(PAY), MAY, MAY]),
    (
        "checked_in",
        false,
        &["payment", "5 days", "check-in"],
        [Some(ACCEPT), Some(DECLINE), Some(DONE), MAY, Some(PAY), Some(CANCEL), Some(CANCEL)],
    ),
    (
        "completed",
        false,
        &["payment", "5 days", "check-in", "check-out"],
        [Some(ACCEPT), Some(DECLINE), Some(CHECK_IN), Some(DONE), Some(PAY), Some(CANCEL), Some(CANCEL)],
    ),
    (
        "cancelled",
        false,
        &["payment", "cancel"],
        [Some(ACCEPT), Some(DECLINE), Some(CHECK_IN), Some(CHECK_OUT), Some(PAY), Some(DONE), Some(CANCEL)],
    ),
    (
        "declined",
        true,
        &["decline"],
        [Some(ACCEPT), Some(DONE), Some(CHECK_IN), Some(CHECK_OUT), Some(PAY), Some(CANCEL), Some(CANCEL)],
    ),
    (
        "expired",
        true,
        &["5 days"],
        [Some(LAPSED), Some(DECLINE), Some(CHECK_IN), Some(CHECK_OUT), Some(PAY), Some(CANCEL), Some(CANCEL)],
    ),
    (
        "expired",
        false,
        &["5 days"],
        [
            Some(LAPSED),
            Some(DECLINE),
            Some(CHECK_IN),
            Some(CHECK_OUT),
            Some(HOLD_EXPIRED),
            Some(CANCEL),
            Some(CANCEL),
        ],
    ),
    (
        "payment_failed",
        true,
        &["nobody answers", "accept", "5 days"],
        [Some(ACCEPT), Some(DECLINE), Some(CHECK_IN), Some(CHECK_OUT), Some(PAY), Some(CANCEL), Some(CANCEL)],
    ),
    (
        "payment_failed",
        false,
        &["nobody answers", "payment", "5 days"],
        [
            Some(ACCEPT),
            Some(DECLINE),
            Some(CHECK_IN),
            Some(CHECK_OUT),
            Some(HOLD_EXPIRED),
            Some(CANCEL),
            Some(CANCEL),
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_refuses_what_its_state_forbids_says_why_and_stays_as_it_is() {
    for (state, is_asked, ways, answers) in TABLE {
        let product = Product::start().await;
        let (host, listing) = product.host_with_home("host", json!({"instantBook": !is_asked})).await;
        let guest = product.one_of_a_crowd(1);
        let card = VISA.filter(|_| is_asked);
        let made = guest.book(&listing, product.day(5), product.day(8), card, "k").await.expect(201);
        let path = format!("/v1/bookings/{}", made["id"].as_str().unwrap());
        for way in ways {
            match *way {
                "5 days" => product.advance(5 * 86_400 + 8 * 3600).await,
                "nobody answers" => {
                    let order = json!({"fault": "timeout_before", "times": 100_000});
                    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
                }
                call => {
                    let by_host = CALLS.iter().any(|(name, by_host)| *name == call && *by_host);
                    made_by(&product, if by_host { &host } else { &guest }, &path, call, "first").await;
                }
            }
        }
        let before = product.again(&guest).get(&path).await;
        assert_eq!(before.json["status"], state, "{ways:?}: {}", before.json);
        for ((call, by_host), said) in CALLS.into_iter().zip(answers) {
            let Some(said) = said else { continue };
            let answer = made_by(&product, if by_host { &host } else { &guest }, &path, call, "second").await;
            let (status, detail) = (answer.0, answer.1["detail"].as_str().unwrap_or_default());
            let expected = if said == DONE { 200 } else { 409 };
            assert_eq!((status, detail), (expected, said), "{call} of what is {state} by {ways:?}");
        }
        assert_eq!(product.again(&guest).get(&path).await.bytes, before.bytes, "{state}");
    }
}

/// A call of a booking, and its status and body.
async fn made_by(product: &Product, caller: &Caller, path: &str, call: &str, key: &str) -> (u16, Value) {
    let (caller, path) = (product.again(caller), format!("{path}/{call}"));
    let answer = match call {
        "cancellation" => caller.get(&path).await,
        "payment" => caller.post_once(&path, &json!({"paymentMethodId": VISA}), key).await,
        "decline" => caller.post(&path, &json!({"reason": "no"})).await,
        _ => caller.post(&path, &json!({})).await,
    };
    (answer.status, answer.json)
}
