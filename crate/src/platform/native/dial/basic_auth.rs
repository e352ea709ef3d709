//! Basic authentication, by [RFC 7617](https://www.rfc-editor.org/rfc/rfc7617).

use data_encoding::BASE64;
use percent_encoding::percent_decode_str;

/// Returns the value of an `Authorization` or `Proxy-Authorization` field for the credentials of a URL.
///
/// User name and password are percent-encoded in a URL. Returns `None` if the URL has neither.
pub(super) fn basic_auth(username: &str, password: Option<&str>) -> Option<String> {
    if username.is_empty() && password.is_none() {
        return None;
    }
    let mut pair: Vec<u8> = percent_decode_str(username).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(password.unwrap_or_default()));
    Some(format!("Basic {}", BASE64.encode(&pair)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_percent_decoded_and_base64_encoded() {
        assert_eq!(basic_auth("user", Some("p%20w")).as_deref(), Some("Basic dXNlcjpwIHc="));
        assert_eq!(basic_auth("", None), None);
    }
}
