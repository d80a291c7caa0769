//! A hit as clients see it.

use roost::config::Config;
use roost::ids::ListingId;
use roost::listing::{Location, PlaceType, PropertyType};
use roost::money::Money;
use roost::photo::Size;
use roost::photo::view::Place;
use roost::pricing::Tariff;
use roost::search::matching::Match;
use roost::search::projection::Projection;
use roost::search::query::Query;
use serde::Serialize;

/// A listing in a list of hits or on a map.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListingCard {
    /// Which listing.
    pub listing_id: ListingId,
    /// Its title.
    pub title: String,
    /// Its town.
    pub city: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// Where it is, rounded to 3 decimals.
    pub location: Location,
    /// What of it the guest gets.
    pub place_type: PlaceType,
    /// What kind of building or vessel.
    pub property_type: PropertyType,
    /// How many adults and children fit.
    pub max_guests: u16,
    /// The mean night of the stay, else the base price.
    pub price_per_night: Money,
    /// What the stay costs in all; only with dates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_price: Option<Money>,
    /// Mean rating, 1 to 5; `null` while nobody has rated it.
    pub rating: Option<f64>,
    /// How many reviews.
    pub review_count: u32,
    /// Whether its host is one of the best.
    pub superhost: bool,
    /// Whether a guest books without asking.
    pub instant_book: bool,
    /// Its first photo, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo_url: Option<String>,
    /// How far from the centre of the search, in kilometres; only where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance_km: Option<f64>,
}

impl ListingCard {
    pub(crate) fn of(hit: &Match<'_>, query: &Query, config: &Config) -> Self {
        let projection = &hit.candidate.projection;
        let tariff =
            Tariff { service_fee_basis_points: config.service_fee_basis_points, taxes: &config.taxes };
        Self {
            listing_id: projection.listing,
            title: projection.title.clone(),
            city: projection.city.clone(),
            country: projection.country.clone(),
            location: projection.location.rounded(),
            place_type: projection.place_type,
            property_type: projection.property_type,
            max_guests: projection.max_guests,
            price_per_night: projection.money(hit.price_per_night),
            total_price: query.stay.map(|stay| projection.stay_price(stay, tariff).total_money()),
            rating: projection.rating(),
            review_count: projection.review_count,
            superhost: projection.superhost,
            instant_book: projection.instant_book,
            photo_url: photo_url(projection, config),
            distance_km: hit.distance_km.map(|distance| (distance * 100.0).round() / 100.0),
        }
    }
}

fn photo_url(projection: &Projection, config: &Config) -> Option<String> {
    let place = Place { base: config.photos_base.as_deref()?, listing: projection.listing };
    projection.photo.map(|photo| place.url(photo, Size::Medium))
}
