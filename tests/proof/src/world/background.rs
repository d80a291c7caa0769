//! What goes on in a world without anybody asking: streams are read, events delivered, schedules kept.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::channel::oneshot;
use http::Request;
use roost::booking::Booking;
use roost::booking::money::Step;
use roost::function::{Consumer, Event, Listener, Record, Schedule};
use roost_local::provider::{WEBHOOK_SECRET, Webhook, WebhookOrder, sign};
use roost_local::template::Rule;
use serde_json::Value;

use super::World;
use crate::script::{Site, What};
use crate::streams::Stream;

/// How often a batch of a stream is handed to its consumer before that counts as failing for ever.
const MOST_TRIES: usize = 100;
/// The longest that nobody sweeps or recovers.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_mins(20);
/// The schedule that expires holds.
const SWEEP: &str = "expire-bookings";
/// The schedule that settles what nobody recorded.
const RECOVERY: &str = "recover-payments";
/// The schedule that comes once an hour.
const HOURLY: &str = "advance-stays";

impl World {
    /// Has every consumer read its streams.
    pub(super) fn start_streams(&self) {
        for function in &self.0.plans.template.functions {
            let consumer = self.0.plans.functions.consumers.iter().find(|one| one.name == function.name);
            let Some(consumer) = consumer else { continue };
            for stream in &function.streams {
                let read = self.0.parts.streams.of_table(&stream.table);
                self.executor().spawn(self.clone().read(*consumer, read, stream.batch));
            }
        }
    }

    /// Reads a stream to its end, over and over: in order, in batches, until the consumer has done each.
    async fn read(self, consumer: Consumer, stream: Stream, most: usize) {
        let executor = self.executor().clone();
        let mut place = 0;
        loop {
            let seen = stream.changes().times();
            // As many as the template says; now and then so few that one change is cut in two.
            let few = usize::try_from(1 + executor.below(16)).unwrap_or(1);
            let limit = if executor.below(4) == 0 { few } else { most };
            let records = stream.after(place, limit);
            let is_whole = records.len() == limit;
            place += records.len();
            if !records.is_empty() {
                self.hand_over(consumer, records).await;
            }
            if is_whole {
                continue;
            }
            stream.changes().after(seen).await;
            // At once, or as late as a poller is that looks once a second and has work of its own.
            let late = if executor.below(4) == 0 { 50 } else { 4_000 };
            executor.sleep(Duration::from_millis(1 + executor.below(late))).await;
        }
    }

    async fn hand_over(&self, consumer: Consumer, mut waiting: Vec<Record>) {
        let executor = self.executor();
        match self.0.parts.plan.next(Site::Stream) {
            Some(What::Delayed) => executor.sleep(Duration::from_mins(1)).await,
            Some(What::Twice) => {
                let _ = self.deliver_records(consumer, waiting.clone()).await;
            }
            _ => {}
        }
        for tries in 0.. {
            if tries == MOST_TRIES {
                self.watch().violated(format!("{} fails on a record for ever", consumer.name));
                return;
            }
            // A consumer that ends without an answer gets all of them again.
            let failed = self.deliver_records(consumer, waiting.clone()).await;
            let first = match failed {
                Some(failed) => waiting.iter().position(|record| failed.contains(&record.sequence)),
                None => Some(0),
            };
            match first {
                Some(first) if first < waiting.len() => {
                    waiting.drain(..first);
                    executor.sleep(Duration::from_millis(500 + executor.below(2_000))).await;
                }
                _ => return,
            }
        }
    }

    async fn deliver_records(&self, consumer: Consumer, records: Vec<Record>) -> Option<Vec<String>> {
        let (sender, answer) = oneshot::channel();
        let handled = (consumer.handle)(self.instance(), records);
        self.executor().spawn(async move {
            let _ = sender.send(handled.await);
        });
        answer.await.ok()
    }

    /// Has every schedule keep its times, until [`World::end_schedules`].
    pub(super) fn start_schedules(&self) {
        // The daily reconciliation reads everything, and runs once, when everything rests.
        let all = self.0.plans.functions.schedules.iter();
        for schedule in all.filter(|schedule| schedule.name != "reconcile") {
            let (world, schedule) = (self.clone(), *schedule);
            self.executor().spawn(world.keep(schedule));
        }
    }

    /// The hourly schedule comes, at whatever else is going on.
    pub(crate) fn hour(&self) {
        for schedule in self.0.plans.functions.schedules.iter().filter(|known| known.name == HOURLY) {
            let run = (schedule.run)(self.instance());
            self.executor().spawn(async move {
                let _ = run.await;
            });
        }
    }

    /// Runs the hourly schedule once more: what it had to leave waits for its next hour.
    pub(crate) fn strike_the_hour(&self) {
        let world = self.clone();
        self.executor().spawn(async move {
            world.operate().await;
            // What was tried in vain rests for some minutes; the charge of a balance, lost in hours in which
            // nothing ran, for some hours.
            let rests: &[u64] = if world.0.has_deposits { &[10, 6 * 60] } else { &[10] };
            for minutes in rests {
                world.run_after(*minutes, &[RECOVERY, HOURLY]).await;
            }
            // That nothing was sent is sure half an hour later only, and what turns out to have been sent is taken
            // back by the run after; what follows from either is settled then.
            let is_under_way = |booking: &Booking| {
                booking.sending > 0 || matches!(booking.step(), Some(Step::DecideReversal(_)))
            };
            if world.watch().bookings().values().any(is_under_way) {
                world.run_after(45, &[HOURLY, RECOVERY, HOURLY]).await;
            }
        });
    }

    async fn run_after(&self, minutes: u64, names: &[&str]) {
        self.executor().sleep(Duration::from_mins(minutes)).await;
        for name in names {
            let schedules = self.0.plans.functions.schedules.iter();
            for schedule in schedules.filter(|known| known.name == *name) {
                let _ = (schedule.run)(self.instance()).await;
            }
        }
    }

    /// Operators look at what got stuck, and have it tried again.
    async fn operate(&self) {
        let path = "/v1/admin/payment-issues";
        let issues = self.call_as_admin("GET", &format!("{path}?limit=50"), None).await;
        let note = serde_json::json!({ "note": "mended" });
        for issue in issues.json["items"].as_array().into_iter().flatten() {
            let id = issue["id"].as_str().unwrap_or_default();
            self.call_as_admin("POST", &format!("{path}/{id}/resolve"), Some(&note)).await;
        }
    }

    async fn keep(self, schedule: Schedule) {
        let executor = self.executor().clone();
        let ends = self.0.quiesces.clone();
        // Soon after each other now and then; but most of what a sweep does is to find nothing.
        let (soon, late) = match schedule.name {
            SWEEP | RECOVERY => (60..300, 900..LONGEST_PAUSE.as_secs()),
            HOURLY => (1_800..2_700, 2_700..5_400),
            // Reminders, on which nothing else depends.
            _ => (240..600, 2_700..5_400),
        };
        loop {
            // Once nothing goes wrong any more, the fewest runs that are enough must be enough.
            let is_right = self.0.right.load(Ordering::Relaxed);
            let every = if !is_right && executor.below(4) == 0 { &soon } else { &late };
            let pause = every.start + executor.below(every.end - every.start);
            executor.sleep(Duration::from_secs(pause)).await;
            if ends.load(Ordering::Relaxed) {
                return;
            }
            let times = match self.0.parts.plan.next(Site::Schedule) {
                Some(What::Skipped) => 0,
                Some(What::Twice) => 2,
                _ => 1,
            };
            if schedule.name == SWEEP {
                self.0.sweeps.ring();
            }
            for _ in 0..times {
                let run = (schedule.run)(self.instance());
                executor.spawn(async move {
                    let _ = run.await;
                });
            }
        }
    }

    /// Hands over what the provider tells of: at once or late, now and then many times or never, and so in
    /// any order. It is not sent again: the schedules find what it would have told.
    pub(super) fn start_webhooks(&self) {
        let manner = WebhookOrder { delay_seconds: Some(0), ..WebhookOrder::default() };
        self.0.parts.provider.order_webhooks(manner).expect("an order");
        let world = self.clone();
        self.executor().spawn(async move {
            let answered = world.0.parts.answered.clone();
            loop {
                answered.after(answered.times()).await;
                for webhook in world.0.parts.provider.due_webhooks() {
                    // Of a dispute nothing else tells.
                    let disputed = is_of_a_dispute(&webhook);
                    let copies = match world.executor().below(8) {
                        0 if disputed => 2,
                        0 => 0,
                        1 => 3,
                        _ => 1,
                    };
                    for _ in 0..copies {
                        let executor = world.executor();
                        let soon = executor.below(4) > 0;
                        let late = executor.below(if soon { 50_000 } else { 60_000_000 });
                        executor.spawn(world.clone().told(webhook.clone(), Duration::from_micros(late)));
                    }
                }
            }
        });
    }

    async fn told(self, webhook: Webhook, late: Duration) {
        self.executor().sleep(late).await;
        let signed = |signature: String| {
            Request::post(webhook.path)
                .header("host", "proof.local")
                .header("content-type", "application/json")
                .header("stripe-signature", signature)
                .body(webhook.body.clone())
                .expect("a request")
        };
        let mut request = signed(webhook.signature.clone());
        // A provider sends again what was not taken, for days: that matters where nothing else tells. Here for three
        // hours: a capture may be entered by the hourly schedule only, by its second run.
        for _ in 0..90 {
            let answered = self.invocation_of(self.instance(), &request).await;
            if answered.status < 300 || !is_of_a_dispute(&webhook) {
                break;
            }
            self.executor().sleep(Duration::from_mins(2)).await;
            // With a signature of that time: the first is stale five minutes on.
            let seconds = self.0.clock.now().as_second();
            request = signed(sign(WEBHOOK_SECRET, seconds, &webhook.body));
        }
    }

    /// Returns while a run of the sweep is at work, or after the longest pause between two.
    pub(crate) async fn next_sweep(&self) {
        let sweeps = &self.0.sweeps;
        let _ = self.0.clock.within(LONGEST_PAUSE, sweeps.after(sweeps.times())).await;
        self.executor().sleep(Duration::from_micros(self.executor().below(20_000))).await;
    }

    /// Hands an event to everybody who listens to it, each until it is handled.
    pub(super) fn deliver(&self, bus: &str, event: &Value) {
        for function in &self.0.plans.template.functions {
            let listener = self.0.plans.functions.listeners.iter().find(|one| one.name == function.name);
            let Some(listener) = listener else { continue };
            let wanted = |rule: &&Rule| rule.bus == bus && rule.pattern.takes(event);
            for _ in function.rules.iter().filter(wanted) {
                self.executor().spawn(self.clone().listen(*listener, event.clone()));
            }
        }
    }

    async fn listen(self, listener: Listener, event: Value) {
        let executor = self.executor().clone();
        let Ok(event) = serde_json::from_value::<Event>(event) else { return };
        for _ in 0..20 {
            let (sender, answer) = oneshot::channel();
            let handled = (listener.handle)(self.instance(), event.clone());
            executor.spawn(async move {
                let _ = sender.send(handled.await.is_ok());
            });
            if answer.await == Ok(true) {
                return;
            }
            executor.sleep(Duration::from_secs(10 + executor.below(50))).await;
        }
    }
}

fn is_of_a_dispute(webhook: &Webhook) -> bool {
    webhook.body.windows(15).any(|text| text == b"charge.dispute.")
}
