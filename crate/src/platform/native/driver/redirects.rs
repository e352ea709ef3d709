//! Following redirects of the opening handshake, if the options allow that.
//!
//! The protocol pauses at the head of a redirect. The driver then closes the stream, releases the handshake permit, and dials
//! the next server like the first one. Each hop has a [`Connection`] of its own. All hops share the clock, so that there
//! is one opening timeout.

use std::task::Context;
use std::time::Duration;

use super::Driver;
use crate::platform::native::catch_panic::catch_as_failure;
use crate::platform::native::dial;
use crate::platform::native::dial::redirects::Redirects;
use crate::platform::native::runtime::random;
use crate::platform::native::settings::PlatformSettings;
use crate::sync::catch_panic::drop_caught;
use crate::trace::event;
use crate::types::failure::Failure;
use samesocket_protocol::{Connection, Request};
use samesocket_spec::constructor::UrlRecord;
use samesocket_spec::{RedactedUrl, Response};

/// Creates the connection that sends this request. The opening timeout counts from the start of the socket.
pub(super) fn new_connection(request: &Request, options: &PlatformSettings) -> Result<Connection, Failure> {
    random::seed().map_err(Failure::system)?;
    let connection = Connection::new(request, options.limits.clone(), Box::new(random::fill), Duration::ZERO);
    let mut connection = connection.map_err(Failure::system)?;
    if options.max_redirects > 0 {
        connection.pause_at_redirects();
    }
    Ok(connection)
}

impl Driver {
    /// Follows the redirect at which the opening handshake has paused. If it must not be followed, it is a refusal.
    ///
    /// No lock may be held, because the program's cookie store and stream are used.
    pub(super) fn follow_redirect(&mut self, context: &mut Context<'_>, response: &Response) {
        let Some(mut redirects) = self.redirects.take() else { return };
        if let Err(reason) = redirects.follow(response) {
            self.shared.lock().refuse_redirect(reason, redirects.followed());
            return drop_caught(redirects);
        }
        event!(
            self.receiver.span(),
            DEBUG,
            "redirected",
            status = response.status(),
            url = %RedactedUrl(redirects.url().as_str()),
            followed = redirects.followed()
        );
        // The rest of the response is of no interest, and the next hop may need the permit.
        self.drop_stream(context);
        let stored = self.store_cookies(response);
        let request = stored.and_then(|()| catch_as_failure(|| redirects.request()));
        let connected = request.and_then(|request| {
            let options = redirects.options();
            Ok((new_connection(&request, options)?, options.request_for_dialing(&request)))
        });
        match connected {
            Ok((connection, request)) => self.dial_next(connection, request, redirects),
            Err(failure) => {
                let now = self.shared.now();
                let former = self.shared.lock().fail_redirect(failure, now);
                // Drop outside the lock: these may own values of the user.
                drop_caught((former, redirects));
            }
        }
    }

    /// Starts to dial the next hop, unless the socket was closed meanwhile.
    fn dial_next(&mut self, connection: Connection, request: Option<Request>, redirects: Box<Redirects>) {
        let (url, options) = (redirects.url(), redirects.options());
        let replaced = self.shared.lock().redirect_to(connection, redirects.response_url());
        // Drop outside the lock: a failure may own an error of the user's stream.
        match replaced {
            Ok(former) => {
                drop_caught(former);
                self.cookies = redirects.response_cookies();
                let slot = self.shared.handshake_slot().clone();
                self.dialing = Some(Box::pin(dial::connect(url.clone(), options.clone(), request, slot)));
                self.redirects = Some(redirects);
            }
            Err(unused) => drop_caught((unused, redirects)),
        }
    }
}
