//! The hops of one opening handshake: where a redirect leads, and what goes along.

use crate::platform::native::dial::request::request;
use crate::platform::native::settings::PlatformSettings;
use crate::platform::native::url::Url;
use crate::types::response_cookies::ResponseCookies;
use samesocket_protocol::Request;
use samesocket_spec::constructor::origin;
use samesocket_spec::redirect::location_url;
use samesocket_spec::{RedirectFailure, Response};

/// The redirects of one connection, if its options allow any.
#[derive(Clone)]
pub(crate) struct Redirects {
    /// The URL of the request that is under way.
    url: Url,
    /// The subprotocols to offer.
    protocols: Vec<String>,
    /// The options, without those that were meant for an origin that the redirects have left.
    options: PlatformSettings,
    /// The number of redirects that were followed.
    followed: u32,
}

impl Redirects {
    /// Returns `None` if the options allow no redirects.
    pub(crate) fn new(url: &Url, protocols: &[String], options: &PlatformSettings) -> Option<Self> {
        (options.max_redirects > 0).then(|| Self {
            url: url.clone(),
            protocols: protocols.to_vec(),
            options: options.clone(),
            followed: 0,
        })
    }

    /// Follows a redirect: afterwards, the URL and the options are those of the next request.
    ///
    /// Settings that are meant for one origin are dropped when a redirect leads to another one. They do not come back when
    /// a later one returns. See the [HTTP-redirect fetch](https://fetch.spec.whatwg.org/#concept-http-redirect-fetch).
    ///
    /// # Errors
    ///
    /// Returns the reason if the redirect is not to be followed. Nothing has changed then.
    pub(crate) fn follow(&mut self, response: &Response) -> Result<(), RedirectFailure> {
        let mut next = location_url(response, &self.url, |location| self.url.parse_location(location))?;
        if self.followed >= self.options.max_redirects {
            return Err(RedirectFailure::TooMany);
        }
        if origin(&next) == origin(&self.url) {
            next.inherit_credentials(&self.url);
        } else {
            self.options.leave_origin();
        }
        self.url = next;
        self.followed += 1;
        Ok(())
    }

    /// Returns the number of redirects that were followed.
    pub(crate) const fn followed(&self) -> u32 {
        self.followed
    }

    /// Returns the URL of the next request.
    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the URL for the response to the next request, without credentials. `None` before the first redirect.
    pub(crate) fn response_url(&self) -> Option<String> {
        (self.followed > 0).then(|| self.url.without_credentials().into())
    }

    /// Returns the header fields of the next request, for the network in memory.
    ///
    /// It calls the user's cookie store, so no lock may be held.
    pub(crate) fn request_headers(&self) -> Vec<(String, String)> {
        self.options.request_headers(&self.url)
    }

    /// Returns the store for the cookies of the next response, if there is one.
    pub(crate) fn response_cookies(&self) -> Option<ResponseCookies> {
        self.options.response_cookies(&self.url)
    }

    /// Returns the options of the next request.
    pub(in crate::platform::native) const fn options(&self) -> &PlatformSettings {
        &self.options
    }

    /// Returns the next request. It calls the user's cookie store, which may panic.
    pub(in crate::platform::native) fn request(&self) -> Request {
        request(&self.url, self.protocols.clone(), &self.options)
    }
}
