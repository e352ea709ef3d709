//! Connections that break while bytes wait on either side.

use samesocket::{Event, Failure, WebSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::raw::Raw;
use crate::support::lines;

/// Close 1000.
const CLOSE: [u8; 4] = [0x88, 2, 3, 0xe8];

#[tokio::test]
async fn a_close_event_is_unclean_if_our_close_was_never_sent() {
    let raw = Raw::new().await;
    let socket = WebSocket::new(&raw.url(), ()).unwrap();
    let open = |socket: &WebSocket, event: &Event| {
        if matches!(event, Event::Open) {
            socket.send(&vec![0; 32 << 20]).unwrap();
        }
    };
    socket.subscribe(open).detach();
    let (seen, ()) = tokio::join!(lines(&socket), async {
        let mut stream = raw.accept().await;
        stream.read_u8().await.unwrap();
        stream.write_all(&CLOSE).await.unwrap();
        // What was not read has the system reset the connection.
        drop(stream);
    });
    assert_eq!(seen, ["open", "close 1000 \"\" unclean"]);
    assert!(socket.buffered_amount() > 0);
    assert!(matches!(socket.failure(), Some(Failure::Lost { .. } | Failure::Protocol(_))), "{:?}", socket.failure());
}

#[tokio::test]
async fn nothing_failed_where_the_close_is_clean_though_the_server_resets_the_connection_after_it() {
    let raw = Raw::new().await;
    let socket = WebSocket::new(&raw.url(), ()).unwrap();
    let (seen, ()) = tokio::join!(lines(&socket), async {
        let mut stream = raw.accept().await;
        stream.write_all(&CLOSE).await.unwrap();
        // Our answer: the same, masked.
        stream.read_exact(&mut [0; 8]).await.unwrap();
        stream.set_zero_linger().unwrap();
        drop(stream);
    });
    assert_eq!(seen, ["open", "close 1000 \"\" clean"]);
    assert!(socket.failure().is_none(), "{:?}", socket.failure());
}
