//! Accounts, transfers and reversals, call by call.

use bytes::Bytes;
use http::{Request, Response};
use roost::clock::Clock;
use serde_json::{Value, json};

use super::money::{Answered, answered, entries, fine, get, post, refused, taken};
use super::{FaultOrder, ordered, run};
use crate::provider::Provider;

const ACCOUNT: &str = "type=express&country=BE&metadata[host]=1&capabilities[transfers][requested]=true";
const TRANSFERS: &str = "/v1/transfers";

/// The id of an account whose owner has not said who he is.
pub(super) fn opened(provider: &Provider) -> String {
    let account = fine(post(provider, "/v1/accounts", "account", ACCOUNT));
    account["id"].as_str().unwrap().to_owned()
}

/// Has an account's owner say who he is, on the page that the link leads to.
pub(super) fn onboard(provider: &Provider, account: &str) -> Response<Bytes> {
    let form = format!(
        "account={account}&refresh_url=http://roost.test/&type=account_onboarding\
         &return_url=http%3A%2F%2Froost.test%2Fdone%3Fa%3D1%26b%3D2"
    );
    let request = Request::post("/v1/account_links").header("Host", "127.0.0.1:3000");
    let link = fine(answered(provider, request, &form).unwrap());
    assert!(link["expires_at"].as_i64() > link["created"].as_i64());
    let url = link["url"].as_str().unwrap();
    page(provider, url.strip_prefix("http://127.0.0.1:3000/_local/stripe").unwrap())
}

/// The answer of the hosted page, which asks for no key.
fn page(provider: &Provider, path: &str) -> Response<Bytes> {
    run(provider.answer(Request::get(path).body(Bytes::new()).unwrap())).unwrap()
}

/// Five euros for an account.
pub(super) fn transfer(provider: &Provider, account: &str, key: &str, rest: &str) -> Answered {
    let form = format!(
        "amount=500&currency=eur&destination={account}&transfer_group=b&metadata[booking]=b\
         &metadata[payout]=p{rest}"
    );
    post(provider, TRANSFERS, key, &form)
}

/// A provider that has transferred five euros, and where that transfer's reversals are.
fn transferred() -> (Provider, String) {
    let provider = Provider::new(Clock::system());
    let account = opened(&provider);
    onboard(&provider, &account);
    let transfer = fine(transfer(&provider, &account, "transfer", ""));
    let reversals = format!("{TRANSFERS}/{}/reversals", transfer["id"].as_str().unwrap());
    (provider, reversals)
}

#[test]
fn the_hosted_page_makes_an_account_ready_and_leads_back() {
    let provider = Provider::new(Clock::system());
    let id = opened(&provider);
    assert!(id.len() == 29 && id.starts_with("acct_"), "{id}");
    let path = format!("/v1/accounts/{id}");
    let shown = |ready: bool, transfers: &str| {
        let account = get(&provider, &path);
        for field in ["charges_enabled", "payouts_enabled", "details_submitted"] {
            assert_eq!(account[field], ready, "{field}");
        }
        assert_eq!(account["capabilities"], json!({ "transfers": transfers }));
        assert_eq!(account["metadata"], json!({ "host": "1" }));
    };
    shown(false, "inactive");
    for _ in 0..2 {
        let back = onboard(&provider, &id);
        assert_eq!(back.status(), 303);
        assert_eq!(back.headers()["location"], "http://roost.test/done?a=1&b=2");
    }
    shown(true, "active");
    assert_eq!(provider.webhooks_waiting(), 1, "the second visit has changed nothing");

    assert_eq!(page(&provider, "/onboarding/acct_1?return_url=http://roost.test/").status(), 404);
    assert_eq!(page(&provider, &format!("/onboarding/{id}?return_url=nowhere")).status(), 400);
    assert_eq!(get(&provider, "/v1/accounts/acct_1")["error"]["code"], "account_invalid");
    for (form, refusal) in [
        ("type=custom", "400 parameter_invalid_string"),
        ("type=express&country=Belgium", "400 parameter_invalid_string"),
        ("type=express&capabilities[transfers][requested]=yes", "400 parameter_invalid_string"),
        ("type=express&business_type=company", "400 parameter_unknown"),
    ] {
        assert_eq!(refused(post(&provider, "/v1/accounts", form, form)), refusal, "{form}");
    }
    let form = "refresh_url=http://a.test&return_url=http://a.test&type=account_onboarding&account=acct_1";
    assert_eq!(refused(post(&provider, "/v1/account_links", "k", form)), "400 resource_missing");
}

#[test]
fn a_transfer_is_made_to_a_ready_account_only_and_once_under_a_key() {
    const NOT_READY: &str = "400 insufficient_capabilities_for_transfer";
    let provider = Provider::new(Clock::system());
    let id = opened(&provider);
    assert_eq!(refused(transfer(&provider, &id, "k", "")), NOT_READY);
    assert_eq!(refused(transfer(&provider, "acct_1", "k", "")), NOT_READY);
    let without = fine(post(&provider, "/v1/accounts", "without", "type=express"));
    let without = without["id"].as_str().unwrap();
    onboard(&provider, without);
    assert_eq!(refused(transfer(&provider, without, "k", "")), NOT_READY);
    assert!(entries(&provider).is_empty());

    onboard(&provider, &id);
    for (wrong, refusal) in [
        ("&amount=0", "400 parameter_invalid_integer"),
        ("&currency=xxq", "400 parameter_invalid_string_empty"),
        ("&source_transaction=ch_1", "400 resource_missing"),
        ("&source_type=card", "400 parameter_unknown"),
    ] {
        assert_eq!(refused(transfer(&provider, &id, wrong, wrong)), refusal, "{wrong}");
    }
    let first = fine(transfer(&provider, &id, "k", ""));
    assert_eq!(first["amount"], 500);
    assert_eq!(first["destination"], id);
    assert_eq!(first["amount_reversed"], 0);
    assert_eq!(first["reversed"], false);
    assert_eq!(fine(transfer(&provider, &id, "k", "")), first);
    assert_eq!(entries(&provider), ["transfer succeeded 500"]);
    assert_eq!(provider.ledger()["entries"][0]["bookingId"], "b");

    let intent = get(&provider, &format!("/v1/payment_intents/{}", taken(&provider)));
    let of_charge = format!("&source_transaction={}", intent["latest_charge"].as_str().unwrap());
    let second = fine(transfer(&provider, &id, "second", &of_charge));
    let elsewhere = fine(transfer(&provider, &id, "elsewhere", "&transfer_group=c"));
    let of_another = format!("{of_charge}&transfer_group=c");
    assert_eq!(refused(transfer(&provider, &id, "mixed", &of_another)), "400 parameter_invalid_string");
    assert_eq!(get(&provider, "/v1/transfers?transfer_group=b&limit=100")["data"], json!([second, first]));
    let list = get(&provider, "/v1/transfers?limit=1");
    assert_eq!((&list["data"], &list["has_more"]), (&json!([elsewhere]), &json!(true)));
    assert_eq!(get(&provider, &format!("{TRANSFERS}/{}", second["id"].as_str().unwrap())), second);
    assert_eq!(get(&provider, "/v1/transfers/tr_1")["error"]["code"], "resource_missing");
}

#[test]
fn a_transfer_is_reversed_in_parts_and_never_more_of_it() {
    let (provider, reversals) = transferred();
    let reverse = |key: &str, form: &str| post(&provider, &reversals, key, form);
    assert_eq!(refused(reverse("much", "amount=501")), "400 amount_too_large");
    let part = "amount=200&metadata[refund]=1";
    let first = fine(reverse("a", part));
    assert_eq!(first["object"], "transfer_reversal");
    assert_eq!(first["amount"], 200);
    assert_eq!(first["metadata"], json!({ "refund": "1" }));
    assert_eq!(fine(reverse("a", part)), first);
    let path = reversals.strip_suffix("/reversals").unwrap();
    let shown = || {
        let transfer = get(&provider, path);
        (transfer["amount_reversed"].clone(), transfer["reversed"].clone())
    };
    assert_eq!(shown(), (json!(200), json!(false)));
    assert_eq!(refused(reverse("more", "amount=301")), "400 amount_too_large");
    let last = fine(reverse("b", ""));
    assert_eq!(last["amount"], 300);
    assert_eq!(shown(), (json!(500), json!(true)));
    for form in ["", "amount=1"] {
        assert_eq!(refused(reverse(form, form)), "400 amount_too_large");
    }
    let expected = ["transfer succeeded 500", "reversal succeeded 200", "reversal succeeded 300"];
    assert_eq!(entries(&provider), expected);
    assert_eq!(get(&provider, &format!("{reversals}?limit=100"))["data"], json!([last, first]));
    let nowhere = post(&provider, "/v1/transfers/tr_1/reversals", "nowhere", "");
    assert_eq!(refused(nowhere), "404 resource_missing");
}

#[test]
fn faults_befall_transfers_and_reversals_alike() {
    let (provider, reversals) = transferred();
    let order = |fault: &str| {
        let order = FaultOrder { operation: Some("transfer".into()), ..ordered(fault, 1) };
        provider.inject(order).unwrap();
    };
    let id = get(&provider, TRANSFERS)["data"][0]["destination"].as_str().unwrap().to_owned();
    // The answer is stored no more than Stripe's is: the same key may be tried again.
    order("decline");
    assert_eq!(refused(transfer(&provider, &id, "k", "")), "400 balance_insufficient");
    fine(transfer(&provider, &id, "k", ""));
    order("decline");
    assert_eq!(refused(post(&provider, &reversals, "d", "amount=200")), "400 balance_insufficient");
    // The answer is lost, and the work is done once.
    order("timeout_after");
    let request = || Request::post(reversals.as_str()).header("Idempotency-Key", "r");
    assert_eq!(answered(&provider, request(), "amount=200"), None);
    assert_eq!(fine(answered(&provider, request(), "amount=200").unwrap())["amount"], 200);
    let expected = [
        "transfer succeeded 500",
        "transfer failed 500",
        "transfer succeeded 500",
        "reversal failed 200",
        "reversal succeeded 200",
    ];
    assert_eq!(entries(&provider), expected);
}

#[test]
fn a_kept_book_knows_accounts_transfers_and_reversals() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Provider::open(Clock::system(), Some(folder.path().join("payments.jsonl"))).unwrap();
    let provider = open();
    let id = opened(&provider);
    onboard(&provider, &id);
    let made = transfer(&provider, &id, "k", "");
    let path = format!("{TRANSFERS}/{}", fine(made.clone())["id"].as_str().unwrap());
    let reversals = format!("{path}/reversals");
    fine(post(&provider, &reversals, "r", "amount=200"));
    let known = |provider: &Provider| -> Vec<Value> {
        let paths = [TRANSFERS, path.as_str(), reversals.as_str()];
        paths.iter().map(|path| get(provider, path)).chain([provider.ledger()]).collect()
    };
    let before = known(&provider);
    drop(provider);

    let provider = open();
    assert_eq!(known(&provider), before);
    assert_eq!(transfer(&provider, &id, "k", ""), made);
    assert_eq!(refused(post(&provider, &reversals, "much", "amount=301")), "400 amount_too_large");
    fine(transfer(&provider, &id, "another", ""));
}
