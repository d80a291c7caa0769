//! The people of a script: what each does, as a client would, and what they are answered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use roost::clock::Instant;
use roost::ids::UserId;
use serde_json::{Value, json};

use crate::script::{Actor, Card, Command};
use crate::world::{Answer, HOST, World, guest};

/// How often a client sends a call again that was not answered.
const TRIES: usize = 3;

/// One attempt to book, with every answer to it.
#[derive(Clone, Debug)]
pub(crate) struct Attempted {
    /// Who tried.
    pub user: UserId,
    /// The total that was quoted, in minor units.
    pub quoted: Option<i64>,
    /// Until when the quote held.
    pub expires_at: Option<Instant>,
    /// The attempt whose key was used again, with another body.
    pub reuses: Option<usize>,
    /// What came of each time that it was sent.
    pub outcomes: Vec<Outcome>,
}

/// A payment of a hold under one key, with every answer to it.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    /// The booking.
    pub(crate) booking: String,
    /// What came of each time that it was sent.
    pub(crate) outcomes: Vec<Outcome>,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// 201, with this body.
    Made(Value),
    /// Refused, with this status and problem.
    Refused(u16, Value),
    /// No answer, or a 5xx.
    Unknown,
}

/// What everybody knows of each other: the bookings made, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known(Arc<Mutex<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    bookings: Vec<String>,
    /// When the latest hold lapses.
    lapses_at: Option<Instant>,
    attempts: Vec<Attempted>,
    payments: Vec<Payment>,
    done: usize,
}

struct Acting {
    world: World,
    known: Known,
    user: UserId,
    host: bool,
    number: usize,
    /// The body and key of the last attempt to book, and its place among the attempts.
    last: Option<(Value, String, usize)>,
    booking: Option<String>,
    /// What the payment made last is confirmed with.
    secret: Option<String>,
}

impl Known {
    /// How many actors have come to their end.
    pub(crate) fn done(&self) -> usize {
        self.locked(|shared| shared.done)
    }

    /// Every attempt to book.
    pub(crate) fn attempts(&self) -> Vec<Attempted> {
        self.locked(|shared| shared.attempts.clone())
    }

    /// Every payment of a hold.
    pub(crate) fn payments(&self) -> Vec<Payment> {
        self.locked(|shared| shared.payments.clone())
    }

    fn locked<T>(&self, act: impl FnOnce(&mut Shared) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Does what the actor has to do.
pub(crate) async fn act(world: World, known: Known, number: usize, actor: Actor) {
    let user = if actor.host { HOST } else { guest(number) };
    let mut acting = Acting {
        world,
        known: known.clone(),
        user,
        host: actor.host,
        number,
        last: None,
        booking: None,
        secret: None,
    };
    for (place, command) in actor.commands.iter().enumerate() {
        let is_awaited = place > 0 && matches!(actor.commands[place - 1], Command::AwaitLapse { .. });
        if !is_awaited {
            let think = acting.world.executor().below(8_000_000);
            acting.wait(Duration::from_micros(think)).await;
        }
        acting.perform(place, command).await;
    }
    known.locked(|shared| shared.done += 1);
}

impl Acting {
    async fn perform(&mut self, place: usize, command: &Command) {
        match command {
            Command::Book { home, first, nights, card, copies, waits } => {
                self.book(place, (*home, *first, *nights), *card, *copies, *waits).await;
            }
            Command::Pay { card, copies, with_sweep } => {
                let Some(booking) = self.booking.clone() else { return };
                if *with_sweep {
                    self.world.next_sweep().await;
                }
                let body = json!({ "paymentMethodId": method(*card) });
                let key = format!("pay-{}-{place}", self.number);
                let path = format!("/v1/bookings/{booking}/payment");
                let outcomes = self.send(&path, &body, &key, *copies).await;
                self.keep_secret(&outcomes);
                self.known.locked(|shared| shared.payments.push(Payment { booking, outcomes }));
            }
            Command::Confirm { succeeds } => {
                let Some(secret) = self.secret.take() else { return };
                self.world.confirm(secret, *succeeds);
            }
            Command::Dispute { lost } => {
                let Some(booking) = self.booking.clone() else { return };
                self.world.dispute(booking, *lost);
            }
            Command::Cancel { back } => {
                let Some(booking) = self.one(*back) else { return };
                self.post(&format!("/v1/bookings/{booking}/cancel"), &json!({})).await;
            }
            Command::Repeat => {
                let Some((body, key, attempt)) = self.last.clone() else { return };
                let outcomes = self.send("/v1/bookings", &body, &key, 1).await;
                self.known.locked(|shared| shared.attempts[attempt].outcomes.extend(outcomes));
            }
            Command::Reuse => self.reuse().await,
            Command::Look => {
                let Some(booking) = self.booking.clone() else { return };
                let _ = self.get(&format!("/v1/bookings/{booking}")).await;
            }
            Command::Search { first, nights } => {
                let (from, to) = (self.world.day(*first), self.world.day(first + nights));
                let _ = self.get(&format!("/v1/search?location=Antwerp&checkIn={from}&checkOut={to}")).await;
            }
            Command::Accept { back } => self.on(*back, "accept", json!({})).await,
            Command::Decline { back } => self.on(*back, "decline", json!({ "reason": "no" })).await,
            Command::CheckIn { back } => self.on(*back, "check-in", json!({})).await,
            Command::CheckOut { back } => self.on(*back, "check-out", json!({})).await,
            Command::Block { home, first, nights } => {
                self.calendar(*home, "block", *first, *nights, json!({ "reason": "mine" })).await;
            }
            Command::Unblock { home, first, nights } => {
                self.calendar(*home, "unblock", *first, *nights, json!({})).await;
            }
            Command::Price { home, first, nights, amount } => {
                let price = json!({ "price": { "amount": amount, "currency": "EUR" } });
                self.calendar(*home, "set-price", *first, *nights, price).await;
            }
            Command::Wait { seconds } => self.wait(Duration::from_secs(u64::from(*seconds))).await,
            Command::AwaitLapse { after } => {
                let Some(lapses_at) = self.known.locked(|shared| shared.lapses_at) else { return };
                let left = lapses_at.as_millisecond() + after - self.world.now().as_millisecond();
                self.wait(Duration::from_millis(u64::try_from(left).unwrap_or(0))).await;
            }
            Command::Hour => self.world.hour(),
            Command::Refuse { times } => self.world.refuse(*times),
            Command::Sleep { hours } => {
                self.world.executor().leap(Duration::from_secs(3_600 * u64::from(*hours)));
            }
        }
    }

    async fn book(
        &mut self,
        place: usize,
        (home, first, nights): (usize, u16, u16),
        card: Option<Card>,
        copies: u8,
        waits: u32,
    ) {
        let Some(quoted) = self.quoted(home, first, nights).await else { return };
        self.wait(Duration::from_secs(u64::from(waits))).await;
        let mut body = json!({ "quoteId": quoted.json["quoteId"] });
        if let Some(card) = card {
            body["paymentMethodId"] = method(card).into();
        }
        // Others have keys of the same name, and must not meet this one's.
        let key = format!("book-{place}");
        let attempt = self.attempt(&quoted, None);
        self.last = Some((body.clone(), key.clone(), attempt));
        let outcomes = self.send("/v1/bookings", &body, &key, copies).await;
        self.keep_secret(&outcomes);
        for outcome in &outcomes {
            if let Outcome::Made(body) = outcome
                && let Some(id) = body["id"].as_str()
            {
                self.booking = Some(id.to_owned());
                self.known.locked(|shared| {
                    if !shared.bookings.iter().any(|known| known == id) {
                        shared.bookings.push(id.to_owned());
                        let lapses_at = body["holdExpiresAt"].as_str().and_then(|at| at.parse().ok());
                        shared.lapses_at = lapses_at.or(shared.lapses_at);
                    }
                });
            }
        }
        self.known.locked(|shared| shared.attempts[attempt].outcomes.extend(outcomes));
    }

    fn keep_secret(&mut self, outcomes: &[Outcome]) {
        let secret = |outcome: &Outcome| match outcome {
            Outcome::Made(body) => body["payment"]["clientSecret"].as_str().map(str::to_owned),
            _ => None,
        };
        if let Some(secret) = outcomes.iter().find_map(secret) {
            self.secret = Some(secret);
        }
    }

    /// Another stay under the key of the last: the first answer is not to be had for it.
    async fn reuse(&mut self) {
        let Some((_, key, last)) = self.last.clone() else { return };
        let Some(quoted) = self.quoted(0, 2, 2).await else { return };
        let attempt = self.attempt(&quoted, Some(last));
        let body = json!({ "quoteId": quoted.json["quoteId"], "paymentMethodId": method(Card::Good) });
        let outcomes = self.send("/v1/bookings", &body, &key, 1).await;
        self.known.locked(|shared| shared.attempts[attempt].outcomes.extend(outcomes));
    }

    async fn quoted(&self, home: usize, first: u16, nights: u16) -> Option<Answer> {
        let quote = json!({
            "listingId": self.world.home(home), "checkIn": self.world.day(first),
            "checkOut": self.world.day(first + nights), "guests": { "adults": 1 },
        });
        let quoted = self.world.call(self.user, "POST", "/v1/quotes", Some(&quote), None).await?;
        self.expected(&quoted, &[201, 409, 422, 503]);
        (quoted.status == 201).then_some(quoted)
    }

    fn attempt(&self, quote: &Answer, reuses: Option<usize>) -> usize {
        let attempted = Attempted {
            user: self.user,
            quoted: quote.json["total"]["amount"].as_i64(),
            expires_at: quote.json["expiresAt"].as_str().and_then(|at| at.parse().ok()),
            reuses,
            outcomes: Vec::new(),
        };
        self.known.locked(|shared| {
            shared.attempts.push(attempted);
            shared.attempts.len() - 1
        })
    }

    /// Sends a call under a key, several times at once, and again while it is not answered.
    async fn send(&self, path: &str, body: &Value, key: &str, copies: u8) -> Vec<Outcome> {
        let all = (0..copies.max(1)).map(|_| async {
            let mut outcomes = Vec::new();
            for _ in 0..TRIES {
                let answer = self.world.call(self.user, "POST", path, Some(body), Some(key)).await;
                let outcome = match answer {
                    Some(answer) if answer.status == 201 || answer.status == 200 => {
                        Outcome::Made(answer.json)
                    }
                    Some(answer) if answer.status >= 500 => {
                        self.expected(&answer, &[503]);
                        Outcome::Unknown
                    }
                    Some(answer) => {
                        self.expected(&answer, &[402, 404, 409, 410, 422]);
                        Outcome::Refused(answer.status, answer.json)
                    }
                    None => Outcome::Unknown,
                };
                let unknown = matches!(outcome, Outcome::Unknown);
                outcomes.push(outcome);
                if !unknown {
                    break;
                }
                self.wait(Duration::from_secs(2)).await;
            }
            outcomes
        });
        futures::future::join_all(all).await.into_iter().flatten().collect()
    }

    async fn on(&self, back: usize, action: &str, body: Value) {
        let Some(booking) = self.one(back) else { return };
        self.post(&format!("/v1/bookings/{booking}/{action}"), &body).await;
    }

    async fn calendar(&self, home: usize, action: &str, first: u16, nights: u16, more: Value) {
        let mut body = json!({
            "startDate": self.world.day(first), "endDate": self.world.day(first + nights),
        });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        let home = self.world.home(home);
        self.post(&format!("/v1/listings/{home}/calendar/{action}"), &body).await;
    }

    async fn post(&self, path: &str, body: &Value) {
        if let Some(answer) = self.world.call(self.user, "POST", path, Some(body), None).await {
            self.expected(&answer, &[200, 201, 402, 404, 409, 422, 503]);
        }
    }

    async fn get(&self, path: &str) -> Option<Answer> {
        let answer = self.world.call(self.user, "GET", path, None, None).await?;
        self.expected(&answer, &[200, 404, 422, 503]);
        Some(answer)
    }

    fn expected(&self, answer: &Answer, statuses: &[u16]) {
        if !statuses.contains(&answer.status) {
            self.world
                .watch()
                .violated(format!("an answer that nobody expects: {} {}", answer.status, answer.json));
        }
    }

    /// The guest's own booking, or as a host any, from the last backwards.
    fn one(&self, back: usize) -> Option<String> {
        if self.host {
            self.known.locked(|shared| shared.bookings.iter().rev().nth(back).cloned())
        } else {
            self.booking.clone()
        }
    }

    async fn wait(&self, time: Duration) {
        self.world.executor().sleep(time).await;
    }
}

fn method(card: Card) -> &'static str {
    match card {
        Card::Good => "pm_card_visa",
        Card::Declined => "pm_card_chargeDeclined",
        Card::ToConfirm => "pm_card_authenticationRequired",
    }
}
