//! The opening handshake as an extended CONNECT.

use super::*;

/// A connection whose request was not written.
fn driver(request: &Request) -> Driver {
    let connection = Connection::new(request, Limits::default(), entropy(), Duration::ZERO).unwrap();
    Driver { connection, now: Duration::ZERO, events: Vec::new(), written: Vec::new() }
}

impl Driver {
    fn respond(&mut self, response: Response) {
        self.connection.receive_connect_response(response, Duration::ZERO);
        self.poll();
    }
}

/// A connection whose extended CONNECT was answered like this.
fn answered(request: &Request, response: Response) -> Driver {
    let mut driver = driver(request);
    driver.respond(response);
    driver
}

fn failure(driver: &Driver) -> Option<&Failure> {
    driver.connection.failure()
}

#[test]
fn status_of_2xx_establishes_without_a_written_request() {
    for status in [200, 201, 204, 299] {
        let mut driver = answered(&request(), Response::new(status));
        assert_eq!(driver.take_events(), [open()], "{status}");
        driver.receive(&[0x81, 2, b'h', b'i']);
        assert_eq!(driver.take_events(), [text("hi")]);
        driver.connection.send(Kind::Text, Payload::Borrowed(b"a"));
        driver.write(usize::MAX);
        assert_eq!((driver.written.len(), driver.written[..2].to_vec()), (7, vec![0x81, 0x81]));
        assert_eq!(driver.connection.take_response().map(|response| response.status()), Some(status));
    }
}

#[test]
fn other_status_is_a_refusal_with_its_body() {
    for status in [300, 403, 500] {
        let mut driver = answered(&request(), Response::new(status).with_header("Content-Length", "3"));
        assert_eq!(driver.take_events(), []);
        assert!(driver.connection.is_refused());
        driver.receive(b"bye");
        assert_eq!(driver.take_events(), failed());
        assert_eq!(failure(&driver), Some(&Failure::Status { found: status }));
        assert_eq!(driver.connection.take_response().unwrap().body(), b"bye");
    }
    // A response of HTTP/1.1 is none of HTTP/2, and has no body.
    let mut driver = answered(&request(), Response::new(101));
    assert_eq!(driver.take_events(), failed());
    assert_eq!(failure(&driver), Some(&Failure::Status { found: 101 }));
    let mut driver = answered(&request(), Response::new(403));
    driver.receive(b"until the end");
    assert_eq!(driver.take_events(), []);
    driver.receive_eof();
    assert_eq!(driver.take_events(), failed());
    let response = driver.connection.take_response().unwrap();
    assert_eq!((response.body(), response.is_body_truncated()), (&b"until the end"[..], false));
}

#[test]
fn subprotocol_and_extensions_are_those_of_the_response() {
    let offer = Request { protocols: vec!["chat".to_owned()], ..request() };
    let chosen = Response::new(200).with_header("sec-websocket-protocol", "chat");
    let compressed = chosen.clone().with_header("sec-websocket-extensions", "permessage-deflate");
    let mut driver = answered(&offer, compressed);
    assert_eq!(driver.take_events(), [Event::Open("chat".to_owned(), "permessage-deflate".to_owned())]);
    let mut driver = answered(&request(), chosen);
    assert_eq!(driver.take_events(), failed());
    assert!(matches!(failure(&driver), Some(Failure::WrongHeader { name: "Sec-WebSocket-Protocol", .. })));
    let mut driver = answered(&offer, Response::new(200));
    assert_eq!(driver.take_events(), failed());
    assert!(matches!(failure(&driver), Some(Failure::MissingHeader { name: "Sec-WebSocket-Protocol", .. })));
}

#[test]
fn redirect_pauses_as_over_http_1() {
    let mut driver = driver(&request());
    driver.connection.pause_at_redirects();
    driver.respond(Response::new(302).with_header("location", "/new").with_header("content-length", "0"));
    assert_eq!(driver.take_events(), []);
    assert_eq!(driver.connection.redirect().and_then(|response| response.header("Location")), Some("/new"));
    driver.connection.refuse_redirect();
    driver.poll();
    assert_eq!(driver.take_events(), failed());
    assert_eq!(failure(&driver), Some(&Failure::Status { found: 302 }));
}

#[test]
fn end_of_the_stream_without_close_frame_is_unclean() {
    let mut driver = answered(&request(), Response::new(200));
    driver.receive_eof();
    assert_eq!(driver.take_events(), [vec![open()], failed().to_vec()].concat());
    assert_eq!(failure(&driver), Some(&Failure::Lost));
}

#[test]
fn second_response_changes_nothing() {
    let mut driver = answered(&request(), Response::new(200));
    driver.respond(Response::new(500));
    assert_eq!(driver.take_events(), [open()]);
}

#[test]
fn fields_are_those_of_the_upgrade_without_the_connection() {
    let headers = ["TE", "Upgrade", "Keep-Alive", "Pragma", "X"].map(|name| (name.to_owned(), "1".to_owned()));
    let request = Request {
        protocols: vec!["a".to_owned(), "b".to_owned()],
        origin: Some("https://o".to_owned()),
        headers: headers.to_vec(),
        ..request()
    };
    let fields = request.connect_fields();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    let expected = [
        ("cache-control", "no-cache"),
        ("origin", "https://o"),
        ("sec-websocket-version", "13"),
        ("pragma", "1"),
        ("x", "1"),
        ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"),
        ("sec-websocket-protocol", "a, b"),
    ];
    assert_eq!(fields, expected);
}
