//! Whole lives of sockets: opening, closing, aborting, redirects.

use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use h2::Reason;
use http::Response;
use samesocket::{Event, Failure, Sender, WebSocket, connect};
use samesocket_fault_server::Server as FaultServer;
use tokio::runtime::{Builder, Runtime};

use crate::server::Server;
use crate::{check_echo, open, options, run};

#[test]
fn events_are_those_of_http_1() {
    run(async {
        let mut server = Server::start().await;
        let socket = WebSocket::with_options(&server.url(""), ["chat"], &options()).unwrap();
        let mut events = socket.events();
        let response = Response::builder().header("sec-websocket-protocol", "chat").body(()).unwrap();
        let mut stream = server.next().await.accept_with(response);
        assert!(matches!(events.next().await, Some(Event::Open)));
        assert_eq!((socket.protocol(), socket.extensions()), ("chat".to_owned(), String::new()));
        stream.text("hi").await;
        let Some(Event::Message(message)) = events.next().await else { panic!("no message") };
        assert_eq!(message.data.as_text(), Some("hi"));
        socket.close(Some(3000), Some("bye")).unwrap();
        let close = stream.frame().await.unwrap();
        assert_eq!(close, (0x88, [&[0x0b, 0xb8][..], b"bye"].concat()));
        stream.send_all(crate::server::frame(0x88, &close.1)).await.unwrap();
        stream.end();
        let Some(Event::Close(event)) = events.next().await else { panic!("no close event") };
        assert_eq!((event.code, &*event.reason, event.was_clean), (3000, "bye", true));
        assert!(events.next().await.is_none());
        // The client ends the stream, and does not reset it.
        assert_eq!(stream.wait_for_reset().await.unwrap(), None);
    });
}

#[test]
fn refusal_has_its_status_fields_and_body() {
    run(async {
        let mut server = Server::start().await;
        let opening = tokio::spawn(connect(server.url("")).options(options()).into_future());
        let response = Response::builder().status(401).header("www-authenticate", "Basic").body(()).unwrap();
        server.next().await.refuse(response, "who are you");
        let error = opening.await.unwrap().unwrap_err();
        let Some(Failure::Refused(response)) = error.failure() else { panic!("{error}") };
        assert_eq!((response.status(), response.body()), (401, &b"who are you"[..]));
        assert_eq!(response.header("WWW-Authenticate"), Some("Basic"));
        // The connection is used for the next socket.
        let opening = tokio::spawn(open(server.url("")));
        let mut stream = server.next().await.accept();
        let mut socket = opening.await.unwrap();
        stream.text("hi").await;
        assert_eq!(socket.next().await.unwrap().unwrap().size(), 2);
        assert_eq!(server.connections(), 1);
    });
}

#[test]
fn abort_cancels_the_stream_only() {
    run(async {
        let mut server = Server::start().await;
        let opening = tokio::spawn(open(server.url("")));
        let mut stream = server.next().await.accept();
        let socket = opening.await.unwrap();
        let neighbour = tokio::spawn(open(server.url("")));
        let echo = tokio::spawn(server.next().await.accept().echo());
        socket.control().abort();
        assert_eq!(stream.wait_for_reset().await.unwrap(), Some(Reason::CANCEL));
        check_echo(&mut neighbour.await.unwrap(), "hello").await;
        assert_eq!(server.connections(), 1);
        echo.await.unwrap();
    });
}

#[test]
fn cancelled_connect_cancels_the_stream_only() {
    run(async {
        let mut server = Server::start().await;
        let opening = tokio::spawn(open(server.url("")));
        let exchange = server.next().await;
        opening.abort();
        assert_eq!(exchange.wait_for_reset().await, Some(Reason::CANCEL));
        let opening = tokio::spawn(open(server.url("")));
        let echo = tokio::spawn(server.next().await.accept().echo());
        check_echo(&mut opening.await.unwrap(), "hello").await;
        assert_eq!(server.connections(), 1);
        echo.await.unwrap();
    });
}

#[test]
fn redirect_is_followed_over_the_same_connection() {
    run(async {
        let mut server = Server::start().await;
        let options = options().max_redirects(1);
        let opening = tokio::spawn(connect(server.url("old")).options(options).into_future());
        let response = Response::builder().status(307).header("location", "/new").body(()).unwrap();
        server.next().await.refuse(response, "elsewhere");
        let exchange = server.next().await;
        assert_eq!((exchange.connection, &*exchange.path), (1, "new"));
        let echo = tokio::spawn(exchange.accept().echo());
        let mut socket = opening.await.unwrap().unwrap();
        check_echo(&mut socket, "hello").await;
        assert_eq!(socket.response().unwrap().url(), Some(&*server.url("new")));
        drop(socket);
        echo.await.unwrap();
    });
}

#[test]
fn server_that_does_not_end_its_stream_is_not_awaited_for_long() {
    run(async {
        let mut server = Server::start().await;
        let opening = tokio::spawn(open(server.url("")));
        let mut stream = server.next().await.accept();
        let closing = opening.await.unwrap().close(None, None);
        let closing = tokio::spawn(closing);
        stream.send_all(crate::server::frame(0x88, &[])).await.unwrap();
        assert!(closing.await.unwrap().unwrap().was_clean);
        assert_eq!(stream.wait_for_reset().await.unwrap(), Some(Reason::CANCEL));
    });
}

#[test]
fn dropped_socket_closes_its_stream() {
    run(async {
        let mut server = Server::start().await;
        let opening = tokio::spawn(open(server.url("")));
        let mut stream = server.next().await.accept();
        drop(opening.await.unwrap());
        assert_eq!(stream.frame().await, Some((0x88, Vec::new())));
        stream.send_all(crate::server::frame(0x88, &[])).await.unwrap();
        stream.end();
        assert_eq!(stream.wait_for_reset().await.unwrap(), None);
    });
}

/// A waker that sends a message when it is called.
struct Answering(Sender);

impl Wake for Answering {
    fn wake(self: Arc<Self>) {
        // It is called again at the end, when nothing can be sent.
        let _ = self.0.try_send("b".into());
    }
}

#[test]
fn waker_of_a_receiver_may_use_the_socket() {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let servers = Runtime::new().unwrap();
        let server = servers.block_on(FaultServer::builder().http2().start()).unwrap();
        let url = format!("ws://{}/ws?id=a&do=gate:go,text:a,await:1,close:1000", server.addresses().h2c.unwrap());
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let closed = runtime.block_on(async {
            let (sender, mut receiver) = open(url).await.split();
            let control = receiver.control();
            let waker = Waker::from(Arc::new(Answering(sender)));
            assert!(receiver.next().poll_unpin(&mut Context::from_waker(&waker)).is_pending());
            server.store().release("a", "go");
            control.closed().await
        });
        done.send(closed.code).unwrap();
    });
    let code = is_done.recv_timeout(Duration::from_secs(30)).expect("the waker waited for a lock");
    assert_eq!(code, 1000);
}
