//! The grammar of subprotocols, and what a list of them must be.

use crate::Exception;

/// Finds the first byte that keeps `name` from being a token of
/// [RFC 9110, section 5.6.2](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2), which is what
/// [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1) asks of a subprotocol's characters.
///
/// Everything before that byte is ASCII, so its index also counts characters.
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

/// Checks one subprotocol that stands at `place` of a list.
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

/// The subprotocols that a connection offers, with their check: a program that offers none links none.
pub struct Offer {
    names: Vec<String>,
    checked: fn(&[String]) -> Result<Vec<String>, Exception>,
}

impl Offer {
    /// Offers these.
    pub fn of(names: Vec<String>) -> Self {
        Self { names, checked: |names| check(names).map(|()| names.to_vec()) }
    }

    /// Gives the names, once they are [checked](check).
    pub fn checked(&self) -> Result<Vec<String>, Exception> {
        (self.checked)(&self.names)
    }
}

/// Checks the constructor's list of subprotocols.
///
/// Names are compared exactly, as the text has it; see
/// <https://websockets.spec.whatwg.org/#dom-websocket-websocket>.
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
    fn separators_controls_and_non_ascii_are_outside_the_token_grammar() {
        for byte in 0..=0x7f_u8 {
            let outside = byte <= b' ' || byte == 0x7f || b"()<>@,;:\\\"/[]?={}".contains(&byte);
            let name = format!("a{}", char::from(byte));
            assert_eq!(first_outside_token(&name), outside.then_some(1), "{byte:#x}");
        }
        assert_eq!(first_outside_token("é"), Some(0));
    }

    #[crate::test]
    fn the_error_says_which_character_is_at_fault_and_where() {
        let error = checked(&["ok", "chat.example.com/2.0"]).unwrap_err();
        assert_eq!(
            error,
            Exception::InvalidSubprotocol {
                subprotocol: "chat.example.com/2.0".to_owned(),
                character: '/',
                position: 16
            }
        );
        assert_eq!(
            error.to_string(),
            "the subprotocol \"chat.example.com/2.0\" is not a token: '/' at position 16 is not allowed"
        );
        assert!(matches!(checked(&["aé"]), Err(Exception::InvalidSubprotocol { character: 'é', position: 1, .. })));
    }

    #[crate::test]
    fn the_empty_list_is_fine_and_the_empty_string_is_not() {
        assert_eq!(checked(&[]), Ok(()));
        assert_eq!(checked(&["a", ""]), Err(Exception::EmptySubprotocol { place: 1 }));
    }

    #[crate::test]
    fn repetition_is_exact() {
        assert_eq!(checked(&["chat", "CHAT"]), Ok(()));
        assert_eq!(checked(&["a", "b", "a"]), Err(Exception::RepeatedSubprotocol { subprotocol: "a".to_owned() }));
    }

    #[cfg(not(target_family = "wasm"))]
    proptest::proptest! {
        #[test]
        fn every_string_is_a_token_or_the_character_named_is_the_first_bad_one(name in ".*") {
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
}
