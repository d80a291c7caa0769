//! Letters: whom they reach and when, and that nothing that people write gets out of its place.

use super::*;
use crate::booking::balance::{Balance, UNPAID};
use crate::booking::dispute::{Dispute, Standing};
use crate::booking::tests::large;
use crate::booking::{Attempt, Outcome, Side};
use crate::clock::Duration;
use crate::listing::draft::tests::example;
use crate::payment::ProviderName;

const ALL: [Letter; 12] = [
    Letter::Confirmed,
    Letter::NewBooking,
    Letter::Requested,
    Letter::RequestToAnswer,
    Letter::Declined,
    Letter::CancelledForGuest,
    Letter::CancelledForHost,
    Letter::HoldExpiring,
    Letter::Disputed,
    Letter::BalanceDue,
    Letter::BalanceFailed,
    Letter::BalancePaid,
];

fn user(id: UserId, name: &str, address: &str) -> User {
    User {
        id,
        email: address.parse().unwrap(),
        first_name: name.into(),
        last_name: "Tester".into(),
        roles: Vec::new(),
        password_hash: None,
        created_at: Instant::UNIX_EPOCH,
    }
}

/// A stay that is paid in two and owes its balance.
fn owing() -> Booking {
    let mut booking = Booking { state: State::Confirmed, ..large() };
    booking.balance = Some(Balance { deposit_percent: 30, next_at: booking.balance_due_at() });
    booking
}

/// The same with its balance paid.
fn paid() -> Booking {
    let mut booking = owing();
    let outcome = Some(Outcome::Captured("pi_2".into()));
    let attempt = Attempt::new(None, booking.balance_due_at(), true);
    booking.attempts.push(Attempt { is_balance: true, outcome, ..attempt });
    booking
}

fn letters(hostile: &str) -> Vec<Message> {
    let booking = Booking { reason: Some(hostile.into()), cancelled_by: Some(Side::Host), ..owing() };
    ALL.iter().map(|letter| letter_of(*letter, &booking, hostile)).collect()
}

fn letter_of(letter: Letter, booking: &Booking, hostile: &str) -> Message {
    let (mut listing, _) = example();
    listing.title = format!("A loft {hostile}");
    listing.address.city = hostile.into();
    let guest = user(booking.guest, hostile, "gil@example.com");
    let host = user(booking.host, hostile, "hanna@example.com");
    let site = Site { name: "Roost".into(), url: "https://roost.example".into() };
    Matter { booking, listing: &listing, guest: &guest, host: &host, site: &site }.write(letter).unwrap()
}

#[test]
fn what_people_write_stays_in_its_place() {
    let hostile =
        "<script>alert('x')</script>\r\nBcc: all@example.com\n\n\u{202e}<a href=\"https://evil.example\">";
    for message in letters(hostile) {
        assert!(!message.subject.chars().any(char::is_control), "{:?}", message.subject);
        assert!(
            !message.html.contains("<script") && !message.html.contains("<a href=\"https://evil"),
            "{}",
            message.html
        );
        assert!(!message.html.contains('\u{202e}') && !message.text.contains('\u{202e}'));
        assert!(!message.text.contains("\nBcc:"), "{}", message.text);
        assert!(message.subject.chars().count() < 200, "{}", message.subject);
    }
}

#[test]
fn a_letter_reaches_its_reader_and_links_to_the_booking() {
    for (letter, message) in ALL.into_iter().zip(letters("in the sun")) {
        let (to, page) =
            if letter.is_for_host() { ("hanna", "hosting/bookings") } else { ("gil", "bookings") };
        assert_eq!(message.to.as_str(), format!("{to}@example.com"), "{letter:?}");
        let link = format!("https://roost.example/{page}/{}", large().id);
        assert!(message.text.contains(&link) && message.html.contains(&link), "{}", message.text);
        assert!(!message.text.contains("{{") && !message.text.contains("\n\n\n"), "{:?}", message.text);
        // The way there is for those who have paid.
        assert_eq!(message.text.contains("Suikerrui 1"), letter == Letter::Confirmed, "{letter:?}");
    }
}

#[test]
fn a_guest_who_pays_in_two_reads_how_much_when_and_until_when() {
    // 30 percent of 11,123,484, line by line, and what is left of it.
    let (deposit, balance) = ("33370.45 EUR", "77864.39 EUR");
    let (due, ends) = ("Friday, 1 January 2027", "Monday, 4 January 2027");
    let says = |letter, booking: &Booking, words: &[&str]| {
        let message = letter_of(letter, booking, "in the sun");
        for word in words {
            assert!(message.text.contains(word) && message.html.contains(word), "{word}: {}", message.text);
        }
        message.text
    };
    let confirmed = says(Letter::Confirmed, &owing(), &["is booked.", deposit, balance, due]);
    assert!(!confirmed.contains("and paid"), "{confirmed}");
    for booking in [large(), paid()] {
        let confirmed = says(Letter::Confirmed, &booking, &["is booked and paid."]);
        assert!(!confirmed.contains("deposit"), "{confirmed}");
    }
    says(Letter::BalanceDue, &owing(), &[balance, due]);
    says(Letter::BalanceFailed, &owing(), &[balance, due, ends]);
    says(Letter::BalancePaid, &paid(), &[balance]);
    let mut elsewhere = owing();
    elsewhere.attempts[0].provider = ProviderName::Adyen;
    says(Letter::BalanceDue, &elsewhere, &[balance, due, "was not kept"]);
    let reason = Some(UNPAID.to_owned());
    let called_off = Booking { state: State::Cancelled, cancelled_by: Some(Side::System), reason, ..owing() };
    let why = "The balance was not paid in time.";
    says(Letter::CancelledForGuest, &called_off, &["Your booking has been cancelled.", why]);
    says(Letter::CancelledForHost, &called_off, &["A booking of your place has been cancelled.", why]);
}

#[test]
fn a_balance_is_written_of_while_it_is_as_the_letter_says() {
    let booked = large().created_at - Duration::from_hours(24 * 30);
    let ends = large().balance_ends_at();
    let of = |kind, booking: &Booking, at| Letter::of(kind, EventId::from_bits(1), booking, at);
    let of_kinds = [
        (Kind::BookingBalanceDue, Letter::BalanceDue, large().balance_due_at()),
        (Kind::BookingBalanceFailed, Letter::BalanceFailed, ends),
    ];
    for (kind, letter, until) in of_kinds {
        assert_eq!(of(kind, &owing(), booked), [letter]);
        assert_eq!(of(kind, &owing(), until), []);
        assert_eq!(of(kind, &paid(), booked), []);
        assert_eq!(of(kind, &Booking { state: State::Cancelled, ..owing() }, booked), []);
    }
    assert_eq!(of(Kind::BookingBalancePaid, &owing(), ends), []);
    for state in [State::Confirmed, State::CheckedIn, State::Completed] {
        assert_eq!(of(Kind::BookingBalancePaid, &Booking { state, ..paid() }, ends), [Letter::BalancePaid]);
    }
    assert_eq!(of(Kind::BookingBalancePaid, &Booking { state: State::Cancelled, ..paid() }, ends), []);
}

#[test]
fn of_a_dispute_that_is_decided_within_seconds_its_host_reads_the_end_alone_and_once() {
    let at = |standing| {
        let dispute = Dispute::new("dp_1".into(), 100, 15, standing, None);
        Booking { dispute: Some(dispute), ..large() }
    };
    let (open, won) = (at(Standing::Open), at(Standing::Won));
    let event = |booking: &Booking| DomainEvent::disputed(booking).unwrap().id();
    let of = |event, booking: &Booking| Letter::of(Kind::BookingDisputed, event, booking, large().created_at);
    assert_eq!(of(event(&open), &open), [Letter::Disputed]);
    assert_eq!(of(event(&open), &won), []);
    assert_eq!(of(event(&won), &won), [Letter::Disputed]);
    assert_eq!(of(event(&won), &large()), []);
}

#[test]
fn an_event_that_comes_late_does_not_say_what_is_no_longer_so() {
    let now = large().created_at;
    let later = Duration::from_hours(1);
    let booking = |state| Booking { state, lapses_at: now + Duration::from_mins(4), ..large() };
    let event = EventId::from_bits(1);
    let of = |kind, state, at| Letter::of(kind, event, &booking(state), at);
    assert_eq!(of(Kind::BookingConfirmed, State::Confirmed, now), [Letter::Confirmed, Letter::NewBooking]);
    assert_eq!(of(Kind::BookingConfirmed, State::Cancelled, now), []);
    assert_eq!(of(Kind::BookingHoldExpiring, State::Held, now), [Letter::HoldExpiring]);
    assert_eq!(of(Kind::BookingHoldExpiring, State::Held, now + later), []);
    assert_eq!(of(Kind::BookingHoldExpiring, State::Confirmed, now), []);
    let unpaid = Booking { attempts: Vec::new(), mode: Mode::Held, ..booking(State::Cancelled) };
    assert_eq!(Letter::of(Kind::BookingCancelled, event, &unpaid, now), [Letter::CancelledForGuest]);
    assert_eq!(of(Kind::BookingCancelled, State::Cancelled, now).len(), 2);
}
