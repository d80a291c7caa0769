//! The one clock that every function reads.

use std::fmt;
use std::sync::Arc;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
pub use jiff::{SignedDuration as Duration, Timestamp as Instant};

/// Tells the time: the machine's, or one that the local stack and the simulation move forward.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn system() -> Self {
        Self::of(Instant::now)
    }

    /// A clock of the caller's.
    pub fn of(now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Now, to the millisecond: what the tables keep and the interface shows.
    #[must_use]
    pub fn now(&self) -> Instant {
        let milliseconds = (self.0)().as_millisecond();
        Instant::from_millisecond(milliseconds).expect("a truncated instant is in range")
    }

    /// Today's civil date in `zone`.
    #[must_use]
    pub fn today(&self, zone: &Zone) -> Date {
        zone.date_of(self.now())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// An IANA time zone by its name. Holds for the zone of a listing, where nights are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(String);

impl Zone {
    /// The zone of this IANA name; `None` when the database has none such.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        // jiff also takes POSIX strings and offsets elsewhere; a name of the database is all we keep.
        let zone = TimeZone::get(name).ok()?;
        zone.iana_name().map(|name| Self(name.to_owned()))
    }

    /// The IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The civil date at this instant in the zone.
    #[must_use]
    pub fn date_of(&self, instant: Instant) -> Date {
        instant.to_zoned(self.rules()).date()
    }

    /// The instant of this date and time of day in the zone. A time that a clock change skips is
    /// read as the same distance after midnight on the old clock; one that it repeats, as the first.
    #[must_use]
    pub fn instant_of(&self, date: Date, time: Time) -> Instant {
        self.rules()
            .to_ambiguous_zoned(date.to_datetime(time))
            .compatible()
            .map_or(Instant::MAX, |zoned| zoned.timestamp())
    }

    /// The time of day at this instant in the zone.
    #[must_use]
    pub fn time_of(&self, instant: Instant) -> Time {
        instant.to_zoned(self.rules()).time()
    }

    fn rules(&self) -> TimeZone {
        TimeZone::get(&self.0).unwrap_or(TimeZone::UTC)
    }
}

impl serde::Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| serde::de::Error::custom("not an IANA time zone"))
    }
}
