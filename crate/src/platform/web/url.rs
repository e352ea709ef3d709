//! URLs, parsed by the platform.

use wasm_bindgen::prelude::*;

use crate::spec::constructor::UrlRecord;

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
    fn base_uri(this: &Document) -> String;
    #[wasm_bindgen(method, getter)]
    fn href(this: &Location) -> String;
}

/// The platform's `URL`.
pub struct Url(web_sys::Url);

/// The [API base URL](https://html.spec.whatwg.org/multipage/webappapis.html#api-base-url): a document's, which a
/// `base` element may set, or a worker's own; there is none in a program outside a browser.
fn api_base_url() -> Option<String> {
    let global = js_sys::global();
    let global: &Global = global.unchecked_ref();
    global.document().map(|document| document.base_uri()).or_else(|| global.location().map(|location| location.href()))
}

impl UrlRecord for Url {
    fn parse(url: &str, base: Option<&str>) -> Option<Self> {
        let record = match base.map(str::to_owned).or_else(api_base_url) {
            Some(base) => web_sys::Url::new_with_base(url, &base),
            None => web_sys::Url::new(url),
        };
        record.ok().map(Self)
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
