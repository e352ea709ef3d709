//! The fields: what was typed into them, and the texts of the errors beside them.

use samesocket::{Argument, BinaryType};
use wasm_bindgen::prelude::*;
use web_sys::{Element, File, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};

use crate::page;
use crate::socket::Refusal;

/// A field and the text of its error.
pub(crate) struct Field<T> {
    /// The element that takes the input.
    pub(crate) input: T,
    error: Element,
}

impl<T: JsCast + AsRef<Element>> Field<T> {
    fn new(id: &str) -> Self {
        Self { input: page::by_id(id), error: page::by_id(&format!("{id}-error")) }
    }
}

/// What a field does about a fault, whatever it is that it takes.
pub(crate) trait Faulty {
    /// Shows a fault beside the field.
    fn refuse(&self, fault: &str);

    /// Takes the fault away.
    fn accept(&self);
}

impl<T: AsRef<Element>> Faulty for Field<T> {
    fn refuse(&self, fault: &str) {
        page::set(self.input.as_ref(), "aria-invalid", "true");
        self.error.set_text_content(Some(fault));
    }

    fn accept(&self) {
        // A field without the attribute is left as it is.
        let _ = self.input.as_ref().remove_attribute("aria-invalid");
        self.error.set_text_content(None);
    }
}

/// Every field of the page.
pub(crate) struct Fields {
    /// The address.
    pub(crate) url: Field<HtmlInputElement>,
    subprotocols: Field<HtmlInputElement>,
    made_by: HtmlSelectElement,
    binary_type: HtmlSelectElement,
    /// The text to send.
    pub(crate) text: Field<HtmlTextAreaElement>,
    /// The picker of the file to send.
    pub(crate) file: Field<HtmlInputElement>,
    drop: Element,
    file_name: Element,
    /// The close code; empty for none.
    pub(crate) close_code: Field<HtmlInputElement>,
    close_reason: Field<HtmlInputElement>,
}

impl Fields {
    /// Finds the fields, and fills in the address of the echo endpoint beside the page.
    pub(crate) fn new() -> Self {
        let fields = Self {
            url: Field::new("url"),
            subprotocols: Field::new("subprotocols"),
            made_by: page::by_id("made-by"),
            binary_type: page::by_id("binary-type"),
            text: Field::new("text"),
            file: Field::new("file"),
            drop: page::by_id("drop"),
            file_name: page::by_id("file-name"),
            close_code: Field::new("close-code"),
            close_reason: Field::new("close-reason"),
        };
        fields.url.input.set_value(&echo());
        fields
    }

    /// Gives the subprotocols to offer; white space around them does not count.
    pub(crate) fn subprotocols(&self) -> Vec<String> {
        let value = self.subprotocols.input.value();
        if value.trim().is_empty() {
            return Vec::new();
        }
        value.split(',').map(|subprotocol| subprotocol.trim().to_owned()).collect()
    }

    /// Whether the socket is to be one of the class for JavaScript.
    pub(crate) fn is_of_class(&self) -> bool {
        self.made_by.value() == "class"
    }

    /// Gives the binary type to receive with.
    pub(crate) fn binary_type(&self) -> BinaryType {
        self.binary_type.value().parse().expect("the options are the Standard's")
    }

    /// Gives the close code, or says that it is not even a number.
    pub(crate) fn close_code(&self) -> Result<Option<u16>, String> {
        let value = self.close_code.input.value();
        match value.trim() {
            "" => Ok(None),
            code => code.parse().map(Some).map_err(|_| format!("{code:?} is not a number from 0 to 65535")),
        }
    }

    /// Gives the close reason, if there is one.
    pub(crate) fn close_reason(&self) -> Option<String> {
        Some(self.close_reason.input.value()).filter(|reason| !reason.is_empty())
    }

    /// Shows the name and the size of the file that will be sent.
    pub(crate) fn show_file(&self, file: Option<&File>) {
        self.file.accept();
        page::mark(&self.drop, "chosen", file.is_some());
        let name = file.map_or("Drop a file here, or choose one".to_owned(), |file| {
            format!("{} ({})", file.name(), page::bytes(size(file)))
        });
        self.file_name.set_text_content(Some(&name));
    }

    /// Lights the drop area up while a file hangs over it.
    pub(crate) fn show_drag(&self, over: bool) {
        page::mark(&self.drop, "over", over);
    }

    /// Takes every fault away.
    pub(crate) fn accept(&self) {
        let fields: [&dyn Faulty; 6] =
            [&self.url, &self.subprotocols, &self.text, &self.file, &self.close_code, &self.close_reason];
        for field in fields {
            field.accept();
        }
    }

    /// Shows what was thrown beside the field of the argument at fault; beside `otherwise` if it is none's.
    pub(crate) fn refuse(&self, refusal: &Refusal, otherwise: &dyn Faulty) {
        let field: &dyn Faulty = match refusal.argument {
            Some(Argument::Url) => &self.url,
            Some(Argument::Protocols) => &self.subprotocols,
            Some(Argument::Code) => &self.close_code,
            Some(Argument::Reason) => &self.close_reason,
            None => otherwise,
        };
        field.refuse(&refusal.message);
    }
}

/// Gives the size of a file; a browser's sizes are whole numbers in a double.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size is a whole number below 2^53")]
pub(crate) fn size(file: &File) -> u64 {
    file.size() as u64
}

/// The address of the echo endpoint on the server that the page came from.
fn echo() -> String {
    let location = page::window().location();
    let scheme = if location.protocol().is_ok_and(|protocol| protocol == "https:") { "wss" } else { "ws" };
    format!("{scheme}://{}/echo", location.host().unwrap_or_default())
}
