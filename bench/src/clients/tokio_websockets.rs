//! `tokio-websockets`, as it comes.

use anyhow::Result;
use bytes::Bytes;
use tokio_websockets::{ClientBuilder, Error, Message, WebSocketStream};

use super::piped::Piped;
use super::{Connection, Line};

pub(super) async fn connect(stream: impl Line, path: &str) -> Result<impl Connection> {
    let url = format!("ws://localhost{path}");
    let (stream, _) = ClientBuilder::new().uri(&url)?.connect_on(stream).await?;
    Ok(stream)
}

impl<S: Line> Piped for WebSocketStream<S> {
    type Message = Message;
    type Given = Result<Message, Error>;

    fn message(text: bool, payload: Bytes) -> Result<Message> {
        Ok(if text { Message::text(String::from_utf8(payload.into())?) } else { Message::binary(payload) })
    }

    fn length(item: Self::Given) -> Result<Option<usize>> {
        let message = item?;
        Ok((message.is_text() || message.is_binary()).then(|| message.as_payload().len()))
    }
}
