//! The value of `Sec-WebSocket-Extensions`.

use samesocket_protocol::extensions::{Deflate, accept};

/// Whatever a server answers: it is accepted or refused, and what is accepted means what its shortest form means,
/// with empty elements around it too.
///
/// # Panics
/// Where that is wrong.
pub fn extensions(data: &[u8]) {
    let Ok(answer) = std::str::from_utf8(data) else { return };
    let Ok(deflate) = accept(answer) else { return };
    for bits in [deflate.server_max_window_bits, deflate.client_max_window_bits] {
        assert!((8..=15).contains(&bits), "{bits} bits are no window");
    }
    assert_eq!(accept(&written(&deflate)).as_ref(), Ok(&deflate));
    assert_eq!(accept(&format!(" ,,\t{answer} , ,")).as_ref(), Ok(&deflate));
    assert!(accept(&format!("{answer}, permessage-deflate")).is_err(), "an extension stands there once");
    assert!(accept(&format!("{answer}; x")).is_err(), "every parameter is known");
}

fn written(deflate: &Deflate) -> String {
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
