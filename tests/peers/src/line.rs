//! A line between a client and a server that breaks as planned.

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

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What happens to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Both ends of both connections are closed.
    Cut,
    /// This direction ends in order, the other one goes on.
    HalfCut,
    /// Both connections are reset.
    Reset,
    /// This direction stands still for so long.
    Delay(Duration),
}

/// What is to happen to a line, and when.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// In which direction bytes are counted.
    pub direction: Direction,
    /// After how many bytes; or when the line is told, if there is no number.
    pub offset: Option<u64>,
    /// What happens.
    pub act: Act,
    /// The most bytes that are carried at a time.
    pub piece: usize,
}

/// How many bytes a line has carried.
#[derive(Debug, Default)]
pub struct Traffic {
    up: AtomicU64,
    down: AtomicU64,
}

impl Traffic {
    /// How many bytes went this way.
    pub fn carried(&self, direction: Direction) -> u64 {
        self.of(direction).load(Ordering::Relaxed)
    }

    const fn of(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }
}

/// A line for one connection.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    traffic: Arc<Traffic>,
    told: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Line {
    /// Lays a line to `target`; without a plan it holds.
    ///
    /// # Errors
    ///
    /// If the system has no port left.
    pub async fn lay(target: SocketAddr, plan: Option<Plan>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let traffic = Arc::new(Traffic::default());
        let told = Arc::new(Notify::new());
        let carrier = Carrier { plan, traffic: Arc::clone(&traffic), told: Arc::clone(&told) };
        let task = tokio::spawn(async move {
            // A line that breaks is what it is for.
            let _ = carrier.carry(listener, target).await;
        });
        Ok(Self { address, traffic, told, task })
    }

    /// Where the client is to connect to.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is carried.
    pub fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }

    /// Gives what has a plan without a number of bytes happen.
    pub fn teller(&self) -> impl Fn() + Send + 'static {
        let told = Arc::clone(&self.told);
        move || told.notify_one()
    }

    /// Waits until both ends have gone, and gives what was carried.
    ///
    /// # Panics
    ///
    /// If the line itself has failed.
    pub async fn end(self) -> Arc<Traffic> {
        self.task.await.expect("a line does not panic");
        self.traffic
    }
}

struct Carrier {
    plan: Option<Plan>,
    traffic: Arc<Traffic>,
    told: Arc<Notify>,
}

impl Carrier {
    async fn carry(&self, listener: TcpListener, target: SocketAddr) -> io::Result<()> {
        let (mut near, _) = listener.accept().await?;
        drop(listener);
        let mut far = TcpStream::connect(target).await?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let end = {
            let (near_read, near_write) = near.split();
            let (far_read, far_write) = far.split();
            tokio::try_join!(
                self.pump(Direction::Up, near_read, far_write),
                self.pump(Direction::Down, far_read, near_write)
            )
        };
        if matches!(end, Err(Broken::Planned(Act::Reset))) {
            near.set_zero_linger()?;
            far.set_zero_linger()?;
        }
        Ok(())
    }

    /// Carries one direction to its end; an error ends the other one, too.
    async fn pump(&self, direction: Direction, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> Result<(), Broken> {
        let mut plan = self.plan.filter(|plan| plan.direction == direction);
        let mut buffer = vec![0; self.plan.map_or(1 << 16, |plan| plan.piece)];
        let carried = self.traffic.of(direction);
        loop {
            let left = plan.and_then(|plan| plan.offset).map(|offset| offset - carried.load(Ordering::Relaxed));
            let told = plan.is_some_and(|plan| plan.offset.is_none());
            if left == Some(0) {
                if self.act(&mut plan, &mut from, &mut to).await? {
                    return Ok(());
                }
                continue;
            }
            let most = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX).min(buffer.len());
            tokio::select! {
                () = self.told.notified(), if told => if self.act(&mut plan, &mut from, &mut to).await? {
                    return Ok(());
                },
                read = from.read(&mut buffer[..most]) => {
                    let count = read?;
                    if count == 0 {
                        return Ok(to.shutdown().await?);
                    }
                    to.write_all(&buffer[..count]).await?;
                    carried.fetch_add(count as u64, Ordering::Relaxed);
                }
            }
        }
    }

    /// Does what is planned; whether this direction has come to its end.
    async fn act(
        &self,
        plan: &mut Option<Plan>,
        from: &mut ReadHalf<'_>,
        to: &mut WriteHalf<'_>,
    ) -> Result<bool, Broken> {
        match plan.take().map(|plan| plan.act) {
            None => Ok(false),
            Some(Act::Delay(time)) => {
                tokio::time::sleep(time).await;
                Ok(false)
            }
            Some(Act::HalfCut) => {
                to.shutdown().await?;
                // What still comes this way is lost.
                tokio::io::copy(from, &mut tokio::io::sink()).await?;
                Ok(true)
            }
            Some(act) => Err(Broken::Planned(act)),
        }
    }
}

enum Broken {
    Planned(Act),
    Io,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}
