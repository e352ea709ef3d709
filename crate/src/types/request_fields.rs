//! The header fields that the options set in the request of the opening handshake.

use crate::types::invalid_option::InvalidOption;
use samesocket_spec::header_field;

/// The header fields that the options set in the request of the opening handshake. All of them are valid.
///
/// `Debug` is not implemented, because the values may be secret.
#[derive(Clone, Default)]
pub(crate) struct RequestFields {
    host: Option<String>,
    origin: Option<String>,
    headers: Vec<(String, String)>,
}

impl RequestFields {
    /// Sets the `Host` field.
    pub(crate) fn set_host(&mut self, host: &str) -> Result<(), InvalidOption> {
        header_field::check_host(host).map_err(|invalid| InvalidOption::of_field("Host", invalid))?;
        self.host = Some(host.to_owned());
        Ok(())
    }

    /// Sets the `Origin` field.
    pub(crate) fn set_origin(&mut self, origin: &str) -> Result<(), InvalidOption> {
        header_field::check_value(origin).map_err(|invalid| InvalidOption::of_field("Origin", invalid))?;
        self.origin = Some(origin.to_owned());
        Ok(())
    }

    /// Adds a field. One that a request has only once replaces the earlier one.
    pub(crate) fn add(&mut self, name: &str, value: &[u8]) -> Result<(), InvalidOption> {
        let value = match std::str::from_utf8(value) {
            Ok(value) => value,
            Err(error) => {
                header_field::check(name, "").map_err(|invalid| InvalidOption::of_field(name, invalid))?;
                return Err(InvalidOption::of_encoding(name, error.valid_up_to()));
            }
        };
        if name.eq_ignore_ascii_case("Host") {
            return self.set_host(value);
        }
        if name.eq_ignore_ascii_case("Origin") {
            return self.set_origin(value);
        }
        header_field::check(name, value).map_err(|invalid| InvalidOption::of_field(name, invalid))?;
        if header_field::occurs_once(name) {
            self.headers.retain(|(earlier, _)| !earlier.eq_ignore_ascii_case(name));
        }
        self.headers.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Removes the fields that are meant for one server only, because a redirect leads to another one.
    #[allow(dead_code, reason = "a page follows no redirects")]
    pub(crate) fn leave_origin(&mut self) {
        self.host = None;
        self.headers.retain(|(name, _)| !header_field::has_credentials(name));
    }

    /// Returns the value of the `Host` field that replaces the one made from the URL.
    pub(crate) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Returns the value of the `Origin` field.
    pub(crate) fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Returns the names and values of the other fields, in the order in which they were added.
    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }
}
