//! Search against the plainest reading of the contract: every candidate looked at with the rules
//! that quotes and bookings use.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::Found;
use super::clusters::precision;
use super::projection::{Candidate, Projection};
use super::query::{Area, Query, Sort, Town};
use crate::clock::{Instant, Zone};
use crate::geo::polygon::Polygon;
use crate::geo::{Bounds, distance_km};
use crate::ids::{BookingId, ListingId};
use crate::listing::calendar::{Calendar, Rules};
use crate::listing::draft::tests::example;
use crate::listing::runs::Runs;
use crate::listing::{Listing, ListingStatus, Location, PlaceType, PropertyType, Terms};
use crate::night::{Claim, Night, Taken, TakenNight, why_unsold};
use crate::pricing::{Tariff, price, tax::TaxTable};
use crate::stay::{Nights, add_days, date_of_epoch_day};

/// 2027-01-15, when it is yet the day before in Los Angeles.
const TODAY: i32 = 20_833;

fn now() -> Instant {
    Instant::from_second(i64::from(TODAY) * 86_400 + 3600).unwrap()
}

/// A unit with all that its tables say of it.
#[derive(Clone, Debug)]
struct Home {
    listing: Listing,
    terms: Terms,
    calendar: Calendar,
    nights: Vec<Night>,
}

impl Home {
    fn candidate(&self, version: u64) -> Option<Candidate> {
        let from = date_of_epoch_day(TODAY - 2);
        let projection = Projection::of(&self.listing, &self.terms, &self.calendar, &self.nights, from)?;
        let bytes = projection.to_bytes();
        assert_eq!(Projection::from_bytes(&bytes).unwrap(), projection, "a projection reads back");
        Some(Candidate::of(projection, version))
    }

    fn price_per_night(&self, query: &Query) -> i64 {
        match query.stay {
            None => self.terms.base_price,
            Some(stay) => price(&self.terms, &self.calendar, tariff(&TaxTable::default()), stay).mean_night(),
        }
    }

    /// Whether it is a hit, by the rules of quotes and the contract's filters.
    fn fits(&self, query: &Query) -> bool {
        let (listing, terms) = (&self.listing, &self.terms);
        let area = match &query.area {
            Area::World => true,
            Area::Town(town) => town.name() == listing.address.city.to_lowercase(),
            Area::Circle { centre, radius_km } => distance_km(*centre, listing.location) <= *radius_km,
            Area::Box(bounds) => bounds.contains(listing.location),
            Area::Polygon(polygon) => polygon.contains(listing.location),
        };
        let sellable = query.stay.is_none_or(|stay| {
            let taken: Vec<TakenNight> = self
                .nights
                .iter()
                .filter(|night| night.blocked.is_some() || night.claims.len() >= usize::from(terms.capacity))
                .map(|night| TakenNight { date: night.date, by: Taken::Blocked(String::new()) })
                .collect();
            let today = terms.zone.date_of(now());
            why_unsold(terms, &self.calendar, &taken, stay, query.guests, today).is_empty()
        });
        let price = self.price_per_night(query);
        let amenities: BTreeSet<String> = listing.amenities.iter().map(|name| name.to_lowercase()).collect();
        let text = format!("{} {}", listing.title, listing.address.city).to_lowercase();
        terms.status == ListingStatus::Active
            && area
            && sellable
            && query.guests.is_none_or(|guests| guests <= terms.max_guests)
            && query.min_price.is_none_or(|least| least <= price)
            && query.max_price.is_none_or(|most| price <= most)
            && (query.place_types.is_empty() || query.place_types.contains(&listing.place_type))
            && (query.property_types.is_empty() || query.property_types.contains(&listing.property_type))
            && query.amenities.iter().all(|wanted| amenities.contains(wanted))
            && query.instant_book.is_none_or(|wanted| wanted == terms.instant_book)
            && query.superhost.is_none_or(|wanted| wanted == listing.superhost)
            && query.words.iter().all(|word| text.split_whitespace().any(|other| other.starts_with(word)))
    }
}

fn tariff(taxes: &TaxTable) -> Tariff<'_> {
    Tariff { service_fee_basis_points: 1400, taxes }
}

fn nights_from(first: i32, count: i32) -> Nights {
    Nights::between(date_of_epoch_day(first), date_of_epoch_day(first + count)).unwrap()
}

fn runs<T: Clone + PartialEq>(edits: Vec<(i32, i32, T)>) -> Runs<T> {
    let mut runs = Runs::none();
    for (first, count, value) in edits {
        runs.set(nights_from(TODAY + first, count), &value);
    }
    runs
}

fn calendar() -> impl Strategy<Value = Calendar> {
    let rules = (
        prop::option::of(1u16..4),
        prop::option::of(2u16..9),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(min_nights, max_nights, closed_to_arrival, closed_to_departure)| Rules {
            min_nights,
            max_nights,
            closed_to_arrival,
            closed_to_departure,
        });
    let prices = prop::collection::vec((-5i32..20, 1i32..10, 0i64..30_000), 0..4);
    let rules = prop::collection::vec((-5i32..20, 1i32..10, rules), 0..3);
    (prices, rules).prop_map(|(prices, rules)| Calendar { prices: runs(prices), rules: runs(rules) })
}

fn nights() -> impl Strategy<Value = Vec<Night>> {
    let night = (-2i32..40, prop::bool::weighted(0.3), 0u8..3);
    prop::collection::btree_map(-2i32..40, night, 0..5).prop_map(|nights| {
        let claim = |number| Claim { booking: BookingId::from_bits(number), until: Instant::UNIX_EPOCH };
        let night = |(day, (_, is_blocked, claims)): (i32, (i32, bool, u8))| Night {
            date: date_of_epoch_day(TODAY + day),
            claims: (0..u128::from(claims)).map(claim).collect(),
            blocked: is_blocked.then(|| "repairs".to_owned()),
            note: None,
        };
        nights.into_iter().map(night).collect()
    })
}

fn home() -> impl Strategy<Value = Home> {
    let place = (50.0f64..52.0, prop_oneof![Just(4.4), 3.0f64..5.0, 179.0f64..180.0, -180.0f64..-179.0]);
    let kind = (prop::sample::select(PlaceType::ALL), prop::sample::select(PropertyType::ALL));
    let text = (
        prop::sample::select(vec!["Loft by the river", "River house", "Quiet room", "Boat"]),
        prop::sample::select(vec!["Antwerp", "Ghent"]),
        prop::sample::subsequence(vec!["Wifi", "wifi", "WIFI", "Lift", "Kitchen", "Garden"], 0..5),
    );
    let numbers = (0i64..30_000, 0i64..5_000, 1u16..3, 3u16..30, 1u16..6, 1u16..3);
    let flags = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.9), prop::option::of(2i32..30));
    let rating = (prop::option::of(100u16..=500), 0u32..50);
    let zones = ["Europe/Brussels", "America/Los_Angeles", "Pacific/Auckland"];
    let zone = prop::sample::select(zones.map(|name| Zone::named(name).unwrap()).to_vec());
    let example = example();
    ((place, kind, text), (numbers, flags, rating, zone), calendar(), nights()).prop_map(
        move |((place, kind, text), (numbers, flags, rating, zone), calendar, nights)| {
            let (mut listing, mut terms) = example.clone();
            listing.location = Location { lat: place.0, lng: place.1 };
            (listing.place_type, listing.property_type) = kind;
            listing.title = text.0.into();
            listing.address.city = text.1.into();
            listing.amenities = text.2.into_iter().map(str::to_owned).collect();
            (
                terms.base_price,
                terms.cleaning_fee,
                terms.min_nights,
                terms.max_nights,
                terms.max_guests,
                terms.capacity,
            ) = numbers;
            (listing.superhost, terms.instant_book, _, _) = flags;
            terms.status = if flags.2 { ListingStatus::Active } else { ListingStatus::Inactive };
            terms.open_until = flags.3.map(|day| date_of_epoch_day(TODAY + day));
            (listing.rating_hundredths, listing.review_count) = rating;
            terms.zone = zone;
            Home { listing, terms, calendar, nights }
        },
    )
}

fn homes() -> impl Strategy<Value = Vec<Home>> {
    prop::collection::vec(home(), 0..70).prop_map(|mut homes| {
        for (number, home) in homes.iter_mut().enumerate() {
            // Ids in another order than the list's.
            home.listing.id = ListingId::from_bits(((number as u128) * 37) % 101);
            home.terms.listing = home.listing.id;
            home.terms.unit = home.listing.id.into();
        }
        homes
    })
}

fn area() -> impl Strategy<Value = Area> {
    let centre = Location { lat: 51.0, lng: 4.4 };
    prop_oneof![
        Just(Area::World),
        Just(Area::Town(Town::named("antwerp"))),
        (1.0f64..200.0).prop_map(move |radius_km| Area::Circle { centre, radius_km }),
        Just(Area::Circle { centre: Location { lat: 51.0, lng: 179.9 }, radius_km: 60.0 }),
        (3.0f64..4.4, 4.4f64..5.0).prop_map(|(west, east)| Area::Box(Bounds {
            west,
            south: 50.2,
            east,
            north: 51.8
        })),
        Just(Area::Box(Bounds { west: 179.2, south: 50.0, east: -179.4, north: 52.0 })),
        (3.0f64..4.0, 4.4f64..5.0).prop_map(|(west, east)| {
            let corner = |lat, lng| Location { lat, lng };
            let corners = vec![corner(50.2, west), corner(50.4, east), corner(51.7, 4.2)];
            Area::Polygon(Polygon::of(corners).unwrap())
        }),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    let stay = prop_oneof![
        2 => Just(None),
        4 => (-2i32..25, 1i32..9).prop_map(|(first, count)| Some(nights_from(TODAY + first, count))),
        1 => (725i32..732, 1i32..4).prop_map(|(first, count)| Some(nights_from(TODAY + first, count))),
    ];
    let kinds = (
        prop::collection::vec(prop::sample::select(PlaceType::ALL), 0..3),
        prop::collection::vec(prop::sample::select(PropertyType::ALL), 0..5),
        prop_oneof![3 => Just(vec![]), 1 => Just(vec!["wifi"]), 1 => Just(vec!["wifi", "lift"])],
        prop_oneof![3 => Just(vec![]), 1 => Just(vec!["riv"]), 1 => Just(vec!["lo", "ant"])],
    );
    let prices = (prop::option::of(0i64..20_000), prop::option::of(5_000i64..30_000));
    let flags = (prop::option::weighted(0.2, any::<bool>()), prop::option::weighted(0.2, any::<bool>()));
    let sort = prop::sample::select(vec![Sort::Relevance, Sort::Price, Sort::Rating, Sort::Distance]);
    (area(), stay, prop::option::of(1u16..4), kinds, prices, flags, sort).prop_map(
        |(area, stay, guests, (place_types, property_types, amenities, words), prices, flags, sort)| {
            let own = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
            let (min_price, max_price) = prices;
            let (instant_book, superhost) = flags;
            Query {
                area,
                stay,
                guests,
                min_price,
                max_price,
                place_types,
                property_types,
                amenities: own(amenities),
                words: own(words),
                instant_book,
                superhost,
                sort,
            }
        },
    )
}

fn candidates(homes: &[Home]) -> Vec<Candidate> {
    homes.iter().filter_map(|home| home.candidate(1)).collect()
}

fn naive<'a>(homes: &'a [Home], query: &Query) -> BTreeMap<ListingId, &'a Home> {
    homes.iter().filter(|home| home.fits(query)).map(|home| (home.listing.id, home)).collect()
}

/// What the contract says of an order: how a hit compares with the next, leaving ids aside.
fn comes_before(sort: Sort, one: &super::Match<'_>, next: &super::Match<'_>) -> bool {
    match sort {
        Sort::Relevance => true,
        Sort::Price => one.price_per_night <= next.price_per_night,
        Sort::Distance => one.distance_km.unwrap_or(0.0) <= next.distance_km.unwrap_or(0.0),
        Sort::Rating => {
            let rating = |hit: &super::Match<'_>| hit.candidate.projection.rating_hundredths;
            rating(one) >= rating(next)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_pages_have_every_hit_once_and_in_order(homes in homes(), query in query(), limit in 1usize..20) {
        let (candidates, expected) = (candidates(&homes), naive(&homes, &query));
        let found = Found::among(&candidates, &query, now());
        prop_assert_eq!(found.total(), expected.len());
        let (mut hits, mut after) = (Vec::new(), None);
        loop {
            let page = found.page(after, limit);
            prop_assert!(page.hits.len() <= limit);
            hits.extend(page.hits);
            after = page.next;
            if after.is_none() { break; }
        }
        prop_assert!(hits.windows(2).all(|pair| comes_before(query.sort, &pair[0], &pair[1])));
        let ids: Vec<ListingId> = hits.iter().map(|hit| hit.candidate.projection.listing).collect();
        prop_assert_eq!(ids.len(), expected.len(), "none twice, none missing");
        let taxes = TaxTable::default();
        for hit in &hits {
            let home = expected[&hit.candidate.projection.listing];
            prop_assert_eq!(hit.price_per_night, home.price_per_night(&query));
            if let Some(stay) = query.stay {
                let quoted = price(&home.terms, &home.calendar, tariff(&taxes), stay);
                prop_assert_eq!(hit.candidate.projection.stay_price(stay, tariff(&taxes)), quoted);
            }
            let distance = query.area.centre().map(|centre| distance_km(centre, home.listing.location));
            prop_assert_eq!(hit.distance_km, distance);
        }
    }

    #[test]
    fn what_is_even_is_so_for_every_stay_that_can_be_had(home in home(), first in 0i32..45, count in 1i32..9) {
        let Some(candidate) = home.candidate(1) else { return Ok(()) };
        let projection = &candidate.projection;
        let (first, end) = (TODAY + first, TODAY + first + count);
        let is_open = projection.is_open(first, end);
        if let Some(price) = projection.even_price(65_000).filter(|_| is_open) {
            prop_assert_eq!(projection.mean_night(first, end), price);
        }
        let lengths = projection.lengths(65_000);
        let has = |(least, most): (u16, u16)| (i32::from(least)..=i32::from(most)).contains(&count);
        let arrival = projection.rules(first);
        let is_allowed = has((arrival.min_nights, arrival.max_nights))
            && !arrival.closed_to_arrival
            && !projection.rules(end).closed_to_departure;
        prop_assert!(!is_open || !is_allowed || has(lengths.perhaps));
        prop_assert!(!is_open || is_allowed || !lengths.surely.is_some_and(has));
        // Not even, it has runs to say so.
        prop_assert!(projection.even_price(65_000).is_some() || projection.price_runs().len() > 0);
        prop_assert!(lengths.surely == Some(lengths.perhaps) || projection.rule_runs().len() > 0);
    }

    #[test]
    fn facets_count_without_their_own_filter(homes in homes(), query in query()) {
        let candidates = candidates(&homes);
        let facets = Found::among(&candidates, &query, now()).facets();

        let any_place = Query { place_types: vec![], ..query.clone() };
        let mut counts = BTreeMap::new();
        for home in naive(&homes, &any_place).values() {
            *counts.entry(home.listing.place_type).or_insert(0) += 1;
        }
        prop_assert_eq!(facets.place_types.into_iter().collect::<BTreeMap<_, _>>(), counts);

        let any_property = Query { property_types: vec![], ..query.clone() };
        let mut counts = BTreeMap::new();
        for home in naive(&homes, &any_property).values() {
            *counts.entry(home.listing.property_type).or_insert(0) += 1;
        }
        prop_assert_eq!(facets.property_types.into_iter().collect::<BTreeMap<_, _>>(), counts);

        let any_amenities = Query { amenities: vec![], ..query.clone() };
        let mut counts = BTreeMap::new();
        for home in naive(&homes, &any_amenities).values() {
            let distinct: BTreeSet<String> = home.listing.amenities.iter().map(|name| name.to_lowercase()).collect();
            for name in distinct {
                *counts.entry(name).or_insert(0) += 1;
            }
        }
        let shown: BTreeMap<_, _> = facets.amenities.into_iter().map(|(name, count)| (name.to_lowercase(), count)).collect();
        prop_assert_eq!(shown, counts);

        let any_price = Query { min_price: None, max_price: None, ..query };
        let prices: Vec<i64> = naive(&homes, &any_price).values().map(|home| home.price_per_night(&any_price)).collect();
        prop_assert!(facets.prices.len() <= 22);
        prop_assert!(facets.prices.windows(2).all(|pair| pair[0].to == pair[1].from));
        prop_assert_eq!(facets.prices.iter().map(|bar| bar.count).sum::<usize>(), prices.len());
        for bar in facets.prices {
            prop_assert_eq!(prices.iter().filter(|price| (bar.from..bar.to).contains(price)).count(), bar.count);
        }
    }

    #[test]
    fn a_map_has_every_hit_once(homes in homes(), query in query(), zoom in 0u8..=22) {
        let (candidates, expected) = (candidates(&homes), naive(&homes, &query));
        let found = Found::among(&candidates, &query, now());
        let map = found.map(zoom, &query.area);
        let clustered: usize = map.clusters.iter().map(|cluster| cluster.count).sum();
        prop_assert_eq!(clustered + map.items.len(), expected.len());
        prop_assert!(map.clusters.iter().all(|cluster| cluster.count > 1));
        let cheapest = expected.values().map(|home| home.price_per_night(&query)).min();
        let shown = map.clusters.iter().map(|cluster| cluster.min_price.amount)
            .chain(map.items.iter().map(|hit| hit.price_per_night)).min();
        prop_assert_eq!(shown, cheapest);
    }

    #[test]
    fn a_unit_in_two_cells_is_found_once_and_as_it_is_now(homes in homes(), query in query()) {
        // Each home stood elsewhere before, at another price.
        let before = homes.iter().filter_map(|home| {
            let mut older = home.clone();
            older.terms.base_price += 1;
            older.candidate(1)
        });
        let now_at = homes.iter().filter_map(|home| home.candidate(2));
        let query = Query { min_price: None, max_price: None, ..query };
        let candidates: Vec<Candidate> = before.chain(now_at).collect();
        let found = Found::among(&candidates, &query, now());
        prop_assert_eq!(found.total(), naive(&homes, &query).len());
        prop_assert!(found.page(None, 100).hits.iter().all(|hit| hit.candidate.version == 2));
    }
}

#[test]
fn the_cells_go_on_where_the_index_has_ended() {
    let homes: Vec<Home> = (1..4)
        .map(|number| {
            let (mut listing, mut terms) = example();
            listing.id = ListingId::from_bits(number);
            (terms.listing, terms.unit) = (listing.id, listing.id.into());
            terms.status = ListingStatus::Active;
            listing.title = "A loft by the park".into();
            Home { listing, terms, calendar: Calendar::empty(), nights: vec![] }
        })
        .collect();
    let candidates = candidates(&homes);
    let query = Query { words: vec!["loft".into()], ..Query::everything(Area::World) };
    let found = Found::among(&candidates, &query, now());
    let mut after = None;
    for place in 0..homes.len() {
        let page = found.page(after, 1);
        let shown: Vec<Candidate> = page.hits.iter().map(|hit| hit.candidate.clone()).collect();
        let last = super::confirmed(&shown, &query, now()).last().map(super::position);
        assert!(last.is_some() && (page.next.is_none() || page.next == last), "after {place}");
        after = last;
    }
    assert_eq!(found.page(after, 1).hits.len(), 0, "no more");
}

#[test]
fn a_map_of_more_than_a_screen_has_larger_tiles() {
    let bounds = |west, south, east, north| Area::Box(Bounds { west, south, east, north });
    // The screen of a desktop at zoom 16, in Antwerp and over the antimeridian.
    for screen in [bounds(4.39, 51.21, 4.41, 51.22), bounds(179.99, -18.01, -179.99, -18.0)] {
        assert_eq!(precision(16, &screen), 18);
    }
    // 64 by 64 tiles.
    assert_eq!(precision(22, &bounds(-180.0, -90.0, 180.0, 90.0)), 6);
    assert_eq!(precision(0, &bounds(-180.0, -90.0, 180.0, 90.0)), 2);
}

#[test]
fn a_town_is_found_by_its_name_with_and_without_country_and_accents() {
    let (mut listing, mut terms) = example();
    terms.status = ListingStatus::Active;
    terms.country = "CH".into();
    listing.address.city = "Zürich".into();
    listing.address.country = "CH".into();
    let home = Home { listing, terms, calendar: Calendar::empty(), nights: vec![] };
    let candidates = candidates(&[home]);
    let finds = |name: &str| {
        let query = Query::everything(Area::Town(Town::named(name)));
        Found::among(&candidates, &query, now()).total() == 1
    };
    assert!(finds("Zürich") && finds("ZURICH") && finds("zurich, CH"));
    assert!(!finds("Zuric") && !finds("Zurich, DE") && !finds(""));
    assert_eq!(Town::named("Zürich, CH").cities().collect::<Vec<_>>(), ["zurich ch", "zurich"]);
}

#[test]
fn a_year_of_nightly_prices_and_thirty_amenities_stay_small() {
    let (mut listing, mut terms) = example();
    terms.status = ListingStatus::Active;
    listing.amenities = (0..30).map(|number| format!("An amenity {number}")).collect();
    let mut home = Home { listing, terms, calendar: Calendar::empty(), nights: vec![] };
    let bytes = |home: &Home| home.candidate(1).unwrap().projection.to_bytes().len();
    assert!(bytes(&home) < 700, "{}", bytes(&home));
    home.nights = (0..365)
        .map(|day| Night {
            date: add_days(date_of_epoch_day(TODAY), day),
            claims: BTreeSet::new(),
            blocked: Some(String::new()),
            note: None,
        })
        .collect();
    assert!(bytes(&home) < 760, "{}", bytes(&home));
    home.calendar.prices = runs((0..365).map(|day| (day, 1, 10_000 + i64::from(day))).collect());
    assert!(bytes(&home) < 760 + 365 * 5, "{}", bytes(&home));
}
