//! Texts in quotation marks, for the texts of errors.

use std::fmt::{self, Write};

/// A text in quotation marks. Characters that could garble a log are escaped, such as line breaks and marks that reverse
/// the direction of a text.
///
/// Code size: the `Debug` of a `str` does the same for all characters of Unicode, with tables.
///
/// ```
/// use samesocket_spec::Quoted;
///
/// assert_eq!(Quoted("né \"a\"\n").to_string(), r#""né \"a\"\u{a}""#);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Quoted<T>(pub T);

impl<T: fmt::Display> fmt::Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Escaped(&self.0))
    }
}

/// A text without quotation marks, escaped in the same way.
pub(crate) struct Escaped<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

/// A writer that escapes what it passes on.
struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match character {
            '"' | '\\' => self.0.write_char('\\').and_then(|()| self.0.write_char(character)),
            _ if is_invisible(character) => character.escape_unicode().try_for_each(|part| self.0.write_char(part)),
            _ => self.0.write_char(character),
        })
    }
}

/// Returns whether a character is a control character, a line break, or without a shape of its own.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn visible_text_stays_and_other_characters_are_escaped() {
        for (text, expected) in [
            ("", r#""""#),
            ("a b…é日", r#""a b…é日""#),
            (r#"\""#, r#""\\\"""#),
            ("\0\t\r\x7f\u{85}", r#""\u{0}\u{9}\u{d}\u{7f}\u{85}""#),
            ("\u{202e}\u{200b}\u{2028}\u{feff}", r#""\u{202e}\u{200b}\u{2028}\u{feff}""#),
        ] {
            assert_eq!(Quoted(text).to_string(), expected);
        }
    }
}
