//! URLs in logs and error texts, without their secrets.

use std::fmt;

use crate::quoted::Quoted;

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
    // Code size: bytes are compared, because the searches of `str` take 2 KB in a page.
    fn parts(&self) -> (&str, bool, Option<&str>, &str) {
        let bytes = self.0.as_bytes();
        let count = |from: usize, counts: fn(u8) -> bool| -> usize {
            bytes.iter().skip(from).take_while(|&&byte| counts(byte)).count()
        };
        let part = |from: usize, to: usize| self.0.get(from..to).unwrap_or_default();
        // The URL parser ignores blanks and control characters here, and further slashes in both directions.
        let begin = count(0, |byte| byte <= b' ');
        let colon = begin + count(begin, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        let slashes = if bytes.get(colon) == Some(&b':') { colon + 1 } else { begin };
        let has_authority = part(slashes, slashes + 2) == "//";
        let start = if has_authority { slashes + count(slashes, |byte| matches!(byte, b'/' | b'\\')) } else { begin };
        let end = start + count(start, |byte| !matches!(byte, b'?' | b'#'));
        let (scheme, mark) = (part(begin, start), part(end, end + 1));
        if !has_authority {
            // This is a relative URL, or credentials without slashes before them.
            return (scheme, false, (!bytes.contains(&b'@')).then(|| part(start, end)), mark);
        }
        // The host begins behind the last `@`, and its port behind the first colon that is not in brackets.
        let mut host = start;
        let mut number = None;
        for (index, &byte) in bytes.iter().enumerate().take(end).skip(start) {
            match byte {
                b'/' | b'\\' => break,
                b'@' => (host, number) = (index + 1, None),
                b']' => number = None,
                b':' if number.is_none() => number = Some(true),
                byte => number = number.map(|is_number| is_number && byte.is_ascii_digit()),
            }
        }
        // A password with a slash or a question mark looks like a port.
        let is_clear = number != Some(false);
        (scheme, host > start, is_clear.then(|| part(host, end)), mark)
    }

    /// Returns whether the scheme of the URL can be shown, because it is certainly not a user name.
    pub(crate) fn shows_scheme(&self) -> bool {
        let (scheme, _, rest, _) = self.parts();
        !scheme.is_empty() || rest.is_some()
    }
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
        fmt::Display::fmt(&Quoted(self), f)
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
