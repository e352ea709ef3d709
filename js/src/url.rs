//! URLs, parsed by the platform.

use samesocket::spec::constructor::UrlRecord;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = URL)]
    type Platform;

    #[wasm_bindgen(constructor, js_class = URL, catch)]
    fn new(url: &str, base: Option<String>) -> Result<Platform, JsValue>;
    #[wasm_bindgen(method, getter)]
    fn protocol(this: &Platform) -> String;
    #[wasm_bindgen(method, setter)]
    fn set_protocol(this: &Platform, protocol: &str);
    #[wasm_bindgen(method, getter)]
    fn hostname(this: &Platform) -> String;
    #[wasm_bindgen(method, getter)]
    fn port(this: &Platform) -> String;
    #[wasm_bindgen(method, getter)]
    fn href(this: &Platform) -> String;

    type Document;
    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: Option<Document>;
    #[wasm_bindgen(method, getter, js_name = baseURI)]
    fn base_uri(this: &Document) -> String;

    type Location;
    #[wasm_bindgen(thread_local_v2, js_name = location)]
    static LOCATION: Option<Location>;
    #[wasm_bindgen(method, getter, js_name = href)]
    fn location_href(this: &Location) -> String;
}

/// The platform's `URL`.
pub(crate) struct Url(Platform);

/// The [API base URL](https://html.spec.whatwg.org/multipage/webappapis.html#api-base-url): a document's, which a
/// `base` element may set, or a worker's own; there is none in a program outside a browser.
fn api_base_url() -> Option<String> {
    let of_document = DOCUMENT.with(|document| document.as_ref().map(Document::base_uri));
    of_document.or_else(|| LOCATION.with(|location| location.as_ref().map(Location::location_href)))
}

impl UrlRecord for Url {
    fn parse(url: &str, base: Option<&str>) -> Option<Self> {
        Platform::new(url, base.map(str::to_owned).or_else(api_base_url)).ok().map(Self)
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
