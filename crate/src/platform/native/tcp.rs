//! TCP to a host of one or more addresses, by [RFC 8305](https://www.rfc-editor.org/rfc/rfc8305), "happy eyeballs".

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::sleep;

use super::Failure;

/// How long one address is tried before the next one is tried beside it.
const STAGGER: Duration = Duration::from_millis(250);

/// Connects to the first address of `host` that takes it.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, Failure> {
    let addresses = resolve(host, port).await?;
    let stream =
        race(addresses).await.map_err(|attempts| Failure::Connect { host: host.to_owned(), port, attempts })?;
    // Messages leave when they are sent; what can be joined is joined before it gets here.
    let _ = stream.set_nodelay(true);
    Ok(stream)
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
async fn race(mut addresses: VecDeque<SocketAddr>) -> Result<TcpStream, Vec<(SocketAddr, Arc<io::Error>)>> {
    let mut running = FuturesUnordered::new();
    let mut failed = Vec::new();
    loop {
        if let Some(address) = addresses.pop_front() {
            running.push(async move { (address, TcpStream::connect(address).await) });
        }
        let patience = if addresses.is_empty() { Duration::MAX } else { STAGGER };
        let patience = std::pin::pin!(sleep(patience));
        match select(running.next(), patience).await {
            Either::Left((Some((_, Ok(stream))), _)) => return Ok(stream),
            Either::Left((Some((address, Err(error))), _)) => failed.push((address, Arc::new(error))),
            Either::Left((None, _)) => return Err(failed),
            Either::Right(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |list: &[&str]| list.iter().map(|address| address.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let given = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        let expected = parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert_eq!(interleave(given.into_iter()), expected);
        let given = parse(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(interleave(given.clone().into_iter()), given);
    }
}
