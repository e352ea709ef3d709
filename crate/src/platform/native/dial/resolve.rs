//! Name resolution, on a bounded number of [threads](super::lookup_threads) of its own.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use crate::platform::native::dial::lookup_threads::LookupThreads;
use crate::platform::native::dial::tcp_settings::TcpSettings;
use crate::platform::native::runtime::per_process::PerProcess;
use crate::types::failure::Failure;

/// The most threads of the process that resolve names at one time. Arbitrary: more names than this seldom hang at once.
///
/// A lookup beyond it waits. The opening timeout of its socket goes on meanwhile.
const MAX_THREADS: usize = 16;

/// The threads that resolve names over the network.
///
/// A forked process has none of the parent's threads.
static NETWORK: PerProcess<&'static LookupThreads> = PerProcess::new();

/// Returns the addresses of `host` in the order in which to try them. An address literal, `localhost` and a name whose
/// addresses are in the settings need no thread.
///
/// Dropping the future ends the wait. A lookup that has started keeps its thread until the system's resolver returns.
pub(super) async fn resolve(host: &str, port: u16, settings: &TcpSettings) -> Result<VecDeque<SocketAddr>, Failure> {
    if let Some(addresses) = settings.resolved(host) {
        let addresses: VecDeque<_> = addresses.iter().map(|&address| SocketAddr::new(address, port)).collect();
        let failed = Failure::Resolve { host: host.to_owned(), source: None };
        return if addresses.is_empty() { Err(failed) } else { Ok(addresses) };
    }
    let threads = *NETWORK.lock().value.get_or_insert_with(|| Box::leak(Box::new(LookupThreads::new(MAX_THREADS))));
    resolve_by(system_lookup, threads, host, port).await
}

/// Resolves `host` by `lookup`, which runs on one of `threads`.
async fn resolve_by(
    lookup: impl FnOnce(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + 'static,
    threads: &'static LookupThreads,
    host: &str,
    port: u16,
) -> Result<VecDeque<SocketAddr>, Failure> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(VecDeque::from([SocketAddr::new(address, port)]));
    }
    if is_localhost(host) {
        let loopback = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];
        return Ok(loopback.map(|address| SocketAddr::new(address, port)).into());
    }
    let failed = |source| Failure::Resolve { host: host.to_owned(), source };
    let name = host.to_owned();
    let found = threads.run(move || lookup(&name, port)).await.map_err(|error| failed(Some(Arc::new(error))))?;
    let addresses = interleave(found.into_iter());
    if addresses.is_empty() { Err(failed(None)) } else { Ok(addresses) }
}

fn system_lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

/// Returns whether the name stands for the loopback addresses: `localhost`, or a subdomain of it.
///
/// [RFC 6761, section 6.3](https://www.rfc-editor.org/rfc/rfc6761#section-6.3) reserves these names. No resolver is
/// asked, because not each knows the subdomains, and an answer of the network would take what is meant for this machine.
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last_label = host.rsplit('.').next().unwrap_or_default();
    last_label.eq_ignore_ascii_case("localhost")
}

/// Alternates between the address families, by [RFC 8305, section 4](https://www.rfc-editor.org/rfc/rfc8305#section-4).
///
/// The family of the first address, which the system prefers, comes first.
fn interleave(addresses: impl Iterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut addresses = addresses.peekable();
    let Some(first_is_v6) = addresses.peek().map(SocketAddr::is_ipv6) else { return VecDeque::new() };
    let (preferred, others): (Vec<_>, Vec<_>) = addresses.partition(|address| address.is_ipv6() == first_is_v6);
    let mut others = others.into_iter();
    let mut order: VecDeque<_> =
        preferred.into_iter().flat_map(|address| [Some(address), others.next()]).flatten().collect();
    order.extend(others);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use futures::future::join_all;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;
    use tokio::runtime::Builder;
    use tokio::time::timeout;

    fn threads(count: usize) -> &'static LookupThreads {
        Box::leak(Box::new(LookupThreads::new(count)))
    }

    /// Creates a lookup that says when it begins and then hangs until the other end of `release` is dropped.
    fn hanging(
        begun: mpsc::Sender<()>,
        release: mpsc::Receiver<()>,
    ) -> impl FnOnce(&str, u16) -> io::Result<Vec<SocketAddr>> + Send {
        move |_, port| {
            begun.send(()).unwrap();
            let _ = release.recv();
            Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))])
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "a lookup returns a result")]
    fn answer(_: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::from(([192, 0, 2, 2], port))])
    }

    #[test]
    fn interleave_alternates_between_families() {
        let parse = |list: &[&str]| list.iter().map(|address| address.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let given = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        let expected = parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert_eq!(interleave(given.into_iter()), expected);
        let given = parse(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(interleave(given.clone().into_iter()), given);
    }

    #[test]
    fn localhost_and_its_subdomains_are_loopback_without_lookup() {
        let loopback =
            [SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 80), SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 80)];
        let resolved = |name| resolve_by(answer, threads(0), name, 80).now_or_never();
        for name in ["localhost", "LocalHost", "localhost.", "foo.localhost", "a.B.LOCALHOST."] {
            let found = resolved(name).expect("localhost waits for no thread");
            assert_eq!(found.unwrap(), loopback, "{name}");
        }
        for name in ["localhost.example", "notlocalhost", "localhost..", "foo-localhost", "localhost4", ""] {
            assert!(resolved(name).is_none(), "{name}");
        }
    }

    #[tokio::test]
    async fn lookups_use_no_more_threads_than_allowed() {
        let (threads, names) = (threads(3), 600);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let lookups = (0..names).map(|number| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            let lookup = move |_: &str, port| {
                most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                thread::yield_now();
                running.fetch_sub(1, Ordering::Relaxed);
                Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))])
            };
            async move { resolve_by(lookup, threads, &format!("{number}.invalid"), 80).await.unwrap().len() }
        });
        assert_eq!(join_all(lookups).await, vec![1; names]);
        assert!((1..=3).contains(&most.load(Ordering::Relaxed)));
    }

    #[tokio::test]
    async fn lookup_waits_for_a_thread_and_may_be_cancelled() {
        let threads = threads(1);
        let (begun, has_begun) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let first = tokio::spawn(resolve_by(hanging(begun, released), threads, "first.invalid", 80));
        tokio::task::yield_now().await;
        has_begun.recv().unwrap();
        let mut cancelled = Box::pin(resolve_by(answer, threads, "cancelled.invalid", 80));
        let mut last = Box::pin(resolve_by(answer, threads, "last.invalid", 80));
        assert!(futures::poll!(&mut cancelled).is_pending() && futures::poll!(&mut last).is_pending());
        for literal in ["192.0.2.3", "2001:db8::1"] {
            let found = resolve_by(answer, threads, literal, 80).now_or_never().expect("a literal waits for no thread");
            assert_eq!(found.unwrap(), [SocketAddr::new(literal.parse().unwrap(), 80)]);
        }
        drop(cancelled);
        // The lookup hangs on, and its thread counts, though its socket was dropped.
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        assert!(futures::poll!(&mut last).is_pending());
        assert_eq!(threads.running(), 1);
        drop(release);
        let found = timeout(Duration::from_secs(30), last).await.expect("a thread has ended");
        assert_eq!(found.unwrap(), [SocketAddr::from(([192, 0, 2, 2], 80))]);
    }

    #[test]
    fn hanging_lookup_occupies_no_thread_of_the_runtime() {
        let runtime = Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap();
        let (begun, has_begun) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let lookup = runtime.spawn(resolve_by(hanging(begun, released), threads(1), "hangs.invalid", 80));
        runtime.block_on(async {
            tokio::task::yield_now().await;
            has_begun.recv().unwrap();
            let other = tokio::task::spawn_blocking(|| "a file");
            assert_eq!(timeout(Duration::from_secs(30), other).await.expect("a free thread").unwrap(), "a file");
            drop(release);
            assert!(lookup.await.unwrap().is_ok());
        });
    }

    #[tokio::test]
    async fn lookup_that_panics_is_a_failure_and_frees_its_thread() {
        let threads = threads(1);
        let panics = |_: &str, _| -> io::Result<Vec<SocketAddr>> { panic!("on purpose") };
        let failure = resolve_by(panics, threads, "a.invalid", 80).await.unwrap_err();
        assert!(matches!(failure, Failure::Resolve { source: Some(_), .. }), "{failure:?}");
        let found = resolve_by(answer, threads, "b.invalid", 80).await.unwrap();
        assert_eq!(found, [SocketAddr::from(([192, 0, 2, 2], 80))]);
    }

    #[tokio::test]
    async fn lookup_without_addresses_is_a_failure() {
        let asked = Arc::new(Mutex::new(String::new()));
        let host = Arc::clone(&asked);
        let lookup = move |name: &str, _| {
            name.clone_into(&mut host.lock().unwrap());
            Ok(Vec::new())
        };
        let failure = resolve_by(lookup, threads(1), "a.invalid", 80).await.unwrap_err();
        assert!(matches!(failure, Failure::Resolve { source: None, .. }), "{failure:?}");
        assert_eq!(*asked.lock().unwrap(), "a.invalid");
    }
}
