//! Images made here, some of them by people who mean harm.

use image::codecs::png::PngEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, Rgb};

use super::*;

/// Red above, blue below, as JPEG, with what a phone writes into it.
fn jpeg(width: u32, height: u32, exif: Option<&[u8]>) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |_, row| {
        if row < height / 2 { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) }
    });
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif.to_vec()).unwrap();
    }
    encoder.encode(&picture, width, height, ExtendedColorType::Rgb8).unwrap();
    bytes
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let pixels = vec![200; (width * height * 3) as usize];
    PngEncoder::new(&mut bytes).write_image(&pixels, width, height, ExtendedColorType::Rgb8).unwrap();
    bytes
}

/// A TIFF header with the orientation, and a place on earth.
fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0".to_vec();
    exif.extend(2_u16.to_le_bytes());
    // Orientation, SHORT, 1.
    exif.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    // The GPS directory, LONG, 1, at 38.
    exif.extend([0x25, 0x88, 4, 0, 1, 0, 0, 0, 38, 0, 0, 0]);
    exif.extend([0; 4]);
    exif.extend(1_u16.to_le_bytes());
    // GPSLatitudeRef, ASCII, 2.
    exif.extend([1, 0, 2, 0, 2, 0, 0, 0, b'N', 0, 0, 0]);
    exif.extend([0; 4]);
    exif.extend(b"51.2194N 4.4025E");
    exif
}

/// The header of a square picture with so many pixels a side and bits a colour, and next to nothing after it.
fn bomb(side: u32, bits: u8) -> Vec<u8> {
    let mut bytes = png(1_200, 900);
    bytes[16..20].copy_from_slice(&side.to_be_bytes());
    bytes[20..24].copy_from_slice(&side.to_be_bytes());
    bytes[24] = bits;
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn a_photo_stands_upright_in_three_sizes_and_tells_nothing_else() {
    // Turned by a quarter: as a phone held upright writes it.
    let made = make(jpeg(2_400, 1_600, Some(&exif(6))), Format::Jpeg).unwrap();
    assert_eq!((made.shown.width, made.shown.height), (1_366, 2_048));
    let sides: Vec<(Size, u32)> = made
        .files
        .iter()
        .map(|file| {
            let image = image::load_from_memory(&file.bytes).unwrap();
            assert_eq!(image::guess_format(&file.bytes).unwrap(), format_of(file.format));
            // Red was above; turned clockwise it is on the right.
            let at = |x: u32| *image.to_rgb8().get_pixel(x, image.height() / 2);
            assert!(at(image.width() - 5).0[0] > 180 && at(5).0[2] > 180, "{:?}", file.size);
            for told in [&b"Exif"[..], b"51.2194N", b"EXIF", b"ICCP"] {
                assert!(!file.bytes.windows(told.len()).any(|window| window == told), "{told:?}");
            }
            (file.size, image.height())
        })
        .collect();
    assert_eq!(sides, [(Size::Large, 2_048), (Size::Medium, 1_024), (Size::Small, 480)]);
    let again = make(jpeg(2_400, 1_600, Some(&exif(6))), Format::Jpeg).unwrap();
    assert!(
        made.files.iter().zip(&again.files).all(|(one, other)| one.bytes == other.bytes),
        "twice the same"
    );
    assert_eq!(made.shown.hash, again.shown.hash);
}

#[test]
fn what_is_no_picture_or_too_much_of_one_is_refused() {
    let refused = |bytes: Vec<u8>, announced| make(bytes, announced).unwrap_err();
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="2000"/>"#;
    assert_eq!(refused(svg.to_vec(), Format::Png), Rejection::NotAnImage);
    assert_eq!(refused(b"A bright flat by the park.".to_vec(), Format::Jpeg), Rejection::NotAnImage);
    assert_eq!(refused(Vec::new(), Format::Jpeg), Rejection::NotAnImage);
    assert_eq!(refused(png(1_200, 900), Format::Jpeg), Rejection::OtherType);
    assert_eq!(refused(jpeg(1_023, 1_000, None), Format::Jpeg), Rejection::TooSmall);
    // 7.5 GB; then 49 million pixels, which are too many of sixteen bits, as those are turned into eight.
    assert_eq!(refused(bomb(50_000, 8), Format::Png), Rejection::TooManyPixels);
    assert_eq!(refused(bomb(7_000, 16), Format::Png), Rejection::TooManyPixels);
    assert_eq!(refused(bomb(7_000, 8), Format::Png), Rejection::Damaged);
    let mut cut = png(1_200, 900);
    cut.truncate(cut.len() / 2);
    assert_eq!(refused(cut, Format::Png), Rejection::Damaged);
    assert!(make(jpeg(1_024, 60, None), Format::Jpeg).is_ok());
}

#[test]
fn every_kind_of_pixels_is_shown_in_the_same_colours() {
    let grey = DynamicImage::ImageRgb8(RgbImage::from_pixel(1_200, 900, Rgb([128; 3])));
    for image in [
        grey.to_luma8().into(),
        grey.to_luma_alpha8().into(),
        grey.to_rgba8().into(),
        grey.to_luma16().into(),
        grey.to_luma_alpha16().into(),
        grey.to_rgb16().into(),
        DynamicImage::from(grey.to_rgba16()),
    ] {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        let made = make(bytes.into_inner(), Format::Png).unwrap();
        let shown = image::load_from_memory(&made.files[0].bytes).unwrap().to_rgb8();
        let is_grey = |pixel: &Rgb<u8>| pixel.0.iter().all(|colour| colour.abs_diff(128) <= 2);
        assert!(shown.pixels().all(is_grey), "{:?}", image.color());
    }
}

#[test]
fn the_least_of_what_is_seen_is_kept_of_what_shines_through() {
    let image = DynamicImage::new_rgba8(4, 4);
    assert!(flat(image).pixels().all(|pixel| pixel.0 == [255; 3]), "nothing at all is white");
}

#[test]
fn what_decoding_a_picture_keeps_is_known_before() {
    let baseline = jpeg(1_200, 900, None);
    assert_eq!(kept_coefficients(&baseline), 0);
    let of = |marker: u8| baseline.windows(2).position(|pair| pair == [0xFF, marker]).unwrap();
    let (frame, scan) = (of(0xC0), of(0xDA));
    let but = |at: usize, byte: u8| {
        let mut other = baseline.clone();
        other[at] = byte;
        other
    };
    let progressive = but(frame + 1, 0xC2);
    assert_eq!(kept_coefficients(&progressive), 3);
    assert_eq!(kept_coefficients(&but(scan + 4, 1)), 3, "a scan for each component");
    for between in [&[0x2A][..], &[0xFF, 0x00]] {
        let mut odd = baseline.clone();
        odd.splice(frame..frame, between.iter().copied());
        assert_eq!(kept_coefficients(&odd), 4, "decoders read over what is between segments");
    }
    for length in 0..40 {
        assert!(kept_coefficients(&progressive[..length]) >= 3);
    }
    let header =
        |chunk: &[u8; 4], flags: u8| [b"RIFF\0\0\0\0WEBP", &chunk[..], &[10, 0, 0, 0, flags]].concat();
    assert!(is_animated(&header(b"VP8X", 0b10)) && !is_animated(&header(b"VP8X", 0b10000)));
    assert!(!is_animated(&header(b"VP8 ", 0b10)) && !is_animated(b"RIFF"));
}
