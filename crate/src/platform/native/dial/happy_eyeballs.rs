//! TCP to a host of one or more addresses, by [RFC 8305](https://www.rfc-editor.org/rfc/rfc8305), "happy eyeballs".

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::sleep;

use crate::platform::native::dial::handshake_queue::Admission;
use crate::platform::native::failure::Failure;

/// How long one address is tried before the next one is tried beside it.
const STAGGER: Duration = Duration::from_millis(250);

/// Connects to the first address of `host` that takes it.
pub(in crate::platform::native) async fn connect(host: &str, port: u16) -> Result<TcpStream, Failure> {
    reach(host, port, open).await
}

/// Connects to the first address of `host` that takes it, where no other socket is opening a connection by then.
pub(in crate::platform::native) async fn connect_in_turn(
    host: &str,
    port: u16,
) -> Result<(TcpStream, Admission), Failure> {
    let open = |address: SocketAddr| async move {
        let admission = Admission::to(address.into()).await;
        Ok((open(address).await?, admission))
    };
    reach(host, port, open).await
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Messages leave when they are sent; what can be joined is joined before it gets here.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn reach<T, R: Future<Output = io::Result<T>>>(
    host: &str,
    port: u16,
    open: impl Fn(SocketAddr) -> R,
) -> Result<T, Failure> {
    let addresses = resolve(host, port).await?;
    race(addresses, open).await.map_err(|attempts| Failure::Connect { host: host.to_owned(), port, attempts })
}

async fn resolve(host: &str, port: u16) -> Result<VecDeque<SocketAddr>, Failure> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(VecDeque::from([SocketAddr::new(address, port)]));
    }
    let failed = |source| Failure::Resolve { host: host.to_owned(), source };
    let addresses = lookup_host((host, port)).await.map_err(|error| failed(Some(Arc::new(error))))?;
    let addresses = interleave(addresses);
    if addresses.is_empty() { Err(failed(None)) } else { Ok(addresses) }
}

/// Has addresses of both families take turns, the family of the first one, which the system prefers, beginning.
fn interleave(addresses: impl Iterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut addresses = addresses.peekable();
    let Some(first) = addresses.peek().map(SocketAddr::is_ipv6) else { return VecDeque::new() };
    let (preferred, others): (Vec<_>, Vec<_>) = addresses.partition(|address| address.is_ipv6() == first);
    let mut others = others.into_iter();
    let mut order: VecDeque<_> =
        preferred.into_iter().flat_map(|address| [Some(address), others.next()]).flatten().collect();
    order.extend(others);
    order
}

/// Tries one address after the other, each a while after the one before, or as soon as that has failed.
///
/// Waiting for a turn counts, so that many sockets do not wait one by one for an address that never answers.
async fn race<T, R: Future<Output = io::Result<T>>>(
    mut addresses: VecDeque<SocketAddr>,
    open: impl Fn(SocketAddr) -> R,
) -> Result<T, Vec<(SocketAddr, Arc<io::Error>)>> {
    let mut running = FuturesUnordered::new();
    let mut failed = Vec::new();
    loop {
        if let Some(address) = addresses.pop_front() {
            let opening = open(address);
            running.push(async move { (address, opening.await) });
        }
        let patience = if addresses.is_empty() { Duration::MAX } else { STAGGER };
        let patience = std::pin::pin!(sleep(patience));
        match select(running.next(), patience).await {
            Either::Left((Some((_, Ok(opened))), _)) => return Ok(opened),
            Either::Left((Some((address, Err(error))), _)) => failed.push((address, Arc::new(error))),
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

    #[test]
    fn families_take_turns() {
        let parse = |list: &[&str]| list.iter().map(|address| address.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let given = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        let expected = parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert_eq!(interleave(given.into_iter()), expected);
        let given = parse(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(interleave(given.clone().into_iter()), given);
    }

    /// Races three addresses, of which this comes, and tells in which order and when they are tried.
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
    async fn the_first_address_that_takes_the_connection_is_the_only_one() {
        let (opened, tried) = raced([Some(Ok(())), Some(Ok(())), Some(Ok(()))]).await;
        assert_eq!((opened.unwrap().port(), tried), (1, vec![(1, 0)]));
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_address_that_refuses_the_next_one_is_tried_at_once() {
        let (opened, tried) = raced([Some(refused()), Some(refused()), Some(Ok(()))]).await;
        assert_eq!((opened.unwrap().port(), tried), (3, vec![(1, 0), (2, 0), (3, 0)]));
        let (opened, _) = raced([Some(refused()), Some(refused()), Some(refused())]).await;
        assert_eq!(opened.unwrap_err(), [io::ErrorKind::ConnectionRefused; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn beside_an_address_that_hangs_the_next_one_is_tried_after_a_while() {
        let (opened, tried) = raced([None, Some(refused()), Some(Ok(()))]).await;
        assert_eq!((opened.unwrap().port(), tried), (3, vec![(1, 0), (2, 250), (3, 250)]));
        let (opened, tried) = raced([None, None, Some(Ok(()))]).await;
        assert_eq!((opened.unwrap().port(), tried), (3, vec![(1, 0), (2, 250), (3, 500)]));
    }

    #[tokio::test(start_paused = true)]
    async fn where_another_socket_has_its_turn_the_next_address_is_tried_as_beside_one_that_hangs() {
        let [first, second] = [1, 2].map(|host| SocketAddr::from(([192, 0, 2, host], 8001)));
        let start = tokio::time::Instant::now();
        let held = Admission::to(first.into()).await;
        let opened = race(VecDeque::from([first, second]), |address| async move {
            Ok((address, Admission::to(address.into()).await))
        });
        let (address, _admission) = opened.await.unwrap();
        assert_eq!((address, start.elapsed()), (second, STAGGER));
        drop(held);
        assert!(Admission::to(first.into()).now_or_never().is_some(), "who went elsewhere waits no more");
    }
}
