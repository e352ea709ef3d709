//! `cargo xtask fuzz`: searches with libFuzzer for inputs that violate a property in `fuzz/src`.
//!
//! A run works on a copy of the corpus in the cache, which grows from run to run. With `--keep`, the part of it that reaches
//! all the code replaces the corpus in the source.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    browser_tests::Counts,
    build,
    process::{command_line, print_line, run_with_limit},
    project::Project,
    setup,
};

/// The options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Fuzz only this target, for example `decoder`
    target: Option<String>,

    /// The minutes for each target
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,

    /// Replace the corpus in the source by the minimised one of the cache
    #[arg(long)]
    keep: bool,

    /// Run the target with this input only, to reproduce a failure
    #[arg(long, requires = "target")]
    input: Option<PathBuf>,
}

/// The number of targets that run at the same time.
const JOBS: usize = 2;

/// The time for each target in `cargo xtask test`.
const SHORT: Duration = Duration::from_secs(4);

/// The time beyond its own limit after which a target is ended. Arbitrary: reading a large corpus takes time, too.
const GRACE: Duration = Duration::from_mins(5);

/// The option that makes libFuzzer print how often it has executed the target.
const STATISTICS: &str = "-print_final_stats=1";

/// The seconds that one input may take, and the memory that a target may use, in MiB. Arbitrary.
const LIMITS: [&str; 2] = ["-timeout=25", "-rss_limit_mb=2048"];

/// Fuzzes the selected targets, and prints a line for each.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    let project = Project::open()?;
    setup::ensure(&project, &[setup::cxx()])?;
    let _lock = project.cache.lock("fuzz")?;
    let targets = targets(&project, arguments.target.as_deref())?;
    if let Some(input) = &arguments.input {
        return reproduce(&targets, input);
    }
    let time = Duration::try_from_secs_f64(arguments.minutes * 60.0).context("invalid number of minutes")?;
    let keep = arguments.keep;
    let outcomes = run_all(&targets, |target| {
        let outcome = target.copy_corpus().and_then(|()| target.fuzz(time)).and_then(|progress| {
            let minimised = target.minimise()?;
            if keep {
                target.keep(&minimised)?;
            }
            Ok((progress, minimised))
        });
        let line = match &outcome {
            Ok((progress, minimised)) => format!("  ok      {:<12}{progress}; minimised: {minimised}", target.name),
            Err(error) => format!("  FAILED  {:<12}{error:#}", target.name),
        };
        print_line(&line);
        outcome.is_ok()
    });
    Ok(outcomes.into_iter().all(|is_ok| is_ok))
}

/// Fuzzes each target for seconds, beginning with the corpus of the source.
pub(crate) fn check(project: &Project) -> Result<Counts> {
    let _lock = project.cache.lock("fuzz")?;
    let targets = targets(project, None)?;
    let outcomes = run_all(&targets, |target| target.copy_corpus().and_then(|()| target.fuzz(SHORT)));
    let failures: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    if failures.is_empty() {
        return Ok(Counts { passed: targets.len() as u64, failed: 0 });
    }
    bail!("{}", failures.into_iter().map(|error| format!("{error:#}")).collect::<Vec<_>>().join("\n"))
}

/// Builds the targets, and selects those to run.
fn targets(project: &Project, name: Option<&str>) -> Result<Vec<Target>> {
    let built = build::fuzz_targets(project)?;
    let source = project.package(build::FUZZ)?.manifest_path.with_file_name("corpus");
    let folder = project.cache.folder().join("fuzz");
    let all = built.into_iter().map(|(name, program)| Target {
        program,
        source: source.join(&name).into_std_path_buf(),
        folder: folder.join(&name),
        name,
    });
    let (picked, others): (Vec<_>, Vec<_>) = all.partition(|target| name.is_none_or(|name| target.name == name));
    let names: Vec<_> = others.iter().map(|target| &*target.name).collect();
    ensure!(!picked.is_empty(), "there is no such target; the targets are {}", names.join(", "));
    Ok(picked)
}

/// Runs a function for each target, on some threads.
fn run_all<T: Send>(targets: &[Target], run: impl Fn(&Target) -> T + Sync) -> Vec<T> {
    let waiting = Mutex::new(targets.iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        let work = || std::iter::from_fn(next).map(&run).collect::<Vec<_>>();
        let threads: Vec<_> = (0..JOBS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("the thread has not panicked")).collect()
    })
}

/// Runs a target with one input.
fn reproduce(targets: &[Target], input: &Path) -> Result<bool> {
    let input = std::path::absolute(input)?;
    ensure!(input.is_file(), "there is no file {}", input.display());
    for target in targets {
        let output = run_with_limit(&target.name, target.command().arg(STATISTICS).arg(&input), GRACE)?;
        if !output.success {
            println!("{}", output.log.trim_end());
            return Ok(false);
        }
        Progress::read(&output.log).with_context(|| target.name.clone())?;
    }
    println!("The input passes");
    Ok(true)
}

/// A fuzz target.
struct Target {
    name: String,
    program: PathBuf,
    /// The folder of its corpus in the source.
    source: PathBuf,
    /// Its folder in the cache.
    folder: PathBuf,
}

impl Target {
    fn corpus(&self) -> PathBuf {
        self.folder.join("corpus")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("RUST_BACKTRACE", "0").args(LIMITS);
        command
    }

    /// Adds the corpus of the source to that of the cache.
    fn copy_corpus(&self) -> Result<()> {
        fs::create_dir_all(&self.source)?;
        build::copy(&self.source, &self.corpus()).with_context(|| format!("cannot copy {}", self.source.display()))
    }

    /// Runs libFuzzer for this time, on the corpus of the cache.
    fn fuzz(&self, time: Duration) -> Result<Progress> {
        let found = self.folder.join("found");
        fs::create_dir_all(&found)?;
        let mut command = self.command();
        command.arg(self.corpus());
        command.arg(format!("-max_total_time={}", time.as_secs().max(1)));
        command.arg(format!("-artifact_prefix={}/", found.display()));
        command.args([STATISTICS, "-reload=0"]);
        let output = run_with_limit(&format!("fuzzing {}", self.name), &mut command, time + GRACE)?;
        if output.success {
            return Progress::read(&output.log).with_context(|| self.name.clone());
        }
        let Some(input) = written(&output.log) else {
            bail!("this command failed: {}\n{}", command_line(&command), output.log.trim_end())
        };
        bail!(
            "{}\n    input: {input}\n    to reproduce: cargo xtask fuzz {} --input {input}",
            reason(&output.log),
            self.name
        )
    }

    /// Selects the smallest inputs of the cache that together reach all the code that the whole corpus reaches.
    fn minimise(&self) -> Result<Corpus> {
        let folder = self.folder.join("minimised");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let mut command = self.command();
        // Without counters, an input is kept for the code that it reaches, not for how often it does.
        command.args(["-merge=1", "-set_cover_merge=1", "-use_counters=0"]).arg(&folder).arg(self.corpus());
        run_with_limit(&format!("minimising {}", self.name), &mut command, GRACE * 2)?.checked(&command)?;
        Corpus::open(folder)
    }

    /// Replaces the corpus of the source.
    fn keep(&self, minimised: &Corpus) -> Result<()> {
        fs::remove_dir_all(&self.source)?;
        build::copy(&minimised.folder, &self.source)
    }
}

/// A folder of inputs.
struct Corpus {
    folder: PathBuf,
    files: usize,
    bytes: u64,
}

impl Corpus {
    fn open(folder: PathBuf) -> Result<Self> {
        let (mut files, mut bytes) = (0, 0);
        for entry in fs::read_dir(&folder)? {
            files += 1;
            bytes += entry?.metadata()?.len();
        }
        Ok(Self { folder, files, bytes })
    }
}

impl fmt::Display for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} inputs of {} KiB", self.files, self.bytes.div_ceil(1 << 10))
    }
}

/// The figures of a run of libFuzzer.
#[derive(Debug, Default, PartialEq, Eq)]
struct Progress {
    executions: u64,
    coverage: u64,
    new_inputs: u64,
}

impl Progress {
    /// Reads lines like `#123 NEW    cov: 45 ft: 67 …` and `stat::new_units_added: 8`. Fails if the target was not executed, as
    /// one that was built without libFuzzer.
    fn read(log: &str) -> Result<Self> {
        let mut progress = Self::default();
        for line in log.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let number = |name: &str| words.windows(2).find(|pair| pair[0] == name)?[1].parse().ok();
            progress.executions = number("stat::number_of_executed_units:").unwrap_or(progress.executions);
            progress.new_inputs = number("stat::new_units_added:").unwrap_or(progress.new_inputs);
            progress.coverage = number("cov:").unwrap_or(progress.coverage);
        }
        ensure!(progress.executions > 0, "nothing was executed\n{}", log.trim_end());
        Ok(progress)
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { executions, coverage, new_inputs } = self;
        write!(f, "{executions} executions, coverage {coverage}, {new_inputs} new inputs")
    }
}

/// Finds the path of the input that failed.
fn written(log: &str) -> Option<&str> {
    log.lines().find_map(|line| Some(line.split_once("Test unit written to ")?.1))
}

/// Returns the lines of the log that say why the input failed.
fn reason(log: &str) -> String {
    let lines = log.lines().skip_while(|line| !line.contains(" panicked at ") && !line.contains("ERROR: libFuzzer"));
    let lines: Vec<_> = lines.take_while(|line| !line.starts_with("note: ") && !line.starts_with("NOTE: ")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Progress, reason, written};

    #[test]
    fn libfuzzer_output_is_parsed() {
        let log = "#2\tINITED cov: 3 ft: 4 corp: 1/1b\n#9\tDONE   cov: 45 ft: 67 corp: 8/9b\n\
                   stat::number_of_executed_units: 123\nstat::new_units_added:          6\n";
        assert_eq!(Progress::read(log).unwrap(), Progress { executions: 123, coverage: 45, new_inputs: 6 });
    }

    #[test]
    fn run_without_executions_fails() {
        assert!(Progress::read("Run this with `cargo xtask fuzz`.\n").is_err());
        assert!(Progress::read("stat::number_of_executed_units: 0\n").is_err());
    }

    #[test]
    fn failed_input_and_its_reason_are_found() {
        let log = "#1 NEW\nthread '<unnamed>' panicked at fuzz/src/a.rs:5:5:\nit is wrong\nnote: run with\n\
                   artifact_prefix='a/'; Test unit written to a/crash-1\nBase64: AA==";
        assert_eq!(reason(log), "thread '<unnamed>' panicked at fuzz/src/a.rs:5:5:\nit is wrong");
        assert_eq!(written(log), Some("a/crash-1"));
    }
}
