//! Photos as a client brings them: announced, sent to the bucket, looked at, shown, and cleared away.

use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _, Rgb, RgbImage};
use roost::secrets::fingerprint;
use roost_tests::{Answer, Caller, Product};
use serde_json::{Value, json};

/// Announces, sends and waits for what becomes of it.
async fn bring(product: &Product, host: &Caller, listing: &str, kind: &str, bytes: &[u8]) -> Value {
    let announced = host.announce_photo(listing, kind, bytes).await.expect(201);
    let sent = product.upload(&announced["upload"], bytes, &[]).await;
    assert_eq!(sent.status, 200, "{}", String::from_utf8_lossy(&sent.bytes));
    product.drain().await;
    let photos = photos(host, listing).await;
    let found = photos.iter().find(|photo| photo["id"] == announced["photoId"]);
    found.cloned().expect("the photo is listed")
}

async fn photos(caller: &Caller, listing: &str) -> Vec<Value> {
    let answer = caller.get(&format!("/v1/listings/{listing}/photos")).await.expect(200);
    answer["items"].as_array().cloned().expect("a list")
}

async fn shown(product: &Product, url: &Value) -> Answer {
    let path = url.as_str().and_then(|url| url.strip_prefix(&product.stack.url())).expect("an address here");
    product.anybody().get(path).await
}

async fn objects(product: &Product) -> Vec<String> {
    product.stack.app().photos().expect("a bucket").list("", None).await.expect("keys")
}

fn jpeg(width: u32, height: u32, exif: Option<Vec<u8>>) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let wave = u8::try_from((x / 64 + y / 48) % 96).unwrap_or_default();
        if y < height / 2 { Rgb([150 + wave, 40, 30]) } else { Rgb([30, 40, 150 + wave]) }
    });
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif).expect("metadata");
    }
    encoder.encode(&picture, width, height, ExtendedColorType::Rgb8).expect("a JPEG");
    bytes
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let pixels = vec![200; (width * height * 3) as usize];
    let encoder = PngEncoder::new(&mut bytes);
    encoder.write_image(&pixels, width, height, ExtendedColorType::Rgb8).expect("a PNG");
    bytes
}

/// The header of 50,000 × 50,000 pixels before a few bytes of picture.
fn bomb() -> Vec<u8> {
    let mut bytes = png(64, 64);
    bytes[16..24].copy_from_slice(&[0, 0, 0xC3, 0x50, 0, 0, 0xC3, 0x50]);
    let crc = !bytes[12..29].iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    });
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// What a phone that is held upright writes: orientation 6, and where it was.
fn exif() -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x02\0".to_vec();
    exif.extend([
        0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0x25, 0x88, 4, 0, 1, 0, 0, 0, 38, 0, 0, 0, 0, 0, 0, 0,
    ]);
    exif.extend([1, 0, 1, 0, 2, 0, 2, 0, 0, 0, b'N', 0, 0, 0, 0, 0, 0, 0]);
    exif.extend(b"GPS 51.2194 N 4.4025 E");
    exif
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_is_brought_shown_described_ordered_and_deleted() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("ann", json!({})).await;
    let upright = jpeg(1_200, 900, Some(exif()));
    let first = bring(&product, &host, &listing, "image/jpeg", &upright).await;
    assert_eq!(
        (&first["status"], &first["width"], &first["height"]),
        (&json!("ready"), &json!(900), &json!(1_200))
    );
    for (size, longer) in [("small", 480), ("medium", 1_024), ("large", 1_200)] {
        let answer = shown(&product, &first["urls"][size]).await;
        assert_eq!(answer.status, 200, "{size}");
        assert_eq!(answer.headers["cache-control"], "public, max-age=31536000, s-maxage=86400, immutable");
        let image = image::load_from_memory(&answer.bytes).expect("an image");
        assert_eq!(image.height(), longer, "{size} stands upright");
        assert!(!answer.bytes.windows(3).any(|told| told == b"GPS"), "{size} tells where it was taken");
    }
    let second = bring(&product, &host, &listing, "image/png", &png(1_100, 1_030)).await;
    assert_eq!(second["status"], "ready");
    assert_eq!(objects(&product).await.len(), 6, "uploads are cleared away");

    let (one, other) = (first["id"].as_str().expect("an id"), second["id"].as_str().expect("an id"));
    let at = |photo: &str| format!("/v1/listings/{listing}/photos/{photo}");
    let caption = json!({"caption": "The balcony"}).to_string();
    let captioned = host.send("PATCH", &at(one), Some(caption.as_bytes()), &[]).await.expect(200);
    assert_eq!((&captioned["caption"], &captioned["urls"]), (&json!("The balcony"), &first["urls"]));
    let unchanged = host.send("PATCH", &at(one), Some(b"{}"), &[]).await.expect(200);
    assert_eq!(unchanged["caption"], "The balcony", "what is not named stays");
    let order = |ids: Value| {
        let (host, path) = (host.clone(), at("order"));
        async move { host.send("PUT", &path, Some(json!({"photoIds": ids}).to_string().as_bytes()), &[]).await }
    };
    for wrong in [json!([one]), json!([one, one]), json!([one, other, "pho_0000000000000000000001"])] {
        assert_eq!(order(wrong).await.problem(422), "invalid");
    }
    let ordered = order(json!([other, one])).await.expect(200);
    assert_eq!((&ordered["items"][0]["id"], &ordered["items"][1]["id"]), (&second["id"], &first["id"]));
    let seen = photos(&product.anybody(), &listing).await;
    assert_eq!((&seen[0]["id"], &seen[1]["caption"]), (&second["id"], &json!("The balcony")));

    // The listing is shown with its first photo, and its hit in a search too.
    product.drain().await;
    let view = product.anybody().get(&format!("/v1/listings/{listing}")).await.expect(200);
    assert_eq!(view["photoUrl"], second["urls"]["medium"]);
    let hits = product.anybody().get("/v1/search?lat=51.212&lng=4.412&radiusKm=5").await.expect(200);
    assert_eq!(hits["items"][0]["photoUrl"], second["urls"]["medium"]);

    for photo in [one, other] {
        assert_eq!(host.send("DELETE", &at(photo), None, &[]).await.status, 204);
        assert_eq!(host.send("DELETE", &at(photo), None, &[]).await.problem(404), "not_found");
    }
    assert_eq!(objects(&product).await, [""; 0]);
    assert_eq!(photos(&host, &listing).await, [json!(null); 0]);
    assert_eq!(shown(&product, &first["urls"]["large"]).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_refuses_what_was_not_announced_and_lets_a_browser_send_what_was() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("ann", json!({})).await;
    let bytes = png(1_100, 1_030);
    let announced = host.announce_photo(&listing, "image/png", &bytes).await.expect(201);
    let (upload, mut longer, mut other) = (&announced["upload"], bytes.clone(), bytes.clone());
    longer.push(0);
    *other.last_mut().expect("a byte") ^= 1;
    let sum = |bytes: &[u8]| BASE64_STANDARD.encode(fingerprint(bytes));
    let refused = [
        product.upload(upload, &longer, &[("x-amz-checksum-sha256", &sum(&longer))]).await,
        product.upload(upload, &longer, &[]).await,
        product.upload(upload, &other, &[]).await,
        product.upload(upload, &other, &[("x-amz-checksum-sha256", &sum(&other))]).await,
        product.upload(upload, &bytes, &[("content-type", "image/svg+xml")]).await,
    ];
    assert_eq!(refused.map(|answer| answer.status), [403, 400, 400, 403, 403]);
    product.drain().await;
    assert_eq!(objects(&product).await, [""; 0]);

    let url = upload["url"].as_str().expect("an address");
    let path = url.strip_prefix(&product.stack.url()).expect("an address of the stack");
    let asked: Vec<&str> =
        upload["headers"].as_object().expect("headers").keys().map(String::as_str).collect();
    let wanted = asked.join(",");
    let headers = [
        ("origin", "http://localhost:5173"),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", wanted.as_str()),
    ];
    let preflight = product.anybody().send("OPTIONS", path, None, &headers).await;
    assert_eq!(preflight.headers["access-control-allow-origin"], "http://localhost:5173");
    let allowed = preflight.headers["access-control-allow-headers"].to_str().expect("text").to_owned();
    assert!(
        asked.iter().all(|name| allowed.split(',').any(|allowed| allowed == *name)),
        "{asked:?}: {allowed}"
    );
    let sent = product.upload(upload, &bytes, &[("origin", "http://localhost:5173")]).await;
    assert_eq!(
        (sent.status, sent.headers["access-control-allow-origin"].as_bytes()),
        (200, &b"http://localhost:5173"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_photo_is_rejected_with_the_reason_and_cleared_away() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("ann", json!({})).await;
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="2000"/>"#;
    let mut cut = png(1_100, 1_030);
    cut.truncate(cut.len() / 2);
    let brought = [
        ("image/png", bomb(), "too_many_pixels"),
        ("image/png", svg.to_vec(), "not_an_image"),
        ("image/jpeg", b"A bright flat by the park.".to_vec(), "not_an_image"),
        ("image/jpeg", png(1_100, 1_030), "other_type"),
        ("image/png", png(1_023, 700), "too_small"),
        ("image/png", cut, "damaged"),
    ];
    for (kind, bytes, reason) in &brought {
        let photo = bring(&product, &host, &listing, kind, bytes).await;
        assert_eq!((&photo["status"], &photo["reason"]), (&json!("rejected"), &json!(reason)));
        assert_eq!(photo["urls"], Value::Null);
    }
    assert_eq!(objects(&product).await, [""; 0]);
    assert_eq!(photos(&host, &listing).await.len(), brought.len());
    assert_eq!(photos(&product.anybody(), &listing).await, [json!(null); 0], "strangers see none of it");
    let wrong = [
        json!({"contentType": "image/svg+xml", "sizeBytes": 9, "checksumSha256": BASE64_STANDARD.encode([0; 32])}),
        json!({"contentType": "image/png", "sizeBytes": 20_971_521, "checksumSha256": BASE64_STANDARD.encode([0; 32])}),
        json!({"contentType": "image/png", "sizeBytes": 9, "checksumSha256": "deadbeef"}),
    ];
    for (body, field) in wrong.iter().zip(["/contentType", "/sizeBytes", "/checksumSha256"]) {
        let refused = host.post(&format!("/v1/listings/{listing}/photos"), body).await;
        assert_eq!((refused.status, &refused.json["errors"][0]["pointer"]), (422, &json!(field)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_has_fifty_photos_however_many_come_at_once_and_its_host_alone_changes_them() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("ann", json!({})).await;
    let at_once = (0..60).map(|_| host.announce_photo(&listing, "image/png", b"bytes to come"));
    let answers = futures::future::join_all(at_once).await;
    let announced: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    // Who was contended too long is told to come again; nobody is one too many.
    assert!(answers.iter().all(|answer| [201, 409, 503].contains(&answer.status)));
    for _ in announced.len()..50 {
        host.announce_photo(&listing, "image/png", b"bytes to come").await.expect(201);
    }
    assert_eq!(
        host.announce_photo(&listing, "image/png", b"bytes to come").await.problem(409),
        "too_many_photos"
    );
    assert_eq!(photos(&host, &listing).await.len(), 50);

    let photo = announced[0].json["photoId"].as_str().expect("an id");
    let stranger = product.somebody("eve").await;
    let at = |rest: &str| format!("/v1/listings/{listing}/photos{rest}");
    let one = format!("/{photo}");
    let tries = [
        ("POST", at(""), json!({"contentType": "image/png", "sizeBytes": 0, "checksumSha256": ""})),
        ("PATCH", at(&one), json!({"caption": "Mine"})),
        ("PUT", at("/order"), json!({"photoIds": []})),
        ("DELETE", at(&one), json!({})),
    ];
    for (method, path, body) in &tries {
        let body = body.to_string();
        let refused = stranger.send(method, path, Some(body.as_bytes()), &[]).await;
        assert_eq!(refused.problem(404), "not_found", "{method} {path}");
    }
    let draft = host.post("/v1/listings", &roost_tests::home()).await.expect(201)["id"].clone();
    let of_draft = format!("/v1/listings/{}/photos", draft.as_str().expect("an id"));
    assert_eq!(stranger.get(&of_draft).await.problem(404), "not_found");
    host.get(&of_draft).await.expect(200);

    // What never came makes room after a day.
    product.advance(24 * 3_600).await;
    let host = product.again(&host);
    host.announce_photo(&listing, "image/png", b"bytes to come").await.expect(201);
    assert_eq!(photos(&host, &listing).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_announces_one_photo_and_is_answered_again_to_the_byte() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("ann", json!({})).await;
    let (bytes, others) = (png(1_100, 1_030), png(1_030, 1_100));
    let body = |kind: &str, bytes: &[u8]| {
        let sum = BASE64_STANDARD.encode(fingerprint(bytes));
        json!({"contentType": kind, "sizeBytes": bytes.len(), "checksumSha256": sum})
    };
    let at = |listing: &str| format!("/v1/listings/{listing}/photos");
    let (path, announced) = (at(&listing), body("image/png", &bytes));

    let at_once = (0..4).map(|_| host.post_once(&path, &announced, "k"));
    let answers = futures::future::join_all(at_once).await;
    let first = &answers[0];
    assert!(answers.iter().all(|answer| (answer.status, &answer.bytes) == (201, &first.bytes)));
    let replayed =
        |answer: &Answer| answer.headers.get("idempotency-replayed").is_some_and(|it| it == "true");
    assert_eq!(answers.iter().filter(|answer| replayed(answer)).count(), 3);
    assert_eq!(photos(&host, &listing).await.len(), 1);
    for other in [body("image/png", &others), body("image/jpeg", &bytes)] {
        assert_eq!(host.post_once(&path, &other, "k").await.problem(422), "idempotency_key_reused");
    }

    // The key is the caller's and the path's: a photo of its own for whoever else comes with it.
    let (stranger, elsewhere) = product.host_with_home("bob", json!({})).await;
    let second = product.home_of(&host, json!({})).await;
    for (caller, listing) in [(&stranger, &elsewhere), (&host, &second)] {
        let own = caller.post_once(&at(listing), &announced, "k").await;
        assert!(!replayed(&own));
        assert_ne!(own.expect(201)["photoId"], first.json["photoId"]);
        assert_eq!(photos(caller, listing).await.len(), 1);
    }
    assert_eq!(stranger.post_once(&path, &announced, "k").await.problem(404), "not_found");

    // Whatever has become of the photo since, the first answer again.
    assert_eq!(product.upload(&first.json["upload"], &bytes, &[]).await.status, 200);
    product.drain().await;
    product.advance(3_600).await;
    let host = product.again(&host);
    let again = host.post_once(&path, &announced, "k").await;
    assert_eq!((again.status, &again.bytes, replayed(&again)), (201, &first.bytes, true));
    assert_eq!(photos(&host, &listing).await[0]["status"], "ready");

    // A deleted photo's key is free, but what its addresses showed they never show otherwise.
    let photo = format!("{path}/{}", first.json["photoId"].as_str().expect("an id"));
    assert_eq!(host.send("DELETE", &photo, None, &[]).await.status, 204);
    let next = host.post_once(&path, &body("image/png", &others), "k").await;
    assert!(!replayed(&next));
    let next = next.expect(201);
    assert_ne!(next["photoId"], first.json["photoId"]);
    assert_eq!(product.upload(&next["upload"], &others, &[]).await.status, 200);

    // Without a key each call is a photo.
    for count in [2, 3] {
        assert!(!replayed(&host.post(&path, &announced).await));
        assert_eq!(photos(&host, &listing).await.len(), count);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_told_of_twice_or_deleted_meanwhile_leaves_nothing_behind() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("ann", json!({})).await;
    let bytes = png(1_100, 1_030);
    let photo = bring(&product, &host, &listing, "image/png", &bytes).await;
    let shown_before = objects(&product).await;
    let listener = roost_photos::process::PROCESS_PHOTO;
    let tell = |id: &Value| {
        let key = format!("uploads/{listing}/{}", id.as_str().expect("an id"));
        let event = json!({"id": "1", "source": "aws.s3", "detail-type": "Object Created",
            "time": "2027-01-01T00:00:00Z", "detail": {"object": {"key": key}}});
        (listener.handle)(product.stack.app(), serde_json::from_value(event).expect("an event"))
    };
    tell(&photo["id"]).await.expect("handled once more");
    assert_eq!(photos(&host, &listing).await, [photo]);
    assert_eq!(objects(&product).await, shown_before);

    // An upload whose photo was deleted before it was looked at.
    let announced = host.announce_photo(&listing, "image/png", &bytes).await.expect(201);
    let path = format!("/v1/listings/{listing}/photos/{}", announced["photoId"].as_str().expect("an id"));
    assert_eq!(host.send("DELETE", &path, None, &[]).await.status, 204);
    assert_eq!(product.upload(&announced["upload"], &bytes, &[]).await.status, 200);
    product.drain().await;
    assert_eq!(objects(&product).await, shown_before);

    // The listing goes, and its photos with it.
    let listing = format!("/v1/listings/{listing}");
    assert_eq!(host.send("DELETE", &listing, None, &[]).await.status, 204);
    product.drain().await;
    assert_eq!(objects(&product).await, [""; 0]);
    let failures = product.anybody().get("/_local/failures").await;
    assert!(!String::from_utf8_lossy(&failures.bytes).contains("photo"), "nothing was given up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_s_photo_of_twelve_million_pixels_becomes_ready() {
    let product = Product::start().await;
    let (host, listing) = product.host_with_home("ann", json!({})).await;
    let bytes = jpeg(4_032, 3_024, Some(exif()));
    let announced = host.announce_photo(&listing, "image/jpeg", &bytes).await.expect(201);
    let begun = Instant::now();
    assert_eq!(product.upload(&announced["upload"], &bytes, &[]).await.status, 200);
    product.drain().await;
    let took = begun.elapsed();
    let photo = photos(&host, &listing).await.remove(0);
    assert_eq!((&photo["status"], &photo["height"]), (&json!("ready"), &json!(2_048)));
    eprintln!("{} bytes of 12 MP, from PUT to ready: {} ms", bytes.len(), took.as_millis());
}
