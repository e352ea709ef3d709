//! The conformance table: runs the scripts of the Standard in the visitor's own browser, on request.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use samesocket_conformance::report::{Examination, Finding};
use samesocket_conformance::server::Server;
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::target::Platform;
use samesocket_conformance::{native_expectations, scripts};
use web_sys::Element;

use crate::dom::{self, Listener};
use crate::row::Row;
use crate::tally::Tally;

/// The section with the table.
pub(crate) struct Conformance {
    section: Element,
    button: Element,
    firefox_hint: Element,
    bar: Element,
    progress: Element,
    status: Element,
    view: Element,
    rows: Element,
    samesocket: RefCell<Tally>,
    native: RefCell<Tally>,
    platform: RefCell<Tally>,
    state: Cell<RunState>,
    _clicks: Listener,
}

/// The state of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RunState {
    /// No script runs.
    Idle,
    /// The scripts run.
    Running,
    /// The visitor stopped the run. The current script is the last one.
    Stopping,
}

impl Conformance {
    /// Finds the section's elements. Nothing runs until the button is pressed.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new_cyclic(|conformance: &Weak<Self>| {
            let button = dom::by_id::<Element>("run-scripts");
            let conformance = conformance.clone();
            let clicks = Listener::new(&button, "click", move |_| {
                if let Some(conformance) = conformance.upgrade() {
                    conformance.on_button();
                }
            });
            Self {
                section: dom::by_id("conformance"),
                button,
                firefox_hint: dom::by_id("scripts-firefox-hint"),
                bar: dom::by_id("scripts-bar"),
                progress: dom::by_id("scripts-progress"),
                status: dom::by_id("scripts-outcome"),
                view: dom::by_id("scripts-view"),
                rows: dom::by_id("scripts"),
                samesocket: RefCell::new(Tally::new("samesocket")),
                native: RefCell::new(Tally::new("native")),
                platform: RefCell::new(Tally::new("platform")),
                state: Cell::new(RunState::Idle),
                _clicks: clicks,
            }
        })
    }

    /// Starts a run, or stops the current one.
    fn on_button(self: &Rc<Self>) {
        match self.state.get() {
            RunState::Idle => {
                self.set_state(RunState::Running);
                let conformance = Rc::clone(self);
                wasm_bindgen_futures::spawn_local(async move {
                    if let Err(error) = conformance.run().await {
                        conformance.show_status(&format!("The scripts cannot run: {error}"));
                    }
                    conformance.set_state(RunState::Idle);
                });
            }
            RunState::Running => self.set_state(RunState::Stopping),
            RunState::Stopping => {}
        }
    }

    /// Runs each script with samesocket, then with the browser's own class.
    ///
    /// The two never run at the same time, because a browser may delay a connection while another one is pending.
    async fn run(&self) -> Result<(), String> {
        self.rows.set_text_content(None);
        let count = scripts::all().count();
        for tally in [&self.samesocket, &self.native, &self.platform] {
            tally.borrow_mut().reset(count);
        }
        self.show_progress(0, count);
        self.show_status("");
        let mut server = Server::look_up().await?;
        if server.engine.is_empty() {
            detect_engine().clone_into(&mut server.engine);
        }
        dom::toggle_class(&self.firefox_hint, "shown", server.engine == "firefox");

        let native_findings = native_findings(&server).await?;
        dom::toggle_class(&self.section, "has-native", !native_findings.is_empty());

        let context = format!("page-{}", js_sys::Date::now());
        let mut samesocket = Examination::<Samesocket>::demanding(server.clone(), &context);
        let mut platform = Examination::<Platform>::recording(server.clone(), &context);
        let mut done = 0;
        for script in scripts::all() {
            let row = self.keep_end_in_view(|| Row::new(&self.rows, script.name, script.checklist));
            let in_browser = samesocket.examine(script).await;
            row.fill_samesocket(self.samesocket.borrow_mut().count(&in_browser));
            let native = native_findings.iter().find(|finding| finding.script == script.name);
            if let Some(finding) = native {
                row.fill_native(self.native.borrow_mut().count(finding));
            }
            let by_platform = platform.examine(script).await;
            row.fill_platform(self.platform.borrow_mut().count(&by_platform));
            row.explain(&in_browser, native, &by_platform, &server.engine);
            done += 1;
            self.show_progress(done, count);
            if self.state.get() == RunState::Stopping {
                break;
            }
        }
        for tally in [&self.samesocket, &self.native, &self.platform] {
            tally.borrow().publish();
        }
        let engine = &server.engine;
        self.show_status(&if done == count {
            format!("Finished: {count} scripts ran in this browser ({engine}).")
        } else {
            format!("Stopped after {done} of {count} scripts.")
        });
        Ok(())
    }

    fn set_state(&self, state: RunState) {
        self.state.set(state);
        self.button.set_text_content(Some(match state {
            RunState::Idle => "Run the scripts again",
            RunState::Running => "Stop",
            RunState::Stopping => "Stopping …",
        }));
        dom::toggle_class(&self.button, "primary", state == RunState::Idle);
        dom::toggle_class(&self.section, "running", state != RunState::Idle);
        dom::toggle_class(&self.section, "started", true);
    }

    fn show_progress(&self, done: usize, count: usize) {
        dom::set_attribute(&self.bar, "max", &count.to_string());
        dom::set_attribute(&self.bar, "value", &done.to_string());
        self.progress.set_text_content(Some(&format!("{done} of {count}")));
    }

    /// Shows how the run ended, in an element that screen readers announce.
    fn show_status(&self, text: &str) {
        self.status.set_text_content(Some(text));
    }

    /// Calls `add`, which adds rows, and scrolls to the end if the visitor had the end in view.
    fn keep_end_in_view<T>(&self, add: impl FnOnce() -> T) -> T {
        let at_end = self.view.scroll_top() + self.view.client_height() + 8 >= self.view.scroll_height();
        let added = add();
        if at_end {
            self.view.set_scroll_top(self.view.scroll_height());
        }
        added
    }
}

/// Returns the findings of samesocket on the server's machine, or nothing if the scripts did not run there.
async fn native_findings(server: &Server) -> Result<Vec<Finding>, String> {
    match server.report(&native_expectations::report()).await {
        Ok(report) => serde_json::from_str(&report).map_err(|error| format!("{error} in {report}")),
        Err(_) => Ok(Vec::new()),
    }
}

/// Returns the browser engine by its user agent string, because the known limits differ between engines.
fn detect_engine() -> &'static str {
    let agent = dom::window().navigator().user_agent().unwrap_or_default();
    let names = |names: &[&str]| names.iter().any(|name| agent.contains(name));
    // The order matters: each engine's user agent also contains the names below it.
    if names(&["Firefox/"]) {
        "firefox"
    } else if names(&["Chrome", "Chromium"]) {
        "chromium"
    } else if names(&["AppleWebKit"]) {
        "webkit"
    } else {
        "unknown"
    }
}
