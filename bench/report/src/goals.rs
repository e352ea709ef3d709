//! The goals of the project, and the results that reach or miss them.

use crate::page;

/// A goal for one of our clients.
pub(crate) struct Goal {
    pub(crate) client: String,
    /// The measured quantity.
    pub(crate) what: String,
    pub(crate) target: Target,
    /// The results by job, with their bounds.
    pub(crate) results: Vec<(String, Figure)>,
}

/// The bound of a goal.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// A result between its bounds. All three are equal for a count.
pub(crate) type Figure = [f64; 3];

impl Goal {
    /// Creates a goal with the results of those jobs that were run.
    pub(crate) fn new(
        client: &str,
        what: &str,
        target: Target,
        jobs: &[impl AsRef<str>],
        figure: impl Fn(&str) -> Option<Figure>,
    ) -> Self {
        let results = jobs.iter().map(AsRef::as_ref).filter_map(|job| Some((job.to_owned(), figure(job)?)));
        let results = results.filter(|(_, [_, middle, _])| middle.is_finite()).collect();
        Self { client: client.to_owned(), what: what.to_owned(), target, results }
    }
}

impl Target {
    const fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(limit) => figure <= limit,
            Self::AtLeast(limit) => figure >= limit,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(limit) => format!("at most {limit}"),
            Self::AtLeast(limit) => format!("at least {limit}"),
        }
    }
}

/// Formats the goals that have results. Missed ones are bold.
pub(crate) fn table(goals: impl IntoIterator<Item = Goal>) -> String {
    let head = ["client", "measure", "goal", "measured"].map(str::to_owned);
    let rows = goals.into_iter().filter(|goal| !goal.results.is_empty()).map(|goal| {
        let Goal { client, what, target, results } = goal;
        let cells = results.iter().map(|(job, [low, middle, high])| {
            // A result that rounds to the limit counts as reached, because the table shows it so.
            let shown = (middle * 100.0).round() / 100.0;
            let bounds = if low < high { format!(" ({low:.2}–{high:.2})") } else { String::new() };
            let bold = if target.holds(shown) { "" } else { "**" };
            format!("{job} {bold}{shown:.2}{bold}{bounds}")
        });
        vec![client, what, target.text(), cells.collect::<Vec<_>>().join(", ")]
    });
    page::table(&head, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_goals_are_bold_and_missing_jobs_left_out() {
        let figure = |job: &str| match job {
            "a" => Some([0.5, 0.604, 0.7]),
            "b" => Some([0.7; 3]),
            _ => None,
        };
        let goal = |jobs| Goal::new("ours", "time", Target::AtMost(0.6), jobs, figure);
        let row = "| ours | time | at most 0.6 | a 0.60 (0.50–0.70), b **0.70** |";
        assert_eq!(table([goal(&["a", "b", "c"]), goal(&["c"])]).lines().skip(2).collect::<Vec<_>>(), [row]);
    }
}
