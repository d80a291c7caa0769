//! Everything that reads bytes of strangers, each as a target: a function that takes any bytes, and
//! panics where what must hold does not.
//!
//! `cargo strangers` mutates the seeds on any toolchain; `cargo fuzz` does the same guided by coverage
//! (see README.md).

mod call;
mod seeds;
mod tokens;

use roost::money::{Currency, Money};
use roost::photo::{Format, pipeline};
use roost::stay::parse_date;

/// Something that reads bytes of strangers.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Bytes that it can read.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Reads any bytes, and says what became of them: what leads to another answer is worth keeping.
    ///
    /// # Panics
    /// Where what must hold does not.
    pub read: fn(&[u8]) -> String,
}

/// All of them.
pub const TARGETS: [Target; 9] = [
    Target { name: "call", seeds: seeds::calls, read: call::read },
    Target { name: "token", seeds: tokens::access_tokens, read: tokens::access },
    Target { name: "quote", seeds: tokens::quotes, read: tokens::quote },
    Target { name: "cursor", seeds: tokens::cursors, read: tokens::cursor },
    Target { name: "webhook", seeds: tokens::webhooks, read: tokens::webhook },
    Target { name: "date", seeds: seeds::dates, read: date },
    Target { name: "money", seeds: seeds::money, read: money },
    Target { name: "image", seeds: seeds::images, read: image },
    Target { name: "import", seeds: seeds::cities, read: import },
];

/// The target of a name.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn target(name: &str) -> Target {
    TARGETS.into_iter().find(|target| target.name == name).expect("a target of this name")
}

/// A date is read only as it would be written.
fn date(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match parse_date(&text) {
        Ok(date) => {
            assert_eq!(date.to_string(), text, "read as another date than it says");
            "a date".into()
        }
        Err(why) => why.into(),
    }
}

/// An amount is read as it would be written, in a currency that there is.
fn money(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Money>(bytes) {
        Ok(money) => {
            assert!(Currency::of(money.currency.code()).is_some(), "{money:?}");
            let again = serde_json::to_vec(&money).expect("money can be written");
            assert_eq!(serde_json::from_slice::<Money>(&again).expect("and read again"), money);
            money.currency.code().into()
        }
        Err(why) => format!("{:?} {}", why.classify(), why.is_eof()),
    }
}

/// A picture is refused, or made into the three sizes, none larger than it may be.
fn image(bytes: &[u8]) -> String {
    let mut said = Vec::new();
    for format in [Format::Jpeg, Format::Png, Format::Webp] {
        match pipeline::make(bytes.to_vec(), format) {
            Ok(made) => {
                assert_eq!(made.files.len(), 3, "three sizes");
                for file in &made.files {
                    let shown = image::load_from_memory(&file.bytes).expect("what is made can be shown");
                    assert!(shown.width() <= 2_048 && shown.height() <= 2_048, "{:?}", file.size);
                }
                said.push("made".to_owned());
            }
            Err(why) => said.push(format!("{why:?}")),
        }
    }
    said.join(" ")
}

/// A catalogue is refused, or read with a note for every row that was not.
fn import(bytes: &[u8]) -> String {
    // Both files in one input, apart by a zero.
    let place = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (listings, calendar) = (&bytes[..place], bytes.get(place + 1..).unwrap_or_default());
    let folder = tempfile::tempdir().expect("a folder");
    let city = folder.path().join("antwerp");
    std::fs::create_dir(&city).expect("a folder");
    std::fs::write(city.join("listings.csv"), listings).expect("a file");
    std::fs::write(city.join("calendar.csv"), calendar).expect("a file");
    match roost_local::import::check(&city, None, None) {
        Ok((homes, problems)) => {
            for problem in &problems {
                assert!(!problem.reason.is_empty(), "a row is refused without a reason");
            }
            format!("{homes} homes, {} problems", problems.len())
        }
        Err(why) => why.rsplit('/').next().unwrap_or_default().into(),
    }
}
