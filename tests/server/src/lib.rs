//! A loopback WebSocket server that misbehaves on request.
//!
//! A [`Server`] listens on free ports, with and without TLS. The URL of a connection is its script:
//! `ws://127.0.0.1:PORT/ws?id=a&do=text:hello,close:1000:bye`. The server keeps a [`Record`] of what
//! the client did, under that `id`.
//!
//! # Where to start reading
//!
//! `server` routes a request. `script` parses its query, with `step` for the value of `do`.
//! `run_script` runs it: `handshake` answers the request, then the steps run one by one on a
//! `connection`, whose `receiver` parses the client's frames. `store` holds the `record`s, and
//! `control` lets tests read them over HTTP. `http2` makes a connection of each stream.
//!
//! # Keys of the opening handshake
//!
//! Values are percent-encoded, and `+` is not decoded. An unknown key or value is answered with 400.
//!
//! | key | the response |
//! | --- | --- |
//! | `subprotocol=VALUE` | has this `Sec-WebSocket-Protocol`; repeatable, may be empty |
//! | `pick=first\|last\|none\|upper` | selects the first (the default), the last or none of the offered subprotocols, or the first in upper case |
//! | `extensions=VALUE` | has this `Sec-WebSocket-Extensions`; repeatable |
//! | `deflate=1`, `deflate=send` | accepts permessage-deflate if offered; with `send` the server compresses its messages, too |
//! | `accept=wrong\|missing\|padded` | has a wrong, no, or a padded `Sec-WebSocket-Accept` |
//! | `upgrade=`, `connection=` | has this value in the header; with `missing` it lacks the header |
//! | `status=NNN`, `location=URL` | refuses with this status and `Location` |
//! | `header=NAME: VALUE` | has this additional header; repeatable |
//! | `early=N` | follows N 103 Early Hints responses |
//! | `fill=N` | has header fields with N bytes in all |
//! | `handshake=garbage\|nothing\|drop\|reset\|half` | is not HTTP, never comes, is replaced by a FIN or a reset, or is cut in half |
//! | `first=STEP,...` | follows these steps: gates, and those of HTTP/2 |
//! | `head=NAME` | is this one of the [`heads`](heads()) |
//! | `hold=handshake` | waits for the gate `handshake` |
//! | `packet=1` | is in one write with the steps that only send |
//!
//! # Steps
//!
//! `do=STEP,STEP,...`, by default `do=echo`. Commas, colons and bars separate values before percent-decoding.
//!
//! | step | what the server does |
//! | --- | --- |
//! | `text:S` `bin:HEX` `bytes:N` `chars:N` `offered` | sends a message: the given text or bytes, N bytes `i % 251`, N times `a`, the offered subprotocols |
//! | `frames:text:A\|B`, `frames:bin:A\|B`, `interleave:A\|B` | sends a fragmented message; `interleave` sends pings between the fragments |
//! | `flood:COUNT:SIZE` | sends binary messages that start with their index, 4 bytes big-endian |
//! | `ping:S` `pong:S` | sends a control frame |
//! | `raw:HEX` | writes these bytes to the socket |
//! | `together` | coalesces what the next steps send into one write, until a step does more than send |
//! | `badutf8` `badutf8-split` | sends invalid UTF-8 in a text frame, with or without FIN |
//! | `rsv:N` `opcode:N` `masked:S` | sends a frame with these RSV bits (4 is RSV1), an empty frame with this opcode, a masked frame |
//! | `lone-continuation` `nested-start` | sends fragments out of order |
//! | `big-ping` `fragmented-ping` | sends a ping of 126 bytes, a ping without FIN |
//! | `nonminimal` `huge-length` | sends a length in too many bytes, a length with its highest bit set |
//! | `close` `close:CODE` `close:CODE:REASON` `close-hex:HEX` | sends a Close frame |
//! | `await:N` | reads N messages, or fewer if the client's Close arrives |
//! | `echo` | echoes until the client's Close, answers it and closes TCP; must be the last step |
//! | `echo:N` | echoes N messages; ends like `echo` at the client's Close |
//! | `await-pong` | reads until a pong that no earlier step has awaited |
//! | `await-close` | reads until the client's Close |
//! | `answer` `answer:CODE:REASON` `answer-empty` | reads until the client's Close and answers it |
//! | `gate:NAME` | waits until the gate is opened for this `id`, and reads meanwhile |
//! | `read-slow:BYTES_PER_SECOND` | limits the read rate from here on |
//! | `read-gate:NAME` | reads nothing until the gate is opened or the client disconnects |
//! | `read-never` | reads nothing until the client disconnects; must be the last step |
//! | `fin` | sends a FIN (after TLS `close_notify`), and keeps reading |
//! | `drop` `reset` `reset:CODE` | closes the socket without TLS `close_notify`, resets TCP or the stream; must be the last step |
//! | `end` | waits until the client disconnects; must be the last step |
//!
//! After the last step the server waits until the client disconnects. If the server has sent a
//! Close, it waits for the client's Close and then closes TCP with a FIN. It answers pings
//! whenever it reads.
//!
//! # HTTP/2
//!
//! With [`Builder::http2`] the server has two more ports, with TLS and ALPN and without TLS (prior knowledge). There, each
//! stream of an extended CONNECT request with `:protocol: websocket` (RFC 8441) runs a script of its own. Keys and steps
//! are the same, with these differences:
//!
//! - The response has status 200, and neither `Upgrade`, `Connection` nor `Sec-WebSocket-Accept`. `status` may be 101.
//!   `accept`, `upgrade` and `connection` do nothing, and `head` is refused.
//! - `fin` sends `END_STREAM`. `drop` does, too, and resets the stream with `NO_ERROR`; before the response, with `CANCEL`.
//! - `reset` and `handshake=reset` send `RST_STREAM` with `CANCEL`; `reset:CODE` and `handshake=reset:CODE` with another code,
//!   which is a number or a name such as `refused-stream`.
//! - `handshake=garbage` is a response without `:status`. `handshake=half` is half a header block, and ends TCP.
//! - A step that sends waits until its frames were written to the TCP connection. `packet=1` writes them together.
//!
//! These keys are added:
//!
//! | key | the response |
//! | --- | --- |
//! | `end-stream=1` | ends the stream with its headers |
//! | `field=NAME: VALUE` | has this field, with its name as it is; repeatable |
//!
//! In these steps, `TARGET` is `stream` for the script's own, `connection`, or a number:
//!
//! | step | what the server does |
//! | --- | --- |
//! | `frame:TYPE:FLAGS:TARGET:HEX` | writes a frame; type and flags are decimal |
//! | `goaway:LAST:CODE` | sends GOAWAY; the last stream is `before` the own one, `this`, `all` or a number |
//! | `settings:ID:VALUE\|ID:VALUE` | sends SETTINGS, such as `8:0` to withdraw extended CONNECT or `3:1` for one stream at a time |
//! | `window:TARGET:BYTES` | sends `WINDOW_UPDATE` |
//! | `hold-window:TARGET` `release-window:TARGET` | holds `WINDOW_UPDATE` frames back, sends those that were held back |
//! | `settings-flood:N` `pings:N` `empty:N` `padded:N` | sends many SETTINGS, PING, empty DATA, or DATA frames with only padding |
//! | `continuations:N:SIZE` | starts a header block that does not end, with a field of SIZE bytes in each CONTINUATION |
//! | `ignore-pings` | answers no more pings |
//! | `trailers` `trailers:NAME:VALUE` | sends trailers, which end the stream's sending side |
//! | `drop-tcp` `reset-tcp` | closes or resets the TCP connection with all its streams |
//!
//! [`Server::set_http2`] sets the settings with which later connections begin.
//!
//! # Control plane
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /control/record?id=X` | the latest [`Record`], or the one with `nth=N`; `until=request\|handshake\|message\|close-frame\|end` waits |
//! | `GET /control/release?id=X&gate=NAME` | opens the gate; it stays open |
//! | `GET /control/live?prefix=P` | the number of open connections whose id starts with P; `until=N` waits for that number |
//! | `GET /control/connections` | a [`ConnectionSeen`] for each TCP connection |
//! | `POST`, `GET /control/report?name=N` | stores a text, returns it |
//! | `GET /control/heads` | the [`heads`](heads()), with the query for each |
//! | `GET /control/ping` | `pong` |
//!
//! A request that waits is answered with 408 after 20 seconds.

mod connection;
mod control;
mod deflate;
mod frame;
mod handshake;
mod heads;
mod http;
mod http2;
mod query;
mod receiver;
mod record;
mod run_script;
mod script;
mod server;
mod socket;
mod static_files;
mod step;
mod store;
mod tls;

pub use heads::{Head, heads};
pub use http2::Http2;
pub use record::{
    CloseSeen, ConnectionSeen, End, FrameSeen, GoAwaySeen, Handshake, HttpVersion, Kind, MAX_RECORDED,
    MAX_RECORDED_TEXT_LEN, MessageSeen, Record, UnknownUntil, Until,
};
pub use server::{Addresses, Builder, Server};
pub use store::Store;
