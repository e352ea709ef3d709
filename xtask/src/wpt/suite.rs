//! The tests of a checkout: the variants of each file in `websockets/`, named as the web-platform-tests name them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

/// The folder with the tests.
const FOLDER: &str = "websockets";
/// The folders without tests.
const NO_TESTS: [&str; 3] = ["handlers", "resources", "support"];

/// A test page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    /// The path with the variant, which is the test's name.
    pub(super) url: String,
    /// Whether the test needs a secure origin.
    pub(super) is_secure: bool,
    /// Whether the test has a longer time limit.
    pub(super) is_long: bool,
    /// Whether the test uses what only a page or a worker in a page has.
    needs_page: bool,
    /// The scripts of the test that the checkout lacks.
    missing: Vec<String>,
}

impl Test {
    /// Returns whether the test is about `WebSocketStream`.
    pub(super) fn is_of_streams(&self) -> bool {
        self.url.contains("/stream/")
    }
}

/// The tests, and the number of those left out for each reason.
#[derive(Default)]
pub(super) struct Suite {
    pub(super) tests: Vec<Test>,
    pub(super) left_out: BTreeMap<&'static str, usize>,
}

const OF_ANOTHER_INTERFACE: &str = "about WebSocketStream, another interface";
const OF_KEPT_PAGES: &str = "about the back/forward cache, which engines disable under WebDriver";
const OVER_HTTP2: &str = "over HTTP/2, which needs the checkout's own server";
const OTHER_GLOBAL: &str = "in a global other than a window or a classic worker";
const OF_PAGES: &str = "with elements of a page, other pages, or workers";
const OF_WORKERS: &str = "which repeat a script in a kind of worker";

/// Words in tests that use what only pages have.
const PAGE_WORDS: [&str; 10] = [
    "document",
    "iframe",
    "window.open",
    "onload",
    "<base",
    "postMessage",
    "<body",
    "new Worker",
    "XMLHttpRequest",
    "importScripts",
];

/// The globals of an `.any.js` test: its name in `META: global=`, the end of the page's name, and whether it needs a
/// secure origin.
const GLOBALS: [(&str, &str, bool); 4] = [
    ("window", "any.html", false),
    ("dedicatedworker", "any.worker.html", false),
    ("sharedworker", "any.sharedworker.html", false),
    // Service workers need a secure origin.
    ("serviceworker", "any.serviceworker.html", true),
];

impl Suite {
    /// Finds the tests of a checkout.
    pub(super) fn find(checkout: &Path) -> Result<Self> {
        let mut files = Vec::new();
        list(&checkout.join(FOLDER), &mut files)?;
        files.sort();
        let mut suite = Self::default();
        for file in files {
            let text = String::from_utf8_lossy(&fs::read(&file)?).into_owned();
            let path = file.strip_prefix(checkout)?.to_string_lossy().replace('\\', "/");
            let has = |script: &str| place(checkout, &path, script).is_file();
            suite.add(&format!("/{path}"), &text, has);
        }
        suite.tests.sort();
        Ok(suite)
    }

    /// Leaves out the tests that engines do not run.
    pub(super) fn retain_for_engines(&mut self) {
        self.leave_out(OF_ANOTHER_INTERFACE, Test::is_of_streams);
    }

    /// Leaves out the tests that runtimes outside browsers cannot run. A script runs there once, not in each global.
    pub(super) fn retain_for_runtimes(&mut self) {
        self.leave_out(OF_PAGES, |test| test.needs_page);
        self.leave_out(OF_WORKERS, |test| test.url.contains("worker.html"));
    }

    /// Fails if the checkout lacks scripts of the tests.
    pub(super) fn ensure_complete(&self) -> Result<()> {
        let lacking =
            |test: &Test| test.missing.iter().map(|script| format!("{}: {script}", test.url)).collect::<Vec<_>>();
        let missing: Vec<_> = self.tests.iter().flat_map(lacking).collect();
        ensure!(missing.is_empty(), "the checkout lacks scripts of tests:\n{}", missing.join("\n"));
        Ok(())
    }

    fn leave_out(&mut self, reason: &'static str, is_left_out: impl Fn(&Test) -> bool) {
        let before = self.tests.len();
        self.tests.retain(|test| !is_left_out(test));
        if before > self.tests.len() {
            *self.left_out.entry(reason).or_default() += before - self.tests.len();
        }
    }

    /// Adds the tests of one file. `has` returns whether a script exists.
    fn add(&mut self, path: &str, text: &str, has: impl Fn(&str) -> bool) {
        let Some(source) = Source::read(path, text) else { return };
        let mut leave_out = |reason, count| *self.left_out.entry(reason).or_default() += count;
        if path.contains("/back-forward-cache") {
            return leave_out(OF_KEPT_PAGES, source.pages.len() * source.variants.len());
        }
        leave_out(OTHER_GLOBAL, source.unknown_globals);
        let missing: Vec<_> = source.scripts.iter().filter(|script| !has(script)).cloned().collect();
        for variant in &source.variants {
            if variant.contains("wpt_flags=h2") || path.contains(".h2.") {
                *self.left_out.entry(OVER_HTTP2).or_default() += source.pages.len();
                continue;
            }
            for (page, is_secure) in &source.pages {
                let is_secure = *is_secure || variant.contains("wpt_flags=https") || path.contains(".https.");
                self.tests.push(Test {
                    url: format!("{page}{variant}"),
                    is_secure,
                    is_long: source.is_long,
                    needs_page: PAGE_WORDS.iter().any(|word| text.contains(word)),
                    missing: missing.clone(),
                });
            }
        }
        self.left_out.retain(|_, count| *count > 0);
    }
}

/// The metadata of a test file.
struct Source {
    /// The pages generated from the file, and whether each needs a secure origin.
    pages: Vec<(String, bool)>,
    variants: Vec<String>,
    scripts: Vec<String>,
    unknown_globals: usize,
    is_long: bool,
}

impl Source {
    /// Reads a file. Returns `None` if it is no test.
    fn read(path: &str, text: &str) -> Option<Self> {
        let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("html" | "htm")) {
            return text.contains("/resources/testharness.js").then(|| Self {
                pages: vec![(path.to_owned(), false)],
                variants: or_none(tags(text, "meta", "variant")),
                scripts: attributes(text, "<script", "src"),
                unknown_globals: 0,
                is_long: tags(text, "meta", "timeout").iter().any(|value| value == "long"),
            });
        }
        let meta = |key: &str| -> Vec<String> {
            let pairs = text.lines().take_while(|line| line.trim().is_empty() || line.starts_with("//"));
            let values = pairs.filter_map(|line| {
                line.trim_start_matches('/').trim().strip_prefix("META:")?.trim().strip_prefix(key)?.strip_prefix('=')
            });
            values.map(|value| value.trim().to_owned()).collect()
        };
        let mut unknown_globals = 0;
        let pages = if let Some(base) = path.strip_suffix("any.js") {
            let globals = meta("global").pop().unwrap_or_else(|| "window,dedicatedworker".to_owned());
            let mut pages = Vec::new();
            for global in globals.split(',').map(str::trim) {
                let is_it = |name: &str| name == global || (global == "worker" && name != "window");
                let found = GLOBALS.iter().filter(|(name, ..)| is_it(name));
                let before = pages.len();
                pages.extend(found.map(|(_, end, is_secure)| (format!("{base}{end}"), *is_secure)));
                unknown_globals += usize::from(pages.len() == before);
            }
            pages
        } else if let Some(base) = path.strip_suffix("window.js").or_else(|| path.strip_suffix("worker.js")) {
            let kind = if path.ends_with("window.js") { "window" } else { "worker" };
            vec![(format!("{base}{kind}.html"), false)]
        } else {
            return None;
        };
        Some(Self {
            pages,
            variants: or_none(meta("variant")),
            scripts: meta("script"),
            unknown_globals,
            is_long: meta("timeout").iter().any(|value| value == "long"),
        })
    }
}

/// Returns one empty variant if there are none.
fn or_none(variants: Vec<String>) -> Vec<String> {
    if variants.is_empty() { vec![String::new()] } else { variants }
}

/// Returns the `content` of all tags with this `name`.
fn tags(text: &str, tag: &str, name: &str) -> Vec<String> {
    let named = text.split('<').filter(|rest| rest.starts_with(tag));
    let named = named.filter_map(|rest| rest.split_once('>')).map(|(inside, _)| inside);
    let named = named.filter(|inside| attribute(inside, "name").as_deref() == Some(name));
    named.filter_map(|inside| attribute(inside, "content")).collect()
}

fn attributes(text: &str, tag: &str, name: &str) -> Vec<String> {
    let rests = text.split(tag).skip(1);
    rests.filter_map(|rest| attribute(rest.split_once('>')?.0, name)).collect()
}

/// Returns the value of an attribute, quoted or not.
fn attribute(inside: &str, name: &str) -> Option<String> {
    let (_, rest) = inside.split_once(&format!("{name}="))?;
    let end = match rest.chars().next()? {
        quote @ ('"' | '\'') => return rest[1..].split(quote).next().map(str::to_owned),
        _ => rest.find(char::is_whitespace).unwrap_or(rest.len()),
    };
    Some(rest[..end].to_owned())
}

/// Returns the path of a script that a file names.
fn place(checkout: &Path, path: &str, script: &str) -> PathBuf {
    let script = script.split('?').next().unwrap_or_default();
    match script.strip_prefix('/') {
        // The server serves this file under another name.
        Some("resources/WebIDLParser.js") => checkout.join("resources/webidl2/lib/webidl2.js"),
        Some(absolute) => checkout.join(absolute),
        None => checkout.join(path).parent().unwrap_or(checkout).join(script),
    }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("{} is not a folder of a web-platform-tests checkout", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let is_test_folder = || !path.file_name().is_some_and(|name| NO_TESTS.iter().any(|other| name == *other));
        if !path.is_dir() {
            files.push(path);
        } else if is_test_folder() {
            list(&path, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(path: &str, text: &str) -> (Vec<String>, Vec<(&'static str, usize)>) {
        urls_for(Suite::retain_for_engines, path, text)
    }

    fn urls_for(retain: fn(&mut Suite), path: &str, text: &str) -> (Vec<String>, Vec<(&'static str, usize)>) {
        let mut suite = Suite::default();
        suite.add(path, text, |_| true);
        retain(&mut suite);
        let show = |test: Test| format!("{}{}", if test.is_secure { "secure " } else { "" }, test.url);
        (suite.tests.into_iter().map(show).collect(), suite.left_out.into_iter().collect())
    }

    #[test]
    fn any_js_has_a_page_for_each_global_and_variant() {
        let text = "// META: script=constants.sub.js\n// META: variant=?default\n// META: variant=?wss\n// META: variant=?wpt_flags=h2\n\ntest();";
        let (pages, left_out) = urls("/websockets/a.any.js", text);
        let wanted = ["any.html?default", "any.worker.html?default", "any.html?wss", "any.worker.html?wss"];
        assert_eq!(pages, wanted.map(|end| format!("/websockets/a.{end}")));
        assert_eq!(left_out, [(OVER_HTTP2, 2)]);
    }

    #[test]
    fn any_js_globals_come_from_meta() {
        let (pages, left_out) = urls("/websockets/a.any.js", "// META: global=window,worker,shadowrealm\n");
        let wanted = [
            "/websockets/a.any.html",
            "/websockets/a.any.worker.html",
            "/websockets/a.any.sharedworker.html",
            "secure /websockets/a.any.serviceworker.html",
        ];
        assert_eq!((pages, left_out), (wanted.map(str::to_owned).to_vec(), vec![(OTHER_GLOBAL, 1)]));
    }

    #[test]
    fn page_that_loads_the_harness_is_a_test() {
        let text = "<meta name=\"variant\" content=\"?default\"><meta name=variant content=?wss&wpt_flags=https>\n\
                    <script src=/resources/testharness.js></script>";
        let (pages, _) = urls("/websockets/a.html", text);
        assert_eq!(pages, ["/websockets/a.html?default", "secure /websockets/a.html?wss&wpt_flags=https"]);
        assert_eq!(urls("/websockets/b.html", "<p>").0, Vec::<String>::new());
        assert_eq!(urls("/websockets/c.sub.js", "").0, Vec::<String>::new());
        assert_eq!(
            urls("/websockets/d.https.html", "<script src=\"/resources/testharness.js\">").0,
            ["secure /websockets/d.https.html"]
        );
    }

    #[test]
    fn runtimes_run_each_script_once_and_no_page() {
        let retained = |path, text| urls_for(Suite::retain_for_runtimes, path, text);
        let (pages, left_out) = retained("/websockets/stream/a.any.js", "// META: variant=?wss\n");
        assert_eq!(pages, ["/websockets/stream/a.any.html?wss"]);
        assert_eq!(left_out, [(OF_WORKERS, 1)]);
        let page = "<script src=/resources/testharness.js></script><iframe>";
        assert_eq!(retained("/websockets/a.html", page).1, [(OF_PAGES, 1)]);
    }

    #[test]
    fn left_out_tests_have_a_reason() {
        assert_eq!(urls("/websockets/stream/a.any.js", "").1, [(OF_ANOTHER_INTERFACE, 2)]);
        assert_eq!(urls("/websockets/back-forward-cache-a.window.js", "").1, [(OF_KEPT_PAGES, 1)]);
    }

    #[test]
    fn missing_scripts_are_named() {
        let mut suite = Suite::default();
        suite.add("/websockets/a.window.js", "// META: script=b.js\n", |_| true);
        assert!(suite.ensure_complete().is_ok());
        suite
            .add("/websockets/c.window.js", "// META: script=b.js\n// META: script=/d.js\n", |script| script == "b.js");
        let error = suite.ensure_complete().unwrap_err().to_string();
        assert_eq!(error, "the checkout lacks scripts of tests:\n/websockets/c.window.html: /d.js");
    }

    #[test]
    fn worker_and_window_scripts_are_one_page_each() {
        assert_eq!(urls("/websockets/a.worker.js", "").0, ["/websockets/a.worker.html"]);
        assert_eq!(urls("/websockets/a.window.js", "// META: timeout=long").0, ["/websockets/a.window.html"]);
    }
}
