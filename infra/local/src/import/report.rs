//! What an import came to: what was loaded, and which rows were not.

use std::fmt;
use std::time::Duration;

/// How many rows are named one by one.
const MOST_NAMED: usize = 200;

/// One row that could not be used, or not wholly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line that the row begins on, the header being line 1.
    pub line: u64,
    /// A sentence.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.reason)
    }
}

/// The rows with something wrong, as they are met.
#[derive(Clone, Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Notes a row.
    pub fn note(&mut self, file: &str, line: u64, reason: impl Into<String>) {
        self.0.push(Problem { file: file.to_owned(), line, reason: reason.into() });
    }

    /// All of them, by file and line.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Problem> {
        self.0.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        self.0
    }
}

/// What an import came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Listings that were not there before.
    pub new: usize,
    /// Listings that were there from another snapshot.
    pub changed: usize,
    /// Listings that were there from this very snapshot: nothing was touched.
    pub unchanged: usize,
    /// Listings that the stack could not load; `problems` says why.
    pub failed: usize,
    /// Rows of nights that the files have for these listings.
    pub nights: u64,
    /// By how many days every date was moved.
    pub shift: i32,
    /// Rows that could not be used, or not wholly.
    pub problems: Vec<Problem>,
    /// From the beginning until everything was searchable.
    pub took: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in self.problems.iter().take(MOST_NAMED) {
            writeln!(f, "{problem}")?;
        }
        let count = self.problems.len();
        if count > MOST_NAMED {
            writeln!(f, "… and {} rows more", count - MOST_NAMED)?;
        }
        let Self { new, changed, unchanged, failed, nights, shift, .. } = self;
        write!(
            f,
            "Imported {} listings with {nights} nights, all searchable after {:.1} s: {new} new, {changed} \
             changed, {unchanged} unchanged, {failed} failed. Dates moved by {shift} days.",
            new + changed + unchanged,
            self.took.as_secs_f64(),
        )?;
        if count > 0 {
            write!(f, " {count} rows were reported above.")?;
        }
        Ok(())
    }
}
