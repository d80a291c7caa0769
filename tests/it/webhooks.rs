//! What the payment provider tells: believed only if it is signed, and asked about before it counts. It may
//! come before the answer, many times, out of order or never; the end is the same.

use std::sync::atomic::{AtomicUsize, Ordering};

use roost_local::faults::StoreFault;
use roost_local::provider;
use roost_tests::{Money, Product, VISA};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_not_signed_now_by_the_provider_changes_nothing() {
    let product = Product::start().await;
    let anybody = product.anybody();
    let body = json!({"id": "evt_1", "type": "coupon.created", "data": {"object": {}}}).to_string();
    let now = product.stack.app().clock.now().as_second();
    let signed = |time: i64| provider::sign(provider::WEBHOOK_SECRET, time, body.as_bytes());
    let send = async |signature: String| {
        let headers = [("content-type", "application/json"), ("stripe-signature", signature.as_str())];
        anybody.send("POST", "/v1/webhooks/stripe", Some(body.as_bytes()), &headers).await
    };
    // What is of no use to us is acknowledged, however often it comes.
    for _ in 0..2 {
        assert_eq!(send(signed(now)).await.expect(200), json!({"received": true}));
    }
    let another = provider::sign("whsec_another", now, body.as_bytes());
    for forged in [signed(now - 301), signed(now + 400), another, String::new(), format!("t={now},v1=00")] {
        assert_eq!(send(forged).await.problem(400), "invalid_signature");
    }
}

/// A payment that is made while the answer to it is lost: the webhook alone knows. Nobody asks otherwise,
/// since no schedule runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_whose_answer_is_lost_is_settled_by_its_webhook_however_it_comes() {
    for (copies, order, captured) in
        [(1, "in_order", true), (5, "reversed", true), (5, "random", false), (0, "in_order", true)]
    {
        let about = format!("{copies} times, {order}, captured {captured}");
        let product = Product::start().await;
        let (_, listing) = product.host_with_home("host", json!({})).await;
        let guest = product.one_of_a_crowd(1);
        let sending = json!({"delaySeconds": 60, "copies": copies, "order": order});
        product.anybody().post("/_local/payments/webhooks", &sending).await.expect(200);
        // The nights are taken and the card is charged; then the store takes nothing more of this call.
        let writes = AtomicUsize::new(0);
        product.stack.faults().inject(move |call| {
            let write = ["TransactWriteItems", "PutItem"].contains(&call.operation);
            let ours = write && call.function == Some("create-booking");
            (ours && writes.fetch_add(1, Ordering::SeqCst) > 0).then_some(StoreFault::TimeoutBefore)
        });
        let first = if captured { 10 } else { 2 };
        let lost = guest.book(&listing, product.day(first), product.day(first + 2), VISA, "k").await;
        product.stack.faults().clear();
        assert_eq!(lost.status, 503, "{about}: {lost:?}");
        product.advance(61).await;
        product.drain().await;
        if copies == 0 {
            product.advance(61).await;
            product.run("recover-payments").await;
        }
        let guest = product.again(&guest);
        let seen = guest.get("/v1/bookings").await.expect(200)["items"][0].clone();
        let status = if captured { "captured" } else { "authorized" };
        assert_eq!(
            (&seen["status"], &seen["payment"]["status"]),
            (&json!("confirmed"), &json!(status)),
            "{about}"
        );
        let price = seen["price"]["total"]["amount"].as_i64().unwrap();
        let money = if captured { Money { held: 0, taken: price } } else { Money { held: price, taken: 0 } };
        assert_eq!(product.moneys().await.into_values().collect::<Vec<_>>(), [money], "{about}");
        let path = format!("/v1/bookings/{}/payments", seen["id"].as_str().unwrap());
        let entries = guest.get(&path).await.expect(200)["items"].as_array().unwrap().len();
        assert_eq!(entries, usize::from(captured), "{about}");
        let again = guest.book_quote(&json!("quo_gone"), VISA, "k").await;
        assert_ne!(again.status, 201, "{about}: another body under the key");
    }
}

/// Asking about it comes to nothing as well: the webhook is not taken, and comes again.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_could_not_be_acted_on_is_refused_and_acted_on_when_it_comes_again() {
    let product = Product::start().await;
    let (_, listing) = product.host_with_home("host", json!({})).await;
    let guest = product.one_of_a_crowd(1);
    product.anybody().post("/_local/payments/webhooks", &json!({"delaySeconds": 60})).await.expect(200);
    product.stack.faults().inject({
        let writes = AtomicUsize::new(0);
        move |call| {
            let write = ["TransactWriteItems", "PutItem"].contains(&call.operation);
            let ours = write && call.function == Some("create-booking");
            (ours && writes.fetch_add(1, Ordering::SeqCst) > 0).then_some(StoreFault::TimeoutBefore)
        }
    });
    let lost = guest.book(&listing, product.day(10), product.day(12), VISA, "k").await;
    product.stack.faults().clear();
    assert_eq!(lost.status, 503, "{lost:?}");
    let order = json!({"fault": "timeout_before", "times": 1000});
    product.anybody().post("/_local/payments/faults", &order).await.expect(200);
    product.advance(61).await;
    product.drain().await;
    let seen = async || product.again(&guest).get("/v1/bookings").await.expect(200)["items"][0].clone();
    assert_eq!(seen().await["payment"]["status"], "processing");
    product.anybody().send("DELETE", "/_local/payments/faults", None, &[]).await;
    product.advance(61).await;
    product.drain().await;
    assert_eq!(seen().await["status"], "confirmed");
}
