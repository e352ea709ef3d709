//! `cargo xtask bench`: builds the clients for speed, and runs the measurements.

mod comparison;
mod page;

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use tokio::runtime::Handle;

use crate::{
    browser::Engine,
    build,
    process::{Group, succeeds},
    project::Project,
    setup, size,
};

/// The options of `cargo xtask bench`.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each one is an option of the command line")]
pub(crate) struct Arguments {
    /// Measure the native clients, and many sockets to one host (without --native, --many, --growth or --engines:
    /// everything)
    #[arg(long)]
    native: bool,

    /// Measure native clients with many sockets to one host
    #[arg(long, conflicts_with = "jobs")]
    many: bool,

    /// Compare samesocket's native clients built with and without link-time optimisation
    #[arg(long, requires = "native")]
    no_lto: bool,

    /// Compare samesocket's native clients with those of another checkout, built with the same settings
    #[arg(long, requires = "native", value_name = "DIR")]
    baseline: Option<PathBuf>,

    /// Measure how the native clients' cost grows
    #[arg(long)]
    growth: bool,

    /// Measure the clients in a page, in these engines
    #[arg(long, value_enum, value_delimiter = ',', num_args = 0.., default_missing_value = "chromium,firefox,webkit")]
    engines: Option<Vec<Engine>>,

    /// Use few rounds, short samples and fewer jobs
    #[arg(long)]
    quick: bool,

    /// The number of times that each client does each job
    #[arg(long)]
    rounds: Option<usize>,

    /// Run only these jobs; the results are printed and not saved
    #[arg(long, value_delimiter = ',')]
    jobs: Vec<String>,

    /// Run only these clients; the results are printed and not saved
    #[arg(long, value_delimiter = ',')]
    clients: Vec<String>,
}

impl Arguments {
    fn wants_all(&self) -> bool {
        !self.native && !self.many && !self.growth && self.engines.is_none()
    }

    /// Returns whether no job or client is left out, so that the results are saved.
    fn is_whole(&self) -> bool {
        self.jobs.is_empty() && self.clients.is_empty()
    }
}

impl Arguments {
    /// Adds the options that the native program shares.
    fn pass_on(&self, command: &mut Command) {
        if self.quick {
            command.arg("--quick");
        }
        if let Some(rounds) = self.rounds {
            command.args(["--rounds", &rounds.to_string()]);
        }
        for (name, values) in [("--jobs", &self.jobs), ("--clients", &self.clients)] {
            if !values.is_empty() {
                command.args([name, &values.join(",")]);
            }
        }
    }
}

const PACKAGE: &str = "samesocket-bench";

/// The native program: server, clients and measurement.
struct Program(PathBuf);

/// The setting of glibc with which the programs are measured: copies do not use the instruction `rep movsb`. "Native" in
/// `bench/README.md` says why.
const TUNABLES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.cpu.x86_rep_movsb_threshold=1000000000");

impl Program {
    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.0);
        command.arg(verb);
        if std::env::var_os(TUNABLES.0).is_none() {
            command.env(TUNABLES.0, TUNABLES.1);
        }
        command
    }

    /// Starts the server and returns its port.
    fn serve(&self) -> Result<(u16, Group)> {
        let mut command = self.command("serve");
        let mut group = Group::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let output = group.child().stdout.take().context("the server has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address: serde_json::Value = serde_json::from_str(&line).context("the server printed no address")?;
        let port = address["plain"].as_u64().context("the server printed no port")?;
        Ok((u16::try_from(port)?, group))
    }
}

/// Builds the programs and runs the selected parts.
pub(crate) fn run(arguments: &Arguments, runtime: &Handle) -> Result<bool> {
    let project = Project::open()?;
    if let Some(checkout) = &arguments.baseline {
        return comparison::with_baseline(arguments, checkout, &project);
    }
    if arguments.no_lto {
        return comparison::without_lto(arguments, &project);
    }
    let engines = arguments.engines.clone().or_else(|| arguments.wants_all().then(|| Engine::ALL.to_vec()));
    if let Some(engines) = &engines {
        page::set_up(&project, engines)?;
    }
    let runs_native = arguments.native || arguments.wants_all();
    if runs_native && !arguments.quick {
        setup::ensure(&project, &[setup::valgrind()])?;
    }
    let program = Program(build::native_program(&project, PACKAGE, "bench")?);
    let _lock = project.cache.lock("bench")?;
    if runs_native {
        native(arguments, &program)?;
    }
    // A selection of jobs or clients is for the jobs.
    if arguments.many || runs_native && arguments.is_whole() {
        many(arguments, &program)?;
    }
    // A quick run skips growth, unless it is asked for.
    if arguments.growth || arguments.wants_all() && !arguments.quick {
        let mut command = program.command("growth");
        if arguments.quick {
            command.arg("--quick");
        }
        ensure!(succeeds(&mut command)?, "measuring growth failed");
    }
    if let Some(engines) = engines {
        page::run(arguments, &engines, &program, &project, runtime)?;
    }
    if arguments.is_whole() {
        size::write_tables(&project)?;
    }
    Ok(true)
}

fn native(arguments: &Arguments, program: &Program) -> Result<()> {
    let mut command = program.command("native");
    arguments.pass_on(&mut command);
    ensure!(succeeds(&mut command)?, "measuring the native clients failed");
    Ok(())
}

fn many(arguments: &Arguments, program: &Program) -> Result<()> {
    let mut command = program.command("many");
    arguments.pass_on(&mut command);
    ensure!(succeeds(&mut command)?, "measuring many sockets failed");
    Ok(())
}
