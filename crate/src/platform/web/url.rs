//! URLs, parsed by the platform.

use wasm_bindgen::prelude::*;

use samesocket_spec::constructor::UrlRecord;

#[wasm_bindgen]
extern "C" {
    type Document;
    type Location;

    /// The global object, whichever it is.
    type Global;

    #[wasm_bindgen(method, getter)]
    fn document(this: &Global) -> Option<Document>;
    #[wasm_bindgen(method, getter)]
    fn location(this: &Global) -> Option<Location>;
    #[wasm_bindgen(method, getter, js_name = baseURI)]
    fn base_uri(this: &Document) -> JsValue;

    /// The platform's `URL`, for a constructor that leaves the base with the platform.
    #[wasm_bindgen(js_name = URL)]
    type Parsed;
    #[wasm_bindgen(method, getter)]
    fn href(this: &Parsed) -> String;
    #[wasm_bindgen(constructor, catch, js_class = "URL")]
    fn new(url: &str, base: &JsValue) -> Result<Parsed, JsValue>;
}

/// A URL as the platform's parser serialized it.
pub(crate) struct Url(String);

/// The [API base URL](https://html.spec.whatwg.org/multipage/webappapis.html#api-base-url): a document's, which a
/// `base` element may set, or a worker's own, whose location becomes a string where one is wanted; there is none, but
/// `undefined`, in a program outside a browser.
fn api_base_url() -> JsValue {
    let global = js_sys::global();
    let global: &Global = global.unchecked_ref();
    match global.document() {
        Some(document) => document.base_uri(),
        // As the base of a URL, `null` would be its name.
        None => global.location().map_or(JsValue::UNDEFINED, JsValue::from),
    }
}

impl Url {
    /// Parses `url` against `base` or, without one, against the API base URL.
    pub(crate) fn parse(url: &str, base: Option<&str>) -> Option<Self> {
        let base = base.map_or_else(api_base_url, JsValue::from_str);
        Parsed::new(url, &base).ok().map(|record| Self(record.href()))
    }
}

impl UrlRecord for Url {
    fn set_websocket_scheme(&mut self) {
        self.0.set_websocket_scheme();
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}
