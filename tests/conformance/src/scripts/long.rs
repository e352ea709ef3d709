//! Scripts that take the engines minutes: rules 61 and 78.

use super::prelude::*;

pub(super) const SCRIPTS: &[Script] = &[script(
    "a Close that is never answered ends in 1006 without error",
    &[61, 78],
    &[
        Connect("do=await-close,end", &[]),
        Until(Kind::Open),
        Close(Some(3000.0), Some(Just("anybody?"))),
        Read(&[ReadyState]),
        Until(Kind::Close),
        Server(Field::Close),
    ],
    &["open", "readyState CLOSING", "close 1006 \"\" unclean", "server saw Close 3000 \"anybody?\""],
)];
