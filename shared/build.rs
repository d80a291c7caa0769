//! Makes the time zones' boundaries smaller before they go into the two binaries that look zones up: each is
//! to be at most 5 MB zipped, and half of that are points of borders at which no clock changes.
//!
//! A border between zones whose clocks differ stays as the data have it (within some 110 m). One between
//! zones that agree until [`UNTIL`], as Brussels and Paris do, moves by at most [`SAME_CLOCK`], and one with
//! the open sea by at most [`SEA`]. Borders are stored once for both sides, so that no gap can open; what is
//! stored for one side alone, since zones overlap there, stays. The index by which most places are found
//! without looking at borders is left out: a listing is created once.
//!
//! The format is `.tzb` 1.1 of the project TZF (<https://project-tzf.ringsaturn.me>), whose reader checks
//! what is written here when it opens it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The unit of coordinates: 100,000 to the degree, about 1.1 m.
type Point = (i64, i64);

/// By how much a border may move between zones with the same clock: 550 m.
const SAME_CLOCK: i64 = 500;
/// By how much a border may move at sea, beyond what belongs to any country: 2.2 km.
const SEA: i64 = 2_000;
/// It lies within Asia/Shanghai, which comes first in the data and so is what is found there: its own borders,
/// a tenth of all points, decide nothing.
const UNDERLYING: &str = "Asia/Urumqi";
/// A ring of fewer points would be none, or next to none.
const LEAST_AROUND: usize = 8;
/// From when on, and until when, clocks are compared.
const FROM: &str = "2026-01-01T00:00:00Z";
const UNTIL: &str = "2036-01-01T00:00:00Z";

/// Sections by their number in the format, and the length of their records.
const NAMES: u32 = 1;
const ZONES: (u32, usize) = (2, 24);
const POLYGONS: (u32, usize) = (3, 24);
const RINGS: (u32, usize) = (4, 28);
const RING_PARTS: (u32, usize) = (5, 4);
const BORDERS: (u32, usize) = (6, 44);
const CHUNKS: (u32, usize) = (7, 24);
const POINTS: u32 = 9;
const INDEX: u32 = 10;

const HEADER: usize = 64;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut file = File::read(tzf_dist::load_lite_tzb());
    file.simplify();
    let folder = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where to write"));
    std::fs::write(folder.join("zones.tzb"), file.write()).expect("the boundaries can be written");
}

/// The header, and the sections in their order.
struct File {
    header: Vec<u8>,
    sections: Vec<(u32, Vec<u8>)>,
}

impl File {
    fn read(bytes: &[u8]) -> Self {
        let count = u32_at(bytes, 20);
        let section = |index: u32| {
            let at = HEADER + 16 * index as usize;
            let (from, length) = (u32_at(bytes, at + 4) as usize, u32_at(bytes, at + 8) as usize);
            (u32_at(bytes, at), bytes[from..from + length].to_vec())
        };
        let sections = (0..count).map(section).filter(|(kind, _)| *kind != INDEX).collect();
        Self { header: bytes[..HEADER].to_vec(), sections }
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = self.header.clone();
        let mut at = HEADER + 16 * self.sections.len();
        for (kind, content) in &self.sections {
            for word in [*kind, small(at), small(content.len()), 0] {
                bytes.extend(word.to_le_bytes());
            }
            at += content.len().next_multiple_of(4);
        }
        for (_, content) in &self.sections {
            bytes.extend(content);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let (size, count) = (small(bytes.len() + 4), small(self.sections.len()));
        bytes[16..20].copy_from_slice(&size.to_le_bytes());
        bytes[20..24].copy_from_slice(&count.to_le_bytes());
        let sum = crc32fast::hash(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }

    fn section(&self, kind: u32) -> &[u8] {
        &self.sections.iter().find(|(known, _)| *known == kind).expect("a section of the format").1
    }

    fn section_mut(&mut self, kind: u32) -> &mut Vec<u8> {
        &mut self.sections.iter_mut().find(|(known, _)| *known == kind).expect("a section of the format").1
    }

    /// The records of a directory, each as its first word and the count of what it has from there on.
    fn spans(&self, (kind, length): (u32, usize), count_at: usize) -> Vec<std::ops::Range<usize>> {
        let span = |record: &[u8]| {
            let first = u32_at(record, 0) as usize;
            first..first + usize::from(u16_at(record, count_at))
        };
        self.section(kind).chunks_exact(length).map(span).collect()
    }

    fn names(&self) -> Vec<String> {
        let section = self.section(NAMES);
        let count = self.section(ZONES.0).len() / ZONES.1;
        let text = 4 + 4 * (count + 1);
        let offset = |index: usize| u32_at(section, 4 + 4 * index) as usize;
        let name = |index: usize| {
            let name = &section[text + offset(index)..text + offset(index + 1)];
            String::from_utf8(name.to_vec()).expect("a name of a zone")
        };
        (0..count).map(name).collect()
    }

    /// Which zones each border is a border of.
    fn zones_of_borders(&self) -> BTreeMap<usize, BTreeSet<String>> {
        let (polygons, rings) = (self.spans(POLYGONS, 4), self.spans(RINGS, 8));
        let parts: Vec<usize> = self
            .section(RING_PARTS.0)
            .chunks_exact(4)
            .map(|part| (u32_at(part, 0) & 0x7fff_ffff) as usize)
            .collect();
        let mut zones: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for (name, zone) in self.names().into_iter().zip(self.spans(ZONES, 4)) {
            for ring in polygons[zone].iter().cloned().flatten() {
                for border in &parts[rings[ring].clone()] {
                    zones.entry(*border).or_default().insert(name.clone());
                }
            }
        }
        zones
    }

    fn simplify(&mut self) {
        let zones = self.zones_of_borders();
        let mut clocks: BTreeMap<String, Vec<(Timestamp, i32)>> = BTreeMap::new();
        let (borders, whole) = (self.spans(BORDERS, 8), self.chunks());
        let mut chunks = whole.clone();
        for (border, span) in borders.iter().enumerate() {
            let names: Vec<&String> = zones.get(&border).into_iter().flatten().collect();
            let mut kept =
                names.iter().map(|name| clocks.entry((*name).clone()).or_insert_with(|| clock(name)).clone());
            let tolerance = match names[..] {
                [only] if only == UNDERLYING => SEA,
                _ if names.iter().any(|name| name.starts_with("Etc/")) => SEA,
                [] | [_] => 0,
                _ => {
                    let first = kept.next();
                    if kept.all(|other| Some(other) == first) { SAME_CLOCK } else { 0 }
                }
            };
            for chunk in &mut chunks[span.clone()] {
                *chunk = simplified(chunk, tolerance);
            }
        }
        let length = |chunks: &[Vec<Point>], border: usize| -> usize {
            chunks[borders[border].clone()].iter().map(Vec::len).sum()
        };
        let parts: Vec<usize> = self
            .section(RING_PARTS.0)
            .chunks_exact(4)
            .map(|part| (u32_at(part, 0) & 0x7fff_ffff) as usize)
            .collect();
        let rings = self.spans(RINGS, 8);
        // Each part of a ring begins where the one before has ended.
        let around = |chunks: &[Vec<Point>], ring: &std::ops::Range<usize>| -> usize {
            parts[ring.clone()].iter().map(|border| length(chunks, *border) - 1).sum()
        };
        // An island or an enclave of which too little would be left stays as it is.
        for ring in rings.iter().filter(|ring| around(&chunks, ring) < LEAST_AROUND).collect::<Vec<_>>() {
            for border in &parts[ring.clone()] {
                chunks[borders[*border].clone()].clone_from_slice(&whole[borders[*border].clone()]);
            }
        }
        self.put_chunks(&chunks);
        for (border, record) in self.section_mut(BORDERS.0).chunks_exact_mut(BORDERS.1).enumerate() {
            record[4..8].copy_from_slice(&small(length(&chunks, border)).to_le_bytes());
        }
        for (ring, record) in rings.iter().zip(self.section_mut(RINGS.0).chunks_exact_mut(RINGS.1)) {
            record[4..8].copy_from_slice(&small(around(&chunks, ring)).to_le_bytes());
        }
    }

    /// The points of each chunk: the differences of coordinates, as zigzag numbers of variable length.
    fn chunks(&self) -> Vec<Vec<Point>> {
        let (directory, points) = (self.section(CHUNKS.0), self.section(POINTS));
        let starts: Vec<usize> =
            directory.chunks_exact(CHUNKS.1).map(|record| u32_at(record, 0) as usize).collect();
        let ends = starts.iter().skip(1).copied().chain([points.len()]);
        starts.iter().zip(ends).map(|(start, end)| read_points(&points[*start..end])).collect()
    }

    fn put_chunks(&mut self, chunks: &[Vec<Point>]) {
        let mut points = Vec::new();
        for (record, chunk) in self.section_mut(CHUNKS.0).chunks_exact_mut(CHUNKS.1).zip(chunks) {
            record[..4].copy_from_slice(&small(points.len()).to_le_bytes());
            record[4..6]
                .copy_from_slice(&u16::try_from(chunk.len()).expect("no more than before").to_le_bytes());
            write_points(chunk, &mut points);
        }
        *self.section_mut(POINTS) = points;
    }
}

/// How a zone's clock goes: its offset at first, and each change of it.
fn clock(name: &str) -> Vec<(Timestamp, i32)> {
    let zone = TimeZone::get(name).expect("the zones' names are those of the time zone database");
    let (from, until): (Timestamp, Timestamp) =
        (FROM.parse().expect("a time"), UNTIL.parse().expect("a time"));
    let changes = zone.following(from).take_while(|change| change.timestamp() < until);
    let first = (from, zone.to_offset(from).seconds());
    std::iter::once(first)
        .chain(changes.map(|change| (change.timestamp(), change.offset().seconds())))
        .collect()
}

/// The points without those from which a straight line is at most `tolerance` away (Douglas and Peucker).
fn simplified(points: &[Point], tolerance: i64) -> Vec<Point> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    let within = points.iter().enumerate().skip(1).take(points.len().saturating_sub(2));
    let apart = within.map(|(index, point)| (square_from_line(*point, *first, *last), index));
    let furthest = apart.max_by(|(one, _), (other, _)| one.total_cmp(other));
    match furthest {
        Some((square, index)) if square > (tolerance * tolerance) as f64 => {
            let mut kept = simplified(&points[..=index], tolerance);
            kept.pop();
            kept.extend(simplified(&points[index..], tolerance));
            kept
        }
        _ if points.len() == 1 => vec![*first],
        _ => vec![*first, *last],
    }
}

fn square_from_line(point: Point, from: Point, to: Point) -> f64 {
    let (along, across) = ((to.0 - from.0) as f64, (to.1 - from.1) as f64);
    let (x, y) = ((point.0 - from.0) as f64, (point.1 - from.1) as f64);
    let length = along * along + across * across;
    let share = if length == 0.0 { 0.0 } else { ((x * along + y * across) / length).clamp(0.0, 1.0) };
    (x - share * along).powi(2) + (y - share * across).powi(2)
}

fn read_points(bytes: &[u8]) -> Vec<Point> {
    let (mut numbers, mut number, mut shift) = (Vec::new(), 0_u64, 0);
    for byte in bytes {
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            numbers.push((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
            (number, shift) = (0, 0);
        }
    }
    let mut at = (0, 0);
    let step = |step: &[i64; 2]| {
        at = (at.0 + step[0], at.1 + step[1]);
        at
    };
    numbers.as_chunks().0.iter().map(step).collect()
}

fn write_points(points: &[Point], bytes: &mut Vec<u8>) {
    let mut last = (0, 0);
    for point in points {
        for step in [point.0 - last.0, point.1 - last.1] {
            let mut number = ((step << 1) ^ (step >> 63)).cast_unsigned();
            while number >= 0x80 {
                bytes.push(number.to_le_bytes()[0] | 0x80);
                number >>= 7;
            }
            bytes.push(number.to_le_bytes()[0]);
        }
        last = *point;
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("two bytes"))
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("the file is far smaller than 4 GB")
}
