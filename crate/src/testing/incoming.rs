//! Connections that wait to be accepted.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Peer;
use super::connection::MemoryConnection;
use crate::platform::Redirects;
use crate::sync::catch_panic::wake;
use crate::sync::keyed_waiters::KeyedWaiters;
use crate::sync::{Lock, Shared, Weak};
use crate::types::response_cookies::ResponseCookies;
use samesocket_spec::constructor::UrlRecord;
use samesocket_spec::redirect::is_redirect_status;
use samesocket_spec::{RedactedUrl, Response};

/// A connection that waits to be accepted, from [`Network::accept`](super::Network::accept). Dropping it refuses the
/// connection.
///
/// ```
/// use samesocket::testing;
///
/// testing::run(|network| async move {
///     let server = network.clone();
///     network.spawn(async move {
///         let incoming = server.accept().await;
///         assert_eq!(incoming.url(), "ws://example.com/chat");
///         incoming.refuse();
///     });
///     assert!(network.connect("ws://example.com/chat").await.is_err());
/// });
/// ```
#[must_use = "dropping it refuses the connection"]
pub struct Incoming {
    url: String,
    protocols: Vec<String>,
    request: RequestParts,
    /// The header fields that the test adds to the response.
    response_headers: Vec<(String, String)>,
    /// `None` once the connection was accepted.
    connection: Option<Shared<MemoryConnection>>,
    /// The queue that it enters again after a redirect. The queue owns connections itself.
    queue: Weak<AcceptQueue>,
}

/// The part of a request that the options decide, and the store for the cookies of the response.
#[derive(Clone, Default)]
pub(super) struct RequestParts {
    pub(super) headers: Vec<(String, String)>,
    pub(super) cookies: Option<ResponseCookies>,
    /// The redirects, if the options of the client allow any.
    pub(super) redirects: Option<Redirects>,
}

impl RequestParts {
    /// Passes the cookies of the response to the store of a client that has not given up.
    fn keep_cookies(&self, connection: &MemoryConnection, response: &Response) {
        if let Some(cookies) = self.cookies.as_ref().filter(|_| !connection.is_over()) {
            cookies.keep(response);
        }
    }
}

impl Incoming {
    pub(super) const fn new(
        url: String,
        protocols: Vec<String>,
        request: RequestParts,
        connection: Shared<MemoryConnection>,
        queue: Weak<AcceptQueue>,
    ) -> Self {
        Self { url, protocols, request, response_headers: Vec::new(), connection: Some(connection), queue }
    }

    /// Returns the URL that the client connects to. After a redirect, it is the one that the redirect leads to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the subprotocols that the client offers.
    pub fn protocols(&self) -> &[String] {
        &self.protocols
    }

    /// Returns the value of the first header field of the request with this name, without regard to case.
    ///
    /// The request has the fields of [`Options::header`](crate::Options::header) and
    /// [`Options::origin`](crate::Options::origin). On native targets it also has `Host`, an `Authorization` from the
    /// URL, and a `Cookie` from the [store](crate::Options::cookies). In a page, the network does not refuse them as
    /// the browser does.
    ///
    /// ```
    /// use samesocket::{Options, testing};
    ///
    /// testing::run(|network| async move {
    ///     let options = Options::new().header("Authorization", "Bearer 2a").unwrap();
    ///     let connecting = network.connect("wss://example.com").options(options);
    ///     let accepting = async {
    ///         let incoming = network.accept().await;
    ///         assert_eq!(incoming.header("authorization"), Some("Bearer 2a"));
    ///         incoming.open()
    ///     };
    ///     let (socket, _peer) = futures::join!(connecting, accepting);
    ///     assert!(socket.is_ok());
    /// });
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns the header fields of the request, each with its name and value; see [`header`](Self::header).
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Adds a header field to the response with which [`open`](Self::open) accepts the connection.
    ///
    /// On native targets, the program sees it as [`Socket::response`](crate::Socket::response).
    ///
    /// ```
    /// use samesocket::testing;
    ///
    /// testing::run(|network| async move {
    ///     let accepting = async { network.accept().await.with_header("X-Session", "7").open() };
    ///     let (socket, _peer) = futures::join!(network.connect("ws://example.com"), accepting);
    ///     if let Some(response) = socket.unwrap().response() {
    ///         assert_eq!((response.status(), response.header("X-Session")), (101, Some("7")));
    ///     }
    /// });
    /// ```
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.response_headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns whether the client has given up.
    pub fn is_gone(&self) -> bool {
        self.connection.as_ref().is_none_or(|connection| connection.is_over())
    }

    /// Accepts the connection with the first of the offered subprotocols.
    pub fn open(self) -> Peer {
        let protocol = self.protocols.first().cloned().unwrap_or_default();
        self.open_with(&protocol, "")
    }

    /// Accepts the connection with this subprotocol, offered or not, and these extensions.
    ///
    /// # Panics
    ///
    /// Never: a connection can be accepted only once.
    pub fn open_with(mut self, protocol: &str, extensions: &str) -> Peer {
        let connection = self.connection.take().expect("the connection was not accepted before");
        let response = self.response(protocol, extensions);
        self.request.keep_cookies(&connection, &response);
        connection.establish(protocol, extensions, response);
        Peer::new(connection)
    }

    /// Returns the response that accepts the connection.
    fn response(&self, protocol: &str, extensions: &str) -> Response {
        let negotiated = [("Sec-WebSocket-Protocol", protocol), ("Sec-WebSocket-Extensions", extensions)];
        let own = self.response_headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        [("Upgrade", "websocket"), ("Connection", "Upgrade")]
            .into_iter()
            .chain(negotiated.into_iter().filter(|(_, value)| !value.is_empty()))
            .chain(own)
            .fold(self.redirected(Response::new(101)), |response, (name, value)| response.with_header(name, value))
    }

    /// Adds the URL that redirects have led to.
    fn redirected(&self, response: Response) -> Response {
        match self.request.redirects.as_ref().and_then(Redirects::response_url) {
            Some(url) => response.with_url(url),
            None => response,
        }
    }

    /// Refuses the connection, as dropping this does. The program sees no reason.
    pub fn refuse(self) {}

    /// Refuses the connection with a status, header fields and a body.
    ///
    /// On native targets the failure of the connection is [`Failure::Refused`](crate::Failure::Refused). In a page, the program sees
    /// no reason, as with a browser's socket.
    ///
    /// On native targets, a client with [`Options::max_redirects`](crate::Options::max_redirects) follows a redirect: it is
    /// the next [`Incoming`] of the same network.
    ///
    /// ```
    /// use samesocket::{Response, testing};
    ///
    /// testing::run(|network| async move {
    ///     let refusing = async {
    ///         let response = Response::new(503).with_header("Retry-After", "120").with_body("down for maintenance");
    ///         network.accept().await.refuse_with(response);
    ///     };
    ///     let (refused, ()) = futures::join!(network.connect("ws://example.com"), refusing);
    ///     if let Some(response) = refused.unwrap_err().response() {
    ///         assert_eq!((response.status(), response.header("Retry-After")), (503, Some("120")));
    ///     }
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the status does not refuse: it is from 200 to 999. No real server could refuse with another one: a client accepts
    /// a 101, and waits for more after the others from 100 to 199.
    #[track_caller]
    pub fn refuse_with(mut self, response: Response) {
        let status = response.status();
        assert!(
            (200..=999).contains(&status),
            "a response with the status {status} does not refuse: see `Incoming::refuse_with`"
        );
        let Some(connection) = self.connection.take() else { return };
        let response = self.redirected(response);
        self.request.keep_cookies(&connection, &response);
        let redirects = self.request.redirects.take().filter(|_| is_redirect_status(response.status()));
        let Some(mut redirects) = redirects else { return connection.refuse(response, None) };
        if let Err(reason) = redirects.follow(&response) {
            return connection.refuse(response, Some((reason, redirects.followed())));
        }
        let url = redirects.url().serialize();
        let (headers, cookies) = (redirects.request_headers(), redirects.response_cookies());
        let request = RequestParts { headers, cookies, redirects: Some(redirects) };
        let next = Self::new(url, mem::take(&mut self.protocols), request, connection, Weak::clone(&self.queue));
        // Without a network, the connection is dropped, and so fails.
        if let Some(queue) = self.queue.upgrade() {
            queue.push(next);
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.fail();
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("url", &RedactedUrl(&self.url)).finish_non_exhaustive()
    }
}

/// The connections of a network that wait to be accepted.
#[derive(Default)]
pub(super) struct AcceptQueue(Lock<Waiting>);

#[derive(Default)]
struct Waiting {
    connections: VecDeque<Incoming>,
    /// The futures that wait for the next connection.
    waiters: KeyedWaiters<()>,
    /// The number of connections that were started.
    started: u64,
    /// The URL of the last of them.
    last_url: String,
}

impl AcceptQueue {
    /// Adds a connection and wakes the tasks that accept.
    pub(super) fn push(&self, incoming: Incoming) {
        let wakers = {
            let mut waiting = self.0.lock();
            waiting.started += 1;
            waiting.last_url.clone_from(&incoming.url);
            waiting.connections.push_back(incoming);
            waiting.waiters.take_ready(|()| true)
        };
        wake(wakers);
    }

    /// Waits for the next connection. `is_any` is whether the client may have given up.
    pub(super) const fn accept(&self, is_any: bool) -> Accept<'_> {
        Accept { queue: self, is_any, key: None }
    }

    /// Returns how many connections were started and wait.
    pub(super) fn describe(&self) -> String {
        let waiting = self.0.lock();
        let waits = waiting.connections.iter().filter(|incoming| !incoming.is_gone()).count();
        match waiting.started {
            0 => "no connection was started".to_owned(),
            started => format!(
                "{started} connections were started, the last one to {:?}, and {waits} wait to be accepted",
                RedactedUrl(&waiting.last_url)
            ),
        }
    }
}

/// A future of the next connection.
pub(super) struct Accept<'a> {
    queue: &'a AcceptQueue,
    /// Whether the client may have given up.
    is_any: bool,
    /// The key of this future's waker, once it has been polled.
    key: Option<u64>,
}

impl Future for Accept<'_> {
    type Output = Incoming;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Incoming> {
        let this = self.get_mut();
        let mut gone = Vec::new();
        let (accepted, replaced) = {
            let mut waiting = this.queue.0.lock();
            let accepted = loop {
                match waiting.connections.pop_front() {
                    Some(incoming) if !this.is_any && incoming.is_gone() => gone.push(incoming),
                    other => break other,
                }
            };
            match accepted {
                None => (None, waiting.waiters.register(&mut this.key, (), context.waker())),
                accepted => (accepted, None),
            }
        };
        // Drop outside the lock: a waker may run any code, and so may the end of a connection.
        drop((gone, replaced));
        accepted.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Accept<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let waker = self.queue.0.lock().waiters.remove(key);
        // Drop outside the lock: a waker may run any code.
        drop(waker);
    }
}
