//! The order of answers: an echo leaves before the effect of the next frame in the same segment.

use std::sync::mpsc;
use std::time::Duration;

use samesocket::{Event, Message, Options, ReadyState, WebSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::manual_server::ManualServer;
use crate::support::event_lines;

/// Sends `frames` at once to a socket that answers messages with a text. Returns its events, and the frames that it sent.
async fn answered(options: &Options, frames: &[u8], answer: fn(&Message) -> Option<&str>) -> (Vec<String>, Vec<u8>) {
    let manual_server = ManualServer::new().await;
    // The server reads until the client closes TCP, so the client must not wait long for the server to do it.
    let options = options.clone().closing_timeout(Duration::from_millis(10));
    let socket = WebSocket::with_options(&manual_server.url("a"), (), &options).unwrap();
    // The library catches panics of callbacks, so the states are checked outside.
    let (sender, states) = mpsc::channel();
    let on_event = move |socket: &WebSocket, event: &Event| {
        let Event::Message(event) = event else { return };
        if let Some(text) = answer(&event.data) {
            socket.send(text).unwrap();
            sender.send(socket.ready_state()).unwrap();
        }
    };
    socket.subscribe(on_event).detach();
    let answered = tokio::join!(event_lines(&socket), async {
        let mut stream = manual_server.next().await.accept_upgrade().await.into_stream();
        stream.write_all(frames).await.unwrap();
        let mut got = Vec::new();
        stream.read_to_end(&mut got).await.unwrap();
        unmasked(&got)
    });
    assert!(states.try_iter().all(|state| state == ReadyState::Open), "the socket is open while messages are answered");
    answered
}

/// The same for a socket that echoes every text.
async fn echoed(frames: &[u8]) -> (Vec<String>, Vec<u8>) {
    answered(&Options::new(), frames, Message::as_text).await
}

/// Returns short masked frames without their masks.
fn unmasked(mut bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    while let [first, length, rest @ ..] = bytes {
        let length = length & 0x7f;
        let (mask, rest) = rest.split_at(4);
        let (payload, rest) = rest.split_at(length.into());
        plain.extend([*first, length]);
        plain.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes = rest;
    }
    plain
}

#[tokio::test]
async fn echo_is_sent_before_the_next_frame_breaks_a_rule() {
    let (seen, got) = echoed(b"\x81\x01a\x81\x01b\x83\x00").await;
    assert_eq!(seen, ["open", "text \"a\"", "text \"b\"", "error", "close 1006 \"\" unclean"]);
    assert_eq!(got, b"\x81\x01a\x81\x01b\x88\x02\x03\xea");
}

#[tokio::test]
async fn echo_order_is_the_same_for_fragmented_messages() {
    let (seen, got) = echoed(b"\x01\x01a\x80\x01b\x81\x01c\x01\x01d\x81\x01e").await;
    assert_eq!(seen, ["open", "text \"ab\"", "text \"c\"", "error", "close 1006 \"\" unclean"]);
    assert_eq!(got, b"\x81\x02ab\x81\x01c\x88\x02\x03\xea");
}

#[tokio::test]
async fn echo_is_sent_before_the_answer_to_a_later_ping_or_close() {
    let (seen, got) = echoed(b"\x81\x01a\x89\x01p\x81\x01b\x88\x02\x03\xe8").await;
    assert_eq!(seen, ["open", "text \"a\"", "text \"b\"", "close 1000 \"\" clean"]);
    assert_eq!(got, b"\x81\x01a\x8a\x01p\x81\x01b\x88\x02\x03\xe8");
}

#[tokio::test]
async fn answers_to_long_messages_precede_those_to_later_frames() {
    const MESSAGES: usize = 50;

    let messages = [&[0x82, 126, 0x40, 0][..], &[7; 16 << 10]].concat().repeat(MESSAGES);
    let frames = [&messages, &b"\x89\x01p"[..], &messages, b"\x88\x02\x03\xe8"].concat();
    let (seen, got) = answered(&Options::new().background_thread(), &frames, |_| Some("a")).await;
    assert_eq!(seen.len(), 2 * MESSAGES + 2);
    assert_eq!(seen.last().unwrap(), "close 1000 \"\" clean");
    let answers = b"\x81\x01a".repeat(MESSAGES);
    assert_eq!(got, [&answers, &b"\x8a\x01p"[..], &answers, b"\x88\x02\x03\xe8"].concat());
}
