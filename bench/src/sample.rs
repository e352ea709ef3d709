//! What is measured, as it is kept in `results/`.

use serde::{Deserialize, Serialize};

/// One client's turn at one job.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Microseconds of CPU time a message, the kernel's share included.
    pub(crate) cpu: f64,
    /// Microseconds a message.
    pub(crate) wall: f64,
    /// The most memory that the client's process had, in KiB.
    pub(crate) peak: u32,
}

/// All that a client did at one job, a sample a round.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Series {
    pub(crate) job: String,
    pub(crate) client: String,
    pub(crate) samples: Vec<Sample>,
}

/// One run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) date: String,
    pub(crate) machine: Machine,
    /// The clients with the versions of their packages, in the order of the tables.
    pub(crate) clients: Vec<(String, String)>,
    /// Whether its samples are short.
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    pub(crate) series: Vec<Series>,
}

/// Where it ran.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    /// The load of the machine over the last five minutes, when the run began.
    pub(crate) load: String,
}

impl Run {
    /// The samples of a client at a job.
    pub(crate) fn samples(&self, job: &str, client: &str) -> &[Sample] {
        let series = self.series.iter().find(|series| series.job == job && series.client == client);
        series.map_or(&[], |series| &series.samples)
    }

    /// The ratios of a client's CPU time to another's, round by round.
    pub(crate) fn ratios(&self, job: &str, client: &str, other: &str) -> Vec<f64> {
        let pairs = self.samples(job, client).iter().zip(self.samples(job, other));
        pairs.map(|(one, other)| one.cpu / other.cpu).collect()
    }
}

/// The median and the quartiles around it.
pub(crate) fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    // Between two values the point lies in proportion.
    let at = |part: usize| {
        let place = (values.len().max(1) - 1) * part;
        let low = values.get(place / 4).copied().unwrap_or(f64::NAN);
        let high = values.get(place / 4 + 1).copied().unwrap_or(low);
        low + (high - low) * [0.0, 0.25, 0.5, 0.75][place % 4]
    };
    [at(1), at(2), at(3)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_values_in_proportion() {
        assert_eq!(format!("{:?}", quartiles(vec![3.0, 1.0, 2.0])), "[1.5, 2.0, 2.5]");
        assert_eq!(format!("{:?}", quartiles(vec![5.0])), "[5.0, 5.0, 5.0]");
        assert_eq!(format!("{:?}", quartiles(vec![4.0, 0.0, 8.0, 12.0, 16.0])), "[4.0, 8.0, 12.0]");
    }
}
