//! Programs with samesocket. Each module is one program's client code; `src/bin` has the program, and `tests` its test with
//! a real server.

pub mod chat;
pub mod codecs;
pub mod devtools;
pub mod json_rpc;
pub mod mqtt;
pub mod mutual_tls;
pub mod xmpp;

/// The error of the programs' outermost functions: any error, to be printed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
