//! What the server claims to do, seen from raw sockets and from another implementation's client.

mod client;
mod closing;
mod control;
mod files;
mod frames;
mod handshake;
mod peers;
