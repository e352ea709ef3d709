//! Private functions for the fuzz targets of this repository. They exist only with `--cfg fuzzing`.

use std::io;

use crate::platform::native::dial::io_stream::IoStream;
use crate::platform::native::dial::no_proxy;
use crate::platform::native::dial::proxy::ProxyServer;
use crate::platform::native::dial::target::Target;

/// Returns whether an entry of a `NO_PROXY` list covers a server.
#[must_use]
pub fn exempts(list: &str, host: &str, port: u16) -> bool {
    no_proxy::exempts(list, host, port)
}

/// Opens a tunnel to a server over a stream to a proxy, whose URL is `proxy`.
///
/// # Errors
///
/// Returns the failure of the proxy, or an error if its URL is invalid.
pub async fn open_tunnel(
    proxy: &str,
    stream: Box<dyn IoStream>,
    host: &str,
    port: u16,
) -> io::Result<Box<dyn IoStream>> {
    let target = Target { secure: false, host: host.to_owned(), port, is_proxy: false };
    let proxy = ProxyServer::parse(proxy).map_err(io::Error::other)?;
    proxy.open_tunnel(stream, &target, None, &mut None).await.map_err(io::Error::other)
}
