//! What is there before a history begins: accounts, the host's account for payouts, and homes on sale.

use std::sync::OnceLock;

use bytes::Bytes;
use http::Request;
use roost::account::session::Session;
use roost::account::{Email, Role, User};
use roost::ids::{ListingId, UserId};
use roost_local::database::Blueprint;
use roost_local::engine::Engine;
use serde_json::json;

use super::{HOST, Plans, World, guest, lock};
use crate::replica::Replica;
use crate::script::{Home, Script};

/// Guests are the first actors of a script, and no more than these.
const MOST_GUESTS: usize = 3;

impl World {
    /// Tables in which everybody has moved in: the same for every history, and so made once.
    pub(super) fn inhabited() -> &'static Blueprint {
        static INHABITED: OnceLock<Blueprint> = OnceLock::new();
        INHABITED.get_or_init(|| {
            let blueprint = Blueprint::of(&Plans::get().template.tables).expect("the tables are made");
            let engine = Engine::on(blueprint.original().expect("the tables are there"));
            let nobody =
                Script { seed: 0, homes: vec![], actors: vec![], faults: vec![], skews: vec![], lag: 0 };
            Self::on(engine, Replica::default(), &nobody).0.populate();
            blueprint
        })
    }

    /// Has everybody move in.
    pub(super) fn populate(&self) {
        let world = self.clone();
        Self::settle(async move {
            for number in 0..MOST_GUESTS {
                world.move_in(guest(number), "guest").await;
            }
            world.move_in(HOST, "host").await;
        });
    }

    /// Has the host open an account for payouts, and put the homes on sale.
    pub(super) fn furnish(&self, script: &Script) {
        let guests = script.actors.iter().rposition(|actor| !actor.host).map_or(0, |last| last + 1);
        assert!(guests <= MOST_GUESTS, "guests come before hosts, and are {MOST_GUESTS} at most");
        let world = self.clone();
        let homes = script.homes.clone();
        let policies = ["moderate", "flexible", "strict"].into_iter().cycle();
        let policies = policies.skip(usize::try_from(script.seed % 3).unwrap_or_default());
        let listings = Self::settle(async move {
            world.open_payout_account().await;
            let mut listings = Vec::new();
            for (home, policy) in homes.iter().zip(policies) {
                listings.push(world.furnished(home, policy).await);
            }
            listings
        });
        *lock(&self.0.homes) = listings;
    }

    /// An account without a password.
    async fn move_in(&self, id: UserId, name: &str) {
        let now = self.now();
        let user = User {
            id,
            email: address(id, name),
            first_name: name.to_owned(),
            last_name: "Proof".into(),
            roles: vec![Role::Guest],
            password_hash: None,
            created_at: now,
        };
        let session = Session::begin(id, now, &self.0.quiet.entropy);
        self.0.quiet.store.create_user(&user, &session).await.expect("the account is stored");
    }

    /// The host has told the provider what it asks.
    async fn open_payout_account(&self) {
        let path = "/v1/hosts/me/payout-account";
        let opened = self.call_quietly(HOST, "POST", path, Some(&json!({}))).await;
        let page = opened.json["onboardingUrl"].as_str().expect("a page").to_owned();
        let page = &page[page.find("/onboarding/").expect("the provider's page")..];
        let request = Request::get(page).body(Bytes::new()).expect("a request");
        self.0.parts.provider.answer(request).await.expect("the page leads back");
    }

    async fn furnished(&self, home: &Home, policy: &str) -> ListingId {
        let Home { instant, capacity, deposit } = *home;
        let body = json!({
            "title": "A bright flat", "description": "Two rooms.",
            "propertyType": "apartment", "placeType": "entire_place",
            "address": {"line1": "Street 1", "city": "Antwerp", "postalCode": "2018", "country": "BE"},
            "location": {"lat": 51.212_345, "lng": 4.412_345},
            "maxGuests": 4, "bedrooms": 1, "beds": 2, "bathrooms": 1.5, "amenities": ["Wifi"],
            "basePrice": {"amount": 10_000, "currency": "EUR"},
            "cleaningFee": {"amount": 2_500, "currency": "EUR"},
            "minNights": 1, "maxNights": 365, "instantBook": instant, "cancellationPolicy": policy,
            "checkInTime": "15:00", "checkOutTime": "11:00",
            "depositPercent": deposit.then_some(30),
        });
        let made = self.call_quietly(HOST, "POST", "/v1/listings", Some(&body)).await;
        assert_eq!(made.status, 201, "{}", made.json);
        let id: ListingId = made.json["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let path = format!("/v1/listings/{id}/publish");
        let published = self.call_quietly(HOST, "POST", &path, Some(&json!({}))).await;
        assert_eq!(published.status, 200, "{}", published.json);
        self.0.watch.capacity(id.into(), capacity);
        if capacity > 1 {
            let store = &self.0.quiet.store;
            let found = store.listing(id, true).await.expect("an answer");
            let (mut listing, mut terms) = found.expect("a listing");
            listing.version += 1;
            terms.capacity = capacity;
            store.update_listing(&listing, &terms).await.expect("the capacity is set");
        }
        id
    }
}

fn address(id: UserId, name: &str) -> Email {
    format!("{name}-{}@example.com", id.bits()).parse().expect("an address")
}
