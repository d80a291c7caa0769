//! Writing projections: one item per unit, in the partition of its cell, under a count of the
//! unit's projections as version. Shuffled, repeated and late calls end in the same items.
//!
//! - The counter goes up before anything is read, so of two projections the one with the higher
//!   version has read the newer state, and an item is written only over a lower version.
//! - A projection that leaves a cell (its listing moved, or went off sale) leaves a mark there with
//!   its version, which a late writer does not get past. Searches skip marks; the table's
//!   time-to-live removes them.
//! - A cell is announced before it gets its first projection, and counted up after each: a search
//!   never misses a cell, nor keeps one that has changed.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use aws_smithy_types::Blob;

use super::cells::squares;
use super::keys::{self, Key};
use super::nights::closing;
use super::{Store, fault, key_of, number, text};
use crate::clock::Duration;
use crate::error::{Error, Result};
use crate::function::Record;
use crate::geo::cells::Cell;
use crate::ids::{ListingId, UnitId};
use crate::search::projection::Projection;
use crate::search::words::words;
use crate::stay::{BOOKING_WINDOW, Nights, add_days};

/// How long the mark of a projection stays: longer than a record waits in its stream, and then in the bucket of
/// failures to be replayed (90 days, `infra/data.yaml`).
const MARK_STAYS: Duration = Duration::from_hours(92 * 24);

/// How often a unit was projected, and where its projections stand.
#[derive(Debug)]
struct Projected {
    version: u64,
    cells: BTreeSet<Cell>,
    city: Option<String>,
}

impl Store {
    /// Brings what search knows of a unit up to what its tables say now.
    ///
    /// # Errors
    /// `Unavailable` when the store did not answer; calling again is safe and finishes the work.
    pub async fn project(&self, unit: UnitId) -> Result<()> {
        let projected = self.count_projection(unit).await?;
        let projection = self.projection_now(unit).await?;
        let home = projection.as_ref().map(|projection| Cell::of(projection.location));
        if let (Some(projection), Some(home)) = (&projection, home) {
            if !self.announce(unit, projection, home, &projected).await? {
                // A newer call has begun, and read what this one has read and more.
                return Ok(());
            }
            self.put_projection(unit, home, projected.version, Some(projection)).await?;
        }
        for left in projected.cells.iter().filter(|cell| Some(**cell) != home) {
            self.put_projection(unit, *left, projected.version, None).await?;
            self.forget_cell(unit, *left, projected.version).await?;
        }
        Ok(())
    }

    /// What search should know of a unit: everything is read after the counter went up, and strongly.
    async fn projection_now(&self, unit: UnitId) -> Result<Option<Projection>> {
        // Two days back, so that it is the past in every zone.
        let utc_today = self.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let from = add_days(utc_today, -2);
        let range = Nights::between(from, add_days(utc_today, 2 * i64::from(BOOKING_WINDOW)))
            .ok_or_else(|| Error::internal("the booking window has no night"))?;
        let (offer, nights) = futures::try_join!(self.offer(unit.into()), self.nights(unit, range, true))?;
        let Some(offer) = offer else { return Ok(None) };
        let projection = Projection::of(&offer.listing, &offer.terms, &offer.calendar, &nights, from);
        Ok(projection.map(|mut projection| {
            projection.photo = offer.album.cover();
            projection
        }))
    }

    /// Counts a projection of the unit.
    async fn count_projection(&self, unit: UnitId) -> Result<Projected> {
        let counted = self
            .client
            .update_item()
            .table_name(&self.tables.projections)
            .set_key(Some(key_of(keys::PROJECTIONS, &keys::projected(unit))))
            .update_expression("ADD #version :one")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(fault)?;
        let item = counted.attributes.unwrap_or_default();
        let version = item.get("version").and_then(|version| version.as_n().ok()?.parse().ok());
        Ok(Projected {
            version: version.ok_or_else(|| Error::internal("a counter has no number"))?,
            cells: squares(&item)?.into_iter().collect(),
            city: item.get("city").and_then(|city| city.as_s().ok()).cloned(),
        })
    }

    /// Makes a unit's cell known to searches of its region and of its city. Costs nothing while a
    /// unit stays where it is. `false` when a newer projection has begun meanwhile.
    async fn announce(
        &self,
        unit: UnitId,
        projection: &Projection,
        home: Cell,
        projected: &Projected,
    ) -> Result<bool> {
        let city = words(&projection.city);
        if projected.cells.contains(&home) && projected.city.as_ref() == Some(&city) {
            return Ok(true);
        }
        self.add_square(&keys::city(&city), &home).await?;
        self.add_square(&keys::regions(), &home.region()).await?;
        // From here on the next projection knows that this one may stand in the cell.
        let noted = self
            .client
            .update_item()
            .table_name(&self.tables.projections)
            .set_key(Some(key_of(keys::PROJECTIONS, &keys::projected(unit))))
            .update_expression("ADD #squares :home SET #city = :city")
            .condition_expression("#version = :mine")
            .expression_attribute_names("#squares", "squares")
            .expression_attribute_names("#city", "city")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":home", set_of(home))
            .expression_attribute_values(":city", text(city))
            .expression_attribute_values(":mine", number(projected.version))
            .send()
            .await;
        unless_outdated(noted.map_err(|error| (is_refused(&error), fault(error))))
    }

    /// Writes a unit's projection into a cell, or the mark that it has left, unless there is a newer
    /// one; then counts the cell up, so that searches read it again.
    async fn put_projection(
        &self,
        unit: UnitId,
        cell: Cell,
        version: u64,
        projection: Option<&Projection>,
    ) -> Result<()> {
        let mut item = key_of(keys::PROJECTIONS, &keys::projection(cell, unit));
        item.insert("version".into(), number(version));
        match projection {
            Some(projection) => {
                item.insert("projection".into(), AttributeValue::B(Blob::new(projection.to_bytes())));
            }
            None => {
                let removed_at = (self.clock.now() + MARK_STAYS).as_second();
                item.insert("expires".into(), number(removed_at));
            }
        }
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.projections)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#version) OR #version < :mine")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":mine", number(version))
            .send()
            .await;
        if unless_outdated(put.map_err(|error| (is_refused(&error), fault(error))))? {
            self.count_change(cell).await?;
        }
        Ok(())
    }

    async fn count_change(&self, cell: Cell) -> Result<()> {
        self.client
            .update_item()
            .table_name(&self.tables.projections)
            .set_key(Some(key_of(keys::PROJECTIONS, &keys::region(cell.region()))))
            .update_expression("ADD #cell :one")
            .expression_attribute_names("#cell", cell.to_string())
            .expression_attribute_values(":one", number(1))
            .send()
            .await
            .map_err(fault)?;
        Ok(())
    }

    /// Forgets a cell that the unit has left, unless a newer projection has begun.
    async fn forget_cell(&self, unit: UnitId, left: Cell, version: u64) -> Result<()> {
        let forgotten = self
            .client
            .update_item()
            .table_name(&self.tables.projections)
            .set_key(Some(key_of(keys::PROJECTIONS, &keys::projected(unit))))
            .update_expression("DELETE #squares :left")
            .condition_expression("#version = :mine")
            .expression_attribute_names("#squares", "squares")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":left", set_of(left))
            .expression_attribute_values(":mine", number(version))
            .send()
            .await;
        unless_outdated(forgotten.map_err(|error| (is_refused(&error), fault(error)))).map(|_| ())
    }

    /// Lists a square in a directory. Directories are read first: nearly always it is there already,
    /// and a read of a large set costs a fraction of writing it.
    async fn add_square(&self, directory: &Key, square: &impl ToString) -> Result<()> {
        let name = square.to_string();
        let item = self.directory_item(directory).await?.unwrap_or_default();
        if squares::<String>(&item)?.contains(&name) {
            return Ok(());
        }
        self.client
            .update_item()
            .table_name(&self.tables.projections)
            .set_key(Some(key_of(keys::PROJECTIONS, directory)))
            .update_expression("ADD #squares :square")
            .expression_attribute_names("#squares", "squares")
            .expression_attribute_values(":square", set_of(name))
            .send()
            .await
            .map_err(fault)?;
        Ok(())
    }
}

/// The unit whose projection a change of the tables of listings or nights may change; `None` for what search does not
/// know: other items, and nights that are as open or closed as before, as when a hold is paid.
#[must_use]
pub fn unit_of_change(record: &Record) -> Option<UnitId> {
    let key = |name: &str| match record.keys.inner().get(name) {
        Some(serde_dynamo::AttributeValue::S(text)) => Some(text.as_str()),
        _ => None,
    };
    if let Some(unit) = key(keys::NIGHTS.0) {
        // A record without images says nothing of what has changed.
        let is_told = record.old.is_some() || record.new.is_some();
        let is_as_before = is_told && closing(record.old.as_ref()) == closing(record.new.as_ref());
        return unit.parse().ok().filter(|_| !is_as_before);
    }
    let listing: ListingId = key(keys::LISTINGS.0)?.parse().ok()?;
    let item = key(keys::LISTINGS.1)?;
    if item == keys::listing(listing).sort || item == keys::photos(listing).sort {
        return Some(listing.into());
    }
    keys::unit_of_sort(item).map(|(unit, _)| unit)
}

fn set_of(square: impl ToString) -> AttributeValue {
    AttributeValue::Ss(vec![square.to_string()])
}

/// Whether a conditional write was done; `false` when its condition refused it.
fn unless_outdated<T>(written: std::result::Result<T, (bool, Error)>) -> Result<bool> {
    match written {
        Ok(_) => Ok(true),
        Err((true, _)) => Ok(false),
        Err((false, error)) => Err(error),
    }
}

fn is_refused<E, R>(error: &aws_sdk_dynamodb::error::SdkError<E, R>) -> bool
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    error.as_service_error().and_then(|error| error.code()) == Some("ConditionalCheckFailedException")
}

#[cfg(test)]
mod tests {
    use super::super::nights::{claims_value, night_key, night_of_item};
    use super::*;
    use crate::clock::Instant;
    use crate::ids::BookingId;
    use crate::night::Claim;
    use crate::stay::date_of_epoch_day;

    #[test]
    fn a_night_that_opens_or_closes_is_a_change_and_one_that_does_neither_is_none() {
        let unit = UnitId::from_bits(7);
        let key = night_key(&keys::night(unit, date_of_epoch_day(21_000)));
        let item = |is_blocked: bool, claims: u128, until: i64| {
            let until = Instant::from_second(until).unwrap();
            let claim = |id| Claim { booking: BookingId::from_bits(id), until };
            let mut item = key.clone();
            if is_blocked {
                item.insert("blocked".into(), text("mine"));
            }
            if claims > 0 {
                item.insert("bookings".into(), claims_value(&(0..claims).map(claim).collect::<Vec<_>>()));
            }
            item
        };
        let states =
            || [false, true].into_iter().flat_map(|blocked| (0..4).map(move |claims| (blocked, claims)));
        for ((before, after), is_there) in states()
            .flat_map(|one| states().map(move |other| (one, other)))
            .zip([true, false].into_iter().cycle())
        {
            let (old, new) = (item(before.0, before.1, 5), item(after.0, after.1, 9));
            let closed = |item, capacity| night_of_item(item).unwrap().is_closed(capacity);
            let differs = (1..4).any(|capacity| closed(&old, capacity) != closed(&new, capacity));
            // One that is new was open before.
            let old = (is_there || before != (false, 0)).then(|| old.into());
            let record =
                Record { sequence: "1".into(), keys: key.clone().into(), old, new: Some(new.into()) };
            let is_told = unit_of_change(&record).is_some();
            assert!(is_told || !differs, "{before:?} {after:?}");
            assert!(!is_told || before != after, "{before:?} {after:?}");
        }
        let untold = Record { sequence: "1".into(), keys: key.into(), old: None, new: None };
        assert_eq!(unit_of_change(&untold), Some(unit), "who calls without images wants it projected");
    }
}
