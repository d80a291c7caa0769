//! From the bytes that somebody sent to the photo that is shown. Everything about an image is read
//! from its header, and held against the limits, before any of its pixels is decoded.

use std::io::Cursor;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8x3, U8x4};
use fast_image_resize::{PixelTrait, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{
    ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage, RgbaImage,
};
use image_hasher::{HashAlg, HasherConfig};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::{Format, Rejection, Shown, Size};

/// The shortest longer side, in pixels: what a screen of today shows without blowing it up.
const SHORTEST_LONGER_SIDE: u32 = 1_024;
/// The most pixels: the largest that phones take today.
const MOST_PIXELS: u64 = 50_000_000;
/// The most memory that decoding and scaling may take, in bytes: the function has 512 MB, of which
/// the program, the upload and what is made of it take the rest.
const MOST_MEMORY: u64 = 400_000_000;
/// The most memory that a decoder may take for what comes beside a picture, in bytes: a colour profile is some
/// kilobytes, and one of PNG is compressed.
const MOST_BESIDE: u64 = 32_000_000;
/// Of 100, for both encoders: what is still hard to tell from the original.
const QUALITY: u8 = 80;

/// A photo as it is shown.
#[derive(Clone, Debug)]
pub struct Made {
    /// What is known of it.
    pub shown: Shown,
    /// Its sizes.
    pub files: Vec<File>,
}

/// One size of a photo.
#[derive(Clone, Debug)]
pub struct File {
    /// Which.
    pub size: Size,
    /// What it is written in: whichever made it smaller.
    pub format: Format,
    /// Itself.
    pub bytes: Vec<u8>,
}

/// Makes a photo of an upload: upright, in three sizes, in the colours of every screen (sRGB), and
/// with nothing in it but the picture. Takes about a second of one core for 12 million pixels.
///
/// # Errors
/// Why it cannot be shown.
pub fn make(upload: Vec<u8>, announced: Format) -> Result<Made, Rejection> {
    let (image, source) = decode(upload, announced)?;
    let mut picture = flat(scaled(&image, Size::Large)?);
    drop(image);
    if let Some(profile) = source.profile {
        to_srgb(&mut picture, &profile);
    }
    let mut picture = DynamicImage::ImageRgb8(picture);
    picture.apply_orientation(source.orientation);
    let (width, height) = (picture.width(), picture.height());
    let mut files = Vec::with_capacity(Size::ALL.len());
    for size in Size::ALL {
        // Each is made of the next larger one, which has all that it can show.
        picture = scaled(&picture, size)?;
        files.push(file(&picture.to_rgb8(), size)?);
    }
    let hasher = HasherConfig::new().hash_size(8, 8).hash_alg(HashAlg::Mean).preproc_dct().to_hasher();
    let hash = hasher.hash_image(&picture).to_base64();
    Ok(Made { shown: Shown { width, height, hash }, files })
}

/// What the picture has to be turned by, and the colours it is in.
struct Source {
    orientation: Orientation,
    profile: Option<Vec<u8>>,
}

fn decode(upload: Vec<u8>, announced: Format) -> Result<(DynamicImage, Source), Rejection> {
    let format = match image::guess_format(&upload) {
        Ok(ImageFormat::Jpeg) => Format::Jpeg,
        Ok(ImageFormat::Png) => Format::Png,
        Ok(ImageFormat::WebP) => Format::Webp,
        _ => return Err(Rejection::NotAnImage),
    };
    if format != announced {
        return Err(Rejection::OtherType);
    }
    let length = upload.len() as u64;
    let beside = match format {
        Format::Jpeg => Beside::Coefficients(kept_coefficients(&upload)),
        Format::Png => Beside::Nothing,
        Format::Webp if is_animated(&upload) => Beside::Canvas,
        Format::Webp => Beside::Planes,
    };
    let mut reader = ImageReader::with_format(Cursor::new(upload), format_of(format));
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_BESIDE);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(Rejection::TooManyPixels);
    }
    if width.max(height) < SHORTEST_LONGER_SIDE {
        return Err(Rejection::TooSmall);
    }
    if memory(&decoder, beside) + length > MOST_MEMORY {
        return Err(Rejection::TooManyPixels);
    }
    // A picture whose description of itself cannot be read is shown as it lies there.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten();
    let image = eight_bits(DynamicImage::from_decoder(decoder).map_err(refused)?);
    Ok((image, Source { orientation, profile }))
}

const fn format_of(format: Format) -> ImageFormat {
    match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::Webp => ImageFormat::WebP,
    }
}

fn refused(error: ImageError) -> Rejection {
    match error {
        ImageError::Limits(_) => Rejection::TooManyPixels,
        _ => Rejection::Damaged,
    }
}

/// What a decoder keeps beside the picture that it makes.
#[derive(Clone, Copy)]
enum Beside {
    /// Some rows.
    Nothing,
    /// So many numbers of two bytes for each pixel, until the last scan of a JPEG.
    Coefficients(u64),
    /// Four bytes for each pixel of a WebP.
    Planes,
    /// Twice that: the picture of an animation, and the canvas that it is painted on.
    Canvas,
}

/// How many bytes decoding takes, or scaling what was decoded, whichever is more.
fn memory(decoder: &impl ImageDecoder, beside: Beside) -> u64 {
    let (width, height) = decoder.dimensions();
    let (pixels, decoded) = (u64::from(width) * u64::from(height), decoder.total_bytes());
    let while_decoding = decoded
        + match beside {
            Beside::Nothing => 0,
            Beside::Coefficients(coefficients) => 2 * coefficients * pixels,
            Beside::Planes => 4 * pixels,
            Beside::Canvas => 8 * pixels,
        };
    let colour = decoder.color_type();
    let (bytes, copies) = if colour.has_alpha() { (4, 2) } else { (3, 1) };
    let while_turning = if is_eight_bits(colour) { 0 } else { decoded + bytes * pixels };
    // Rows are shortened first, all of them; of what is transparent a copy is made before.
    let shortened = u64::from(Size::Large.longer_side().min(width)) * u64::from(height);
    let while_scaling = bytes * (copies * pixels + shortened);
    while_decoding.max(while_turning).max(while_scaling)
}

/// Whether a picture is scaled as it is.
const fn is_eight_bits(colour: ColorType) -> bool {
    matches!(colour, ColorType::Rgb8 | ColorType::Rgba8)
}

/// The image with eight bits a colour, of which it has three, and another eight where it is transparent: what is
/// shown has no more, and scaling thirteen kinds of pixels would make the function half as large again.
fn eight_bits(image: DynamicImage) -> DynamicImage {
    match image {
        image if is_eight_bits(image.color()) => image,
        image if image.color().has_alpha() => image.into_rgba8().into(),
        image => image.into_rgb8().into(),
    }
}

/// How many components of a JPEG are kept whole while it is decoded: all those of a progressive frame
/// (SOF2, SOF6, SOF10, SOF14 of ITU-T T.81) and of another whose first scan has not all of them, none else.
/// Where the way to the first scan cannot be followed, as many as there may be: decoders are more patient.
fn kept_coefficients(jpeg: &[u8]) -> u64 {
    const MOST_COMPONENTS: u64 = 4;
    let (mut at, mut of_frame) = (2, None);
    while let Some([0xFF, marker, rest @ ..]) = jpeg.get(at..) {
        match (marker, rest) {
            // Length (2), precision (1), height (2), width (2), components.
            (0xC2 | 0xC6 | 0xCA | 0xCE, [_, _, _, _, _, _, _, components, ..]) => {
                return u64::from(*components);
            }
            // A scan: length (2), components.
            (0xDA, [_, _, scanned, ..]) => {
                return match of_frame {
                    Some(components) if components == *scanned => 0,
                    Some(components) => u64::from(components),
                    None => MOST_COMPONENTS,
                };
            }
            // Fill bytes, and markers without a segment.
            (0xFF, _) => at += 1,
            (0x01 | 0xD0..=0xD8, _) => at += 2,
            // No marker.
            (0x00, _) => break,
            (marker, [high, low, segment @ ..]) => {
                if let (0xC0 | 0xC1 | 0xC3, [_, _, _, _, _, components, ..]) = (marker, segment) {
                    of_frame = Some(*components);
                }
                at += 2 + usize::from(u16::from_be_bytes([*high, *low]));
            }
            _ => break,
        }
    }
    MOST_COMPONENTS
}

/// Whether a WebP says of itself that it moves: a flag of its extended header.
/// <https://developers.google.com/speed/webp/docs/riff_container#extended_file_format>
fn is_animated(webp: &[u8]) -> bool {
    const MOVES: u8 = 0b10;
    webp.get(12..16) == Some(b"VP8X") && webp.get(20).is_some_and(|flags| flags & MOVES != 0)
}

/// The image with a longer side of at most what `size` says.
fn scaled(image: &DynamicImage, size: Size) -> Result<DynamicImage, Rejection> {
    let (width, height) = (image.width(), image.height());
    let most = size.longer_side();
    if width.max(height) <= most {
        return Ok(image.clone());
    }
    let side = |own: u32| {
        let scaled = (u64::from(own) * u64::from(most)).div_ceil(u64::from(width.max(height)));
        u32::try_from(scaled).unwrap_or(most).max(1)
    };
    let (from, to) = ((width, height), (side(width), side(height)));
    let smaller = match image {
        DynamicImage::ImageRgb8(image) => shrunk::<U8x3>(image, from, to)
            .and_then(|bytes| RgbImage::from_raw(to.0, to.1, bytes))
            .map(DynamicImage::from),
        DynamicImage::ImageRgba8(image) => shrunk::<U8x4>(image, from, to)
            .and_then(|bytes| RgbaImage::from_raw(to.0, to.1, bytes))
            .map(DynamicImage::from),
        _ => None,
    };
    smaller.ok_or(Rejection::Damaged)
}

/// The pixels of an image of another size.
fn shrunk<P: PixelTrait>(pixels: &[u8], from: (u32, u32), to: (u32, u32)) -> Option<Vec<u8>> {
    let mut smaller = vec![0; to.0 as usize * to.1 as usize * P::size()];
    let source = TypedImageRef::<P>::from_buffer(from.0, from.1, pixels).ok()?;
    let mut target = TypedImage::<P>::from_buffer(to.0, to.1, &mut smaller).ok()?;
    Resizer::new().resize_typed(&source, &mut target, None).ok()?;
    drop(target);
    Some(smaller)
}

/// The picture on white, eight bits a colour.
fn flat(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    let (width, height) = image.dimensions();
    let mut flat = RgbImage::new(width, height);
    for (to, from) in flat.pixels_mut().zip(image.pixels()) {
        let [red, green, blue, alpha] = from.0.map(u32::from);
        let on_white =
            |colour: u32| u8::try_from((colour * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX);
        to.0 = [red, green, blue].map(on_white);
    }
    flat
}

/// Turns the colours of a profile into those of sRGB; a profile that cannot be read changes nothing.
fn to_srgb(picture: &mut RgbImage, profile: &[u8]) {
    let Ok(profile) = ColorProfile::new_from_slice(profile) else { return };
    if profile.color_space != DataColorSpace::Rgb {
        return;
    }
    let transform = profile.create_transform_8bit(
        Layout::Rgb,
        &ColorProfile::new_srgb(),
        Layout::Rgb,
        TransformOptions::default(),
    );
    let Ok(transform) = transform else { return };
    let mut turned = RgbImage::new(picture.width(), picture.height());
    if transform.transform(picture.as_raw(), &mut turned).is_ok() {
        *picture = turned;
    }
}

/// A size of the picture, as WebP or JPEG, whichever is smaller.
fn file(picture: &RgbImage, size: Size) -> Result<File, Rejection> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode_image(picture)
        .map_err(|_| Rejection::Damaged)?;
    let webp = webp::Encoder::from_rgb(picture, picture.width(), picture.height());
    Ok(match webp.encode_simple(false, f32::from(QUALITY)) {
        Ok(webp) if webp.len() < jpeg.len() => File { size, format: Format::Webp, bytes: webp.to_vec() },
        _ => File { size, format: Format::Jpeg, bytes: jpeg },
    })
}

#[cfg(test)]
mod tests;
