//! URLs, parsed by the platform.

use wasm_bindgen::prelude::*;

use crate::spec::constructor::UrlRecord;

#[wasm_bindgen]
extern "C" {
    type Document;
    type Location;

    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: Option<Document>;
    #[wasm_bindgen(thread_local_v2, js_name = location)]
    static LOCATION: Option<Location>;

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
    let of_document = DOCUMENT.with(|document| document.as_ref().map(Document::base_uri));
    of_document.or_else(|| LOCATION.with(|location| location.as_ref().map(Location::href)))
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
