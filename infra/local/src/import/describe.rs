//! The words of the files in the words of the product.

use roost::listing::{PlaceType, PropertyType};

/// The kind of building of a text such as `Private room in townhouse`; the more particular word
/// decides.
pub(super) fn property_type(text: &str) -> PropertyType {
    const WORDS: &[(&[&str], PropertyType)] = &[
        (&["hostel"], PropertyType::Hostel),
        (&["houseboat", "boat", "yacht", "barge"], PropertyType::Boat),
        (&["serviced apartment"], PropertyType::Apartment),
        (&["hotel", "resort", "ryokan", "lodge"], PropertyType::Hotel),
        (&["villa"], PropertyType::Villa),
        (&["cabin", "cottage", "chalet", "hut", "tiny home"], PropertyType::Cabin),
        (
            &["rental unit", "apartment", "condo", "loft", "flat", "studio", "guest suite"],
            PropertyType::Apartment,
        ),
        (
            &["treehouse", "lighthouse", "castle", "camper", "tent", "container", "cave", "island", "tower"],
            PropertyType::Other,
        ),
        (&["home", "house", "bungalow", "casa", "bed and breakfast", "farm"], PropertyType::House),
        (&["room"], PropertyType::Room),
    ];
    let text = text.to_lowercase();
    let found = WORDS.iter().find(|(words, _)| words.iter().any(|word| text.contains(word)));
    found.map_or(PropertyType::Other, |(_, property_type)| *property_type)
}

/// What of it the guest gets; `None` for a word that the files do not use.
pub(super) fn place_type(text: &str) -> Option<PlaceType> {
    match text.trim() {
        "Entire home/apt" => Some(PlaceType::EntirePlace),
        "Private room" => Some(PlaceType::PrivateRoom),
        "Shared room" => Some(PlaceType::SharedRoom),
        "Hotel room" => Some(PlaceType::HotelRoom),
        _ => None,
    }
}

/// The title of a listing that has none.
pub(super) fn title(place_type: PlaceType, property_type: PropertyType, city: &str) -> String {
    let what = match (place_type, property_type) {
        (PlaceType::PrivateRoom, _) => "Private room",
        (PlaceType::SharedRoom, _) => "Shared room",
        (PlaceType::HotelRoom, _) => "Hotel room",
        (PlaceType::EntirePlace, PropertyType::Apartment) => "Apartment",
        (PlaceType::EntirePlace, PropertyType::House) => "House",
        (PlaceType::EntirePlace, PropertyType::Villa) => "Villa",
        (PlaceType::EntirePlace, PropertyType::Cabin) => "Cabin",
        (PlaceType::EntirePlace, PropertyType::Boat) => "Boat",
        (PlaceType::EntirePlace, _) => "Home",
    };
    format!("{what} in {city}")
}

/// Text without markup and control characters, of at most this many characters.
pub(super) fn plain(text: &str, most: usize) -> String {
    let mut plain = text.replace("\r\n", "\n");
    for (tag, instead) in [("<br />", "\n"), ("<br/>", "\n"), ("<br>", "\n"), ("<b>", ""), ("</b>", "")] {
        plain = plain.replace(tag, instead);
    }
    plain.retain(|character| !character.is_control() || character == '\n');
    let cut: String = plain.trim().chars().take(most).collect();
    cut.trim_end().to_owned()
}

/// One line of plain text.
pub(super) fn line(text: &str, most: usize) -> String {
    plain(&text.replace(['\n', '\r', '\t'], " "), most)
}

/// How many bathrooms, in tenths: the number, else what the text says (`1.5 shared baths`,
/// `Half-bath`), else none.
pub(super) fn bathrooms_tenths(number: &str, text: &str) -> u16 {
    let text = text.trim().to_lowercase();
    let half = if text.contains("half-bath") { "0.5" } else { "" };
    let candidates = [number.trim(), text.split(' ').next().unwrap_or_default(), half];
    let found = candidates.iter().find_map(|candidate| candidate.parse::<f64>().ok());
    let halves = (found.unwrap_or(0.0).clamp(0.0, 50.0) * 2.0).round();
    // At most 100, and whole.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
    let halves = halves as u16;
    halves * 5
}

/// The town that a folder is named after: `new-york` is New York.
pub(super) fn city(folder: &str) -> String {
    let words = folder.split(['-', '_', ' ']).filter(|word| !word.is_empty()).map(|word| {
        let mut letters = word.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        first + letters.as_str()
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_kinds_of_property_are_those_of_the_contract() {
        for (text, expected) in [
            ("Entire rental unit", PropertyType::Apartment),
            ("Private room in townhouse", PropertyType::House),
            ("Entire serviced apartment", PropertyType::Apartment),
            ("Room in aparthotel", PropertyType::Hotel),
            ("Private room in bed and breakfast", PropertyType::House),
            ("Entire villa", PropertyType::Villa),
            ("Tiny home", PropertyType::Cabin),
            ("Houseboat", PropertyType::Boat),
            ("Private room", PropertyType::Room),
            ("Private room in castle", PropertyType::Other),
            ("Entire place", PropertyType::Other),
            ("Room in hostel", PropertyType::Hostel),
        ] {
            assert_eq!(property_type(text), expected, "{text}");
        }
    }

    #[test]
    fn texts_lose_their_markup_and_numbers_come_from_words() {
        assert_eq!(plain("Sunny<br />and <b>wide</b>\u{7}\r\n", 5_000), "Sunny\nand wide");
        assert_eq!(plain("abc def", 4), "abc");
        assert_eq!(bathrooms_tenths("", "1.5 shared baths"), 15);
        assert_eq!(bathrooms_tenths("", "Shared half-bath"), 5);
        assert_eq!(bathrooms_tenths("2.0", "1 bath"), 20);
        assert_eq!(bathrooms_tenths("", ""), 0);
        assert_eq!(city("new-york_city"), "New York City");
    }
}
