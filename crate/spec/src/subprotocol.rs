//! The grammar of a subprotocol name, and the checks of a list of names.

use std::fmt;

use crate::Exception;

/// Returns the index of the first byte of `name` that is not allowed in a token, or `None`.
///
/// [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1) requires each subprotocol to be a token
/// of [RFC 9110, section 5.6.2](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2). A token is not empty, which this
/// function does not check. Every byte before the index is ASCII, so the index counts characters as well.
///
/// ```
/// use samesocket_spec::subprotocol::first_outside_token;
///
/// assert_eq!(first_outside_token("chat.v2"), None);
/// assert_eq!(first_outside_token("chat/2"), Some(4));
/// ```
pub const fn first_outside_token(name: &str) -> Option<usize> {
    let bytes = name.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if !is_token_byte(bytes[index]) {
            return Some(index);
        }
        index += 1;
    }
    None
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// Checks one subprotocol. `place` is its index in a list, which an exception reports.
///
/// ```
/// use samesocket_spec::{Exception, subprotocol};
///
/// assert_eq!(subprotocol::check_one("chat.v2", 0), Ok(()));
/// assert_eq!(subprotocol::check_one("", 1), Err(Exception::EmptySubprotocol { place: 1 }));
/// ```
///
/// # Errors
///
/// Returns [`Exception::EmptySubprotocol`] if the name is empty, and [`Exception::InvalidSubprotocol`] if it is not a
/// token.
pub fn check_one(name: &str, place: usize) -> Result<(), Exception> {
    if name.is_empty() {
        return Err(Exception::EmptySubprotocol { place });
    }
    match first_outside_token(name) {
        None => Ok(()),
        Some(position) => Err(Exception::InvalidSubprotocol {
            subprotocol: name.to_owned(),
            character: name.chars().nth(position).unwrap_or_default(),
            position,
        }),
    }
}

/// A list of subprotocols to offer, together with the function that checks it.
///
/// ```
/// use samesocket_spec::subprotocol::Offer;
///
/// assert_eq!(Offer::new(vec!["chat".to_owned()]).checked(), Ok(vec!["chat".to_owned()]));
/// ```
// Code size: the check is a function pointer that `new` sets, so that a program without subprotocols does not link it.
#[derive(Clone)]
pub struct Offer {
    names: Vec<String>,
    checked: fn(&[String]) -> Result<Vec<String>, Exception>,
}

impl Offer {
    /// Creates an offer of these names, which are not yet checked.
    pub fn new(names: Vec<String>) -> Self {
        Self { names, checked: |names| check(names).map(|()| names.to_vec()) }
    }

    /// Checks the names with [`check`] and returns a copy of them.
    ///
    /// # Errors
    ///
    /// Returns the exception of [`check`].
    pub fn checked(&self) -> Result<Vec<String>, Exception> {
        (self.checked)(&self.names)
    }
}

impl fmt::Debug for Offer {
    /// Shows the number of names. They can be secret, because some programs pass tokens in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").field("names", &self.names.len()).finish_non_exhaustive()
    }
}

/// Checks the constructor's list of subprotocols.
///
/// Names are compared case-sensitively, as the Standard's text does. See
/// <https://websockets.spec.whatwg.org/#dom-websocket-websocket>.
///
/// ```
/// use samesocket_spec::{Exception, subprotocol};
///
/// let names = ["chat", "CHAT", "chat"].map(str::to_owned);
/// assert_eq!(subprotocol::check(&names[..2]), Ok(()));
/// assert_eq!(subprotocol::check(&names), Err(Exception::RepeatedSubprotocol { subprotocol: "chat".to_owned() }));
/// ```
///
/// # Errors
///
/// Returns an exception for the first name that is empty, not a token, or a repetition of an earlier one.
pub fn check(names: &[String]) -> Result<(), Exception> {
    for (place, name) in names.iter().enumerate() {
        check_one(name, place)?;
        if names.iter().take(place).any(|earlier| earlier == name) {
            return Err(Exception::RepeatedSubprotocol { subprotocol: name.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(names: &[&str]) -> Result<(), Exception> {
        check(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
    }

    #[crate::test]
    fn debug_of_an_offer_shows_no_name() {
        assert_eq!(format!("{:?}", Offer::new(vec!["secret".to_owned()])), "Offer { names: 1, .. }");
    }

    #[crate::test]
    fn separators_controls_and_non_ascii_are_not_token_characters() {
        for byte in 0..=0x7f_u8 {
            let outside = byte <= b' ' || byte == 0x7f || b"()<>@,;:\\\"/[]?={}".contains(&byte);
            let name = format!("a{}", char::from(byte));
            assert_eq!(first_outside_token(&name), outside.then_some(1), "{byte:#x}");
        }
        assert_eq!(first_outside_token("é"), Some(0));
    }

    #[crate::test]
    fn invalid_name_reports_the_character_and_its_position() {
        let error = checked(&["ok", "chat.example.com/2.0"]).unwrap_err();
        assert_eq!(
            error,
            Exception::InvalidSubprotocol {
                subprotocol: "chat.example.com/2.0".to_owned(),
                character: '/',
                position: 16
            }
        );
        assert_eq!(error.to_string(), "a subprotocol is not a token: '/' at position 16 is not allowed");
        assert!(matches!(checked(&["aé"]), Err(Exception::InvalidSubprotocol { character: 'é', position: 1, .. })));
    }

    #[crate::test]
    fn empty_list_is_valid_and_empty_name_is_not() {
        assert_eq!(checked(&[]), Ok(()));
        assert_eq!(checked(&["a", ""]), Err(Exception::EmptySubprotocol { place: 1 }));
    }

    #[crate::test]
    fn repeated_name_is_found_case_sensitively() {
        assert_eq!(checked(&["chat", "CHAT"]), Ok(()));
        assert_eq!(checked(&["a", "b", "a"]), Err(Exception::RepeatedSubprotocol { subprotocol: "a".to_owned() }));
    }

    #[cfg(not(target_family = "wasm"))]
    proptest::proptest! {
        #[test]
        fn any_name_is_valid_or_reports_its_first_invalid_character(name in ".*") {
            match check_one(&name, 0) {
                Ok(()) => proptest::prop_assert!(!name.is_empty() && name.bytes().all(is_token_byte)),
                Err(Exception::EmptySubprotocol { place: 0 }) => proptest::prop_assert!(name.is_empty()),
                Err(Exception::InvalidSubprotocol { character, position, .. }) => {
                    proptest::prop_assert_eq!(name.chars().nth(position), Some(character));
                    proptest::prop_assert!(name.chars().take(position).all(|c| c.is_ascii() && is_token_byte(c as u8)));
                    proptest::prop_assert!(!character.is_ascii() || !is_token_byte(character as u8));
                }
                Err(other) => proptest::prop_assert!(false, "{other}"),
            }
        }
    }

    #[crate::test]
    fn offer_returns_its_names_or_the_exception() {
        let offer = |names: &[&str]| Offer::new(names.iter().map(|&name| name.to_owned()).collect()).checked();
        assert_eq!(offer(&["a", "b"]), Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(offer(&["a", ""]), Err(Exception::EmptySubprotocol { place: 1 }));
    }
}
