//! The tables, made of a run's data.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::clients::{CLIENTS, WIRE};
use crate::sample::{Run, Sample, quartiles};

/// What the part of a page is between that the command writes.
const BEGIN: &str = "<!-- The rest up to the end mark is written by `cargo xtask bench --native`. -->\n";
const END: &str = "<!-- end -->\n";

/// Puts the tables where the page has its marks.
pub(crate) fn write(page: &Path, run: &Run) -> Result<()> {
    let text = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.with_context(|| format!("{} has not the two marks", page.display()))?;
    fs::write(page, [before, BEGIN, &tables(run), END, after].concat())?;
    Ok(())
}

/// The tables as Markdown.
pub(crate) fn tables(run: &Run) -> String {
    let machine = &run.machine;
    let mut text = format!(
        "\n{}, {} {}rounds on {} ({} cores, {}, {}; load {} at the beginning).\n",
        run.date,
        run.rounds,
        if run.quick { "quick " } else { "" },
        machine.processor,
        machine.cores,
        machine.kernel,
        machine.rustc,
        machine.load
    );
    let reference = CLIENTS[0].name;
    section(
        &mut text,
        run,
        &format!("Client CPU time a message, ratio to {reference}: median and quartiles of the rounds"),
        |job, client| {
            let [low, middle, high] = quartiles(run.ratios(job, client, reference));
            format!("{middle:.2} ({low:.2}–{high:.2})")
        },
    );
    section(&mut text, run, &format!("Client CPU time a message, ratio of {WIRE} to each: median"), |job, client| {
        format!("{:.2}", quartiles(run.ratios(job, WIRE, client))[1])
    });
    let median = |job: &str, client: &str, what: fn(&Sample) -> f64| {
        quartiles(run.samples(job, client).iter().map(what).collect())[1]
    };
    section(&mut text, run, "Client CPU time a message, microseconds: median", |job, client| {
        figure(median(job, client, |sample| sample.cpu))
    });
    section(&mut text, run, "Time a message, microseconds: median", |job, client| {
        figure(median(job, client, |sample| sample.wall))
    });
    section(&mut text, run, "The most memory of the client's process, MiB: median", |job, client| {
        format!("{:.1}", median(job, client, |sample| f64::from(sample.peak)) / 1024.0)
    });
    text.push('\n');
    text
}

fn section(text: &mut String, run: &Run, title: &str, cell: impl Fn(&str, &str) -> String) {
    let mut jobs: Vec<&str> = run.series.iter().map(|series| &*series.job).collect();
    jobs.dedup();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n### {title}\n");
    let mut line = |cells: Vec<String>| {
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    line(
        [vec!["job".to_owned()], run.clients.iter().map(|(name, version)| format!("{name} {version}")).collect()]
            .concat(),
    );
    line(vec!["---".to_owned(); run.clients.len() + 1]);
    for job in jobs {
        line([vec![job.to_owned()], run.clients.iter().map(|(client, _)| cell(job, client)).collect()].concat());
    }
}

/// Three digits, whatever the size.
fn figure(value: f64) -> String {
    if value < 1.0 {
        format!("{value:.3}")
    } else if value < 10.0 {
        format!("{value:.2}")
    } else if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}
