//! The choice of a proxy: none, a fixed one, or the one that the environment names for a server.

use std::env;
use std::net::IpAddr;

use crate::platform::native::dial::proxy::Proxy;
use crate::platform::native::dial::target::Target;
use crate::platform::native::failure::ProxyFailure;

/// The proxy settings of a socket.
#[derive(Clone, Default)]
pub(in crate::platform::native) enum ProxySettings {
    #[default]
    None,
    Fixed(Proxy),
    Environment,
}

impl ProxySettings {
    /// Returns the proxy for `target`, or `None` if it is dialed directly.
    pub(super) fn proxy_for(&self, target: &Target) -> Result<Option<Proxy>, ProxyFailure> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(proxy) => Ok(Some(proxy.clone())),
            Self::Environment => from_environment(target, |name| env::var(name).ok()),
        }
    }
}

/// Returns the proxy that these variables name for `target`. An empty variable counts as unset.
fn from_environment(target: &Target, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, ProxyFailure> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let exempt = variable("no_proxy").or_else(|| variable("NO_PROXY")).unwrap_or_default();
    if exempt.split(',').any(|entry| covers(entry.trim(), &target.host)) {
        return Ok(None);
    }
    let names: &[&'static str] = if target.secure {
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        &["http_proxy", "all_proxy", "ALL_PROXY"]
    };
    let Some((name, value)) = names.iter().find_map(|&name| Some((name, variable(name)?))) else { return Ok(None) };
    let url = if value.contains("://") { value } else { format!("http://{value}") };
    Proxy::parse(&url).map(Some).ok_or(ProxyFailure::InvalidUrl { variable: name })
}

/// Returns whether an entry of `NO_PROXY` covers `host`: a name, an address, a range of addresses, or `*`.
fn covers(entry: &str, host: &str) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        let (range, bits) = entry.split_once('/').unwrap_or((entry, "128"));
        return match (range.parse(), bits.parse()) {
            (Ok(range), Ok(bits)) => is_within(address, range, bits),
            _ => false,
        };
    }
    let name = entry.trim_start_matches("*.").trim_start_matches('.');
    let (host, name) = (host.trim_end_matches('.').to_ascii_lowercase(), name.to_ascii_lowercase());
    !name.is_empty() && host.strip_suffix(&name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Returns whether `address` has the first `bits` bits of `range` and is of the same family.
fn is_within(address: IpAddr, range: IpAddr, bits: u32) -> bool {
    match (address, range) {
        (IpAddr::V4(address), IpAddr::V4(range)) => {
            let host_bits = u32::BITS - bits.min(u32::BITS);
            (address.to_bits() ^ range.to_bits()).checked_shr(host_bits).unwrap_or_default() == 0
        }
        (IpAddr::V6(address), IpAddr::V6(range)) => {
            let host_bits = u128::BITS - bits.min(u128::BITS);
            (address.to_bits() ^ range.to_bits()).checked_shr(host_bits).unwrap_or_default() == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(secure: bool, host: &str) -> Target {
        Target { secure, host: host.to_owned(), port: 80 }
    }

    #[test]
    fn environment_names_a_proxy_by_scheme_and_exempts_hosts() {
        let environment = |name: &str| {
            let value = match name {
                "HTTPS_PROXY" => "http://a:1",
                "ALL_PROXY" => "socks5://b",
                "HTTP_PROXY" => "http://never",
                "NO_PROXY" => "localhost, .example.com,10.0.0.0/8, ::1",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let proxy = |secure, host| {
            from_environment(&target(secure, host), environment).unwrap().map(|proxy| format!("{proxy:?}"))
        };
        assert_eq!(proxy(true, "h").as_deref(), Some("Http proxy at a:1"));
        assert_eq!(proxy(false, "h").as_deref(), Some("Socks5 proxy at b:1080"));
        assert_eq!(proxy(false, "notexample.com").as_deref(), Some("Socks5 proxy at b:1080"));
        assert_eq!(proxy(false, "11.1.2.3").as_deref(), Some("Socks5 proxy at b:1080"));
        for host in ["LOCALHOST", "example.com", "deep.example.com.", "10.1.2.3", "::1"] {
            assert_eq!(proxy(true, host), None, "{host}");
        }
    }

    #[test]
    fn invalid_proxy_in_the_environment_names_its_variable() {
        let failure = from_environment(&target(false, "h"), |name| (name == "all_proxy").then(|| "ftp://x".to_owned()));
        assert!(matches!(failure, Err(ProxyFailure::InvalidUrl { variable: "all_proxy" })));
    }

    #[test]
    fn range_covers_addresses_of_its_own_family() {
        let within =
            |address: &str, range: &str, bits| is_within(address.parse().unwrap(), range.parse().unwrap(), bits);
        assert!(
            within("1.2.3.4", "0.0.0.0", 0) && within("1.2.3.4", "1.2.3.4", 128) && !within("1.2.3.4", "1.2.3.5", 32)
        );
        assert!(within("fe80::1", "fe80::", 10) && !within("::1", "0.0.0.0", 0));
    }
}
