//! Servers that break the rules of HTTP/2 or flood the client, each at one moment of a connection.

use samesocket::{Http2, Options, WebSocket, connect};
use samesocket_fault_server::Server;

use crate::{check_echo, events, run};

/// A socket that ends uncleanly without a message.
const FAILED: &[&str] = &["error", "close 1006 false"];
/// A socket that opens and ends uncleanly.
const LOST: &[&str] = &["open", "error", "close 1006 false"];
/// A socket that also receives a text before its end.
const LOST_LATER: &[&str] = &["open", "text a", "error", "close 1006 false"];
/// A socket that is not disturbed.
const UNDISTURBED: &[&str] = &["open", "text a", "close 1000 true"];

/// Opens a socket for each script, and compares its events. Afterwards, the server has to be reachable as before.
fn check(scripts: &[(&str, &[&str])]) {
    run(async {
        let server = Server::builder().http2().start().await.unwrap();
        let address = server.addresses().h2c.unwrap();
        let options = Options::new().http2(Http2::prior_knowledge());
        for (script, expected) in scripts {
            let url = format!("ws://{address}/ws?id=misbehaviour&{script}");
            let socket = WebSocket::with_options(&url, (), &options).unwrap();
            assert_eq!(events(&socket).await, *expected, "{script}: {:?}", socket.failure());
            let mut next = connect(format!("ws://{address}/ws?id=next")).options(options.clone()).await.unwrap();
            check_echo(&mut next, "hello").await;
        }
    });
}

#[test]
fn invalid_frames_end_the_sockets_of_the_connection() {
    // Padding that is longer than the frame, streams that nobody opened, and settings outside of their range.
    check(&[
        ("do=text:a,frame:0:8:stream:ff", LOST_LATER),
        ("do=text:a,frame:0:0:99:00", LOST_LATER),
        ("do=text:a,frame:5:4:3:00000002", LOST_LATER),
        ("do=text:a,frame:6:0:connection:00", LOST_LATER),
        ("do=text:a,settings:4:2147483648", LOST_LATER),
        ("do=text:a,settings:5:1", LOST_LATER),
        ("do=text:a,window:connection:2147483647", LOST_LATER),
        ("do=text:a,window:connection:0", LOST_LATER),
    ]);
}

#[test]
fn invalid_frames_of_a_stream_end_its_socket() {
    check(&[
        ("do=text:a,window:stream:0", LOST_LATER),
        ("do=text:a,window:stream:2147483647", LOST_LATER),
        ("do=text:a,trailers:x:y", LOST_LATER),
        ("field=A:b&do=gate:never", FAILED),
    ]);
}

#[test]
fn frames_that_say_nothing_are_ignored() {
    check(&[
        ("do=frame:250:0:stream:00,text:a,close:1000", UNDISTURBED),
        ("do=settings:8:0,text:a,close:1000", UNDISTURBED),
        ("do=settings:3:0,text:a,settings:3:100,close:1000", UNDISTURBED),
        ("early=3&do=text:a,close:1000", UNDISTURBED),
        ("do=goaway:all:0,text:a,close:1000", UNDISTURBED),
    ]);
}

#[test]
fn streams_that_end_early_are_lost() {
    check(&[
        ("end-stream=1&do=", LOST),
        ("do=text:a,fin", LOST_LATER),
        ("do=text:a,drop", LOST_LATER),
        ("do=text:a,reset", LOST_LATER),
        ("do=text:a,raw:8105,reset:enhance-your-calm", LOST_LATER),
        ("do=text:a,drop-tcp", LOST_LATER),
        // A reset of TCP discards what the client has not read.
        ("do=text:a,ping:b,await-pong,reset-tcp", LOST_LATER),
        ("handshake=reset:1", FAILED),
        ("status=101&end-stream=1", FAILED),
        ("status=204&end-stream=1", LOST),
    ]);
}

#[test]
fn floods_end_the_connection_or_pass() {
    check(&[
        ("do=padded:20000,text:a,close:1000", LOST),
        ("do=padded:50,text:a,close:1000", UNDISTURBED),
        ("do=pings:20000,text:a,close:1000", UNDISTURBED),
        ("do=settings-flood:20000,text:a,close:1000", UNDISTURBED),
        ("first=continuations:10000:1000", FAILED),
        ("do=text:a,continuations:10000:1000", LOST_LATER),
        ("fill=1000000&do=gate:never", FAILED),
    ]);
}

#[test]
fn flood_of_empty_frames_does_not_stop_other_connections() {
    run(async {
        let server = Server::builder().http2().start().await.unwrap();
        let address = server.addresses().h2c.unwrap();
        let options = Options::new().http2(Http2::prior_knowledge());
        let url = format!("ws://{address}/ws?id=empty&do=empty:100000,text:a,close:1000");
        let socket = WebSocket::with_options(&url, (), &options).unwrap();
        let events = events(&socket).await;
        assert!(events == UNDISTURBED || events == LOST, "{events:?}");
    });
}

#[test]
fn window_that_is_never_granted_holds_only_its_own_bytes() {
    run(async {
        let server = Server::builder().http2().start().await.unwrap();
        let address = server.addresses().h2c.unwrap();
        let options = Options::new().http2(Http2::prior_knowledge());
        let url = format!("ws://{address}/ws?id=held&do=hold-window:stream,gate:go,release-window:stream,close:1000");
        let held = connect(url).options(options.clone()).await.unwrap();
        held.sender().try_send(vec![7; 1 << 20].into()).unwrap();
        let mut next = connect(format!("ws://{address}/ws?id=next")).options(options).await.unwrap();
        for _ in 0..10 {
            check_echo(&mut next, "hello").await;
        }
        assert!(held.control().buffered_amount() > 0);
        server.store().release("held", "go");
        assert_eq!(held.control().closed().await.code, 1000);
    });
}
