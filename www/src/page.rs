//! The document: finding and making its elements, listening to them, and its clocks.

use wasm_bindgen::prelude::*;
use web_sys::{Document, Element, Event, EventTarget, Window};

/// Gives the page's window.
pub(crate) fn window() -> Window {
    web_sys::window().expect("the program runs in a page")
}

/// Gives the page's document.
pub(crate) fn document() -> Document {
    window().document().expect("the window has a document")
}

/// Finds the element that index.html has under `id`.
pub(crate) fn by_id<T: JsCast>(id: &str) -> T {
    let element = document().get_element_by_id(id);
    element.and_then(|element| element.dyn_into().ok()).unwrap_or_else(|| panic!("index.html has the element #{id}"))
}

/// Finds the first element that matches `selector`.
pub(crate) fn select(selector: &str) -> Element {
    let element = document().query_selector(selector).ok().flatten();
    element.unwrap_or_else(|| panic!("index.html has an element {selector}"))
}

/// Makes an element at the end of `parent`.
pub(crate) fn append(parent: &Element, name: &str, class: &str, text: &str) -> Element {
    let element = document().create_element(name).expect("the name is an element's");
    if !class.is_empty() {
        element.set_class_name(class);
    }
    element.set_text_content(Some(text));
    parent.append_child(&element).expect("the parent takes children");
    element
}

/// Sets an attribute.
pub(crate) fn set(element: &Element, name: &str, value: &str) {
    element.set_attribute(name, value).expect("the name is an attribute's");
}

/// Puts `class` on the element or takes it off.
pub(crate) fn mark(element: &Element, class: &str, on: bool) {
    element.class_list().toggle_with_force(class, on).expect("the name is a class's");
}

/// Shows a notice above everything, also from within a panic.
pub(crate) fn notify(text: &str) {
    if let Some(notice) = document().get_element_by_id("load-error") {
        notice.set_text_content(Some(text));
        let _ = notice.remove_attribute("hidden");
    }
}

/// Gives the milliseconds since the page was loaded.
pub(crate) fn now() -> f64 {
    window().performance().expect("a page has a clock").now()
}

/// Gives the time of day, to the millisecond.
pub(crate) fn time_of_day() -> String {
    let date = js_sys::Date::new_0();
    let (hours, minutes, seconds) = (date.get_hours(), date.get_minutes(), date.get_seconds());
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", date.get_milliseconds())
}

/// Writes a number of bytes, `"1 byte"` or `"1,234 bytes"`.
pub(crate) fn bytes(count: u64) -> String {
    format!("{} {}", grouped(count), if count == 1 { "byte" } else { "bytes" })
}

/// Writes a number with its digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A listener on one event of one target; dropping it removes it.
pub(crate) struct Listener {
    target: EventTarget,
    event: &'static str,
    closure: Closure<dyn FnMut(Event)>,
}

impl Listener {
    /// Listens.
    pub(crate) fn new(target: &EventTarget, event: &'static str, heard: impl FnMut(Event) + 'static) -> Self {
        let closure = Closure::<dyn FnMut(Event)>::new(heard);
        target
            .add_event_listener_with_callback(event, closure.as_ref().unchecked_ref())
            .expect("an event target takes listeners");
        Self { target: target.clone(), event, closure }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let callback = self.closure.as_ref().unchecked_ref();
        // A target that is gone has no listeners either.
        let _ = self.target.remove_event_listener_with_callback(self.event, callback);
    }
}
