//! What an import came to: what was loaded, and which rows were not.

use std::fmt;
use std::time::Duration;

/// How many rows are named one by one, those of all files together.
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

impl Report {
    /// The rows that are named: the first of each file. What one file leaves of its share, others have.
    fn named(&self) -> Vec<&[Problem]> {
        let mut files: Vec<&[Problem]> = self.problems.chunk_by(|one, next| one.file == next.file).collect();
        let (mut left, mut waiting) = (MOST_NAMED, files.len());
        let mut shortest_first: Vec<&mut &[Problem]> = files.iter_mut().collect();
        shortest_first.sort_by_key(|rows| rows.len());
        for rows in shortest_first {
            let all = *rows;
            *rows = &all[..all.len().min(left / waiting)];
            left -= rows.len();
            waiting -= 1;
        }
        files
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.named().concat();
        for problem in &named {
            writeln!(f, "{problem}")?;
        }
        let count = self.problems.len();
        let Self { new, changed, unchanged, failed, nights, shift, .. } = self;
        write!(
            f,
            "Imported {} listings with {nights} nights, all searchable after {:.1} s: {new} new, {changed} \
             changed, {unchanged} unchanged, {failed} failed. Dates moved by {shift} days.",
            new + changed + unchanged,
            self.took.as_secs_f64(),
        )?;
        if count > named.len() {
            let shown = named.len();
            write!(
                f,
                " {shown} of {count} reported rows are shown above; --check shows all that the files have."
            )
        } else if count > 0 {
            write!(f, " {count} rows were reported above.")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(calendar: u64, listings: u64) -> Report {
        let mut problems = Problems::default();
        for (file, count) in [("listings.csv", listings), ("calendar.csv", calendar)] {
            (0..count).for_each(|row| problems.note(file, row + 2, "no price"));
        }
        Report { problems: problems.into_sorted(), ..Report::default() }
    }

    #[test]
    fn each_file_shows_its_first_rows_however_many_another_has() {
        let cases = [(500, 500, [100, 100]), (500, 3, [197, 3]), (20, 500, [20, 180])];
        for (calendar, listings, shown) in cases {
            let text = report(calendar, listings).to_string();
            let rows = |file: &str| text.lines().filter(|line| line.starts_with(file)).count();
            assert_eq!([rows("calendar.csv:"), rows("listings.csv:")], shown);
            assert!(text.contains("listings.csv:2: no price"), "{text}");
            let last = format!("200 of {} reported rows are shown above; --check", calendar + listings);
            assert!(text.contains(&last), "{text}");
        }
        assert!(report(120, 80).to_string().ends_with(" 200 rows were reported above."));
        assert!(report(0, 0).to_string().ends_with("Dates moved by 0 days."));
    }
}
