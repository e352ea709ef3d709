//! Quantities with their units, for the texts of errors.

use std::fmt;
use std::time::Duration;

/// A number of bytes.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 byte"),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

/// A time, in seconds if it is a whole number of them, or else in milliseconds.
///
/// Code size: the `Debug` of a `Duration` can also round and align.
pub(crate) struct Time(pub(crate) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, milliseconds) = (self.0.as_secs(), self.0.subsec_millis());
        match milliseconds {
            0 => write!(f, "{seconds}s"),
            _ => write!(f, "{}ms", seconds.saturating_mul(1000).saturating_add(milliseconds.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[crate::test]
    fn quantities_are_shown_with_their_units() {
        assert_eq!([0, 1, 2].map(|bytes| Bytes(bytes).to_string()), ["0 bytes", "1 byte", "2 bytes"]);
        let times = [0, 20, 1500, 90_000].map(|milliseconds| Time(Duration::from_millis(milliseconds)).to_string());
        assert_eq!(times, ["0s", "20ms", "1500ms", "90s"]);
        assert_eq!(Time(Duration::MAX).to_string(), format!("{}ms", u64::MAX));
    }
}
