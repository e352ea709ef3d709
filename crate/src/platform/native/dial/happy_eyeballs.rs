//! TCP to a host with one or more addresses, by [RFC 8305](https://www.rfc-editor.org/rfc/rfc8305), "happy eyeballs".

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use tokio::time::sleep;

use crate::platform::native::dial::handshake_queue::{HandshakePermit, HandshakeSlot};
use crate::platform::native::dial::resolve::resolve;
use crate::platform::native::dial::tcp::TcpStream;
use crate::platform::native::dial::tcp_settings::TcpSettings;
use crate::platform::native::runtime::clock::REACTOR_TURN;
use crate::trace::event;
use crate::types::failure::Failure;

/// The delay after which the next address is tried beside the one before. It is the value that
/// [RFC 8305, section 5](https://www.rfc-editor.org/rfc/rfc8305#section-5) recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to the first address of `host` that accepts a connection.
pub(super) async fn connect(host: &str, port: u16, settings: &TcpSettings) -> Result<TcpStream, Failure> {
    connect_with(host, port, settings, |address| TcpStream::connect(address, settings)).await
}

/// Connects like [`connect`], but acquires a handshake permit for each address before it is tried.
///
/// Returns the stream with the permit of its address.
pub(super) async fn connect_with_permit(
    host: &str,
    port: u16,
    settings: &TcpSettings,
    slot: &HandshakeSlot,
) -> Result<(TcpStream, HandshakePermit), Failure> {
    let open = |address: SocketAddr| async move {
        // An address that is never tried need not wait.
        settings.local_address_for(address)?;
        let permit = slot.acquire(address.into()).await;
        Ok((TcpStream::connect(address, settings).await?, permit))
    };
    connect_with(host, port, settings, open).await
}

async fn connect_with<T, R: Future<Output = io::Result<T>>>(
    host: &str,
    port: u16,
    settings: &TcpSettings,
    open: impl Fn(SocketAddr) -> R,
) -> Result<T, Failure> {
    let addresses = resolve(host, port, settings).await?;
    event!(current, DEBUG, "name resolved", host = host, addresses = %Addresses(&addresses));
    race(addresses, open).await.map_err(|attempts| Failure::Connect { host: host.to_owned(), port, attempts })
}

/// Addresses as text, separated by commas.
struct Addresses<'a>(&'a VecDeque<SocketAddr>);

impl fmt::Display for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            write!(f, "{}{address}", if index > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// Tries one address after the other, each [`ATTEMPT_DELAY`] after the one before or as soon as one has failed.
///
/// The delay includes the wait for a handshake permit. Otherwise many sockets would wait one by one for an address that
/// never answers.
async fn race<T, R: Future<Output = io::Result<T>>>(
    mut addresses: VecDeque<SocketAddr>,
    open: impl Fn(SocketAddr) -> R,
) -> Result<T, Vec<(SocketAddr, Arc<io::Error>)>> {
    let mut attempts = FuturesUnordered::new();
    let mut failed = Vec::new();
    loop {
        if let Some(address) = addresses.pop_front() {
            let attempt = open(address);
            attempts.push(async move { (address, attempt.await) });
        }
        let delay = if addresses.is_empty() { Duration::MAX } else { ATTEMPT_DELAY };
        // A turn of the reactor comes last: an attempt may have succeeded while the process was stopped.
        let delay = async {
            sleep(delay.saturating_sub(REACTOR_TURN)).await;
            sleep(REACTOR_TURN).await;
        };
        match select(attempts.next(), pin!(delay)).await {
            Either::Left((Some((address, Ok(opened))), _)) => {
                event!(current, DEBUG, "TCP connected", address = %address);
                return Ok(opened);
            }
            Either::Left((Some((address, Err(error))), _)) => {
                event!(current, DEBUG, "TCP failed", address = %address, error = %error);
                failed.push((address, Arc::new(error)));
            }
            Either::Left((None, _)) => return Err(failed),
            Either::Right(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::cell::RefCell;

    /// Races three addresses with these outcomes; `None` hangs. Returns the result, and the port and time of each
    /// attempt.
    async fn raced(
        outcomes: [Option<io::Result<()>>; 3],
    ) -> (Result<SocketAddr, Vec<io::ErrorKind>>, Vec<(u16, u128)>) {
        let start = tokio::time::Instant::now();
        let addresses: VecDeque<SocketAddr> = (1..=3).map(|port| SocketAddr::from(([192, 0, 2, 1], port))).collect();
        let (outcomes, tried) = (RefCell::new(outcomes.map(Some)), RefCell::new(Vec::new()));
        let opened = race(addresses, |address| {
            let outcome = outcomes.borrow_mut()[usize::from(address.port() - 1)].take().flatten();
            tried.borrow_mut().push((address.port(), start.elapsed().as_millis()));
            async move {
                match outcome {
                    Some(outcome) => outcome.map(|()| address),
                    None => std::future::pending().await,
                }
            }
        });
        let opened = opened.await.map_err(|failed| failed.into_iter().map(|(_, error)| error.kind()).collect());
        (opened, tried.into_inner())
    }

    fn refused() -> io::Result<()> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    #[tokio::test(start_paused = true)]
    async fn first_address_that_accepts_ends_the_race() {
        let (opened, tried) = raced([Some(Ok(())), Some(Ok(())), Some(Ok(()))]).await;
        assert_eq!((opened.unwrap().port(), tried), (1, vec![(1, 0)]));
    }

    #[tokio::test(start_paused = true)]
    async fn address_that_refuses_starts_the_next_attempt_at_once() {
        let (opened, tried) = raced([Some(refused()), Some(refused()), Some(Ok(()))]).await;
        assert_eq!((opened.unwrap().port(), tried), (3, vec![(1, 0), (2, 0), (3, 0)]));
        let (opened, _) = raced([Some(refused()), Some(refused()), Some(refused())]).await;
        assert_eq!(opened.unwrap_err(), [io::ErrorKind::ConnectionRefused; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn address_that_hangs_starts_the_next_attempt_after_delay() {
        let (opened, tried) = raced([None, Some(refused()), Some(Ok(()))]).await;
        assert_eq!((opened.unwrap().port(), tried), (3, vec![(1, 0), (2, 250), (3, 250)]));
        let (opened, tried) = raced([None, None, Some(Ok(()))]).await;
        assert_eq!((opened.unwrap().port(), tried), (3, vec![(1, 0), (2, 250), (3, 500)]));
    }

    #[tokio::test(start_paused = true)]
    async fn address_that_waits_for_a_permit_counts_as_hanging() {
        let [first, second] = [1, 2].map(|host| SocketAddr::from(([192, 0, 2, host], 8001)));
        let start = tokio::time::Instant::now();
        let (other, slot) = (HandshakeSlot::new(1), HandshakeSlot::new(1));
        let held = other.acquire(first.into()).await;
        let opened = race(VecDeque::from([first, second]), |address| {
            let slot = &slot;
            async move { Ok((address, slot.acquire(address.into()).await)) }
        });
        let (address, _permit) = opened.await.unwrap();
        assert_eq!((address, start.elapsed()), (second, ATTEMPT_DELAY));
        drop(held);
        assert!(other.acquire(first.into()).now_or_never().is_some(), "an attempt that lost is still in the queue");
    }
}
