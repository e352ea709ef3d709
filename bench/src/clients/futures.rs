//! samesocket's futures API with its defaults. Some runs use the caller's runtime.

use anyhow::Result;
use bytes::Bytes;
use samesocket::{Error, Message, Options, Socket};

use super::connection::Connection;
use super::sink_stream::SinkStream;

pub(super) async fn connect(url: &str, options: Options, waits: bool) -> Result<impl Connection + use<>> {
    let connect = samesocket::connect(url).options(options);
    Ok(if waits { connect.await? } else { connect.high_water_mark(u64::MAX).await? })
}

impl SinkStream for Socket {
    type Message = Message;
    type Received = Result<Message, Error>;

    fn message(text: bool, payload: Bytes) -> Result<Message> {
        Ok(if text { Message::Text(str::from_utf8(&payload)?.into()) } else { Message::Binary(payload) })
    }

    fn length(item: Self::Received) -> Result<Option<usize>> {
        Ok(match item? {
            Message::Text(text) => Some(text.len()),
            Message::Binary(bytes) => Some(bytes.len()),
            _ => None,
        })
    }
}
