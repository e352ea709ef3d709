//! The npm package: built in the cache from `js/`, packed, measured, and tested in Node.

mod consumers;
mod embedding;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::{
    browser_tests::Counts,
    build,
    process::{print_line, run_to_end},
    project::Project,
    serve::Site,
};

/// The crate that implements the rules; its folder holds the package's sources.
const RULES: &str = "samesocket-js";
/// The size budgets of files, in bytes, gzipped. A page loads the WebAssembly with the JavaScript of `fetch.js`, or
/// the main entry, which contains both; and beside the main entry that for streams.
/// The budgets of `samesocket.wasm` and `index.js` are 1 % above measured sizes of 14,551 and 21,178 bytes. The others are
/// arbitrary.
const BUDGETS: [(&str, usize); 4] =
    [("samesocket.wasm", 14_700), ("fetch.js", 6_000), ("index.js", 21_400), ("stream.js", 3_100)];

/// A bundle: its source, its name in `dist`, and its options.
type Bundle = (&'static str, &'static str, &'static [&'static str]);

/// The bundles that are published. Entries that replace the global `WebSocket` share the class with those that export it.
const BUNDLES: [Bundle; 15] = [
    ("index.js", "index.js", &["--format=esm"]),
    ("index.runtimes.js", "index.cjs", &["--format=cjs", "--platform=node"]),
    ("index.runtimes.js", "index.runtimes.js", &["--format=esm"]),
    ("index.js", "classic.js", &["--format=iife", "--global-name=samesocket"]),
    ("index.workerd.js", "index.workerd.js", &["--format=esm", "--external:./samesocket.wasm"]),
    ("fetch.js", "fetch.js", &["--format=esm"]),
    ("auto.js", "auto.js", &["--format=esm", "--external:./index.js"]),
    ("auto.cjs", "auto.cjs", &["--format=cjs", "--platform=node", "--external:./index.cjs"]),
    ("auto.runtimes.js", "auto.runtimes.js", &["--format=esm", "--external:./index.runtimes.js"]),
    ("auto.js", "auto.classic.js", &["--format=iife"]),
    ("auto.workerd.js", "auto.workerd.js", &["--format=esm", "--external:./index.workerd.js"]),
    ("stream.js", "stream.js", &["--format=esm", "--external:./index.js"]),
    ("stream.cjs", "stream.cjs", &["--format=cjs", "--platform=node", "--external:./index.cjs"]),
    ("stream.runtimes.js", "stream.runtimes.js", &["--format=esm", "--external:./index.runtimes.js"]),
    ("stream.workerd.js", "stream.workerd.js", &["--format=esm", "--external:./index.workerd.js"]),
];

/// The files that are published as they are: the source and the name in `dist`. `CommonJS` has declarations of its own.
const COPIED: [(&str, &str); 9] = [
    ("auto.d.ts", "auto.d.cts"),
    ("auto.d.ts", "auto.d.ts"),
    ("auto.node.js", "auto.node.js"),
    ("index.node.js", "index.node.js"),
    ("stream.d.ts", "stream.d.cts"),
    ("stream.d.ts", "stream.d.ts"),
    ("stream.node.js", "stream.node.js"),
    ("websocket.d.ts", "index.d.cts"),
    ("websocket.d.ts", "index.d.ts"),
];

/// The folder in which the package is built: the sources, the build results, and the tools.
pub(crate) struct Package {
    folder: PathBuf,
}

impl Package {
    /// Builds the package.
    pub(crate) fn build(project: &Project) -> Result<Self> {
        let package = Self::prepare(project)?;
        let wasm = build::library(project, RULES)?;
        build::bindgen_for_bundlers(project, &wasm, &package.folder, "rules")?;
        package.run("wasm-opt", "wasm-opt", &["-Oz", "rules_bg.wasm", "-o", "dist/samesocket.wasm"])?;
        let wasm = fs::read(package.path("dist/samesocket.wasm"))?;
        fs::write(package.path("embedded.js"), embedding::module(&wasm))?;
        for (from, to, bundle_options) in BUNDLES {
            let mut bundle_options: Vec<_> = bundle_options.iter().map(|option| (*option).to_owned()).collect();
            bundle_options.push("--minify".to_owned());
            package.bundle(from, &format!("dist/{to}"), &bundle_options)?;
        }
        for (from, to) in COPIED {
            fs::copy(package.path(from), package.path("dist").join(to))?;
        }
        Ok(package)
    }

    /// Copies the current sources into the build folder. Keeps the installed tools as long as the lock file is the
    /// same.
    pub(crate) fn prepare(project: &Project) -> Result<Self> {
        let sources = project.package(RULES)?.manifest_path.clone();
        let sources = sources.parent().context("the manifest has no folder")?;
        let folder = project.cache.folder().join("npm");
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name == "node_modules" || name == "installed.json") {
                continue;
            }
            if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
        }
        build::copy(sources.as_std_path(), &folder)?;
        for name in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            let from = if name == "README.md" { sources.join(name) } else { project.root().join(name) };
            fs::copy(&from, folder.join(name)).with_context(|| format!("cannot copy {from}"))?;
        }
        fs::create_dir(folder.join("dist"))?;
        let package = Self { folder };
        let lock = fs::read(package.path("package-lock.json"))?;
        if fs::read(package.path("installed.json")).ok().as_ref() != Some(&lock) {
            package.run_to_end("npm packages", "npm", &["ci", "--no-audit", "--no-fund"])?;
            fs::write(package.path("installed.json"), &lock)?;
        }
        Ok(package)
    }

    /// Bundles a script with everything that it imports.
    fn bundle(&self, from: &str, to: &str, bundle_options: &[String]) -> Result<()> {
        let to = format!("--outfile={to}");
        let mut arguments = vec![from, &to, "--bundle", "--target=es2022", "--log-level=warning"];
        arguments.extend(["--loader:.webidl=text"]);
        arguments.extend(bundle_options.iter().map(String::as_str));
        self.run("esbuild", "esbuild", &arguments)
    }

    /// Copies the published files.
    pub(crate) fn publish_dist(&self, folder: &Path) -> Result<()> {
        build::copy(&self.path("dist"), folder)
    }

    /// Returns the package's classic script, which works in every context.
    pub(crate) fn script(&self) -> PathBuf {
        self.path("dist/classic.js")
    }

    /// Returns the classic script that replaces the platform's class.
    pub(crate) fn auto_script(&self) -> PathBuf {
        self.path("dist/auto.classic.js")
    }

    /// Checks the size of the files that a page loads, and the list of published files.
    pub(crate) fn weigh(&self) -> Result<Counts> {
        for (file, budget) in BUDGETS {
            let bytes = self.gzipped(&format!("dist/{file}"))?;
            print_line(&format!("          {file:<20}{bytes:>6} B gzipped, of {budget}"));
            ensure!(bytes <= budget, "{file} is {bytes} bytes gzipped, over its budget of {budget}");
        }
        let listed = self.run_to_end("npm pack", "npm", &["pack", "--dry-run", "--json", "--ignore-scripts"])?;
        let mut packed = packed_files(&listed)?;
        packed.sort_unstable();
        let mut wanted: Vec<String> = dist_files().map(|name| format!("dist/{name}")).collect();
        wanted.extend(["LICENSE-APACHE", "LICENSE-MIT", "README.md", "package.json"].map(str::to_owned));
        wanted.sort_unstable();
        ensure!(packed == wanted, "npm would publish {packed:#?}, expected {wanted:#?}");
        Ok(Counts { passed: 5, failed: 0 })
    }

    /// Packs the published files into a file in the folder, and returns its path.
    pub(crate) fn pack(&self, folder: &Path) -> Result<PathBuf> {
        let destination = folder.to_string_lossy();
        let packed =
            self.run_to_end("npm pack", "npm", &["pack", "--ignore-scripts", "--pack-destination", &destination])?;
        Ok(folder.join(packed.lines().next_back().context("npm pack printed no name")?))
    }

    /// Checks the types against the platform's own: those of pages, and those of Node.
    pub(crate) fn check_types(&self) -> Result<Counts> {
        self.publish_to("tests/types")?;
        let programs = ["tests/types", "tests/types/node"];
        for program in programs {
            self.run("tsc", "tsc", &["-p", program])?;
        }
        Ok(Counts { passed: 2, failed: 0 })
    }

    /// Runs the package's tests in Node.
    pub(crate) fn test_in_node(&self, site: &Site) -> Result<Counts> {
        let bundle_options = ["--format=esm", "--platform=node", "--packages=external"].map(str::to_owned);
        self.bundle("tests/node.js", "node-tests.js", &bundle_options)?;
        let mut command = Command::new("node");
        command.args(["--test", "--test-reporter=tap", "node-tests.js"]).current_dir(&self.folder);
        command.env("SAMESOCKET_SERVER", site.description()?["plain"].as_str().unwrap_or_default());
        let finished = run_to_end("node", &mut command)?.checked(&command)?;
        let counts = tap_counts(&finished.stdout).context("Node printed no test counts")?;
        ensure!(counts.failed == 0 && counts.passed > 0, "{}", finished.log);
        Ok(counts)
    }

    /// Builds the modules that set the globals of the conformance scripts in JavaScript runtimes.
    pub(crate) fn build_runtime_tests(&self) -> Result<()> {
        let options = ["--format=esm", "--platform=node", "--packages=external"].map(str::to_owned);
        self.bundle("tests/conformance.js", "conformance.js", &options)?;
        let options = ["--format=esm", "--external:*.wasm"].map(str::to_owned);
        self.bundle("tests/worker.js", "worker.js", &options)
    }

    /// Returns the module that sets the globals: in a worker of workerd, or elsewhere.
    pub(crate) fn runtime_classes(&self, in_worker: bool) -> PathBuf {
        self.path(if in_worker { "worker.js" } else { "conformance.js" })
    }

    /// Returns the folder with the sources, the build results and the tools.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the version of an npm package that the tests use, as the lock file has it.
    pub(crate) fn locked_version(project: &Project, package: &str) -> Result<String> {
        let manifest = &project.package(RULES)?.manifest_path;
        let lock = fs::read(manifest.with_file_name("package-lock.json"))?;
        let lock: serde_json::Value = serde_json::from_slice(&lock)?;
        let version = lock["packages"][format!("node_modules/{package}")]["version"].as_str();
        Ok(version.with_context(|| format!("the lock file has no {package}"))?.to_owned())
    }

    /// Copies the published files into a page's folder, from which the page imports them.
    pub(crate) fn copy_into_page(&self, page: &Path) -> Result<()> {
        build::copy(&self.path("dist"), &page.join("npm"))
    }

    /// Builds the tests of the class for engines into a folder that is served.
    pub(crate) fn build_tests(&self, folder: &Path) -> Result<()> {
        self.build_test_page("tests/engine.js", "the class", folder)?;
        // The tests load the package as it is published, and a program bundled with it.
        build::copy(&self.path("dist"), &folder.join("package/dist"))?;
        self.publish_to("tests/vite")?;
        let bundled = folder.join("bundled");
        let bundled = bundled.to_string_lossy();
        let options =
            ["build", "tests/vite", "--base=./", "--outDir", &*bundled, "--emptyOutDir", "--logLevel", "warn"];
        self.run("vite", "vite", &options)?;
        build::copy(&self.path("tests/auto"), &folder.join("auto"))
    }

    /// Builds the tests of streams for engines into a folder that is served.
    pub(crate) fn build_stream_tests(&self, folder: &Path) -> Result<()> {
        self.build_test_page("tests/engine_streams.js", "streams", folder)
    }

    /// Builds a classic script with tests, and a page around it.
    fn build_test_page(&self, script: &str, title: &str, folder: &Path) -> Result<()> {
        self.bundle(script, &folder.join("tests.js").to_string_lossy(), &["--format=iife".to_owned()])?;
        fs::write(
            folder.join("index.html"),
            format!(
                "<!doctype html>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<body>\n\
                 <script src=\"tests.js\"></script>\n"
            ),
        )?;
        Ok(())
    }

    /// Installs the package in a program's folder, so that the program imports it by its name.
    fn publish_to(&self, program: &str) -> Result<()> {
        let folder = self.path(program).join("node_modules/samesocket");
        fs::create_dir_all(&folder)?;
        fs::copy(self.path("package.json"), folder.join("package.json"))?;
        build::copy(&self.path("dist"), &folder.join("dist"))
    }

    fn gzipped(&self, file: &str) -> Result<usize> {
        self.compressed(&self.path(file), "gzipSync")
    }

    /// Returns the length of a file compressed by one of the functions of Node's `zlib`. Brotli uses its best quality
    /// by default.
    pub(crate) fn compressed(&self, file: &Path, function: &str) -> Result<usize> {
        let file = file.to_string_lossy();
        let script = format!("zlib.{function}(fs.readFileSync({file:?}), {{ level: 9 }}).length");
        let length = self.run_to_end("compressing", "node", &["--print", &script])?;
        length.trim().parse().with_context(|| format!("Node printed no length: {length}"))
    }

    /// Returns the version of `wasm-opt`.
    pub(crate) fn wasm_opt_version(&self) -> Result<String> {
        let program = self.path("node_modules/.bin/wasm-opt");
        Ok(self.run_to_end("wasm-opt", &program.to_string_lossy(), &["--version"])?.trim().to_owned())
    }

    /// Runs a program of one of the installed npm packages.
    pub(crate) fn run(&self, title: &str, program: &str, arguments: &[&str]) -> Result<()> {
        let program = self.path("node_modules/.bin").join(program);
        self.run_to_end(title, &program.to_string_lossy(), arguments)?;
        Ok(())
    }

    fn run_to_end(&self, title: &str, program: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder);
        Ok(run_to_end(title, &mut command)?.checked(&command)?.stdout)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Returns the names of the published files beside those that npm always adds.
fn dist_files() -> impl Iterator<Item = &'static str> {
    let bundles = BUNDLES.iter().map(|(_, to, _)| *to);
    bundles.chain(COPIED.iter().map(|(_, to)| *to)).chain(["samesocket.wasm"])
}

/// Reads the output of `npm pack --json`: a list of packages, or, from newer versions, an object by name.
fn packed_files(json: &str) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Packed {
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        path: String,
    }
    let value: serde_json::Value =
        serde_json::from_str(json).with_context(|| format!("npm printed no JSON: {json}"))?;
    let first = value.get(0).or_else(|| value.as_object().and_then(|table| table.values().next()));
    let packed: Packed = serde_json::from_value(first.context("npm would publish nothing")?.clone())?;
    Ok(packed.files.into_iter().map(|file| file.path).collect())
}

/// Reads the lines `# pass 3` and `# fail 0` of Node's TAP report.
fn tap_counts(log: &str) -> Option<Counts> {
    let count =
        |what: &str| log.lines().find_map(|line| line.strip_prefix("# ")?.strip_prefix(what)?.trim().parse().ok());
    Some(Counts { passed: count("pass")?, failed: count("fail")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npm_pack_output_is_parsed_in_both_forms() {
        let package = r#"{"files": [{"path": "a"}, {"path": "dist/b"}]}"#;
        for json in [format!("[{package}]"), format!("{{\"samesocket\": {package}}}")] {
            assert_eq!(packed_files(&json).unwrap(), ["a", "dist/b"]);
        }
        assert!(packed_files("[]").is_err() && packed_files("npm").is_err());
    }

    #[test]
    fn tap_counts_are_parsed() {
        assert_eq!(tap_counts("ok 1 - a\n# tests 3\n# pass 2\n# fail 1\n"), Some(Counts { passed: 2, failed: 1 }));
        assert_eq!(tap_counts("# pass 2"), None);
    }
}
