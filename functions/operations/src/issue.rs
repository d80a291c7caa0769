//! A payment issue as an operator reads it.

use roost::app::App;
use roost::booking::Booking;
use roost::booking::trouble::{Event, PaymentIssue};
use roost::clock::Instant;
use roost::ids::BookingId;
use roost::money::Money;
use serde::{Deserialize, Serialize};

/// The path of one issue.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub struct ById {
    /// The issue.
    pub id: BookingId,
}

/// What cannot be done about a booking's money.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssueView {
    /// Its id, which is its booking's: a booking has one at a time.
    id: BookingId,
    /// Whose money.
    booking_id: BookingId,
    /// What cannot be done: `ask`, `capture`, `void`, `refund`, `payout`, or what the `provider` took back.
    step: String,
    /// Whether it waits for an operator.
    status: Status,
    /// What the guest paid or was to pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
    /// When it came to nothing first.
    #[schemars(with = "String", extend("format" = "date-time"))]
    since: Instant,
    /// How often it did.
    tries: u32,
    /// When it is tried again by itself; absent when no try would mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    next_try_at: Option<Instant>,
    /// What happened, oldest first.
    history: Vec<EventView>,
}

/// Whether an issue waits for an operator.
#[derive(Clone, Copy, Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It does.
    Open,
    /// It did.
    Resolved,
}

/// Something that happened to an issue.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct EventView {
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    at: Instant,
    /// What.
    detail: String,
}

impl IssueView {
    /// An issue with what its booking says of it.
    pub(crate) fn of(issue: PaymentIssue, booking: Option<&Booking>) -> Self {
        Self {
            id: issue.booking,
            booking_id: issue.booking,
            step: issue.step,
            status: if issue.is_open { Status::Open } else { Status::Resolved },
            amount: booking.map(Booking::total),
            since: issue.since,
            tries: issue.tries,
            next_try_at: booking.and_then(|booking| booking.trouble).and_then(|trouble| trouble.again_at),
            history: issue.history.into_iter().map(|Event { at, detail }| EventView { at, detail }).collect(),
        }
    }
}

/// The issues with what their bookings say of them.
///
/// # Errors
/// `Unavailable` when the store did not answer.
pub(crate) async fn views(app: &App, issues: Vec<PaymentIssue>) -> roost::error::Result<Vec<IssueView>> {
    let ids: Vec<BookingId> = issues.iter().map(|issue| issue.booking).collect();
    let bookings = app.store.bookings(&ids, true).await?;
    let of = |issue: &PaymentIssue| bookings.iter().find(|booking| booking.id == issue.booking);
    Ok(issues
        .into_iter()
        .map(|issue| {
            let booking = of(&issue);
            IssueView::of(issue, booking)
        })
        .collect())
}
