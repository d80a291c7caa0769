//! Addresses: one spelling per mailbox, so that no two accounts share one.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization as _;

/// The longest address that mail can be sent to, in bytes.
const LONGEST: usize = 254;
/// The longest part before the `@`, in bytes.
const LONGEST_LOCAL_PART: usize = 64;
/// The longest label of a domain, in bytes.
const LONGEST_LABEL: usize = 63;

/// An address in its one spelling: trimmed, in Unicode's composed form and in lower case. The
/// standard lets a mail server tell cases apart; none does, and people do not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Email(String);

impl Email {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a mail could get there. Imported hosts have addresses below `.invalid`, which the
    /// standard (RFC 2606) keeps for addresses that shall never work.
    #[must_use]
    pub fn can_receive(&self) -> bool {
        !self.0.ends_with(".invalid")
    }
}

impl FromStr for Email {
    type Err = NotAnEmail;
    fn from_str(text: &str) -> Result<Self, NotAnEmail> {
        let text = text.trim();
        // Before the work of folding it: a body has room for much more than an address.
        if text.len() > LONGEST {
            return Err(NotAnEmail);
        }
        let address: String = text.nfc().collect::<String>().to_lowercase();
        let (local_part, domain) = address.split_once('@').ok_or(NotAnEmail)?;
        if address.len() <= LONGEST && is_local_part(local_part) && is_domain(domain) {
            Ok(Self(address))
        } else {
            Err(NotAnEmail)
        }
    }
}

/// What the standard takes without quotes, and letters of any script.
fn is_local_part(text: &str) -> bool {
    text.len() <= LONGEST_LOCAL_PART
        && text.split('.').all(|atom| {
            !atom.is_empty() && atom.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
        })
}

/// At least two labels: a name without a dot is on somebody's own network, where we cannot write to.
fn is_domain(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= LONGEST_LABEL
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Email {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Email {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Email".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "email", "maxLength": LONGEST })
    }
}

/// The text is not an address that mail can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnEmail;

impl fmt::Display for NotAnEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be an e-mail address such as ada@example.com")
    }
}

impl std::error::Error for NotAnEmail {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_has_one_spelling() {
        let read = |text: &str| text.parse::<Email>().map(|email| email.to_string());
        assert_eq!(read("  Ada.Lovelace+Roost@Example.COM ").unwrap(), "ada.lovelace+roost@example.com");
        // An accent as a letter of its own, and as a mark on one.
        assert_eq!(read("ren\u{e9}@example.com"), read("rene\u{301}@example.com"));
    }

    #[test]
    fn what_no_mail_reaches_is_refused() {
        let long_local_part = format!("{}@example.com", "a".repeat(65));
        let long_label = format!("a@{}.com", "a".repeat(64));
        let long = format!("a@{}com", "a.".repeat(126));
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "ada@example",
            "ada@@example.com",
            "ada@b@example.com",
            "ada lovelace@example.com",
            "ada@exam ple.com",
            "ada\n@example.com",
            "ada\0@example.com",
            "ada..b@example.com",
            ".ada@example.com",
            "ada@example..com",
            "ada@-example.com",
            "ada@example.com.",
            "ada@[127.0.0.1]",
            "<ada@example.com>",
            "\"ada\"@example.com",
            &long_local_part,
            &long_label,
            &long,
        ] {
            assert_eq!(text.parse::<Email>(), Err(NotAnEmail), "{text:?}");
        }
    }
}
