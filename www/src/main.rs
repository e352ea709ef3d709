//! The page: a playground for one socket, and below it the conformance scripts, run in the visitor's own browser.
//!
//! The socket is a [`samesocket::WebSocket`] or one of the JavaScript class. The page uses the crate as any program
//! would. `cargo xtask demo --check` compares the `data-event` attributes of the log entries.
//!
//! # Where to start reading
//!
//! - `playground` connects the rest: it reads the `fields`, drives a `socket`, and updates the `panel` and the
//!   `event_log`. `panel` contains the `diagram`; `log_entry` formats the log's entries.
//! - `conformance` runs the scripts. It fills a `tally` for each subject and a `row` for each script; an `outcome` is one
//!   cell of a row.
//! - `dom` and `animation_frame` wrap the browser's APIs. `ten_lines` is the example that the page shows.

mod animation_frame;
mod conformance;
mod diagram;
mod dom;
mod event_log;
mod fields;
mod log_entry;
mod outcome;
mod panel;
mod playground;
mod row;
mod socket;
mod tally;
#[expect(dead_code, reason = "the page shows its source, and compiling it keeps it correct")]
mod ten_lines;

use std::cell::OnceCell;
use std::rc::Rc;

use conformance::Conformance;
use playground::Playground;

thread_local! {
    /// The page's program. It owns every listener and closure until the page is unloaded.
    static PROGRAM: OnceCell<(Rc<Playground>, Rc<Conformance>)> = const { OnceCell::new() };
}

fn main() {
    std::panic::set_hook(Box::new(|panic| {
        web_sys::console::error_1(&panic.to_string().into());
        dom::notify(&format!("The program stopped because of an error: {panic}"));
    }));
    dom::by_id::<web_sys::Element>("ten-lines").set_text_content(Some(&ten_lines()));
    PROGRAM.with(|program| {
        program.get_or_init(|| (Playground::new(), Conformance::new()));
    });
}

/// Returns the example that the page shows: the body of the function in `ten_lines.rs`, without its last line.
fn ten_lines() -> String {
    let body = include_str!("ten_lines.rs").lines().filter_map(|line| line.strip_prefix("    "));
    body.take_while(|line| *line != "Ok(())").collect::<Vec<_>>().join("\n")
}
