//! Typed messages with a server that decodes them by itself.

use futures::{SinkExt as _, StreamExt as _};
use samesocket::typed::Error;
use samesocket_examples::codecs::{Reading, Verdict, connect_readings};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

use crate::support;

const USUAL: f32 = 30.0;

/// Starts a server for one client that speaks one format. It starts with a message that is in none.
async fn start(format: &'static str) -> String {
    let listener = support::listener().await;
    let url = format!("ws://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        #[expect(clippy::result_large_err, reason = "the error is an HTTP response, in tungstenite's type")]
        let choose = |_: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
            response.headers_mut().insert("sec-websocket-protocol", format.parse().expect("a valid value"));
            Ok(response)
        };
        let mut socket = accept_hdr_async(stream, choose).await.expect("a handshake");
        while let Some(Ok(Message::Binary(bytes))) = socket.next().await {
            let answer = match format {
                "readings.postcard" => postcard::to_stdvec(&verdict(&postcard::from_bytes(&bytes).unwrap())).unwrap(),
                _ => rmp_serde::to_vec(&verdict(&rmp_serde::from_slice(&bytes).unwrap())).unwrap(),
            };
            if !answer.is_empty() {
                socket.send(Message::binary(answer)).await.expect("the client reads");
            }
            socket.send(Message::text("a word between")).await.expect("the client reads");
        }
    });
    url
}

fn verdict(reading: &Reading) -> Verdict {
    if reading.celsius > USUAL { Verdict::TooHot { by: reading.celsius - USUAL } } else { Verdict::Usual }
}

async fn converse(format: &'static str) {
    let url = start(format).await;
    let mut readings = connect_readings(&url, &["readings.msgpack", "readings.postcard"]).await.expect("a connection");
    assert_eq!(readings.get_ref().protocol(), format);
    let mut seen = Vec::new();
    for celsius in [21.5, 42.0] {
        readings.send(&Reading { sensor: "attic".to_owned(), celsius }).await.expect("the server reads");
        seen.push(readings.next().await.expect("an answer").expect("a verdict"));
        match readings.next().await {
            Some(Err(Error::Decode { message, source })) => {
                assert_eq!(message.as_text(), Some("a word between"));
                assert_eq!(source.to_string(), "expected a binary message");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, [Verdict::Usual, Verdict::TooHot { by: 12.0 }]);
}

#[test]
fn postcard_messages_are_values() {
    support::run(converse("readings.postcard"));
}

#[test]
fn message_pack_messages_are_values() {
    support::run(converse("readings.msgpack"));
}
