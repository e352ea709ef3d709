//! Which sockets share a connection, and how connections come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use samesocket::{Connecting, Http2, IoStream, Options, Target, WebSocket, connect};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::raw_server::{HEADERS, RawServer};
use crate::server::Server;
use crate::{check_echo, open, options, run};

#[test]
fn sockets_share_a_connection_and_no_fields() {
    run(async {
        let mut server = Server::start().await;
        let open = |number: usize| {
            // Blanks around a value are no part of it.
            let options = options().header("X-Number", format!(" {number}\t")).unwrap();
            tokio::spawn(connect(server.url(&format!("path?{number}"))).options(options).into_future())
        };
        let mut opening = Vec::new();
        for number in 0..3 {
            opening.push(open(number));
        }
        let mut found = Vec::new();
        let mut streams = Vec::new();
        for _ in 0..3 {
            let exchange = server.next().await;
            let names: Vec<_> = exchange.headers.keys().map(|name| name.as_str().to_owned()).collect();
            found.push((
                exchange.connection,
                exchange.protocol.clone(),
                exchange.path.clone(),
                exchange.headers["x-number"].to_str().unwrap().to_owned(),
            ));
            assert!(
                !names.iter().any(|name| ["upgrade", "connection", "sec-websocket-key", "host"].contains(&&**name))
            );
            assert_eq!(exchange.headers["sec-websocket-version"], "13");
            streams.push(tokio::spawn(exchange.accept().echo()));
        }
        found.sort();
        let expected =
            (0..3).map(|number| (1, Some("websocket".to_owned()), format!("path?{number}"), number.to_string()));
        assert_eq!(found, expected.collect::<Vec<_>>());
        for socket in join_all(opening).await {
            let mut socket = socket.unwrap().unwrap();
            check_echo(&mut socket, "hello").await;
            assert_eq!(socket.response().unwrap().status(), 200);
        }
    });
}

#[test]
fn sockets_that_start_together_share_one_connection() {
    run(async {
        let server = Server::start().await.echo();
        let sockets = join_all((0..100).map(|_| open(server.url("")))).await;
        assert_eq!(server.connections(), 1);
        for mut socket in sockets {
            check_echo(&mut socket, "hello").await;
        }
    });
}

#[test]
fn full_connection_leads_to_another() {
    run(async {
        let server = Server::start_with(|builder| {
            builder.enable_connect_protocol().max_concurrent_streams(2);
        });
        let server = server.await.echo();
        let mut sockets = Vec::new();
        for _ in 0..5 {
            sockets.push(open(server.url("")).await);
        }
        assert_eq!(server.connections(), 3);
        for socket in &mut sockets {
            check_echo(socket, "hello").await;
        }
        // A place that has become free is used again.
        sockets.remove(0).close(None, None).await.unwrap();
        let mut socket = open(server.url("")).await;
        check_echo(&mut socket, "again").await;
        assert_eq!(server.connections(), 3);
    });
}

#[test]
fn options_limit_the_sockets_of_a_connection() {
    run(async {
        let server = Server::start().await.echo();
        let options = Options::new().http2(Http2::prior_knowledge().max_streams(1));
        let open = || connect(server.url("")).options(options.clone());
        let sockets = (open().await.unwrap(), open().await.unwrap());
        assert_eq!(server.connections(), 2);
        drop(sockets);
    });
}

#[test]
fn sockets_with_differing_settings_share_nothing() {
    fn dial(target: &Target) -> Connecting {
        let address = (target.host.clone(), target.port);
        Box::pin(async move { Ok(Box::new(TcpStream::connect(address).await?) as Box<dyn IoStream>) })
    }
    run(async {
        let server = Server::start().await.echo();
        let shared = options().connector(dial);
        let all = [
            options(),
            Options::new().http2(Http2::prior_knowledge().idle_timeout(Duration::from_secs(1))),
            options().max_head_bytes(1000),
            options().tcp_nodelay(false),
            options().tls_server_name("other").unwrap(),
            options().root_certificate([1, 2, 3]),
            options().dangerous_accept_any_certificate(),
            options().tls_sni(false),
            shared.clone(),
            options().connector(dial),
        ];
        let mut sockets = Vec::new();
        for (index, options) in all.iter().enumerate() {
            for _ in 0..2 {
                sockets.push(connect(server.url("")).options(options.clone()).await.unwrap());
            }
            assert_eq!(server.connections(), index + 1, "settings {index}");
        }
        sockets.push(connect(server.url("")).options(shared).await.unwrap());
        assert_eq!(server.connections(), all.len());
        // What belongs to one request makes no difference.
        let options = options().header("Authorization", "Bearer a").unwrap().origin("https://a").unwrap();
        sockets.push(connect(server.url("other?path")).options(options).await.unwrap());
        assert_eq!(server.connections(), all.len());
    });
}

#[test]
fn runtimes_share_nothing_and_end_their_own() {
    run(async {
        let server = Server::start().await.echo();
        let mut here = open(server.url("")).await;
        let other = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let url = server.url("");
        let there = other.spawn(open(url)).await.unwrap();
        assert_eq!(server.connections(), 2);
        other.shutdown_background();
        server.wait_for_ends(1).await;
        drop(there);
        check_echo(&mut here, "hello").await;
    });
}

#[test]
fn idle_connection_closes_and_a_new_one_follows() {
    run(async {
        let server = Server::start().await.echo();
        let http2 = Http2::prior_knowledge().idle_timeout(Duration::from_millis(50));
        let options = Options::new().http2(http2);
        for round in 1..=2 {
            let mut socket = connect(server.url("")).options(options.clone()).await.unwrap();
            check_echo(&mut socket, "hello").await;
            assert_eq!(server.connections(), round);
            socket.close(None, None).await.unwrap();
            server.wait_for_ends(round).await;
        }
    });
}

#[test]
fn connection_that_goes_away_keeps_its_sockets_and_takes_no_more() {
    run(async {
        let server = Server::start().await.echo();
        let mut first = open(server.url("")).await;
        server.go_away(1);
        // GOAWAY has arrived when a later message has.
        check_echo(&mut first, "hello").await;
        check_echo(&mut first, "hello").await;
        let mut second = open(server.url("")).await;
        assert_eq!(server.connections(), 2);
        check_echo(&mut first, "still").await;
        check_echo(&mut second, "new").await;
        first.close(None, None).await.unwrap();
        server.wait_for_ends(1).await;
    });
}

#[test]
fn connections_that_go_away_count_as_no_attempts() {
    run(async {
        let server = Server::start_with(|builder| {
            builder.enable_connect_protocol().max_concurrent_streams(2);
        });
        let server = server.await.echo();
        let mut sockets = Vec::new();
        for _ in 0..8 {
            sockets.push(open(server.url("")).await);
        }
        assert_eq!(server.connections(), 4);
        for connection in 1..=4 {
            // One of its two sockets.
            sockets.remove(connection - 1).close(None, None).await.unwrap();
            server.go_away(connection);
        }
        // GOAWAY has arrived when a later message has.
        for socket in &mut sockets {
            check_echo(socket, "hello").await;
            check_echo(socket, "hello").await;
        }
        let mut socket = open(server.url("")).await;
        check_echo(&mut socket, "new").await;
        assert_eq!(server.connections(), 5);
    });
}

#[test]
fn settings_that_are_not_used_are_forgotten() {
    run(async {
        let server = Server::start().await.echo();
        let token = Arc::new(());
        for _ in 0..100 {
            let owned = Arc::clone(&token);
            let dial = move |target: &Target| -> Connecting {
                let (address, _owned) = ((target.host.clone(), target.port), Arc::clone(&owned));
                Box::pin(async move { Ok(Box::new(TcpStream::connect(address).await?) as Box<dyn IoStream>) })
            };
            let options = Options::new().http2(Http2::prior_knowledge().idle_timeout(Duration::ZERO)).connector(dial);
            let mut socket = connect(server.url("")).options(options).await.unwrap();
            check_echo(&mut socket, "hello").await;
            socket.close(None, None).await.unwrap();
        }
        server.wait_for_ends(100).await;
        // The pool keeps a bounded number of settings.
        assert!(Arc::strong_count(&token) < 50, "{}", Arc::strong_count(&token));
    });
}

#[test]
fn sockets_that_waited_too_long_still_share_a_connection() {
    run(async {
        let server = Server::start().await.echo();
        let (dials, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (counted, released) = (Arc::clone(&dials), Arc::clone(&go));
        let dial = move |target: &Target| -> Connecting {
            let address = (target.host.clone(), target.port);
            let (number, go) = (counted.fetch_add(1, Ordering::Relaxed), Arc::clone(&released));
            Box::pin(async move {
                // Only the first one connects, after the others have lost their patience.
                match number {
                    0 => go.notified().await,
                    9 => go.notify_one(),
                    _ => {}
                }
                if number > 0 {
                    std::future::pending::<()>().await;
                }
                Ok(Box::new(TcpStream::connect(address).await?) as Box<dyn IoStream>)
            })
        };
        let options = options().connector(dial);
        let sockets = (0..10).map(|_| connect(server.url("")).options(options.clone()).into_future());
        for socket in join_all(sockets).await {
            check_echo(&mut socket.unwrap(), "hello").await;
        }
        assert_eq!((server.connections(), dials.load(Ordering::Relaxed)), (1, 10));
    });
}

#[test]
fn secrets_stay_out_of_the_compression_table() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let options = options().header("Authorization", "a").unwrap().header("Cookie", "b").unwrap();
        let socket = WebSocket::with_options(&url, (), &options.header("From", "c").unwrap()).unwrap();
        let fields = RawServer::accept(&listener).await.next(HEADERS).await.1;
        let has = |bytes: &[u8]| fields.windows(bytes.len()).any(|window| window == bytes);
        // Never indexed, with the names 23 and 32 of the static table.
        assert!(has(&[0x1f, 8]) && has(&[0x1f, 17]), "{fields:x?}");
        // With indexing, and the name 37.
        assert!(has(&[0x40 | 0x25]), "{fields:x?}");
        drop(socket);
    });
}
