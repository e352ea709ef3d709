//! The playground: a page that holds one [`samesocket::WebSocket`], or one of the class for JavaScript, and shows everything
//! that can be seen of it; below it,
//! the conformance scripts, run in the visitor's own browser.
//!
//! It imports the crate as any program would. What it prints into each entry's `data-event` is the transcript
//! that `cargo xtask demo --check` compares.

mod conformance;
mod fields;
mod frames;
mod journal;
mod page;
mod panel;
mod playground;
mod socket;
mod tally;
#[expect(dead_code, reason = "the page shows its source; it is compiled so that it stays true")]
mod ten_lines;
mod transcript;

use std::cell::OnceCell;
use std::rc::Rc;

use conformance::Conformance;
use playground::Playground;

thread_local! {
    /// The page's program, which owns every listener and closure, for as long as the page lives.
    static PROGRAM: OnceCell<(Rc<Playground>, Rc<Conformance>)> = const { OnceCell::new() };
}

fn main() {
    std::panic::set_hook(Box::new(|panic| {
        web_sys::console::error_1(&panic.to_string().into());
        page::notify(&format!("The program broke off: {panic}"));
    }));
    page::by_id::<web_sys::Element>("ten-lines").set_text_content(Some(&ten_lines()));
    PROGRAM.with(|program| {
        program.get_or_init(|| (Playground::new(), Conformance::new()));
    });
}

/// The ten lines that the page shows: the body of the one function in `ten_lines.rs`, but for its last line.
fn ten_lines() -> String {
    let body = include_str!("ten_lines.rs").lines().filter_map(|line| line.strip_prefix("    "));
    body.take_while(|line| *line != "Ok(())").collect::<Vec<_>>().join("\n")
}
