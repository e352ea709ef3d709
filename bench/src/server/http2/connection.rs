//! A connection without its I/O: the frames of the client go in, and the frames of the server come out.

use std::collections::{HashMap, VecDeque};

use anyhow::{Context as _, Result};
use httlib_hpack::Decoder;

use super::frames::{
    self, ACK, CONTINUATION, END_HEADERS, END_STREAM, FrameParser, HEADERS, Header, PING, Part, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, write_frame, write_window_update,
};
use super::sender::{FIRST_WINDOW, Sender};
use super::stream::Stream;
use super::{CONNECTION_WINDOW, MAX_STREAMS, WINDOW};
use crate::server::work::Work;
use crate::server::{BUFFER, SMALL_BUFFER};

/// The identifiers of settings ([RFC 9113, section 6.5.2](https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2) and
/// [RFC 8441, section 3](https://www.rfc-editor.org/rfc/rfc8441#section-3)).
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;
const ENABLE_CONNECT_PROTOCOL: u16 = 8;

/// The size of the client's table of header fields, which is the default.
const TABLE: u32 = 4096;

/// `:status 200` in the static table ([RFC 7541, appendix A](https://www.rfc-editor.org/rfc/rfc7541#appendix-A)).
const STATUS_200: u8 = 0x88;

/// The bytes that each stream sends in turn, if there are several. Arbitrary: it takes microseconds, so that a flood does
/// not delay the others much.
const SHARE: usize = 32 << 10;

/// A connection.
pub(super) struct Connection {
    parser: FrameParser,
    state: State,
}

/// The state of a connection beside the parser.
struct State {
    decoder: Decoder<'static>,
    /// The block of header fields of a request, until it is complete.
    block: Vec<u8>,
    streams: HashMap<u32, Stream>,
    /// The streams that have something to send, in turn.
    queue: VecDeque<u32>,
    sender: Sender,
    /// The initial window of the streams, for sending.
    initial_window: i64,
    /// The received bytes for which the connection's window was not renewed.
    consumed: u32,
    /// The size of reads that suits the streams.
    buffer_size: usize,
}

impl Connection {
    /// Creates a connection, whose output begins with the settings.
    pub(super) fn new() -> Self {
        let mut sender = Sender::default();
        let settings =
            [(MAX_CONCURRENT_STREAMS, MAX_STREAMS), (INITIAL_WINDOW_SIZE, WINDOW), (ENABLE_CONNECT_PROTOCOL, 1)];
        let payload: Vec<u8> =
            settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        sender.other(|out| {
            write_frame(SETTINGS, 0, 0, &payload, out);
            write_window_update(0, CONNECTION_WINDOW - FIRST_WINDOW, out);
        });
        let state = State {
            decoder: Decoder::with_dynamic_size(TABLE),
            block: Vec::new(),
            streams: HashMap::new(),
            queue: VecDeque::new(),
            sender,
            initial_window: i64::from(FIRST_WINDOW),
            consumed: 0,
            buffer_size: SMALL_BUFFER,
        };
        Self { parser: FrameParser::default(), state }
    }

    /// Takes received bytes.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> Result<()> {
        let Self { parser, state } = self;
        parser.read(bytes, |part| match part {
            Part::Data { stream, bytes } => {
                if let Some(stream) = state.streams.get_mut(&stream) {
                    stream.read(bytes, &mut state.sender);
                }
                Ok(())
            }
            Part::DataEnd(header) => {
                state.data_end(header);
                Ok(())
            }
            Part::Frame(header, payload) => state.frame(header, payload),
        })
    }

    /// Lets the streams send in turn, as far as the windows allow.
    pub(super) fn send(&mut self) {
        self.state.send();
    }

    /// Returns the output.
    pub(super) fn output(&self) -> &[u8] {
        self.state.sender.output()
    }

    /// Forgets the output, after it was written.
    pub(super) fn clear(&mut self) {
        self.state.sender.clear();
    }

    /// Returns whether a stream has something to send that the windows allow.
    pub(super) fn can_send(&self) -> bool {
        let State { streams, queue, sender, .. } = &self.state;
        sender.window > 0 && queue.iter().any(|id| streams.get(id).is_some_and(|stream| stream.window > 0))
    }

    /// Returns the size of reads that suits the streams.
    pub(super) fn buffer_size(&self) -> usize {
        self.state.buffer_size
    }
}

impl State {
    fn data_end(&mut self, header: Header) {
        let length = u32::try_from(header.length).unwrap_or(u32::MAX);
        self.consumed += length;
        if self.consumed >= CONNECTION_WINDOW / 2 {
            let increment = std::mem::take(&mut self.consumed);
            self.sender.other(|out| write_window_update(0, increment, out));
        }
        // The stream may have ended, and the client does not know it yet.
        if let Some(stream) = self.streams.get_mut(&header.stream) {
            stream.consumed(length, &mut self.sender);
            if header.has(END_STREAM) {
                stream.end();
            }
            self.queue(header.stream);
        }
    }

    fn frame(&mut self, header: Header, payload: &[u8]) -> Result<()> {
        match header.kind {
            HEADERS => {
                self.block.clear();
                self.block.extend_from_slice(frames::content(header, payload).context("a HEADERS frame is too short")?);
                self.headers(header)
            }
            CONTINUATION => {
                self.block.extend_from_slice(payload);
                self.headers(header)
            }
            RST_STREAM => {
                self.streams.remove(&header.stream);
                Ok(())
            }
            SETTINGS if !header.has(ACK) => self.settings(payload),
            PING if !header.has(ACK) => {
                self.sender.other(|out| write_frame(PING, ACK, 0, payload, out));
                Ok(())
            }
            WINDOW_UPDATE => {
                let increment = payload.first_chunk().context("a WINDOW_UPDATE frame is too short")?;
                let increment = i64::from(u32::from_be_bytes(*increment) & 0x7fff_ffff);
                if header.stream == 0 {
                    self.sender.window += increment;
                } else if let Some(stream) = self.streams.get_mut(&header.stream) {
                    stream.window += increment;
                }
                Ok(())
            }
            // What the client tells or asks with the other types changes nothing here.
            _ => Ok(()),
        }
    }

    fn settings(&mut self, payload: &[u8]) -> Result<()> {
        for entry in payload.chunks(6) {
            let (id, value) = entry.split_first_chunk().context("a setting is too short")?;
            let value = u32::from_be_bytes(*value.first_chunk().context("a setting is too short")?);
            match u16::from_be_bytes(*id) {
                INITIAL_WINDOW_SIZE => {
                    let difference = i64::from(value) - self.initial_window;
                    self.initial_window += difference;
                    self.streams.values_mut().for_each(|stream| stream.window += difference);
                }
                MAX_FRAME_SIZE => self.sender.max_frame = usize::try_from(value)?,
                _ => {}
            }
        }
        self.sender.other(|out| write_frame(SETTINGS, ACK, 0, &[], out));
        Ok(())
    }

    /// Answers a request when its block of header fields is complete. A block for a known stream has trailers.
    fn headers(&mut self, header: Header) -> Result<()> {
        if !header.has(END_HEADERS) {
            return Ok(());
        }
        let mut fields = Vec::new();
        self.decoder.decode(&mut self.block, &mut fields).ok().context("the header fields cannot be decoded")?;
        if let Some(stream) = self.streams.get_mut(&header.stream) {
            stream.end();
            self.queue(header.stream);
            return Ok(());
        }
        let path = fields.iter().find(|(name, ..)| name == b":path").context("the request has no path")?;
        let path = String::from_utf8_lossy(&path.1);
        let mut block = vec![STATUS_200];
        if path == "/deflate" {
            literal("sec-websocket-extensions", "permessage-deflate", &mut block);
        }
        self.sender.other(|out| write_frame(HEADERS, END_HEADERS, header.stream, &block, out));
        let work = Work::new(&path);
        self.buffer_size = self.buffer_size.max(work.buffer_size());
        self.streams.insert(header.stream, Stream::new(header.stream, work, self.initial_window));
        self.queue(header.stream);
        Ok(())
    }

    /// Puts a stream into the queue, if it has something to send.
    fn queue(&mut self, id: u32) {
        if let Some(stream) = self.streams.get_mut(&id)
            && !stream.is_queued
            && stream.has_output()
        {
            stream.is_queued = true;
            self.queue.push_back(id);
        }
    }

    fn send(&mut self) {
        let share = if self.streams.len() > 1 { SHARE } else { BUFFER };
        for _ in 0..self.queue.len() {
            let Some(id) = self.queue.pop_front() else { return };
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            stream.is_queued = false;
            if stream.send(share, &mut self.sender) {
                self.streams.remove(&id);
            } else {
                self.queue(id);
            }
        }
    }
}

/// Appends a literal header field without indexing
/// ([RFC 7541, section 6.2.2](https://www.rfc-editor.org/rfc/rfc7541#section-6.2.2)). Both parts are short.
fn literal(name: &str, value: &str, block: &mut Vec<u8>) {
    block.push(0);
    for text in [name, value] {
        block.push(u8::try_from(text.len()).unwrap_or_default());
        block.extend_from_slice(text.as_bytes());
    }
}
