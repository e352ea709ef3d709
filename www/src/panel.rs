//! The panel: the socket's attributes as they are now, and the diagram of its ready state.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use samesocket::ReadyState;
use web_sys::Element;

use crate::page;
use crate::socket::Socket;
use crate::transcript::quoted;

/// The attributes of the socket.
pub(crate) struct Panel {
    card: Element,
    state: Element,
    url: Element,
    protocol: Element,
    extensions: Element,
    buffered: Element,
    peak: Element,
    seen: Cell<Option<ReadyState>>,
    seen_buffered: Cell<u64>,
    highest_buffered: Cell<u64>,
    diagram: Diagram,
}

impl Panel {
    /// Finds the panel.
    pub(crate) fn new() -> Self {
        Self {
            card: page::by_id("socket"),
            state: page::by_id("state"),
            url: page::by_id("socket-url"),
            protocol: page::by_id("socket-protocol"),
            extensions: page::by_id("socket-extensions"),
            buffered: page::by_id("buffered-amount"),
            peak: page::by_id("buffered-peak"),
            seen: Cell::new(None),
            seen_buffered: Cell::new(0),
            highest_buffered: Cell::new(0),
            diagram: Diagram::new(),
        }
    }

    /// Begins anew with a socket that was just constructed.
    pub(crate) fn begin(&self, socket: &Socket) {
        self.seen.set(None);
        self.highest_buffered.set(0);
        self.peak.set_text_content(None);
        self.url.set_text_content(Some(&socket.url()));
        self.show_clean(true);
        self.diagram.begin();
    }

    /// Looks at the socket, shows what changed, and says whether it may change without an event.
    pub(crate) fn observe(&self, socket: &Socket) -> bool {
        let state = socket.ready_state();
        if self.seen.replace(Some(state)) != Some(state) {
            self.state.set_text_content(Some(&state.to_string()));
            page::set(&self.card, "data-state", &state.to_string());
            self.protocol.set_text_content(Some(&quoted(&socket.protocol())));
            self.extensions.set_text_content(Some(&quoted(&socket.extensions())));
            self.diagram.pass(state);
        }
        let buffered = socket.buffered_amount();
        if self.seen_buffered.replace(buffered) != buffered {
            self.buffered.set_text_content(Some(&buffered.to_string()));
        }
        if buffered > self.highest_buffered.get() {
            self.highest_buffered.set(buffered);
            self.peak.set_text_content(Some(&format!("peak {}", page::grouped(buffered))));
        }
        let playing = self.diagram.play();
        // No event tells of a CLOSING that the peer started, or of a falling bufferedAmount.
        playing || state != ReadyState::Closed
    }

    /// Shows whether the connection was closed cleanly.
    pub(crate) fn show_clean(&self, clean: bool) {
        page::mark(&self.card, "unclean", !clean);
    }
}

/// The line with four stations.
///
/// On a loopback two states may be a millisecond apart, so that each is shown for a moment before the next is.
struct Diagram {
    drawing: Element,
    began: Cell<Option<f64>>,
    shown: Cell<Option<ReadyState>>,
    shown_at: Cell<f64>,
    waiting: RefCell<VecDeque<(ReadyState, f64)>>,
}

impl Diagram {
    /// How long a state is shown at least, in milliseconds.
    const MOMENT: f64 = 340.0;

    fn new() -> Self {
        Self {
            drawing: page::by_id("diagram"),
            began: Cell::new(None),
            shown: Cell::new(None),
            shown_at: Cell::new(0.0),
            waiting: RefCell::default(),
        }
    }

    /// Empties the line.
    fn begin(&self) {
        self.waiting.take();
        self.shown.set(None);
        self.began.set(None);
        for state in [ReadyState::Connecting, ReadyState::Open, ReadyState::Closing, ReadyState::Closed] {
            let station = station(state);
            page::mark(&station, "visited", false);
            page::mark(&station, "current", false);
            page::select(&format!("[data-station={state}] .when")).set_text_content(None);
            for next in [ReadyState::Open, ReadyState::Closing, ReadyState::Closed] {
                if let Some(edge) = edge(state, next) {
                    page::mark(&edge, "taken", false);
                }
            }
        }
    }

    /// Notes that the socket passed into `state` now.
    fn pass(&self, state: ReadyState) {
        let now = page::now();
        let began = self.began.get().unwrap_or(now);
        self.began.set(Some(began));
        self.waiting.borrow_mut().push_back((state, now - began));
    }

    /// Shows the next state if it is time, and says whether another waits.
    fn play(&self) -> bool {
        let now = page::now();
        while self.shown.get().is_none() || now - self.shown_at.get() >= Self::MOMENT || is_still() {
            let Some((state, after)) = self.waiting.borrow_mut().pop_front() else {
                break;
            };
            self.shown_at.set(now);
            self.show(state, after);
        }
        !self.waiting.borrow().is_empty()
    }

    fn show(&self, state: ReadyState, after: f64) {
        page::set(&self.drawing, "data-state", &state.to_string());
        if let Some(previous) = self.shown.replace(Some(state)) {
            page::mark(&station(previous), "current", false);
            if let Some(edge) = edge(previous, state) {
                page::mark(&edge, "taken", true);
            }
        }
        page::mark(&station(state), "visited", true);
        page::mark(&station(state), "current", true);
        page::select(&format!("[data-station={state}] .when")).set_text_content(Some(&duration(after)));
    }
}

fn station(state: ReadyState) -> Element {
    page::select(&format!("[data-station={state}]"))
}

fn edge(from: ReadyState, to: ReadyState) -> Option<Element> {
    page::document().query_selector(&format!("[data-edge={from}-{to}]")).ok().flatten()
}

/// Whether the reader asked for less motion.
fn is_still() -> bool {
    let query = page::window().match_media("(prefers-reduced-motion: reduce)").ok().flatten();
    query.is_some_and(|query| query.matches())
}

/// Writes a time since the construction.
fn duration(milliseconds: f64) -> String {
    if milliseconds < 1000.0 { format!("{milliseconds:.0} ms") } else { format!("{:.1} s", milliseconds / 1000.0) }
}
