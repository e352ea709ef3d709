//! The store of cookies in a build without the feature `cookies`: there is none.

/// A cookie store: an uninhabited type.
#[derive(Clone)]
pub(crate) enum SharedCookieStore {}

#[allow(dead_code, reason = "a browser calls neither")]
impl SharedCookieStore {
    pub(crate) const fn cookies(&self, _: &str) -> Option<String> {
        match *self {}
    }

    pub(crate) const fn set_cookies(&self, _: &str, _: &[&[u8]]) {
        match *self {}
    }
}
