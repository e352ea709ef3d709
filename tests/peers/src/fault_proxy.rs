//! A TCP proxy between a client and a server that breaks the connection as planned.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The direction of forwarded bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// A fault of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Both connections are closed in both directions.
    Cut,
    /// This direction ends with a FIN. The other direction continues.
    HalfCut,
    /// Both connections are reset.
    Reset,
    /// This direction stops forwarding for this time.
    Delay(Duration),
}

/// The fault to inject, and the point at which to inject it.
#[derive(Clone, Copy, Debug)]
pub struct FaultPlan {
    /// The direction in which bytes are counted, and in which the fault is injected.
    pub direction: Direction,
    /// The number of bytes after which the fault is injected. `None` waits for [`FaultProxy::trigger`].
    pub offset: Option<u64>,
    /// The fault.
    pub fault: Fault,
    /// The most bytes that are forwarded at a time.
    pub chunk_size: usize,
}

/// Counters of the bytes that a proxy has forwarded.
#[derive(Debug, Default)]
pub struct Traffic {
    to_server: AtomicU64,
    to_client: AtomicU64,
}

impl Traffic {
    /// Returns the number of bytes forwarded in this direction.
    pub fn forwarded(&self, direction: Direction) -> u64 {
        self.of(direction).load(Ordering::Relaxed)
    }

    const fn of(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }
}

/// A proxy for one connection.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    traffic: Arc<Traffic>,
    triggered: Arc<Notify>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts a proxy to `target`. Without a plan it injects no fault.
    ///
    /// # Errors
    ///
    /// The system has no free port.
    pub async fn start(target: SocketAddr, plan: Option<FaultPlan>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let traffic = Arc::new(Traffic::default());
        let triggered = Arc::new(Notify::new());
        let forwarder = Forwarder { plan, traffic: Arc::clone(&traffic), triggered: Arc::clone(&triggered) };
        let task = tokio::spawn(async move {
            // I/O errors are expected, because the proxy breaks connections on purpose.
            let _ = forwarder.run(listener, target).await;
        });
        Ok(Self { address, traffic, triggered, task })
    }

    /// Returns the address to which the client connects.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the counters of forwarded bytes.
    pub fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }

    /// Returns a function that injects the fault of a plan without an offset.
    pub fn trigger(&self) -> impl Fn() + Send + 'static {
        let triggered = Arc::clone(&self.triggered);
        move || triggered.notify_one()
    }

    /// Waits until both connections have ended. Returns the counters of forwarded bytes.
    ///
    /// # Panics
    ///
    /// The proxy's task panicked.
    pub async fn finished(self) -> Arc<Traffic> {
        self.task.await.expect("the proxy does not panic");
        self.traffic
    }
}

/// The task of a proxy.
struct Forwarder {
    plan: Option<FaultPlan>,
    traffic: Arc<Traffic>,
    triggered: Arc<Notify>,
}

impl Forwarder {
    /// Accepts one client, connects to the server and forwards both directions.
    async fn run(&self, listener: TcpListener, target: SocketAddr) -> io::Result<()> {
        let (mut near, _) = listener.accept().await?;
        drop(listener);
        let mut far = TcpStream::connect(target).await?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let end = {
            let (near_read, near_write) = near.split();
            let (far_read, far_write) = far.split();
            tokio::try_join!(
                self.forward(Direction::ToServer, near_read, far_write),
                self.forward(Direction::ToClient, far_read, near_write)
            )
        };
        if matches!(end, Err(ForwardError::Planned(Fault::Reset))) {
            near.set_zero_linger()?;
            far.set_zero_linger()?;
        }
        Ok(())
    }

    /// Forwards one direction to its end. An error ends the other direction, too.
    async fn forward(
        &self,
        direction: Direction,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
    ) -> Result<(), ForwardError> {
        let mut plan = self.plan.filter(|plan| plan.direction == direction);
        let mut buffer = vec![0; self.plan.map_or(1 << 16, |plan| plan.chunk_size)];
        let forwarded = self.traffic.of(direction);
        loop {
            let left = plan.and_then(|plan| plan.offset).map(|offset| offset - forwarded.load(Ordering::Relaxed));
            let triggered = plan.is_some_and(|plan| plan.offset.is_none());
            if left == Some(0) {
                if self.inject(&mut plan, &mut from, &mut to).await? {
                    return Ok(());
                }
                continue;
            }
            let most = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX).min(buffer.len());
            tokio::select! {
                () = self.triggered.notified(), if triggered => if self.inject(&mut plan, &mut from, &mut to).await? {
                    return Ok(());
                },
                read = from.read(&mut buffer[..most]) => {
                    let count = read?;
                    if count == 0 {
                        return Ok(to.shutdown().await?);
                    }
                    to.write_all(&buffer[..count]).await?;
                    forwarded.fetch_add(count as u64, Ordering::Relaxed);
                }
            }
        }
    }

    /// Injects the planned fault. Returns whether this direction has ended.
    async fn inject(
        &self,
        plan: &mut Option<FaultPlan>,
        from: &mut ReadHalf<'_>,
        to: &mut WriteHalf<'_>,
    ) -> Result<bool, ForwardError> {
        match plan.take().map(|plan| plan.fault) {
            None => Ok(false),
            Some(Fault::Delay(time)) => {
                tokio::time::sleep(time).await;
                Ok(false)
            }
            Some(Fault::HalfCut) => {
                to.shutdown().await?;
                // Bytes that still arrive in this direction are lost.
                tokio::io::copy(from, &mut tokio::io::sink()).await?;
                Ok(true)
            }
            Some(fault) => Err(ForwardError::Planned(fault)),
        }
    }
}

/// The reason why forwarding stopped.
enum ForwardError {
    Planned(Fault),
    Io,
}

impl From<io::Error> for ForwardError {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}
