//! WebSockets over HTTP/2: one stream of a shared connection for each socket.
//!
//! See [RFC 8441](https://www.rfc-editor.org/rfc/rfc8441). HTTP/2 itself is the crate `h2`. Read in this order:
//!
//! 1. [`key`]: the settings that sockets must have in common to share connections.
//! 2. [`pool`]: the connections of the process, by server and key, and the servers that do not speak HTTP/2.
//! 3. [`connection`]: a connection, on which places for streams are reserved. [`usage`] counts them.
//! 4. [`task`]: the task of a connection, which moves its bytes, pings, and closes it.
//! 5. [`buffered`]: the buffers between `h2` and the byte stream of a connection. [`gathered`] is the one to write from.
//! 6. [`stream`]: the byte stream of one socket. It copies what it sends into [`send_memory`], and [`progress`] says how far that has come.

mod buffered;
mod connection;
mod gathered;
mod key;
mod pool;
mod progress;
mod send_memory;
mod stream;
mod task;
mod usage;

use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, select};
use tokio::sync::MutexGuard;

use self::connection::{Connection, OpenError};
use self::key::Key;
use self::pool::{Found, Origin};
use crate::platform::native::dial::http_versions::HttpVersions;
use crate::platform::native::dial::route::{Dialed, Route};
use crate::trace::event;
use crate::types::failure::Failure;
use crate::types::http2::Http2Choice;
use samesocket_protocol::Request;

/// How often a stream is opened anew because the server has not processed the request, at most. Arbitrary.
const MAX_ATTEMPTS: u32 = 4;

/// Opens a stream of HTTP/2 for this request, or makes a connection of HTTP/1.1, as the options say.
pub(super) async fn connect(route: &Route<'_>, request: Option<&Request>) -> Result<Dialed, Failure> {
    let Some(request) = request.filter(|_| uses_http2(route)) else {
        return route.connect(HttpVersions::Http1).await;
    };
    let key = Key::new(route);
    let origin = pool::origin(&route.target, key);
    let mut attempt = 1;
    loop {
        let place = match find(&origin, route).await? {
            Found::Place(place) => place,
            Found::Http1(dialed) => return Ok(dialed),
        };
        match place.open(route, request).await {
            Ok(dialed) => return Ok(dialed),
            // It does not count, because nothing was sent. The loop ends, because the connection is out of the list.
            Err(OpenError::NotSent) => {}
            Err(OpenError::NotProcessed(_)) if attempt < MAX_ATTEMPTS => attempt += 1,
            Err(OpenError::NeedsHttp1(_)) if route.options.http2.choice == Http2Choice::IfOffered => {
                return route.connect(HttpVersions::Http1Instead).await;
            }
            Err(OpenError::NotProcessed(failure) | OpenError::NeedsHttp1(failure) | OpenError::Failed(failure)) => {
                return Err(failure);
            }
        }
    }
}

fn uses_http2(route: &Route<'_>) -> bool {
    match route.options.http2.choice {
        Http2Choice::Never => false,
        Http2Choice::IfOffered => route.target.secure,
        Http2Choice::PriorKnowledge => true,
    }
}

/// Finds a place on a connection, or makes one. Sockets that want the same wait for each other.
async fn find(origin: &Arc<Origin>, route: &Route<'_>) -> Result<Found, Failure> {
    let is_forced = route.options.http2.choice == Http2Choice::PriorKnowledge;
    if let Some(place) = origin.reserve() {
        return Ok(Found::Place(place));
    }
    if !is_forced && origin.is_http1() {
        return connect_http1(route).await;
    }
    let turn = origin.wait_for_turn().await;
    if turn.is_some() {
        return make(origin, route, turn).await;
    }
    // Another socket still makes a connection. The first one of both is used.
    match select(pin!(make(origin, route, None)), pin!(origin.wait_for_place())).await {
        Either::Left((made, _)) => made,
        Either::Right((place, _)) => Ok(Found::Place(place)),
    }
}

/// Makes a connection, unless there is one by now.
async fn make(origin: &Arc<Origin>, route: &Route<'_>, turn: Option<MutexGuard<'_, ()>>) -> Result<Found, Failure> {
    let is_forced = route.options.http2.choice == Http2Choice::PriorKnowledge;
    if let Some(place) = origin.reserve() {
        return Ok(Found::Place(place));
    }
    if !is_forced && origin.is_http1() {
        drop(turn);
        return connect_http1(route).await;
    }
    let versions = if is_forced { HttpVersions::Http2 } else { HttpVersions::Either };
    let dialed = route.connect(versions).await?;
    if !dialed.is_http2 {
        if is_forced {
            return Err(Failure::http2("the server has not chosen HTTP/2"));
        }
        origin.remember_http1();
        return Ok(Found::Http1(dialed));
    }
    let connection = Connection::start(dialed.stream, route, pool::list(origin)).await?;
    event!(current, DEBUG, "HTTP/2 established", accepts_websockets = connection.is_some());
    match connection {
        Some((connection, place)) => {
            origin.add(connection);
            Ok(Found::Place(place))
        }
        None if is_forced => Err(Failure::http2("the server does not accept WebSockets over HTTP/2")),
        None => {
            origin.remember_http1();
            drop((turn, dialed.permit));
            connect_http1(route).await
        }
    }
}

/// Makes a connection of HTTP/1.1 with a server that may have HTTP/2, but not for WebSockets.
async fn connect_http1(route: &Route<'_>) -> Result<Found, Failure> {
    route.connect(HttpVersions::Http1Instead).await.map(Found::Http1)
}
