//! The log: every event, in the order of arrival.

use std::cell::Cell;
use std::rc::Rc;

use web_sys::Element;

use crate::animation_frame::AnimationFrame;
use crate::dom::{self, Listener};
use crate::log_entry::LogEntry;

/// The most entries that the page keeps. Older ones are removed, and the count beside the heading says so. Arbitrary.
const MAX_ITEMS: u32 = 2000;

/// The log on the page.
pub(crate) struct EventLog {
    list: Element,
    count: Element,
    /// The number of entries since the log was cleared.
    written_count: Cell<u32>,
    /// Whether the next entry is the first of a new socket.
    first_of_socket: Cell<bool>,
    /// Whether the visitor has the end of the log in view.
    at_end: Rc<Cell<bool>>,
    /// Scrolls to the end, at most once a frame, because reading a height forces a layout.
    animation_frame: AnimationFrame,
    _scrolled: Listener,
}

/// The element of one entry. Its parts can be filled in later.
pub(crate) struct LogItem {
    element: Element,
    parts: Element,
}

impl EventLog {
    /// Finds the log's elements and follows its scroll position.
    pub(crate) fn new() -> Rc<Self> {
        let view = dom::by_id::<Element>("log-view");
        let at_end = Rc::new(Cell::new(true));
        let own_scroll_top = Rc::new(Cell::new(0));
        let scrolled = Listener::new(&view, "scroll", {
            let (view, at_end, own_scroll_top) = (view.clone(), Rc::clone(&at_end), Rc::clone(&own_scroll_top));
            move |_| {
                // Ignore the scroll events of the page's own scrolling: entries may have been added since.
                if view.scroll_top() != own_scroll_top.get() {
                    at_end.set(view.scroll_top() + view.client_height() + 8 >= view.scroll_height());
                }
            }
        });
        let animation_frame = AnimationFrame::new({
            let at_end = Rc::clone(&at_end);
            move || {
                if at_end.get() {
                    view.set_scroll_top(view.scroll_height());
                    own_scroll_top.set(view.scroll_top());
                }
            }
        });
        Rc::new(Self {
            list: dom::by_id("log"),
            count: dom::by_id("log-count"),
            written_count: Cell::new(0),
            first_of_socket: Cell::new(false),
            at_end,
            animation_frame,
            _scrolled: scrolled,
        })
    }

    /// Marks the next entry as the first of a new socket, so that a line is drawn above it.
    pub(crate) fn start_socket(&self) {
        self.first_of_socket.set(true);
    }

    /// Appends an entry. Scrolls to the end if the visitor had the end in view.
    pub(crate) fn write(&self, entry: &LogEntry) -> LogItem {
        let element = dom::append(&self.list, "li", entry.kind, "");
        dom::toggle_class(&element, "first-of-socket", self.first_of_socket.replace(false));
        dom::append(&element, "time", "", &dom::time_of_day());
        dom::append(&element, "span", "kind", entry.kind);
        let item = LogItem { parts: dom::append(&element, "span", "parts", ""), element };
        self.fill(&item, entry);
        self.written_count.set(self.written_count.get() + 1);
        if self.list.child_element_count() > MAX_ITEMS {
            if let Some(oldest) = self.list.first_element_child() {
                oldest.remove();
            }
        }
        self.show_count();
        item
    }

    /// Replaces the parts of an item with those of an entry.
    pub(crate) fn fill(&self, item: &LogItem, entry: &LogEntry) {
        item.fill(entry);
        self.animation_frame.request();
    }

    /// Removes all entries.
    pub(crate) fn clear(&self) {
        self.list.set_text_content(None);
        self.written_count.set(0);
        self.first_of_socket.set(false);
        self.at_end.set(true);
        self.show_count();
    }

    fn show_count(&self) {
        let count = match self.written_count.get() {
            0 => String::new(),
            1 => "1 entry".to_owned(),
            written_count if written_count > MAX_ITEMS => {
                format!("the last {} of {}", dom::grouped(MAX_ITEMS.into()), dom::grouped(written_count.into()))
            }
            written_count => format!("{} entries", dom::grouped(written_count.into())),
        };
        self.count.set_text_content(Some(&count));
    }
}

impl LogItem {
    fn fill(&self, entry: &LogEntry) {
        self.parts.set_text_content(None);
        for part in entry.parts.iter().filter(|part| !(part.key.is_empty() && part.value.is_empty())) {
            let class = if part.secondary { "part secondary" } else { "part" };
            let shown = dom::append(&self.parts, "span", class, "");
            if !part.key.is_empty() {
                dom::append(&shown, "span", "key", &part.key);
            }
            dom::append(&shown, "code", "", &part.value);
        }
        if let Some(transcript) = &entry.transcript {
            dom::set_attribute(&self.element, "data-event", transcript);
        }
    }
}
