//! The known deviations in the JavaScript runtimes outside browsers, where the platform's class performs the handshake and
//! reads the frames.
//!
//! The tables are exact, as the table of the engines is: if a runtime changes, the run fails until the line is removed.

mod bun;
mod deno;
mod node_ws;
mod undici;
mod workerd;

use crate::known_deviations::{KnownDeviation, line};

/// The names of the runtimes, as the reports have them.
pub const RUNTIMES: &[&str] = &["node", "node-global", "node-20", "node-22", "node-ws", "deno", "bun", "workerd"];

/// Returns the table of a runtime, or `None` for a browser engine.
#[must_use]
pub fn table(runtime: &str) -> Option<&'static [KnownDeviation]> {
    Some(match runtime {
        "node" => undici::NODE,
        "node-global" => undici::NODE_GLOBAL,
        "node-20" => undici::NODE_20,
        "node-22" => undici::NODE_22,
        "node-ws" => node_ws::TABLE,
        "deno" => deno::TABLE,
        "bun" => bun::TABLE,
        "workerd" => workerd::TABLE,
        _ => return None,
    })
}

/// Creates a line for a received code at which the runtime fails the connection, with the code 1002 and no reason.
const fn refused_code(engine: &'static str, script: &'static str, reason: &'static str) -> KnownDeviation {
    line(engine, script, &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"\""]], reason)
}
