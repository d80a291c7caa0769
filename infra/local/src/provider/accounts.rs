//! Stripe's connected accounts: who is paid, and the hosted page on which he says who he is.

use http::HeaderValue;
use roost::clock::Instant;
use roost::entropy::Entropy;
use serde_json::{Value, json};

use super::book::{Account, Book};
use super::parameters::{Parameters, flag, given, metadata, refuse_unknown};
use super::{Answer, FRONT, HOSTED_PAGE};

/// The one capability that can be asked for.
const TRANSFERS: &str = "capabilities[transfers][requested]";

/// How long a link to the hosted page is good for, in seconds: some minutes, as Stripe's are. It is
/// shown and not insisted on.
const LINK_SECONDS: i64 = 5 * 60;

/// Makes an account, to which nothing can be transferred before its owner has been to the hosted page.
pub(super) fn create(parameters: &Parameters, book: &mut Book, now: Instant) -> Result<Answer, Answer> {
    refuse_unknown(parameters, &["type", "country", "email", "metadata", TRANSFERS])?;
    if given(parameters, "type")? != "express" {
        let message = "The local provider knows express accounts only.";
        return Err(Answer::invalid("parameter_invalid_string", Some("type"), message));
    }
    let transfers = flag(parameters, TRANSFERS)?;
    let country = parameters.get("country");
    if let Some(country) = country.filter(|country| !is_code(country)) {
        let message = format!("Country '{country}' is unknown. Try a code of two letters.");
        return Err(Answer::invalid("parameter_invalid_string", Some("country"), &message));
    }
    let account = Account {
        id: format!("acct_{:024x}", u128::from_be_bytes(Entropy::system().bytes()) >> 32),
        country: country.cloned(),
        email: parameters.get("email").cloned(),
        metadata: metadata(parameters),
        transfers,
        onboarded: false,
        closed: false,
        created: now,
    };
    let body = shown(&account);
    book.put_account(account);
    Ok(Answer::shows(body))
}

/// The account of this id.
pub(super) fn read(id: &str, book: &Book) -> Result<Answer, Answer> {
    found(id, book).map(|account| Answer::shows(shown(account)))
}

/// Closes an account for ever.
pub(super) fn close(id: &str, book: &mut Book) -> Result<Answer, Answer> {
    let closed = Account { closed: true, ..found(id, book)?.clone() };
    book.put_account(closed);
    Ok(Answer::shows(json!({ "id": id, "object": "account", "deleted": true })))
}

/// Stripe does not tell an account that is not there from another platform's.
fn found<'a>(id: &str, book: &'a Book) -> Result<&'a Account, Answer> {
    book.account(id).ok_or_else(|| {
        let message = format!(
            "The provided key does not have access to account '{id}' (or that account does not exist)."
        );
        Answer { status: 403, ..Answer::invalid("account_invalid", None, &message) }
    })
}

/// A link to the hosted page, for a provider that was found at `host`.
pub(super) fn link(parameters: &Parameters, host: &str, book: &Book, now: Instant) -> Result<Answer, Answer> {
    refuse_unknown(parameters, &["account", "refresh_url", "return_url", "type"])?;
    if given(parameters, "type")? != "account_onboarding" {
        let message = "The local provider knows links of type account_onboarding only.";
        return Err(Answer::invalid("parameter_invalid_string", Some("type"), message));
    }
    address(parameters, "refresh_url")?;
    address(parameters, "return_url")?;
    let id = given(parameters, "account")?;
    if book.account(id).is_none() {
        return Err(Answer::missing("account", &format!("No such account: '{id}'")));
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("return_url", given(parameters, "return_url")?)
        .finish();
    let created = now.as_second();
    Ok(Answer::shows(json!({
        "object": "account_link",
        "created": created,
        "expires_at": created + LINK_SECONDS,
        "url": format!("http://{host}{FRONT}{HOSTED_PAGE}{id}?{query}"),
    })))
}

/// Does what an account's owner does on the hosted page; where he is sent afterwards.
pub(super) fn onboard(id: &str, parameters: &Parameters, book: &mut Book) -> Result<HeaderValue, Answer> {
    let back = address(parameters, "return_url")?;
    let account = book.account(id).cloned();
    let mut account = account.ok_or_else(|| {
        let message = format!("No such account: '{id}'");
        Answer::not_found(Some("account"), &message)
    })?;
    // Who comes a second time has nothing more to say.
    if !account.onboarded {
        account.onboarded = true;
        book.tell("account.updated", shown(&account));
        book.put_account(account);
    }
    Ok(back)
}

/// Whether it looks like the code of a country.
fn is_code(country: &str) -> bool {
    country.len() == 2 && country.bytes().all(|letter| letter.is_ascii_uppercase())
}

/// An address of the web among the parameters.
fn address(parameters: &Parameters, name: &str) -> Result<HeaderValue, Answer> {
    let value = given(parameters, name)?;
    let of_the_web = value.starts_with("http://") || value.starts_with("https://");
    let address = HeaderValue::from_str(value).ok().filter(|_| of_the_web);
    address.ok_or_else(|| Answer::invalid("url_invalid", Some(name), "Not a valid URL."))
}

/// An account as Stripe shows it.
fn shown(account: &Account) -> Value {
    let mut capabilities = json!({});
    if account.transfers {
        capabilities["transfers"] = if account.takes_transfers() { "active" } else { "inactive" }.into();
    }
    json!({
        "id": account.id,
        "object": "account",
        "capabilities": capabilities,
        "charges_enabled": account.onboarded,
        "country": account.country,
        "created": account.created.as_second(),
        "details_submitted": account.onboarded,
        "email": account.email,
        "metadata": account.metadata,
        "payouts_enabled": account.onboarded,
        "type": "express",
    })
}
