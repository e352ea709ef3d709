//! A server of HTTP/2 whose connections and streams the test controls.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::channel::mpsc;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

/// A server without TLS. Dropping it ends all connections.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    requests: mpsc::UnboundedReceiver<Exchange>,
    tasks: JoinSet<()>,
}

struct Shared {
    /// The number of connections so far.
    connections: AtomicUsize,
    /// Those that have ended.
    ended: watch::Sender<usize>,
    /// The controls of each connection.
    controls: Mutex<Vec<Arc<Control>>>,
}

/// The orders for one connection.
#[derive(Default)]
struct Control {
    go_away: Notify,
    /// Whether the connection is dropped at once.
    drop: Notify,
    /// Whether nothing is read or written any more.
    freeze: Notify,
    /// Whether GOAWAY with an error is sent, which covers the requests that have arrived.
    give_up: Notify,
}

/// A request, which the test answers.
pub(crate) struct Exchange {
    /// The number of the connection, from 1.
    pub(crate) connection: usize,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// The pseudo-header field `:protocol`.
    pub(crate) protocol: Option<String>,
    respond: SendResponse<Bytes>,
    body: RecvStream,
}

/// A stream that was accepted.
pub(crate) struct Stream {
    pub(crate) send: SendStream<Bytes>,
    pub(crate) receive: RecvStream,
    received: BytesMut,
}

impl Server {
    /// Starts a server that accepts WebSockets.
    pub(crate) async fn start() -> Self {
        Self::start_with(|builder| {
            builder.enable_connect_protocol();
        })
        .await
    }

    /// Starts a server with other settings.
    pub(crate) async fn start_with(configure: impl Fn(&mut Builder) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            connections: AtomicUsize::new(0),
            ended: watch::Sender::new(0),
            controls: Mutex::default(),
        });
        let (tell, requests) = mpsc::unbounded();
        let mut tasks = JoinSet::new();
        let accepting = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mut builder = Builder::new();
                configure(&mut builder);
                let control = Arc::<Control>::default();
                accepting.controls.lock().unwrap().push(Arc::clone(&control));
                let number = accepting.connections.fetch_add(1, Ordering::Relaxed) + 1;
                let (shared, tell) = (Arc::clone(&accepting), tell.clone());
                connections.spawn(async move {
                    let _ = serve(&builder, stream, number, &control, &tell).await;
                    shared.ended.send_modify(|ended| *ended += 1);
                });
            }
        });
        Self { address, shared, requests, tasks }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}/{path}", self.address)
    }

    /// Returns the number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Waits until this many connections have ended.
    pub(crate) async fn wait_for_ends(&self, count: usize) {
        self.shared.ended.subscribe().wait_for(|ended| *ended >= count).await.unwrap();
    }

    /// Takes the next request.
    pub(crate) async fn next(&mut self) -> Exchange {
        self.requests.next().await.unwrap()
    }

    /// Answers all requests from now on with an echo.
    pub(crate) fn echo(mut self) -> EchoServer {
        let requests = std::mem::replace(&mut self.requests, mpsc::unbounded().1);
        self.tasks.spawn(async move {
            let mut streams = JoinSet::new();
            let mut requests = requests;
            while let Some(exchange) = requests.next().await {
                streams.spawn(async move { exchange.accept().echo().await });
            }
        });
        EchoServer(self)
    }

    /// Sends GOAWAY on a connection. Its streams go on.
    pub(crate) fn go_away(&self, connection: usize) {
        self.control(connection).go_away.notify_one();
    }

    /// Drops a connection with all its streams.
    pub(crate) fn drop_connection(&self, connection: usize) {
        self.control(connection).drop.notify_one();
    }

    /// Stops to read and write on a connection, and keeps it.
    pub(crate) fn freeze(&self, connection: usize) {
        self.control(connection).freeze.notify_one();
    }

    /// Sends GOAWAY with an error on a connection, after which it ends. The requests that have arrived count as processed.
    pub(crate) fn give_up(&self, connection: usize) {
        self.control(connection).give_up.notify_one();
    }

    fn control(&self, connection: usize) -> Arc<Control> {
        Arc::clone(&self.shared.controls.lock().unwrap()[connection - 1])
    }
}

/// A server that accepts all requests and echoes all messages.
pub(crate) struct EchoServer(Server);

impl std::ops::Deref for EchoServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

async fn serve(
    builder: &Builder,
    stream: TcpStream,
    number: usize,
    control: &Control,
    tell: &mpsc::UnboundedSender<Exchange>,
) -> Result<(), h2::Error> {
    stream.set_nodelay(true).unwrap();
    let mut connection: Connection<TcpStream, Bytes> = builder.handshake(stream).await?;
    loop {
        tokio::select! {
            request = connection.accept() => match request {
                Some(request) => drop(tell.unbounded_send(Exchange::new(number, request?))),
                None => return Ok(()),
            },
            () = control.go_away.notified() => connection.graceful_shutdown(),
            () = control.give_up.notified() => connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM),
            () = control.drop.notified() => return Ok(()),
            () = control.freeze.notified() => std::future::pending().await,
        }
    }
}

impl Exchange {
    fn new(connection: usize, (request, respond): (Request<RecvStream>, SendResponse<Bytes>)) -> Self {
        let (head, body) = request.into_parts();
        let protocol = head.extensions.get::<h2::ext::Protocol>().map(|protocol| protocol.as_str().to_owned());
        let path = head.uri.path_and_query().unwrap().as_str().trim_start_matches('/').to_owned();
        Self { connection, path, headers: head.headers, protocol, respond, body }
    }

    /// Accepts the WebSocket.
    pub(crate) fn accept(self) -> Stream {
        self.accept_with(Response::new(()))
    }

    /// Accepts the WebSocket with this response.
    pub(crate) fn accept_with(mut self, response: Response<()>) -> Stream {
        let send = self.respond.send_response(response, false).unwrap();
        Stream { send, receive: self.body, received: BytesMut::new() }
    }

    /// Refuses with this response and body.
    pub(crate) fn refuse(mut self, response: Response<()>, body: &'static str) {
        let mut send = self.respond.send_response(response, body.is_empty()).unwrap();
        if !body.is_empty() {
            // A client that follows a redirect leaves at the head.
            let _ = send.send_data(body.into(), true);
        }
    }

    /// Resets the stream without a response.
    pub(crate) fn reset(mut self, reason: Reason) {
        self.respond.send_reset(reason);
    }

    /// Waits until the client resets the stream.
    pub(crate) async fn wait_for_reset(mut self) -> Option<Reason> {
        std::future::poll_fn(|context| self.respond.poll_reset(context)).await.ok()
    }
}

impl Stream {
    /// Sends bytes as the client grants capacity for them.
    pub(crate) async fn send_all(&mut self, mut bytes: Bytes) -> Result<(), h2::Error> {
        while !bytes.is_empty() {
            self.send.reserve_capacity(bytes.len());
            let mut capacity = self.send.capacity();
            while capacity == 0 {
                let more = std::future::poll_fn(|context| self.send.poll_capacity(context)).await;
                capacity = more.ok_or_else(|| h2::Error::from(Reason::CANCEL))??;
            }
            self.send.send_data(bytes.split_to(capacity.min(bytes.len())), false)?;
        }
        Ok(())
    }

    /// Sends a text message.
    pub(crate) async fn text(&mut self, text: &str) {
        self.send_all(frame(0x81, text.as_bytes())).await.unwrap();
    }

    /// Ends the sending direction without a Close frame.
    pub(crate) fn end(&mut self) {
        self.send.send_data(Bytes::new(), true).unwrap();
    }

    /// Receives more bytes. Returns an error if the stream was reset, and `None` at its end.
    pub(crate) async fn receive(&mut self) -> Option<Result<usize, h2::Error>> {
        let bytes = match self.receive.data().await? {
            Ok(bytes) => bytes,
            Err(error) => return Some(Err(error)),
        };
        self.receive.flow_control().release_capacity(bytes.len()).unwrap();
        self.received.extend_from_slice(&bytes);
        Some(Ok(bytes.len()))
    }

    /// Receives a whole frame: its first byte, and its payload.
    pub(crate) async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some(frame) = take_frame(&mut self.received) {
                return Some(frame);
            }
            self.receive().await?.ok()?;
        }
    }

    /// Echoes messages until the closing handshake.
    pub(crate) async fn echo(mut self) {
        while let Some((first, payload)) = self.frame().await {
            if self.send_all(frame(first, &payload)).await.is_err() {
                return;
            }
            if first & 0x0f == 8 {
                self.end();
                return;
            }
        }
    }

    /// Waits until the client resets the stream, and returns the reason.
    pub(crate) async fn wait_for_reset(&mut self) -> io::Result<Option<Reason>> {
        loop {
            match self.receive().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Ok(error.reason()),
                None => return Ok(None),
            }
        }
    }
}

/// Encodes a frame without a mask.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Bytes {
    let mut bytes = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..=125), _) => bytes.push(length),
        (_, Ok(length)) => {
            bytes.push(126);
            bytes.extend(length.to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes.into()
}

/// Takes a masked frame out, if it is whole.
fn take_frame(bytes: &mut BytesMut) -> Option<(u8, Vec<u8>)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    assert_eq!(second & 0x80, 0x80, "a client masks its frames");
    let (length, header) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap())), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap()).try_into().unwrap(), 10),
        short => (usize::from(short), 2),
    };
    let mask: [u8; 4] = bytes.get(header..header + 4)?.try_into().unwrap();
    bytes.get(header + 4..header + 4 + length)?;
    let frame = bytes.split_to(header + 4 + length);
    let payload = frame[header + 4..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    Some((first, payload.collect()))
}
