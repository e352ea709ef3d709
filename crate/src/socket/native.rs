//! What the futures API has on native targets only.

use super::connect::Connect;
use super::error::ConnectionFailed;
use crate::platform::api::{Failure, Options};
use crate::sync::Shared;

impl Connect {
    /// Sets the options of the connection; natively only.
    pub fn options(self, options: Options) -> Self {
        self.by(Shared::new(options))
    }
}

impl ConnectionFailed {
    /// Tells why the connection failed, for diagnosis, where it is known; natively only.
    pub fn failure(&self) -> Option<&Failure> {
        self.final_state().failure.as_ref()
    }
}
