//! Runs a program to its end, showing for how long it has run, how far it is, and the last thing it said.

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

use super::{Group, line};

/// One place on the terminal for every program that runs at the same time.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// How often a log that is not a terminal hears of a program that still runs.
const BEAT: Duration = Duration::from_secs(15);

/// A program that has run to its end.
pub(crate) struct Finished {
    /// Whether it said that all went well.
    pub(crate) success: bool,
    /// What it wrote to standard output.
    pub(crate) stdout: String,
    /// All that it wrote, in the order of arrival.
    pub(crate) log: String,
}

impl Finished {
    /// Nothing where all went well, else an error that carries the log.
    pub(crate) fn checked(self, command: &Command) -> Result<Self> {
        if self.success {
            return Ok(self);
        }
        bail!("this command failed: {}\n{}", line(command), self.log.trim_end())
    }
}

/// Runs a command to its end.
pub(crate) fn watch(title: &str, command: &mut Command) -> Result<Finished> {
    watch_until(title, command, Duration::from_hours(2))
}

/// Runs a command to its end, or ends it when the time is up.
pub(crate) fn watch_until(title: &str, command: &mut Command, limit: Duration) -> Result<Finished> {
    watch_beside(title, command, limit, drop)
}

/// Runs a command like [`watch_until`], and says in which process.
pub(crate) fn watch_beside(
    title: &str,
    command: &mut Command,
    limit: Duration,
    started: impl FnOnce(u32),
) -> Result<Finished> {
    // Cargo draws its bar only for a terminal that it sees itself; the count of crates is what a person waits for.
    command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "100");
    command.env("CARGO_TERM_COLOR", "never");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut group = Group::spawn(command).with_context(|| format!("cannot start {}", line(command)))?;
    started(group.child().id());
    let said = Arc::new(Mutex::new(Said::default()));
    let readers = [
        group.child().stdout.take().map(|pipe| listen(pipe, true, &said)),
        group.child().stderr.take().map(|pipe| listen(pipe, false, &said)),
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
        display.update(&lock(&said), start);
    };
    // What the program started may hold the pipes open: end it first, then read what is left.
    drop(group);
    let patience = Instant::now() + Duration::from_secs(2);
    while readers.iter().flatten().any(|reader| !reader.is_finished()) && Instant::now() < patience {
        thread::sleep(Duration::from_millis(5));
    }
    let mut said = lock(&said);
    if status.is_none() {
        said.hear(&format!("ended after {} s, the time it is given", limit.as_secs()), false);
    }
    Ok(Finished {
        success: status.is_some_and(|status| status.success()),
        stdout: std::mem::take(&mut said.stdout),
        log: std::mem::take(&mut said.log),
    })
}

/// Prints a line without disturbing what is drawn below it.
pub(crate) fn say(text: &str) {
    BARS.suspend(|| println!("{text}"));
}

/// What a program has said so far.
#[derive(Default)]
struct Said {
    stdout: String,
    log: String,
    last: String,
    /// How many of how many crates cargo has built.
    count: Option<(u64, u64)>,
}

impl Said {
    fn hear(&mut self, text: &str, is_stdout: bool) {
        if is_stdout {
            self.stdout.push_str(text);
        }
        let shown = text.trim();
        if let Some(count) = count(shown) {
            self.count = Some(count);
            return;
        }
        // Messages for machines are not for the log.
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

fn listen(mut pipe: impl Read + Send + 'static, is_stdout: bool, said: &Arc<Mutex<Said>>) -> JoinHandle<()> {
    let said = Arc::clone(said);
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
                lock(&said).hear(&String::from_utf8_lossy(&text), is_stdout);
            }
        }
        lock(&said).hear(&String::from_utf8_lossy(&pending), is_stdout);
    })
}

/// A bar on a terminal, a line now and then elsewhere.
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

    fn update(&mut self, said: &Said, start: Instant) {
        let now = || match said.count {
            Some((done, all)) => format!("{done}/{all}  {}", said.last),
            None => said.last.clone(),
        };
        if let Some(bar) = &self.bar {
            bar.set_message(now());
            bar.tick();
        } else if self.beat.elapsed() >= BEAT {
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

fn lock(said: &Mutex<Said>) -> MutexGuard<'_, Said> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn cargos_bar_is_read() {
        assert_eq!(count("Building [=======>          ] 12/345: serde, syn"), Some((12, 345)));
        assert_eq!(count("Compiling serde v1.0.0"), None);
    }
}
