//! What each letter says: its subject here, the rest in `shared/templates/mail`.

use askama::Template;

use super::{Letter, Matter, Message, one_line};
use crate::booking::balance::UNPAID;
use crate::booking::code::confirmation_code;
use crate::booking::dispute::Standing;
use crate::booking::{Side, TIME_TO_RESPOND};
use crate::clock::{Instant, Zone};
use crate::error::{Error, Result};
use crate::stay::Date;

/// The longest title that a subject quotes, in characters.
const LONGEST_QUOTED: usize = 60;

/// What the templates speak of, in words.
struct Words {
    site: String,
    /// Who reads it: the first name.
    reader: String,
    guest: String,
    host: String,
    title: String,
    city: String,
    address: Vec<String>,
    check_in: String,
    check_out: String,
    nights: u32,
    guests: u32,
    total: String,
    code: String,
    link: String,
    /// Until when a hold or a balance can be paid, or a request be answered.
    until: String,
    /// Whether the balance is still to be paid.
    owes: bool,
    /// The card that is charged again, if one was kept.
    kept_card: Option<&'static str>,
    /// What is paid when it is booked.
    deposit: String,
    /// What is charged later.
    balance: String,
    /// When.
    due: String,
    by_guest: bool,
    by_host: bool,
    /// What a dispute is about.
    disputed: String,
    /// How it was decided.
    decided: Option<Decided>,
    /// Until when the bank takes what speaks for the stay.
    evidence: Option<String>,
    reason: Option<String>,
}

/// How a dispute was decided.
#[derive(Clone, Copy)]
enum Decided {
    ForTheHost,
    ForTheGuest,
}

macro_rules! templates {
    ($($letter:ident $text:ident $html:ident $text_path:literal $html_path:literal)*) => {
        $(
            #[derive(Template)]
            #[template(path = $text_path)]
            struct $text<'a> { w: &'a Words }

            #[derive(Template)]
            #[template(path = $html_path)]
            struct $html<'a> { w: &'a Words }
        )*

        fn render(letter: Letter, w: &Words) -> askama::Result<(String, String)> {
            match letter {
                $(Letter::$letter => Ok(($text { w }.render()?, $html { w }.render()?)),)*
            }
        }
    };
}

templates! {
    Confirmed ConfirmedText ConfirmedHtml "mail/confirmed.txt" "mail/confirmed.html"
    NewBooking NewBookingText NewBookingHtml "mail/new-booking.txt" "mail/new-booking.html"
    Requested RequestedText RequestedHtml "mail/requested.txt" "mail/requested.html"
    RequestToAnswer RequestToAnswerText RequestToAnswerHtml "mail/request-to-answer.txt" "mail/request-to-answer.html"
    Declined DeclinedText DeclinedHtml "mail/declined.txt" "mail/declined.html"
    CancelledForGuest CancelledForGuestText CancelledForGuestHtml "mail/cancelled-for-guest.txt" "mail/cancelled-for-guest.html"
    CancelledForHost CancelledForHostText CancelledForHostHtml "mail/cancelled-for-host.txt" "mail/cancelled-for-host.html"
    HoldExpiring HoldExpiringText HoldExpiringHtml "mail/hold-expiring.txt" "mail/hold-expiring.html"
    Disputed DisputedText DisputedHtml "mail/disputed.txt" "mail/disputed.html"
    BalanceDue BalanceDueText BalanceDueHtml "mail/balance-due.txt" "mail/balance-due.html"
    BalanceFailed BalanceFailedText BalanceFailedHtml "mail/balance-failed.txt" "mail/balance-failed.html"
    BalancePaid BalancePaidText BalancePaidHtml "mail/balance-paid.txt" "mail/balance-paid.html"
}

pub(super) fn write(letter: Letter, matter: &Matter) -> Result<Message> {
    let words = Words::of(letter, matter);
    let (text, html) = render(letter, &words).map_err(Error::internal)?;
    let reader = if letter.is_for_host() { matter.host } else { matter.guest };
    Ok(Message { to: reader.email.clone(), subject: one_line(&words.subject(letter)), text, html })
}

impl Words {
    fn of(letter: Letter, matter: &Matter) -> Self {
        let Matter { booking, listing, guest, host, site } = matter;
        let (zone, dispute) = (&booking.zone, booking.dispute.as_ref());
        let reader = if letter.is_for_host() { host } else { guest };
        let pages = if letter.is_for_host() { "hosting/bookings" } else { "bookings" };
        let until = match letter {
            Letter::HoldExpiring => booking.hold_ends(),
            Letter::BalanceFailed => booking.balance_called_off_at(),
            _ => booking.created_at + TIME_TO_RESPOND,
        };
        let due = booking.balance_due_at();
        Self {
            site: one_line(&site.name),
            reader: one_line(&reader.first_name),
            guest: one_line(&format!("{} {}", guest.first_name, guest.last_name)),
            host: one_line(&host.first_name),
            title: one_line(&listing.title),
            city: one_line(&listing.address.city),
            address: address(listing),
            check_in: at(zone, booking.stay.first(), booking.check_in_at),
            check_out: at(zone, booking.stay.end(), booking.check_out_at),
            nights: booking.stay.count(),
            guests: u32::from(booking.guests.places()),
            total: booking.total().to_string(),
            code: confirmation_code(booking.id),
            link: format!("{}/{pages}/{}", site.url, booking.id),
            until: at(zone, zone.date_of(until), until),
            owes: booking.owes_balance(),
            kept_card: booking.has_kept_card().then_some("the card that you paid the deposit with"),
            deposit: booking.price.money(booking.deposit_parts().total()).to_string(),
            balance: booking.price.money(booking.balance_parts().total()).to_string(),
            due: at(zone, zone.date_of(due), due),
            disputed: booking.price.money(dispute.map_or(0, |dispute| dispute.amount)).to_string(),
            decided: dispute.and_then(|dispute| match dispute.standing {
                Standing::Open => None,
                Standing::Won => Some(Decided::ForTheHost),
                Standing::Lost => Some(Decided::ForTheGuest),
            }),
            evidence: dispute
                .and_then(|dispute| dispute.evidence_due)
                .map(|due| at(zone, zone.date_of(due), due)),
            by_guest: booking.cancelled_by == Some(Side::Guest),
            by_host: booking.cancelled_by == Some(Side::Host),
            reason: booking.reason.as_deref().map(reason).filter(|reason| !reason.is_empty()),
        }
    }

    fn subject(&self, letter: Letter) -> String {
        let title = quoted(&self.title);
        match letter {
            Letter::Confirmed => format!("Booked: {title}, {}", self.check_in),
            Letter::NewBooking => format!("New booking: {title}, {}", self.check_in),
            Letter::Requested => format!("Your request for {title} is with the host"),
            Letter::RequestToAnswer => format!("{} would like to stay at {title}", self.guest),
            Letter::Declined => format!("Your request for {title} was declined"),
            Letter::CancelledForGuest | Letter::CancelledForHost => {
                format!("Cancelled: {title}, {}", self.check_in)
            }
            Letter::HoldExpiring => format!("A few minutes left to pay for {title}"),
            Letter::Disputed => {
                let said = match self.decided {
                    None => "Payment disputed",
                    Some(Decided::ForTheHost) => "Dispute decided for you",
                    Some(Decided::ForTheGuest) => "Dispute decided for the guest",
                };
                format!("{said}: {title}, {}", self.check_in)
            }
            Letter::BalanceDue => format!("Balance due: {title}, {}", self.check_in),
            Letter::BalanceFailed => {
                format!("We could not charge the balance: {title}, {}", self.check_in)
            }
            Letter::BalancePaid => format!("Balance paid: {title}, {}", self.check_in),
        }
    }
}

/// A title that a subject has room for.
fn quoted(title: &str) -> String {
    match title.char_indices().nth(LONGEST_QUOTED) {
        None => title.to_owned(),
        Some((end, _)) => format!("{}…", title[..end].trim_end()),
    }
}

/// `Friday, 3 December 2027, 15:00`, by the clock of the place.
fn at(zone: &Zone, date: Date, instant: Instant) -> String {
    format!("{}, {}", date.strftime("%A, %-d %B %Y"), zone.time_of(instant).strftime("%H:%M"))
}

/// Where to go, as on an envelope.
fn address(listing: &crate::listing::Listing) -> Vec<String> {
    let address = &listing.address;
    let town = [address.postal_code.as_deref().unwrap_or_default(), &address.city].join(" ");
    let lines = [Some(&address.line1), address.line2.as_ref(), Some(&town), address.state.as_ref()];
    let lines = lines.into_iter().flatten().chain([&address.country]);
    lines.map(|line| one_line(line)).filter(|line| !line.is_empty()).collect()
}

/// A reason in words.
fn reason(reason: &str) -> String {
    match reason {
        "dates_taken" => "Other guests have taken the dates.".to_owned(),
        UNPAID => "The balance was not paid in time.".to_owned(),
        written => one_line(written),
    }
}
