//! `cargo xtask size`: the size of the smallest echo program of each client in a page.

use std::{fs, path::Path, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::{
    browser_tests::Counts,
    build::{self, native_cargo},
    cargo,
    npm::Package,
    process::{first_line, print_line, run_to_end},
    project::Project,
    setup,
};

/// The package of the programs. Each has a feature of its own name.
const PROGRAMS: &str = "samesocket-bench-size";
/// The package that generates the tables.
const REPORT: &str = "samesocket-bench-report";

/// The size budget of one of our programs, in bytes, gzipped, without its glue; and the goal, where it is lower.
struct Budget {
    bytes: usize,
    goal: Option<usize>,
}

/// A program, and its client's name in the tables.
struct Program {
    name: &'static str,
    client: &'static str,
    package: &'static str,
    budget: Option<Budget>,
}

const fn peer(name: &'static str) -> Program {
    Program { name, client: name, package: name, budget: None }
}

const fn ours(name: &'static str, client: &'static str, budget: Budget) -> Program {
    Program { name, client, package: "samesocket", budget: Some(budget) }
}

const ALL: [Program; 8] = [
    peer("web-sys"),
    ours("interface", "samesocket (interface)", Budget { bytes: 18_300, goal: None }),
    ours("futures", "samesocket (futures)", Budget { bytes: 20_020, goal: Some(13_000) }),
    peer("gloo-net"),
    peer("ws_stream_wasm"),
    peer("tokio-tungstenite-wasm"),
    peer("ewebsock"),
    peer("websocket-web"),
];

/// The sizes of one program, in bytes.
#[derive(Serialize)]
struct Measured {
    client: &'static str,
    version: String,
    wasm: usize,
    gzip: usize,
    /// The goal for `gzip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<usize>,
    brotli: usize,
    glue: usize,
    glue_gzip: usize,
}

/// The content of `bench/results/size.json`.
#[derive(Serialize)]
struct Sizes {
    date: String,
    rustc: String,
    wasm_bindgen: String,
    wasm_opt: String,
    programs: Vec<Measured>,
}

/// Measures all programs and saves the result.
pub(crate) fn run() -> Result<bool> {
    let project = Project::open()?;
    let mut required = setup::wasm();
    required.push(setup::node());
    setup::ensure(&project, &required)?;
    // The npm package's tools optimise and compress the programs.
    let _lock = project.cache.lock("test")?;
    let package = Package::prepare(&project)?;

    let toolchain = cargo::wasm_toolchain(&project.cache).context("no compiler for wasm32")?;
    let mut sizes = Sizes {
        date: first_line(std::process::Command::new("date").args(["-u", "+%Y-%m-%d"])).context("cannot run date")?,
        rustc: first_line(toolchain.rustc().arg("--version")).context("rustc prints no version")?,
        wasm_bindgen: project.wasm_bindgen()?,
        wasm_opt: package.wasm_opt_version()?,
        programs: Vec::new(),
    };
    let mut all_fit = true;
    for program in &ALL {
        let measured = measure(&project, &package, program)?;
        all_fit &= fits(program, &measured);
        sizes.programs.push(measured);
    }
    let folder = project.root().join("bench/results");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("size.json"), serde_json::to_string_pretty(&sizes)? + "\n")?;
    write_tables(&project)?;
    Ok(all_fit)
}

/// Measures our own programs, and fails if one exceeds its budget.
pub(crate) fn check(project: &Project, package: &Package) -> Result<Counts> {
    let mut counts = Counts::default();
    for program in ALL.iter().filter(|program| program.budget.is_some()) {
        let measured = measure(project, package, program)?;
        ensure!(fits(program, &measured), "{} is {} bytes gzipped, over its budget", program.client, measured.gzip);
        counts.passed += 1;
    }
    Ok(counts)
}

/// Prints the tables of results that are not saved in the source.
pub(crate) fn print_tables(project: &Project, folder: &Path) -> Result<()> {
    let mut command = native_cargo(project);
    command.args(["run", "-p", REPORT, "--"]).arg(folder);
    print_line(&run_to_end("tables", &mut command)?.checked(&command)?.stdout);
    Ok(())
}

/// Updates the generated parts of the bench's README.
pub(crate) fn write_tables(project: &Project) -> Result<()> {
    let mut command = native_cargo(project);
    command.args(["run", "-p", REPORT]);
    run_to_end("tables", &mut command)?.checked(&command)?;
    Ok(())
}

fn fits(program: &Program, measured: &Measured) -> bool {
    let aside = program.budget.as_ref().map_or_else(String::new, |budget| {
        let goal = budget.goal.map_or_else(String::new, |goal| format!("; goal {goal}"));
        format!(", budget {}{goal}", budget.bytes)
    });
    print_line(&format!("          {:<26}{:>7} B gzipped{aside}", program.client, measured.gzip));
    program.budget.as_ref().is_none_or(|budget| measured.gzip <= budget.bytes)
}

fn measure(project: &Project, package: &Package, program: &Program) -> Result<Measured> {
    let name = program.name;
    let built = build::size_program(project, PROGRAMS, name)?;
    let folder = project.cache.empty_folder(&format!("size/{name}"))?;
    build::page_program(project, &built, &folder)?;
    let (wasm, glue) = (optimise(package, &folder, name)?, minify(package, &folder, name)?);
    let length = |file: &Path| -> Result<usize> { Ok(usize::try_from(fs::metadata(file)?.len())?) };
    Ok(Measured {
        client: program.client,
        version: project.version(program.package, PROGRAMS)?,
        wasm: length(&wasm)?,
        gzip: package.compressed(&wasm, "gzipSync")?,
        goal: program.budget.as_ref().and_then(|budget| budget.goal),
        brotli: package.compressed(&wasm, "brotliCompressSync")?,
        glue: length(&glue)?,
        glue_gzip: package.compressed(&glue, "gzipSync")?,
    })
}

fn optimise(package: &Package, folder: &Path, name: &str) -> Result<PathBuf> {
    let (from, to) = (folder.join(format!("{name}_bg.wasm")), folder.join("small.wasm"));
    package.run(
        "wasm-opt",
        "wasm-opt",
        &["-Oz", "--strip-producers", &from.to_string_lossy(), "-o", &to.to_string_lossy()],
    )?;
    Ok(to)
}

fn minify(package: &Package, folder: &Path, name: &str) -> Result<PathBuf> {
    let (from, to) = (folder.join(format!("{name}.js")), folder.join("small.js"));
    let outfile = format!("--outfile={}", to.display());
    package.run(
        "esbuild",
        "esbuild",
        &[&from.to_string_lossy(), &outfile, "--minify", "--format=esm", "--log-level=warning"],
    )?;
    Ok(to)
}
