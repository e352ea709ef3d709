//! Tests of the server, with a client on raw sockets (`raw_client`), with `h2` (`http2_client`) and with tungstenite's client.

mod closing;
mod control;
mod frames;
mod handshake;
mod http2;
mod http2_client;
mod http2_frames;
mod raw_client;
mod static_files;
mod tungstenite;
