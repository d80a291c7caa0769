//! What making a photo of an upload takes: time and the most memory, in a process of its own, as the
//! function has it. `cargo photo write KIND FILE` writes an upload, `cargo photo make FILE` makes a
//! photo of it.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use roost::photo::Format;
use roost::photo::pipeline::make;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let told = match words.as_slice() {
        ["write", kind, file] => write(kind, Path::new(file)),
        ["make", file] => measure(Path::new(file)),
        _ => Err("photo write phone|largest-jpeg|largest-png FILE, or photo make FILE".to_owned()),
    };
    let (line, code) = match told {
        Ok(line) => (line, 0),
        Err(line) => (line, 1),
    };
    let _ = writeln!(std::io::stdout(), "{line}");
    std::process::exit(code);
}

/// Writes an upload: `phone` is a JPEG of 12 million pixels, the others have the most that are taken.
fn write(kind: &str, file: &Path) -> Result<String, String> {
    let (width, height) = match kind {
        "phone" => (4_032, 3_024),
        "largest-jpeg" => (8_160, 6_120),
        // What shines through is scaled from a copy.
        _ => (6_350, 6_350),
    };
    let mut bytes = Vec::new();
    let written = match kind {
        "phone" | "largest-jpeg" => {
            let pixels = scene(width, height);
            JpegEncoder::new_with_quality(&mut bytes, 88).encode(
                &pixels,
                width,
                height,
                ExtendedColorType::Rgb8,
            )
        }
        "largest-png" => {
            let pixels = vec![200; width as usize * height as usize * 4];
            PngEncoder::new(&mut bytes).write_image(&pixels, width, height, ExtendedColorType::Rgba8)
        }
        other => return Err(format!("{other} is no kind of upload")),
    };
    written.map_err(|error| error.to_string())?;
    std::fs::write(file, &bytes).map_err(|error| error.to_string())?;
    Ok(format!("{kind}: {width} x {height}, {} bytes", bytes.len()))
}

/// Sky, hills and grain: neither flat nor noise.
fn scene(width: u32, height: u32) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    let mut grain = fastrand::Rng::with_seed(7);
    for y in 0..height {
        for x in 0..width {
            let wave = ((x / 64) ^ (y / 48)) % 96;
            let speck = u32::from(grain.u8(0..12));
            for colour in 1..=3 {
                let value = 60 + wave + (y * 80 / height) * colour / 3 + speck;
                pixels.push(u8::try_from(value.min(255)).unwrap_or(255));
            }
        }
    }
    pixels
}

fn measure(file: &Path) -> Result<String, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let length = bytes.len();
    let announced = match bytes.first() {
        Some(0x89) => Format::Png,
        Some(b'R') => Format::Webp,
        _ => Format::Jpeg,
    };
    let before = peak()?;
    let begun = Instant::now();
    let made = make(bytes, announced);
    let took = begun.elapsed().as_millis();
    let outcome = match made {
        Ok(made) => {
            let file = |file: &roost::photo::pipeline::File| {
                format!("{} {} {} KB", file.size.word(), file.format.content_type(), file.bytes.len() / 1_024)
            };
            let files: Vec<String> = made.files.iter().map(file).collect();
            format!("{} x {}: {}", made.shown.width, made.shown.height, files.join(", "))
        }
        Err(rejection) => format!("rejected: {rejection:?}"),
    };
    Ok(format!("{length} bytes in {took} ms, at most {} MB of memory ({before} before): {outcome}", peak()?))
}

/// The most memory that this process has had, in MB, as Linux counts it.
fn peak() -> Result<u64, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
    kilobytes
        .map(|kilobytes: u64| kilobytes / 1_024)
        .ok_or_else(|| "no VmHWM in /proc/self/status".to_owned())
}
