//! Two programs of the same clients, measured in one run.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::figures::{bounded_median, figure, quartiles};
use crate::native::{Machine, REFERENCE, Sample};
use crate::page;

/// The ratio above which a job counts as slower: 3 %, the limit that the project sets for a change that promises to keep speed.
const SLOWER: f64 = 1.03;

/// The least number of rounds whose extremes are bounds of the median with a confidence of 95 %; see [`bounded_median`].
const ENOUGH_ROUNDS: usize = 6;

/// A run that alternates between two programs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// The time at which the run began.
    pub date: String,
    /// The machine.
    pub machine: Machine,
    /// The number of samples of each program, client and job.
    pub rounds: usize,
    /// The name of the first program, which the second one is compared with.
    pub before: String,
    /// The name of the second program.
    pub after: String,
    /// The samples by job and client.
    pub pairs: Vec<Pair>,
}

/// The samples of one client at one job. Samples of the same index were taken directly after one another.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pair {
    /// The job's name.
    pub job: String,
    /// The client's name.
    pub client: String,
    /// The samples of the first program.
    pub before: Vec<Sample>,
    /// The samples of the second program.
    pub after: Vec<Sample>,
}

impl Pair {
    /// Returns the median ratio of CPU time, second program to first, between its bounds.
    fn ratio(&self) -> [f64; 3] {
        bounded_median(self.before.iter().zip(&self.after).map(|(before, after)| after.cpu / before.cpu).collect())
    }

    /// Returns whether the pair is slower by more than 3 % even at the lower bound of its ratio.
    fn is_slower(&self) -> bool {
        self.before.len() >= ENOUGH_ROUNDS && self.ratio()[0] > SLOWER
    }
}

impl Comparison {
    /// Returns a line for each job and client whose median is more than 3 % slower with the second program.
    pub fn slower(&self) -> Vec<String> {
        let lines = self.pairs.iter().filter_map(|pair| {
            let [low, middle, high] = pair.ratio();
            let certainty = if pair.is_slower() { "certain" } else { "within the noise of this run" };
            (middle > SLOWER)
                .then(|| format!("{} at {}: {middle:.3} ({low:.3}–{high:.3}), {certainty}", pair.client, pair.job))
        });
        lines.collect()
    }

    /// Returns whether a job is slower by more than 3 % even at the lower bound of its ratio.
    pub fn is_slower(&self) -> bool {
        self.pairs.iter().any(Pair::is_slower)
    }
}

/// Formats the tables as Markdown.
pub(crate) fn tables(run: &Comparison) -> String {
    let Comparison { date, machine, rounds, before, after, .. } = run;
    let Machine { processor, cores, kernel, rustc, load } = machine;
    let mut text = format!(
        "{date}, {rounds} rounds on {processor} ({cores} cores, {kernel}, {rustc}; load {load} at the start).\n"
    );
    let mut section = |title: &str, cell: &dyn Fn(&Pair) -> Option<String>| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n### {title}\n\n{}", table(run, cell));
    };
    section(&format!("Client CPU time per message, {after} to {before}: median and its bounds"), &|pair| {
        let [low, middle, high] = pair.ratio();
        let bold = if middle > SLOWER { "**" } else { "" };
        Some(format!("{bold}{middle:.3}{bold} ({low:.3}–{high:.3})"))
    });
    if run.pairs.iter().any(|pair| pair.client == REFERENCE) {
        section(
            &format!("Client CPU time per message, {after}, ratio to {REFERENCE}: median and its bounds"),
            &|pair| {
                let reference = run.pairs.iter().find(|other| other.job == pair.job && other.client == REFERENCE)?;
                let ratios = pair.after.iter().zip(&reference.after).map(|(one, other)| one.cpu / other.cpu);
                let [low, middle, high] = bounded_median(ratios.collect());
                Some(format!("{middle:.2} ({low:.2}–{high:.2})"))
            },
        );
    }
    for (name, samples) in [(before, (|pair| &pair.before) as fn(&Pair) -> &Vec<Sample>), (after, |pair| &pair.after)] {
        section(&format!("Client CPU time per message, {name}, microseconds: median"), &|pair| {
            Some(figure(quartiles(samples(pair).iter().map(|sample| sample.cpu).collect())[1]))
        });
    }
    text
}

fn table(run: &Comparison, cell: &dyn Fn(&Pair) -> Option<String>) -> String {
    let mut jobs: Vec<&str> = run.pairs.iter().map(|pair| &*pair.job).collect();
    jobs.dedup();
    let mut clients: Vec<&str> = Vec::new();
    for pair in &run.pairs {
        if !clients.contains(&&*pair.client) {
            clients.push(&pair.client);
        }
    }
    let head: Vec<String> = ["job"].iter().chain(&clients).map(|name| (*name).to_owned()).collect();
    let rows = jobs.iter().map(|job| {
        let cells = clients.iter().map(|client| {
            let pair = run.pairs.iter().find(|pair| pair.job == *job && pair.client == *client);
            pair.and_then(cell).unwrap_or_default()
        });
        std::iter::once((*job).to_owned()).chain(cells).collect()
    });
    page::table(&head, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(job: &str, before: [f64; 6], after: [f64; 6]) -> Pair {
        let samples = |values: [f64; 6]| {
            let sample = |cpu| Sample { cpu, wall: cpu, peak: 0, idle: None, allocations: None };
            values.map(sample).to_vec()
        };
        Pair { job: job.to_owned(), client: "ours".to_owned(), before: samples(before), after: samples(after) }
    }

    #[test]
    fn slower_medians_are_listed_with_their_certainty() {
        let pairs = vec![
            pair("same", [10.0; 6], [10.2; 6]),
            pair("slow", [10.0; 6], [11.0; 6]),
            pair("noisy", [10.0; 6], [9.0, 11.0, 11.0, 11.0, 11.0, 11.0]),
        ];
        let machine = Machine {
            processor: String::new(),
            cores: 2,
            kernel: String::new(),
            rustc: String::new(),
            load: String::new(),
        };
        let (before, after) = ("old".to_owned(), "new".to_owned());
        let run = Comparison { date: String::new(), machine, rounds: 6, before, after, pairs };
        assert_eq!(
            run.slower(),
            [
                "ours at slow: 1.100 (1.100–1.100), certain",
                "ours at noisy: 1.100 (0.900–1.100), within the noise of this run",
            ]
        );
        assert!(run.is_slower());
        assert!(tables(&run).contains("| same | 1.020 (1.020–1.020) |\n| slow | **1.100** (1.100–1.100) |"));
    }
}
