//! The results of the steps, printed at once and again in a table at the end.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{browser_tests::Counts, process::print_line};

/// The steps so far. Several threads may add to it.
pub(super) struct Steps {
    rows: Mutex<Vec<Row>>,
    start: Instant,
}

struct Row {
    title: String,
    counts: Counts,
    took: Duration,
    is_ok: bool,
}

impl Default for Steps {
    fn default() -> Self {
        Self { rows: Mutex::default(), start: Instant::now() }
    }
}

impl Steps {
    /// Runs a step and records its result. Returns the step's value if it succeeded.
    pub(super) fn run_step<T>(&self, title: &str, run: impl FnOnce() -> Result<(Counts, T)>) -> Option<T> {
        let start = Instant::now();
        let (counts, made) = match run() {
            Ok((counts, made)) => (counts, Some(made)),
            Err(error) => {
                let text = format!("{error:#}");
                print_line(&format!("\n==== {title} failed ====\n{}\n", text.trim_end()));
                // A log that a failure cut short still has counts. A step without counts is one failure.
                let counts = Counts::read(&text).unwrap_or_default();
                (Counts { failed: counts.failed.max(1), ..counts }, None)
            }
        };
        let row = Row { title: title.to_owned(), counts, took: start.elapsed(), is_ok: made.is_some() };
        print_line(&row.line());
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
        made
    }

    /// Prints the table. Returns whether every step succeeded.
    pub(super) fn print_summary(self) -> bool {
        let rows = self.rows.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut all = Counts::default();
        println!("\nSummary, after {:.0} s", self.start.elapsed().as_secs_f64());
        for row in &rows {
            println!("{}", row.line());
            all += row.counts;
        }
        println!("\n{} passed, {} failed", all.passed, all.failed);
        rows.iter().all(|row| row.is_ok)
    }
}

impl Row {
    fn line(&self) -> String {
        let verdict = if self.is_ok { "ok    " } else { "FAILED" };
        let counts = match self.counts {
            Counts { passed: 0, failed: 0 } => String::new(),
            Counts { passed, failed: 0 } => format!("{passed} passed"),
            Counts { passed, failed } => format!("{passed} passed, {failed} failed"),
        };
        format!("  {verdict}  {:<44} {:>7.1} s  {counts}", self.title, self.took.as_secs_f64()).trim_end().to_owned()
    }
}
