//! The settings with which the server begins its connections.

/// `SETTINGS_MAX_CONCURRENT_STREAMS`.
const MAX_CONCURRENT_STREAMS: u16 = 3;
/// `SETTINGS_INITIAL_WINDOW_SIZE`.
const INITIAL_WINDOW_SIZE: u16 = 4;
/// `SETTINGS_ENABLE_CONNECT_PROTOCOL` ([RFC 8441, section 3](https://www.rfc-editor.org/rfc/rfc8441#section-3)).
const ENABLE_CONNECT_PROTOCOL: u16 = 8;

/// The receive window of a connection, in bytes. It is larger than that of a stream (65,535), so that a stream that is
/// not read does not stop the others. Arbitrary.
const CONNECTION_WINDOW: u32 = 1 << 20;

/// The settings with which the server begins an HTTP/2 connection. By default it permits extended CONNECT and any number
/// of streams, with a window of 65,535 bytes each and of 1 MiB in all.
///
/// ```
/// use samesocket_fault_server::{Http2, Server};
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let server = Server::builder().http2().start().await?;
/// server.set_http2(Http2::new().max_concurrent_streams(2).answer_pings(false));
/// assert!(server.addresses().h2c.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Http2 {
    changes: Vec<(u16, Option<u32>)>,
    pub(crate) answer_pings: bool,
    pub(crate) connection_window: u32,
    pub(crate) is_silent: bool,
}

impl Default for Http2 {
    fn default() -> Self {
        Self { changes: Vec::new(), answer_pings: true, connection_window: CONNECTION_WINDOW, is_silent: false }
    }
}

impl Http2 {
    /// Creates the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves `SETTINGS_ENABLE_CONNECT_PROTOCOL` out, so that a client must not send extended CONNECT.
    pub fn without_connect_protocol(self) -> Self {
        self.change(ENABLE_CONNECT_PROTOCOL, None)
    }

    /// Sets `SETTINGS_MAX_CONCURRENT_STREAMS`. The server does not enforce it.
    pub fn max_concurrent_streams(self, count: u32) -> Self {
        self.setting(MAX_CONCURRENT_STREAMS, count)
    }

    /// Sets `SETTINGS_INITIAL_WINDOW_SIZE`, in bytes. More than 65,535 bytes end the connection once they are used.
    pub fn initial_window_size(self, bytes: u32) -> Self {
        self.setting(INITIAL_WINDOW_SIZE, bytes)
    }

    /// Sets a setting by its number, also to an invalid value.
    pub fn setting(self, id: u16, value: u32) -> Self {
        self.change(id, Some(value))
    }

    /// Sets whether the server answers pings. The default is `true`.
    pub fn answer_pings(mut self, answer: bool) -> Self {
        self.answer_pings = answer;
        self
    }

    /// Sets the receive window of a connection, in bytes, from 65,535. The default is 1 MiB.
    pub fn connection_window_size(mut self, bytes: u32) -> Self {
        self.connection_window = bytes;
        self
    }

    /// Sends nothing, not even SETTINGS.
    pub fn silent(mut self) -> Self {
        self.is_silent = true;
        self
    }

    fn change(mut self, id: u16, value: Option<u32>) -> Self {
        self.changes.push((id, value));
        self
    }

    /// Returns the values of a SETTINGS frame, with these settings in their place.
    pub(crate) fn apply_to(&self, mut values: Vec<(u16, u32)>) -> Vec<(u16, u32)> {
        for &(id, value) in &self.changes {
            values.retain(|(other, _)| *other != id);
            values.extend(value.map(|value| (id, value)));
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_replaced_added_and_left_out() {
        let changed = Http2::new().without_connect_protocol().initial_window_size(0).max_concurrent_streams(1);
        assert_eq!(changed.apply_to(vec![(4, 65_535), (8, 1), (6, 9)]), [(6, 9), (4, 0), (3, 1)]);
        assert_eq!(Http2::new().apply_to(vec![(8, 1)]), [(8, 1)]);
    }
}
