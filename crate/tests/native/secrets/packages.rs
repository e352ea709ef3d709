//! The types of `samesocket-spec` and `samesocket-protocol`.

use std::error::Error;
use std::time::Duration;

use samesocket_protocol::{Compression, Limits, Request, Response, handshake};
use samesocket_spec::state::{Action, CloseAction, Feedback, SendAction, SocketState};
use samesocket_spec::subprotocol::Offer;
use samesocket_spec::{Argument, CloseEvent, Exception, ReadyState, RedactedUrl, header_field};

use super::{SECRET, Texts, URL, debug, display, errors};

pub(super) fn of_spec() -> Vec<Texts> {
    let secret = || SECRET.to_owned();
    let url = || URL.to_owned();
    let exceptions = [
        Exception::InvalidUrl { url: url(), base: None },
        Exception::InvalidUrl { url: "ws://u:sEcReT?sEcReT@h".to_owned(), base: Some(url()) },
        Exception::UnsupportedScheme { url: url(), scheme: "ws".to_owned() },
        Exception::UnsupportedScheme { url: "sEcReT:sEcReT@h".to_owned(), scheme: secret() },
        Exception::FragmentInUrl { url: format!("{URL}#sEcReT") },
        Exception::InvalidHost { url: url(), character: '%' },
        Exception::EmptySubprotocol { place: 0 },
        Exception::InvalidSubprotocol { subprotocol: secret(), character: '=', position: 7 },
        Exception::RepeatedSubprotocol { subprotocol: secret() },
        Exception::InvalidCloseCode { code: 1 },
        Exception::ReasonTooLong { bytes: 124 },
        Exception::StillConnecting,
    ];
    let mut state = SocketState::new(vec![secret()]);
    let established = || Feedback::<()>::Established { protocol: secret(), extensions: String::new() };
    let action = state.handle_feedback(established());
    assert_eq!(action, Action::Open);
    vec![
        errors("samesocket_spec::Exception", &exceptions.each_ref().map(|exception| exception as &dyn Error)),
        debug("samesocket_spec::Argument", &[&Argument::Url]),
        debug("samesocket_spec::InvalidField", &[&header_field::check("Authorization", "sEcReT\n").unwrap_err()]),
        debug("samesocket_spec::ReadyState", &[&ReadyState::Open]),
        debug("samesocket_spec::CloseEvent", &[&CloseEvent::abnormal()]),
        debug("samesocket_spec::RedactedUrl", &[&RedactedUrl(URL)]),
        display("samesocket_spec::RedactedUrl", &[&RedactedUrl(URL)]),
        debug("samesocket_spec::Offer", &[&Offer::new(vec![secret()])]),
        debug("samesocket_spec::SocketState", &[&state]),
        debug("samesocket_spec::Feedback", &[&established()]),
        debug("samesocket_spec::Action", &[&action]),
        debug("samesocket_spec::SendAction", &[&SendAction::Transmit]),
        debug("samesocket_spec::CloseAction", &[&CloseAction::StartHandshake]),
    ]
}

pub(super) fn of_protocol() -> Vec<Texts> {
    use samesocket_protocol::body::BodyReader;
    use samesocket_protocol::head::{HeadParser, Version};
    use samesocket_protocol::{BorrowedMessage, Connection, Failure, Kind, Message, Payload, deflate, extensions};

    let secret = || SECRET.to_owned();
    let request = Request {
        host: "h".to_owned(),
        path: "/".to_owned(),
        query: Some(secret()),
        protocols: vec![secret()],
        origin: Some(secret()),
        headers: vec![("Authorization".to_owned(), secret())],
        compression: None,
    };
    let mut invalid = Vec::new();
    for change in [
        |request: &mut Request| request.host = "sEcReT sEcReT".into(),
        |request: &mut Request| request.path = "sEcReT sEcReT".into(),
        |request: &mut Request| request.query = Some("sEcReT sEcReT".to_owned()),
        |request: &mut Request| request.protocols = vec!["sEcReT sEcReT".to_owned()],
        |request: &mut Request| request.origin = Some("sEcReT\nsEcReT".to_owned()),
        |request: &mut Request| request.headers = vec![("sEcReT sEcReT".to_owned(), String::new())],
        |request: &mut Request| request.headers = vec![("Authorization".to_owned(), "sEcReT\n".to_owned())],
    ] {
        let mut request = request.clone();
        change(&mut request);
        invalid.push(request.check().unwrap_err());
    }
    let response = Response::new(200).with_header("Set-Cookie", SECRET).with_body(SECRET);
    let head_parser = {
        let mut parser = HeadParser::new(1000);
        let used = parser.read(b"HTTP/1.1 200 OK\r\nA: sEcReT\r\nB: sEcReT\r\nC: sEcReT").unwrap();
        assert_eq!(used.1, None);
        parser
    };
    let mut body_reader = BodyReader::new(response.clone());
    body_reader.read(SECRET.as_bytes());
    let (_, head) = HeadParser::new(1000).read(b"HTTP/1.1 200 OK\r\nSet-Cookie: sEcReT\r\n\r\n").unwrap();
    let answered = |answer: &str| {
        let random = |bytes: &mut [u8]| bytes.fill(7);
        let mut connection = Connection::new(&request, Limits::default(), Box::new(random), Duration::ZERO).unwrap();
        let sent = String::from_utf8(connection.pending_bytes().to_vec()).unwrap();
        let key = sent.split_once("Sec-WebSocket-Key: ").unwrap().1.split_once('\r').unwrap().0;
        let accept = handshake::accept_key(key);
        let head = format!(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\
             Set-Cookie: sEcReT\r\n{answer}\r\n"
        );
        let before = format!("{connection:?}{connection:#?}");
        connection.advance_written(sent.len(), Duration::ZERO);
        connection.receive(head.as_bytes());
        while connection.poll_event(Duration::ZERO).is_some() {}
        (before, connection)
    };
    let mut connections = Vec::new();
    let mut failures = Vec::new();
    for answer in ["Sec-WebSocket-Protocol: sEcReT\r\n", "", "Sec-WebSocket-Protocol: a, SECRET\r\n"] {
        let (before, connection) = answered(answer);
        connections.extend([before, format!("{connection:?}"), format!("{connection:#?}")]);
        failures.extend(connection.failure().cloned());
    }
    assert!(matches!(&failures[..], [Failure::MissingHeader { .. }, Failure::WrongHeader { .. }]), "{failures:?}");
    let (_, mut connection) = answered("Sec-WebSocket-Protocol: sEcReT\r\n");
    connection.receive(&[vec![0x82, 126, 0x50, 0], vec![7; 0x5000]].concat());
    let long_binary = connection.with_next_message(|message| match message {
        BorrowedMessage::LongBinary(long) => debug("samesocket_protocol::LongBinary", &[&long]),
        other => panic!("{} bytes are not long", other.len()),
    });
    connection.send(Kind::Text, Payload::Borrowed(SECRET.as_bytes()));
    let written = connection.pending_bytes().len();
    connection.advance_written(written, Duration::ZERO);
    let write_memory = connection.take_write_memory().unwrap();
    let extension = extensions::accept("permessage-deflate", Some(&Compression::default())).unwrap();
    vec![
        debug("samesocket_protocol::Request", &[&request]),
        errors("samesocket_protocol::InvalidRequest", &invalid.iter().map(|error| error as _).collect::<Vec<_>>()),
        debug("samesocket_spec::Response", &[&response]),
        debug("samesocket_protocol::Head", &[&head]),
        debug("samesocket_protocol::HeadParser", &[&head_parser]),
        debug("samesocket_protocol::BodyReader", &[&body_reader]),
        debug("samesocket_protocol::Version", &[&Version::Http11]),
        Texts("samesocket_protocol::Connection", connections),
        errors("samesocket_spec::ProtocolFailure", &failures.iter().map(|error| error as _).collect::<Vec<_>>()),
        errors("samesocket_spec::RedirectFailure", &[&samesocket_spec::RedirectFailure::InvalidLocation]),
        debug("samesocket_protocol::Limits", &[&Limits::default()]),
        debug("samesocket_protocol::Compression", &[&Compression::default()]),
        debug("samesocket_protocol::StreamAction", &[&samesocket_protocol::StreamAction::Keep]),
        debug("samesocket_protocol::Deflate", &[&extension]),
        debug("samesocket_protocol::Inflater", &[&deflate::Inflater::new(&extension)]),
        debug("samesocket_protocol::Deflater", &[&deflate::Deflater::new(&extension)]),
        // Messages are shown with their contents. They are the program's own data.
        debug("samesocket_protocol::Kind", &[&Kind::Text]),
        debug("samesocket_protocol::Message", &[&Message::Binary(Vec::new().into())]),
        debug("samesocket_protocol::BorrowedMessage", &[&BorrowedMessage::Binary(b"")]),
        debug("samesocket_protocol::Payload", &[&Payload::Borrowed(b"")]),
        long_binary.unwrap(),
        debug("samesocket_protocol::WriteMemory", &[&write_memory]),
    ]
}
