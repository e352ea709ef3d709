//! The user's store of cookies.

use crate::sync::{MaybeSend, MaybeSync, Shared};

/// A store of cookies for opening handshakes, set by [`Options::cookies`](crate::Options::cookies).
///
/// Both methods get the URL of the handshake's request, as the cookie store of a browser does. Its scheme is `http` in
/// place of `ws` and `https` in place of `wss`, and it has no credentials. Neither method should block.
///
/// ```
/// use samesocket::{CookieStore, Options};
///
/// /// A store with one fixed cookie.
/// struct Session(String);
///
/// impl CookieStore for Session {
///     fn cookies(&self, url: &str) -> Option<String> {
///         url.starts_with("https://example.com/").then(|| format!("session={}", self.0))
///     }
///
///     fn set_cookies(&self, _url: &str, _values: &[&[u8]]) {}
/// }
///
/// let options = Options::new().cookies(Session("2a".to_owned()));
/// # drop(options);
/// ```
pub trait CookieStore: MaybeSend + MaybeSync + 'static {
    /// Returns the value of the `Cookie` field for this URL, or `None` for no such field.
    ///
    /// It is called while the socket is constructed, on the caller's thread. If
    /// [`max_redirects`](crate::Options::max_redirects) allows redirects, it is called again for each, on the socket's thread. There it
    /// runs inside a tokio runtime, so it must not block on one; see [callbacks](crate::guide::runtimes). A value that is empty or
    /// has control characters is not sent.
    fn cookies(&self, url: &str) -> Option<String>;

    /// Stores the values of all `Set-Cookie` fields of the server's response, whatever its status.
    ///
    /// It is called on the socket's thread before the `open` or `error` event. It is not called if there are no such
    /// fields. It runs inside a tokio runtime, so it must not block on one; see [callbacks](crate::guide::runtimes).
    fn set_cookies(&self, url: &str, values: &[&[u8]]);
}

/// A store that clones of the options share.
pub(crate) type SharedCookieStore = Shared<dyn CookieStore>;
