//! The response to the opening handshake, and redirects.

use std::time::Duration;

use super::state::ConnState;
use crate::types::failure::Failure;
use samesocket_protocol::{Connection, Response};
use samesocket_spec::RedirectFailure;

impl ConnState {
    /// Returns the response to the opening handshake, once an event says that this has succeeded or failed.
    pub(crate) const fn response(&self) -> Option<&Response> {
        self.response.as_ref()
    }

    /// Takes the response of the connection, and adds the URL that redirects have led to.
    pub(super) fn take_response(&mut self) -> Option<Response> {
        let response = self.connection.take_response()?;
        Some(match self.redirected_url.take() {
            Some(url) => response.with_url(url),
            None => response,
        })
    }

    /// Returns whether the server has refused the opening handshake, while the body of its response is being read.
    pub(crate) fn is_refused(&self) -> bool {
        self.connection.is_refused()
    }

    /// Ends a refusal without the rest of its body, and requests a round, because events follow. Returns whether there was one.
    pub(crate) fn end_refusal(&mut self, now: Duration) -> bool {
        let is_refused = self.connection.end_refusal(now);
        if is_refused {
            self.run.request_round();
        }
        is_refused
    }

    /// Takes the head of the response to an extended CONNECT, which was sent in place of the request.
    pub(crate) fn receive_connect_response(&mut self, response: Response, now: Duration) {
        self.connection.receive_connect_response(response, now);
    }

    /// Returns the redirect at which the opening handshake has paused.
    pub(crate) fn redirect(&self) -> Option<&Response> {
        self.connection.redirect()
    }

    /// Treats the redirect as a refusal, because it must not be followed. `followed` is how many were.
    pub(crate) fn refuse_redirect(&mut self, reason: RedirectFailure, followed: u32) {
        self.redirect_failure = Some((reason, followed));
        self.connection.refuse_redirect();
        self.run.request_round();
    }

    /// Continues with the connection to `url`, unless the socket was closed at the redirect. Returns what has to be dropped
    /// outside the lock: the former connection with the cause of its end, or this connection as the error.
    pub(crate) fn redirect_to(
        &mut self,
        connection: Connection,
        url: Option<String>,
    ) -> Result<(Connection, Option<Failure>), Box<Connection>> {
        if self.redirect().is_none() {
            return Err(Box::new(connection));
        }
        self.redirected_url = url.map(Into::into);
        self.run.request_round();
        Ok((std::mem::replace(&mut self.connection, connection), self.cause.take()))
    }

    /// Fails the connection at a redirect, for a reason that the protocol does not know. Returns the former cause, to be
    /// dropped outside the lock.
    #[must_use]
    pub(crate) fn fail_redirect(&mut self, failure: Failure, now: Duration) -> Option<Failure> {
        self.connection.close(None, now);
        self.run.request_round();
        self.cause.replace(failure)
    }
}
