//! `cargo xtask size`: the size of the smallest echo program of each client in a page, and what a client adds to an app.

mod breakdown;
mod wasm;

use std::{fs, path::Path, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use self::breakdown::Module;
use crate::{
    browser_tests::Counts,
    build::{self, native_cargo},
    cargo,
    npm::Package,
    process::{first_line, print_line, run_to_end},
    project::Project,
    setup,
};

/// The package of the echo programs. Each has a feature of its own name.
const PROGRAMS: &str = "samesocket-bench-size";
/// The package of the apps. Each has a feature of its own name.
const APP_PROGRAMS: &str = "samesocket-bench-apps";
/// The app without a socket.
const BASE: &str = "no-socket";
/// The name of each program's files.
const PROGRAM: &str = "program";
/// The number of modules that are shown for an app. Arbitrary.
const SHOWN_MODULES: usize = 16;
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
    ours("interface", "samesocket (interface)", Budget { bytes: 18_270, goal: None }),
    ours("futures", "samesocket (futures)", Budget { bytes: 19_790, goal: Some(13_000) }),
    peer("gloo-net"),
    peer("ws_stream_wasm"),
    peer("tokio-tungstenite-wasm"),
    peer("ewebsock"),
    peer("websocket-web"),
];

/// The app with a client, and the client's name in the tables. Its budget is for what the client adds to [`BASE`].
struct App {
    name: &'static str,
    client: &'static str,
    package: &'static str,
    budget: Option<Budget>,
}

const APPS: [App; 4] = [
    App { name: "gloo-net", client: "gloo-net", package: "gloo-net", budget: None },
    App {
        name: "connect",
        client: "samesocket (connect)",
        package: "samesocket",
        budget: Some(Budget { bytes: 13_880, goal: Some(12_000) }),
    },
    App {
        name: "connect-errors",
        client: "samesocket (connect, with the texts of errors)",
        package: "samesocket",
        budget: Some(Budget { bytes: 17_580, goal: None }),
    },
    App {
        name: "reconnect",
        client: "samesocket (reconnect)",
        package: "samesocket",
        budget: Some(Budget { bytes: 19_830, goal: Some(18_000) }),
    },
];

/// The bytes that a client adds to an app.
#[derive(Serialize)]
struct Added {
    client: &'static str,
    version: String,
    wasm: usize,
    gzip: usize,
    /// The goal for `gzip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<usize>,
    glue_gzip: usize,
    /// The bytes of modules, before compression.
    modules: Vec<Module>,
}

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
    apps: Vec<Added>,
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
        apps: Vec::new(),
    };
    let mut all_fit = true;
    for program in &ALL {
        let measured = measure(&project, &package, program)?;
        all_fit &= fits(program.client, measured.gzip, program.budget.as_ref());
        sizes.programs.push(measured);
    }
    let base = weigh_app(&project, &package, BASE)?;
    for app in &APPS {
        let added = measure_app(&project, &package, app, &base)?;
        all_fit &= fits(app.client, added.gzip, app.budget.as_ref());
        for module in &added.modules {
            print_line(&format!("            {:<38}{:>7} B", module.name, module.bytes));
        }
        sizes.apps.push(added);
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
    let mut check = |client, gzip, budget: &Option<Budget>| {
        ensure!(fits(client, gzip, budget.as_ref()), "{client} is {gzip} bytes gzipped, over its budget");
        counts.passed += 1;
        Ok(())
    };
    for program in ALL.iter().filter(|program| program.budget.is_some()) {
        check(program.client, measure(project, package, program)?.gzip, &program.budget)?;
    }
    let base = weigh_app(project, package, BASE)?;
    for app in APPS.iter().filter(|app| app.budget.is_some()) {
        check(app.client, measure_app(project, package, app, &base)?.gzip, &app.budget)?;
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

fn fits(client: &str, gzip: usize, budget: Option<&Budget>) -> bool {
    let aside = budget.map_or_else(String::new, |budget| {
        let goal = budget.goal.map_or_else(String::new, |goal| format!("; goal {goal}"));
        format!(", budget {}{goal}", budget.bytes)
    });
    print_line(&format!("          {client:<46}{gzip:>7} B gzipped{aside}"));
    budget.is_none_or(|budget| gzip <= budget.bytes)
}

fn measure(project: &Project, package: &Package, program: &Program) -> Result<Measured> {
    let built = build::size_program(project, PROGRAMS, program.name)?;
    let weighed = weigh(project, package, &built, program.name)?;
    Ok(Measured {
        client: program.client,
        version: project.version(program.package, PROGRAMS)?,
        wasm: weighed.wasm,
        gzip: weighed.gzip,
        goal: program.budget.as_ref().and_then(|budget| budget.goal),
        brotli: package.compressed(&weighed.folder.join("small.wasm"), "brotliCompressSync")?,
        glue: length(&weighed.folder.join("small.js"))?,
        glue_gzip: weighed.glue_gzip,
    })
}

/// Measures what a client adds to the app `base`.
fn measure_app(project: &Project, package: &Package, app: &App, base: &Weighed) -> Result<Added> {
    let weighed = weigh_app(project, package, app.name)?;
    let mut modules = breakdown::added(&weighed.folder.join("named.wasm"), &base.folder.join("named.wasm"))?;
    let rest = modules.split_off(modules.len().min(SHOWN_MODULES)).iter().map(|module| module.bytes).sum();
    modules.push(Module { name: "(rest)".to_owned(), bytes: rest });
    Ok(Added {
        client: app.client,
        version: project.version(app.package, APP_PROGRAMS)?,
        wasm: weighed.wasm.saturating_sub(base.wasm),
        gzip: weighed.gzip.saturating_sub(base.gzip),
        goal: app.budget.as_ref().and_then(|budget| budget.goal),
        glue_gzip: weighed.glue_gzip.saturating_sub(base.glue_gzip),
        modules,
    })
}

fn weigh_app(project: &Project, package: &Package, name: &str) -> Result<Weighed> {
    let built = build::size_program(project, APP_PROGRAMS, name)?;
    let weighed = weigh(project, package, &built, &format!("app-{name}"))?;
    // A copy with names, which `breakdown` reads.
    optimise(package, &weighed.folder, "named.wasm", &["-g"])?;
    Ok(weighed)
}

/// The sizes of an optimised program and of its glue, in bytes.
struct Weighed {
    /// The folder with both files.
    folder: PathBuf,
    wasm: usize,
    gzip: usize,
    glue_gzip: usize,
}

fn weigh(project: &Project, package: &Package, built: &Path, name: &str) -> Result<Weighed> {
    let folder = project.cache.empty_folder(&format!("size/{name}"))?;
    build::page_program(project, built, &folder, PROGRAM)?;
    let (wasm, glue) = (optimise(package, &folder, "small.wasm", &[])?, minify(package, &folder)?);
    Ok(Weighed {
        wasm: length(&wasm)?,
        gzip: package.compressed(&wasm, "gzipSync")?,
        glue_gzip: package.compressed(&glue, "gzipSync")?,
        folder,
    })
}

fn length(file: &Path) -> Result<usize> {
    Ok(usize::try_from(fs::metadata(file)?.len())?)
}

fn optimise(package: &Package, folder: &Path, to: &str, options: &[&str]) -> Result<PathBuf> {
    let (from, to) = (folder.join(format!("{PROGRAM}_bg.wasm")), folder.join(to));
    let (from_path, to_path) = (from.to_string_lossy(), to.to_string_lossy());
    let mut arguments = vec!["-Oz", "--strip-producers", &*from_path, "-o", &*to_path];
    arguments.extend(options);
    package.run("wasm-opt", "wasm-opt", &arguments)?;
    Ok(to)
}

fn minify(package: &Package, folder: &Path) -> Result<PathBuf> {
    let (from, to) = (folder.join(format!("{PROGRAM}.js")), folder.join("small.js"));
    let outfile = format!("--outfile={}", to.display());
    package.run(
        "esbuild",
        "esbuild",
        &[&from.to_string_lossy(), &outfile, "--minify", "--format=esm", "--log-level=warning"],
    )?;
    Ok(to)
}
