//! The relay between the client and the `h2` crate. It passes frames in both directions, and follows, holds back,
//! replaces or adds some of them.

use std::{io, mem};

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, split},
    sync::mpsc::UnboundedReceiver,
};

use super::{
    Http2,
    frames::{self, FrameHeader, HEADER_LEN},
    wire::{CONNECTION, Command, State, Wire},
};
use crate::{
    record::{End, GoAwaySeen},
    socket::{Socket, end_for_error},
};

/// The most bytes that one read takes. Arbitrary.
const READ_LEN: usize = 64 * 1024;

/// The payload of the pings that scripts send. Their answers are not passed on.
pub(crate) const PING_OF_SCRIPT: &[u8; 8] = b"a script";

/// Relays until both sides have ended, or a script ends the TCP connection.
pub(crate) async fn relay(
    socket: Socket,
    server: DuplexStream,
    wire: &Wire,
    commands: UnboundedReceiver<Command>,
    settings: Http2,
) {
    let (mut from_client, mut to_client) = split(socket);
    let (mut from_server, mut to_server) = split(server);
    let mut outgoing =
        Outgoing { wire, commands, settings: Some(settings), block: None, unwritten: Vec::new(), progress: Vec::new() };
    if outgoing.settings.as_ref().is_some_and(|settings| settings.is_silent) {
        return run_incoming(wire, &mut from_client, &mut to_server).await;
    }
    let ending = tokio::select! {
        ending = outgoing.run(&mut from_server, &mut to_client) => {
            if ending.is_none() {
                let _ = to_client.shutdown().await;
                // Closing a socket with unread bytes sends a reset, which could overtake the last frames.
                while from_client.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
            }
            ending
        }
        // The other direction ends when the server has noticed the end.
        () = async {
            run_incoming(wire, &mut from_client, &mut to_server).await;
            std::future::pending::<()>().await;
        } => None,
    };
    let socket = from_client.unsplit(to_client);
    if let Some(Command::Reset) = ending {
        socket.reset_on_drop();
    }
    drop(socket);
    wire.end_streams(if ending.is_some() { End::Server } else { End::Reset });
    wire.record(|seen| seen.ended = true);
}

/// Passes the client's frames to the server until the client disconnects.
async fn run_incoming(wire: &Wire, from: &mut ReadHalf<Socket>, to: &mut WriteHalf<DuplexStream>) {
    let mut bytes = BytesMut::new();
    let mut preface_len = frames::PREFACE.len();
    let end = loop {
        bytes.reserve(READ_LEN);
        match from.read_buf(&mut bytes).await {
            Ok(0) => break End::Fin,
            Ok(_) => {}
            Err(error) => break end_for_error(&error),
        }
        let preface = bytes.split_to(preface_len.min(bytes.len()));
        preface_len -= preface.len();
        let mut passed = preface.to_vec();
        while let Some(header) = FrameHeader::of_complete_frame(&bytes) {
            let frame = bytes.split_to(header.frame_len());
            if is_passed_to_server(wire, header, &frame[HEADER_LEN..]) {
                passed.extend_from_slice(&frame);
            }
        }
        // If the server has ended the connection, the rest is read and discarded.
        let _ = to.write_all(&passed).await;
    };
    wire.end_streams(end);
    let _ = to.shutdown().await;
}

/// Records a frame of the client. Returns whether the server has to see it.
fn is_passed_to_server(wire: &Wire, header: FrameHeader, payload: &[u8]) -> bool {
    match (header.kind, header.has(frames::ACK)) {
        (frames::SETTINGS, true) => {
            wire.record(|seen| seen.settings_ack_count += 1);
            return wire.update(|state| state.settings_of_scripts.pop_front()) != Some(true);
        }
        (frames::SETTINGS, false) => wire.record(|seen| seen.settings.extend(frames::parse_settings(payload))),
        (frames::PING, true) => {
            wire.record(|seen| seen.pong_count += 1);
            return payload != PING_OF_SCRIPT;
        }
        (frames::PING, false) => {
            wire.record(|seen| seen.ping_count += 1);
            return !wire.update(|state| state.ignore_pings);
        }
        (frames::RST_STREAM, _) => {
            wire.record(|seen| seen.reset_count += 1);
            wire.update_stream(header.stream, |stream| {
                stream.client_end.get_or_insert(End::Reset);
                stream.client_error = frames::parse_u32(payload);
            });
        }
        (frames::GOAWAY, _) => {
            let number = |at: usize| payload.get(at..).and_then(frames::parse_u32).unwrap_or_default();
            wire.record(|seen| seen.goaway = Some(GoAwaySeen { last_stream: number(0), code: number(4) }));
        }
        // The flag of an acknowledgement ends the stream in these frames.
        (frames::HEADERS | frames::DATA, ends_stream) => {
            if header.kind == frames::HEADERS && wire.add_stream(header.stream) {
                wire.record(|seen| seen.stream_count += 1);
            }
            if ends_stream {
                wire.update_stream(header.stream, |stream| {
                    stream.client_end.get_or_insert(End::Fin);
                });
            }
        }
        _ => {}
    }
    true
}

/// The direction from the server to the client.
#[derive(Debug)]
struct Outgoing<'a> {
    wire: &'a Wire,
    commands: UnboundedReceiver<Command>,
    /// The changes to the server's first SETTINGS frame, until it was sent.
    settings: Option<Http2>,
    /// The header block that has not ended.
    block: Option<Block>,
    /// The bytes to write, and what they bring.
    unwritten: Vec<u8>,
    progress: Vec<Progress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Passed,
    /// A script has sent other frames instead.
    Replaced,
}

/// The progress of a stream that a written frame brings.
#[derive(Debug, Clone, Copy)]
struct Progress {
    stream: u32,
    blocks: u32,
    data: u64,
    end: bool,
}

impl Outgoing<'_> {
    /// Relays until the server has ended or a write fails. Returns the command that ends the TCP connection.
    async fn run(&mut self, from: &mut ReadHalf<DuplexStream>, to: &mut WriteHalf<Socket>) -> Option<Command> {
        let mut bytes = BytesMut::new();
        loop {
            bytes.reserve(READ_LEN);
            let is_between_frames = bytes.is_empty() && self.block.is_none();
            tokio::select! {
                read = from.read_buf(&mut bytes) => {
                    if read.unwrap_or(0) == 0 || self.relay_frames(&mut bytes, to).await.is_err() {
                        return None;
                    }
                }
                Some(command) = self.commands.recv(), if is_between_frames => match command {
                    Command::Write(frames, written) => {
                        self.expect_acks(&frames);
                        self.unwritten.extend(frames);
                        self.write(to).await.ok()?;
                        let _ = written.send(());
                    }
                    Command::Uncork => self.write_if_complete(to).await.ok()?,
                    ending => return Some(ending),
                },
            }
        }
    }

    async fn relay_frames(&mut self, bytes: &mut BytesMut, to: &mut WriteHalf<Socket>) -> io::Result<()> {
        while let Some(header) = FrameHeader::of_complete_frame(bytes) {
            let frame = bytes.split_to(header.frame_len());
            let mut written = mem::take(&mut self.unwritten);
            let step = self.wire.update(|state| self.pass(header, &frame, state, &mut written));
            self.unwritten = written;
            self.progress.extend(step);
        }
        self.write_if_complete(to).await
    }

    /// Writes, if nothing is missing of what has to be written at once.
    async fn write_if_complete(&mut self, to: &mut WriteHalf<Socket>) -> io::Result<()> {
        let is_complete = self.wire.update(|state| {
            let Some(cork) = state.cork else { return true };
            let steps = || self.progress.iter().filter(|step| step.stream == cork.stream);
            let is_missing = state.streams.get(&cork.stream).is_some_and(|stream| {
                let blocks = stream.blocks_written + steps().map(|step| step.blocks).sum::<u32>();
                let data = stream.data_written + steps().map(|step| step.data).sum::<u64>();
                (blocks < cork.blocks || data < cork.data) && !steps().any(|step| step.end)
            });
            if !is_missing {
                state.cork = None;
            }
            !is_missing
        });
        if is_complete { self.write(to).await } else { Ok(()) }
    }

    async fn write(&mut self, to: &mut WriteHalf<Socket>) -> io::Result<()> {
        to.write_all(&mem::take(&mut self.unwritten)).await?;
        to.flush().await?;
        for step in mem::take(&mut self.progress) {
            self.wire.update_stream(step.stream, |stream| {
                stream.blocks_written += step.blocks;
                stream.data_written += step.data;
                stream.end_written |= step.end;
            });
        }
        Ok(())
    }

    /// Appends a frame of the server, or what replaces it, to the bytes to write.
    fn pass(
        &mut self,
        header: FrameHeader,
        frame: &[u8],
        state: &mut State,
        written: &mut Vec<u8>,
    ) -> Option<Progress> {
        let stream = header.stream;
        let mut progress = Progress { stream, blocks: 0, data: 0, end: false };
        match header.kind {
            frames::SETTINGS if !header.has(frames::ACK) => {
                state.settings_of_scripts.push_back(false);
                let values = frames::parse_settings(&frame[HEADER_LEN..]);
                let changes = self.settings.take().unwrap_or_default();
                written.extend(frames::settings(&changes.apply_to(values)));
                return None;
            }
            frames::WINDOW_UPDATE => {
                let held = state.held_updates.get_mut(&stream);
                held.unwrap_or(written).extend_from_slice(frame);
                return None;
            }
            frames::HEADERS | frames::CONTINUATION => {
                if header.kind == frames::HEADERS {
                    progress.end = header.has(frames::END_STREAM);
                    let replacement = state.streams.get_mut(&stream).and_then(|stream| stream.replacement.take());
                    self.block = Some(if replacement.is_some() { Block::Replaced } else { Block::Passed });
                    written.extend(replacement.unwrap_or_default());
                }
                if self.block != Some(Block::Replaced) {
                    written.extend_from_slice(frame);
                }
                if header.has(frames::END_HEADERS) {
                    self.block = None;
                    progress.blocks = 1;
                }
                return Some(progress);
            }
            frames::DATA => {
                progress.data = header.length as u64;
                progress.end = header.has(frames::END_STREAM);
                if header.length > 0 && state.streams.get(&stream).is_some_and(|stream| stream.pad) {
                    written.extend(frames::padding(stream, header.flags, header.length));
                    return Some(progress);
                }
            }
            frames::RST_STREAM => progress.end = true,
            _ => {}
        }
        written.extend_from_slice(frame);
        Some(progress)
    }

    /// Notes the SETTINGS frames among those of a script, because the server must not see that they are acknowledged.
    fn expect_acks(&self, mut frames: &[u8]) {
        while let Some(header) = FrameHeader::of_complete_frame(frames) {
            if header.kind == frames::SETTINGS && !header.has(frames::ACK) {
                self.wire.update(|state| state.settings_of_scripts.push_back(true));
            }
            frames.advance(header.frame_len());
        }
    }
}

impl Wire {
    /// Holds back the `WINDOW_UPDATE` frames of a stream or of the connection.
    pub(crate) fn hold_updates(&self, stream: u32) {
        self.update(|state| state.held_updates.entry(stream).or_default().clear());
    }

    /// Writes the `WINDOW_UPDATE` frames that were held back, and holds back no more.
    pub(crate) async fn release_updates(&self, stream: u32) {
        let held = self.update(|state| state.held_updates.remove(&stream));
        self.write(held.unwrap_or_default()).await;
    }

    /// Writes a `WINDOW_UPDATE` frame.
    pub(crate) async fn widen(&self, stream: u32, bytes: u32) {
        debug_assert!(stream == CONNECTION || stream % 2 == 1, "clients have odd numbers");
        self.write(frames::frame(frames::WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())).await;
    }
}
