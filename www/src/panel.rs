//! The panel: the current attributes of the socket, and the diagram of its ready state.

use std::cell::Cell;

use samesocket::ReadyState;
use web_sys::Element;

use crate::diagram::Diagram;
use crate::dom;
use crate::log_entry::quoted;
use crate::socket::Socket;

/// The panel with the attributes of the socket.
pub(crate) struct Panel {
    card: Element,
    state: Element,
    url: Element,
    protocol: Element,
    extensions: Element,
    buffered: Element,
    peak: Element,
    shown_state: Cell<Option<ReadyState>>,
    shown_buffered: Cell<u64>,
    highest_buffered: Cell<u64>,
    diagram: Diagram,
}

impl Panel {
    /// Finds the panel's elements.
    pub(crate) fn new() -> Self {
        Self {
            card: dom::by_id("socket"),
            state: dom::by_id("state"),
            url: dom::by_id("socket-url"),
            protocol: dom::by_id("socket-protocol"),
            extensions: dom::by_id("socket-extensions"),
            buffered: dom::by_id("buffered-amount"),
            peak: dom::by_id("buffered-peak"),
            shown_state: Cell::new(None),
            shown_buffered: Cell::new(0),
            highest_buffered: Cell::new(0),
            diagram: Diagram::new(),
        }
    }

    /// Resets the panel for a new socket.
    pub(crate) fn reset(&self, socket: &Socket) {
        self.shown_state.set(None);
        self.highest_buffered.set(0);
        self.peak.set_text_content(None);
        self.url.set_text_content(Some(&socket.url()));
        self.show_clean(true);
        self.diagram.reset();
    }

    /// Shows the attributes that have changed. Returns whether to call it again on the next frame.
    pub(crate) fn update(&self, socket: &Socket) -> bool {
        let state = socket.ready_state();
        if self.shown_state.replace(Some(state)) != Some(state) {
            self.state.set_text_content(Some(&state.to_string()));
            dom::set_attribute(&self.card, "data-state", &state.to_string());
            self.protocol.set_text_content(Some(&quoted(&socket.protocol())));
            self.extensions.set_text_content(Some(&quoted(&socket.extensions())));
            self.diagram.push(state);
        }
        let buffered = socket.buffered_amount();
        if self.shown_buffered.replace(buffered) != buffered {
            self.buffered.set_text_content(Some(&buffered.to_string()));
        }
        if buffered > self.highest_buffered.get() {
            self.highest_buffered.set(buffered);
            self.peak.set_text_content(Some(&format!("peak {}", dom::grouped(buffered))));
        }
        let advancing = self.diagram.advance();
        // No event reports that the server started to close, or that bufferedAmount falls.
        advancing || state != ReadyState::Closed
    }

    /// Shows whether the connection was closed cleanly.
    pub(crate) fn show_clean(&self, clean: bool) {
        dom::toggle_class(&self.card, "unclean", !clean);
    }
}
