//! What the bench is to show, and what it has shown.

use crate::page;

/// One thing that is wanted of some of our clients.
pub(crate) struct Claim {
    pub(crate) client: String,
    /// What is measured.
    pub(crate) what: String,
    pub(crate) wanted: Wanted,
    /// By job: the figure, and how sure it is.
    pub(crate) found: Vec<(String, Figure)>,
}

/// On which side of a figure the good ones are.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    AtMost(f64),
    AtLeast(f64),
}

/// A figure with the bounds between which it lies, the figure itself where it was counted.
pub(crate) type Figure = [f64; 3];

impl Claim {
    /// A claim of what was found at some jobs, as far as these were run.
    pub(crate) fn new(
        client: &str,
        what: &str,
        wanted: Wanted,
        jobs: &[impl AsRef<str>],
        figure: impl Fn(&str) -> Option<Figure>,
    ) -> Self {
        let found = jobs.iter().map(AsRef::as_ref).filter_map(|job| Some((job.to_owned(), figure(job)?)));
        let found = found.filter(|(_, [_, middle, _])| middle.is_finite()).collect();
        Self { client: client.to_owned(), what: what.to_owned(), wanted, found }
    }
}

impl Wanted {
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

/// The claims that there are figures for; what is missed is bold.
pub(crate) fn table(claims: impl IntoIterator<Item = Claim>) -> String {
    let head = ["client", "what", "wanted", "found"].map(str::to_owned);
    let rows = claims.into_iter().filter(|claim| !claim.found.is_empty()).map(|claim| {
        let Claim { client, what, wanted, found } = claim;
        let cells = found.iter().map(|(job, [low, middle, high])| {
            // What rounds to the limit is the limit, as the reader sees it.
            let shown = (middle * 100.0).round() / 100.0;
            let bounds = if low < high { format!(" ({low:.2}–{high:.2})") } else { String::new() };
            let bold = if wanted.holds(shown) { "" } else { "**" };
            format!("{job} {bold}{shown:.2}{bold}{bounds}")
        });
        vec![client, what, wanted.text(), cells.collect::<Vec<_>>().join(", ")]
    });
    page::table(&head, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_is_bold_and_what_was_not_run_is_left_out() {
        let figure = |job: &str| match job {
            "a" => Some([0.5, 0.604, 0.7]),
            "b" => Some([0.7; 3]),
            _ => None,
        };
        let claim = |jobs| Claim::new("ours", "time", Wanted::AtMost(0.6), jobs, figure);
        let row = "| ours | time | at most 0.6 | a 0.60 (0.50–0.70), b **0.70** |";
        assert_eq!(table([claim(&["a", "b", "c"]), claim(&["c"])]).lines().skip(2).collect::<Vec<_>>(), [row]);
    }
}
