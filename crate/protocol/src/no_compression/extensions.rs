//! The negotiation of extensions: nothing is offered, so no answer is acceptable.
//!
//! See [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1), step 5 of the checks of the response.

use crate::compression::Compression;
use crate::error::Failure;

/// Returns the offer of the client: none.
pub(crate) const fn offer(_: Option<&Compression>) -> Option<String> {
    None
}

/// The negotiated parameters of permessage-deflate: an uninhabited type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Deflate {}

/// Refuses each value of the response's `Sec-WebSocket-Extensions`.
pub(crate) fn accept(answer: &str, _: Option<&Compression>) -> Result<Deflate, Failure> {
    let offers_nothing = answer.split(',').all(|element| element.trim_matches([' ', '\t']).is_empty());
    let rule = if offers_nothing { "the list is empty" } else { "an extension was not offered" };
    Err(Failure::Extensions { rule, found: answer.to_owned() })
}
