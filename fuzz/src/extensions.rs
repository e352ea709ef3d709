//! Properties of the parser of `Sec-WebSocket-Extensions`.

use samesocket_protocol::extensions::{self, Deflate};
use samesocket_protocol::{Compression, Failure};

/// Checks that an accepted value means the same as its shortest form, and the same with empty list elements around it.
///
/// # Panics
/// Panics if a property does not hold.
pub fn extensions(data: &[u8]) {
    let Ok(answer) = std::str::from_utf8(data) else { return };
    let Ok(deflate) = accept(answer) else { return };
    for bits in [deflate.server_max_window_bits, deflate.client_max_window_bits] {
        assert!((8..=15).contains(&bits), "a window has {bits} bits");
    }
    assert_eq!(accept(&shortest_form(&deflate)).as_ref(), Ok(&deflate));
    assert_eq!(accept(&format!(" ,,\t{answer} , ,")).as_ref(), Ok(&deflate));
    assert!(accept(&format!("{answer}, permessage-deflate")).is_err(), "an extension occurs twice");
    assert!(accept(&format!("{answer}; x")).is_err(), "an unknown parameter was accepted");
}

/// Encodes the parameters in their shortest form.
fn shortest_form(deflate: &Deflate) -> String {
    let mut answer = "permessage-deflate".to_owned();
    if deflate.server_no_context_takeover {
        answer.push_str(";server_no_context_takeover");
    }
    if deflate.client_no_context_takeover {
        answer.push_str(";client_no_context_takeover");
    }
    let Deflate { server_max_window_bits: server, client_max_window_bits: client, .. } = deflate;
    answer + &format!(";server_max_window_bits={server};client_max_window_bits={client}")
}

/// Accepts an answer to the default offer.
fn accept(answer: &str) -> Result<Deflate, Failure> {
    extensions::accept(answer, Some(&Compression::default()))
}
