//! Query strings: `+` stands for itself, and values are bytes.

/// The pairs of a query, the names decoded and the values as they came.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode_text(name), value)
    })
}

/// The decoded value of the first pair with this name.
pub(crate) fn value(query: &str, name: &str) -> Option<String> {
    pairs(query).find(|(key, _)| key == name).map(|(_, value)| decode_text(value))
}

/// Percent-decodes; a `%` without two digits stands for itself.
pub(crate) fn decode(raw: &str) -> Vec<u8> {
    let bytes = raw.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| unhex(digits)?.first().copied());
        decoded.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}

/// [`decode`], with replacement characters where the result is not UTF-8.
pub(crate) fn decode_text(raw: &str) -> String {
    String::from_utf8_lossy(&decode(raw)).into_owned()
}

/// Reads hexadecimal digits, two a byte.
pub(crate) fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    digits
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_stands_for_itself() {
        assert_eq!(decode("a+b%20c"), b"a+b c");
    }

    #[test]
    fn a_lone_percent_stands_for_itself() {
        assert_eq!(decode("5%"), b"5%");
        assert_eq!(decode("%4"), b"%4");
        assert_eq!(decode("%zz%+1"), b"%zz%+1");
    }

    #[test]
    fn values_are_bytes() {
        assert_eq!(decode("%ff%00"), [0xff, 0]);
    }

    #[test]
    fn an_odd_number_of_digits_is_no_hexadecimal() {
        assert_eq!(unhex(b"0aF"), None);
        assert_eq!(unhex(b"0aFf"), Some(vec![10, 255]));
    }
}
