//! The steps of a script, taken one after the other.

use std::future::pending;

use crate::{
    connection::{Connection, Gone},
    deflate,
    frame::{self, RSV1},
    handshake::{self, Outcome},
    http::Request,
    record::Kind,
    script::Script,
    step::Step,
};

/// How many queued bytes a flood writes at once.
const BATCH: usize = 64 * 1024;

/// Serves one client from its request to its end.
pub(crate) async fn perform(mut connection: Connection, request: &Request) {
    let script = match Script::parse(request.query()) {
        Ok(script) => script,
        Err(error) => {
            handshake::refuse_script(&mut connection, error).await;
            connection.drain().await;
            return connection.close().await;
        }
    };
    let last = match handshake::perform(&mut connection, request, &script).await {
        Ok(Outcome::Accepted { compress }) => {
            let mut performance = Performance {
                connection: &mut connection,
                offered: request.offered().join(","),
                compress,
                sent_close: false,
                hold_back: script.packet,
            };
            performance.run(script.steps).await
        }
        Ok(Outcome::Over) => Ok(Last::Wait),
        Ok(Outcome::Drop) => Ok(Last::Drop),
        Ok(Outcome::Reset) => Ok(Last::Reset),
        Err(Gone) => Err(Gone),
    };
    match last {
        Ok(Last::Reset) => return connection.reset(),
        Ok(Last::Wait) => connection.drain().await,
        Ok(Last::Close) => {
            connection.finish_sending().await;
            connection.drain().await;
        }
        Ok(Last::Drop) | Err(Gone) => {}
    }
    connection.close().await;
}

/// What happens to the connection after the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// The client ends it.
    Wait,
    /// The server ends it in order.
    Close,
    /// The socket is closed at once.
    Drop,
    /// The connection is reset.
    Reset,
}

#[derive(Debug)]
struct Performance<'a> {
    connection: &'a mut Connection,
    offered: String,
    compress: bool,
    sent_close: bool,
    /// Whether what is queued waits for the next step's bytes.
    hold_back: bool,
}

impl Performance<'_> {
    async fn run(&mut self, steps: Vec<Step>) -> Result<Last, Gone> {
        for step in steps {
            if let Some(last) = self.take(step).await? {
                return Ok(last);
            }
        }
        self.release().await?;
        self.end().await
    }

    async fn take(&mut self, step: Step) -> Result<Option<Last>, Gone> {
        match step {
            Step::Message(kind, payload) => self.queue_message(kind, &payload),
            Step::Fragments(kind, pieces) => self.queue_fragments(kind, &pieces),
            Step::Bytes(bytes) => self.connection.queue(&bytes),
            Step::Close(body) => self.queue_close(&body),
            Step::Offered => {
                let offered = self.offered.clone().into_bytes();
                self.queue_message(Kind::Text, &offered);
            }
            Step::Together => self.hold_back = true,
            other => {
                self.release().await?;
                return self.act(other).await;
            }
        }
        if !self.hold_back {
            self.connection.flush().await?;
        }
        Ok(None)
    }

    /// Takes a step that is more than some bytes.
    async fn act(&mut self, step: Step) -> Result<Option<Last>, Gone> {
        match step {
            Step::Flood { count, size } => self.flood(count, size).await?,
            Step::Fin => self.connection.finish_sending().await,
            Step::Drop => return Ok(Some(Last::Drop)),
            Step::Reset => return Ok(Some(Last::Reset)),
            Step::Await(count) => {
                for _ in 0..count {
                    if !self.message_or_close().await? {
                        break;
                    }
                    self.connection.inbox.take();
                }
            }
            Step::Echo(count) => return self.echo(count).await,
            Step::AwaitClose => self.await_close().await?,
            Step::Answer(body) => {
                self.await_close().await?;
                let received = self.connection.inbox.close().unwrap_or_default().to_vec();
                self.queue_close(&body.unwrap_or(received));
                self.connection.flush().await?;
            }
            Step::Gate(name) => {
                let gate = self.connection.inbox.entry().gate(&name);
                self.connection.receive_during(gate).await?;
            }
            Step::LazyMessage(None) => self.connection.unread_during(pending()).await?,
            Step::LazyMessage(Some(name)) => {
                let gate = self.connection.inbox.entry().gate(&name);
                self.connection.unread_during(gate).await?;
            }
            Step::ReadSlow { bytes_per_second } => self.connection.slow_down(bytes_per_second),
            Step::End => return self.end().await.map(Some),
            // These are queued by `take`.
            Step::Message(..)
            | Step::Fragments(..)
            | Step::Bytes(_)
            | Step::Close(_)
            | Step::Offered
            | Step::Together => {}
        }
        Ok(None)
    }

    /// Writes what was held back.
    async fn release(&mut self) -> Result<(), Gone> {
        self.hold_back = false;
        self.connection.flush().await
    }

    async fn flood(&mut self, count: u32, size: usize) -> Result<(), Gone> {
        let mut payload = crate::step::pattern(size);
        let mut queued = 0;
        for index in 0..count {
            let index = index.to_be_bytes();
            let length = size.min(index.len());
            payload[..length].copy_from_slice(&index[..length]);
            self.queue_message(Kind::Binary, &payload);
            queued += size + 10;
            if queued > BATCH {
                self.connection.flush().await?;
                queued = 0;
            }
        }
        self.connection.flush().await
    }

    async fn echo(&mut self, count: Option<u64>) -> Result<Option<Last>, Gone> {
        let mut left = count.unwrap_or(u64::MAX);
        while left > 0 && self.message_or_close().await? {
            if let Some(message) = self.connection.inbox.take() {
                self.queue_message(message.kind, &message.payload);
                self.connection.flush().await?;
            }
            left -= 1;
        }
        if left == 0 {
            return Ok(None);
        }
        if !self.sent_close {
            let body = self.connection.inbox.close().unwrap_or_default().to_vec();
            self.queue_close(&body);
            self.connection.flush().await?;
        }
        Ok(Some(Last::Close))
    }

    /// Whether there is a message to take; if not, there is the client's Close.
    async fn message_or_close(&mut self) -> Result<bool, Gone> {
        loop {
            if self.connection.inbox.queued_messages() > 0 {
                return Ok(true);
            }
            if self.connection.inbox.close().is_some() {
                return Ok(false);
            }
            self.connection.receive().await?;
        }
    }

    async fn await_close(&mut self) -> Result<(), Gone> {
        while self.connection.inbox.close().is_none() {
            self.connection.receive().await?;
        }
        Ok(())
    }

    /// Waits for the client's end, or for its Close if ours is sent.
    async fn end(&mut self) -> Result<Last, Gone> {
        if !self.sent_close {
            return Ok(Last::Wait);
        }
        while self.connection.inbox.close().is_none() {
            self.connection.receive().await?;
            self.connection.inbox.clear();
        }
        Ok(Last::Close)
    }

    fn queue_close(&mut self, body: &[u8]) {
        self.sent_close = true;
        self.connection.queue(&frame::whole(frame::CLOSE, body));
    }

    fn queue_message(&mut self, kind: Kind, payload: &[u8]) {
        self.queue_fragments(kind, &[payload]);
    }

    fn queue_fragments(&mut self, kind: Kind, pieces: &[impl AsRef<[u8]>]) {
        let opcode = frame::opcode(kind);
        let frames = if self.compress {
            let whole: Vec<u8> = pieces.iter().flat_map(AsRef::as_ref).copied().collect();
            let compressed = deflate::compress(&whole);
            let length = compressed.len().div_ceil(pieces.len().max(1)).max(1);
            let pieces: Vec<_> = compressed.chunks(length).collect();
            frame::fragmented(opcode, RSV1, &pieces, b"")
        } else {
            frame::fragmented(opcode, 0, pieces, b"")
        };
        self.connection.queue(&frames);
    }
}
