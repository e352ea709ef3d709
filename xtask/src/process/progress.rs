//! Runs a program to its end, showing the elapsed time, the progress, and the last line of output.

use std::{
    env,
    io::{self, IsTerminal as _, Read},
    process::{Command, Stdio},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Group, command_line};

/// The progress bars of all programs that run at the same time.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// The interval of progress lines in a log that is not a terminal. Arbitrary.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(15);

/// A program that has run to its end.
pub(crate) struct Output {
    /// Whether the program reported success.
    pub(crate) success: bool,
    /// The program's standard output.
    pub(crate) stdout: String,
    /// All output, in the order of arrival.
    pub(crate) log: String,
}

impl Output {
    /// Returns an error with the log unless the program succeeded.
    pub(crate) fn checked(self, command: &Command) -> Result<Self> {
        if self.success {
            return Ok(self);
        }
        bail!("this command failed: {}\n{}", command_line(command), self.log.trim_end())
    }
}

/// Runs a command to its end.
pub(crate) fn run_to_end(title: &str, command: &mut Command) -> Result<Output> {
    run_with_limit(title, command, Duration::from_hours(2))
}

/// Runs a command to its end, or ends it at the time limit.
pub(crate) fn run_with_limit(title: &str, command: &mut Command, limit: Duration) -> Result<Output> {
    run_with_pid(title, command, limit, drop)
}

/// Runs a command like [`run_with_limit`], and passes its process id to `started`.
pub(crate) fn run_with_pid(
    title: &str,
    command: &mut Command,
    limit: Duration,
    started: impl FnOnce(u32),
) -> Result<Output> {
    // Cargo draws its bar only on a terminal. The count of crates in that bar is the progress that we show.
    command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "100");
    command.env("CARGO_TERM_COLOR", "never");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut group = Group::spawn(command).with_context(|| format!("cannot start {}", command_line(command)))?;
    started(group.child().id());
    let transcript = Arc::new(Mutex::new(Transcript::default()));
    let readers = [
        group.child().stdout.take().map(|pipe| read_lines(pipe, true, &transcript)),
        group.child().stderr.take().map(|pipe| read_lines(pipe, false, &transcript)),
    ];

    let mut display = Display::new(title);
    let start = Instant::now();
    let status = loop {
        if let Some(status) = group.ended()? {
            break Some(status);
        }
        if start.elapsed() > limit {
            break None;
        }
        thread::sleep(Duration::from_millis(20));
        display.update(&lock(&transcript), start);
    };
    // Child processes may hold the pipes open, so end the group before reading the rest.
    drop(group);
    let deadline = Instant::now() + Duration::from_secs(2);
    while readers.iter().flatten().any(|reader| !reader.is_finished()) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    let mut transcript = lock(&transcript);
    if status.is_none() {
        transcript.add(&format!("stopped after {} s, its time limit", limit.as_secs()), false);
    }
    Ok(Output {
        success: status.is_some_and(|status| status.success()),
        stdout: std::mem::take(&mut transcript.stdout),
        log: std::mem::take(&mut transcript.log),
    })
}

/// Prints a line above the progress bars.
pub(crate) fn print_line(text: &str) {
    BARS.suspend(|| println!("{text}"));
}

/// The output of a program so far.
#[derive(Default)]
struct Transcript {
    stdout: String,
    log: String,
    last: String,
    /// The number of crates that cargo has built, and of all crates.
    count: Option<(u64, u64)>,
}

impl Transcript {
    fn add(&mut self, text: &str, is_stdout: bool) {
        if is_stdout {
            self.stdout.push_str(text);
        }
        let shown = text.trim();
        if let Some(count) = count(shown) {
            self.count = Some(count);
            return;
        }
        // JSON messages do not belong in the log.
        if shown.is_empty() || (is_stdout && shown.starts_with("{\"reason\"")) {
            return;
        }
        shown.clone_into(&mut self.last);
        self.log.push_str(text.trim_end());
        self.log.push('\n');
    }
}

/// Reads cargo's bar: `Building [====> ] 12/345: serde, syn`.
fn count(line: &str) -> Option<(u64, u64)> {
    let line = line.trim_start_matches("\u{1b}[K").trim_start();
    let (verb, rest) = line.split_once('[')?;
    if !matches!(verb.trim(), "Building" | "Checking" | "Documenting" | "Fetch" | "Updating") {
        return None;
    }
    let numbers = rest.split_once(']')?.1.trim();
    let numbers = numbers.split([':', ' ', ';']).next()?;
    let (done, all) = numbers.split_once('/')?;
    Some((done.parse().ok()?, all.parse().ok()?))
}

fn read_lines(
    mut pipe: impl Read + Send + 'static,
    is_stdout: bool,
    transcript: &Arc<Mutex<Transcript>>,
) -> JoinHandle<()> {
    let transcript = Arc::clone(transcript);
    thread::spawn(move || {
        let mut pending = Vec::new();
        let mut chunk = [0; 8192];
        while let Ok(length) = pipe.read(&mut chunk) {
            if length == 0 {
                break;
            }
            pending.extend_from_slice(&chunk[..length]);
            while let Some(end) = pending.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                let text: Vec<u8> = pending.drain(..=end).collect();
                lock(&transcript).add(&String::from_utf8_lossy(&text), is_stdout);
            }
        }
        lock(&transcript).add(&String::from_utf8_lossy(&pending), is_stdout);
    })
}

/// A progress bar on a terminal; elsewhere a line at intervals.
struct Display {
    title: String,
    bar: Option<ProgressBar>,
    beat: Instant,
}

impl Display {
    fn new(title: &str) -> Self {
        let bar = (io::stderr().is_terminal() && env::var_os("CI").is_none()).then(|| {
            let bar = BARS.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg:.dim}") {
                bar.set_style(style);
            }
            bar.set_prefix(title.to_owned());
            bar
        });
        Self { title: title.to_owned(), bar, beat: Instant::now() }
    }

    fn update(&mut self, transcript: &Transcript, start: Instant) {
        let now = || match transcript.count {
            Some((done, all)) => format!("{done}/{all}  {}", transcript.last),
            None => transcript.last.clone(),
        };
        if let Some(bar) = &self.bar {
            bar.set_message(now());
            bar.tick();
        } else if self.beat.elapsed() >= PROGRESS_INTERVAL {
            self.beat = Instant::now();
            println!("  … {}: {} s  {}", self.title, start.elapsed().as_secs(), now());
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            BARS.remove(bar);
        }
    }
}

fn lock(transcript: &Mutex<Transcript>) -> MutexGuard<'_, Transcript> {
    transcript.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn cargo_progress_bar_is_parsed() {
        assert_eq!(count("Building [=======>          ] 12/345: serde, syn"), Some((12, 345)));
        assert_eq!(count("Compiling serde v1.0.0"), None);
    }
}
