//! What is there before a history begins: accounts, the host's account for payouts, and homes on sale.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

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
pub(super) const MOST_GUESTS: usize = 3;

/// Tables in which homes are on sale.
pub(super) struct Furnished {
    pub(super) tables: Blueprint,
    /// The homes.
    listings: Vec<ListingId>,
}

/// By the homes, and the policy of the first.
type ByHomes = BTreeMap<(Vec<Home>, u64), Arc<Furnished>>;

impl Furnished {
    /// The tables of a script's homes: the same for every history that has such homes, and so made once.
    pub(super) fn of(script: &Script) -> Arc<Self> {
        static KNOWN: Mutex<ByHomes> = Mutex::new(BTreeMap::new());
        let homes = (script.homes.clone(), first_policy(script));
        let mut known = lock(&KNOWN);
        known.entry(homes).or_insert_with(|| Arc::new(Self::made(script))).clone()
    }

    fn made(script: &Script) -> Self {
        let tables = Blueprint::of(&Plans::get().template.tables).expect("the tables are made");
        let engine = Engine::on(tables.original().expect("the tables are there"));
        let alone =
            Script { seed: 0, actors: vec![], faults: vec![], skews: vec![], lag: 0, ..script.clone() };
        let (world, _) = World::on(engine, Replica::default(), &alone);
        world.populate();
        world.put_on_sale(script);
        let listings = lock(&world.0.homes).clone();
        Self { tables, listings }
    }
}

impl World {
    /// Takes the homes for those of the script.
    pub(super) fn has(&self, furnished: &Furnished, script: &Script) {
        for (listing, home) in furnished.listings.iter().zip(&script.homes) {
            self.0.watch.capacity((*listing).into(), home.capacity);
        }
        lock(&self.0.homes).clone_from(&furnished.listings);
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

    /// Has the host put the homes on sale.
    pub(super) fn put_on_sale(&self, script: &Script) {
        let world = self.clone();
        let homes = script.homes.clone();
        let policies = ["moderate", "flexible", "strict"].into_iter().cycle();
        let policies = policies.skip(usize::try_from(first_policy(script)).unwrap_or_default());
        let listings = Self::settle(async move {
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

    /// Has the host open an account for payouts, and tell the provider what it asks.
    pub(super) fn open_payout_account(&self) {
        let world = self.clone();
        Self::settle(async move { world.opened_payout_account().await });
    }

    async fn opened_payout_account(&self) {
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

/// Which of the three policies the first home has; the next has the next.
const fn first_policy(script: &Script) -> u64 {
    script.seed % 3
}

fn address(id: UserId, name: &str) -> Email {
    format!("{name}-{}@example.com", id.bits()).parse().expect("an address")
}
