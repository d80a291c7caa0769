//! How far an import has come: bars on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// One bar, or the lines that stand for it.
pub(super) struct Step {
    bar: ProgressBar,
    name: &'static str,
    shown: bool,
}

impl Step {
    /// A step of `length` things of this name; `None` when nobody knows yet how many.
    pub(super) fn of(name: &'static str, length: Option<u64>) -> Self {
        let shown = std::io::stderr().is_terminal();
        let bar = match (shown, length) {
            (false, _) => ProgressBar::hidden(),
            (true, Some(length)) => ProgressBar::new(length),
            (true, None) => ProgressBar::new_spinner(),
        };
        let counted =
            if length.is_some() { "[{bar:30}] {human_pos}/{human_len}" } else { "{spinner} {human_pos}" };
        if let Ok(style) = ProgressStyle::with_template(&format!("{{prefix:>10}} {counted} ({{elapsed}})")) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(name);
        if shown {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { bar, name, shown }
    }

    /// So many more.
    pub(super) fn more(&self, count: u64) {
        self.bar.inc(count);
    }

    /// So many in all.
    pub(super) fn at(&self, count: u64) {
        self.bar.set_position(count);
    }

    /// The step is done: its last count stays.
    pub(super) fn done(self) {
        let (count, took) = (self.bar.position(), self.bar.elapsed());
        if self.shown {
            self.bar.finish();
        } else {
            // Nobody is told when the error stream is closed.
            let _ = writeln!(std::io::stderr(), "{:>10} {count} in {:.1} s", self.name, took.as_secs_f64());
        }
    }
}
