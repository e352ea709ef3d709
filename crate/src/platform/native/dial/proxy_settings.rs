//! The choice of a proxy: none, a fixed one, or the one that the environment names for a server.

use std::env;
use std::ffi::OsString;

use crate::platform::native::dial::no_proxy::exempts;
use crate::platform::native::dial::proxy::ProxyServer;
use crate::platform::native::dial::target::Target;
use crate::types::failure::ProxyFailure;

/// The proxy settings of a socket.
#[derive(Clone, Default)]
pub(in crate::platform::native) enum ProxySettings {
    #[default]
    None,
    Fixed(ProxyServer),
    Environment,
}

impl ProxySettings {
    /// Returns whether the fixed proxy has two TLS settings, one of which would be ignored.
    pub(super) fn is_contradictory(&self) -> bool {
        matches!(self, Self::Fixed(proxy) if proxy.tls().is_contradictory())
    }

    /// Returns whether the TLS configuration of the fixed proxy is the user's own.
    pub(in crate::platform::native) const fn has_custom_tls(&self) -> bool {
        matches!(self, Self::Fixed(proxy) if proxy.tls().is_custom())
    }

    /// Returns the proxy for `target`, or `None` if it is dialed directly.
    pub(super) fn proxy_for(&self, target: &Target) -> Result<Option<ProxyServer>, ProxyFailure> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(proxy) => Ok(Some(proxy.clone())),
            Self::Environment => from_environment(target, cfg!(windows), |name| env::var_os(name)),
        }
    }
}

/// Returns the proxy that these variables name for `target`. An empty variable counts as unset.
///
/// It fails if a variable that it needs is invalid, because a direct connection could bypass a proxy that is required.
/// `any_case` is whether the system ignores the case of the names.
fn from_environment(
    target: &Target,
    any_case: bool,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<ProxyServer>, ProxyFailure> {
    let first_of = |names: &[&'static str]| {
        names.iter().find_map(|&name| Some((name, variable(name).filter(|value| !value.is_empty())?)))
    };
    let proxy = first_of(if target.secure {
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        &["http_proxy", "all_proxy", "ALL_PROXY"]
    });
    let Some((variable, proxy)) = proxy else { return Ok(None) };
    if let Some((variable, list)) = first_of(&["no_proxy", "NO_PROXY"]) {
        if exempts(&utf8(variable, list)?, &target.host, target.port) {
            return Ok(None);
        }
    }
    // A web server sets `HTTP_PROXY` from the field `Proxy` of its client's request (https://httpoxy.org).
    if any_case && variable == "http_proxy" && first_of(&["REQUEST_METHOD"]).is_some() {
        return Err(ProxyFailure::Cgi { variable });
    }
    let value = utf8(variable, proxy)?;
    let url = if value.contains("://") { value } else { format!("http://{value}") };
    ProxyServer::parse(&url).map(Some).map_err(|_| ProxyFailure::InvalidUrl { variable })
}

fn utf8(variable: &'static str, value: OsString) -> Result<String, ProxyFailure> {
    value.into_string().map_err(|_| ProxyFailure::NotUtf8 { variable })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(secure: bool, host: &str) -> Target {
        Target { secure, host: host.to_owned(), port: 80, is_proxy: false }
    }

    /// Returns the proxy that these variables name for `host`, as text, or the failure.
    fn chosen(secure: bool, host: &str, variables: &[(&str, OsString)]) -> Result<Option<String>, String> {
        let read = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone());
        match from_environment(&target(secure, host), false, read) {
            Ok(proxy) => Ok(proxy.map(|proxy| format!("{proxy:?}"))),
            Err(failure) => Err(failure.to_string()),
        }
    }

    fn variables<'a>(pairs: &[(&'a str, &str)]) -> Vec<(&'a str, OsString)> {
        pairs.iter().map(|&(name, value)| (name, value.into())).collect()
    }

    /// A value with a password that is not UTF-8.
    #[cfg(unix)]
    fn not_utf8() -> OsString {
        use std::os::unix::ffi::OsStringExt;
        OsString::from_vec(b"http://user:secret@proxy.test\xff".to_vec())
    }

    #[test]
    fn environment_names_a_proxy_by_scheme_and_exempts_hosts() {
        let environment = variables(&[
            ("HTTPS_PROXY", "http://a:1"),
            ("ALL_PROXY", "socks5://b"),
            ("HTTP_PROXY", "http://never"),
            ("NO_PROXY", "localhost, .example.com,10.0.0.0/8, ::1"),
        ]);
        let proxy = |secure, host| chosen(secure, host, &environment).unwrap();
        assert_eq!(proxy(true, "h").as_deref(), Some("Http proxy at a:1"));
        assert_eq!(proxy(false, "h").as_deref(), Some("Socks5 proxy at b:1080"));
        assert_eq!(proxy(false, "notexample.com").as_deref(), Some("Socks5 proxy at b:1080"));
        assert_eq!(proxy(false, "11.1.2.3").as_deref(), Some("Socks5 proxy at b:1080"));
        for host in ["LOCALHOST", "example.com", "deep.example.com.", "10.1.2.3", "::1"] {
            assert_eq!(proxy(true, host), None, "{host}");
        }
    }

    #[test]
    fn first_variable_that_is_not_empty_counts() {
        let names = [
            ("https_proxy", "a"),
            ("HTTPS_PROXY", "b"),
            ("all_proxy", "c"),
            ("ALL_PROXY", "d"),
            ("http_proxy", "e"),
            ("HTTP_PROXY", "f"),
        ];
        let mut environment = variables(&names);
        let mut seen = Vec::new();
        for index in 0..names.len() {
            let of = |secure| chosen(secure, "h", &environment).unwrap().unwrap_or_default();
            seen.push([of(true), of(false)].map(|text| text.replace("Http proxy at ", "")));
            environment[index].1 = OsString::new();
        }
        let expected = [["a:80", "e:80"], ["b:80", "e:80"], ["c:80", "e:80"], ["d:80", "e:80"], ["", "e:80"], ["", ""]];
        assert_eq!(seen, expected);
        for exempt in [[("no_proxy", "h"), ("NO_PROXY", "x")], [("no_proxy", ""), ("NO_PROXY", "h")]] {
            let mut environment = variables(&exempt);
            environment.extend(variables(&names));
            assert_eq!(chosen(true, "h", &environment), Ok(None), "{exempt:?}");
        }
    }

    #[test]
    fn scheme_of_a_proxy_may_be_left_out() {
        for (value, expected) in [
            ("proxy.test", "Http proxy at proxy.test:80"),
            ("proxy.test:3128", "Http proxy at proxy.test:3128"),
            ("user:secret@proxy.test:3128", "Http proxy at proxy.test:3128"),
            ("[2001:db8::1]:3128", "Http proxy at [2001:db8::1]:3128"),
            ("HTTPS://proxy.test", "Https proxy at proxy.test:443"),
            ("socks5h://proxy.test", "Socks5 proxy at proxy.test:1080"),
        ] {
            let environment = variables(&[("all_proxy", value)]);
            assert_eq!(chosen(false, "h", &environment), Ok(Some(expected.to_owned())), "{value}");
        }
    }

    #[test]
    fn invalid_proxy_in_the_environment_names_its_variable() {
        for value in
            ["ftp://secret@x", "socks4://secret@x", "http://secret@x:port", "http://", " ", "http:secret@x:1:2"]
        {
            let failure = chosen(false, "h", &variables(&[("all_proxy", value)])).unwrap_err();
            assert!(failure.contains("all_proxy") && !failure.contains("secret"), "{failure}");
        }
        // A variable that is not used is not parsed.
        let environment = variables(&[("http_proxy", "a"), ("all_proxy", "ftp://x"), ("https_proxy", "ftp://x")]);
        assert_eq!(chosen(false, "h", &environment), Ok(Some("Http proxy at a:80".to_owned())));
    }

    #[cfg(unix)]
    #[test]
    fn variable_that_is_not_utf8_fails_and_is_named() {
        for (secure, name) in [
            (true, "https_proxy"),
            (true, "HTTPS_PROXY"),
            (true, "all_proxy"),
            (true, "ALL_PROXY"),
            (false, "http_proxy"),
            (false, "all_proxy"),
            (false, "ALL_PROXY"),
        ] {
            let failure = chosen(secure, "h", &[(name, not_utf8())]);
            assert_eq!(failure, Err(format!("the environment variable {name} is not UTF-8")));
        }
        for name in ["no_proxy", "NO_PROXY"] {
            let environment = [("all_proxy", "proxy.test".into()), (name, not_utf8())];
            let failure = chosen(false, "h", &environment);
            assert_eq!(failure, Err(format!("the environment variable {name} is not UTF-8")));
        }
        // A valid variable that comes first decides.
        let environment = [("http_proxy", "a".into()), ("all_proxy", not_utf8()), ("HTTP_PROXY", not_utf8())];
        assert_eq!(chosen(false, "h", &environment), Ok(Some("Http proxy at a:80".to_owned())));
        let environment = [("all_proxy", not_utf8()), ("no_proxy", "h".into()), ("NO_PROXY", not_utf8())];
        assert_eq!(chosen(false, "h", &environment), Ok(None));
        // Without a proxy, it does not matter which hosts are exempt from it.
        assert_eq!(chosen(false, "h", &[("no_proxy", not_utf8())]), Ok(None));
    }

    #[test]
    fn cgi_program_does_not_trust_a_name_of_any_case() {
        let environment = variables(&[("REQUEST_METHOD", "GET"), ("http_proxy", "a"), ("https_proxy", "b")]);
        let read = |name: &str| environment.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone());
        let chosen =
            |secure, any_case| from_environment(&target(secure, "h"), any_case, read).map(|proxy| proxy.is_some());
        assert!(matches!(chosen(false, true), Err(ProxyFailure::Cgi { variable: "http_proxy" })));
        assert!(matches!((chosen(false, false), chosen(true, true)), (Ok(true), Ok(true))));
    }
}
