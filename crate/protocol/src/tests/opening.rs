use super::*;

/// Opens a connection that offers these subprotocols. `{accept}` in the response is replaced by the right value.
fn opened(protocols: &[&str], response: &str) -> (Vec<Event>, Option<Failure>) {
    let request = Request { protocols: protocols.iter().map(|&name| name.to_owned()).collect(), ..request() };
    let run = |cut: usize| {
        let mut driver = Driver::new(&request, Limits::default());
        let response = response.replace("{accept}", &handshake::accept_key(&server::key(&driver.written)));
        let cut = cut.min(response.len());
        driver.receive(&response.as_bytes()[..cut]);
        driver.receive(&response.as_bytes()[cut..]);
        if driver.connection.is_refused() {
            driver.receive_eof();
        }
        let length = response.len();
        (length, (driver.take_events(), driver.connection.failure().cloned()))
    };
    let (length, whole) = run(0);
    for cut in 1..length {
        assert_eq!(run(cut).1, whole, "cut at {cut}");
    }
    whole
}

const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Accept: {accept}\r\n\r\n";

fn with(fields: &str) -> String {
    GOOD.replace("\r\n\r\n", &format!("\r\n{fields}\r\n\r\n"))
}

fn fails(protocols: &[&str], response: &str) -> Failure {
    let (events, failure) = opened(protocols, response);
    assert_eq!(events, failed(), "{response}");
    failure.unwrap()
}

#[test]
fn request_equals_that_of_a_browser() {
    let request = Request {
        host: "example.com:8080".to_owned(),
        path: "/chat".to_owned(),
        query: Some("a=b".to_owned()),
        protocols: vec!["a".to_owned(), "B".to_owned()],
        origin: Some("https://example.com".to_owned()),
        compression: Some(crate::compression::Compression::default()),
        headers: vec![("X-Extra".to_owned(), "1".to_owned()), ("pragma".to_owned(), "mine".to_owned())],
    };
    let driver = Driver::new(&request, Limits::default());
    let written = String::from_utf8(driver.written).unwrap();
    let key = server::key(written.as_bytes());
    assert_eq!(data_encoding::BASE64.decode(key.as_bytes()).unwrap().len(), 16);
    assert_eq!(
        written,
        format!(
            "GET /chat?a=b HTTP/1.1\r\nHost: example.com:8080\r\nConnection: Upgrade\r\nCache-Control: no-cache\r\n\
             Upgrade: websocket\r\nOrigin: https://example.com\r\nSec-WebSocket-Version: 13\r\nX-Extra: 1\r\n\
             pragma: mine\r\nSec-WebSocket-Key: {key}\r\n\
             Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
             Sec-WebSocket-Protocol: a, B\r\n\r\n"
        )
    );
}

#[test]
fn empty_query_and_subprotocols_are_left_out() {
    let request = Request { query: Some(String::new()), ..request() };
    let written = String::from_utf8(Driver::new(&request, Limits::default()).written).unwrap();
    assert!(written.starts_with("GET / HTTP/1.1\r\nHost: h\r\n"));
    assert!(!written.contains("Sec-WebSocket-Protocol") && !written.contains("Origin"));
}

#[test]
fn request_with_injected_line_is_refused() {
    let field = |name: &str, value: &str| Request { headers: vec![(name.to_owned(), value.to_owned())], ..request() };
    for bad in [
        Request { host: String::new(), ..request() },
        Request { host: "h\r\nx: y".to_owned(), ..request() },
        Request { path: "/a b".to_owned(), ..request() },
        Request { path: "/é".to_owned(), ..request() },
        Request { query: Some("\n".to_owned()), ..request() },
        Request { origin: Some("a\r\nb".to_owned()), ..request() },
        Request { protocols: vec!["a, b".to_owned()], ..request() },
        field("x y", "z"),
        field("", "z"),
        field("x", "z\r\ny: z"),
        field("sec-websocket-key", "z"),
        field("HOST", "z"),
    ] {
        assert!(Connection::new(&bad, Limits::default(), entropy(), Duration::ZERO).is_err(), "{bad:?}");
    }
    assert!(Connection::new(&field("x", "é\tz"), Limits::default(), entropy(), Duration::ZERO).is_ok());
}

#[test]
fn accept_key_matches_rfc_6455_1_3() {
    assert_eq!(handshake::accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn valid_response_establishes() {
    for response in [
        GOOD.to_owned(),
        GOOD.replace("Upgrade: websocket", "uPGRADE:WebSocket"),
        GOOD.replace("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
        GOOD.replace("Connection: Upgrade", "Connection: close\r\nConnection: ,\tuPgRaDe ,"),
        GOOD.replace("{accept}", " \t{accept}\t "),
        GOOD.replace("101 Switching Protocols", "101"),
        GOOD.replace("101 Switching Protocols", "101 "),
        format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n{GOOD}"),
        with("Set-Cookie: a=b\r\nX: \u{fc}"),
    ] {
        assert_eq!(opened(&[], &response), (vec![open()], None), "{response}");
    }
}

/// Begins an opening handshake that is refused with these header fields and this part of a body, and takes the failure
/// that follows `end`.
fn refused(response: &str, end: impl FnOnce(&mut Driver)) -> (Failure, Response) {
    let limits = Limits { opening: Duration::from_secs(3), ..Limits::default() };
    let mut driver = Driver::new(&request(), limits);
    driver.wait(2);
    driver.receive(response.as_bytes());
    assert_eq!((driver.take_events(), driver.connection.is_refused()), (vec![], true), "{response}");
    assert_eq!(driver.connection.take_response(), None);
    end(&mut driver);
    assert_eq!((driver.take_events(), driver.connection.is_refused()), (failed().to_vec(), false), "{response}");
    assert_eq!(driver.connection.stream_action(), StreamAction::Close);
    (driver.connection.failure().cloned().unwrap(), driver.connection.take_response().unwrap())
}

#[test]
fn refusal_fails_when_its_body_is_complete() {
    let head = Response::new(403).with_header("Content-Length", "7");
    let response = "HTTP/1.1 403 x\r\nContent-Length: 7\r\n\r\nno O";
    let whole = refused(response, |driver| driver.receive(b"riginal"));
    assert_eq!(whole, (Failure::Status { found: 403 }, head.clone().with_body("no Orig")));
    let truncated = head.with_truncated_body("no O");
    for end in [
        |driver: &mut Driver| driver.receive_eof(),
        |driver: &mut Driver| driver.close(None),
        // The opening handshake has one second left.
        |driver: &mut Driver| {
            assert_eq!(driver.connection.deadline(), Some(Duration::from_secs(3)));
            driver.wait(1);
        },
    ] {
        assert_eq!(refused(response, end), (Failure::Status { found: 403 }, truncated.clone()));
    }
}

#[test]
fn refusal_without_length_ends_with_the_stream_or_in_time() {
    let head = Response::new(503).with_header("A", "b");
    let response = "HTTP/1.1 503 x\r\nA: b\r\n\r\nlater";
    let whole = refused(response, Driver::receive_eof);
    assert_eq!(whole, (Failure::Status { found: 503 }, head.clone().with_body("later")));
    let mut driver = Driver::new(&request(), Limits::default());
    driver.wait(5);
    driver.receive(response.as_bytes());
    assert_eq!(driver.connection.deadline(), Some(Duration::from_secs(7)));
    driver.wait(1);
    driver.receive(b"!");
    assert_eq!((driver.take_events(), driver.connection.deadline()), (vec![], Some(Duration::from_secs(7))));
    driver.wait(1);
    assert_eq!(driver.take_events(), failed());
    assert_eq!(driver.connection.take_response(), Some(head.with_truncated_body("later!")));
}

#[test]
fn endless_body_of_a_refusal_is_cut_at_the_limit() {
    let head = "HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n";
    let (_, response) = refused(head, |driver| driver.receive(&vec![b'a'; 1 << 20]));
    assert_eq!((response.body().len(), response.is_body_truncated()), (Response::MAX_BODY_BYTES, true));
}

#[test]
fn refusal_with_a_long_head_keeps_its_status() {
    let run = |response: &str| {
        let mut driver = Driver::new(&request(), Limits { head: 100, ..Limits::default() });
        driver.receive(response.as_bytes());
        assert_eq!((driver.take_events(), driver.connection.is_refused()), (failed().to_vec(), false), "{response}");
        (driver.connection.failure().cloned().unwrap(), driver.connection.take_response())
    };
    let long = "a".repeat(100);
    let refusal = Response::new(429).with_header("Retry-After", "7").with_truncated_body("");
    let seen = run(&format!("HTTP/1.1 429 x\r\nRetry-After: 7\r\nX: {long}"));
    assert_eq!(seen, (Failure::Status { found: 429 }, Some(refusal)));
    for head in ["HTTP/1.1 429 ", "HTTP/1.1 101 x\r\nX: ", "HTTP/1.1 103 x\r\nX: "] {
        assert_eq!(run(&format!("{head}{long}")), (Failure::HeadTooLong { limit: 100 }, None), "{head}");
    }
}

#[test]
fn bytes_after_the_head_are_frames() {
    let mut driver = Driver::new(&request(), Limits::default());
    let bytes = [driver.response("").into_bytes(), frame(0x81, b"hi"), frame(0x88, &[])].concat();
    driver.receive(&bytes);
    assert_eq!(driver.take_events(), [open(), text("hi"), Event::Closing]);
}

#[test]
fn status_other_than_101_fails() {
    for status in [200, 204, 301, 302, 400, 401, 407, 426, 500] {
        let response = GOOD.replace("101 Switching Protocols", &format!("{status} X"));
        assert_eq!(fails(&[], &response), Failure::Status { found: status });
    }
}

#[test]
fn response_is_available_for_any_status() {
    let mut driver = Driver::new(&request(), Limits::default());
    driver.receive(b"HTTP/1.1 302 Found\r\nLocation:  /x \r\n\r\n");
    driver.receive_eof();
    assert_eq!(driver.connection.take_response(), Some(Response::new(302).with_header("Location", "/x")));
}

#[test]
fn missing_handshake_field_fails() {
    let missing = |name: &'static str, expected: &str| Failure::MissingHeader { name, expected: expected.to_owned() };
    assert_eq!(fails(&[], &GOOD.replace("Upgrade: websocket\r\n", "")), missing("Upgrade", "websocket"));
    assert_eq!(fails(&[], &GOOD.replace("Connection: Upgrade\r\n", "")), missing("Connection", "upgrade"));
    let without = GOOD.replace("Sec-WebSocket-Accept: {accept}\r\n", "");
    assert!(matches!(fails(&[], &without), Failure::MissingHeader { name: "Sec-WebSocket-Accept", .. }));
    for (from, to, name) in [
        ("Upgrade: websocket", "Upgrade: websockets", "Upgrade"),
        ("Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: websocket", "Upgrade"),
        ("Connection: Upgrade", "Connection: upgrades, x", "Connection"),
        ("{accept}", "{accept}x", "Sec-WebSocket-Accept"),
        ("{accept}", "", "Sec-WebSocket-Accept"),
        ("{accept}", "{accept}\r\nSec-WebSocket-Accept: {accept}", "Sec-WebSocket-Accept"),
    ] {
        let failure = fails(&[], &GOOD.replace(from, to));
        assert!(matches!(failure, Failure::WrongHeader { name: found, .. } if found == name), "{failure}");
    }
}

#[test]
fn subprotocol_not_offered_or_repeated_fails() {
    let name = "Sec-WebSocket-Protocol";
    let (events, failure) = opened(&["a", "b"], &with("Sec-WebSocket-Protocol: b "));
    assert_eq!((events, failure), (vec![Event::Open("b".to_owned(), String::new())], None));
    assert_eq!(
        fails(&["a", "b"], GOOD),
        Failure::MissingHeader { name, expected: "one of the 2 that were offered".to_owned() }
    );
    let one_of_two = "one of the 2 that were offered";
    for (offered, found, expected, shown) in [
        // What was offered may be secret, and so is a part or another form of it.
        (&["a", "b"][..], "c", one_of_two, "…"),
        (&["bearer.tok", "b"], "tok", one_of_two, "…"),
        (&["tok%3D1"], "tok=1", "the one that was offered", "…"),
        (&["a", "b"], "A", one_of_two, "…"),
        (&["a", "b"], "a, b", one_of_two, "…"),
        (&["a", "b"], "", one_of_two, ""),
        (&["a"], "c", "the one that was offered", "…"),
        (&[], "a", "absent", "a"),
        (&[], "", "absent", ""),
    ] {
        let failure = fails(offered, &with(&format!("Sec-WebSocket-Protocol: {found}")));
        let (expected, found) = (expected.to_owned(), shown.to_owned());
        assert_eq!(failure, Failure::WrongHeader { name, expected, found });
    }
    let twice = with("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a");
    assert_eq!(fails(&["a"], &twice), Failure::RepeatedHeader { name });
}

#[test]
fn extensions_are_reported_as_received() {
    let (events, _) = opened(&[], &with("Sec-WebSocket-Extensions:  permessage-deflate;client_max_window_bits=12 "));
    assert_eq!(events, [Event::Open(String::new(), "permessage-deflate;client_max_window_bits=12".to_owned())]);
    for (fields, found) in [
        ("Sec-WebSocket-Extensions: x-foo", "x-foo"),
        (
            "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Extensions: permessage-deflate",
            "permessage-deflate, permessage-deflate",
        ),
        (
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99",
            "permessage-deflate; client_max_window_bits=99",
        ),
        ("Sec-WebSocket-Extensions:", ""),
    ] {
        let failure = fails(&[], &with(fields));
        assert!(matches!(&failure, Failure::Extensions { found: f, .. } if f == found), "{failure}");
    }
}

#[test]
fn non_http_response_fails_at_its_first_wrong_byte() {
    let malformed = |rule| Failure::MalformedHead { rule };
    for (response, failure) in [
        ("SSH-2.0-x", malformed("it does not begin with HTTP")),
        ("HTP", malformed("it does not begin with HTTP")),
        ("x HTTP/1.1 101 x\r\n", malformed("it does not begin with HTTP")),
        ("\u{feff}HTTP/1.1 101 x\r\n", malformed("it does not begin with HTTP")),
        ("\r\n\r\n\r", malformed("it does not begin with HTTP")),
        ("\n\n\n", malformed("it does not begin with HTTP")),
        ("HTTP/1.1\r\n", malformed("the status line has no status")),
        ("HTTP/1.1 abc\r\n", malformed("the status is not a number of three digits")),
        ("HTTP/1.1 10 x\r\n", malformed("the status is not a number of three digits")),
        ("HTTP/1.1 0101 x\r\n", malformed("the status is not a number of three digits")),
        ("HTTP/1.1 101x\r\n", malformed("the status is not a number of three digits")),
        ("HTTP/1.1\t101 x\r\n", malformed("the status is not a number of three digits")),
    ] {
        assert_eq!(fails(&[], response), failure, "{response:?}");
    }
}

#[test]
fn folded_field_is_joined_with_one_blank() {
    for response in [
        with("X-Long: a\r\n b"),
        with("X-Long: a \r\n\t b\r\n \t"),
        with("X-Long: a\n b"),
        GOOD.replace("Connection: Upgrade", "Connection: keep-alive,\r\n Upgrade"),
        GOOD.replace(" {accept}", "\r\n \r\n\t{accept}\r\n "),
        GOOD.replace("\r\nUpgrade:", "\r\n X: a\r\n\t\r\nUpgrade:"),
    ] {
        assert_eq!(opened(&[], &response), (vec![open()], None), "{response:?}");
    }
    assert!(matches!(
        fails(&[], &GOOD.replace("\r\nSec", "\r\n Sec")),
        Failure::WrongHeader { name: "Connection", .. }
    ));
    let mut driver = Driver::new(&request(), Limits::default());
    driver.receive(b"HTTP/1.1 403 x\r\nA:  b \t\r\n \t c: d\r\n \r\nE:\r\n f\r\n\r\n");
    driver.receive_eof();
    let response = Response::new(403).with_header("A", "b c: d").with_header("E", "f");
    assert_eq!(driver.connection.take_response(), Some(response));
}

#[test]
fn invalid_line_is_dropped() {
    let lines = [
        "garbage",
        "garbage\r\n X: y",
        ":",
        ": x",
        "X : 1",
        "X\t: 1",
        "X Y: 1",
        "X(Y): 1",
        "X\u{1}: 1",
        "\u{fc}: 1",
        "X\r\n : 1",
        "X: a\rb",
        "X\r: a",
        "X: a\r",
        "\rX: a",
        "\r",
        "Sec-WebSocket-Accept : x",
        "Connection: close\rUpgrade: h2c",
    ];
    for line in lines {
        for response in [with(line), GOOD.replace("\r\nUpgrade:", &format!("\r\n{line}\r\nUpgrade:"))] {
            assert_eq!(opened(&[], &response), (vec![open()], None), "{response:?}");
        }
    }
    let mut driver = Driver::new(&request(), Limits::default());
    driver.receive(format!("HTTP/1.1 403 x\r\n{}\r\nA: b\r\n\r\n", lines.join("\r\n")).as_bytes());
    driver.receive_eof();
    assert_eq!(driver.connection.take_response(), Some(Response::new(403).with_header("A", "b")));
    for field in ["Sec-WebSocket-Accept", "Upgrade", "Connection"] {
        for (from, to) in [(":", " :"), (":", "\t:"), (":", "\r:"), (": ", ":\r"), (":", "\r\n :"), (":", "=")] {
            let response = GOOD.replace(&format!("{field}{from}"), &format!("{field}{to}"));
            assert!(
                matches!(fails(&[], &response), Failure::MissingHeader { name, .. } if name == field),
                "{response:?}"
            );
        }
    }
}

#[test]
fn control_character_stays_in_a_value() {
    for value in ["a\u{1}b", "a\u{b}b", "a\u{1f}b", "a\u{7f}b", "a\tb"] {
        assert_eq!(opened(&[], &with(&format!("X: {value}"))), (vec![open()], None), "{value:?}");
    }
    let mut driver = Driver::new(&request(), Limits::default());
    driver.receive(b"HTTP/1.1 403 x\r\nA: \x0b\x01\xff \r\n\r\n");
    driver.receive_eof();
    assert_eq!(driver.connection.take_response(), Some(Response::new(403).with_header("A", b"\x0b\x01\xff")));
    let failure = fails(&[], &GOOD.replace("{accept}", "{accept}\u{b}"));
    assert!(matches!(failure, Failure::WrongHeader { name: "Sec-WebSocket-Accept", .. }), "{failure}");
}

#[test]
fn nul_in_an_accepting_head_fails() {
    for response in [
        with("X: \0"),
        with("X: a\0b"),
        with("X\0: a"),
        with("\0"),
        with("X: a\r\n \0"),
        GOOD.replace("Switching", "\0"),
        format!("HTTP/1.1 100 x\r\nX: \0\r\n\r\n{GOOD}"),
    ] {
        assert_eq!(fails(&[], &response), Failure::MalformedHead { rule: "it contains a NUL" }, "{response:?}");
    }
    assert_eq!(fails(&[], "HTTP/1.1 403 x\r\nX: a\0b\r\n\r\n"), Failure::Status { found: 403 });
}

#[test]
fn line_feed_alone_ends_a_line() {
    for response in [
        GOOD.replace("\r\n", "\n"),
        GOOD.replacen("\r\n", "\n", 1),
        GOOD.replace("\r\n\r\n", "\n\r\n"),
        GOOD.replace("\r\n\r\n", "\r\n\n"),
        with("X: y\nZ: z"),
    ] {
        assert_eq!(opened(&[], &response), (vec![open()], None), "{response:?}");
    }
    let response = GOOD.replace("\r\n", "\r");
    assert_eq!(opened(&[], &response), (vec![], None), "a bare CR ends no line");
}

#[test]
fn status_line_allows_blanks_and_any_reason() {
    for line in [
        "HTTP/1.1   101 x",
        "HTTP/1.1 101   x  ",
        "HTTP/1.1 101\tx",
        "HTTP/1.1 101 \u{1}\u{7f}\u{fc}\rx",
        "HTTP/1.1 101\rx",
        "HTTP/1.1 101\r",
        "HTTP/1.1 101\r\n x",
        "HTTP/1.01 101 x",
        "HTTP/1.0001 101 x",
        "\r\nHTTP/1.1 101 x",
        "\nHTTP/1.1 101 x",
        "\r\n\r\nHTTP/1.1 101 x",
        "\r\r\r\rHTTP/1.1 101 x",
    ] {
        let response = GOOD.replace("HTTP/1.1 101 Switching Protocols", line);
        assert_eq!(opened(&[], &response), (vec![open()], None), "{response:?}");
    }
}

#[test]
fn version_other_than_1_1_fails_but_keeps_a_refusal() {
    for version in [
        "HTTP/1.0",
        "HTTP/1.2",
        "HTTP/1.10",
        "HTTP/1.1x",
        "HTTP/1",
        "HTTP/2",
        "HTTP/2.0",
        "http/1.1",
        "HTTPS/1.1",
        "ICY",
    ] {
        let rule = "the version is not HTTP/1.1";
        let response = GOOD.replace("HTTP/1.1", version);
        assert_eq!(fails(&[], &response), Failure::MalformedHead { rule }, "{response:?}");
        let response = format!("{version} 503 Service Unavailable\r\nX: y\r\n\r\n");
        assert_eq!(fails(&[], &response), Failure::Status { found: 503 }, "{response:?}");
    }
    let folded = "HTTP/1.1 403 Forbidden\r\nX: a\r\n b\r\n\r\n";
    for (response, found) in [(folded, 403), ("\r\nHTTP/1.1 600\n\n", 600), ("HTTP/1.1 000 x\r\ny\r\n\r\n", 0)] {
        assert_eq!(fails(&[], response), Failure::Status { found }, "{response:?}");
    }
}

#[test]
fn any_number_of_interim_responses_is_skipped() {
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(200),
        "HTTP/1.0 100 Continue\r\n\r\n\r\n".to_owned(),
        "HTTP/1.1 199\nX: a\n b\ngarbage\nContent-Length: 5\n\n".to_owned(),
    ] {
        assert_eq!(opened(&[], &format!("{interim}{GOOD}")), (vec![open()], None), "{interim:?}");
    }
    assert_eq!(
        fails(&[], &format!("HTTP/1.1 103 x\r\n\r\n{}", "HTTP/1.0 503\r\n\r\n")),
        Failure::Status { found: 503 }
    );
    let failure = fails(&[], &format!("HTTP/1.1 101 x\r\n\r\n{GOOD}"));
    assert!(matches!(failure, Failure::MissingHeader { .. }), "101 is final: {failure}");
    let failure = fails(&[], &GOOD.replacen("101", "100", 1).replace("\r\n\r\n", "\r\n\r\nHTTP/1.1 101\r\n\r\n"));
    assert!(matches!(failure, Failure::MissingHeader { .. }), "fields of an interim response do not count: {failure}");
}

#[test]
fn head_limit_includes_interim_responses() {
    let limits = Limits { head: 300, ..Limits::default() };
    let run = |before: &str, fields: &str| {
        let mut driver = Driver::new(&request(), limits.clone());
        let response = format!("{before}{}", driver.response_with(fields));
        driver.receive(response.as_bytes());
        (driver.take_events(), response.len(), driver.connection.failure().cloned())
    };
    let (_, length, _) = run("", "");
    let exact = format!("X: {}\r\n", "y".repeat(300 - length - 5));
    assert_eq!(run("", &exact), (vec![open()], 300, None));
    let failure = Some(Failure::HeadTooLong { limit: 300 });
    assert_eq!(run("", &exact.replace("X: ", "X: y")), (failed().to_vec(), 301, failure.clone()));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(8);
    assert_eq!(run(&interim, ""), (failed().to_vec(), 200 + length, failure));
}

#[test]
fn response_with_many_fields_is_accepted() {
    let mut driver = Driver::new(&request(), Limits::default());
    let response = driver.response_with(&"x:\r\n".repeat(10_000));
    driver.receive(response.as_bytes());
    assert_eq!(driver.take_events(), [open()]);
}

#[test]
fn eof_within_the_head_fails() {
    let mut driver = Driver::new(&request(), Limits::default());
    driver.receive(b"HTTP/1.1 101 x\r\n");
    driver.receive_eof();
    assert_eq!(driver.take_events(), failed());
    assert_eq!(driver.connection.failure(), Some(&Failure::LostWhileOpening));
}
