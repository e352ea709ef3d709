//! Messages that the receiver reads itself, on the thread of the driver, and what stays with the driver then.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::FutureExt;
use samesocket::{IoStream, Message, Options, Socket, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::coop::consume_budget;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::manual_server::ManualServer;

const TEXT: &[u8] = b"\x81\x01a";
const PING: &[u8] = &[0x89, 0];
const CLOSE: &[u8] = &[0x88, 2, 3, 0xe8];

/// Returns open sockets with the server's ends of their connections: one over a stream of this crate, and one over a stream of
/// the user's, which only the driver reads.
async fn open() -> [(Socket, TcpStream); 2] {
    let server = ManualServer::new().await;
    let address = server.address();
    let connector = move |_: &_| async move {
        let stream: Box<dyn IoStream> = Box::new(TcpStream::connect(address).await?);
        Ok(stream)
    };
    let open = async |options: Options| {
        let connecting = connect(server.url("a")).options(options).into_future();
        let (socket, stream) =
            tokio::join!(connecting, async { server.next().await.accept_upgrade().await.into_stream() });
        (socket.unwrap(), stream)
    };
    [open(Options::new()).await, open(Options::new().connector(connector)).await]
}

/// Reads a pong without a payload.
async fn read_pong(stream: &mut TcpStream) {
    let mut frame = [0; 6];
    let read = timeout(Duration::from_secs(10), stream.read_exact(&mut frame)).await;
    read.expect("the ping was not answered").unwrap();
    assert_eq!(frame[..2], [0x8a, 0x80]);
}

async fn receive(socket: &mut Socket) {
    assert!(matches!(socket.next().await, Some(Ok(Message::Text(text))) if text == "a"));
}

#[tokio::test]
async fn ping_behind_a_message_is_answered_while_receiver_waits() {
    for (mut socket, mut stream) in open().await {
        for _ in 0..3 {
            stream.write_all(&[TEXT, PING].concat()).await.unwrap();
            receive(&mut socket).await;
            assert!(socket.next().now_or_never().is_none());
            read_pong(&mut stream).await;
        }
    }
}

#[tokio::test]
async fn ping_is_answered_though_the_receiver_is_left_alone() {
    for (mut socket, mut stream) in open().await {
        assert!(socket.next().now_or_never().is_none());
        stream.write_all(PING).await.unwrap();
        read_pong(&mut stream).await;
        // After a message the receiver does not see that the stream has nothing more.
        stream.write_all(TEXT).await.unwrap();
        receive(&mut socket).await;
        for _ in 0..10 {
            yield_now().await;
        }
        stream.write_all(PING).await.unwrap();
        read_pong(&mut stream).await;
    }
}

#[tokio::test]
async fn close_is_seen_though_the_receiver_is_left_alone() {
    for (mut socket, mut stream) in open().await {
        stream.write_all(&[TEXT, TEXT, CLOSE].concat()).await.unwrap();
        receive(&mut socket).await;
        let mut answer = [0; 8];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer[..2], [0x88, 0x82]);
        drop(stream);
        let closed = timeout(Duration::from_secs(10), socket.control().closed()).await.expect("the close was not seen");
        assert_eq!((closed.code, closed.was_clean), (1000, true));
        receive(&mut socket).await;
        assert!(socket.next().await.is_none());
    }
}

#[tokio::test]
async fn receiver_of_a_task_without_budget_gets_its_messages() {
    for (mut socket, mut stream) in open().await {
        for _ in 0..3 {
            stream.write_all(TEXT).await.unwrap();
            receive(&mut socket).await;
            stream.write_all(TEXT).await.unwrap();
            poll_fn(|context| {
                while pin!(consume_budget()).poll(context).is_ready() {}
                assert!(socket.next().poll_unpin(context).is_pending());
                Poll::Ready(())
            })
            .await;
            timeout(Duration::from_secs(10), receive(&mut socket)).await.expect("the message did not arrive");
        }
    }
}

#[tokio::test]
async fn answer_to_a_message_is_sent_though_a_close_is_behind_it() {
    let [(mut socket, mut stream), _] = open().await;
    stream.write_all(&[TEXT, CLOSE].concat()).await.unwrap();
    receive(&mut socket).await;
    socket.send(Message::Text("b".into())).await.unwrap();
    let mut sent = [0; 7 + 8];
    stream.read_exact(&mut sent).await.unwrap();
    assert_eq!((&sent[..2], &sent[7..9]), (&[0x81, 0x81][..], &[0x88, 0x82][..]));
}

/// A waker that counts its clones.
#[derive(Default)]
struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

#[tokio::test]
async fn waker_of_a_receiver_that_is_gone_is_released() {
    for ends in [true, false] {
        let [(mut socket, stream), _] = open().await;
        let counted = Arc::new(Counted);
        let waker = Waker::from(Arc::clone(&counted));
        assert!(socket.next().poll_unpin(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        assert!(Arc::strong_count(&counted) > 1);
        let (sender, receiver) = socket.split();
        if ends {
            sender.control().abort();
            sender.control().closed().await;
        } else {
            drop(receiver);
        }
        assert_eq!(Arc::strong_count(&counted), 1, "the connection ends: {ends}");
        drop((sender, stream));
    }
}
