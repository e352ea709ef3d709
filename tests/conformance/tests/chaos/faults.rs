//! The servers' faults: queries of the fault server.

use super::random::Random;

/// Servers that behave.
const CALM: [&str; 8] = [
    "do=echo",
    "deflate=1",
    "deflate=send",
    "do=text:a,bytes:70000,echo",
    "deflate=send&do=chars:100000,echo",
    "do=flood:200:1000,echo",
    "early=1&do=ping:a,interleave:a|b,echo",
    "packet=1&do=frames:text:a|b|c,echo:3,close:1000:done",
];

/// Servers that are slow, or say nothing.
const SLOW: [&str; 8] = [
    "do=read-slow:2000000",
    "do=read-slow:10000000,echo",
    "do=read-never",
    "do=end",
    "do=await-close",
    "do=flood:20:100000,read-never",
    "handshake=nothing",
    "hold=handshake",
];

/// Servers that end the connection.
const ENDING: [&str; 14] = [
    "do=close",
    "do=close:1000:bye",
    "packet=1&do=text:a,close:1001",
    "do=await:2,close:4999:later",
    "do=answer:4000:own",
    "do=answer-empty",
    "do=fin",
    "do=text:a,fin",
    "do=drop",
    "do=await:1,drop",
    "do=reset",
    "do=flood:50:5000,reset",
    "do=echo:3,reset",
    "do=text:a,gate:never",
];

/// Servers that refuse the handshake or break the protocol.
const BROKEN: [&str; 22] = [
    "handshake=garbage",
    "handshake=drop",
    "handshake=reset",
    "handshake=half",
    "status=403",
    "status=302&location=/elsewhere",
    "accept=wrong",
    "upgrade=missing",
    "extensions=permessage-bzip2",
    "do=badutf8",
    "do=badutf8-split,fin",
    "do=rsv:4",
    "do=opcode:3",
    "do=masked:x",
    "do=lone-continuation",
    "do=nested-start",
    "do=big-ping",
    "do=nonminimal",
    "do=huge-length",
    "do=raw:c1ffffffffffffffff",
    "deflate=1&do=raw:c103ffffff",
    // A bomb: 20 MB, of which few arrive.
    "deflate=send&do=chars:20000000",
];

/// Returns a random behaviour.
pub(crate) fn query(random: &mut Random) -> &'static str {
    match random.below(10) {
        0..=3 => random.pick(&CALM),
        4 | 5 => random.pick(&SLOW),
        6 | 7 => random.pick(&ENDING),
        _ => random.pick(&BROKEN),
    }
}
