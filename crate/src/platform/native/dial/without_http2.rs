//! HTTP/2 in a build without it: each socket has a connection of HTTP/1.1.

use crate::platform::native::dial::http_versions::HttpVersions;
use crate::platform::native::dial::route::{Dialed, Route};
use crate::types::failure::Failure;
use samesocket_protocol::Request;

/// Makes a connection of HTTP/1.1.
pub(super) async fn connect(route: &Route<'_>, _: Option<&Request>) -> Result<Dialed, Failure> {
    route.connect(HttpVersions::Http1).await
}
