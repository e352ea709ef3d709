//! The run of one connection's script: the opening handshake, the steps in order, and the end of the connection.

use std::future::pending;

use crate::{
    connection::{Connection, Disconnected},
    deflate,
    frame::{self, RSV1},
    handshake::{self, Outcome},
    http::Request,
    record::Kind,
    script::Script,
    step::Step,
};

/// The number of queued bytes at which a flood writes. Arbitrary.
const FLOOD_WRITE_LEN: usize = 64 * 1024;

/// Serves one client from its request to its end.
pub(crate) async fn run_script(mut connection: Connection, request: &Request) {
    let parsed = Script::parse(request.query()).and_then(|script| match script.unsupported(request.is_http2()) {
        Some(error) => Err(error.to_owned()),
        None => Ok(script),
    });
    let mut script = match parsed {
        Ok(script) => script,
        Err(error) => {
            handshake::refuse_script(&mut connection, error).await;
            connection.drain().await;
            return connection.close().await;
        }
    };
    let first = std::mem::take(&mut script.first);
    let outcome = match run_first(&mut connection, first).await {
        Ok(()) => handshake::respond(&mut connection, request, &script).await,
        Err(disconnected) => Err(handshake::abort(&connection, disconnected)),
    };
    let ending = match outcome {
        Ok(Outcome::Accepted { compress }) => {
            let mut runner = StepRunner {
                connection: &mut connection,
                offered: request.offered().join(","),
                compress,
                sent_close: false,
                coalesce: script.packet,
            };
            runner.run(script.steps).await
        }
        Ok(Outcome::Drain) => Ok(Ending::Drain),
        Ok(Outcome::Drop) => Ok(Ending::Drop),
        Ok(Outcome::Reset(code)) => Ok(Ending::Reset(code)),
        Err(disconnected) => Err(disconnected),
    };
    match ending {
        Ok(Ending::Reset(code)) => return connection.reset(code),
        Ok(Ending::Drain) => connection.drain().await,
        Ok(Ending::Close) => {
            connection.finish_sending().await;
            connection.drain().await;
        }
        Ok(Ending::Drop) | Err(_) => {}
    }
    connection.close().await;
}

/// Runs the steps before the response.
async fn run_first(connection: &mut Connection, steps: Vec<Step>) -> Result<(), Disconnected> {
    for step in steps {
        match step {
            Step::Gate(name) => {
                let gate = connection.receiver.record().gate(&name);
                connection.receive_until(gate).await?;
            }
            Step::Http2(step) => connection.misbehave(step).await?,
            // The script has no other steps here.
            _ => {}
        }
    }
    Ok(())
}

/// The way to end the connection after the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Read until the client disconnects.
    Drain,
    /// Shut the write side down, then read until the client disconnects.
    Close,
    /// Close the socket at once.
    Drop,
    /// Reset the connection, or the stream with this error code.
    Reset(Option<u32>),
}

/// The state of a script while its steps run.
#[derive(Debug)]
struct StepRunner<'a> {
    connection: &'a mut Connection,
    offered: String,
    compress: bool,
    sent_close: bool,
    /// Whether queued bytes wait for the next step, so that both are one write.
    coalesce: bool,
}

impl StepRunner<'_> {
    async fn run(&mut self, steps: Vec<Step>) -> Result<Ending, Disconnected> {
        for step in steps {
            if let Some(ending) = self.run_step(step).await? {
                return Ok(ending);
            }
        }
        self.flush_coalesced().await?;
        self.wait_for_close_if_sent().await
    }

    async fn run_step(&mut self, step: Step) -> Result<Option<Ending>, Disconnected> {
        match step {
            Step::Message(kind, payload) => self.queue_message(kind, &payload),
            Step::Fragments(kind, pieces) => self.queue_fragments(kind, &pieces),
            Step::Bytes(bytes) => self.connection.queue(&bytes),
            Step::Close(body) => self.queue_close(&body),
            Step::Offered => {
                let offered = self.offered.clone().into_bytes();
                self.queue_message(Kind::Text, &offered);
            }
            Step::Together => self.coalesce = true,
            other => {
                self.flush_coalesced().await?;
                return self.run_blocking_step(other).await;
            }
        }
        if !self.coalesce {
            self.connection.flush().await?;
        }
        Ok(None)
    }

    /// Runs a step that does more than queue bytes.
    async fn run_blocking_step(&mut self, step: Step) -> Result<Option<Ending>, Disconnected> {
        match step {
            Step::Flood { count, size } => self.flood(count, size).await?,
            Step::Fin => self.connection.finish_sending().await,
            Step::Drop => return Ok(Some(Ending::Drop)),
            Step::Reset(code) => return Ok(Some(Ending::Reset(code))),
            Step::Http2(step) => self.connection.misbehave(step).await?,
            Step::Await(count) => {
                for _ in 0..count {
                    if !self.message_or_close().await? {
                        break;
                    }
                    self.connection.receiver.pop_message();
                }
            }
            Step::Echo(count) => return self.echo(count).await,
            Step::AwaitPong => {
                while !self.connection.receiver.pop_pong() {
                    self.connection.receive().await?;
                }
            }
            Step::AwaitClose => self.await_close().await?,
            Step::Answer(body) => {
                self.await_close().await?;
                let received = self.connection.receiver.close().unwrap_or_default().to_vec();
                self.queue_close(&body.unwrap_or(received));
                self.connection.flush().await?;
            }
            Step::Gate(name) => {
                let gate = self.connection.receiver.record().gate(&name);
                self.connection.receive_until(gate).await?;
            }
            Step::PauseReading(None) => self.connection.wait_without_reading(pending()).await?,
            Step::PauseReading(Some(name)) => {
                let gate = self.connection.receiver.record().gate(&name);
                self.connection.wait_without_reading(gate).await?;
            }
            Step::ReadSlow { bytes_per_second } => self.connection.limit_read_rate(bytes_per_second),
            Step::End => return self.wait_for_close_if_sent().await.map(Some),
            // `run_step` handles these.
            Step::Message(..)
            | Step::Fragments(..)
            | Step::Bytes(_)
            | Step::Close(_)
            | Step::Offered
            | Step::Together => {}
        }
        Ok(None)
    }

    /// Writes the coalesced bytes and stops coalescing.
    async fn flush_coalesced(&mut self) -> Result<(), Disconnected> {
        self.coalesce = false;
        self.connection.flush().await
    }

    async fn flood(&mut self, count: u32, size: usize) -> Result<(), Disconnected> {
        let mut payload = crate::step::pattern(size);
        let mut queued = 0;
        for index in 0..count {
            let index = index.to_be_bytes();
            let length = size.min(index.len());
            payload[..length].copy_from_slice(&index[..length]);
            self.queue_message(Kind::Binary, &payload);
            queued += size + 10;
            if queued > FLOOD_WRITE_LEN {
                self.connection.flush().await?;
                queued = 0;
            }
        }
        self.connection.flush().await
    }

    async fn echo(&mut self, count: Option<u64>) -> Result<Option<Ending>, Disconnected> {
        let mut left = count.unwrap_or(u64::MAX);
        while left > 0 && self.message_or_close().await? {
            if let Some(message) = self.connection.receiver.pop_message() {
                self.queue_message(message.kind, &message.payload);
                self.connection.flush().await?;
            }
            left -= 1;
        }
        if left == 0 {
            return Ok(None);
        }
        if !self.sent_close {
            let body = self.connection.receiver.close().unwrap_or_default().to_vec();
            self.queue_close(&body);
            self.connection.flush().await?;
        }
        Ok(Some(Ending::Close))
    }

    /// Waits for a message or the client's Close. Returns whether a message is queued.
    async fn message_or_close(&mut self) -> Result<bool, Disconnected> {
        loop {
            if self.connection.receiver.queued_message_count() > 0 {
                return Ok(true);
            }
            if self.connection.receiver.close().is_some() {
                return Ok(false);
            }
            self.connection.receive().await?;
        }
    }

    async fn await_close(&mut self) -> Result<(), Disconnected> {
        while self.connection.receiver.close().is_none() {
            self.connection.receive().await?;
        }
        Ok(())
    }

    /// Waits for the client's Close if the server has sent its own. Returns how to end the connection.
    async fn wait_for_close_if_sent(&mut self) -> Result<Ending, Disconnected> {
        if !self.sent_close {
            return Ok(Ending::Drain);
        }
        while self.connection.receiver.close().is_none() {
            self.connection.receive().await?;
            self.connection.receiver.clear();
        }
        Ok(Ending::Close)
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
