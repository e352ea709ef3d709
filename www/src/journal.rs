//! The journal: every event, in the order in which it arrived.

use std::cell::Cell;
use std::rc::Rc;

use web_sys::Element;

use crate::frames::Frames;
use crate::page::{self, Listener};
use crate::transcript::Line;

/// The page keeps so many entries; older ones make room, and the count beside the heading says so.
const KEPT: u32 = 2000;

/// The list of entries.
pub(crate) struct Journal {
    list: Element,
    count: Element,
    written: Cell<u32>,
    opening: Cell<bool>,
    at_end: Rc<Cell<bool>>,
    /// Keeps the end in view: once a frame, since each look at a height costs a layout.
    frames: Frames,
    _scrolled: Listener,
}

/// An entry that stands in the list, perhaps not yet filled in.
pub(crate) struct Entry {
    item: Element,
    parts: Element,
}

impl Journal {
    /// Finds the list.
    pub(crate) fn new() -> Rc<Self> {
        let view = page::by_id::<Element>("log-view");
        let at_end = Rc::new(Cell::new(true));
        let placed = Rc::new(Cell::new(0));
        let scrolled = Listener::new(&view, "scroll", {
            let (view, at_end, placed) = (view.clone(), Rc::clone(&at_end), Rc::clone(&placed));
            move |_| {
                // More may have been written since we scrolled ourselves, so that only the reader's scrolling counts.
                if view.scroll_top() != placed.get() {
                    at_end.set(view.scroll_top() + view.client_height() + 8 >= view.scroll_height());
                }
            }
        });
        let frames = Frames::new({
            let at_end = Rc::clone(&at_end);
            move || {
                if at_end.get() {
                    view.set_scroll_top(view.scroll_height());
                    placed.set(view.scroll_top());
                }
            }
        });
        Rc::new(Self {
            list: page::by_id("log"),
            count: page::by_id("log-count"),
            written: Cell::new(0),
            opening: Cell::new(false),
            at_end,
            frames,
            _scrolled: scrolled,
        })
    }

    /// Draws a line above the next entry: it is the first of another socket.
    pub(crate) fn divide(&self) {
        self.opening.set(true);
    }

    /// Writes an entry at the end, and keeps the end in view if the reader had it there.
    pub(crate) fn write(&self, line: &Line) -> Entry {
        let item = page::append(&self.list, "li", line.kind, "");
        page::mark(&item, "opening", self.opening.replace(false));
        page::append(&item, "time", "", &page::time_of_day());
        page::append(&item, "span", "kind", line.kind);
        let entry = Entry { parts: page::append(&item, "span", "parts", ""), item };
        self.fill(&entry, line);
        self.written.set(self.written.get() + 1);
        if self.list.child_element_count() > KEPT
            && let Some(oldest) = self.list.first_element_child()
        {
            oldest.remove();
        }
        self.show_count();
        entry
    }

    /// Shows the line's attributes in the entry, in place of what stood there.
    pub(crate) fn fill(&self, entry: &Entry, line: &Line) {
        entry.fill(line);
        self.frames.request();
    }

    /// Empties the list.
    pub(crate) fn clear(&self) {
        self.list.set_text_content(None);
        self.written.set(0);
        self.opening.set(false);
        self.at_end.set(true);
        self.show_count();
    }

    fn show_count(&self) {
        let count = match self.written.get() {
            0 => String::new(),
            1 => "1 entry".to_owned(),
            written if written > KEPT => {
                format!("the last {} of {}", page::grouped(KEPT.into()), page::grouped(written.into()))
            }
            written => format!("{} entries", page::grouped(written.into())),
        };
        self.count.set_text_content(Some(&count));
    }
}

impl Entry {
    fn fill(&self, line: &Line) {
        self.parts.set_text_content(None);
        for part in line.parts.iter().filter(|part| !(part.key.is_empty() && part.value.is_empty())) {
            let class = if part.aside { "part aside" } else { "part" };
            let shown = page::append(&self.parts, "span", class, "");
            if !part.key.is_empty() {
                page::append(&shown, "span", "key", &part.key);
            }
            page::append(&shown, "code", "", &part.value);
        }
        if let Some(transcript) = &line.transcript {
            page::set(&self.item, "data-event", transcript);
        }
    }
}
