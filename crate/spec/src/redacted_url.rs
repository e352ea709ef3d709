//! URLs in logs and error texts, without their secrets.

use std::fmt;

/// A URL without the parts that can be secret, for logs and error texts.
///
/// The credentials before the host, the query and the fragment are replaced by `…`. The URL need not be valid. If it is not
/// clear where its host begins, everything but the scheme is replaced. A path is shown, so programs should not have
/// secrets there.
///
/// ```
/// use samesocket_spec::RedactedUrl;
///
/// let url = RedactedUrl("wss://user:password@example.com/chat?token=abc");
/// assert_eq!(url.to_string(), "wss://…@example.com/chat?…");
/// assert_eq!(format!("{url:?}"), "\"wss://…@example.com/chat?…\"");
/// ```
#[derive(Clone, Copy)]
pub struct RedactedUrl<'a>(pub &'a str);

impl RedactedUrl<'_> {
    /// Returns the parts to show: the scheme with its slashes, whether there are credentials, the host with its port and
    /// path, and the character that begins a query or fragment. The third part is `None` if it cannot be told apart.
    fn parts(&self) -> (&str, bool, Option<&str>, &str) {
        // The URL parser ignores blanks and control characters here, and further slashes in both directions.
        let url = self.0.trim_start_matches(|character: char| character <= ' ');
        let end_of_scheme = url.find("//").filter(|&slashes| is_scheme(url.get(..slashes).unwrap_or_default()));
        let start = end_of_scheme.map_or(0, |slashes| {
            url.len() - url.get(slashes..).unwrap_or_default().trim_start_matches(['/', '\\']).len()
        });
        let (scheme, rest) = url.split_at_checked(start).unwrap_or_default();
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        let (shown, hidden) = rest.split_at_checked(end).unwrap_or_default();
        let mark = hidden.get(..1).unwrap_or_default();
        if end_of_scheme.is_none() {
            // This is a relative URL, or credentials without slashes before them.
            return (scheme, false, (!rest.contains('@')).then_some(shown), mark);
        }
        let authority = shown.split(['/', '\\']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        // A password with a slash or a question mark looks like a port.
        let port = host.rsplit(']').next().and_then(|rest| rest.split_once(':')).map_or("", |(_, port)| port);
        let is_clear = port.bytes().all(|byte| byte.is_ascii_digit());
        let start = authority.len() - host.len();
        (scheme, start > 0, shown.get(start..).filter(|_| is_clear), mark)
    }

    /// Returns whether the scheme of the URL can be shown, because it is certainly not a user name.
    pub(crate) fn shows_scheme(&self) -> bool {
        let (scheme, _, rest, _) = self.parts();
        !scheme.is_empty() || rest.is_some()
    }
}

/// Returns whether this is empty, or a scheme with its colon.
fn is_scheme(text: &str) -> bool {
    let scheme = text.strip_suffix(':');
    text.is_empty()
        || scheme
            .is_some_and(|scheme| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)))
}

impl fmt::Display for RedactedUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, has_credentials, rest, mark) = self.parts();
        f.write_str(scheme)?;
        let Some(rest) = rest else { return f.write_str("…") };
        if has_credentials {
            f.write_str("…@")?;
        }
        f.write_str(rest)?;
        f.write_str(mark)?;
        if mark.is_empty() { Ok(()) } else { f.write_str("…") }
    }
}

impl fmt::Debug for RedactedUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn host_and_path_are_shown_without_credentials_and_query() {
        for (url, expected) in [
            ("wss://example.com/chat", "wss://example.com/chat"),
            ("wss://example.com:8443/chat?secret", "wss://example.com:8443/chat?…"),
            ("wss://example.com/chat#secret", "wss://example.com/chat#…"),
            ("wss://example.com?secret#secret", "wss://example.com?…"),
            ("wss://example.com/?", "wss://example.com/?…"),
            ("wss://secret@example.com/", "wss://…@example.com/"),
            ("wss://secret:secret@example.com:1/a?secret@secret", "wss://…@example.com:1/a?…"),
            ("wss://sec@ret:secret@[::1]:8080/a@b", "wss://…@[::1]:8080/a@b"),
            ("wss://[::1]/", "wss://[::1]/"),
            ("  WSS://secret@h", "WSS://…@h"),
            ("ws:////secret@h/", "ws:////…@h/"),
            ("ws://\\secret@h/", "ws://\\…@h/"),
            ("//secret@h/a", "//…@h/a"),
            ("/chat?secret", "/chat?…"),
            ("chat", "chat"),
            ("/a//b", "/a//b"),
            ("localhost:8080/a", "localhost:8080/a"),
            ("data:text/plain", "data:text/plain"),
            ("", ""),
        ] {
            assert_eq!(RedactedUrl(url).to_string(), expected, "{url}");
        }
    }

    #[test]
    fn what_may_be_credentials_is_not_shown() {
        for (url, expected) in [
            ("secret:secret@h", "…"),
            ("ws:secret:secret@h", "…"),
            ("ws:/secret:secret@h", "…"),
            ("ws:\\\\secret:secret@h", "…"),
            ("ws:/\t/secret:secret@h", "…"),
            ("w\ts://secret:secret@h", "…"),
            ("user_secret://secret@h", "…"),
            // The password has a character that ends the host.
            ("ws://secret:secret/secret@h", "ws://…"),
            ("ws://secret:secret?secret@h", "ws://…"),
            ("ws://secret:secret#secret@h/a", "ws://…"),
            ("ws://secret@secret:secret/secret@h", "ws://…"),
            ("ws://h:port/", "ws://…"),
        ] {
            let shown = RedactedUrl(url).to_string();
            assert_eq!(shown, expected, "{url}");
            assert_eq!(format!("{:?}", RedactedUrl(url)), format!("{shown:?}"));
        }
    }
}
