//! The stack's side of an import. Nights, terms and calendars go in first, in bulk; the listing
//! comes last, so that its one record in the stream finds all of its unit in place, and so that a
//! home that was cut short is loaded again.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::types::AttributeValue as Stored;
use dynoxide::types::AttributeValue;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use roost::account::{Role, User};
use roost::app::App;
use roost::error::{Error, Result};
use roost::ids::{ListingId, UnitId, UserId};
use roost::listing::calendar::{Calendar, Rules};
use roost::listing::{Address, CancellationPolicy, Listing, ListingStatus, Terms};
use roost::stay::{BOOKING_WINDOW, Date, Nights, add_days, date_of_epoch_day, epoch_day};
use roost::store::blocks::Block;
use roost::store::listings::{calendar_items, listing_item, terms_item};
use roost::store::nights::blocked_item;
use roost::store::users::{email_item, user_item};
use roost::store::{Item, Store};

use super::wire::{Begun, Home, Loaded, Outcome, Request};
use crate::engine::Engine;

/// What a night that the files call unavailable is kept for.
const REASON: &str = "unavailable";
/// How many small reads are under way at once.
const READS: usize = 16;

/// Answers a request of the importer.
///
/// # Errors
/// When it is not one, or the store fails; what was stored before that is found again by the next try.
pub async fn serve(app: &App, engine: &Engine, body: &[u8]) -> Result<serde_json::Value> {
    let request: Request =
        serde_json::from_slice(body).map_err(|error| Error::invalid("", error.to_string()))?;
    let import = Import { app, engine };
    let answer = match request {
        Request::Begin { fingerprint } => serde_json::to_value(import.begin(&fingerprint).await?),
        Request::Load { homes } => serde_json::to_value(import.load(homes).await?),
    };
    answer.map_err(Error::internal)
}

struct Import<'a> {
    app: &'a App,
    engine: &'a Engine,
}

impl Import<'_> {
    async fn begin(&self, fingerprint: &str) -> Result<Begun> {
        let today = self.app.clock.now().to_zoned(TimeZone::UTC).date();
        let first = self.app.store.first_import(fingerprint, today).await?;
        Ok(Begun { first_day: epoch_day(first) })
    }

    async fn load(&self, homes: Vec<Home>) -> Result<Loaded> {
        let ids: Vec<ListingId> = homes.iter().map(|home| home.listing).collect();
        let found = self.app.store.listings(&ids, true).await?;
        let mut found: HashMap<ListingId, (Listing, Terms)> =
            found.into_iter().map(|found| (found.0.id, found)).collect();
        let mut outcomes = Vec::with_capacity(homes.len());
        let mut new = Vec::new();
        for home in homes {
            let fingerprint = fingerprint(&home);
            outcomes.push(match found.remove(&home.listing) {
                None => {
                    new.push((home, fingerprint));
                    Outcome::New
                }
                Some((listing, _)) if listing.import_fingerprint.as_ref() == Some(&fingerprint) => {
                    Outcome::Unchanged
                }
                Some(old) => match self.replace(&home, fingerprint, old).await {
                    Ok(()) => Outcome::Changed,
                    Err(error) => Outcome::Failed { reason: error.to_string() },
                },
            });
        }
        self.create(&new).await?;
        Ok(Loaded { outcomes })
    }

    /// Loads homes that are not there, in bulk.
    async fn create(&self, new: &[(Home, String)]) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        let (tables, now) = (&self.app.config.tables, self.app.clock.now());
        self.bulk(&tables.users, self.hosts(new.iter().map(|(home, _)| home)).await?, false).await?;
        let (mut nights, mut units, mut listings) = (Vec::new(), Vec::new(), Vec::new());
        for (home, fingerprint) in new {
            let (listing, terms) = listing_and_terms(home, fingerprint, now);
            let kept = ranges(&home.blocked).flat_map(Nights::iter);
            nights.extend(kept.map(|date| blocked_item(terms.unit, date, REASON)));
            units.extend(calendar_items(&terms, &calendar(home)));
            units.push(terms_item(&terms, listing.version));
            listings.push(listing_item(&listing));
        }
        self.bulk(&tables.nights, nights, false).await?;
        self.bulk(&tables.listings, units, false).await?;
        self.bulk(&tables.listings, listings, true).await
    }

    /// The accounts of the homes' hosts that have none yet. They have no password: nobody signs in.
    async fn hosts(&self, homes: impl Iterator<Item = &Home>) -> Result<Vec<Item>> {
        let mut seen = HashSet::new();
        let hosts: Vec<(UserId, String)> = homes
            .filter(|home| seen.insert(home.host))
            .map(|home| (home.host, home.host_name.clone()))
            .collect();
        let unknown = futures::stream::iter(hosts)
            .map(|(id, name)| async move {
                Ok::<_, Error>(self.app.store.user(id).await?.is_none().then_some((id, name)))
            })
            .buffer_unordered(READS);
        let unknown: Vec<_> = unknown.try_collect().await?;
        let mut items = Vec::new();
        for (id, name) in unknown.into_iter().flatten() {
            let mailbox = id.to_string().to_lowercase().replace('_', "-");
            let user = User {
                id,
                // A name that no mail can ever reach (RFC 2606).
                email: format!("{mailbox}@import.invalid").parse().map_err(Error::internal)?,
                first_name: "Host".into(),
                last_name: name,
                roles: vec![Role::Guest],
                password_hash: None,
                created_at: self.app.clock.now(),
            };
            items.extend([user_item(&user)?, email_item(&user)?]);
        }
        Ok(items)
    }

    /// Brings a home that is there to what another snapshot says of it. Nights that guests booked
    /// and nights that the host keeps for reasons of his own stay as they are, and so do its status
    /// and its host.
    async fn replace(&self, home: &Home, fingerprint: String, old: (Listing, Terms)) -> Result<()> {
        let (mut listing, mut terms) = listing_and_terms(home, &fingerprint, old.0.created_at);
        listing.version = old.0.version + 1;
        listing.host = old.0.host;
        (terms.host, terms.status) = (old.1.host, old.1.status);
        let store = &self.app.store;
        self.replace_nights(home, &terms).await?;
        let today = self.app.clock.today(&terms.zone);
        let years =
            Nights::between(add_days(today, -366), add_days(today, 3 * 366)).expect("years have nights");
        let imported = calendar(home);
        store.update_calendar(&terms, years, |calendar| *calendar = imported.clone()).await?;
        store.update_listing(&listing, &terms).await
    }

    async fn replace_nights(&self, home: &Home, terms: &Terms) -> Result<()> {
        let store = &self.app.store;
        let today = self.app.clock.today(&terms.zone);
        let window =
            Nights::between(today, add_days(today, i64::from(BOOKING_WINDOW) + 1)).expect("a window");
        let wanted: HashSet<Date> = ranges(&home.blocked).flat_map(Nights::iter).collect();
        let mut others = HashSet::new();
        let mut kept = HashSet::new();
        for night in store.nights(terms.unit, window, true).await? {
            match night.blocked.as_deref() {
                Some(REASON) => kept.insert(night.date),
                None if night.claims.is_empty() => false,
                Some(_) | None => others.insert(night.date),
            };
        }
        for range in runs(window.iter().filter(|date| kept.contains(date) && !wanted.contains(date))) {
            store.unblock(terms, range).await?;
        }
        let missing = |date: &Date| wanted.contains(date) && !kept.contains(date) && !others.contains(date);
        for range in runs(window.iter().filter(missing)) {
            block(store, terms, range).await?;
        }
        Ok(())
    }

    /// Puts items into a table in bulk; with a record in its stream only when asked.
    async fn bulk(&self, table: &str, items: Vec<Item>, record: bool) -> Result<()> {
        let items = items.into_iter().map(|item| {
            item.into_iter()
                .map(|(name, value)| Some((name, plain(value)?)))
                .collect::<Option<HashMap<_, _>>>()
        });
        let items =
            items.collect::<Option<Vec<_>>>().ok_or_else(|| Error::internal("an unknown attribute"))?;
        self.engine.import(table, items, record).await.map_err(Error::internal)
    }
}

/// Blocks what of a range is not booked meanwhile.
async fn block(store: &Store, terms: &Terms, range: Nights) -> Result<()> {
    match store.block(terms, range, &Block::because(REASON)).await {
        Err(Error::Conflict { .. }) if range.count() > 1 => {}
        Err(Error::Conflict { .. }) => return Ok(()),
        other => return other,
    }
    for night in range.chunks(1) {
        match store.block(terms, night, &Block::because(REASON)).await {
            Ok(()) | Err(Error::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A home as a listing on sale.
fn listing_and_terms(home: &Home, fingerprint: &str, created_at: roost::clock::Instant) -> (Listing, Terms) {
    let listing = Listing {
        id: home.listing,
        host: home.host,
        title: home.title.clone(),
        description: home.description.clone(),
        property_type: home.property_type,
        place_type: home.place_type,
        address: Address {
            line1: home.neighbourhood.clone(),
            line2: None,
            city: home.city.clone(),
            state: None,
            postal_code: None,
            country: home.country.clone(),
        },
        location: home.location,
        bedrooms: home.bedrooms,
        beds: home.beds,
        bathrooms_tenths: home.bathrooms_tenths,
        amenities: home.amenities.clone(),
        rating_hundredths: home.rating_hundredths,
        review_count: home.review_count,
        superhost: home.superhost,
        created_at,
        version: 1,
        import_fingerprint: Some(fingerprint.to_owned()),
    };
    let terms = Terms {
        unit: UnitId::from(home.listing),
        listing: home.listing,
        host: home.host,
        status: ListingStatus::Active,
        currency: home.currency,
        base_price: home.base_price,
        cleaning_fee: 0,
        min_nights: home.min_nights,
        max_nights: home.max_nights,
        max_guests: home.max_guests,
        instant_book: home.instant_book,
        cancellation_policy: CancellationPolicy::Flexible,
        deposit_percent: None,
        check_in_time: Time::constant(15, 0, 0, 0),
        check_out_time: Time::constant(11, 0, 0, 0),
        zone: home.zone.clone(),
        open_until: Some(date_of_epoch_day(home.open_until)),
        capacity: 1,
        country: home.country.clone(),
    };
    (listing, terms)
}

fn calendar(home: &Home) -> Calendar {
    let rules = |least, most| Rules { min_nights: least, max_nights: most, ..Rules::default() };
    Calendar {
        prices: home
            .prices
            .iter()
            .filter_map(|(first, end, price)| Some((range(*first, *end)?, *price)))
            .collect(),
        rules: home
            .rules
            .iter()
            .filter_map(|(first, end, least, most)| Some((range(*first, *end)?, rules(*least, *most))))
            .collect(),
    }
}

fn range(first: i32, end: i32) -> Option<Nights> {
    Nights::between(date_of_epoch_day(first), date_of_epoch_day(end))
}

fn ranges(runs: &[(i32, i32)]) -> impl Iterator<Item = Nights> {
    runs.iter().filter_map(|(first, end)| range(*first, *end))
}

/// Ascending dates as ranges.
fn runs(dates: impl Iterator<Item = Date>) -> Vec<Nights> {
    let nights = dates.filter_map(|date| Nights::between(date, add_days(date, 1)));
    let runs: roost::listing::runs::Runs<()> = nights.map(|night| (night, ())).collect();
    runs.iter().map(|(nights, ())| *nights).collect()
}

/// What tells a home of one snapshot from the same home of another: 128 bits of everything it says.
fn fingerprint(home: &Home) -> String {
    let text = serde_json::to_vec(home).unwrap_or_default();
    let mut hex = super::catalogue::hex(digest(&SHA256, &text).as_ref());
    hex.truncate(32);
    hex
}

/// An attribute as the embedded store takes it; `None` for a kind that DynamoDB may add one day.
fn plain(value: Stored) -> Option<AttributeValue> {
    Some(match value {
        Stored::S(text) => AttributeValue::S(text),
        Stored::N(number) => AttributeValue::N(number),
        Stored::B(bytes) => AttributeValue::B(bytes.into_inner()),
        Stored::Bool(flag) => AttributeValue::BOOL(flag),
        Stored::Null(null) => AttributeValue::NULL(null),
        Stored::Ss(texts) => AttributeValue::SS(texts),
        Stored::Ns(numbers) => AttributeValue::NS(numbers),
        Stored::Bs(all) => {
            AttributeValue::BS(all.into_iter().map(aws_sdk_dynamodb::primitives::Blob::into_inner).collect())
        }
        Stored::L(values) => AttributeValue::L(values.into_iter().map(plain).collect::<Option<_>>()?),
        Stored::M(values) => AttributeValue::M(
            values.into_iter().map(|(name, value)| Some((name, plain(value)?))).collect::<Option<_>>()?,
        ),
        _ => return None,
    })
}
