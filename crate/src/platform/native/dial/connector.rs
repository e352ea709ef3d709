//! Custom transports: the trait that makes the stream to the server in place of TCP.

use std::future::Future;
use std::io;
use std::pin::Pin;

use crate::platform::native::dial::io_stream::IoStream;
use crate::platform::native::dial::target::Target;

/// The future of a [`Connector`]: a stream that is being connected.
///
/// ```no_run
/// use samesocket::{Connecting, Connector, IoStream, Target};
/// use tokio::net::TcpStream;
///
/// struct Local;
///
/// impl Connector for Local {
///     fn connect(&self, target: &Target) -> Connecting {
///         let port = target.port;
///         Box::pin(async move {
///             let stream: Box<dyn IoStream> = Box::new(TcpStream::connect(("127.0.0.1", port)).await?);
///             Ok(stream)
///         })
///     }
/// }
/// ```
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn IoStream>>> + Send>>;

/// A factory of streams, set by [`Options::connector`](crate::Options::connector) in place of TCP.
///
/// Closures from [`&Target`](Target) to a future implement it. This example needs the package `tokio` with the feature
/// `net`, on a Unix system:
///
/// ```no_run
/// # #[cfg(unix)]
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use samesocket::{IoStream, Options, Target};
/// use tokio::net::UnixStream;
///
/// let options = Options::new().connector(|_: &Target| async {
///     Ok(Box::new(UnixStream::connect("/run/chat.socket").await?) as Box<dyn IoStream>)
/// });
/// let socket = samesocket::connect("ws://localhost/chat").options(options).await?;
/// # drop(socket);
/// # Ok(())
/// # }
/// ```
pub trait Connector: Send + Sync + 'static {
    /// Connects a stream to `target`.
    ///
    /// The future is polled on the socket's runtime. It is dropped when the socket is closed or its opening timeout
    /// passes. So it must not block on a tokio runtime; see [callbacks](crate::guide::runtimes).
    ///
    /// # Errors
    ///
    /// The future's error becomes the source of [`Failure::Connector`](crate::Failure::Connector).
    fn connect(&self, target: &Target) -> Connecting;
}

impl<F, R> Connector for F
where
    F: Fn(&Target) -> R + Send + Sync + 'static,
    R: Future<Output = io::Result<Box<dyn IoStream>>> + Send + 'static,
{
    fn connect(&self, target: &Target) -> Connecting {
        Box::pin(self(target))
    }
}
