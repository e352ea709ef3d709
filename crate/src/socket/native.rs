//! Methods of the futures API that exist on native targets only.

use super::connect::Connect;
use super::error::ConnectionFailed;
use crate::platform::api::{Failure, Options};
use crate::sync::Shared;

impl Connect {
    /// Sets options of the connection that exist on native targets only, such as headers, TLS and proxies.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use samesocket::{Options, connect};
    ///
    /// let options = Options::new().header("X-Client", "example")?;
    /// let socket = connect("wss://example.com/chat").options(options).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn options(self, options: Options) -> Self {
        self.backend(Shared::new(options))
    }
}

impl ConnectionFailed {
    /// Returns why the connection failed, if that is known. It is for diagnosis, and exists on native targets only.
    ///
    /// ```no_run
    /// # async fn example() {
    /// use samesocket::{ConnectError, connect};
    ///
    /// if let Err(ConnectError::Failed(failed)) = connect("wss://example.com/chat").await {
    ///     println!("close code {}: {:?}", failed.event().code, failed.failure());
    /// }
    /// # }
    /// ```
    pub fn failure(&self) -> Option<&Failure> {
        self.final_state().failure.as_ref()
    }
}
