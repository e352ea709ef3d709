//! Typed messages, on the network in memory.
#![cfg(not(target_family = "wasm"))]

use futures::{FutureExt, SinkExt, StreamExt, TryStreamExt};
use samesocket::reconnect::reconnect;
use samesocket::testing::{self, Received, pair};
use samesocket::typed::{BoxError, Codec, Error, Json, Typed};
use samesocket::{Blob, Message, Socket};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Chat {
    Join { room: String },
    Said { text: String },
}

fn said(text: &str) -> Chat {
    Chat::Said { text: text.to_owned() }
}

/// Describes an item of a stream.
fn line<E: std::fmt::Display>(item: Result<Chat, Error<E>>) -> String {
    match item {
        Ok(chat) => format!("{chat:?}"),
        Err(Error::Decode { message, source }) => format!("{message:?} is not decoded: {source}"),
        Err(error) => format!("{error}"),
    }
}

#[test]
fn values_arrive_as_text_messages_and_back() {
    testing::run(|_| async {
        let (socket, mut peer) = pair();
        let mut chat: Typed<Chat, Chat, Socket> = socket.typed(Json);
        chat.send(&Chat::Join { room: "lobby".to_owned() }).await.unwrap();
        SinkExt::send(&mut chat, said("hello")).await.unwrap();
        for expected in [r#"{"type":"Join","room":"lobby"}"#, r#"{"type":"Said","text":"hello"}"#] {
            assert!(
                matches!(peer.receive().await, Some(Received::Message(message)) if message == Message::from(expected))
            );
        }
        peer.send(r#"{"type":"Said","text":"welcome"}"#);
        peer.send(br#" {"type":"Said","text":"in bytes"} "#.to_vec());
        peer.close(Some(1000), "");
        let received: Vec<Chat> = chat.try_collect().await.unwrap();
        assert_eq!(received, [said("welcome"), said("in bytes")]);
    });
}

#[test]
fn undecodable_message_is_an_item_and_not_the_end() {
    testing::run(|_| async {
        let (socket, peer) = pair();
        for text in
            ["", r#"{"type":"Left"}"#, r#"{"type":"Said","text":"x"} y"#, r#"{"type":"Said","text":"still here"}"#]
        {
            peer.send(text);
        }
        drop(peer);
        let mut items: Vec<String> = socket.typed::<Chat, Chat>(Json).map(line).collect().await;
        assert_eq!(items.pop().unwrap(), "the connection failed (code 1006)");
        assert_eq!(
            items,
            [
                "Text(\"\") is not decoded: EOF while parsing a value at line 1 column 0",
                "Text(\"{\\\"type\\\":\\\"Left\\\"}\") is not decoded: unknown variant `Left`, expected `Join` or `Said` at line 1 column 14",
                "Text(\"{\\\"type\\\":\\\"Said\\\",\\\"text\\\":\\\"x\\\"} y\") is not decoded: trailing characters at line 1 column 28",
                "Said { text: \"still here\" }",
            ]
        );
    });
}

#[test]
fn unencodable_value_sends_nothing() {
    testing::run(|_| async {
        let (socket, mut peer) = pair();
        let mut typed = socket.typed::<(), std::collections::BTreeMap<(u8, u8), u8>>(Json);
        let error = typed.send(&[((1, 2), 3)].into()).await.unwrap_err();
        assert!(
            matches!(&error, Error::Encode { source } if source.to_string() == "key must be a string"),
            "{error:?}"
        );
        typed.send(&[].into()).await.unwrap();
        assert!(matches!(peer.receive().await, Some(Received::Message(message)) if message == Message::from("{}")));
    });
}

#[test]
fn blob_is_not_decoded_and_lazy_message_is() {
    let decode = |message: Message| Codec::<u32, ()>::decode(&Json, &message);
    assert!(decode(Blob::new(b"1").into()).is_err_and(|error| error.to_string().starts_with("a blob has to be read")));
    testing::run(|network| async move {
        let connecting = network.connect("ws://a.example").lazy();
        let (socket, peer) = futures::join!(connecting, async { network.accept().await.open() });
        peer.send("7");
        assert!(matches!(socket.unwrap().typed::<u32, ()>(Json).next().await, Some(Ok(7))));
    });
}

/// A codec of another format.
struct Numbers;

impl Codec<u32, u32> for Numbers {
    fn decode(&self, message: &Message) -> Result<u32, BoxError> {
        Ok(u32::from_be_bytes(message.as_bytes().ok_or("not in memory")?.try_into()?))
    }

    fn encode(&self, value: &u32) -> Result<Message, BoxError> {
        Ok(value.to_be_bytes().to_vec().into())
    }
}

#[test]
fn reconnecting_socket_yields_values_of_all_connections() {
    testing::run(|network| async move {
        let connecting = network.clone();
        let socket = reconnect(move |_| {
            let connect = connecting.connect("ws://a.example");
            async { Some(connect) }
        })
        .start();
        let server = async {
            for number in [1, 2] {
                let peer = network.accept().await.open();
                peer.send(Numbers.encode(&number).unwrap());
                if number == 2 {
                    peer.close(Some(1000), "");
                }
            }
        };
        let mut numbers = socket.typed(Numbers);
        let receive = async {
            let mut received = Vec::new();
            while let Some(number) = numbers.next().await {
                received.push(number.unwrap());
            }
            received
        };
        assert_eq!(futures::join!(receive, server).0, [1, 2]);
        assert!(numbers.into_inner().next().now_or_never().unwrap().is_none());
    });
}
