//! Mistakes made on purpose, to see that the proof finds them. They exist only under the feature
//! `planted`, which nothing but `cargo planted` sets: elsewhere [`is`] is `false` to the compiler.

/// A mistake that others have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Bug {
    /// Giving nights back takes everybody's claims off them.
    ReleaseWithoutCondition = 1,
    /// A payment's outcome is written whatever has become of the booking.
    ConfirmWithoutFence,
    /// Each call of the provider has another idempotency key.
    AuthorizeWithoutKey,
    /// A payment whose outcome is unknown is taken for failed.
    AskSkipped,
    /// The sweeper ends whatever is on its list, whatever has become of it.
    SweeperWithoutStateCheck,
    /// A quote holds for ever.
    QuoteWithoutExpiry,
    /// A night takes one booking more than it may.
    CapacityOffByOne,
    /// The index takes whatever comes last.
    IndexWithoutVersion,
    /// A declined card ends the booking and leaves its nights taken.
    DeclineKeepsNights,
    /// A request may be accepted again.
    AcceptedTwice,
    /// An idempotency key is anybody's, with any body.
    KeyAlone,
    /// A long stay that is given up keeps what it had taken.
    ChunkLeftBehind,
    /// The requests that a stay has overtaken stay open.
    OvertakenStayOpen,
    /// A hold can be paid after its time.
    LapsedHoldPaid,
    /// A change of money is written first, and its ledger's entry after it.
    EntryOutsideTransaction,
    /// A refund returns what was ever captured, whatever was returned of it before.
    RefundFromStaleBalance,
    /// A host's penalty is entered with every step of the money.
    PenaltyTwice,
    /// A refund leaves the taxes where they are.
    TaxKept,
    /// A hold is captured whatever has become of the stay.
    CaptureAfterCancel,
    /// Each call of a refund is another refund.
    RefundWithoutKey,
    /// Hosts are paid out when their guests come.
    PayoutBeforeCheckIn,
    /// Each call of a payout is another payout.
    PayoutWithoutKey,
    /// Another provider is asked for money that the first may have.
    FailoverOnTimeout,
    /// A provider's event is acted on as often as it is sent.
    WebhookWithoutDedupe,
    /// What is withheld from a payout is still owed.
    DebtStays,
    /// A hold is taken for lapsed whose lapse could not be written, since it was paid.
    LostLapseIgnored,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::ReleaseWithoutCondition,
        Self::ConfirmWithoutFence,
        Self::AuthorizeWithoutKey,
        Self::AskSkipped,
        Self::SweeperWithoutStateCheck,
        Self::QuoteWithoutExpiry,
        Self::CapacityOffByOne,
        Self::IndexWithoutVersion,
        Self::DeclineKeepsNights,
        Self::AcceptedTwice,
        Self::KeyAlone,
        Self::ChunkLeftBehind,
        Self::OvertakenStayOpen,
        Self::LapsedHoldPaid,
        Self::EntryOutsideTransaction,
        Self::RefundFromStaleBalance,
        Self::PenaltyTwice,
        Self::TaxKept,
        Self::CaptureAfterCancel,
        Self::RefundWithoutKey,
        Self::PayoutBeforeCheckIn,
        Self::PayoutWithoutKey,
        Self::FailoverOnTimeout,
        Self::WebhookWithoutDedupe,
        Self::DebtStays,
        Self::LostLapseIgnored,
    ];
}

/// Whether this mistake is made.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn is(_: Bug) -> bool {
    false
}

#[cfg(feature = "planted")]
static PLANTED: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Whether this mistake is made.
#[cfg(feature = "planted")]
#[must_use]
pub fn is(bug: Bug) -> bool {
    PLANTED.load(std::sync::atomic::Ordering::Relaxed) == bug as u8
}

/// From now on this mistake is made, or none.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, |bug| bug as u8), std::sync::atomic::Ordering::Relaxed);
}
