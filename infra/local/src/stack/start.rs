//! Starts a stack: template, store, functions, streams, schedules, and the gateway at last, so that
//! whoever gets an answer gets it from a stack that is ready.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use roost::app::App;
use roost::config::Config;
use roost::entropy::Entropy;
use roost::function::{Consumer, Functions};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::{Options, Parts, Stack};
use crate::buckets::Buckets;
use crate::bus::{Bus, Listening};
use crate::clock::LocalClock;
use crate::connector::{connector, outside};
use crate::database::{self, Place};
use crate::engine::Engine;
use crate::environment::Environment;
use crate::faults::StreamFaults;
use crate::mailbox::Mailbox;
use crate::provider::{Provider, Sender};
use crate::router::Router;
use crate::saved::Saved;
use crate::schedules::Scheduled;
use crate::search::{INDEXER, Search, State};
use crate::streams::{self, Progress, Reader};
use crate::template::{Stream, Template};
use crate::{all_functions, gateway, root, wiring};

/// How long something that failed waits before it is tried again; the next waits are longer.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn start(options: Options) -> Result<Stack, String> {
    let functions = all_functions();
    let file = options.template.clone().unwrap_or_else(|| root().join("template.yaml"));
    let template = Template::read(&file)?;
    wiring::check(&template, &functions)?;
    let listener = listen(options.port).await?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let url = format!("http://{address}");

    let home = Home::open(&options)?;
    let saved = Arc::new(Saved::open(home.kept("stack.json"))?);
    let clock = LocalClock::ahead_by(saved.state().clock_ahead);
    let provider =
        Provider::open(clock.shared(), home.kept("provider.json")).map_err(|error| error.to_string())?;
    let database = database::open(home.place(), &template.tables)?;
    let starts: HashMap<String, String> = streamed(&template)
        .map(|table| Ok((table.to_owned(), database::stream_start(&database, table)?)))
        .collect::<Result<_, String>>()?;
    let engine = Engine::on(database);

    let (bus, dispatcher) = Bus::new(clock.shared(), &template.buses);
    let buckets = Buckets::open(&home.buckets, &template.buckets, &bus)?;
    let mailbox = Mailbox::new(clock.shared());
    let search = Search::new(&options.search);
    let environment = Environment::of(&url, &template, &options.search);
    let connector = connector(&engine, &bus, &mailbox, &search);
    let app = |config: Config| App::new(config, clock.shared(), Entropy::system(), connector.clone());
    let mut apps = HashMap::new();
    for function in &template.functions {
        apps.insert(function.name.clone(), app(environment.config_of(function)?));
    }

    let whole = app(environment.config()?);
    let pause = if options.impatient { Duration::from_millis(2) } else { PAUSE };
    let stream_faults = Arc::new(StreamFaults::default());
    let readers = readers(
        &template,
        &functions,
        &apps,
        |consumer, app, stream, position| Reader {
            consumer,
            app,
            stream,
            position,
            engine: engine.clone(),
            saved: saved.clone(),
            faults: stream_faults.clone(),
            keeper: whole.clone(),
            // A server that is gone comes back in its own time, whoever is impatient.
            pause: if consumer.name == INDEXER { PAUSE } else { pause },
        },
        &saved.state().positions,
        &starts,
    );
    let (mut tasks, mut progress) = (Vec::new(), Vec::new());
    for reader in readers {
        let (done, handled) = watch::channel(0);
        progress.push(Progress { consumer: reader.consumer.name, handled });
        let search = search.clone();
        let reading = async move {
            // The index is filled when it is set up, and there is nothing to write to before.
            if reader.consumer.name != INDEXER || search.settled().await == State::Ready {
                reader.run(done).await;
            }
        };
        tasks.push(tokio::spawn(reading).abort_handle());
    }
    tasks.push(tokio::spawn(dispatcher.run(listening(&template, &functions, &apps), pause)).abort_handle());
    let schedules = scheduled(&template, &functions, &apps);
    if options.schedules {
        tasks.extend(keep_times(&schedules, &engine));
    }

    let tell = options.tell.unwrap_or(|_| {});
    tasks.push(search.start(options.search.clone(), whole.clone(), tell));

    let way_out = outside();
    let sender = Arc::new(Sender::new(&provider, way_out.clone(), &url));
    let parts = Arc::new(Parts {
        app: whole,
        router: Router::to(functions.endpoints()),
        url,
        clock: clock.clone(),
        engine,
        bus,
        buckets,
        search,
        outside: way_out,
        mailbox,
        stream_faults,
        provider,
        sender: sender.clone(),
        template,
        environment,
        apps,
        schedules,
        readers: progress,
        saved,
        _folder: home.passing,
    });
    // The server's copy owns no task, so that the caller's alone decides when the stack ends.
    let served = Arc::new(Stack { parts: parts.clone(), tasks: Vec::new() });
    tasks.push(tokio::spawn(gateway::serve(listener, served)).abort_handle());
    tasks.push(tokio::spawn(async move { sender.run().await }).abort_handle());
    Ok(Stack { parts, tasks })
}

async fn listen(port: u16) -> Result<TcpListener, String> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("port {port} is in use: stop what listens there or choose another with --port N")
        }
        _ => format!("port {port} cannot be listened on: {error}"),
    })
}

/// Where a stack's files are.
struct Home {
    kept: Option<PathBuf>,
    passing: Option<tempfile::TempDir>,
    database: Option<PathBuf>,
    buckets: PathBuf,
}

impl Home {
    fn open(options: &Options) -> Result<Self, String> {
        if let Some(folder) = &options.data {
            std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            return Ok(Self {
                kept: Some(folder.clone()),
                passing: None,
                database: Some(folder.join("store.sqlite")),
                buckets: folder.join("buckets"),
            });
        }
        let folder =
            tempfile::Builder::new().prefix("roost-").tempdir().map_err(|error| error.to_string())?;
        let database = (!options.memory).then(|| folder.path().join("store.sqlite"));
        let buckets = folder.path().join("buckets");
        Ok(Self { kept: None, passing: Some(folder), database, buckets })
    }

    /// A file of this name where files are kept.
    fn kept(&self, name: &str) -> Option<PathBuf> {
        self.kept.as_deref().map(|folder: &Path| folder.join(name))
    }

    fn place(&self) -> Place<'_> {
        match &self.database {
            None => Place::Memory,
            Some(file) if self.kept.is_some() => Place::Kept(file),
            Some(file) => Place::Passing(file),
        }
    }
}

/// The tables whose streams feed a function.
fn streamed(template: &Template) -> impl Iterator<Item = &str> {
    template.functions.iter().flat_map(|function| &function.streams).map(|stream| stream.table.as_str())
}

fn readers(
    template: &Template,
    functions: &Functions,
    apps: &HashMap<String, App>,
    reader: impl Fn(Consumer, App, Stream, String) -> Reader,
    positions: &BTreeMap<String, String>,
    starts: &HashMap<String, String>,
) -> Vec<Reader> {
    let mut readers = Vec::new();
    for function in &template.functions {
        let consumer = functions.consumers.iter().find(|consumer| consumer.name == function.name);
        let Some((consumer, app)) = consumer.zip(apps.get(&function.name)) else { continue };
        for stream in &function.streams {
            let position = positions.get(&streams::key(consumer.name, &stream.table));
            let Some(position) = position.or_else(|| starts.get(&stream.table)).cloned() else { continue };
            readers.push(reader(*consumer, app.clone(), stream.clone(), position));
        }
    }
    readers
}

/// Each listener with each of its rules.
fn listening(template: &Template, functions: &Functions, apps: &HashMap<String, App>) -> Vec<Listening> {
    let mut listening = Vec::new();
    for function in &template.functions {
        let listener = functions.listeners.iter().find(|listener| listener.name == function.name);
        let Some((listener, app)) = listener.zip(apps.get(&function.name)) else { continue };
        listening.extend(function.rules.iter().map(|rule| Listening {
            listener: *listener,
            app: app.clone(),
            rule: rule.clone(),
            retries: function.retries,
            failures: function.failures.clone(),
        }));
    }
    listening
}

fn scheduled(template: &Template, functions: &Functions, apps: &HashMap<String, App>) -> Vec<Scheduled> {
    let of = |function: &crate::template::Function| {
        let schedule = functions.schedules.iter().find(|schedule| schedule.name == function.name)?;
        let app = apps.get(&function.name)?.clone();
        Some(Scheduled { schedule: *schedule, app, times: function.schedules.clone() })
    };
    template.functions.iter().filter_map(of).collect()
}

/// Starts what time starts: the scheduled functions, and the store's own sweep of what has expired.
fn keep_times(schedules: &[Scheduled], engine: &Engine) -> Vec<AbortHandle> {
    let mut tasks = Vec::new();
    for scheduled in schedules {
        for time in &scheduled.times {
            tasks.push(tokio::spawn(scheduled.clone().keep_time(*time)).abort_handle());
        }
    }
    let engine = engine.clone();
    let sweep = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_hours(1)).await;
            engine.sweep();
        }
    });
    tasks.push(sweep.abort_handle());
    tasks
}
