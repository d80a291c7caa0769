//! A generated city for those who have no file: in the layout of the real ones, and read like them.

use std::io::Write;
use std::path::Path;

use fastrand::Rng;
use flate2::Compression;
use flate2::write::GzEncoder;
use roost::stay::{add_days, date_of_epoch_day, epoch_day};

use super::{ImportOptions, Report, run};

/// How many homes the demo's city has.
const HOMES: usize = 500;
/// What makes every generated city the same one.
const SEED: u64 = 1755;
/// The centre: Lisbon.
const CENTRE: (f64, f64) = (38.7169, -9.1399);
/// How many nights a home's calendar has.
const NIGHTS: i32 = 365;

/// Loads a city of 500 homes into a running stack.
///
/// # Errors
/// A sentence when the stack does not answer or the disk does not take the files.
pub async fn demo(url: &str) -> Result<Report, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let city = folder.path().join("lisbon");
    generate_csv(&city, HOMES, SEED)?;
    run(ImportOptions { dir: city, url: url.to_owned(), country: None, currency: None }).await
}

/// Writes the two files of a city around Lisbon's centre; the same seed makes the same city.
///
/// # Errors
/// A sentence when the disk does not take them.
pub fn generate_csv(folder: &Path, homes: usize, seed: u64) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut random = Rng::with_seed(seed);
    let homes: Vec<Home> = (0..homes).map(|number| Home::random(number, &mut random)).collect();
    write(folder, "listings.csv.gz", |file| listings(file, &homes, &mut random))?;
    write(folder, "calendar.csv.gz", |file| calendar(file, &homes, &mut random))
}

fn write(
    folder: &Path,
    name: &str,
    rows: impl FnOnce(&mut csv::Writer<GzEncoder<std::fs::File>>) -> csv::Result<()>,
) -> Result<(), String> {
    let path = folder.join(name);
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = std::fs::File::create(&path).map_err(|error| failed(&error))?;
    let mut file = csv::Writer::from_writer(GzEncoder::new(file, Compression::fast()));
    rows(&mut file).map_err(|error| failed(&error))?;
    let packed = file.into_inner().map_err(|error| failed(&error))?;
    packed.finish().and_then(|mut file| file.flush()).map_err(|error| failed(&error))
}

/// What both files say of a home.
struct Home {
    id: usize,
    price: u32,
    shortest: u16,
    longest: u16,
    /// How many nights in a hundred somebody else has already.
    busy: u8,
}

impl Home {
    fn random(number: usize, random: &mut Rng) -> Self {
        Self {
            id: 1_000 + number,
            price: 35 + random.u32(0..60) + random.u32(0..140) * random.u32(0..2),
            shortest: *pick(random, &[1, 1, 1, 2, 2, 3, 3, 5, 7, 28]),
            longest: *pick(random, &[14, 30, 60, 365, 365, 1125]),
            busy: random.u8(5..80),
        }
    }
}

fn pick<'a, T>(random: &mut Rng, from: &'a [T]) -> &'a T {
    &from[random.usize(..from.len())]
}

fn flag(random: &mut Rng, of_a_hundred: u8) -> &'static str {
    if random.u8(..100) < of_a_hundred { "t" } else { "f" }
}

#[expect(clippy::too_many_lines, reason = "one line a column, and the layout has 75")]
fn listings<W: Write>(file: &mut csv::Writer<W>, homes: &[Home], random: &mut Rng) -> csv::Result<()> {
    const QUARTERS: &[(&str, f64, f64)] = &[
        ("Alfama", -0.004, 0.010),
        ("Baixa", -0.006, 0.003),
        ("Bairro Alto", -0.003, -0.005),
        ("Belém", -0.019, -0.066),
        ("Campo de Ourique", 0.000, -0.026),
        ("Chiado", -0.006, -0.001),
        ("Estrela", -0.004, -0.020),
        ("Graça", 0.001, 0.009),
        ("Mouraria", -0.001, 0.005),
        ("Parque das Nações", 0.051, 0.044),
        ("Príncipe Real", 0.001, -0.009),
        ("Saldanha", 0.018, -0.005),
    ];
    const KINDS: &[(&str, &str)] = &[
        ("Entire rental unit", "Entire home/apt"),
        ("Entire rental unit", "Entire home/apt"),
        ("Entire condo", "Entire home/apt"),
        ("Entire loft", "Entire home/apt"),
        ("Entire home", "Entire home/apt"),
        ("Entire townhouse", "Entire home/apt"),
        ("Private room in rental unit", "Private room"),
        ("Private room in guesthouse", "Private room"),
        ("Room in boutique hotel", "Hotel room"),
        ("Shared room in hostel", "Shared room"),
        ("Houseboat", "Entire home/apt"),
    ];
    const LOOKS: &[&str] = &["Sunny", "Quiet", "Tiled", "Bright", "Old", "Small", "Wide", "Cosy", "Modern"];
    const SIGHTS: &[&str] = &[
        "river view",
        "a terrace",
        "a balcony",
        "high ceilings",
        "a garden",
        "a reading corner",
        "city view",
    ];
    const AMENITIES: &[&str] = &[
        "Wifi",
        "Kitchen",
        "Washer",
        "Air conditioning",
        "Heating",
        "TV",
        "Elevator",
        "Smoke alarm",
        "Hair dryer",
        "Iron",
        "Dedicated workspace",
        "Free street parking",
        "Coffee maker",
        "Crib",
        "Pets allowed",
        "Bathtub",
    ];
    file.write_record([
        "id",
        "name",
        "description",
        "host_id",
        "host_is_superhost",
        "neighbourhood_cleansed",
        "latitude",
        "longitude",
        "property_type",
        "room_type",
        "accommodates",
        "bathrooms",
        "bathrooms_text",
        "bedrooms",
        "beds",
        "amenities",
        "price",
        "minimum_nights",
        "maximum_nights",
        "number_of_reviews",
        "review_scores_rating",
        "instant_bookable",
    ])?;
    for home in homes {
        let (quarter, north, east) = *pick(random, QUARTERS);
        let (kind, room_type) = *pick(random, KINDS);
        let (look, sight) = (pick(random, LOOKS), pick(random, SIGHTS));
        let what = if room_type == "Entire home/apt" { "home" } else { "room" };
        let spread = |random: &mut Rng| (random.f64() - random.f64()) * 0.012;
        let (lat, lng) = (CENTRE.0 + north + spread(random), CENTRE.1 + east + spread(random));
        let bedrooms = if what == "home" { random.u8(0..4) } else { 1 };
        let guests = (bedrooms.max(1) * 2).saturating_sub(random.u8(0..2)).max(1);
        let mut amenities: Vec<&str> = AMENITIES.to_vec();
        random.shuffle(&mut amenities);
        amenities.truncate(random.usize(4..AMENITIES.len()));
        let reviews = random.u16(0..220) * u16::from(random.u8(0..10) > 0);
        let rating = if reviews == 0 { String::new() } else { format!("{:.2}", 5.0 - random.f64() * 1.4) };
        let baths = f64::from(1 + bedrooms / 2);
        file.write_record([
            home.id.to_string(),
            format!("{look} {what} in {quarter} with {sight}"),
            format!(
                "A {} {what} in {quarter}, with {sight}.<br />The centre is a short walk away.",
                look.to_lowercase()
            ),
            // A host has two homes on average.
            random.usize(0..homes.len().div_ceil(2)).to_string(),
            flag(random, 25).to_owned(),
            quarter.to_owned(),
            format!("{lat:.5}"),
            format!("{lng:.5}"),
            kind.to_owned(),
            room_type.to_owned(),
            guests.to_string(),
            format!("{baths:.1}"),
            format!("{baths} baths"),
            bedrooms.to_string(),
            (guests / 2 + guests % 2).to_string(),
            serde_json::to_string(&amenities).unwrap_or_default(),
            // Like the real files, some homes have a price of their nights alone.
            if random.u8(0..8) == 0 { String::new() } else { format!("${}.00", home.price) },
            home.shortest.to_string(),
            home.longest.to_string(),
            reviews.to_string(),
            rating,
            flag(random, 60).to_owned(),
        ])?;
    }
    Ok(())
}

/// A year of every home: dearer in summer and at weekends, longer stays asked for in August, and
/// nights taken in runs, as guests take them. The first day is as good as any: an import moves it.
fn calendar<W: Write>(file: &mut csv::Writer<W>, homes: &[Home], random: &mut Rng) -> csv::Result<()> {
    let first = epoch_day(roost::stay::Date::constant(2025, 3, 1));
    file.write_record(["listing_id", "date", "available", "price", "minimum_nights", "maximum_nights"])?;
    for home in homes {
        let id = home.id.to_string();
        let (mut left, mut open) = (0, true);
        for day in first..first + NIGHTS {
            if left == 0 {
                open = random.u8(..100) >= home.busy;
                left = random.i32(1..12);
            }
            left -= 1;
            let date = date_of_epoch_day(day);
            let season = if (6..=9).contains(&date.month()) { 130 } else { 100 };
            // A weekend's nights are those before Saturday and Sunday.
            let weekend = matches!(
                add_days(date, 1).weekday(),
                jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday
            );
            let price = home.price * season * if weekend { 115 } else { 100 } / 10_000;
            let shortest = if date.month() == 8 { home.shortest.max(4) } else { home.shortest };
            file.write_record([
                id.as_str(),
                &date.to_string(),
                if open { "t" } else { "f" },
                &format!("${price}.00"),
                &shortest.to_string(),
                &home.longest.to_string(),
            ])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::Catalogue;
    use super::super::place::Told;
    use super::*;

    #[test]
    fn a_generated_city_reads_without_a_problem_and_is_the_same_every_time() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| {
            let city = folder.path().join(name);
            generate_csv(&city, 20, 7).unwrap();
            Catalogue::read(&city, &Told::default(), &|_| ()).unwrap()
        };
        let (city, again) = (read("lisbon"), read("lisbon-again"));
        assert_eq!(city.homes.len(), 20);
        assert_eq!(city.nights, 20 * 365);
        let problems = city.problems.into_sorted();
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(city.fingerprint, again.fingerprint);
        let home = &city.homes[0].home;
        assert_eq!(
            (home.city.as_str(), home.country.as_str(), home.currency.code()),
            ("Lisbon", "PT", "EUR")
        );
        assert!(
            !home.blocked.is_empty() && !home.prices.is_empty() && home.open_until == city.first_day + 365
        );
    }

    #[test]
    fn rows_that_cannot_be_used_are_reported_by_file_and_line_and_the_rest_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let city = folder.path().join("gent");
        std::fs::create_dir_all(&city).unwrap();
        let listings = "id,name,latitude,longitude,property_type,room_type,accommodates,amenities,price,host_id\n\
            1,\"Two\nlines\",51.05,3.72,Entire condo,Entire home/apt,2,\"[\"\"Wifi\"\"]\",$80.00,9\n\
            2,No place,,3.72,Entire condo,Entire home/apt,2,[],$80.00,9\n\
            1,Again,51.05,3.72,Entire condo,Entire home/apt,2,[],$80.00,9\n\
            3,,51.05,3.72,Private room in home,Private room,1,[],,9\n\
            4,No price,51.05,3.72,Entire condo,Entire home/apt,2,[],,9\n\
            5,Short row\n";
        let calendar = "listing_id,date,available,price,minimum_nights,maximum_nights\n\
            1,2024-07-01,t,$80.00,2,30\n\
            1,2024-07-03,t,\"$1,080.00\",2,30\n\
            1,2024-02-30,t,$80.00,2,30\n\
            1,2024-07-02,maybe,$80.00,2,30\n\
            1,2024-07-01,f,$80.00,2,30\n\
            3,2024-07-01,t,$40.00,,\n\
            3,2024-07-02,t,$60.00,,\n\
            77,2024-07-01,t,$60.00,1,2\n";
        std::fs::write(city.join("listings.csv"), listings).unwrap();
        std::fs::write(city.join("calendar.csv"), calendar).unwrap();
        let read = Catalogue::read(&city, &Told::default(), &|_| ()).unwrap();
        let problems = read.problems.into_sorted();
        let lines = |file: &str| -> Vec<u64> {
            problems.iter().filter(|problem| problem.file == file).map(|problem| problem.line).collect()
        };
        assert_eq!(lines("calendar.csv"), [4, 5, 6, 9], "{problems:?}");
        // The first home takes two lines; the one on line 7 has neither nights nor a price.
        assert_eq!(lines("listings.csv"), [4, 5, 7, 7, 8], "{problems:?}");
        let homes: Vec<_> = read.homes.iter().map(|found| &found.home).collect();
        assert_eq!(homes.len(), 2);
        assert_eq!((homes[0].title.as_str(), homes[0].base_price), ("Two lines", 8_000));
        let first = read.first_day;
        assert_eq!(homes[0].blocked, [(first + 1, first + 2)]);
        assert_eq!(homes[0].prices, [(first + 2, first + 3, 108_000)]);
        assert_eq!((homes[1].title.as_str(), homes[1].base_price), ("Private room in Gent", 5_000));
    }
}
