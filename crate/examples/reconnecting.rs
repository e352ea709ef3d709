//! A reconnecting socket that subscribes after each connection, and prints its states.

mod common;

use std::time::Duration;

use common::{Outcome, run, say, url};
use futures::StreamExt;
use futures::future::{Either, select};
use samesocket::reconnect::{Backoff, Outbox, State, reconnect};
use samesocket::{Heartbeat, Message, connect};

fn main() {
    run(stay());
}

async fn stay() -> Outcome {
    let url = url()?;
    let heartbeat = Heartbeat::new("ping".into(), |message| matches!(message, Message::Text(text) if text == "pong"));
    let mut socket = reconnect(move |_| {
        let connect = connect(url.clone()).heartbeat(heartbeat.clone());
        async { Some(connect) }
    })
    .backoff(Backoff { longest: Duration::from_secs(10), ..Backoff::default() })
    .retry_while(|cause, failures| cause.is_worth_another_attempt() && failures < 5)
    .prepare(|socket| async {
        socket.send("subscribe".into()).await?;
        Ok(socket)
    })
    .outbox(Outbox::Keep { messages: 100, bytes: 1 << 20 })
    .start();
    let mut states = socket.states();
    loop {
        match select(Box::pin(socket.next()), states.next()).await {
            Either::Left((None, _)) => return Ok(()),
            Either::Left((Some(message), _)) => say(&format!("{} bytes", message?.size())),
            Either::Right((Some(State::Waiting { cause, wait, .. }), _)) => say(&format!("{cause}; again in {wait:?}")),
            Either::Right((state, _)) => say(&format!("{state:?}")),
        }
    }
}
