//! A city's catalogue: the two files of a folder, read into homes with their calendars.

use std::collections::HashSet;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use csv::ByteRecord;
use roost::listing::Location;

use super::describe;
use super::nights::{Calendars, nights};
use super::place::Told;
use super::price::Price;
use super::report::Problems;
use super::table::Table;
use super::wire::{Home, host_id, listing_id};

/// What the files of a folder say.
#[derive(Debug)]
pub(super) struct Catalogue {
    /// Of the content of both files, packed or not.
    pub fingerprint: String,
    /// The earliest date of the calendar, in days since 1970-01-01.
    pub first_day: i32,
    /// The homes, in the order of the file.
    pub homes: Vec<Found>,
    /// The name of the file of the homes.
    pub file: String,
    /// How many nights the calendar has for them.
    pub nights: u64,
    /// Rows that could not be used, or not wholly.
    pub problems: Problems,
}

/// A home of the file.
#[derive(Debug)]
pub(super) struct Found {
    /// The line that it begins on.
    pub line: u64,
    /// How many nights the calendar has for it.
    pub nights: u64,
    /// The home.
    pub home: Home,
}

impl Catalogue {
    /// Reads a folder. `read` hears of the nights, as they are read.
    ///
    /// # Errors
    /// A sentence when a file is missing, cannot be read, or lacks a column.
    pub(super) fn read(folder: &Path, told: &Told, read: &dyn Fn(u64)) -> Result<Self, String> {
        let city = city_of(folder)?;
        let mut listings = Table::open(folder, "listings")?;
        let mut calendar = Table::open(folder, "calendar")?;
        let columns = Columns::of(&listings)?;
        let mut problems = Problems::default();
        let mut calendars = Calendars::read(&mut calendar, &mut problems, read)?;
        let first_day =
            calendars.first_day().ok_or_else(|| format!("{} has no usable row", calendar.file()))?;
        let (mut homes, mut seen, mut count) = (Vec::new(), HashSet::new(), 0);
        let mut row = ByteRecord::new();
        while let Some(line) = listings.next(&mut row)? {
            let misshapen = listings.misshapen(&row);
            let fields = Row { columns: &columns, row: &row };
            let home = match misshapen {
                Some(reason) => Err(reason),
                None => fields.id().and_then(|id| {
                    if seen.insert(id.to_owned()) {
                        fields.home(id, &city, told)
                    } else {
                        Err(format!("listing {id} stands further up already"))
                    }
                }),
            };
            let (mut home, price) = match home {
                Ok(home) => home,
                Err(reason) => {
                    problems.note(listings.file(), line, reason);
                    // Its nights are not reported one by one.
                    if let Ok(id) = fields.id()
                        && !homes.iter().any(|found: &Found| found.home.listing == listing_id(id))
                    {
                        calendars.take(id);
                    }
                    continue;
                }
            };
            let own = fields.id().ok().and_then(|id| calendars.take(id));
            if own.is_none() {
                problems.note(
                    listings.file(),
                    line,
                    "it has no night in the calendar: loaded with none on sale",
                );
            }
            let own = own.unwrap_or_default();
            let rows = own.len() as u64;
            let rules = (home.min_nights, home.max_nights);
            let year = own.year(calendar.file(), first_day, home.currency, price, rules, &mut problems);
            let Some(base_price) = year.base_price else {
                problems.note(listings.file(), line, "neither it nor any of its nights has a price");
                continue;
            };
            count += rows;
            home.base_price = base_price;
            home.open_until = year.open_until;
            (home.blocked, home.prices, home.rules) = (year.blocked, year.prices, year.rules);
            homes.push(Found { line, nights: rows, home });
        }
        calendars.note_rest(calendar.file(), &mut problems);
        let file = listings.file().to_owned();
        let both = digest(&SHA256, &[listings.hash(), calendar.hash()].concat());
        let fingerprint = hex(both.as_ref());
        Ok(Self { fingerprint, first_day, homes, file, nights: count, problems })
    }
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The town that the folder is named after.
fn city_of(folder: &Path) -> Result<String, String> {
    let whole = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
    let city = describe::city(&whole.file_name().unwrap_or_default().to_string_lossy());
    Ok(if city.is_empty() { "Imported".into() } else { city })
}

/// Where the columns stand.
struct Columns {
    id: usize,
    latitude: usize,
    longitude: usize,
    room_type: usize,
    accommodates: usize,
    host_id: Option<usize>,
    name: Option<usize>,
    description: Option<usize>,
    property_type: Option<usize>,
    neighbourhood: Option<usize>,
    superhost: Option<usize>,
    bathrooms: Option<usize>,
    bathrooms_text: Option<usize>,
    bedrooms: Option<usize>,
    beds: Option<usize>,
    amenities: Option<usize>,
    price: Option<usize>,
    min_nights: Option<usize>,
    max_nights: Option<usize>,
    reviews: Option<usize>,
    rating: Option<usize>,
    instant_bookable: Option<usize>,
}

impl Columns {
    fn of(table: &Table) -> Result<Self, String> {
        Ok(Self {
            id: table.column("id")?,
            latitude: table.column("latitude")?,
            longitude: table.column("longitude")?,
            room_type: table.column("room_type")?,
            accommodates: table.column("accommodates")?,
            host_id: table.optional("host_id"),
            name: table.optional("name"),
            description: table.optional("description"),
            property_type: table.optional("property_type"),
            neighbourhood: table.optional("neighbourhood_cleansed"),
            superhost: table.optional("host_is_superhost"),
            bathrooms: table.optional("bathrooms"),
            bathrooms_text: table.optional("bathrooms_text"),
            bedrooms: table.optional("bedrooms"),
            beds: table.optional("beds"),
            amenities: table.optional("amenities"),
            price: table.optional("price"),
            min_nights: table.optional("minimum_nights"),
            max_nights: table.optional("maximum_nights"),
            reviews: table.optional("number_of_reviews"),
            rating: table.optional("review_scores_rating"),
            instant_bookable: table.optional("instant_bookable"),
        })
    }
}

/// One row of the listings.
struct Row<'a> {
    columns: &'a Columns,
    row: &'a ByteRecord,
}

impl<'a> Row<'a> {
    fn text(&self, column: usize) -> Result<&'a str, String> {
        let field = self.row.get(column).unwrap_or_default();
        std::str::from_utf8(field).map(str::trim).map_err(|_| "it is not UTF-8".to_owned())
    }

    /// The text of a column, empty where the file has none such.
    fn maybe(&self, column: Option<usize>) -> Result<&'a str, String> {
        column.map_or(Ok(""), |column| self.text(column))
    }

    fn id(&self) -> Result<&'a str, String> {
        self.text(self.columns.id)
            .and_then(|id| if id.is_empty() { Err("it has no id".into()) } else { Ok(id) })
    }

    /// The home and its own price, not yet with its calendar.
    fn home(&self, id: &str, city: &str, told: &Told) -> Result<(Home, Option<i64>), String> {
        let columns = self.columns;
        let location = self.location()?;
        let place = told.place(location)?;
        let room_type = self.text(columns.room_type)?;
        let place_type = describe::place_type(room_type)
            .ok_or_else(|| format!("the room_type {room_type:?} is unknown"))?;
        let property_type = describe::property_type(self.maybe(columns.property_type)?);
        let mut title = describe::line(self.maybe(columns.name)?, 120);
        if title.chars().count() < 3 {
            title = describe::title(place_type, property_type, city);
        }
        let accommodates = self.text(columns.accommodates)?;
        let max_guests = accommodates
            .strip_suffix(".0")
            .unwrap_or(accommodates)
            .parse::<u16>()
            .ok()
            .filter(|guests| *guests > 0)
            .ok_or_else(|| format!("accommodates {accommodates:?} is not a number of guests"))?;
        let price = Price::read(self.maybe(columns.price)?)?.map(|price| price.minor_units(place.currency));
        let host = Some(self.maybe(columns.host_id)?).filter(|host| !host.is_empty());
        // A home that names no host is its own host's only one.
        let host = host.map_or_else(|| format!("of {id}"), str::to_owned);
        let neighbourhood = describe::line(self.maybe(columns.neighbourhood)?, 120);
        let home = Home {
            listing: listing_id(id),
            host: host_id(&host),
            host_name: host,
            title,
            description: describe::plain(self.maybe(columns.description)?, 5_000),
            property_type,
            place_type,
            neighbourhood: if neighbourhood.is_empty() { city.to_owned() } else { neighbourhood },
            city: city.to_owned(),
            country: place.country,
            location,
            zone: place.zone,
            max_guests,
            bedrooms: self.count(columns.bedrooms)?,
            beds: self.count(columns.beds)?,
            bathrooms_tenths: describe::bathrooms_tenths(
                self.maybe(columns.bathrooms)?,
                self.maybe(columns.bathrooms_text)?,
            ),
            amenities: self.amenities()?,
            currency: place.currency,
            base_price: 0,
            min_nights: nights(self.maybe(columns.min_nights)?, "minimum_nights")?.unwrap_or(1),
            max_nights: nights(self.maybe(columns.max_nights)?, "maximum_nights")?.unwrap_or(365),
            instant_book: self.maybe(columns.instant_bookable)? != "f",
            superhost: self.maybe(columns.superhost)? == "t",
            review_count: self.maybe(columns.reviews)?.parse().unwrap_or(0),
            rating_hundredths: rating_hundredths(self.maybe(columns.rating)?),
            open_until: 0,
            blocked: Vec::new(),
            prices: Vec::new(),
            rules: Vec::new(),
        };
        Ok((home, price.transpose()?))
    }

    fn location(&self) -> Result<Location, String> {
        let degrees = |column: usize, name: &str, most: f64| {
            let text = self.text(column)?;
            let degrees = text.parse::<f64>().ok().filter(|degrees| degrees.abs() <= most);
            degrees.ok_or_else(|| format!("{name} {text:?} is not a number from -{most} to {most}"))
        };
        Ok(Location {
            lat: degrees(self.columns.latitude, "latitude", 90.0)?,
            lng: degrees(self.columns.longitude, "longitude", 180.0)?,
        })
    }

    /// A count that may be missing, written `2` or `2.0`; nothing decides over it but a filter.
    fn count(&self, column: Option<usize>) -> Result<u16, String> {
        let text = self.maybe(column)?;
        Ok(text.strip_suffix(".0").unwrap_or(text).parse().unwrap_or(0))
    }

    /// The amenities, a list in JSON.
    fn amenities(&self) -> Result<Vec<String>, String> {
        let text = self.maybe(self.columns.amenities)?;
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let listed: Vec<String> = serde_json::from_str(text)
            .map_err(|error| format!("amenities are not a list in JSON: {error}"))?;
        let mut seen = HashSet::new();
        let lines = listed.iter().map(|amenity| describe::line(amenity, 100));
        Ok(lines.filter(|amenity| !amenity.is_empty() && seen.insert(amenity.clone())).collect())
    }
}

/// A mean rating in hundredths: from 1 to 5, as the contract has it.
fn rating_hundredths(text: &str) -> Option<u16> {
    let rating = text.parse::<f64>().ok().filter(|rating| (1.0..=5.0).contains(rating))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "100 to 500")]
    let hundredths = (rating * 100.0).round() as u16;
    Some(hundredths)
}
