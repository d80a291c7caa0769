//! What a search asks for, free of how it is asked and of which index answers.

use super::words::words;
use crate::geo::Bounds;
use crate::geo::polygon::Polygon;
use crate::listing::{Location, PlaceType, PropertyType};
use crate::stay::Nights;

/// A search. Every filter that is set must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Where.
    pub area: Area,
    /// When: every night must be open and the stay rules met.
    pub stay: Option<Nights>,
    /// How many adults and children must fit.
    pub guests: Option<u16>,
    /// The least price per night in minor units.
    pub min_price: Option<i64>,
    /// The greatest price per night in minor units.
    pub max_price: Option<i64>,
    /// One of these; any when empty.
    pub place_types: Vec<PlaceType>,
    /// One of these; any when empty.
    pub property_types: Vec<PropertyType>,
    /// All of these, whatever their case.
    pub amenities: Vec<String>,
    /// Booked without asking, or not.
    pub instant_book: Option<bool>,
    /// Of a superhost, or not.
    pub superhost: Option<bool>,
    /// Each must begin a word of title or city. As [`words`] writes them.
    pub words: Vec<String>,
    /// In which order.
    pub sort: Sort,
}

impl Query {
    /// Everything in an area.
    #[must_use]
    pub const fn everything(area: Area) -> Self {
        Self {
            area,
            stay: None,
            guests: None,
            min_price: None,
            max_price: None,
            place_types: Vec::new(),
            property_types: Vec::new(),
            amenities: Vec::new(),
            instant_book: None,
            superhost: None,
            words: Vec::new(),
            sort: Sort::Relevance,
        }
    }
}

/// Where a search looks.
#[derive(Clone, Debug, PartialEq)]
pub enum Area {
    /// Everywhere.
    World,
    /// In a town.
    Town(Town),
    /// Within a distance of a point.
    Circle {
        /// The point.
        centre: Location,
        /// The distance in kilometres.
        radius_km: f64,
    },
    /// In a box.
    Box(Bounds),
    /// In what somebody has drawn on a map.
    Polygon(Polygon),
}

impl Area {
    /// What distances are measured from.
    #[must_use]
    pub fn centre(&self) -> Option<Location> {
        match self {
            Self::World | Self::Town(_) => None,
            Self::Circle { centre, .. } => Some(*centre),
            Self::Box(bounds) => Some(bounds.centre()),
            Self::Polygon(polygon) => Some(polygon.bounds().centre()),
        }
    }

    /// A box around it, where it has one.
    #[must_use]
    pub fn bounds(&self) -> Option<Bounds> {
        match self {
            Self::World => Some(Bounds::WORLD),
            Self::Town(_) => None,
            Self::Circle { centre, radius_km } => Some(Bounds::around(*centre, *radius_km)),
            Self::Box(bounds) => Some(*bounds),
            Self::Polygon(polygon) => Some(polygon.bounds()),
        }
    }
}

/// A town by its name: `Antwerp`, `antwerp, BE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Town(String);

impl Town {
    /// The town that a text names.
    #[must_use]
    pub fn named(text: &str) -> Self {
        Self(words(text))
    }

    /// The name as [`words`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Which cities it may be: the whole name, and the name without its last word, which may be a country.
    pub fn cities(&self) -> impl Iterator<Item = &str> {
        let without_country = self.0.rsplit_once(' ').map(|(city, _)| city);
        std::iter::once(self.0.as_str()).chain(without_country)
    }
}

/// In which order hits come. Equal ones come in the order of their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Words in the title first, then the well rated.
    #[default]
    Relevance,
    /// The cheapest night first.
    Price,
    /// The best rated first, unrated last.
    Rating,
    /// The nearest first.
    Distance,
}

impl Sort {
    /// The order of the contract's word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "relevance" => Some(Self::Relevance),
            "price" => Some(Self::Price),
            "rating" => Some(Self::Rating),
            "distance" => Some(Self::Distance),
            _ => None,
        }
    }
}
