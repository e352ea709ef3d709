//! Tests of the server, with a client on raw sockets (`raw_client`) and with tungstenite's client.

mod closing;
mod control;
mod frames;
mod handshake;
mod raw_client;
mod static_files;
mod tungstenite;
