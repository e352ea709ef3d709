//! The option of HTTP/2.

use super::Options;
use crate::platform::Settings as _;
use crate::types::http2::Http2;

#[cfg_attr(docsrs, doc(cfg(feature = "http2")))]
impl Options {
    /// Sets whether and how the socket uses HTTP/2. The default is [`Http2::never`].
    ///
    /// The socket behaves as over HTTP/1.1, but several sockets share one connection with the server. See
    /// [the guide](crate::guide::http2). A response that accepts has the status 200 instead of 101. In a page it has no
    /// effect, because the browser decides.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), samesocket::ConnectError> {
    /// use samesocket::{Http2, Options, connect};
    ///
    /// let options = Options::new().http2(Http2::if_offered());
    /// let socket = connect("wss://example.com/chat").options(options).await?;
    /// # drop(socket);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn http2(mut self, http2: Http2) -> Self {
        self.0.set_http2(http2);
        self
    }
}
