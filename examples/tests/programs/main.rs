//! Each program with a real server. A server that cannot start is a failure.

mod chat;
mod codecs;
mod devtools;
mod json_rpc;
mod mqtt;
mod mutual_tls;
mod support;
mod xmpp;
