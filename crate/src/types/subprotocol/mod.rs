//! Subprotocol names, checked when they are created. [`registered`] lists those of IANA's registry.

pub mod registered;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use samesocket_spec::Exception;
use samesocket_spec::subprotocol::{check_one, first_outside_token};

/// Returns a subprotocol for logs: its name if IANA has registered it, or `…`, because some programs pass tokens there.
pub(crate) fn shown(name: &str) -> &str {
    let is_public = name.is_empty() || registered::ALL.iter().any(|registered| registered.as_str() == name);
    if is_public { name } else { "…" }
}

/// The name of a subprotocol: a token, never empty.
///
/// A literal is checked at compile time:
///
/// ```
/// use samesocket::Subprotocol;
/// const CHAT: Subprotocol = Subprotocol::from_static("chat.v2");
/// ```
///
/// ```compile_fail
/// use samesocket::Subprotocol;
///
/// const CHAT: Subprotocol = Subprotocol::from_static("chat.example.com/2.0"); // a slash is not allowed in a token
/// ```
///
/// A name that is known only at run time is parsed. The error is the [`Exception`] that the constructor would throw:
///
/// ```
/// use samesocket::Subprotocol;
///
/// let error = "chat.example.com/2.0".parse::<Subprotocol>().unwrap_err();
/// assert!(error.to_string().contains("'/' at position 16"));
/// ```
///
/// Names are case-sensitive. See <https://websockets.spec.whatwg.org/#dom-websocket-websocket> and
/// [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subprotocol(Cow<'static, str>);

impl Subprotocol {
    /// Creates a subprotocol from a literal.
    ///
    /// # Panics
    ///
    /// Panics if the name is empty or not a token. In a `const`, that is a compile error.
    pub const fn from_static(name: &'static str) -> Self {
        assert!(!name.is_empty(), "a subprotocol must not be empty");
        assert!(
            first_outside_token(name).is_none(),
            "a subprotocol must be a token: no spaces, no separators such as '/'"
        );
        Self(Cow::Borrowed(name))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Subprotocol {
    type Err = Exception;

    fn from_str(name: &str) -> Result<Self, Exception> {
        check_one(name, 0)?;
        Ok(Self(Cow::Owned(name.to_owned())))
    }
}

impl AsRef<str> for Subprotocol {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Subprotocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The constructor's second argument: no subprotocol, one, or several in the order of preference.
///
/// `()` offers none. A `&str`, `String` or [`Subprotocol`] offers one. An array, a slice or a `Vec` of these offers all
/// of them. The constructor checks the names.
///
/// ```
/// use samesocket::{IntoProtocols, subprotocol};
///
/// assert_eq!(["chat.v2", "chat.v1"].into_protocols(), ["chat.v2", "chat.v1"]);
/// assert_eq!(subprotocol::registered::MQTT.into_protocols(), ["mqtt"]);
/// ```
pub trait IntoProtocols: sealed::Sealed {
    /// Returns the names in order.
    fn into_protocols(self) -> Vec<String>;
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for () {}
impl IntoProtocols for () {
    fn into_protocols(self) -> Vec<String> {
        Vec::new()
    }
}

macro_rules! one {
    ($($name:ty),+) => {$(
        impl sealed::Sealed for $name {}
        impl IntoProtocols for $name {
            fn into_protocols(self) -> Vec<String> {
                vec![AsRef::<str>::as_ref(&self).to_owned()]
            }
        }
    )+};
}
one!(&str, String, &String, Subprotocol, &Subprotocol);

macro_rules! several {
    ($([$($generics:tt)+] $names:ty),+ $(,)?) => {$(
        impl<$($generics)+> sealed::Sealed for $names {}
        impl<$($generics)+> IntoProtocols for $names {
            fn into_protocols(self) -> Vec<String> {
                self.iter().map(|name| name.as_ref().to_owned()).collect()
            }
        }
    )+};
}
several!(
    [S: AsRef<str>, const N: usize] [S; N],
    [S: AsRef<str>, const N: usize] &[S; N],
    [S: AsRef<str>] &[S],
    [S: AsRef<str>] Vec<S>,
    [S: AsRef<str>] &Vec<S>,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[crate::test]
    fn every_argument_type_converts_to_its_names_in_order() {
        assert!(().into_protocols().is_empty());
        assert_eq!("a".into_protocols(), ["a"]);
        assert_eq!(registered::MQTT.into_protocols(), ["mqtt"]);
        assert_eq!(["b", "a"].into_protocols(), ["b", "a"]);
        assert_eq!(vec![registered::MQTT, registered::AMQP].into_protocols(), ["mqtt", "amqp"]);
    }
}
