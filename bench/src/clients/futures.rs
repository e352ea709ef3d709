//! samesocket's futures API with all its defaults, but where it is told so for the runtime.

use anyhow::Result;
use bytes::Bytes;
use samesocket::{Error, Message, Options, Socket};

use super::Connection;
use super::piped::Piped;

pub(super) async fn connect(url: &str, options: Options, waits: bool) -> Result<impl Connection> {
    let connect = samesocket::connect(url).options(options);
    Ok(if waits { connect.await? } else { connect.high_water_mark(u64::MAX).await? })
}

impl Piped for Socket {
    type Message = Message;
    type Given = Result<Message, Error>;

    fn message(text: bool, payload: Bytes) -> Result<Message> {
        Ok(if text { Message::Text(str::from_utf8(&payload)?.into()) } else { Message::Binary(payload) })
    }

    fn length(item: Self::Given) -> Result<Option<usize>> {
        Ok(match item? {
            Message::Text(text) => Some(text.len()),
            Message::Binary(bytes) => Some(bytes.len()),
            _ => None,
        })
    }
}
