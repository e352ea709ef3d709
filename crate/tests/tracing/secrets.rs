//! Secrets in spans and events: credentials, queries, subprotocols, header values, cookies, and texts of the server.

use samesocket::{CookieStore, Options, Proxy, WebSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::collector::{self, all_texts, events_until};
use crate::support::TestServer;

const SECRET: &str = "sEcReT";

struct Cookies;

impl CookieStore for Cookies {
    fn cookies(&self, _: &str) -> Option<String> {
        Some(SECRET.to_owned())
    }

    fn set_cookies(&self, _: &str, _: &[&[u8]]) {}
}

fn options() -> Options {
    let options = Options::new().header("Authorization", SECRET).and_then(|options| options.origin(SECRET)).unwrap();
    options.cookies(Cookies)
}

/// Answers each connection with these bytes. Returns the port.
async fn answer_with(bytes: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(bytes.as_bytes()).await;
        }
    });
    port
}

async fn run(url: String, options: &Options) {
    let socket = WebSocket::with_options(&url, [SECRET], options).unwrap();
    let closing = socket.clone();
    let _subscription = socket.subscribe(move |_, event| {
        if matches!(event, samesocket::Event::Message(_)) {
            closing.close(Some(3000), Some(SECRET)).unwrap();
        }
    });
    socket.closed().await;
    events_until("INFO closed").await;
}

#[tokio::test]
async fn no_span_and_no_event_contains_a_secret() {
    collector::install();
    let server = TestServer::new().await;
    let script = format!("id={SECRET}&subprotocol={SECRET}&header=X-A: {SECRET}&do=text:{SECRET},await-close,answer");
    let address = server.address();
    run(format!("ws://{SECRET}:{SECRET}@{address}/ws?{script}"), &options()).await;
    for answer in [
        "HTTP/1.1 403 Forbidden\r\nSet-Cookie: sEcReT\r\nWWW-Authenticate: sEcReT\r\n\r\nsEcReT",
        "HTTP/1.1 302 Found\r\nLocation: ws://sEcReT:sEcReT@h/?sEcReT\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: ws://sEcReT:sEcReT@127.0.0.1:25/?sEcReT#sEcReT\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: sEcReT:sEcReT\r\n\r\n",
        "sEcReT\r\n\r\n",
        "",
    ] {
        let port = answer_with(answer).await;
        run(format!("ws://{SECRET}:{SECRET}@127.0.0.1:{port}/?{SECRET}"), &options()).await;
        let port = answer_with(answer).await;
        run(format!("ws://{SECRET}:{SECRET}@127.0.0.1:{port}/?{SECRET}"), &options().max_redirects(1)).await;
        let proxy = Proxy::new(&format!("http://{SECRET}:{SECRET}@127.0.0.1:{port}")).unwrap();
        let proxied = options().proxy(proxy);
        run(format!("ws://{SECRET}:{SECRET}@h/?{SECRET}"), &proxied).await;
    }
    let texts = all_texts();
    assert!(texts.len() > 30, "{texts:#?}");
    for text in texts {
        let lower = text.to_lowercase();
        let is_leak = lower.contains("secret") || lower.contains("c0vjumvuonnfy1jlva");
        assert!(!is_leak, "{text}");
    }
}
