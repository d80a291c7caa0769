//! Accounts and sessions, where an answer of the store is lost and where two want the same.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use roost_local::faults::StoreFault;
use roost_tests::{Answer, Product};
use serde_json::{Value, json};

fn ada() -> Value {
    json!({"email": " Ada@Example.com", "password": " correct horse ", "firstName": "Ada", "lastName": "Byron"})
}

async fn refresh(product: &Product, token: &Value) -> Answer {
    product.anybody().post("/v1/auth/refresh", &json!({ "refreshToken": token })).await
}

/// The next call of this operation is done, but its answer is lost.
fn lose_one_answer(product: &Product, operation: &'static str) {
    let lost = AtomicBool::new(false);
    product.stack.faults().inject(move |call| {
        let first = call.operation == operation && !lost.swap(true, Ordering::SeqCst);
        first.then_some(StoreFault::TimeoutAfter)
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_is_neither_a_taken_address_nor_a_stolen_token() {
    let product = Product::start().await;
    lose_one_answer(&product, "TransactWriteItems");
    let signed_up = product.anybody().post("/v1/auth/signup", &ada()).await.expect(201);
    lose_one_answer(&product, "UpdateItem");
    let second = refresh(&product, &signed_up["refreshToken"]).await.expect(200);
    product.stack.faults().clear();
    refresh(&product, &second["refreshToken"]).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_address_one_gets_it() {
    let product = Product::start().await;
    let caller = product.anybody();
    let body = ada();
    let answers = join_all((0..8).map(|_| caller.post("/v1/auth/signup", &body))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(won.len(), 1);
    for answer in lost {
        assert_eq!(answer.problem(409), "email_taken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_answers_as_the_contract_says_and_signs_out_for_good() {
    let product = Product::start().await;
    let anybody = product.anybody();
    let signed_up = anybody.post("/v1/auth/signup", &ada()).await.expect(201);
    let user = &signed_up["user"];
    let expected = json!({"id": user["id"], "email": "ada@example.com", "firstName": "Ada", "lastName": "Byron",
        "roles": ["guest"]});
    assert_eq!(*user, expected);
    assert_eq!((&signed_up["tokenType"], &signed_up["expiresIn"]), (&json!("Bearer"), &json!(900)));
    let members: BTreeSet<&str> = signed_up.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, BTreeSet::from(["user", "accessToken", "refreshToken", "tokenType", "expiresIn"]));
    let me = product.holder(signed_up["accessToken"].as_str().unwrap());
    assert_eq!(me.get("/v1/users/me").await.expect(200), expected);

    // Roles are read anew at each refresh.
    let grant = json!({"email": "ADA@example.com", "roles": ["admin"]});
    for _ in 0..2 {
        assert!(anybody.post("/_local/roles", &grant).await.status < 300);
    }
    let refreshed = refresh(&product, &signed_up["refreshToken"]).await.expect(200);
    assert_eq!(refreshed["user"]["roles"], json!(["guest", "admin"]));

    let login = json!({"email": "ada@EXAMPLE.com ", "password": " correct horse "});
    let token = anybody.post("/v1/auth/login", &login).await.expect(200)["refreshToken"].clone();
    for _ in 0..2 {
        let out = anybody.post("/v1/auth/logout", &json!({ "refreshToken": token })).await;
        assert_eq!((out.status, out.bytes.len()), (204, 0));
    }
    assert_eq!(refresh(&product, &token).await.problem(401), "token_invalid");
    let forged = json!({"refreshToken": "AAAA"});
    assert_eq!(anybody.post("/v1/auth/logout", &forged).await.status, 204);
    // Another session is another's affair.
    refresh(&product, &refreshed["refreshToken"]).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_up_learns_of_every_wrong_field_at_once() {
    let product = Product::start().await;
    let body =
        json!({"email": "ada@nowhere", "password": "short", "firstName": " ", "lastName": "x".repeat(101)});
    let answer = product.anybody().post("/v1/auth/signup", &body).await;
    let pointers: Vec<Value> =
        answer.json["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
    assert_eq!(pointers, ["/email", "/password", "/firstName", "/lastName"]);
    assert_eq!(answer.problem(422), "invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_signs_is_published() {
    let product = Product::start().await;
    let answer = product.anybody().get("/.well-known/jwks.json").await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    let keys = answer.expect(200)["keys"].clone();
    let key = &keys[0];
    assert_eq!(
        json!([key["kty"], key["crv"], key["alg"], key["use"]]),
        json!(["OKP", "Ed25519", "EdDSA", "sig"])
    );
    assert!(key["kid"].is_string() && key["x"].is_string() && key["d"].is_null());
}
