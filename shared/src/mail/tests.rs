//! Letters: whom they reach and when, and that nothing that people write gets out of its place.

use super::*;
use crate::booking::Side;
use crate::booking::tests::large;
use crate::clock::Duration;
use crate::listing::draft::tests::example;

const ALL: [Letter; 8] = [
    Letter::Confirmed,
    Letter::NewBooking,
    Letter::Requested,
    Letter::RequestToAnswer,
    Letter::Declined,
    Letter::CancelledForGuest,
    Letter::CancelledForHost,
    Letter::HoldExpiring,
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

fn letters(hostile: &str) -> Vec<Message> {
    let (mut listing, _) = example();
    let mut booking = large();
    listing.title = format!("A loft {hostile}");
    listing.address.city = hostile.into();
    booking.reason = Some(hostile.into());
    booking.cancelled_by = Some(Side::Host);
    let guest = user(booking.guest, hostile, "gil@example.com");
    let host = user(booking.host, hostile, "hanna@example.com");
    let site = Site { name: "Roost".into(), url: "https://roost.example".into() };
    let matter = Matter { booking: &booking, listing: &listing, guest: &guest, host: &host, site: &site };
    ALL.iter().map(|letter| matter.write(*letter).unwrap()).collect()
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
fn an_event_that_comes_late_does_not_say_what_is_no_longer_so() {
    let now = large().created_at;
    let later = Duration::from_hours(1);
    let booking = |state| Booking { state, lapses_at: now + Duration::from_mins(4), ..large() };
    let of = |kind, state, at| Letter::of(kind, &booking(state), at);
    assert_eq!(of(Kind::BookingConfirmed, State::Confirmed, now), [Letter::Confirmed, Letter::NewBooking]);
    assert_eq!(of(Kind::BookingConfirmed, State::Cancelled, now), []);
    assert_eq!(of(Kind::BookingHoldExpiring, State::Held, now), [Letter::HoldExpiring]);
    assert_eq!(of(Kind::BookingHoldExpiring, State::Held, now + later), []);
    assert_eq!(of(Kind::BookingHoldExpiring, State::Confirmed, now), []);
    let unpaid = Booking { attempts: Vec::new(), mode: Mode::Held, ..booking(State::Cancelled) };
    assert_eq!(Letter::of(Kind::BookingCancelled, &unpaid, now), [Letter::CancelledForGuest]);
    assert_eq!(of(Kind::BookingCancelled, State::Cancelled, now).len(), 2);
}
