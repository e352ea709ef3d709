//! Functions for the document: elements, attributes, listeners and clocks.

use wasm_bindgen::prelude::*;
use web_sys::{Document, Element, Event, EventTarget, Window};

/// Returns the page's window.
pub(crate) fn window() -> Window {
    web_sys::window().expect("the program runs in a page")
}

/// Returns the page's document.
pub(crate) fn document() -> Document {
    window().document().expect("the window has a document")
}

/// Returns the element with an id. Panics if index.html has none.
pub(crate) fn by_id<T: JsCast>(id: &str) -> T {
    let element = document().get_element_by_id(id);
    element.and_then(|element| element.dyn_into().ok()).unwrap_or_else(|| panic!("index.html has no element #{id}"))
}

/// Returns the first element that matches a selector. Panics if index.html has none.
pub(crate) fn select(selector: &str) -> Element {
    let element = document().query_selector(selector).ok().flatten();
    element.unwrap_or_else(|| panic!("index.html has no element {selector}"))
}

/// Creates an element as the last child of `parent`.
pub(crate) fn append(parent: &Element, name: &str, class: &str, text: &str) -> Element {
    let element = document().create_element(name).expect("the element name is valid");
    if !class.is_empty() {
        element.set_class_name(class);
    }
    element.set_text_content(Some(text));
    parent.append_child(&element).expect("the parent can have children");
    element
}

/// Sets an attribute.
pub(crate) fn set_attribute(element: &Element, name: &str, value: &str) {
    element.set_attribute(name, value).expect("the attribute name is valid");
}

/// Adds a class to the element or removes it.
pub(crate) fn toggle_class(element: &Element, class: &str, on: bool) {
    element.class_list().toggle_with_force(class, on).expect("the class name is valid");
}

/// Shows a notice at the top of the page. It does not panic, so a panic hook can call it.
pub(crate) fn notify(text: &str) {
    if let Some(notice) = document().get_element_by_id("load-error") {
        notice.set_text_content(Some(text));
        let _ = notice.remove_attribute("hidden");
    }
}

/// Returns the milliseconds since the page was loaded.
pub(crate) fn now() -> f64 {
    window().performance().expect("a page has a clock").now()
}

/// Formats the time of day, to the millisecond.
pub(crate) fn time_of_day() -> String {
    let date = js_sys::Date::new_0();
    let (hours, minutes, seconds) = (date.get_hours(), date.get_minutes(), date.get_seconds());
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", date.get_milliseconds())
}

/// Formats a number of bytes: `"1 byte"` or `"1,234 bytes"`.
pub(crate) fn bytes(count: u64) -> String {
    format!("{} {}", grouped(count), if count == 1 { "byte" } else { "bytes" })
}

/// Formats a number with its digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A listener for one event of one target. Dropping it removes the listener.
pub(crate) struct Listener {
    target: EventTarget,
    event: &'static str,
    closure: Closure<dyn FnMut(Event)>,
}

impl Listener {
    /// Adds a listener.
    pub(crate) fn new(target: &EventTarget, event: &'static str, callback: impl FnMut(Event) + 'static) -> Self {
        let closure = Closure::<dyn FnMut(Event)>::new(callback);
        target
            .add_event_listener_with_callback(event, closure.as_ref().unchecked_ref())
            .expect("adding a listener does not throw");
        Self { target: target.clone(), event, closure }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let callback = self.closure.as_ref().unchecked_ref();
        // Removing a listener that the target does not have is not an error.
        let _ = self.target.remove_event_listener_with_callback(self.event, callback);
    }
}
