//! Node over undici: the npm package, and the copies of it that are Node's global class.
//!
//! Most lines hold for all versions of undici.

use crate::known_deviations::{KnownDeviation, line};

/// A table with these lines and those of all versions. `$class` is the name of the class in the reasons.
macro_rules! table {
    ($name:literal, $class:literal, $($own:expr,)*) => {
        &[
            $($own,)*
            line(
                $name,
                "subprotocols that differ in case are two",
                &[&["error", "close 1006 \"\" unclean", "protocol \"\""]],
                concat!($class, " rejects them before it connects"),
            ),
            line(
                $name,
                "an accept key among spaces is accepted",
                &[&["error", "close 1006 \"\" unclean"]],
                concat!($class, " performs the handshake and compares the header without trimming it"),
            ),
            line(
                $name,
                "upgrade is one of several connection tokens",
                &[&["error", "close 1006 \"\" unclean"]],
                concat!($class, " performs the handshake and accepts the token only alone"),
            ),
            line(
                $name,
                "an unknown parameter of an extension fails the connection",
                &[&["open", "close 1000 \"\" clean"]],
                concat!($class, " performs the handshake and does not check the parameter"),
            ),
            line(
                $name,
                "a byte order mark and a NUL stay in the text",
                &[&["open", "message text \"a\\0b\"", "close 1000 \"bye\" clean"]],
                concat!($class, " decodes the text and removes the byte order mark"),
            ),
            line(
                $name,
                "the server's code and reason come with the close event",
                &[&["open", "close 1001 \"bye\" clean", "server saw Close 1001 \"\""]],
                concat!($class, " answers without the reason"),
            ),
            line(
                $name,
                "the greatest code and a non-ASCII reason are passed on",
                &[&["open", "close 4999 \"ééé\" clean", "server saw Close 4999 \"\""]],
                concat!($class, " answers without the reason"),
            ),
            line(
                $name,
                "a received 0 is passed on",
                &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
                concat!($class, " treats the code as a protocol error"),
            ),
            line(
                $name,
                "a received 999 is passed on",
                &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
                concat!($class, " treats the code as a protocol error"),
            ),
            line(
                $name,
                "a received 1004 is passed on",
                &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
                concat!($class, " treats the code as a protocol error"),
            ),
            line(
                $name,
                "a received 1016 is passed on",
                &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
                concat!($class, " treats the code as a protocol error"),
            ),
            line(
                $name,
                "a received 5000 is passed on",
                &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
                concat!($class, " treats the code as a protocol error"),
            ),
            line(
                $name,
                "a received 65535 is passed on",
                &[&["open", "error", "close 1006 \"\" unclean", "server saw Close 1002 \"Invalid status code\""]],
                concat!($class, " treats the code as a protocol error"),
            ),
            line(
                $name,
                "a length that is not minimal fails the connection",
                &[&["open", "message text \"hello\"", "message text \"after\"", "close 1000 \"\" clean"]],
                concat!($class, " accepts the frame"),
            ),
        ]
    };
}

/// The table of a current undici.
macro_rules! current {
    ($name:literal, $class:literal) => {
        table!(
            $name,
            $class,
            line(
                $name,
                "a server that ends TCP instead of answering gives 1006 without error",
                &[&["open", "error", "close 1006 \"\" unclean"]],
                concat!($class, " fires `error` as for any failure"),
            ),
            line(
                $name,
                "text that is not UTF-8 fails the connection",
                &[&["open", "close 1000 \"\" clean"]],
                concat!($class, " ignores the message"),
            ),
        )
    };
}

/// The table of an undici in an older Node, with these lines.
macro_rules! older {
    ($name:literal $(, $own:expr)* $(,)?) => {
        table!(
            $name,
            "Node's class",
            $($own,)*
            line(
                $name,
                "a protocol error is reported to the server with 1002",
                &[&["open", "error", "close 1006 \"\" unclean", "server saw no code"]],
                concat!("Node's class", " sends no Close frame"),
            ),
            line(
                $name,
                "bad UTF-8 is reported to the server with 1007",
                &[&["open", "error", "close 1006 \"\" unclean", "server saw no code"]],
                concat!("Node's class", " sends no Close frame"),
            ),
            line(
                $name,
                "text that is not UTF-8 fails the connection",
                &[&["open", "message text \"after\"", "error", "close 1000 \"\" unclean"]],
                concat!("Node's class", " fires `error`, and goes on reading"),
            ),
        )
    };
}

/// The npm package `undici`.
pub(super) const NODE: &[KnownDeviation] = current!("node", "undici");

/// The global class of the Node that is used otherwise.
pub(super) const NODE_GLOBAL: &[KnownDeviation] = current!("node-global", "Node's class");

/// The global class of Node 22.
pub(super) const NODE_22: &[KnownDeviation] = older!("node-22");

/// The global class of Node 20, with the option for it.
pub(super) const NODE_20: &[KnownDeviation] = older!(
    "node-20",
    line(
        "node-20",
        "a subprotocol that was not asked for fails the connection",
        &[&["nothing: no Close event came"]],
        "Node 20 throws an exception that ends a program which does not catch it",
    ),
);
