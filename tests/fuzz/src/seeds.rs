//! What the targets can read, to begin from.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use roost_local::events;
use serde_json::Value;

use crate::call::PRODUCT;

/// The live events of every endpoint: method, address, token and body.
pub(crate) fn calls() -> Vec<Vec<u8>> {
    let product = &*PRODUCT;
    let live = product.runtime.block_on(events::live(&product.stack.url())).expect("live events");
    let text = |event: &Value| {
        let (method, path) = event["routeKey"].as_str()?.split_once(' ')?;
        let path = event["rawPath"].as_str().unwrap_or(path);
        let query = event["rawQueryString"].as_str().unwrap_or_default();
        let token = event["headers"]["authorization"].as_str().unwrap_or_default();
        let body = event["body"].as_str().unwrap_or_default();
        Some(format!("{method} {path}?{query}\n{token}\n{body}").into_bytes())
    };
    live.values().filter_map(text).collect()
}

pub(crate) fn dates() -> Vec<Vec<u8>> {
    ["2027-03-28", "2028-02-29", "0000-01-01", "9999-12-31"].map(Vec::from).into()
}

pub(crate) fn money() -> Vec<Vec<u8>> {
    [
        r#"{"amount": 10000, "currency": "EUR"}"#,
        r#"{"currency": "JPY", "amount": -1}"#,
        r#"{"amount": 9223372036854775807, "currency": "KWD"}"#,
    ]
    .map(Vec::from)
    .into()
}

/// Small pictures, which are refused when all of them has been read, and one that is not.
pub(crate) fn images() -> Vec<Vec<u8>> {
    let picture = RgbImage::from_fn(48, 32, |x, y| {
        let of = |number: u32| u8::try_from(number * 5 % 256).unwrap_or_default();
        Rgb([of(x), of(y), of(x + y)])
    });
    let written = |picture: &RgbImage, format| {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).expect("a picture");
        bytes.into_inner()
    };
    let large = RgbImage::from_pixel(1_024, 1_024, Rgb([90, 120, 160]));
    let formats = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP];
    let small = formats.map(|format| written(&picture, format));
    small.into_iter().chain([written(&large, ImageFormat::Png)]).collect()
}

/// A city of three homes; its nights are few.
pub(crate) fn cities() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let city = folder.path().join("lisbon");
    roost_local::import::demo::generate_csv(&city, 3, 1).expect("a city");
    let text = |name: &str, lines: usize| {
        let mut text = String::new();
        let file = std::fs::File::open(city.join(name)).expect("a file");
        std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(file), &mut text)
            .expect("a text");
        text.lines().take(lines).collect::<Vec<_>>().join("\n")
    };
    vec![format!("{}\0{}", text("listings.csv.gz", 4), text("calendar.csv.gz", 12)).into_bytes()]
}
