//! The whole product in one thread under one seed: the handlers that ship, their adapters, the
//! embedded store, streams, bus, schedules and payment provider, and the people of a script.

mod background;
mod furnishing;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use bytes::Bytes;
use futures::channel::oneshot;
use http::Request;
use roost::account::{Role, token};
use roost::app::App;
use roost::clock::{Clock, Duration as Span, Instant};
use roost::config::Config;
use roost::entropy::Entropy;
use roost::function::Functions;
use roost::ids::{ListingId, UserId};
use roost_local::bus::{Bus, Dispatcher};
use roost_local::database::Blueprint;
use roost_local::engine::Engine;
use roost_local::environment::Environment;
use roost_local::mailbox::Mailbox;
use roost_local::provider::{AuthenticationOrder, DisputeOrder, FaultOrder, Provider};
use roost_local::router::Router;
use roost_local::search::Choice;
use roost_local::template::Template;
use roost_local::{all_functions, gateway, root};
use serde_json::Value;

pub(crate) use background::LONGEST_PAUSE;
use furnishing::{Furnished, MOST_GUESTS};

use crate::check::Watch;
use crate::executor::{Bell, Executor};
use crate::index::SmallIndex;
use crate::replica::Replica;
use crate::script::Script;
use crate::streams::Streams;
use crate::wire::{Commits, Parts, Plan, Wire};

/// The longest that a function may take behind API Gateway.
const GATEWAY_PATIENCE: Duration = Duration::from_secs(29);
/// How long a caller keeps a token of fifteen minutes: with five that a clock may be ahead, it is not over anywhere.
const TOKEN_IS_KEPT: Span = Span::from_secs(9 * 60);
/// The host of every home.
pub(crate) const HOST: UserId = UserId::from_bits(1);

/// What every history reads from the template, once.
#[derive(Debug)]
pub(crate) struct Plans {
    template: Template,
    blueprint: Blueprint,
    functions: Functions,
    router: Router,
    config: Config,
    /// The time at which every history begins: a morning.
    begins: Instant,
}

/// A product that runs a script.
#[derive(Clone)]
pub(crate) struct World(Arc<Inner>);

struct Inner {
    plans: &'static Plans,
    parts: Parts,
    clock: Clock,
    instances: Vec<App>,
    /// The instance that takes all calls once nothing goes wrong any more: its clock is right.
    right_one: App,
    right: AtomicBool,
    quiet: App,
    turn: AtomicUsize,
    requests: AtomicUsize,
    quiesces: Arc<AtomicBool>,
    /// Rung when the schedule that expires holds starts.
    sweeps: Bell,
    homes: Mutex<Vec<ListingId>>,
    /// What callers show, and since when: by who they are, and how many roles they have.
    tokens: Mutex<BTreeMap<(UserId, usize), (Instant, String)>>,
    has_deposits: bool,
    pub watch: Watch,
}

/// What a caller got: nothing when no answer came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as it came.
    pub bytes: Bytes,
    /// The body as JSON.
    pub json: Value,
}

impl Plans {
    /// Read from the workspace's template.
    pub(crate) fn get() -> &'static Self {
        static PLANS: OnceLock<Plans> = OnceLock::new();
        PLANS.get_or_init(|| {
            let template = Template::read(&root().join("template.yaml")).expect("the template can be read");
            let functions = all_functions();
            let choice = Choice::At { url: String::new(), index: "listings".into(), budget: None };
            let environment = Environment::of("http://proof.local", &template, &choice);
            let mut config = environment.config().expect("the environment is whole");
            config.signs = false;
            let taxes = r#"[{"country": "BE", "label": "City tax", "basisPoints": 600, "perNight": 155}]"#;
            config.taxes = serde_json::from_str(taxes).expect("a tax table");
            let router = Router::to(functions.endpoints());
            let begins = "2027-03-27T09:00:00Z".parse().expect("a time");
            let blueprint = Blueprint::of(&template.tables).expect("the tables are made");
            Self { template, blueprint, functions, router, config, begins }
        })
    }
}

impl World {
    /// The product, with the script's homes on sale and nothing else done; its store keeps the calls
    /// from the first on where they are recorded.
    pub(crate) fn new(script: &Script, record: bool) -> Self {
        let guests = script.actors.iter().rposition(|actor| !actor.host).map_or(0, |last| last + 1);
        assert!(guests <= MOST_GUESTS, "guests come before hosts, and are {MOST_GUESTS} at most");
        let furnished = (!record).then(|| Furnished::of(script));
        // The clients of AWS draw their jitter from the thread's own source, of which the furnishing took some.
        fastrand::seed(script.seed);
        let tables = furnished.as_ref().map_or(&Plans::get().blueprint, |furnished| &furnished.tables);
        let copy = || Engine::on(tables.copy().expect("the tables are copied"));
        let engine = copy();
        let lag = Duration::from_millis(script.lag.into());
        let replica = if lag.is_zero() { Replica::default() } else { Replica::of(copy(), lag) };
        if record {
            engine.record();
        }
        let (world, mut dispatcher) = Self::on(engine, replica, script);
        match furnished {
            Some(furnished) => world.has(&furnished, script),
            None => {
                world.populate();
                world.put_on_sale(script);
            }
        }
        world.open_payout_account();
        world.watch_commits();
        world.start_streams();
        world.start_schedules();
        world.start_webhooks();
        let listening = world.clone();
        world.executor().spawn(async move {
            while let Some((bus, event)) = dispatcher.next().await {
                listening.deliver(&bus, &event);
            }
        });
        world
    }

    /// The product on a store, where nothing happens yet.
    fn on(engine: Engine, replica: Replica, script: &Script) -> (Self, Dispatcher) {
        let plans = Plans::get();
        let executor = Executor::new(script.seed);
        let clock = |skew: i64| {
            let (begins, time) = (plans.begins + Span::from_millis(skew), executor.clone());
            let passed = move || begins + Span::try_from(time.passed()).unwrap_or(Span::ZERO);
            Clock::with(passed, executor.clone())
        };
        let (bus, dispatcher) = Bus::new(clock(0), &plans.template.buses);
        let streams = Streams::of(&engine, plans.template.tables.iter().map(|table| table.name.as_str()));
        let parts = Parts {
            executor: executor.clone(),
            engine,
            replica,
            provider: Provider::new(clock(0)),
            answered: Bell::default(),
            bus,
            mailbox: Mailbox::new(clock(0)),
            index: SmallIndex::default(),
            plan: Plan::of(&script.faults),
            streams,
            commits: Commits::default(),
        };
        let entropy = {
            let executor = executor.clone();
            Entropy::of(move |bytes| executor.fill(bytes))
        };
        let app = |skew: i64, quiet: bool| {
            let connector = SharedHttpConnector::new(Wire { parts: parts.clone(), quiet });
            App::new(plans.config.clone(), clock(skew), entropy.clone(), connector)
        };
        let instances = script.skews.iter().map(|skew| app(*skew, false)).collect::<Vec<_>>();
        let world = Self(Arc::new(Inner {
            plans,
            clock: clock(0),
            instances,
            right_one: app(0, false),
            right: AtomicBool::new(false),
            quiet: app(0, true),
            turn: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            quiesces: Arc::default(),
            sweeps: Bell::default(),
            homes: Mutex::default(),
            tokens: Mutex::default(),
            has_deposits: script.homes.iter().any(|home| home.deposit),
            watch: Watch::new(clock(0)),
            parts,
        }));
        (world, dispatcher)
    }

    /// Every part of the product.
    pub(crate) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    /// The executor.
    pub(crate) fn executor(&self) -> &Executor {
        &self.0.parts.executor
    }

    /// What is watched.
    pub(crate) fn watch(&self) -> &Watch {
        &self.0.watch
    }

    /// An instance for which nothing goes wrong.
    pub(crate) fn quiet(&self) -> &App {
        &self.0.quiet
    }

    /// The true time.
    pub(crate) fn now(&self) -> Instant {
        self.0.clock.now()
    }

    /// The civil date at the beginning, and so many days later, where the homes are.
    pub(crate) fn day(&self, days: u16) -> jiff::civil::Date {
        let begins = self.0.plans.begins.to_zoned(jiff::tz::TimeZone::UTC).date();
        roost::stay::add_days(begins, i64::from(days))
    }

    /// A home's listing.
    pub(crate) fn home(&self, number: usize) -> ListingId {
        let homes = lock(&self.0.homes);
        homes[number % homes.len()]
    }

    /// How many homes there are.
    pub(crate) fn homes(&self) -> usize {
        lock(&self.0.homes).len()
    }

    /// From here on nothing goes wrong any more, and clocks are right.
    pub(crate) fn end_faults(&self) {
        self.0.right.store(true, Ordering::Relaxed);
        self.0.parts.plan.end();
        self.0.parts.provider.clear_faults();
    }

    /// Ends it: every task is dropped where it stands.
    pub(crate) fn end(&self) {
        self.0.parts.commits.end();
        self.executor().end();
    }

    /// From here on no schedule starts.
    pub(crate) fn end_schedules(&self) {
        self.0.quiesces.store(true, Ordering::Relaxed);
    }

    /// Calls the product through its gateway; `None` when no answer came.
    pub(crate) async fn call(
        &self,
        user: UserId,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Option<Answer> {
        let (sender, answer) = oneshot::channel();
        let app = self.instance();
        let invocation = self.invocation(app, (user, &[]), method, path, body, key);
        self.executor().spawn(async move {
            let _ = sender.send(invocation.await);
        });
        self.0.clock.within(GATEWAY_PATIENCE, answer).await?.ok()
    }

    /// The same where nothing goes wrong and nobody waits.
    pub(crate) async fn call_quietly(
        &self,
        user: UserId,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        self.invocation(self.0.quiet.clone(), (user, &[]), method, path, body, None).await
    }

    /// The same for an administrator.
    pub(crate) async fn call_as_admin(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.invocation(self.0.quiet.clone(), (HOST, &[Role::Admin]), method, path, body, None).await
    }

    fn instance(&self) -> App {
        if self.0.right.load(Ordering::Relaxed) {
            return self.0.right_one.clone();
        }
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        self.0.instances[turn % self.0.instances.len()].clone()
    }

    fn invocation(
        &self,
        app: App,
        (user, roles): (UserId, &[Role]),
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let token = self.token(user, roles);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "proof.local")
            .header("authorization", format!("Bearer {token}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let bytes = body.map(|body| Bytes::from(body.to_string()));
        if bytes.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(bytes.unwrap_or_default()).expect("a request");
        self.invocation_of(app, &request)
    }

    /// A caller's token: the one that he has, for as long as no instance's clock is past its end.
    fn token(&self, user: UserId, roles: &[Role]) -> String {
        let now = self.now();
        let mut tokens = lock(&self.0.tokens);
        let known = tokens.get(&(user, roles.len())).filter(|(issued, _)| now < *issued + TOKEN_IS_KEPT);
        if let Some((_, token)) = known {
            return token.clone();
        }
        let quiet = &self.0.quiet;
        let token = token::issue(&quiet.secrets, now, user, roles, &quiet.entropy).expect("a token");
        tokens.insert((user, roles.len()), (now, token.clone()));
        token
    }

    /// What an instance answers to a request.
    fn invocation_of(
        &self,
        app: App,
        request: &Request<Bytes>,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let method = request.method().as_str();
        let taken = self.0.plans.router.find(method, request.uri().path()).expect("a route");
        let number = self.0.requests.fetch_add(1, Ordering::Relaxed);
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let request = gateway::arriving(request, &taken, &format!("request-{number}"), peer, self.now());
        let handled = (taken.endpoint.handle)(app, request.expect("an event"));
        async move {
            let (head, body) = handled.await.into_parts();
            let bytes = Bytes::copy_from_slice(body.as_ref());
            let json = serde_json::from_slice(&bytes).unwrap_or_default();
            Answer { status: head.status.as_u16(), bytes, json }
        }
    }

    /// Runs work to its end at once, before anything else goes on.
    pub(crate) fn settle<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
        futures::executor::block_on(work)
    }

    /// A guest confirms a payment at his bank, or fails to.
    pub(crate) fn confirm(&self, client_secret: String, succeeds: bool) {
        let outcome = if succeeds { "succeed" } else { "fail" }.to_owned();
        // What is over by now, or was confirmed before, is not to be confirmed.
        let _ = self.0.parts.provider.authenticate(&AuthenticationOrder { client_secret, outcome });
        self.0.parts.answered.ring();
    }

    /// A guest's bank takes the money of a booking back, and decides, if it does.
    pub(crate) fn dispute(&self, booking_id: String, lost: Option<bool>) {
        let outcome = lost.map_or("open", |lost| if lost { "lost" } else { "won" }).to_owned();
        // Of what was never taken nothing can be taken back.
        let _ = self.0.parts.provider.dispute(&DisputeOrder { booking_id, outcome });
        self.0.parts.answered.ring();
    }

    /// Banks refuse so many cards.
    pub(crate) fn refuse(&self, times: u8) {
        let order = FaultOrder {
            operation: Some("authorize".into()),
            fault: "decline".into(),
            times: i64::from(times),
            provider: None,
        };
        self.0.parts.provider.inject(order).expect("an order");
    }

    fn watch_commits(&self) {
        let watch = self.0.watch.clone();
        let bookings = self.0.plans.config.tables.bookings.clone();
        let stream = self.0.parts.streams.of_table(&bookings);
        let seen = AtomicUsize::new(0);
        self.0.parts.commits.to(move |table| {
            if table == bookings {
                let records = stream.after(seen.load(Ordering::Relaxed), usize::MAX);
                seen.fetch_add(records.len(), Ordering::Relaxed);
                watch.committed(&records);
            }
        });
    }
}

/// A guest's account.
pub(crate) fn guest(number: usize) -> UserId {
    UserId::from_bits(100 + number as u128)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts by name, for reports.
pub(crate) type Counts = BTreeMap<String, u64>;

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}
