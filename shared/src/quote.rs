//! Quotes: signed and sealed, not stored. The price a guest saw is the price charged, with no read
//! and no write; nobody can change it, and nobody else can use one made with a token.

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use crate::booking::Party;
use crate::clock::{Duration, Instant};
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::ids::{ListingId, UserId};
use crate::listing::CancellationPolicy;
use crate::money::Currency;
use crate::pricing::{StayPrice, TaxLine};
use crate::secrets::{Purpose, Secrets};
use crate::stay::{Nights, date_of_epoch_day, epoch_day};

/// How long a quoted price can be booked.
pub const VALIDITY: Duration = Duration::from_mins(15);

/// What a quote says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Of which listing.
    pub listing: ListingId,
    /// Which nights.
    pub stay: Nights,
    /// For whom.
    pub guests: Party,
    /// At what price.
    pub price: StayPrice,
    /// Under which policy.
    pub policy: CancellationPolicy,
    /// Whose it is; `None` when it was made without an account.
    pub caller: Option<UserId>,
    /// Until when.
    pub expires_at: Instant,
    /// From when the guest may come, on the day of check-in.
    pub check_in_time: Time,
    /// Until when the guest has to leave, on the day of check-out.
    pub check_out_time: Time,
    /// How much of it is paid when it is booked, in percent, if not all.
    pub deposit_percent: Option<u8>,
}

/// A quote as it is sealed: every field, in as few bytes as a client's clipboard may thank us for.
#[derive(Serialize, Deserialize)]
struct Sealed {
    listing: u128,
    first: i32,
    nights: Vec<(u16, i64)>,
    guests: [u16; 4],
    currency: String,
    cleaning_fee: i64,
    service_fee: i64,
    taxes: Vec<(String, i64)>,
    policy: u8,
    caller: Option<u128>,
    expires_at: i64,
    times: [(i8, i8); 2],
    deposit_percent: Option<u8>,
}

const PREFIX: &str = "quo_";

impl Quote {
    /// The quote as the client carries it.
    #[must_use]
    pub fn seal(&self, secrets: &Secrets, entropy: &Entropy) -> String {
        let policy = CancellationPolicy::ALL.iter().position(|policy| *policy == self.policy);
        let sealed = Sealed {
            listing: self.listing.bits(),
            first: epoch_day(self.stay.first()),
            nights: compact_nights(&self.price),
            guests: [self.guests.adults, self.guests.children, self.guests.infants, self.guests.pets],
            currency: self.price.currency.code().to_owned(),
            cleaning_fee: self.price.cleaning_fee,
            service_fee: self.price.service_fee,
            taxes: self.price.taxes.iter().map(|tax| (tax.label.clone(), tax.amount)).collect(),
            policy: policy.and_then(|index| u8::try_from(index).ok()).unwrap_or_default(),
            caller: self.caller.map(UserId::bits),
            expires_at: self.expires_at.as_millisecond(),
            times: [self.check_in_time, self.check_out_time].map(|time| (time.hour(), time.minute())),
            deposit_percent: self.deposit_percent,
        };
        let content = postcard::to_stdvec(&sealed).expect("a quote has only plain fields");
        format!("{PREFIX}{}", secrets.seal(Purpose::Quote, "", &content, entropy))
    }

    /// The quote that `text` carries, if `caller` may use it. Whether it has expired is for later:
    /// a replayed booking does not mind.
    ///
    /// # Errors
    /// `NotFound` for a forged one and another's.
    pub fn unseal(secrets: &Secrets, text: &str, caller: UserId) -> Result<Self> {
        let read = || {
            let content = secrets.unseal(Purpose::Quote, "", text.strip_prefix(PREFIX)?)?;
            let quote = Self::from_sealed(postcard::from_bytes(&content).ok()?)?;
            quote.caller.is_none_or(|owner| owner == caller).then_some(quote)
        };
        read().ok_or(Error::NotFound)
    }

    fn from_sealed(sealed: Sealed) -> Option<Self> {
        let (stay, nights) = expand_nights(sealed.first, &sealed.nights)?;
        let [adults, children, infants, pets] = sealed.guests;
        let time = |(hour, minute): (i8, i8)| Time::new(hour, minute, 0, 0).ok();
        Some(Self {
            listing: ListingId::from_bits(sealed.listing),
            stay,
            guests: Party { adults, children, infants, pets },
            price: StayPrice {
                currency: Currency::of(&sealed.currency)?,
                nights,
                cleaning_fee: sealed.cleaning_fee,
                service_fee: sealed.service_fee,
                taxes: sealed.taxes.into_iter().map(|(label, amount)| TaxLine { label, amount }).collect(),
            },
            policy: *CancellationPolicy::ALL.get(usize::from(sealed.policy))?,
            caller: sealed.caller.map(UserId::from_bits),
            expires_at: Instant::from_millisecond(sealed.expires_at).ok()?,
            check_in_time: time(sealed.times[0])?,
            check_out_time: time(sealed.times[1])?,
            deposit_percent: sealed.deposit_percent,
        })
    }
}

/// The runs of a price as counts and prices: the first date says where they stand.
pub(crate) fn compact_nights(price: &StayPrice) -> Vec<(u16, i64)> {
    let count = |run: &Nights| u16::try_from(run.count()).expect("a stay has at most 365 nights");
    price.nights.iter().map(|(run, price)| (count(run), *price)).collect()
}

/// The reverse of [`compact_nights`]; `None` for no nights.
pub(crate) fn expand_nights(
    first: i32,
    runs: &[(u16, i64)],
) -> Option<(Nights, crate::listing::runs::Runs<i64>)> {
    let mut day = first;
    let mut nights = Vec::with_capacity(runs.len());
    for (count, price) in runs {
        let end = day.checked_add(i32::from(*count))?;
        nights.push((Nights::between(date_of_epoch_day(day), date_of_epoch_day(end))?, *price));
        day = end;
    }
    let stay = Nights::between(date_of_epoch_day(first), date_of_epoch_day(day))?;
    Some((stay, nights.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::tests::large;

    #[test]
    fn a_sealed_quote_reads_back_to_its_caller_alone() {
        let (entropy, secrets) = (Entropy::system(), Secrets::new(&"s".repeat(32), None).unwrap());
        let booking = large();
        for deposit_percent in [None, Some(30)] {
            let quote = Quote {
                listing: booking.listing,
                stay: booking.stay,
                guests: booking.guests,
                price: booking.price.clone(),
                policy: booking.policy,
                caller: Some(booking.guest),
                expires_at: booking.lapses_at,
                check_in_time: Time::constant(15, 0, 0, 0),
                check_out_time: Time::constant(11, 30, 0, 0),
                deposit_percent,
            };
            let text = quote.seal(&secrets, &entropy);
            assert_eq!(Quote::unseal(&secrets, &text, booking.guest).unwrap(), quote);
            assert!(matches!(Quote::unseal(&secrets, &text, booking.host), Err(Error::NotFound)));
        }
    }
}
