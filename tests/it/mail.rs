//! The mails of a booking's life: to whom, when, what they say, and none of them twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use roost_local::bus::BusFault;
use roost_local::mailbox::MailFault;
use roost_tests::{Product, VISA};
use serde_json::{Value, json};

/// The subjects of the mails to somebody, oldest first.
async fn subjects(product: &Product, name: &str) -> Vec<String> {
    let mails = mails(product, name).await;
    mails.iter().rev().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
}

/// The mails to somebody, newest first.
async fn mails(product: &Product, name: &str) -> Vec<Value> {
    let path = format!("/_local/mail?to={name}@example.com");
    product.anybody().get(&path).await.expect(200)["items"].as_array().unwrap().clone()
}

fn begins(subjects: &[String], expected: &[&str]) {
    assert_eq!(subjects.len(), expected.len(), "{subjects:?}");
    for (subject, expected) in subjects.iter().zip(expected) {
        assert!(subject.starts_with(expected), "{subjects:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_and_host_read_what_becomes_of_a_booking() {
    let product = Product::start().await;
    let title = "A <b>bright</b> flat & more";
    let (host, listing) =
        product.host_with_home("hanna", json!({"instantBook": false, "title": title})).await;
    let guest = product.somebody("gil").await;
    let ask = async |day: i64, key: &str| {
        let asked = guest.book(&listing, product.day(day), product.day(day + 2), VISA, key).await.expect(201);
        product.drain().await;
        format!("/v1/bookings/{}", asked["id"].as_str().unwrap())
    };
    let request = ask(20, "one").await;
    begins(&subjects(&product, "gil").await, &["Your request for A <b>bright"]);
    begins(&subjects(&product, "hanna").await, &["gil Tester would like to stay at"]);
    host.post(&format!("{request}/accept"), &json!({})).await.expect(200);
    product.drain().await;
    let confirmed = &mails(&product, "gil").await[0];
    assert!(confirmed["subject"].as_str().unwrap().starts_with("Booked: A <b>bright</b> flat & more"));
    let (text, html) = (confirmed["text"].as_str().unwrap(), confirmed["html"].as_str().unwrap());
    assert!(text.contains(title) && text.contains("Lange Leemstraat 1"), "{text}");
    assert!(!html.contains("<b>bright") && html.contains("bright"), "{html}");
    let booking = request.rsplit('/').next().unwrap();
    assert_eq!(confirmed["links"], json!([format!("http://localhost:5173/bookings/{booking}")]));
    host.post(&format!("{request}/cancel"), &json!({"reason": "A burst pipe"})).await.expect(200);
    product.drain().await;
    assert!(mails(&product, "gil").await[0]["text"].as_str().unwrap().contains("A burst pipe"));
    let request = ask(30, "two").await;
    host.post(&format!("{request}/decline"), &json!({"reason": "Family"})).await.expect(200);
    product.drain().await;
    let of_guest = ["Your request", "Booked", "Cancelled", "Your request", "Your request"];
    begins(&subjects(&product, "gil").await, &of_guest);
    let of_host = ["gil Tester would", "New booking", "Cancelled", "gil Tester would"];
    begins(&subjects(&product, "hanna").await, &of_host);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_runs_out_is_reminded_of_once_and_a_paid_one_never() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("hanna", json!({})).await;
    let guest = product.somebody("gil").await;
    let held = guest.book(&listing, product.day(5), product.day(8), None, "held").await.expect(201);
    let paid = guest.book(&listing, product.day(15), product.day(18), None, "paid").await.expect(201);
    guest.pay(paid["id"].as_str().unwrap(), "pm_card_visa", "pay").await.expect(200);
    product.drain().await;
    product.run("remind-holds").await;
    product.advance(10 * 60 + 5).await;
    for _ in 0..3 {
        product.run("remind-holds").await;
    }
    product.drain().await;
    let reminders = product.anybody().get("/_local/events?type=booking.hold_expiring").await.expect(200);
    assert_eq!(reminders["items"].as_array().unwrap().len(), 1, "{reminders}");
    assert_eq!(reminders["items"][0]["detail"]["bookingId"], held["id"]);
    begins(&subjects(&product, "gil").await, &["Booked", "A few minutes left"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_sent_once_though_its_event_comes_twice_and_ses_fails() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("hanna", json!({})).await;
    let guest = product.somebody("gil").await;
    product.stack.bus().faults().inject(|_| Some(BusFault::Doubled));
    // The guest's letter fails a whole call of the SDK, its four tries; the host's goes at once.
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = tries.clone();
    product.stack.mailbox().inject(move |mail| {
        let fails = mail.to.starts_with("gil") && counted.fetch_add(1, Ordering::SeqCst) < 4;
        fails.then_some(MailFault::Refused)
    });
    guest.book(&listing, product.day(5), product.day(8), VISA, "k").await.expect(201);
    product.drain().await;
    assert!(tries.load(Ordering::SeqCst) >= 5, "{tries:?}");
    begins(&subjects(&product, "gil").await, &["Booked"]);
    begins(&subjects(&product, "hanna").await, &["New booking"]);
    let failures = product.anybody().get("/_local/failures").await.expect(200);
    assert_eq!(failures["items"], json!([]), "{failures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_cannot_be_sent_is_kept_and_holds_up_no_other() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("hanna", json!({})).await;
    let guest = product.somebody("gil").await;
    let unlucky = product.somebody("ulla").await;
    product.stack.mailbox().inject(|mail| mail.to.starts_with("ulla").then_some(MailFault::Refused));
    unlucky.book(&listing, product.day(5), product.day(8), VISA, "k").await.expect(201);
    guest.book(&listing, product.day(8), product.day(9), VISA, "k").await.expect(201);
    product.drain().await;
    begins(&subjects(&product, "gil").await, &["Booked"]);
    assert_eq!(subjects(&product, "hanna").await.len(), 2, "the host hears of both");
    let failures = product.anybody().get("/_local/failures").await.expect(200);
    let failed = failures["items"].as_array().unwrap();
    assert_eq!(failed.len(), 1, "{failures}");
    assert_eq!((&failed[0]["queue"], &failed[0]["function"]), (&json!("MailFailures"), &json!("send-mail")));
    assert_eq!(failed[0]["event"]["detail-type"], "booking.confirmed");
    product.stack.mailbox().clear_faults();
    let replayed = product.anybody().post("/_local/replay", &json!({})).await.expect(200);
    assert_eq!(replayed, json!({"replayed": 1, "left": []}));
    begins(&subjects(&product, "ulla").await, &["Booked"]);
    assert_eq!(subjects(&product, "hanna").await.len(), 2, "and not again of either");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_is_there_within_ten_seconds_of_the_booking() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("hanna", json!({})).await;
    let guest = product.somebody("gil").await;
    guest.book(&listing, product.day(5), product.day(8), VISA, "k").await.expect(201);
    let began = Instant::now();
    let arrived = tokio::time::timeout(Duration::from_secs(10), async {
        while mails(&product, "gil").await.is_empty() {
            tokio::task::yield_now().await;
        }
    });
    assert!(arrived.await.is_ok());
    eprintln!("the confirmation was there {:?} after the booking", began.elapsed());
}
