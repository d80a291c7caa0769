//! Texts as search compares them: words without case, accents and punctuation.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The words of a text, in small letters and without accents, with one space between.
/// `"Café-Hotel, Zürich"` is `"cafe hotel zurich"`.
#[must_use]
pub fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let letters = text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase);
    for letter in letters {
        if letter.is_alphanumeric() {
            words.push(letter);
        } else if !words.is_empty() && !words.ends_with(' ') {
            words.push(' ');
        }
    }
    words.truncate(words.trim_end().len());
    words
}

/// A text in small letters, each as it would be by itself: a sigma that ends a Greek word like any other.
#[must_use]
pub fn in_small_letters(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Whether two texts are the same but for case: in small letters they are.
#[must_use]
pub fn same_but_for_case(one: &str, other: &str) -> bool {
    one.chars().flat_map(char::to_lowercase).eq(other.chars().flat_map(char::to_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_case_accents_and_punctuation() {
        for (text, expected) in [
            ("Café-Hotel, Zürich", "cafe hotel zurich"),
            ("  ANTWERP ", "antwerp"),
            ("Ōsaka 大阪", "osaka 大阪"),
            ("!?", ""),
            ("", ""),
        ] {
            assert_eq!(words(text), expected);
            assert_eq!(words(&words(text)), expected, "the words of words are the same");
        }
        assert!(same_but_for_case("WiFi", "wifi") && !same_but_for_case("wifi", "wifi 5"));
        // Standard small letters end a Greek word in another sigma than begins it: then a word is not what it is.
        let greek = "ΚΛΙΜΑΤΙΣΜΟΣ";
        assert!(same_but_for_case(&in_small_letters(greek), greek));
    }
}
