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
