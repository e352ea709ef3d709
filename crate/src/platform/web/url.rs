//! URLs, parsed by the platform.

use wasm_bindgen::prelude::*;

use crate::spec::constructor::UrlRecord;

#[wasm_bindgen]
extern "C" {
    type Document;

    /// The global object, whichever it is.
    type Global;

    #[wasm_bindgen(method, getter)]
    fn document(this: &Global) -> Option<Document>;
    #[wasm_bindgen(method, getter)]
    fn location(this: &Global) -> JsValue;
    #[wasm_bindgen(method, getter, js_name = baseURI)]
    fn base_uri(this: &Document) -> JsValue;

    /// The platform's `URL`, for a constructor that leaves the base with the platform.
    #[wasm_bindgen(extends = web_sys::Url, js_name = URL)]
    type Parsed;
    #[wasm_bindgen(constructor, catch, js_class = "URL")]
    fn new(url: &str, base: &JsValue) -> Result<Parsed, JsValue>;
}

/// The platform's `URL`.
pub struct Url(web_sys::Url);

/// The [API base URL](https://html.spec.whatwg.org/multipage/webappapis.html#api-base-url): a document's, which a
/// `base` element may set, or a worker's own, whose location becomes a string where one is wanted; there is none, but
/// `undefined`, in a program outside a browser.
fn api_base_url() -> JsValue {
    let global = js_sys::global();
    let global: &Global = global.unchecked_ref();
    let base = global.document().map_or_else(|| global.location(), |document| document.base_uri());
    // As the base of a URL, `null` would be its name.
    if base.is_null() { JsValue::UNDEFINED } else { base }
}

impl UrlRecord for Url {
    fn parse(url: &str, base: Option<&str>) -> Option<Self> {
        let base = base.map_or_else(api_base_url, JsValue::from_str);
        Parsed::new(url, &base).ok().map(|record| Self(record.unchecked_into()))
    }

    fn scheme(&self) -> String {
        let mut scheme = self.0.protocol();
        scheme.pop();
        scheme
    }

    fn set_scheme(&mut self, scheme: &str) {
        self.0.set_protocol(scheme);
    }

    fn host(&self) -> String {
        self.0.hostname()
    }

    fn port(&self) -> String {
        self.0.port()
    }

    fn serialize(&self) -> String {
        self.0.href()
    }
}
