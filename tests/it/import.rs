//! A city is imported, found exactly as its files say, and imported again without a change.

use std::path::{Path, PathBuf};

use roost_local::import::demo::generate_csv;
use roost_local::import::{ImportOptions, Report, run};
use roost_tests::{Product, VISA};
use serde_json::{Value, json};

use crate::truth;

/// What makes the random searches the same ones every time.
pub(crate) const SEED: u64 = 2_024;

#[tokio::test(flavor = "multi_thread")]
async fn a_dated_search_answers_exactly_what_the_files_of_a_city_say() {
    let product = Product::start().await;
    let made = tempfile::tempdir().unwrap();
    let (folder, homes) = a_city(made.path());
    let first = import(&product, &folder).await;
    assert_eq!((first.new, first.changed, first.unchanged, first.failed), (homes, 0, 0, 0), "{first}");
    assert!(first.problems.is_empty(), "{first}");
    assert_eq!(first.nights, 365 * homes as u64);
    let url = product.stack.url();
    let summary = truth::check(&url, &folder, first.shift, 300, SEED).await.unwrap();
    assert_eq!(summary.searches, 300);
    assert!(summary.found > 1_000 && summary.empty < 200, "{summary:?}");

    let before = whole_search(&product).await;
    product.advance(26 * 60 * 60).await;
    let second = import(&product, &folder).await;
    assert_eq!((second.new, second.changed, second.unchanged), (0, 0, homes), "{second}");
    assert_eq!(second.shift, first.shift);
    assert_eq!(whole_search(&product).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_snapshot_of_a_city_leaves_booked_nights_booked() {
    let product = Product::start().await;
    let made = tempfile::tempdir().unwrap();
    let (older, newer) = (made.path().join("older/lisbon"), made.path().join("newer/lisbon"));
    generate_csv(&older, 30, 1).unwrap();
    generate_csv(&newer, 30, 2).unwrap();
    import(&product, &older).await;
    let (check_in, check_out) = (product.day(40), product.day(45));
    let search = format!(
        "/v1/search?location=Lisbon&checkIn={check_in}&checkOut={check_out}&instantBook=true&guests=2"
    );
    let found = product.anybody().get(&search).await.expect(200);
    let home = found["items"][0]["listingId"].as_str().expect("a home that is open").to_owned();
    let guest = product.somebody("guest").await;
    let booking = guest.book(&home, check_in, check_out, VISA, "k").await.expect(201);

    let report = import(&product, &newer).await;
    assert_eq!((report.new, report.changed, report.failed), (0, 30, 0), "{report}");
    let still = guest.get(&format!("/v1/bookings/{}", booking["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(still["status"], "confirmed");
    let asked = json!({"listingIds": [home], "checkIn": check_in, "checkOut": check_out});
    let answer = product.anybody().post("/v1/availability", &asked).await.expect(200);
    let reasons = answer["results"][0]["reasons"].as_array().expect("reasons").clone();
    assert!(reasons.iter().any(|reason| reason.to_string().contains("booked")), "{answer}");
    // Every other night is as the newer snapshot says: the searches of both homes and days agree.
    let unlike = truth::check(&product.stack.url(), &newer, report.shift, 60, SEED).await;
    if let Err(wrong) = unlike {
        assert!(wrong.contains(&home), "{wrong}");
    }
}

/// The real city of `ROOST_CITY` or, where it is there, the small one that the project's shared data
/// has; a made one elsewhere. With how many homes it has.
pub(crate) fn a_city(made: &Path) -> (PathBuf, usize) {
    if let Some((folder, homes)) =
        std::env::var("ROOST_CITY").ok().as_deref().and_then(|city| city.split_once(':'))
    {
        return (folder.into(), homes.parse().expect("ROOST_CITY is FOLDER:HOMES"));
    }
    let albany = roost_local::root().join("../shared/data/albany");
    if albany.join("listings.csv.gz").is_file() {
        return (albany, 421);
    }
    let city = made.join("lisbon");
    generate_csv(&city, 400, SEED).unwrap();
    (city, 400)
}

pub(crate) async fn import(product: &Product, folder: &Path) -> Report {
    let options =
        ImportOptions { dir: folder.to_owned(), url: product.stack.url(), country: None, currency: None };
    run(options).await.unwrap()
}

/// The first page over everything: totals, facets and the first homes.
async fn whole_search(product: &Product) -> Value {
    let mut page = product.anybody().get("/v1/search?bbox=-180,-85,180,85&limit=50").await.expect(200);
    page["nextCursor"] = Value::Null;
    page
}
