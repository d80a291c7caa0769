//! What a dated search must answer, read from the CSV files a second time and by other code than the
//! importer's: the contract's rule, said once more in the plainest way.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use fastrand::Rng;
use futures::StreamExt as _;
use roost_local::import::client::Client;
use roost_local::import::listing_id;

/// How many searches are under way at once.
const AT_A_TIME: usize = 4;

/// What a check came to.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// How many searches were compared.
    pub(crate) searches: usize,
    /// How many homes they found in all.
    pub(crate) found: usize,
    /// How many searches found nothing, rightly.
    pub(crate) empty: usize,
    /// How many pages were read.
    pub(crate) pages: usize,
    /// How many searches the index answered on all their pages.
    pub(crate) by_index: usize,
}

/// Asks the stack `searches` random dated searches, reads all their pages, and compares the homes
/// with those of the files in `folder`, whose dates were moved by `shift` days.
///
/// # Errors
/// What the first wrong answer was: homes too many or missing, a wrong total, one home twice.
pub(crate) async fn check(
    url: &str,
    folder: &Path,
    shift: i32,
    searches: usize,
    seed: u64,
) -> Result<Summary, String> {
    let city = City::read(folder)?;
    let client = Client::of(url);
    let mut random = Rng::with_seed(seed);
    let asked: Vec<Search> = (0..searches).map(|_| city.random_search(&mut random)).collect();
    let mut answers = futures::stream::iter(asked.iter().enumerate())
        .map(|(number, search)| {
            let (city, client) = (&city, &client);
            async move {
                let query = search.query(city.first_day + shift);
                let compared = compare(client, &query, &city.answer(search)).await;
                compared.map_err(|wrong| format!("search {number} of seed {seed}, {query}: {wrong}"))
            }
        })
        .buffer_unordered(AT_A_TIME);
    let mut summary = Summary::default();
    while let Some(answer) = answers.next().await {
        let (found, pages, by_index) = answer?;
        summary.by_index += usize::from(by_index);
        summary.searches += 1;
        summary.found += found;
        summary.empty += usize::from(found == 0);
        summary.pages += pages;
    }
    Ok(summary)
}

/// How many homes a search found, all of them right, on how many pages, and whether the index found them.
async fn compare(
    client: &Client,
    query: &str,
    expected: &BTreeSet<String>,
) -> Result<(usize, usize, bool), String> {
    let (found, pages, by_index) = pages(client, query, expected.len()).await?;
    if found == *expected {
        return Ok((found.len(), pages, by_index));
    }
    let missing: Vec<_> = expected.difference(&found).take(5).collect();
    let surplus: Vec<_> = found.difference(expected).take(5).collect();
    Err(format!("missing {missing:?}, too many {surplus:?}"))
}

/// The homes on all pages of a search.
async fn pages(
    client: &Client,
    query: &str,
    total: usize,
) -> Result<(BTreeSet<String>, usize, bool), String> {
    let mut found = BTreeSet::new();
    let mut by_index = true;
    let (mut next, mut pages) = (String::new(), 0);
    loop {
        let page = client.get(&format!("/v1/search?{query}&limit=50{next}")).await?;
        pages += 1;
        by_index &= page["source"] == "index";
        if page["total"].as_u64() != Some(total as u64) {
            return Err(format!("the total is {}, not {total}", page["total"]));
        }
        for item in page["items"].as_array().ok_or("a page without items")? {
            let id = item["listingId"].as_str().ok_or("an item without listingId")?;
            if !found.insert(id.to_owned()) {
                return Err(format!("{id} stands there twice"));
            }
        }
        match page["nextCursor"].as_str() {
            None => return Ok((found, pages, by_index)),
            Some(cursor) => next = format!("&cursor={cursor}"),
        }
    }
}

/// The files of a city. Days are counted from the calendar's first.
struct City {
    first_day: i32,
    homes: Vec<Home>,
}

struct Home {
    id: String,
    lat: f64,
    lng: f64,
    guests: u32,
    /// From each day on, so many nights in a row are open.
    open: Vec<u32>,
    /// The shortest and longest stay that arrives on each day.
    rules: Vec<(u32, u32)>,
}

/// A dated search.
#[derive(Debug)]
struct Search {
    place: Place,
    arrival: u32,
    nights: u32,
    guests: u32,
}

#[derive(Debug)]
enum Place {
    Box {
        west: f64,
        south: f64,
        east: f64,
        north: f64,
    },
    Circle {
        lat: f64,
        lng: f64,
        kilometres: f64,
    },
    /// Its corners, latitude and longitude.
    Triangle([(f64, f64); 3]),
}

impl City {
    /// The homes that the contract's rule selects.
    fn answer(&self, search: &Search) -> BTreeSet<String> {
        let fits = |home: &&Home| {
            let arrival = search.arrival as usize;
            let (shortest, longest) = home.rules.get(arrival).copied().unwrap_or((1, 0));
            search.place.has(home.lat, home.lng)
                && search.guests <= home.guests
                && home.open.get(arrival).is_some_and(|open| *open >= search.nights)
                && shortest <= search.nights
                && search.nights <= longest.min(365)
        };
        self.homes.iter().filter(fits).map(|home| home.id.clone()).collect()
    }

    fn random_search(&self, random: &mut Rng) -> Search {
        let place = loop {
            let place = self.random_place(random);
            if self.homes.iter().all(|home| !place.has_on_its_edge(home.lat, home.lng)) {
                break place;
            }
        };
        // Half of the stays are short, as most stays are; the others fill the range.
        let nights = if random.bool() { random.u32(1..=7) } else { random.u32(1..=120) };
        // Not the very first days: by now it may be tomorrow there. The last ones run past the calendar.
        Search { place, arrival: random.u32(2..366), nights, guests: random.u32(1..=6) }
    }

    fn random_place(&self, random: &mut Rng) -> Place {
        let home = &self.homes[random.usize(..self.homes.len())];
        let near = |random: &mut Rng, degrees: f64| (random.f64() - 0.5) * degrees;
        let (lat, lng) = (home.lat + near(random, 0.02), home.lng + near(random, 0.03));
        let (tall, wide) = (0.002 + random.f64() * 0.08, 0.003 + random.f64() * 0.12);
        match random.u8(..5) {
            0 | 1 => Place::Box { west: lng - wide, south: lat - tall, east: lng + wide, north: lat + tall },
            2 | 3 => Place::Circle { lat, lng, kilometres: 0.2 + random.f64() * 12.0 },
            _ => {
                let skewed = lng + near(random, wide);
                Place::Triangle([(lat - tall, lng - wide), (lat + tall, skewed), (lat, lng + 2.0 * wide)])
            }
        }
    }

    fn read(folder: &Path) -> Result<Self, String> {
        let (mut first_day, mut calendars) = (i32::MAX, HashMap::<String, Vec<Night>>::new());
        let mut priced = BTreeSet::new();
        for row in rows(folder, "calendar")? {
            let day = day_number(&row["date"])?;
            first_day = first_day.min(day);
            let number = |name: &str| row[name].parse().map_err(|_| format!("{name} of {row:?}"));
            let rules = (number("minimum_nights")?, number("maximum_nights")?);
            if !row["price"].is_empty() {
                priced.insert(row["listing_id"].clone());
            }
            let night = Night { day, open: row["available"] == "t", rules };
            calendars.entry(row["listing_id"].clone()).or_default().push(night);
        }
        let mut homes = Vec::new();
        for row in rows(folder, "listings")? {
            let id = &row["id"];
            if row["price"].is_empty() && !priced.contains(id) {
                continue;
            }
            let degrees =
                |name: &str| row[name].parse::<f64>().map_err(|_| format!("{name} of listing {id}"));
            let (open, rules) = year(calendars.remove(id).unwrap_or_default(), first_day);
            homes.push(Home {
                id: listing_id(id).to_string(),
                lat: degrees("latitude")?,
                lng: degrees("longitude")?,
                guests: row["accommodates"].parse().map_err(|_| format!("accommodates of listing {id}"))?,
                open,
                rules,
            });
        }
        Ok(Self { first_day, homes })
    }
}

struct Night {
    day: i32,
    open: bool,
    rules: (u32, u32),
}

/// Open nights in a row and rules, by day since `first_day`. Days without a row are closed.
fn year(nights: Vec<Night>, first_day: i32) -> (Vec<u32>, Vec<(u32, u32)>) {
    let mut days: HashMap<i32, Night> =
        nights.into_iter().map(|night| (night.day - first_day, night)).collect();
    let length = days.keys().max().map_or(0, |last| last + 1);
    let mut open = Vec::new();
    let mut rules = Vec::new();
    let mut in_a_row = 0;
    for day in (0..length).rev() {
        let night = days.remove(&day);
        in_a_row = if night.as_ref().is_some_and(|night| night.open) { in_a_row + 1 } else { 0 };
        open.push(in_a_row);
        rules.push(night.map_or((1, 0), |night| night.rules));
    }
    open.reverse();
    rules.reverse();
    (open, rules)
}

impl Search {
    fn query(&self, first_day: i32) -> String {
        let arrival = first_day + i32::try_from(self.arrival).unwrap_or(0);
        let departure = arrival + i32::try_from(self.nights).unwrap_or(0);
        let mut query = match self.place {
            Place::Box { west, south, east, north } => format!("bbox={west},{south},{east},{north}"),
            Place::Circle { lat, lng, kilometres } => format!("lat={lat}&lng={lng}&radiusKm={kilometres}"),
            Place::Triangle([a, b, c]) => {
                format!("polygon={},{},{},{},{},{}", a.1, a.0, b.1, b.0, c.1, c.0)
            }
        };
        let (arrival, departure) = (date(arrival), date(departure));
        let _ = write!(query, "&checkIn={arrival}&checkOut={departure}&guests={}", self.guests);
        query
    }
}

impl Place {
    fn has(&self, lat: f64, lng: f64) -> bool {
        match *self {
            Self::Box { west, south, east, north } => {
                (west..=east).contains(&lng) && (south..=north).contains(&lat)
            }
            Self::Circle { lat: centre, lng: meridian, kilometres } => {
                kilometres_between((centre, meridian), (lat, lng)) <= kilometres
            }
            Self::Triangle(corners) => {
                let sides = left_of_sides(corners, (lat, lng));
                sides.iter().all(|side| *side > 0.0) || sides.iter().all(|side| *side < 0.0)
            }
        }
    }

    /// Whether a place is so near its edge that the index, which has coordinates of 32 bits, may see it on
    /// the other side: centimetres.
    fn has_on_its_edge(&self, lat: f64, lng: f64) -> bool {
        match *self {
            Self::Box { west, south, east, north } => {
                [lng - west, lng - east, lat - south, lat - north].iter().any(|apart| apart.abs() < 2e-7)
            }
            Self::Circle { lat: centre, lng: meridian, kilometres } => {
                (kilometres_between((centre, meridian), (lat, lng)) - kilometres).abs() < 5e-5
            }
            Self::Triangle(corners) => {
                left_of_sides(corners, (lat, lng)).iter().any(|apart| apart.abs() < 2e-7)
            }
        }
    }
}

/// How far a point is to the left of each side of a triangle, in degrees.
fn left_of_sides([a, b, c]: [(f64, f64); 3], point: (f64, f64)) -> [f64; 3] {
    [(a, b), (b, c), (c, a)].map(|(from, to)| {
        let (up, across) = (to.0 - from.0, to.1 - from.1);
        (across * (point.0 - from.0) - up * (point.1 - from.1)) / up.hypot(across)
    })
}

fn kilometres_between((a, one): (f64, f64), (b, other): (f64, f64)) -> f64 {
    let across = ((other - one).to_radians() / 2.0).sin().powi(2);
    let (a, b) = (a.to_radians(), b.to_radians());
    let h = ((b - a) / 2.0).sin().powi(2) + a.cos() * b.cos() * across;
    2.0 * 6371.0088 * h.sqrt().asin()
}

/// The rows of a file, each field under its column's name.
fn rows(folder: &Path, name: &str) -> Result<impl Iterator<Item = HashMap<String, String>>, String> {
    let path = folder.join(format!("{name}.csv.gz"));
    let file = std::fs::File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let mut all = records(&text).into_iter();
    let header = all.next().ok_or("an empty file")?;
    Ok(all.map(move |row| header.iter().cloned().zip(row).collect()))
}

/// Fields apart by commas, rows by line breaks, but within quotes, where a quote is doubled (RFC 4180).
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut letters) = (false, text.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            _ => field.push(letter),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

/// Days since 1 March of the year 0, by the lengths of months alone.
fn day_number(date: &str) -> Result<i32, String> {
    let mut parts = date.split('-').map(|part| part.parse::<i32>().map_err(|_| format!("the date {date}")));
    let mut part = || parts.next().unwrap_or_else(|| Err(format!("the date {date}")));
    let (year, month, day) = (part()?, part()?, part()?);
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Ok(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1)
}

/// The reverse of [`day_number`], by looking.
fn date(number: i32) -> String {
    let mut year = number / 366;
    let at = |year: i32, month: i32| day_number(&format!("{year}-{month}-1")).unwrap_or(i32::MAX);
    while at(year + 1, 1) <= number {
        year += 1;
    }
    let month = (1..=12).rev().find(|month| at(year, *month) <= number).unwrap_or(1);
    format!("{year:04}-{month:02}-{:02}", number - at(year, month) + 1)
}
