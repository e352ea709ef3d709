//! Properties of the conversation with a proxy.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::FutureExt as _;
use samesocket::fuzzing::open_tunnel;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, Runtime};

/// The runtime of the timers. They never end, because the stream is always ready.
static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| Builder::new_current_thread().enable_time().build());

/// The proxies, and the host behind each.
const PROXIES: [(&str, &str); 6] = [
    ("http://p", "h"),
    ("http://user:p%3Aw@p", "::1"),
    ("socks5://p", "h"),
    ("socks5://user:pass@p", "127.0.0.1"),
    ("socks5://user@p", "::1"),
    ("https://p", "example.com"),
];

/// Checks that the result does not depend on how the proxy's answers are read, and that a tunnel begins right behind them.
///
/// The first byte encodes the proxy, the second the number of read sizes that follow. The rest are the bytes of the proxy.
///
/// # Panics
/// Panics if a property does not hold.
pub fn proxy(data: &[u8]) {
    let [proxy, count, rest @ ..] = data else { return };
    let (sizes, bytes) = rest.split_at(usize::from(count % 8).min(rest.len()));
    let (url, host) = PROXIES[usize::from(*proxy) % PROXIES.len()];
    let whole = converse(url, host, bytes, &[]);
    let pieces = converse(url, host, bytes, sizes);
    assert_eq!(whole, pieces, "the result depends on how the bytes are read");
    let (written, tunnel) = whole;
    let is_socks = url.starts_with("socks");
    let Ok(rest) = tunnel else { return };
    let used = bytes.len().checked_sub(rest.len()).expect("the tunnel has more bytes than the proxy has sent");
    assert_eq!(bytes[used..], rest, "the tunnel does not end as the bytes of the proxy");
    if is_socks {
        assert_eq!(Some(used), socks_answers(bytes), "the tunnel does not begin behind the answers");
        assert_eq!(written[0], 5);
    } else {
        let head = &bytes[..used];
        assert!(head.len() <= 16 << 10);
        assert!(head.ends_with(b"\n\n") || head.ends_with(b"\n\r\n"), "the tunnel begins within the head");
        let text = String::from_utf8(written).expect("the request is text");
        assert!(text.starts_with("CONNECT ") && text.ends_with("\r\n\r\n") && text.matches("\r\n\r\n").count() == 1);
    }
}

/// Returns what the client writes, and the bytes that come through the tunnel or the error.
fn converse(url: &str, host: &str, bytes: &[u8], sizes: &[u8]) -> (Vec<u8>, Result<Vec<u8>, String>) {
    let written = Arc::new(Mutex::new(Vec::new()));
    let stream = Pieces { bytes: bytes.to_vec(), sizes: sizes.to_vec(), turn: 0, written: Arc::clone(&written) };
    let talking = async {
        let mut tunnel = open_tunnel(url, Box::new(stream), host, 80).await?;
        let mut rest = Vec::new();
        tunnel.read_to_end(&mut rest).await?;
        io::Result::Ok(rest)
    };
    // The body of a refusal has a timeout, which needs a runtime.
    let entered = RUNTIME.as_ref().map(Runtime::enter).expect("a runtime");
    let result = talking.now_or_never().expect("the stream is always ready");
    drop(entered);
    let written = std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner));
    (written, result.map_err(|error| error.to_string()))
}

/// Returns the length of the answers of a SOCKS5 proxy that has opened a tunnel, with a parser of its own.
fn socks_answers(bytes: &[u8]) -> Option<usize> {
    let [5, method, rest @ ..] = bytes else { return None };
    let (mut used, mut rest) = (2, rest);
    if *method == 2 {
        let [_, 0, reply @ ..] = rest else { return None };
        (used, rest) = (4, reply);
    }
    let [5, 0, _, kind, address @ ..] = rest else { return None };
    let address_len = match kind {
        1 => 4,
        4 => 16,
        3 => 1 + usize::from(*address.first()?),
        _ => return None,
    };
    Some(used + 4 + address_len + 2)
}

/// A stream that reads and writes in pieces of these sizes, which repeat. Without sizes, there is one piece.
struct Pieces {
    bytes: Vec<u8>,
    sizes: Vec<u8>,
    turn: usize,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Pieces {
    fn size(&mut self) -> usize {
        let size =
            self.sizes.get(self.turn % self.sizes.len().max(1)).map_or(usize::MAX, |&size| usize::from(size) + 1);
        self.turn += 1;
        size
    }
}

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let size = self.size().min(self.bytes.len()).min(buffer.remaining());
        let piece: Vec<u8> = self.bytes.drain(..size).collect();
        buffer.put_slice(&piece);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let size = self.size().min(bytes.len());
        self.written.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes[..size]);
        Poll::Ready(Ok(size))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
