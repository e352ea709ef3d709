//! URLs, by the `url` crate.

use crate::spec::constructor::UrlRecord;

/// A URL record.
#[derive(Clone)]
pub(crate) struct Url(url::Url);

impl Url {
    /// The record itself.
    pub(super) const fn record(&self) -> &url::Url {
        &self.0
    }
}

impl UrlRecord for Url {
    /// Natively there is no API base URL.
    fn parse(url: &str, base: Option<&str>) -> Option<Self> {
        let base = match base {
            Some(base) => Some(url::Url::parse(base).ok()?),
            None => None,
        };
        url::Url::options().base_url(base.as_ref()).parse(url).ok().map(Self)
    }

    fn scheme(&self) -> String {
        self.0.scheme().to_owned()
    }

    fn set_scheme(&mut self, scheme: &str) {
        // Both are special schemes, for which nothing is refused.
        let _ = self.0.set_scheme(scheme);
    }

    fn host(&self) -> String {
        self.0.host_str().unwrap_or_default().to_owned()
    }

    fn port(&self) -> String {
        self.0.port().map(|port| port.to_string()).unwrap_or_default()
    }

    fn serialize(&self) -> String {
        self.0.as_str().to_owned()
    }
}
