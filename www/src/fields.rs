//! The form fields: their values, and the error texts beside them.

use samesocket::{Argument, BinaryType};
use wasm_bindgen::prelude::*;
use web_sys::{Element, File, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};

use crate::dom;
use crate::socket::ThrownException;

/// A field and the element for its error text.
pub(crate) struct Field<T> {
    /// The element that takes the input.
    pub(crate) input: T,
    error: Element,
}

impl<T: JsCast + AsRef<Element>> Field<T> {
    fn new(id: &str) -> Self {
        Self { input: dom::by_id(id), error: dom::by_id(&format!("{id}-error")) }
    }
}

/// The error text of a field of any type.
pub(crate) trait ErrorDisplay {
    /// Shows an error beside the field.
    fn show_error(&self, message: &str);

    /// Removes the error.
    fn clear_error(&self);
}

impl<T: AsRef<Element>> ErrorDisplay for Field<T> {
    fn show_error(&self, message: &str) {
        dom::set_attribute(self.input.as_ref(), "aria-invalid", "true");
        self.error.set_text_content(Some(message));
    }

    fn clear_error(&self) {
        // Removing an absent attribute is not an error.
        let _ = self.input.as_ref().remove_attribute("aria-invalid");
        self.error.set_text_content(None);
    }
}

/// Every field of the page.
pub(crate) struct Fields {
    /// The URL.
    pub(crate) url: Field<HtmlInputElement>,
    subprotocols: Field<HtmlInputElement>,
    implementation: HtmlSelectElement,
    binary_type: HtmlSelectElement,
    /// The text to send.
    pub(crate) text: Field<HtmlTextAreaElement>,
    /// The file input.
    pub(crate) file: Field<HtmlInputElement>,
    drop_area: Element,
    file_name: Element,
    /// The close code. It may be empty.
    pub(crate) close_code: Field<HtmlInputElement>,
    close_reason: Field<HtmlInputElement>,
}

impl Fields {
    /// Finds the fields, and fills in the URL of the server's echo endpoint.
    pub(crate) fn new() -> Self {
        let fields = Self {
            url: Field::new("url"),
            subprotocols: Field::new("subprotocols"),
            implementation: dom::by_id("made-by"),
            binary_type: dom::by_id("binary-type"),
            text: Field::new("text"),
            file: Field::new("file"),
            drop_area: dom::by_id("drop"),
            file_name: dom::by_id("file-name"),
            close_code: Field::new("close-code"),
            close_reason: Field::new("close-reason"),
        };
        fields.url.input.set_value(&default_url());
        fields
    }

    /// Returns the subprotocols to offer, without white space around them.
    pub(crate) fn subprotocols(&self) -> Vec<String> {
        let value = self.subprotocols.input.value();
        if value.trim().is_empty() {
            return Vec::new();
        }
        value.split(',').map(|subprotocol| subprotocol.trim().to_owned()).collect()
    }

    /// Returns whether to use the JavaScript class.
    pub(crate) fn uses_js_class(&self) -> bool {
        self.implementation.value() == "class"
    }

    /// Returns the selected binary type.
    pub(crate) fn binary_type(&self) -> BinaryType {
        self.binary_type.value().parse().expect("the options are valid binary types")
    }

    /// Returns the close code, or an error text if it is not a number.
    pub(crate) fn close_code(&self) -> Result<Option<u16>, String> {
        let value = self.close_code.input.value();
        match value.trim() {
            "" => Ok(None),
            code => code.parse().map(Some).map_err(|_| format!("{code:?} is not a whole number from 0 to 65535")),
        }
    }

    /// Returns the close reason, if there is one.
    pub(crate) fn close_reason(&self) -> Option<String> {
        Some(self.close_reason.input.value()).filter(|reason| !reason.is_empty())
    }

    /// Shows the name and the size of the chosen file.
    pub(crate) fn show_file(&self, file: Option<&File>) {
        self.file.clear_error();
        dom::toggle_class(&self.drop_area, "chosen", file.is_some());
        let name = file.map_or("Drop a file here, or choose one".to_owned(), |file| {
            format!("{} ({})", file.name(), dom::bytes(size(file)))
        });
        self.file_name.set_text_content(Some(&name));
    }

    /// Highlights the drop area while a file is dragged over it.
    pub(crate) fn highlight_drop_area(&self, over: bool) {
        dom::toggle_class(&self.drop_area, "over", over);
    }

    /// Removes the errors of all fields.
    pub(crate) fn clear_errors(&self) {
        let fields: [&dyn ErrorDisplay; 6] =
            [&self.url, &self.subprotocols, &self.text, &self.file, &self.close_code, &self.close_reason];
        for field in fields {
            field.clear_error();
        }
    }

    /// Shows an exception beside the field of the invalid argument, or beside `fallback` if no argument is invalid.
    pub(crate) fn show_exception(&self, exception: &ThrownException, fallback: &dyn ErrorDisplay) {
        let field: &dyn ErrorDisplay = match exception.argument {
            Some(Argument::Url) => &self.url,
            Some(Argument::Protocols) => &self.subprotocols,
            Some(Argument::Code) => &self.close_code,
            Some(Argument::Reason) => &self.close_reason,
            None => fallback,
        };
        field.show_error(&exception.message);
    }
}

/// Returns the size of a file, in bytes. Browsers represent it as a whole number in a double.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size is a whole number below 2^53")]
pub(crate) fn size(file: &File) -> u64 {
    file.size() as u64
}

/// Returns the URL of the echo endpoint of the page's own server.
fn default_url() -> String {
    let location = dom::window().location();
    let scheme = if location.protocol().is_ok_and(|protocol| protocol == "https:") { "wss" } else { "ws" };
    format!("{scheme}://{}/echo", location.host().unwrap_or_default())
}
