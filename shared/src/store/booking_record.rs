//! A booking as an item of less than 1 KB.

use serde::{Deserialize, Serialize};

use super::due::due;
use super::keys::{self, Key};
use super::{Item, item, record};
use crate::booking::balance::Balance;
use crate::booking::dispute::Dispute;
use crate::booking::refund::Settlement;
use crate::booking::trouble::Trouble;
use crate::booking::{
    Attempt, Booking, Heard, Mode, Outcome, Party, Returning, Reversing, Sent, Side, State,
};
use crate::clock::{Instant, Zone};
use crate::error::{Error, Result};
use crate::ids::{BookingId, ListingId, UnitId, UserId};
use crate::listing::CancellationPolicy;
use crate::money::Currency;
use crate::payment::ProviderName;
use crate::pricing::parts::Parts;
use crate::pricing::{StayPrice, TaxLine};
use crate::quote::{compact_nights, expand_nights};
use crate::stay::{Date, epoch_day};

#[derive(Serialize, Deserialize)]
struct BookingRecord {
    booking: BookingId,
    guest: UserId,
    host: UserId,
    listing: ListingId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<UnitId>,
    state: State,
    #[serde(with = "crate::stay::date")]
    check_in: Date,
    party: [u16; 4],
    /// Price runs as `count*price`, in order from check-in.
    nights: String,
    currency: Currency,
    cleaning_fee: i64,
    service_fee: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taxes: Vec<TaxLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deposit: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    balance_at: Option<i64>,
    policy: CancellationPolicy,
    zone: Zone,
    check_in_at: i64,
    check_out_at: i64,
    mode: Mode,
    created_at: i64,
    lapses_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim_until: Option<i64>,
    fingerprint: serde_bytes::ByteArray<16>,
    request_id: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<AttemptRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<Side>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<Amounts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    penalty: Option<i64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fined: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    captured: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    taken: Option<Amounts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returning: Option<Returning>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paid_out: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withheld: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sending: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reversing: Option<Reversing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payout_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entries: Option<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unsettled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dispute: Option<Dispute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tries: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    again_at: Option<i64>,
    /// Eight bytes for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    heard: Option<serde_bytes::ByteBuf>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_details: bool,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requested_unit: Option<UnitId>,
}

/// Parts of a price, in as few bytes: nights, cleaning fee, service fee, then the taxes.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Amounts(Vec<i64>);

impl From<&Parts> for Amounts {
    fn from(parts: &Parts) -> Self {
        let fees = [parts.nights, parts.cleaning_fee, parts.service_fee];
        Self(fees.into_iter().chain(parts.taxes.iter().copied()).collect())
    }
}

impl TryFrom<Amounts> for Parts {
    type Error = Error;
    fn try_from(Amounts(amounts): Amounts) -> Result<Self> {
        let [nights, cleaning_fee, service_fee, taxes @ ..] = amounts.as_slice() else {
            return Err(Error::internal("parts of a price of another shape"));
        };
        Ok(Self {
            nights: *nights,
            cleaning_fee: *cleaning_fee,
            service_fee: *service_fee,
            taxes: taxes.to_vec(),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct AttemptRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<serde_bytes::ByteArray<16>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<serde_bytes::ByteArray<16>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    at: i64,
    #[serde(default, skip_serializing_if = "is_first")]
    provider: ProviderName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resumes: Option<u8>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    captures: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    balance: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returned: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeWord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_first(provider: &ProviderName) -> bool {
    *provider == ProviderName::default()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeWord {
    Held,
    Captured,
    Act,
    Acted,
    Voided,
    Lapsed,
    Declined,
    Authenticate,
    Failed,
}

/// The booking as an item.
pub(crate) fn booking_item(booking: &Booking) -> Result<Item> {
    let nights: Vec<String> =
        compact_nights(&booking.price).iter().map(|(count, price)| format!("{count}*{price}")).collect();
    let due = due(booking);
    let party = booking.guests;
    let record = BookingRecord {
        booking: booking.id,
        guest: booking.guest,
        host: booking.host,
        listing: booking.listing,
        unit: (UnitId::from(booking.listing) != booking.unit).then_some(booking.unit),
        state: booking.state,
        check_in: booking.stay.first(),
        party: [party.adults, party.children, party.infants, party.pets],
        nights: nights.join(" "),
        currency: booking.price.currency,
        cleaning_fee: booking.price.cleaning_fee,
        service_fee: booking.price.service_fee,
        taxes: booking.price.taxes.clone(),
        deposit: booking.balance.map(|balance| balance.deposit_percent),
        balance_at: booking.balance.map(|balance| balance.next_at.as_millisecond()),
        policy: booking.policy,
        zone: booking.zone.clone(),
        check_in_at: booking.check_in_at.as_millisecond(),
        check_out_at: booking.check_out_at.as_millisecond(),
        mode: booking.mode,
        created_at: booking.created_at.as_millisecond(),
        lapses_at: booking.lapses_at.as_millisecond(),
        claim_until: booking.claim_until.map(Instant::as_millisecond),
        fingerprint: serde_bytes::ByteArray::new(booking.made_by.fingerprint),
        request_id: booking.made_by.request_id.clone(),
        attempts: booking.attempts.iter().map(attempt_record).collect(),
        method: booking.method.clone(),
        reason: booking.reason.clone(),
        cancelled_by: booking.cancelled_by,
        kept: booking.settlement.as_ref().map(|settlement| Amounts::from(&settlement.kept)),
        penalty: booking.settlement.as_ref().map(|settlement| settlement.penalty).filter(|due| *due != 0),
        fined: booking.is_fined,
        captured: Some(booking.captured).filter(|captured| *captured != 0),
        taken: Some(Amounts::from(&booking.taken)).filter(|_| booking.taken != Parts::default()),
        returning: booking.returning.clone(),
        paid_out: Some(booking.paid_out).filter(|paid| *paid != 0),
        withheld: Some(booking.withheld).filter(|withheld| *withheld != 0),
        sending: Some(booking.sending).filter(|sending| *sending != 0),
        reversing: booking.reversing,
        payout_at: booking.payout_at.map(Instant::as_millisecond),
        entries: Some(booking.entries).filter(|entries| *entries != 0),
        unsettled: booking.unsettled,
        dispute: booking.dispute.clone(),
        tries: booking.trouble.map(|trouble| trouble.tries),
        again_at: booking.trouble.and_then(|trouble| trouble.again_at).map(Instant::as_millisecond),
        heard: (!booking.heard.is_empty()).then(|| {
            let events: Vec<[u8; 8]> = booking.heard.iter().map(|event| event.0.to_be_bytes()).collect();
            serde_bytes::ByteBuf::from(events.concat())
        }),
        has_details: booking.has_details,
        version: booking.version,
        due: due.map(|(list, _)| list.word().to_owned()),
        due_at: due.map(|(_, at)| at.as_millisecond()),
        requested_unit: (booking.state == State::Requested).then_some(booking.unit),
    };
    item(keys::BOOKINGS, &booking_key(booking.id), &record)
}

fn booking_key(id: BookingId) -> Key {
    keys::booking(id)
}

/// The booking of an item.
pub(crate) fn booking_of_item(item: Item) -> Result<Booking> {
    booking_of_record(record(item)?)
}

/// The booking of an image that a stream tells; `None` when the item is not a booking but its
/// details.
pub fn booking_of_image(image: &serde_dynamo::Item) -> Result<Option<Booking>> {
    if image.inner().get("state").is_none() {
        return Ok(None);
    }
    let read = serde_dynamo::from_item(image.clone());
    booking_of_record(read.map_err(|error| Error::internal(format!("an image of another shape: {error}")))?)
        .map(Some)
}

fn booking_of_record(record: BookingRecord) -> Result<Booking> {
    let shape = || Error::internal(format!("booking {} has another shape", record.booking));
    let instant = |milliseconds| Instant::from_millisecond(milliseconds).map_err(Error::internal);
    let run = |run: &str| {
        let (count, price) = run.split_once('*')?;
        Some((count.parse().ok()?, price.parse().ok()?))
    };
    let runs: Option<Vec<(u16, i64)>> = record.nights.split(' ').map(run).collect();
    let (stay, nights) =
        runs.and_then(|runs| expand_nights(epoch_day(record.check_in), &runs)).ok_or_else(shape)?;
    let [adults, children, infants, pets] = record.party;
    let attempts: Result<Vec<Attempt>> = record.attempts.into_iter().map(attempt).collect();
    Ok(Booking {
        id: record.booking,
        guest: record.guest,
        host: record.host,
        listing: record.listing,
        unit: record.unit.unwrap_or_else(|| record.listing.into()),
        state: record.state,
        stay,
        guests: Party { adults, children, infants, pets },
        price: StayPrice {
            currency: record.currency,
            nights,
            cleaning_fee: record.cleaning_fee,
            service_fee: record.service_fee,
            taxes: record.taxes,
        },
        balance: match (record.deposit, record.balance_at) {
            (Some(deposit_percent), Some(at)) => Some(Balance { deposit_percent, next_at: instant(at)? }),
            _ => None,
        },
        policy: record.policy,
        zone: record.zone,
        check_in_at: instant(record.check_in_at)?,
        check_out_at: instant(record.check_out_at)?,
        mode: record.mode,
        created_at: instant(record.created_at)?,
        lapses_at: instant(record.lapses_at)?,
        claim_until: record.claim_until.map(instant).transpose()?,
        made_by: Sent { fingerprint: record.fingerprint.into_array(), request_id: record.request_id },
        attempts: attempts?,
        method: record.method,
        reason: record.reason,
        cancelled_by: record.cancelled_by,
        settlement: match record.kept {
            Some(kept) => {
                Some(Settlement { kept: kept.try_into()?, penalty: record.penalty.unwrap_or_default() })
            }
            None => None,
        },
        is_fined: record.fined,
        captured: record.captured.unwrap_or_default(),
        taken: record.taken.map(Parts::try_from).transpose()?.unwrap_or_default(),
        returning: record.returning,
        paid_out: record.paid_out.unwrap_or_default(),
        withheld: record.withheld.unwrap_or_default(),
        sending: record.sending.unwrap_or_default(),
        reversing: record.reversing,
        payout_at: record.payout_at.map(instant).transpose()?,
        entries: record.entries.unwrap_or_default(),
        unsettled: record.unsettled,
        dispute: record.dispute,
        trouble: match record.tries {
            Some(tries) => Some(Trouble { tries, again_at: record.again_at.map(instant).transpose()? }),
            None => None,
        },
        heard: record.heard.as_deref().map_or_else(Vec::new, |events| {
            events.as_chunks().0.iter().map(|event| Heard(u64::from_be_bytes(*event))).collect()
        }),
        has_details: record.has_details,
        version: record.version,
    })
}

fn attempt_record(attempt: &Attempt) -> AttemptRecord {
    let asked = attempt.asked_by.as_ref();
    let outcome = attempt.outcome.as_ref();
    let word = outcome.map(|outcome| match outcome {
        Outcome::Held(_) => OutcomeWord::Held,
        Outcome::Captured(_) => OutcomeWord::Captured,
        Outcome::ActionRequired { is_open: true, .. } => OutcomeWord::Act,
        Outcome::ActionRequired { is_open: false, .. } => OutcomeWord::Acted,
        Outcome::Voided(_) => OutcomeWord::Voided,
        Outcome::Lapsed(_) => OutcomeWord::Lapsed,
        Outcome::Declined => OutcomeWord::Declined,
        Outcome::AuthenticationRequired => OutcomeWord::Authenticate,
        Outcome::Failed => OutcomeWord::Failed,
    });
    AttemptRecord {
        key: asked.map(|(key, _)| serde_bytes::ByteArray::new(key.to_be_bytes())),
        fingerprint: asked.map(|(_, sent)| serde_bytes::ByteArray::new(sent.fingerprint)),
        request_id: asked.map(|(_, sent)| sent.request_id.clone()),
        at: attempt.started_at.as_millisecond(),
        provider: attempt.provider,
        resumes: attempt.resumes,
        captures: attempt.captures,
        balance: attempt.is_balance,
        returned: Some(attempt.returned).filter(|returned| *returned != 0),
        outcome: word,
        reference: outcome.and_then(Outcome::name).map(str::to_owned),
        secret: match outcome {
            Some(Outcome::ActionRequired { secret, .. }) => Some(secret.clone()),
            _ => None,
        },
    }
}

fn attempt(record: AttemptRecord) -> Result<Attempt> {
    let asked_by = match (record.key, record.fingerprint, record.request_id) {
        (Some(key), Some(fingerprint), Some(request_id)) => {
            let sent = Sent { fingerprint: fingerprint.into_array(), request_id };
            Some((u128::from_be_bytes(key.into_array()), sent))
        }
        _ => None,
    };
    let reference = record.reference.unwrap_or_default();
    Ok(Attempt {
        asked_by,
        started_at: Instant::from_millisecond(record.at).map_err(Error::internal)?,
        provider: record.provider,
        resumes: record.resumes,
        captures: record.captures,
        is_balance: record.balance,
        returned: record.returned.unwrap_or_default(),
        outcome: record.outcome.map(|word| match word {
            OutcomeWord::Held => Outcome::Held(reference),
            OutcomeWord::Captured => Outcome::Captured(reference),
            OutcomeWord::Act | OutcomeWord::Acted => Outcome::ActionRequired {
                reference,
                secret: record.secret.unwrap_or_default(),
                is_open: matches!(word, OutcomeWord::Act),
            },
            OutcomeWord::Voided => Outcome::Voided(reference),
            OutcomeWord::Lapsed => Outcome::Lapsed(reference),
            OutcomeWord::Declined => Outcome::Declined,
            OutcomeWord::Authenticate => Outcome::AuthenticationRequired,
            OutcomeWord::Failed => Outcome::Failed,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::tests::large;

    /// The size that the store charges for: names and values.
    fn size(value: &aws_sdk_dynamodb::types::AttributeValue) -> usize {
        use aws_sdk_dynamodb::types::AttributeValue;
        match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(number) => number.len().div_ceil(2) + 1,
            AttributeValue::B(bytes) => bytes.as_ref().len(),
            AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + size(value)).sum::<usize>(),
            AttributeValue::M(map) => {
                3 + map.iter().map(|(name, value)| 1 + name.len() + size(value)).sum::<usize>()
            }
            _ => 1,
        }
    }

    #[test]
    fn a_booking_reads_back_and_is_one_write_unit() {
        let booking = large().hearing(Heard(u64::MAX)).hearing(Heard(7));
        let item = booking_item(&booking).unwrap();
        let bytes: usize = item.iter().map(|(name, value)| name.len() + size(value)).sum();
        assert!(bytes <= 1024, "{bytes} bytes");
        assert_eq!(booking_of_item(item).unwrap(), booking);
    }
}
