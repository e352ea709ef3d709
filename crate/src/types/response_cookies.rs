//! The store for the cookies of one response.

use super::cookie_store::SharedCookieStore;
use samesocket_spec::Response;

/// A cookie store with the URL of a request, for the cookies of its response.
#[derive(Clone)]
#[allow(dead_code, reason = "a browser keeps the cookies itself")]
pub(crate) struct ResponseCookies {
    pub(crate) store: SharedCookieStore,
    /// The URL of the request, as the store gets it.
    pub(crate) url: String,
}

#[allow(dead_code, reason = "a browser keeps the cookies itself")]
impl ResponseCookies {
    /// Passes all `Set-Cookie` fields of the response to the store, if there are any.
    ///
    /// No lock may be held, because the store is the user's.
    pub(crate) fn keep(&self, response: &Response) {
        let fields = response.headers().filter(|(name, _)| name.eq_ignore_ascii_case("Set-Cookie"));
        let values: Vec<&[u8]> = fields.map(|(_, value)| value).collect();
        if !values.is_empty() {
            self.store.set_cookies(&self.url, &values);
        }
    }
}
