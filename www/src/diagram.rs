//! The diagram of the ready states: four stations and the transitions between them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use samesocket::ReadyState;
use web_sys::Element;

use crate::dom;

/// The diagram of the ready states.
///
/// On the loopback interface two states may be a millisecond apart. Each is shown for a moment, so that it can be seen.
pub(crate) struct Diagram {
    drawing: Element,
    started_at: Cell<Option<f64>>,
    shown: Cell<Option<ReadyState>>,
    shown_at: Cell<f64>,
    /// The states that are still to be shown, each with the milliseconds since the first state.
    pending: RefCell<VecDeque<(ReadyState, f64)>>,
}

impl Diagram {
    /// The shortest time for which a state is shown, in milliseconds. Arbitrary.
    const MIN_DISPLAY_MS: f64 = 340.0;

    /// Finds the diagram's elements.
    pub(crate) fn new() -> Self {
        Self {
            drawing: dom::by_id("diagram"),
            started_at: Cell::new(None),
            shown: Cell::new(None),
            shown_at: Cell::new(0.0),
            pending: RefCell::default(),
        }
    }

    /// Clears all states and transitions.
    pub(crate) fn reset(&self) {
        self.pending.take();
        self.shown.set(None);
        self.started_at.set(None);
        for state in [ReadyState::Connecting, ReadyState::Open, ReadyState::Closing, ReadyState::Closed] {
            let station = station(state);
            dom::toggle_class(&station, "visited", false);
            dom::toggle_class(&station, "current", false);
            dom::select(&format!("[data-station={state}] .when")).set_text_content(None);
            for next in [ReadyState::Open, ReadyState::Closing, ReadyState::Closed] {
                if let Some(edge) = edge(state, next) {
                    dom::toggle_class(&edge, "taken", false);
                }
            }
        }
    }

    /// Queues a state that the socket has just entered.
    pub(crate) fn push(&self, state: ReadyState) {
        let now = dom::now();
        let started_at = self.started_at.get().unwrap_or(now);
        self.started_at.set(Some(started_at));
        self.pending.borrow_mut().push_back((state, now - started_at));
    }

    /// Shows the next queued state if it is time. Returns whether states are still queued.
    pub(crate) fn advance(&self) -> bool {
        let now = dom::now();
        while self.shown.get().is_none()
            || now - self.shown_at.get() >= Self::MIN_DISPLAY_MS
            || prefers_reduced_motion()
        {
            let Some((state, elapsed)) = self.pending.borrow_mut().pop_front() else {
                break;
            };
            self.shown_at.set(now);
            self.show(state, elapsed);
        }
        !self.pending.borrow().is_empty()
    }

    fn show(&self, state: ReadyState, elapsed: f64) {
        dom::set_attribute(&self.drawing, "data-state", &state.to_string());
        if let Some(previous) = self.shown.replace(Some(state)) {
            dom::toggle_class(&station(previous), "current", false);
            if let Some(edge) = edge(previous, state) {
                dom::toggle_class(&edge, "taken", true);
            }
        }
        dom::toggle_class(&station(state), "visited", true);
        dom::toggle_class(&station(state), "current", true);
        dom::select(&format!("[data-station={state}] .when")).set_text_content(Some(&duration(elapsed)));
    }
}

fn station(state: ReadyState) -> Element {
    dom::select(&format!("[data-station={state}]"))
}

fn edge(from: ReadyState, to: ReadyState) -> Option<Element> {
    dom::document().query_selector(&format!("[data-edge={from}-{to}]")).ok().flatten()
}

/// Returns whether the visitor asked for less motion.
fn prefers_reduced_motion() -> bool {
    let query = dom::window().match_media("(prefers-reduced-motion: reduce)").ok().flatten();
    query.is_some_and(|query| query.matches())
}

/// Formats a duration.
fn duration(milliseconds: f64) -> String {
    if milliseconds < 1000.0 { format!("{milliseconds:.0} ms") } else { format!("{:.1} s", milliseconds / 1000.0) }
}
