//! The one clock that every function reads, and by which it waits.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use futures::future::{Either, select};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
pub use jiff::{SignedDuration as Duration, Timestamp as Instant};

/// Tells the time and waits: by the machine's clock, by one that the local stack moves forward, or by
/// the simulation's, where a day passes in a moment.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Instant + Send + Sync>,
    timer: Arc<dyn Timer>,
}

/// A wait under way.
pub type Wait = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// What waits, and measures how long something took. Nobody sets it: it only runs.
pub trait Timer: Send + Sync {
    /// How long it has been running.
    fn passed(&self) -> std::time::Duration;
    /// Waits so long.
    fn sleep(&self, time: std::time::Duration) -> Wait;
}

/// The machine's own, through the runtime.
struct Machine;

impl Timer for Machine {
    fn passed(&self) -> std::time::Duration {
        static BEGAN: LazyLock<tokio::time::Instant> = LazyLock::new(tokio::time::Instant::now);
        BEGAN.elapsed()
    }

    fn sleep(&self, time: std::time::Duration) -> Wait {
        Box::pin(tokio::time::sleep(time))
    }
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn system() -> Self {
        Self::of(Instant::now)
    }

    /// A clock of the caller's that waits as long as the machine does.
    pub fn of(now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self::with(now, Machine)
    }

    /// A clock of the caller's that waits in its own way too.
    pub fn with(now: impl Fn() -> Instant + Send + Sync + 'static, timer: impl Timer + 'static) -> Self {
        Self { now: Arc::new(now), timer: Arc::new(timer) }
    }

    /// Now, to the millisecond: what the tables keep and the interface shows.
    #[must_use]
    pub fn now(&self) -> Instant {
        let milliseconds = (self.now)().as_millisecond();
        Instant::from_millisecond(milliseconds).expect("a truncated instant is in range")
    }

    /// How long the clock has been running: for what a call may take, whoever sets the time meanwhile.
    #[must_use]
    pub fn passed(&self) -> std::time::Duration {
        self.timer.passed()
    }

    /// Waits so long.
    #[must_use]
    pub fn sleep(&self, time: std::time::Duration) -> Wait {
        self.timer.sleep(time)
    }

    /// What `work` makes, unless it takes longer than `time`: then it is dropped.
    pub async fn within<T>(&self, time: std::time::Duration, work: impl Future<Output = T>) -> Option<T> {
        match select(std::pin::pin!(work), self.sleep(time)).await {
            Either::Left((made, _)) => Some(made),
            Either::Right(((), _)) => None,
        }
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
