//! The temporary failures, which may pass by themselves. They are the basis of the default rule by which a socket
//! reconnects.

use std::io::ErrorKind;

use super::failure::{Failure, ProxyFailure};
use samesocket_spec::ProtocolFailure;

impl Failure {
    /// Returns whether a later attempt may succeed although neither the program nor its settings change.
    ///
    /// That holds for errors of the network, for timeouts, and for a response with status 408, 425, 429 or 5xx. It does not
    /// hold for other responses, for invalid settings, for certificates, and for violations of a protocol.
    ///
    /// ```
    /// use samesocket::{Failure, Response};
    ///
    /// assert!(Failure::Refused(Response::new(503)).is_temporary());
    /// assert!(!Failure::Refused(Response::new(401)).is_temporary());
    /// ```
    pub fn is_temporary(&self) -> bool {
        match self {
            // The network, the machine and the runtime may recover.
            Self::Resolve { .. } | Self::Connect { .. } | Self::Blob(_) | Self::System { .. } | Self::Runtime => true,
            // The program or its settings have to change.
            Self::BadPort { .. }
            | Self::ContradictoryTls
            | Self::MissingFeature { .. }
            | Self::Http2 { .. }
            | Self::Redirect { .. }
            | Self::RuntimeDriver { .. }
            | Self::Panicked { .. } => false,
            Self::Refused(response) => is_temporary_status(response.status()),
            Self::Proxy(failure) => failure.is_temporary(),
            Self::Protocol(failure) => is_temporary_protocol_failure(failure),
            // With TLS 1.3 a server refuses the client's certificate after the handshake, with an error of the kind `InvalidData`.
            Self::Connector { source } | Self::Lost { source } => !is_lasting(source.kind()),
            // A configuration that cannot be built has the kind `Other`, and an invalid certificate `InvalidData`.
            Self::Tls { source, .. } => source.kind() != ErrorKind::Other && !is_lasting(source.kind()),
        }
    }
}

impl ProxyFailure {
    /// Returns whether a later attempt may succeed although neither the program nor its settings change.
    fn is_temporary(&self) -> bool {
        match self {
            Self::Refused(response) => is_temporary_status(response.status()),
            Self::Lost { source } | Self::Socks { source } => !is_lasting(source.kind()),
            Self::InvalidUrl { .. } | Self::NotUtf8 { .. } | Self::Cgi { .. } | Self::MalformedHead => false,
        }
    }
}

/// Returns whether a server that answered with this status may accept the same request later.
///
/// See [RFC 9110, section 15](https://www.rfc-editor.org/rfc/rfc9110#section-15),
/// [425](https://www.rfc-editor.org/rfc/rfc8470#section-5.2) and [429](https://www.rfc-editor.org/rfc/rfc6585#section-4).
const fn is_temporary_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// Returns whether the connection was only lost or slow, so that no rule of the protocol was broken.
const fn is_temporary_protocol_failure(failure: &ProtocolFailure) -> bool {
    match failure {
        // The program gave the connection up, not the socket that reconnects.
        ProtocolFailure::Aborted
        | ProtocolFailure::OpeningTimeout
        | ProtocolFailure::LostWhileOpening
        | ProtocolFailure::QueueFull { .. }
        | ProtocolFailure::Lost
        | ProtocolFailure::ClosingTimeout => true,
        ProtocolFailure::Status { found } => is_temporary_status(*found),
        _ => false,
    }
}

/// Returns whether an error of this kind repeats, because the request or the settings are wrong.
const fn is_lasting(kind: ErrorKind) -> bool {
    use ErrorKind::{InvalidData, InvalidInput, PermissionDenied, Unsupported};
    matches!(kind, InvalidData | InvalidInput | PermissionDenied | Unsupported)
}

/// Returns whether a server that closed with this code may serve the same client later.
///
/// See the [registry](https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number).
pub(crate) const fn is_temporary_close(code: u16) -> bool {
    // 1001: going away. 1005: no code. 1006 and 1015: no Close frame. 1011 to 1014: internal error, restart, try again
    // later, bad gateway. 3008: timeout.
    matches!(code, 1001 | 1005 | 1006 | 1011..=1015 | 3008)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;
    use samesocket_spec::{RedirectFailure, Response};

    /// Returns each failure with whether it is temporary.
    fn all() -> Vec<(bool, Failure)> {
        let error = |kind: ErrorKind| Arc::new(io::Error::from(kind));
        let host = || "a.example".to_owned();
        let (reset, invalid) = (error(ErrorKind::ConnectionReset), error(ErrorKind::InvalidData));
        let tls = |source| Failure::Tls { host: host(), source };
        let connector = |kind| Failure::Connector { source: error(kind) };
        let socks = |kind| Failure::Proxy(ProxyFailure::Socks { source: error(kind) });
        let proxy_refused = |status| Failure::Proxy(ProxyFailure::Refused(Response::new(status)));
        vec![
            (false, Failure::BadPort { port: 25 }),
            (false, Failure::Redirect { reason: RedirectFailure::TooMany, followed: 1, response: Response::new(302) }),
            (false, Failure::ContradictoryTls),
            (false, Failure::MissingFeature { feature: "tls" }),
            (true, Failure::Resolve { host: host(), source: None }),
            (true, Failure::Resolve { host: host(), source: Some(error(ErrorKind::Other)) }),
            (true, Failure::Connect { host: host(), port: 80, attempts: Vec::new() }),
            (true, connector(ErrorKind::ConnectionRefused)),
            (true, connector(ErrorKind::Other)),
            (false, connector(ErrorKind::InvalidInput)),
            (false, connector(ErrorKind::InvalidData)),
            (false, connector(ErrorKind::PermissionDenied)),
            (false, connector(ErrorKind::Unsupported)),
            (false, Failure::Proxy(ProxyFailure::InvalidUrl { variable: "http_proxy" })),
            (false, Failure::Proxy(ProxyFailure::NotUtf8 { variable: "http_proxy" })),
            (false, Failure::Proxy(ProxyFailure::Cgi { variable: "HTTP_PROXY" })),
            (false, Failure::Proxy(ProxyFailure::MalformedHead)),
            (true, Failure::Proxy(ProxyFailure::Lost { source: Arc::clone(&reset) })),
            (false, proxy_refused(407)),
            (false, proxy_refused(403)),
            (true, proxy_refused(502)),
            (true, socks(ErrorKind::HostUnreachable)),
            (true, socks(ErrorKind::Other)),
            (false, socks(ErrorKind::PermissionDenied)),
            (false, Failure::Proxy(ProxyFailure::Lost { source: Arc::clone(&invalid) })),
            (false, Failure::Lost { source: Arc::clone(&invalid) }),
            (true, tls(Arc::clone(&reset))),
            (true, tls(error(ErrorKind::UnexpectedEof))),
            (false, tls(invalid)),
            (false, tls(error(ErrorKind::Other))),
            (true, Failure::Lost { source: reset }),
            (true, Failure::System { source: error(ErrorKind::OutOfMemory) }),
            (true, Failure::Runtime),
            (false, Failure::RuntimeDriver { missing: "I/O" }),
            (false, Failure::Panicked { message: None }),
        ]
    }

    #[crate::test]
    fn failures_are_temporary_unless_the_program_must_change() {
        for (expected, failure) in all() {
            assert_eq!(failure.is_temporary(), expected, "{failure:?}");
        }
        // A browser's error cannot be made here.
        #[cfg(not(target_family = "wasm"))]
        assert!(Failure::Blob(crate::Blob::from_file("missing").unwrap_err()).is_temporary());
    }

    #[crate::test]
    fn protocol_failures_are_temporary_if_no_rule_was_broken() {
        let name = "Upgrade";
        let text = || "x".to_owned();
        let temporary = [
            ProtocolFailure::Aborted,
            ProtocolFailure::OpeningTimeout,
            ProtocolFailure::LostWhileOpening,
            ProtocolFailure::Status { found: 503 },
            ProtocolFailure::QueueFull { limit: 1 },
            ProtocolFailure::Lost,
            ProtocolFailure::ClosingTimeout,
        ];
        let lasting = [
            ProtocolFailure::ClosedWhileConnecting,
            ProtocolFailure::MalformedHead { rule: "" },
            ProtocolFailure::HeadTooLong { limit: 1 },
            ProtocolFailure::Status { found: 404 },
            ProtocolFailure::MissingHeader { name, expected: text() },
            ProtocolFailure::WrongHeader { name, expected: text(), found: text() },
            ProtocolFailure::RepeatedHeader { name },
            ProtocolFailure::Extensions { rule: "", found: text() },
            ProtocolFailure::MaskedFrame,
            ProtocolFailure::ReservedBits { bits: 4, opcode: 1 },
            ProtocolFailure::ReservedOpcode { opcode: 3 },
            ProtocolFailure::FragmentedControlFrame { opcode: 9 },
            ProtocolFailure::LongControlFrame { opcode: 9 },
            ProtocolFailure::LengthNotMinimal { length: 1 },
            ProtocolFailure::LengthTopBit { length: 1 << 63 },
            ProtocolFailure::UnexpectedContinuation,
            ProtocolFailure::InterruptedMessage { opcode: 1 },
            ProtocolFailure::FrameTooLong { limit: 1, length: 2 },
            ProtocolFailure::MessageTooLong { limit: 1 },
            ProtocolFailure::InvalidText { position: 0 },
            ProtocolFailure::InvalidDeflate,
            ProtocolFailure::CloseBodyOfOneByte,
            ProtocolFailure::ForbiddenCloseCode { code: 1005 },
            ProtocolFailure::InvalidCloseReason,
        ];
        let is_temporary = |failure: &ProtocolFailure| Failure::Protocol(failure.clone()).is_temporary();
        assert!(temporary.iter().all(is_temporary));
        assert_eq!(lasting.iter().find(|failure| is_temporary(failure)), None);
    }

    #[crate::test]
    fn temporary_statuses_are_timeouts_limits_and_server_errors() {
        let is_temporary = |status: &u16| Failure::Refused(Response::new(*status)).is_temporary();
        let temporary: Vec<u16> = (100..=999).filter(is_temporary).collect();
        let expected: Vec<u16> = [408, 425, 429].into_iter().chain(500..=599).collect();
        assert_eq!(temporary, expected);
    }

    #[crate::test]
    fn temporary_closes_are_those_that_promise_a_return() {
        let temporary: Vec<u16> = (0..=5000).filter(|&code| is_temporary_close(code)).collect();
        assert_eq!(temporary, [1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 3008]);
    }
}
