//! URL records, by the `url` crate.

use samesocket_spec::constructor::UrlRecord;

/// A [URL record](https://url.spec.whatwg.org/#concept-url).
#[derive(Clone)]
pub(crate) struct Url(url::Url);

impl Url {
    /// Returns the record of the `url` crate.
    pub(super) const fn record(&self) -> &url::Url {
        &self.0
    }

    /// Parses `url` against `base`. There is no API base URL on native targets.
    pub(crate) fn parse(url: &str, base: Option<&str>) -> Option<Self> {
        let base = match base {
            Some(base) => Some(url::Url::parse(base).ok()?),
            None => None,
        };
        url::Url::options().base_url(base.as_ref()).parse(url).ok().map(Self)
    }

    /// Returns the URL without user name and password.
    pub(super) fn without_credentials(&self) -> url::Url {
        let mut record = self.0.clone();
        // No setter fails, because the URL has a host.
        let _ = record.set_username("");
        let _ = record.set_password(None);
        record
    }

    /// Parses the `Location` of a response to the request for this URL. The base has the scheme of the request, `http` or
    /// `https`.
    pub(super) fn parse_location(&self, location: &str) -> Option<Self> {
        let mut base = self.0.clone();
        let scheme = if base.scheme() == "ws" { "http" } else { "https" };
        // The setter does not fail, because both schemes are special.
        let _ = base.set_scheme(scheme);
        base.join(location).ok().map(Self)
    }

    /// Takes the user name and password over from `former`, unless this URL has some.
    pub(super) fn inherit_credentials(&mut self, former: &Self) {
        if self.0.username().is_empty() && self.0.password().is_none() {
            // No setter fails, because the URL has a host.
            let _ = self.0.set_username(former.0.username());
            let _ = self.0.set_password(former.0.password());
        }
    }
}

impl UrlRecord for Url {
    fn set_websocket_scheme(&mut self) {
        let scheme = if self.0.scheme() == "http" { "ws" } else { "wss" };
        // The setter does not fail, because both schemes are special.
        let _ = self.0.set_scheme(scheme);
    }

    fn as_str(&self) -> &str {
        self.0.as_str()
    }
}
