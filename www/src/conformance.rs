//! The conformance table: the scripts of the Standard, run in the visitor's own browser when asked for.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use samesocket_conformance::target::Platform;
use samesocket_conformance::report::{Examination, Finding};
use samesocket_conformance::server::Server;
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::{native_expectations, scripts};
use web_sys::Element;

use crate::page::{self, Listener};
use crate::tally::{Row, Tally};

/// The section with the table.
pub(crate) struct Conformance {
    section: Element,
    button: Element,
    advice: Element,
    bar: Element,
    progress: Element,
    outcome: Element,
    view: Element,
    rows: Element,
    samesocket: RefCell<Tally>,
    natively: RefCell<Tally>,
    platform: RefCell<Tally>,
    stage: Cell<Stage>,
    _pressed: Listener,
}

/// How far the table is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing runs.
    Idle,
    /// The scripts run.
    Running,
    /// The script that runs is the last one.
    Stopping,
}

impl Conformance {
    /// Finds the section; nothing runs before the button is pressed.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new_cyclic(|conformance: &Weak<Self>| {
            let button = page::by_id::<Element>("run-scripts");
            let conformance = conformance.clone();
            let pressed = Listener::new(&button, "click", move |_| {
                if let Some(conformance) = conformance.upgrade() {
                    conformance.press();
                }
            });
            Self {
                section: page::by_id("conformance"),
                button,
                advice: page::by_id("scripts-advice"),
                bar: page::by_id("scripts-bar"),
                progress: page::by_id("scripts-progress"),
                outcome: page::by_id("scripts-outcome"),
                view: page::by_id("scripts-view"),
                rows: page::by_id("scripts"),
                samesocket: RefCell::new(Tally::new("samesocket")),
                natively: RefCell::new(Tally::new("natively")),
                platform: RefCell::new(Tally::new("platform")),
                stage: Cell::new(Stage::Idle),
                _pressed: pressed,
            }
        })
    }

    fn press(self: &Rc<Self>) {
        match self.stage.get() {
            Stage::Idle => {
                self.enter(Stage::Running);
                let conformance = Rc::clone(self);
                wasm_bindgen_futures::spawn_local(async move {
                    if let Err(fault) = conformance.run().await {
                        conformance.tell(&format!("The scripts cannot run: {fault}"));
                    }
                    conformance.enter(Stage::Idle);
                });
            }
            Stage::Running => self.enter(Stage::Stopping),
            Stage::Stopping => {}
        }
    }

    /// Runs each script with one subject, then with the other: a browser that holds back one's connection must not hold
    /// back the other's.
    async fn run(&self) -> Result<(), String> {
        self.rows.set_text_content(None);
        let count = scripts::all().count();
        for tally in [&self.samesocket, &self.natively, &self.platform] {
            tally.borrow_mut().begin(count);
        }
        self.show_progress(0, count);
        self.tell("");
        let mut server = Server::look_up().await?;
        if server.engine.is_empty() {
            engine().clone_into(&mut server.engine);
        }
        page::mark(&self.advice, "wanted", server.engine == "firefox");

        let natively = findings_natively(&server).await?;
        page::mark(&self.section, "natively", !natively.is_empty());

        let context = format!("page-{}", js_sys::Date::now());
        let mut samesocket = Examination::<Samesocket>::demanding(server.clone(), &context);
        let mut platform = Examination::<Platform>::recording(server.clone(), &context);
        let mut done = 0;
        for script in scripts::all() {
            let row = self.keep_end_in_view(|| Row::new(&self.rows, script.name, script.checklist));
            let ours = samesocket.examine(script).await;
            let outcome = self.samesocket.borrow_mut().count(&ours);
            row.fill_samesocket(outcome);
            let natively = natively.iter().find(|finding| finding.script == script.name);
            if let Some(finding) = natively {
                let outcome = self.natively.borrow_mut().count(finding);
                row.fill_natively(outcome);
            }
            let theirs = platform.examine(script).await;
            let outcome = self.platform.borrow_mut().count(&theirs);
            row.fill_platform(outcome);
            row.explain(&ours, natively, &theirs, &server.engine);
            done += 1;
            self.show_progress(done, count);
            if self.stage.get() == Stage::Stopping {
                break;
            }
        }
        for tally in [&self.samesocket, &self.natively, &self.platform] {
            tally.borrow().close();
        }
        let engine = &server.engine;
        self.tell(&if done == count {
            format!("Done: {count} scripts in this browser ({engine}).")
        } else {
            format!("Stopped after {done} of {count} scripts.")
        });
        Ok(())
    }

    fn enter(&self, stage: Stage) {
        self.stage.set(stage);
        self.button.set_text_content(Some(match stage {
            Stage::Idle => "Run the scripts again",
            Stage::Running => "Stop",
            Stage::Stopping => "Stopping …",
        }));
        page::mark(&self.button, "primary", stage == Stage::Idle);
        page::mark(&self.section, "running", stage != Stage::Idle);
        page::mark(&self.section, "begun", true);
    }

    fn show_progress(&self, done: usize, count: usize) {
        page::set(&self.bar, "max", &count.to_string());
        page::set(&self.bar, "value", &done.to_string());
        self.progress.set_text_content(Some(&format!("{done} of {count}")));
    }

    /// Says how the run ended, where a screen reader listens.
    fn tell(&self, text: &str) {
        self.outcome.set_text_content(Some(text));
    }

    /// Lets rows be added, and keeps the end in view if the reader had it there.
    fn keep_end_in_view<T>(&self, add: impl FnOnce() -> T) -> T {
        let at_end = self.view.scroll_top() + self.view.client_height() + 8 >= self.view.scroll_height();
        let added = add();
        if at_end {
            self.view.set_scroll_top(self.view.scroll_height());
        }
        added
    }
}

/// What the same scripts came to outside of any browser, where the server's machine has performed them.
async fn findings_natively(server: &Server) -> Result<Vec<Finding>, String> {
    match server.report(&native_expectations::report()).await {
        Ok(report) => serde_json::from_str(&report).map_err(|error| format!("{error} in {report}")),
        Err(_) => Ok(Vec::new()),
    }
}

/// The engine, as far as it tells: what cannot be levelled differs from one to the other.
fn engine() -> &'static str {
    let agent = page::window().navigator().user_agent().unwrap_or_default();
    let names = |names: &[&str]| names.iter().any(|name| agent.contains(name));
    // Each of them also claims to be those below it.
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
