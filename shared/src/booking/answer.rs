//! A booking as its guest and its host read it. The first answer of a call is rendered from what
//! never changes in the booking, so a replay is the same to the byte and needs no stored copy.

use serde::{Deserialize, Serialize};

use super::code::confirmation_code;
use super::{Booking, HOLD, Mode, Outcome, Party, Side, State, TIME_TO_RESPOND};
use crate::clock::Instant;
use crate::ids::{BookingId, ListingId, UserId};
use crate::money::Money;
use crate::pricing::Line;
use crate::stay::Date;

/// A booking, as the contract shows it.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BookingView {
    /// Its id.
    pub id: BookingId,
    /// What the guest reads out at the door.
    pub confirmation_code: String,
    /// Where it stands.
    #[schemars(extend("enum" = State::WORDS))]
    pub status: &'static str,
    /// Where.
    pub listing_id: ListingId,
    /// Whose place it is.
    pub host_id: UserId,
    /// Who stays.
    pub guest_id: UserId,
    /// The first night.
    #[schemars(with = "String", extend("format" = "date"))]
    pub check_in: Date,
    /// The day after the last night.
    #[schemars(with = "String", extend("format" = "date"))]
    pub check_out: Date,
    /// How many people.
    pub guests: Party,
    /// What it costs.
    pub price: PriceView,
    /// Where its money stands.
    pub payment: PaymentView,
    /// Until when a hold keeps its nights.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub hold_expires_at: Option<Instant>,
    /// Until when the host may answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub respond_by: Option<Instant>,
    /// Who called it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<Side>,
    /// Why it was declined or called off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The guest's name, for the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest: Option<GuestName>,
    /// Who stays, as the guest wrote it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub guest_details: Vec<GuestDetail>,
    /// What the guest wrote to the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was made.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: Instant,
}

/// What a booking costs.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct PriceView {
    /// The parts.
    pub lines: Vec<Line>,
    /// Their sum.
    pub total: Money,
}

/// Where a booking's money stands.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentView {
    /// Where.
    pub status: PaymentStatus,
    /// How much is or was to be paid.
    pub amount: Money,
    /// What is paid later, where it is paid in two and the balance is not taken yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<BalanceView>,
    /// What the guest's client confirms the payment with, at the provider, while that is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

/// The balance of a stay that is paid in two.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BalanceView {
    /// How much.
    pub amount: Money,
    /// When it is due, and charged to the card of the deposit if that was kept. It can be paid before, and for
    /// three days after.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub due_at: Instant,
}

/// Where a booking's money stands: of a stay that is paid in two, the deposit, or the balance while it is
/// being paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Nothing has been tried.
    None,
    /// The provider is being asked.
    Processing,
    /// The bank wants the guest to confirm, at the provider; then the payment is made again.
    RequiresAction,
    /// The money is held.
    Authorized,
    /// The money has been taken.
    Captured,
    /// Some of the taken money has been returned.
    PartiallyRefunded,
    /// All of it has been returned.
    Refunded,
    /// The hold was given back.
    Voided,
    /// Nothing is held.
    Failed,
}

/// A guest's name.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GuestName {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
}

/// One of those who stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GuestDetail {
    /// Name.
    pub name: String,
    /// Age in years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<i64>,
}

/// Who stays and what they wrote: the second item of a booking.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Who stays.
    #[serde(default)]
    pub guests: Vec<GuestDetail>,
    /// What the guest wrote to the host.
    #[serde(default)]
    pub message: Option<String>,
}

impl Details {
    /// Whether there is nothing to keep.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.guests.is_empty() && self.message.is_none()
    }
}

impl BookingView {
    /// The booking as it reads at `now`.
    #[must_use]
    pub fn at(booking: &Booking, now: Instant) -> Self {
        let state = booking.state_at(now);
        let last = booking.attempts.last().and_then(|attempt| attempt.outcome.as_ref());
        let last = booking.paying_attempt().map(|(_, outcome)| outcome).or(last);
        let is_balance = |index: &usize| booking.attempts[*index].is_balance;
        match (state, booking.waiting_attempt()) {
            (State::Held, Some(index)) => return Self::waiting(booking, index),
            (State::Confirmed, Some(index)) if is_balance(&index) && booking.is_being_collected(now) => {
                return Self::waiting(booking, index);
            }
            _ => {}
        }
        let payment = match (state, last) {
            (State::PaymentStarted, _) => PaymentStatus::Processing,
            (State::Confirmed, _) if booking.is_being_collected(now) => PaymentStatus::Processing,
            (_, Some(Outcome::Held(_))) => PaymentStatus::Authorized,
            (_, Some(Outcome::Captured(_))) => match booking.taken.total() {
                0 => PaymentStatus::Refunded,
                left if left < booking.captured => PaymentStatus::PartiallyRefunded,
                _ => PaymentStatus::Captured,
            },
            (_, Some(Outcome::Voided(_))) => PaymentStatus::Voided,
            (
                _,
                Some(
                    Outcome::ActionRequired { .. }
                    | Outcome::Declined
                    | Outcome::AuthenticationRequired
                    | Outcome::Failed
                    | Outcome::Lapsed(_),
                ),
            )
            | (State::PaymentFailed, None) => PaymentStatus::Failed,
            (_, None) => PaymentStatus::None,
        };
        let mut view = Self::of(booking, state, payment);
        if state == State::Held && booking.state == State::Held {
            view.hold_expires_at = Some(booking.lapses_at);
        }
        if matches!(state, State::Held | State::Confirmed) && booking.owes_balance() {
            view.payment.balance = balance(booking);
        }
        view.cancelled_by = booking.cancelled_by;
        view.reason.clone_from(&booking.reason);
        view
    }

    /// What the call that made the booking answered when it succeeded.
    #[must_use]
    pub fn first(booking: &Booking) -> Self {
        match booking.mode {
            Mode::PaidAtOnce => Self::paid(booking, 0),
            Mode::Held => {
                let mut view = Self::of(booking, State::Held, PaymentStatus::None);
                view.payment.balance = balance(booking);
                view
            }
            Mode::Requested => Self::of(booking, State::Requested, PaymentStatus::None),
        }
    }

    /// What the call that made attempt `index` to pay the booking answered when it succeeded, or when the
    /// bank wanted the guest to confirm.
    #[must_use]
    pub fn paid(booking: &Booking, index: usize) -> Self {
        let outcome = booking.attempts.get(index).and_then(|attempt| attempt.outcome.as_ref());
        if matches!(outcome, Some(Outcome::ActionRequired { .. })) {
            return Self::waiting(booking, index);
        }
        let attempt = booking.attempts.get(index);
        let captures = attempt.is_some_and(|attempt| attempt.captures);
        let payment = if captures { PaymentStatus::Captured } else { PaymentStatus::Authorized };
        let mut view = Self::of(booking, State::Confirmed, payment);
        // As it was then: with the balance to be paid, or with it paid.
        let is_balance = attempt.is_some_and(|attempt| attempt.is_balance);
        view.payment.balance = balance(booking).filter(|_| !is_balance);
        view
    }

    /// The booking while attempt `index` waits for the guest: its nights are kept for as long as a hold's.
    fn waiting(booking: &Booking, index: usize) -> Self {
        let attempt = booking.attempts.get(index);
        let is_balance = attempt.is_some_and(|attempt| attempt.is_balance);
        let state = if is_balance { State::Confirmed } else { State::Held };
        let mut view = Self::of(booking, state, PaymentStatus::RequiresAction);
        view.payment.balance = balance(booking);
        if let Some(attempt) = attempt {
            view.hold_expires_at = (!is_balance).then(|| booking.waits_until(index));
            if let Some(Outcome::ActionRequired { secret, .. }) = &attempt.outcome {
                view.payment.client_secret = Some(secret.clone());
            }
        }
        view
    }

    fn of(booking: &Booking, state: State, payment: PaymentStatus) -> Self {
        let hold = matches!(state, State::Held) && booking.mode == Mode::Held;
        Self {
            id: booking.id,
            confirmation_code: confirmation_code(booking.id),
            status: state.word(),
            listing_id: booking.listing,
            host_id: booking.host,
            guest_id: booking.guest,
            check_in: booking.stay.first(),
            check_out: booking.stay.end(),
            guests: booking.guests,
            price: PriceView { lines: booking.price.lines(), total: booking.total() },
            payment: PaymentView {
                status: payment,
                amount: booking.total(),
                balance: None,
                client_secret: None,
            },
            hold_expires_at: hold.then(|| booking.created_at + HOLD),
            respond_by: (state == State::Requested).then(|| booking.created_at + TIME_TO_RESPOND),
            cancelled_by: None,
            reason: None,
            guest: None,
            guest_details: Vec::new(),
            message: None,
            created_at: booking.created_at,
        }
    }

    /// The view with who stays and what they wrote.
    #[must_use]
    pub fn with(mut self, details: Details) -> Self {
        self.guest_details = details.guests;
        self.message = details.message;
        self
    }
}

/// What is paid later, and when.
fn balance(booking: &Booking) -> Option<BalanceView> {
    booking.balance.map(|_| BalanceView {
        amount: booking.price.money(booking.balance_parts().total()),
        due_at: booking.balance_due_at(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::Attempt;
    use crate::booking::balance::Balance;
    use crate::booking::tests::large;
    use serde_json::Value;

    #[test]
    fn what_went_back_is_told_as_nothing_a_part_or_all() {
        let mut booking = Booking { state: State::Cancelled, ..large() };
        booking.attempts[0].outcome = Some(Outcome::Captured("pi_1".into()));
        let whole = booking.price.parts();
        booking.captured = whole.total();
        let told = [whole.total(), 1, 0].map(|left| {
            booking.taken = whole.up_to(left);
            serde_json::to_value(BookingView::at(&booking, booking.created_at)).unwrap()["payment"]["status"]
                .clone()
        });
        assert_eq!(told, ["captured", "partially_refunded", "refunded"]);
    }

    #[test]
    fn times_are_told_for_as_long_as_they_run() {
        let told = |booking: &Booking, at| serde_json::to_value(BookingView::at(booking, at)).unwrap();
        let held = Booking { state: State::Held, mode: Mode::Held, attempts: Vec::new(), ..large() };
        let before = Instant::from_millisecond(held.lapses_at.as_millisecond() - 1).unwrap();
        assert_eq!(told(&held, before)["holdExpiresAt"], serde_json::to_value(held.lapses_at).unwrap());
        let over = told(&held, held.lapses_at);
        assert!(over["status"] == "expired" && over["holdExpiresAt"].is_null(), "{over}");
        let first = serde_json::to_value(BookingView::first(&held)).unwrap();
        assert_eq!(first["holdExpiresAt"], serde_json::to_value(held.created_at + HOLD).unwrap());
        let asked = Booking { state: State::Requested, mode: Mode::Requested, ..held };
        let respond_by = serde_json::to_value(asked.created_at + TIME_TO_RESPOND).unwrap();
        assert_eq!(told(&asked, before)["respondBy"], respond_by);
        assert_eq!(told(&asked, asked.lapses_at)["respondBy"], Value::Null);
        // Once it runs as any other it reads as processing, and says so no longer than that.
        let paying = Booking { state: State::PaymentStarted, attempts: Vec::new(), ..asked };
        assert_eq!(told(&paying, before)["payment"]["status"], "processing");
        assert_eq!(told(&paying, paying.lapses_at)["payment"]["status"], "failed");
    }

    #[test]
    fn a_stay_that_waits_for_its_guest_is_held_until_he_cannot_confirm_any_more() {
        let mut booking = Booking { state: State::Held, ..large() };
        booking.attempts[0].outcome = Some(Outcome::ActionRequired {
            reference: "pi_1".into(),
            secret: "secret".into(),
            is_open: true,
        });
        let told = serde_json::to_value(BookingView::at(&booking, booking.created_at)).unwrap();
        let until = serde_json::to_value(booking.waits_until(0)).unwrap();
        assert_eq!((&told["status"], &told["holdExpiresAt"]), (&"held".into(), &until));
        assert_eq!(told["payment"]["clientSecret"], "secret");
    }

    #[test]
    fn a_balance_that_waits_for_its_guest_waits_no_longer_than_it_may_be_confirmed() {
        let mut booking = Booking { state: State::Confirmed, ..large() };
        booking.attempts[0].outcome = Some(Outcome::Captured("pi_1".into()));
        let at = booking.created_at;
        let waits =
            Outcome::ActionRequired { reference: "pi_2".into(), secret: "secret".into(), is_open: true };
        let attempt = Attempt::new(None, at, true);
        booking.attempts.push(Attempt { is_balance: true, outcome: Some(waits), ..attempt });
        // What the first call answered has the balance that is to be paid, and the call that paid it has none.
        booking.balance = Some(Balance { deposit_percent: 30, next_at: at });
        assert!(BookingView::paid(&booking, 0).payment.balance.is_some());
        let paid = Some(Outcome::Captured("pi_2".into()));
        let attempt = Attempt { is_balance: true, outcome: paid, ..Attempt::new(None, at, true) };
        let after = Booking { attempts: vec![booking.attempts[0].clone(), attempt], ..booking.clone() };
        assert!(BookingView::paid(&after, 1).payment.balance.is_none());
        let status = |at| {
            let told = serde_json::to_value(BookingView::at(&booking, at)).unwrap();
            (told["payment"]["status"].clone(), told["payment"]["clientSecret"].clone())
        };
        assert_eq!(status(at), ("requires_action".into(), "secret".into()));
        assert_eq!(status(booking.waits_until(1)), ("captured".into(), Value::Null));
    }
}
