//! The only home of key strings: which item stands where. A golden test pins them, since a changed
//! key is a lost item.

use crate::clock::Instant;
use crate::geo::cells::{Cell, Region};
use crate::ids::{BookingId, EventId, ListingId, PhotoId, SessionId, UnitId, UserId};
use crate::money::Currency;
use crate::secrets::fingerprint;
use crate::stay::Date;

/// The partition and sort key of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The partition key's value.
    pub partition: String,
    /// The sort key's value.
    pub sort: String,
}

impl Key {
    /// Whether it is the key of this unit's projection in some cell.
    #[must_use]
    pub fn is_of(&self, unit: UnitId) -> bool {
        self.sort == unit.to_string()
    }
}

fn key(partition: impl ToString, sort: impl ToString) -> Key {
    Key { partition: partition.to_string(), sort: sort.to_string() }
}

/// Users: the attributes of its key.
pub const USERS: (&str, &str) = ("owner", "item");
/// Listings: the attributes of its key.
pub const LISTINGS: (&str, &str) = ("listing", "item");
/// Listings by host: its key attributes are `host` and `listing`.
pub const LISTINGS_BY_HOST: &str = "by_host";
/// Nights: the attributes of its key.
pub const NIGHTS: (&str, &str) = ("unit", "date");
/// Bookings: the attributes of its key.
pub const BOOKINGS: (&str, &str) = ("booking", "item");
/// Bookings by guest: its key attributes are `guest` and `check_in`.
pub const BOOKINGS_BY_GUEST: &str = "by_guest";
/// Bookings by host: its key attributes are `host` and `check_in`.
pub const BOOKINGS_BY_HOST: &str = "by_host";
/// Bookings that something is due for: its key attributes are `due` and `due_at`.
pub const BOOKINGS_BY_DUE: &str = "by_due";
/// Open requests of a unit: its key attributes are `requested_unit` and `check_in`.
pub const BOOKINGS_BY_REQUEST: &str = "by_request";
/// Projections: the attributes of its key.
pub const PROJECTIONS: (&str, &str) = ("place", "unit");

/// An account.
#[must_use]
pub fn user(id: UserId) -> Key {
    key(id, "user")
}

/// The claim of an account on its address, which is normalized.
#[must_use]
pub fn email(address: &str) -> Key {
    key(format!("email#{address}"), "email")
}

/// A session of an account.
#[must_use]
pub fn session(user: UserId, session: SessionId) -> Key {
    key(user, session)
}

/// Where a host is paid out.
#[must_use]
pub fn payout_account(host: UserId) -> Key {
    key(host, "payout_account")
}

/// That something was done about an event, which is not to be done twice.
#[must_use]
pub fn done(event: EventId, what: &str) -> Key {
    key(format!("event#{event}"), what)
}

/// A listing's description.
#[must_use]
pub fn listing(id: ListingId) -> Key {
    key(id, "listing")
}

/// The terms of a unit.
#[must_use]
pub fn terms(listing: ListingId, unit: UnitId) -> Key {
    key(listing, format!("unit#{unit}"))
}

/// A unit's calendar of a year. It sorts right after the unit's terms, so that one query reads both.
#[must_use]
pub fn calendar(listing: ListingId, unit: UnitId, year: i16) -> Key {
    key(listing, format!("unit#{unit}#{year}"))
}

/// Which unit, and which year of its calendar, a sort key of [`terms`] or [`calendar`] is about.
#[must_use]
pub fn unit_of_sort(sort: &str) -> Option<(UnitId, Option<i16>)> {
    let rest = sort.strip_prefix("unit#")?;
    match rest.split_once('#') {
        None => Some((rest.parse().ok()?, None)),
        Some((unit, year)) => Some((unit.parse().ok()?, Some(year.parse().ok()?))),
    }
}

/// A listing as it was created, for the key that it was created with.
#[must_use]
pub fn created(id: ListingId) -> Key {
    key(id, "created")
}

/// A listing's photos.
#[must_use]
pub fn photos(id: ListingId) -> Key {
    key(id, "photos")
}

/// The bucket's key of what a host sends to become a photo.
#[must_use]
pub fn upload(listing: ListingId, photo: PhotoId) -> String {
    format!("uploads/{listing}/{photo}")
}

/// Which photo of which listing an upload's key is about.
#[must_use]
pub fn photo_of_upload(key: &str) -> Option<(ListingId, PhotoId)> {
    let (listing, photo) = key.strip_prefix("uploads/")?.split_once('/')?;
    Some((listing.parse().ok()?, photo.parse().ok()?))
}

/// An entry of a booking's ledger. Numbers sort as text.
#[must_use]
pub fn ledger_entry(booking: BookingId, number: u32) -> Key {
    key(booking, format!("{LEDGER}{number:06}"))
}

/// What the sort keys of a booking's ledger begin with.
pub const LEDGER: &str = "ledger#";

/// Which entry of a ledger a sort key is of.
#[must_use]
pub fn number_of_entry(sort: &str) -> Option<u32> {
    sort.strip_prefix(LEDGER)?.parse().ok()
}

/// What a run of the daily reconciliation found. Runs sort by their time.
#[must_use]
pub fn reconciliation(at: Instant) -> Key {
    key(RECONCILIATIONS, format!("{at:.3}"))
}

/// The partition of all runs of the reconciliation.
pub const RECONCILIATIONS: &str = "reconciliation";

/// What stands in the way of a booking's money.
#[must_use]
pub fn payment_issue(booking: BookingId) -> Key {
    key(booking, "issue")
}

/// Where the open issues wait in the index [`BOOKINGS_BY_DUE`].
pub const OPEN_ISSUES: &str = "issue";

/// What a host owes in a currency.
#[must_use]
pub fn debt(host: UserId, currency: Currency) -> Key {
    key(host, format!("debt#{}", currency.code()))
}

/// Whether a provider can be reached.
#[must_use]
pub fn circuit(provider: &str) -> Key {
    key(format!("provider#{provider}"), "circuit")
}

/// When a catalogue was first imported.
#[must_use]
pub fn import(fingerprint: &str) -> Key {
    key(format!("import#{fingerprint}"), "import")
}

/// A night of a unit.
#[must_use]
pub fn night(unit: UnitId, date: Date) -> Key {
    key(unit, date)
}

/// A booking.
#[must_use]
pub fn booking(id: BookingId) -> Key {
    key(id, "booking")
}

/// Who stays and what they wrote to the host.
#[must_use]
pub fn booking_details(id: BookingId) -> Key {
    key(id, "details")
}

/// Search: which regions have cells with listings in them.
#[must_use]
pub fn regions() -> Key {
    key("regions", "directory")
}

/// Search: which cells of a region have listings, and how often each has changed.
#[must_use]
pub fn region(region: Region) -> Key {
    key(format!("region#{region}"), "directory")
}

/// Search: which cells a city's listings lie in. The store's partition keys have 2,048 bytes at most, and a hundred
/// letters can be written out as more.
#[must_use]
pub fn city(name: &str) -> Key {
    const LONGEST: usize = 1_000;
    if name.len() > LONGEST {
        let digest =
            u128::from_be_bytes(fingerprint(name.as_bytes())[..16].try_into().expect("16 of 32 bytes"));
        return key(format!("city#{digest:032x}"), "directory");
    }
    key(format!("city#{name}"), "directory")
}

/// Search: a unit's projection in a cell.
#[must_use]
pub fn projection(cell: Cell, unit: UnitId) -> Key {
    key(format!("cell#{cell}"), unit)
}

/// Search: the partition of a cell's projections.
#[must_use]
pub fn cell(cell: Cell) -> String {
    format!("cell#{cell}")
}

/// Search: whether a partition is a cell's.
#[must_use]
pub fn is_cell(partition: &str) -> bool {
    partition.starts_with("cell#")
}

/// Search: the newest point in time of the index.
#[must_use]
pub fn search_point() -> Key {
    key("point", "directory")
}

/// Search: how often a unit was projected, and where its projections stand.
#[must_use]
pub fn projected(unit: UnitId) -> Key {
    key(format!("projected#{unit}"), unit)
}
