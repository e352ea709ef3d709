//! A loopback WebSocket server that misbehaves on request.
//!
//! A [`Server`] listens on free ports, with TLS and without. A connection's URL says what is to
//! happen to it: `ws://127.0.0.1:PORT/ws?id=a&do=text:hello,close:1000:bye`. What the client did
//! is in the [`Record`] of that `id`.
//!
//! # Keys of the opening handshake
//!
//! Values are percent-encoded, and `+` stands for itself. What is unknown is answered with 400.
//!
//! | key | the response |
//! | --- | --- |
//! | `subprotocol=VALUE` | names it; repeatable, may be empty |
//! | `pick=first\|last\|none\|upper` | names the first (the default), the last or none of those offered, or the first in upper case |
//! | `extensions=VALUE` | names it; repeatable |
//! | `deflate=1`, `deflate=send` | accepts permessage-deflate if offered; with `send` our messages are compressed too |
//! | `accept=wrong\|missing\|padded` | has this `Sec-WebSocket-Accept` |
//! | `upgrade=`, `connection=` | has this value, or no such header with `missing` |
//! | `status=NNN`, `location=URL` | refuses |
//! | `header=NAME: VALUE` | has this header too; repeatable |
//! | `early=1` | follows a 103 |
//! | `handshake=garbage\|nothing\|drop\|reset\|half` | is none |
//! | `hold=handshake` | waits for the gate `handshake` |
//! | `packet=1` | is written together with the steps that only send |
//!
//! # Steps
//!
//! `do=STEP,STEP,...`, by default `do=echo`. Commas, colons and bars separate before decoding.
//!
//! | step | what happens |
//! | --- | --- |
//! | `text:S` `bin:HEX` `bytes:N` `chars:N` `offered` | a message: as given, N bytes `i % 251`, N times `a`, the offered subprotocols |
//! | `frames:text:A\|B`, `frames:bin:A\|B`, `interleave:A\|B` | a fragmented message, the last with pings between |
//! | `flood:COUNT:SIZE` | binary messages that begin with their index, 4 bytes big-endian |
//! | `ping:S` `pong:S` | a control frame |
//! | `raw:HEX` | bytes on the socket |
//! | `together` | what the next steps send, up to one that does more, is one write |
//! | `badutf8` `badutf8-split` | a wrong byte in a text, whole or unfinished |
//! | `rsv:N` `opcode:N` `masked:S` | a frame with these bits (4 is RSV1), empty with this opcode, masked |
//! | `lone-continuation` `nested-start` | fragments out of order |
//! | `big-ping` `fragmented-ping` | a ping of 126 bytes, a ping without FIN |
//! | `nonminimal` `huge-length` | a length in too many bytes, one with its highest bit set |
//! | `close` `close:CODE` `close:CODE:REASON` `close-hex:HEX` | a Close frame |
//! | `await:N` | reads N messages, fewer if the client's Close comes |
//! | `echo` | echoes until the client's Close, answers it and ends TCP; the last step |
//! | `echo:N` | echoes N messages; at the client's Close as `echo` |
//! | `await-close` | reads until the client's Close |
//! | `answer` `answer:CODE:REASON` `answer-empty` | reads until the client's Close and answers it |
//! | `gate:NAME` | waits for the release of this `id`, reading meanwhile |
//! | `read-slow:BYTES_PER_SECOND` | reads no faster from here on |
//! | `read-gate:NAME` | reads nothing until the release, or until the client goes |
//! | `read-never` | stops reading until the client goes; the last step |
//! | `fin` | TCP's FIN (after TLS's), still reading |
//! | `drop` `reset` | closes the socket without TLS's end, resets TCP; the last step |
//! | `end` | waits for the client's end; the last step |
//!
//! After the last step the server waits for the client's end. If it has sent a Close, it waits
//! for the client's and then ends TCP itself, in order. Where it reads, it answers pings.
//!
//! # Control plane
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /control/record?id=X` | the latest [`Record`], or that of `nth=N`; `until=request\|handshake\|message\|close-frame\|end` waits |
//! | `GET /control/release?id=X&gate=NAME` | opens the gate for good |
//! | `GET /control/live?prefix=P` | how many accepted connections are left; `until=N` waits |
//! | `POST`, `GET /control/report?name=N` | stores a text, gives it back |
//! | `GET /control/ping` | `pong` |
//!
//! What is waited for is given up after 20 seconds, with 408.

mod connection;
mod control;
mod deflate;
mod frame;
mod handshake;
mod http;
mod inbox;
mod perform;
mod query;
mod record;
mod script;
mod server;
mod socket;
mod static_files;
mod step;
mod store;
mod tls;

pub use record::{
    CloseSeen, End, FrameSeen, Handshake, KEPT, Kind, MessageSeen, Record, TEXT_KEPT, UnknownUntil, Until,
};
pub use server::{Addresses, Builder, Server};
pub use store::Store;
