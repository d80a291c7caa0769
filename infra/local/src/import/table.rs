//! One CSV file of a catalogue, packed or not, read row by row under its columns' names.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use csv::ByteRecord;
use flate2::read::MultiGzDecoder;

/// A CSV file that is being read.
pub(super) struct Table {
    file: String,
    columns: HashMap<String, usize>,
    rows: csv::Reader<Hashing>,
}

impl Table {
    /// Opens `<name>.csv.gz` of the folder, else `<name>.csv`.
    ///
    /// # Errors
    /// A sentence when the folder has neither, or it cannot be read.
    pub(super) fn open(folder: &Path, name: &str) -> Result<Self, String> {
        let (packed, plain) = (format!("{name}.csv.gz"), format!("{name}.csv"));
        let (file, content): (String, Box<dyn Read>) = if folder.join(&packed).is_file() {
            let content = MultiGzDecoder::new(BufReader::with_capacity(1 << 16, open(folder, &packed)?));
            (packed, Box::new(content))
        } else if folder.join(&plain).is_file() {
            let content = open(folder, &plain)?;
            (plain, Box::new(content))
        } else {
            return Err(format!("{} holds neither {packed} nor {plain}", folder.display()));
        };
        let hashing = Hashing { content, hash: Context::new(&SHA256) };
        let mut rows = csv::ReaderBuilder::new().flexible(true).buffer_capacity(1 << 16).from_reader(hashing);
        let header = rows.byte_headers().map_err(|error| format!("{file}: {error}"))?;
        let columns = header
            .iter()
            .enumerate()
            .map(|(at, name)| (String::from_utf8_lossy(name).trim().to_owned(), at))
            .collect();
        Ok(Self { file, columns, rows })
    }

    /// The next row and the line that it begins on; `None` after the last.
    ///
    /// # Errors
    /// A sentence when the file cannot be read on: what follows is lost, so nothing may be loaded.
    pub(super) fn next(&mut self, row: &mut ByteRecord) -> Result<Option<u64>, String> {
        match self.rows.read_byte_record(row) {
            Ok(true) => Ok(Some(row.position().map_or(0, csv::Position::line))),
            Ok(false) => Ok(None),
            Err(error) => Err(format!("{}: {error}", self.file)),
        }
    }

    /// What is wrong with the row's shape, if anything.
    pub(super) fn misshapen(&self, row: &ByteRecord) -> Option<String> {
        let (has, columns) = (row.len(), self.columns.len());
        (has != columns).then(|| format!("it has {has} fields, the file has {columns} columns"))
    }

    /// The file's name.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// Where a column stands.
    ///
    /// # Errors
    /// A sentence when the file has no such column.
    pub(super) fn column(&self, name: &str) -> Result<usize, String> {
        self.optional(name).ok_or_else(|| format!("{} has no column {name}", self.file))
    }

    /// Where a column stands that not every snapshot has.
    pub(super) fn optional(&self, name: &str) -> Option<usize> {
        self.columns.get(name).copied()
    }

    /// The SHA-256 of the unpacked content that was read.
    pub(super) fn hash(self) -> [u8; 32] {
        let digest = self.rows.into_inner().hash.finish();
        digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

fn open(folder: &Path, name: &str) -> Result<File, String> {
    let path = folder.join(name);
    File::open(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Hashes what passes through.
struct Hashing {
    content: Box<dyn Read>,
    hash: Context,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
