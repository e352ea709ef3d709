use super::*;

const HEAD: &str = "HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 3\r\n\r\n";

/// A connection that pauses at redirects, and has received these bytes.
fn paused_by(received: &str) -> Driver {
    let mut driver = Driver::new(&request(), Limits::default());
    driver.connection.pause_at_redirects();
    driver.receive(received.as_bytes());
    driver
}

fn redirect(driver: &Driver) -> Option<(u16, Option<&str>)> {
    let response = driver.connection.redirect()?;
    Some((response.status(), response.header("Location")))
}

#[test]
fn redirect_pauses_at_its_head_without_an_event() {
    for status in [301, 302, 303, 307, 308] {
        for body in ["", "b", "bye", "bye and more"] {
            let mut driver = paused_by(&format!("{}{body}", HEAD.replace("302", &status.to_string())));
            assert_eq!(redirect(&driver), Some((status, Some("/new"))), "{body:?}");
            assert_eq!(driver.take_events(), []);
            assert_eq!(driver.connection.stream_action(), StreamAction::Keep);
        }
    }
    for cut in 1..HEAD.len() {
        let mut driver = paused_by(&HEAD[..cut]);
        assert_eq!(redirect(&driver), None, "{cut}");
        driver.receive(&HEAD.as_bytes()[cut..]);
        assert_eq!(redirect(&driver), Some((302, Some("/new"))), "{cut}");
    }
}

#[test]
fn redirect_without_a_body_pauses_as_well() {
    for field in ["Content-Length: 0", "Transfer-Encoding: chunked"] {
        let mut driver = paused_by(&HEAD.replace("Content-Length: 3", field));
        assert_eq!(redirect(&driver), Some((302, Some("/new"))), "{field}");
        assert_eq!(driver.take_events(), []);
        driver.connection.refuse_redirect();
        driver.receive(b"0\r\n\r\n");
        assert_eq!(driver.take_events(), failed(), "{field}");
        assert_eq!(driver.connection.failure(), Some(&Failure::Status { found: 302 }));
    }
}

#[test]
fn end_of_the_stream_does_not_end_a_pause() {
    let mut driver = paused_by(HEAD);
    driver.receive_eof();
    assert_eq!((redirect(&driver).is_some(), driver.take_events()), (true, vec![]));
    driver.connection.refuse_redirect();
    driver.poll();
    assert_eq!(driver.take_events(), failed());
    assert_eq!(driver.connection.failure(), Some(&Failure::Status { found: 302 }));
}

#[test]
fn refused_redirect_is_a_refusal_with_its_body() {
    for body in ["", "b", "bye"] {
        let mut driver = paused_by(&format!("{HEAD}{body}"));
        driver.connection.refuse_redirect();
        assert_eq!(redirect(&driver), None);
        driver.receive(&b"bye"[body.len()..]);
        driver.poll();
        assert_eq!(driver.take_events(), failed());
        assert_eq!(driver.connection.failure(), Some(&Failure::Status { found: 302 }));
        let response = driver.connection.take_response().unwrap();
        assert_eq!((response.body(), response.is_body_truncated()), (&b"bye"[..], false));
    }
}

#[test]
fn close_within_a_pause_is_no_refusal() {
    let mut driver = paused_by(HEAD);
    driver.connection.close(None, Duration::ZERO);
    driver.poll();
    assert_eq!(redirect(&driver), None);
    assert_eq!(driver.take_events(), failed());
    assert_eq!(driver.connection.failure(), Some(&Failure::ClosedWhileConnecting));
    assert_eq!(driver.connection.take_response(), None);
}

#[test]
fn other_status_and_other_connection_do_not_pause() {
    for status in [200, 300, 304, 305, 306, 309, 401] {
        let mut driver = paused_by(&format!("{}bye", HEAD.replace("302", &status.to_string())));
        assert_eq!(redirect(&driver), None);
        assert_eq!(driver.take_events(), failed());
        assert_eq!(driver.connection.failure(), Some(&Failure::Status { found: status }));
    }
    let mut driver = Driver::new(&request(), Limits::default());
    driver.receive(format!("{HEAD}bye").as_bytes());
    assert_eq!(redirect(&driver), None);
    assert_eq!(driver.take_events(), failed());
}
