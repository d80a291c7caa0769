//! The same bookings on `PostgreSQL`, as one would write them there: lock the home's row, look at the
//! nights, insert them and the booking, commit. A server of the run's own, on a socket in a folder that
//! is gone at the end; every setting as it comes, fsync on.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::civil::Date;
use roost_tests::command::run;
use tokio::sync::Mutex;
use tokio_postgres::{Client, Error, NoTls, Statement};

/// A running server with the tables of a bench, and connections to it. It ends with this value.
pub(crate) struct Postgres {
    server: Child,
    connections: Vec<Mutex<Connection>>,
    next: AtomicUsize,
    folder: tempfile::TempDir,
}

/// A connection with its statements, prepared once.
struct Connection {
    client: Client,
    lock: Statement,
    taken: Statement,
    book: Statement,
    nights: Statement,
}

const TABLES: &str = "
    CREATE TABLE homes (id text PRIMARY KEY, status text NOT NULL, price bigint NOT NULL);
    CREATE TABLE bookings (
        id text PRIMARY KEY, home text NOT NULL REFERENCES homes, guest text NOT NULL,
        first date NOT NULL, last date NOT NULL, state text NOT NULL, total bigint NOT NULL,
        created timestamptz NOT NULL DEFAULT now());
    CREATE INDEX ON bookings (guest, first);
    CREATE TABLE nights (
        home text NOT NULL REFERENCES homes, date date NOT NULL, booking text NOT NULL REFERENCES bookings,
        PRIMARY KEY (home, date));";

impl Postgres {
    /// Starts a server, with so many connections and the homes of these ids.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub(crate) async fn start(connections: usize, homes: &[String]) -> Result<Self, String> {
        let programs = programs().ok_or("there is no PostgreSQL server (Debian: postgresql)")?;
        let folder = tempfile::Builder::new().prefix("roost-postgres-").tempdir();
        let folder = folder.map_err(|why| why.to_string())?;
        let data = folder.path().join("data");
        // It refuses to run as root; the package brings a user for it.
        let root =
            std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        if root {
            run(Command::new("chown").arg("postgres").arg(folder.path()))?;
        }
        let program = |name: &str| {
            let path = programs.join(name);
            if !root {
                return Command::new(path);
            }
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(path);
            command
        };
        run(program("initdb").args(["--auth=trust", "--username=bench", "-D"]).arg(&data))?;
        let server = program("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "listen_addresses="])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|why| format!("postgres: {why}"))?;
        let mut postgres = Self { server, connections: Vec::new(), next: AtomicUsize::default(), folder };
        let client = postgres.connected().await?;
        client.batch_execute(TABLES).await.map_err(|why| why.to_string())?;
        for home in homes {
            let insert = "INSERT INTO homes VALUES ($1, 'active', 10000)";
            client.execute(insert, &[home]).await.map_err(|why| why.to_string())?;
        }
        for _ in 0..connections {
            let client = postgres.connected().await?;
            let connection = Connection::of(client).await.map_err(|why| why.to_string())?;
            postgres.connections.push(Mutex::new(connection));
        }
        Ok(postgres)
    }

    async fn connected(&mut self) -> Result<Client, String> {
        loop {
            let mut config = tokio_postgres::Config::new();
            config.host_path(self.folder.path()).user("bench").dbname("postgres");
            match config.connect(NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return Ok(client);
                }
                Err(_) if matches!(self.server.try_wait(), Ok(None)) => {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                Err(why) => return Err(format!("PostgreSQL did not start: {why}")),
            }
        }
    }

    /// Books nights; whether they were free.
    pub(crate) async fn book(&self, id: &str, home: &str, first: Date, end: Date) -> bool {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        let mut connection = self.connections[turn].lock().await;
        connection.book(id, home, first, end).await.expect("the server answers")
    }
}

impl Connection {
    async fn of(client: Client) -> Result<Self, Error> {
        let lock = client.prepare("SELECT price FROM homes WHERE id = $1 FOR UPDATE").await?;
        let taken = "SELECT count(*) FROM nights
                     WHERE home = $1 AND date >= $2::text::date AND date < $3::text::date";
        let taken = client.prepare(taken).await?;
        let book = "INSERT INTO bookings (id, home, guest, first, last, state, total)
                    VALUES ($1, $2, 'guest', $3::text::date, $4::text::date, 'held', $5)";
        let book = client.prepare(book).await?;
        let nights = "INSERT INTO nights SELECT $1, day::date, $2
                      FROM generate_series($3::text::date, $4::text::date - 1, interval '1 day') AS day";
        let nights = client.prepare(nights).await?;
        Ok(Self { client, lock, taken, book, nights })
    }

    async fn book(&mut self, id: &str, home: &str, first: Date, end: Date) -> Result<bool, Error> {
        let (first, end) = (first.to_string(), end.to_string());
        let transaction = self.client.transaction().await?;
        let price: i64 = transaction.query_one(&self.lock, &[&home]).await?.get(0);
        let taken: i64 = transaction.query_one(&self.taken, &[&home, &first, &end]).await?.get(0);
        if taken > 0 {
            return Ok(false);
        }
        transaction.execute(&self.book, &[&id, &home, &first, &end, &price]).await?;
        transaction.execute(&self.nights, &[&home, &id, &first, &end]).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Where the server's programs are: beside a version's number on Debian.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders.into_iter().find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its fast way down: no client is waited for, nothing is left behind.
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}
