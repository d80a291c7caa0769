//! What each letter says: its subject here, the rest in `shared/templates/mail`.

use askama::Template;

use super::{Letter, Matter, Message, one_line};
use crate::booking::code::confirmation_code;
use crate::booking::{HOLD, Side, TIME_TO_RESPOND};
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
    /// Until when a hold or a request can be answered.
    until: String,
    by_guest: bool,
    by_host: bool,
    reason: Option<String>,
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
        let zone = &booking.zone;
        let reader = if letter.is_for_host() { host } else { guest };
        let pages = if letter.is_for_host() { "hosting/bookings" } else { "bookings" };
        let until = match letter {
            Letter::HoldExpiring => booking.created_at + HOLD,
            _ => booking.created_at + TIME_TO_RESPOND,
        };
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
        written => one_line(written),
    }
}
