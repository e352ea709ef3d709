//! A connection of HTTP/2, and the places for its streams.

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::Poll;

use h2::client::{Builder, SendRequest};
use h2::ext::Protocol;
use h2::{Ping, Reason};
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Uri};

use super::buffered::BufferedConnection;
use super::gathered::Payload;
use super::send_memory::SEND_BUFFER;
use super::stream::{Http2Stream, into_io};
use super::task::ConnectionTask;
use super::usage::{ConnectionList, Reservation, Usage};
use crate::platform::native::dial::io_stream::IoStream;
use crate::platform::native::dial::route::{Dialed, Route};
use crate::types::failure::Failure;
use crate::types::http2::Http2;
use samesocket_protocol::Request;
use samesocket_spec::{ProtocolFailure, Response};

/// The memory that `h2` counts for each byte in the smallest frames: 256 bytes for a frame of two.
///
/// So one stream that is read slowly ends no connection, however small its messages are.
const SMALL_FRAME_COST: usize = 128;

/// The most that it may count for a connection before it closes it, unless one stream may need more. Arbitrary: 500,000
/// small frames that nobody reads.
const MAX_SMALL_FRAMES_COST: usize = 128 << 20;

/// The largest window of a connection, by [RFC 9113, section 6.9.1](https://www.rfc-editor.org/rfc/rfc9113#section-6.9.1).
const MAX_CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// The streams that `h2` may reset because of frames of the server, in the life of a connection, before it ends that. Each takes
/// memory until the reset is written.
///
/// Arbitrary: more than the late frames of aborted sockets lead to. `h2` ignores those for a second.
const MAX_RESETS: usize = 20_000;

/// The factor from our size of a response head to that of `h2`, which counts 32 bytes for each field beside its name and value.
/// Our own limit comes first then: we count 4 bytes, so that a field has at least 5.
const HEAD_SIZE_FACTOR: usize = 8;

/// The fields that are never put into the compression table, which the streams of a connection share.
/// See [RFC 7541, section 7.1.3](https://www.rfc-editor.org/rfc/rfc7541#section-7.1.3).
const SECRET_FIELDS: [HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];

/// A connection that takes streams. Dropping it ends the connection after its last stream.
pub(super) struct Connection {
    send: SendRequest<Payload>,
    usage: Arc<Usage>,
    /// The most streams at a time that we want.
    max_streams: usize,
}

/// A reserved place on a connection, for one stream.
pub(super) struct Place {
    reservation: Reservation,
    /// Whether other streams were opened before.
    is_reused: bool,
    /// Whether no other place was reserved.
    is_only: bool,
}

/// The reason why a stream was not opened.
pub(super) enum OpenError {
    /// The request was not sent, because a connection that was used before takes no more streams. It is out of the list.
    NotSent,
    /// The server has not processed the request, so that it can be sent again.
    NotProcessed(Failure),
    /// The server wants HTTP/1.1 for this request, which it has not processed.
    NeedsHttp1(Failure),
    Failed(Failure),
}

impl Connection {
    /// Begins HTTP/2 over `stream`, and spawns the task of the connection. Returns the connection and its first place, or
    /// `None` if the server does not accept WebSockets.
    ///
    /// It waits for the settings of the server. An answer to a ping shows that they have arrived, because the server
    /// [sends them first](https://www.rfc-editor.org/rfc/rfc9113#section-3.4).
    pub(super) async fn start(
        stream: Box<dyn IoStream>,
        route: &Route<'_>,
        list: Weak<dyn ConnectionList>,
    ) -> Result<Option<(Self, Place)>, Failure> {
        let settings = &route.options.http2;
        let max_head = route.options.limits.head.saturating_mul(HEAD_SIZE_FACTOR).try_into().unwrap_or(u32::MAX);
        let max_streams = max_streams(settings);
        // As much as all streams together may receive. So a stream that is not read never stops another one.
        let window = settings.stream_window * max_streams;
        let mut builder = Builder::new();
        builder.enable_push(false).initial_window_size(settings.stream_window);
        builder.initial_connection_window_size(window).max_header_list_size(max_head);
        builder.max_send_buffer_size(SEND_BUFFER);
        let cost = |window: u32| usize::try_from(window).unwrap_or(usize::MAX).saturating_mul(SMALL_FRAME_COST);
        let one_stream = cost(settings.stream_window);
        builder.data_frame_budget(cost(window).min(MAX_SMALL_FRAMES_COST.max(one_stream)));
        builder.max_local_error_reset_streams(Some(MAX_RESETS));
        let max_streams = usize::try_from(max_streams).unwrap_or(usize::MAX);
        // All sockets may be aborted at once. Late frames of a stream that `h2` has forgotten are answered, and count.
        builder.max_concurrent_reset_streams(max_streams);
        let (send, mut connection) = BufferedConnection::start(&builder, stream).await.map_err(failure)?;
        let mut pings = connection.ping_pong().ok_or_else(|| failure(Reason::INTERNAL_ERROR.into()))?;
        pings.send_ping(Ping::opaque()).map_err(failure)?;
        let mut is_answered = false;
        let is_accepting = poll_fn(|context| {
            if let Poll::Ready(end) = connection.poll(context) {
                let error = end.err();
                let kept = if error.as_ref().is_some_and(h2::Error::is_go_away) { None } else { connection.error() };
                return Poll::Ready(Err(match (kept, error) {
                    (Some(kept), _) => Failure::lost(kept),
                    (None, Some(error)) => failure(error),
                    (None, None) => Failure::Protocol(ProtocolFailure::LostWhileOpening),
                }));
            }
            if let Poll::Ready(pong) = pings.poll_pong(context) {
                is_answered = true;
                pong.map_err(failure)?;
            }
            let accepts = send.is_extended_connect_protocol_enabled();
            if accepts || is_answered { Poll::Ready(Ok(accepts)) } else { Poll::Pending }
        });
        if !is_accepting.await? {
            return Ok(None);
        }
        let (usage, reservation) = Usage::new(list, send.clone(), connection.progress());
        let task = ConnectionTask::new(connection, pings, !is_answered, settings, Arc::clone(&usage));
        // The join handle is not needed: the task ends with the connection.
        drop(tokio::spawn(task));
        let place = Place { reservation, is_reused: false, is_only: false };
        Ok(Some((Self::new(send, usage, max_streams), place)))
    }

    /// Creates the handle of a connection that was started.
    pub(super) const fn new(send: SendRequest<Payload>, usage: Arc<Usage>, max_streams: usize) -> Self {
        Self { send, usage, max_streams }
    }

    /// Reserves a place, if there is one.
    pub(super) fn reserve(&self) -> Option<Place> {
        let limit = self.max_streams.min(self.send.current_max_send_streams());
        let (reservation, is_only) = self.usage.reserve(&self.send, limit)?;
        Some(Place { reservation, is_reused: true, is_only })
    }

    pub(super) fn number(&self) -> u64 {
        self.usage.number()
    }

    /// Returns how the connection is used.
    pub(super) fn usage(&self) -> Arc<Usage> {
        Arc::clone(&self.usage)
    }
}

impl Place {
    /// Wakes the task of the connection if no other place was reserved, so that it does not count as idle.
    pub(super) fn announce(&self) {
        if self.is_only {
            self.usage().wake_task();
        }
    }

    /// Returns how the connection is used.
    pub(super) fn usage(&self) -> &Usage {
        self.reservation.usage()
    }

    /// Sends the request, and waits for the head of the response.
    pub(super) async fn open(self, route: &Route<'_>, request: &Request) -> Result<Dialed, OpenError> {
        let request = encode(request, route.target.secure).map_err(OpenError::Failed)?;
        let mut connection = self.reservation.connection().clone();
        if let Err(error) = poll_fn(|context| connection.poll_ready(context)).await {
            return Err(self.not_sent(error));
        }
        let (response, send) = connection.send_request(request, false).map_err(|error| self.not_sent(error))?;
        let (head, receive) = response.await.map_err(|error| self.classify(error))?.into_parts();
        let mut headers: Vec<_> = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let limit = route.options.limits.head;
        let fitting = count_fitting(&headers, limit);
        let is_too_long = fitting < headers.len();
        headers.truncate(fitting);
        let response = Response::new(head.status.as_u16()).with_headers(&headers);
        if is_too_long {
            // A refusal is one all the same.
            let failure = if head.status.is_success() {
                Failure::Protocol(ProtocolFailure::HeadTooLong { limit })
            } else {
                Failure::Refused(response.with_truncated_body(""))
            };
            return Err(OpenError::Failed(failure));
        }
        let stream = Http2Stream::new(send, receive, self.reservation);
        Ok(Dialed { stream: Box::new(stream), permit: None, is_http2: true, response: Some(response) })
    }

    /// Returns what follows from an error before the request was sent.
    fn not_sent(&self, error: h2::Error) -> OpenError {
        let open_error = if error.is_io() || error.is_go_away() || error.reason().is_some() {
            self.classify(error)
        } else {
            // The connection has no identifiers of streams left.
            self.usage().close();
            OpenError::NotProcessed(failure(error))
        };
        match open_error {
            OpenError::NotProcessed(_) if self.is_reused => OpenError::NotSent,
            other => other,
        }
    }

    /// Returns whether the request can be sent again, and the failure otherwise.
    fn classify(&self, error: h2::Error) -> OpenError {
        // A connection that is going away, or that ended while it was not used, takes no more streams.
        let is_unprocessed = match error.reason() {
            Some(Reason::REFUSED_STREAM) => true,
            _ if error.is_go_away() && error.is_remote() => true,
            // The server may have broken a rule, or ended the connection, before this request. If it has sent a GOAWAY, that would have
            // ended the stream of a request that was not processed.
            _ => {
                self.is_reused
                    && (error.is_go_away() || error.is_io())
                    && !(error.is_io() && self.reservation.has_remote_go_away())
            }
        };
        if error.is_go_away() || error.is_io() {
            self.usage().close();
        }
        let needs_http1 = error.is_remote() && error.reason() == Some(Reason::HTTP_1_1_REQUIRED);
        let failure = self.reservation.cause_of(&error).map_or_else(|| failure(error), Failure::lost);
        if needs_http1 {
            return OpenError::NeedsHttp1(failure);
        }
        if is_unprocessed { OpenError::NotProcessed(failure) } else { OpenError::Failed(failure) }
    }
}

/// Returns the most streams at a time, whose windows all fit into that of the connection.
fn max_streams(settings: &Http2) -> u32 {
    settings.max_streams.min(MAX_CONNECTION_WINDOW / settings.stream_window)
}

/// Returns how many of the fields fit into so many bytes. They count as in HTTP/1.1, with ": " and the end of the line.
fn count_fitting(headers: &[(&str, &[u8])], limit: usize) -> usize {
    let mut size = 0;
    headers
        .iter()
        .take_while(|(name, value)| {
            size += name.len() + value.len() + 4;
            size <= limit
        })
        .count()
}

/// Returns the request as an extended CONNECT.
fn encode(request: &Request, is_secure: bool) -> Result<http::Request<()>, Failure> {
    let target = PathAndQuery::try_from(request.target()).map_err(Failure::http2)?;
    let scheme = if is_secure { "https" } else { "http" };
    let uri = Uri::builder().scheme(scheme).authority(&*request.host).path_and_query(target).build();
    let mut encoded = http::Request::new(());
    *encoded.method_mut() = Method::CONNECT;
    *encoded.uri_mut() = uri.map_err(Failure::http2)?;
    encoded.extensions_mut().insert(Protocol::from_static("websocket"));
    for (name, value) in request.connect_fields() {
        let name = HeaderName::try_from(name).map_err(Failure::http2)?;
        // Blanks around a value are no part of it, and RFC 9113, section 8.2.1, forbids them.
        let mut value = HeaderValue::try_from(value.trim_matches([' ', '\t'])).map_err(Failure::http2)?;
        value.set_sensitive(SECRET_FIELDS.contains(&name));
        encoded.headers_mut().append(name, value);
    }
    Ok(encoded)
}

fn failure(error: h2::Error) -> Failure {
    // A stream or a connection that the server ends is like a TCP connection that it resets.
    if error.is_io() || error.is_remote() {
        return Failure::lost(into_io(error));
    }
    Failure::http2(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_all_streams_fit_into_that_of_the_connection() {
        for (window, wanted, streams) in [(512 << 10, 1000, 1000), (16 << 20, 1000, 127), (16 << 20, 5, 5)] {
            let settings = Http2::if_offered().stream_window(window).max_streams(wanted);
            assert_eq!(max_streams(&settings), streams);
            assert!(streams.checked_mul(window).is_some_and(|sum| sum <= MAX_CONNECTION_WINDOW));
        }
    }
}
