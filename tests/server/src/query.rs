//! Query strings. `+` is not decoded to a space, and values are bytes.

/// Returns the pairs of a query. Names are decoded, values are not.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode_text(name), value)
    })
}

/// Returns the decoded value of the first pair with this name.
pub(crate) fn value(query: &str, name: &str) -> Option<String> {
    pairs(query).find(|(key, _)| key == name).map(|(_, value)| decode_text(value))
}

/// Percent-decodes. A `%` without two hexadecimal digits stays as it is.
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

/// Percent-decodes to text. Invalid UTF-8 becomes replacement characters.
pub(crate) fn decode_text(raw: &str) -> String {
    String::from_utf8_lossy(&decode(raw)).into_owned()
}

/// Percent-encodes every byte that is no letter or digit.
pub(crate) fn encode(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    encoded.collect()
}

/// Parses hexadecimal digits, two for each byte.
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
    fn plus_is_not_decoded() {
        assert_eq!(decode("a+b%20c"), b"a+b c");
    }

    #[test]
    fn percent_without_two_digits_is_not_decoded() {
        assert_eq!(decode("5%"), b"5%");
        assert_eq!(decode("%4"), b"%4");
        assert_eq!(decode("%zz%+1"), b"%zz%+1");
    }

    #[test]
    fn decoded_value_may_be_any_bytes() {
        assert_eq!(decode("%ff%00"), [0xff, 0]);
    }

    #[test]
    fn odd_number_of_hex_digits_is_refused() {
        assert_eq!(unhex(b"0aF"), None);
        assert_eq!(unhex(b"0aFf"), Some(vec![10, 255]));
    }
}
