//! The steps that only HTTP/2 has.

use super::{
    Stream,
    frames::{self, parse_error_code},
    relay::PING_OF_SCRIPT,
    stream::Field,
    wire::{CONNECTION, Command},
};
use crate::query;

/// The number of bytes at which a flood of frames is written. Arbitrary.
const FLOOD_WRITE_LEN: usize = 64 * 1024;

/// The windows that a padded DATA frame of the flood takes, in bytes.
const PADDING_LEN: usize = 256;

/// The last stream of a GOAWAY frame that names none (RFC 9113, section 6.8).
const LAST_POSSIBLE_STREAM: u32 = 0x7fff_ffff;

/// A step of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misbehaviour {
    /// Writes a frame.
    Frame { kind: u8, flags: u8, target: Target, payload: Vec<u8> },
    /// Writes a GOAWAY frame.
    GoAway { last: LastStream, code: u32 },
    /// Writes a SETTINGS frame.
    Settings(Vec<(u16, u32)>),
    /// Writes many SETTINGS frames.
    SettingsFlood(u32),
    /// Writes many PING frames.
    Pings(u32),
    /// Answers no more pings.
    IgnorePings,
    /// Writes many DATA frames without data.
    Empty(u32),
    /// Writes many DATA frames with 255 bytes of padding and nothing else.
    Padded(u32),
    /// Writes a HEADERS frame, and many CONTINUATION frames with a field of this size, without an end.
    Continuations { count: u32, size: u32 },
    /// Holds back the `WINDOW_UPDATE` frames.
    HoldWindow(Target),
    /// Writes the `WINDOW_UPDATE` frames that were held back.
    ReleaseWindow(Target),
    /// Writes a `WINDOW_UPDATE` frame.
    Window(Target, u32),
    /// Sends trailers.
    Trailers(Field),
    /// Closes the TCP connection.
    DropTcp,
    /// Resets the TCP connection.
    ResetTcp,
}

/// A stream of the connection, or the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Own,
    Number(u32),
}

/// The last stream that a GOAWAY frame says was processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastStream {
    BeforeOwn,
    Own,
    All,
    Number(u32),
}

impl Misbehaviour {
    /// Parses a step. Returns `None` for an unknown name, and the error's text for an invalid value.
    pub(crate) fn parse(name: &str, value: Option<&str>) -> Option<Result<Self, &'static str>> {
        let count = || number(value).ok_or("needs a number");
        let target = || value.and_then(Target::parse).ok_or("needs `stream`, `connection` or a number");
        Some(match name {
            "frame" => Self::parse_frame(value.unwrap_or_default())
                .ok_or("needs a type, flags, `stream`, `connection` or a number, and hexadecimal digits"),
            "goaway" => Self::parse_goaway(value.unwrap_or_default())
                .ok_or("needs `before`, `this`, `all` or a stream, and an error code"),
            "settings" => Self::parse_settings(value.unwrap_or_default()).ok_or("needs pairs of numbers: `3:1|8:0`"),
            "settings-flood" => count().map(Self::SettingsFlood),
            "pings" => count().map(Self::Pings),
            "ignore-pings" => Ok(Self::IgnorePings),
            "empty" => count().map(Self::Empty),
            "padded" => count().map(Self::Padded),
            "continuations" => pair(value.unwrap_or_default())
                .and_then(|(count, size)| {
                    Some(Self::Continuations { count: number(Some(count))?, size: number(Some(size))? })
                })
                .ok_or("needs two numbers"),
            "hold-window" => target().map(Self::HoldWindow),
            "release-window" => target().map(Self::ReleaseWindow),
            "window" => pair(value.unwrap_or_default())
                .and_then(|(target, bytes)| Some(Self::Window(Target::parse(target)?, number(Some(bytes))?)))
                .ok_or("needs `stream`, `connection` or a number, and a number of bytes"),
            "trailers" => {
                let (name, value) = pair(value.unwrap_or("x-trailer:1")).unwrap_or_default();
                Ok(Self::Trailers((query::decode_text(name), query::decode(value))))
            }
            "drop-tcp" => Ok(Self::DropTcp),
            "reset-tcp" => Ok(Self::ResetTcp),
            _ => return None,
        })
    }

    fn parse_frame(value: &str) -> Option<Self> {
        let mut parts = value.splitn(4, ':');
        let kind = parts.next()?.parse().ok()?;
        let flags = parts.next()?.parse().ok()?;
        let target = Target::parse(parts.next()?)?;
        let payload = query::unhex(parts.next().unwrap_or_default().as_bytes())?;
        Some(Self::Frame { kind, flags, target, payload })
    }

    fn parse_goaway(value: &str) -> Option<Self> {
        let (last, code) = pair(value)?;
        let last = match last {
            "before" => LastStream::BeforeOwn,
            "this" => LastStream::Own,
            "all" => LastStream::All,
            number => LastStream::Number(number.parse().ok()?),
        };
        Some(Self::GoAway { last, code: parse_error_code(code)? })
    }

    fn parse_settings(value: &str) -> Option<Self> {
        let values = value.split('|').map(|entry| {
            let (id, value) = pair(entry)?;
            Some((id.parse().ok()?, value.parse().ok()?))
        });
        values.collect::<Option<_>>().map(Self::Settings)
    }
}

impl Target {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "stream" => Some(Self::Own),
            "connection" => Some(Self::Number(CONNECTION)),
            number => number.parse().ok().map(Self::Number),
        }
    }

    fn number(self, stream: &Stream) -> u32 {
        match self {
            Self::Own => stream.id(),
            Self::Number(number) => number,
        }
    }
}

impl LastStream {
    fn number(self, stream: &Stream) -> u32 {
        match self {
            Self::BeforeOwn => stream.id().saturating_sub(2),
            Self::Own => stream.id(),
            Self::All => LAST_POSSIBLE_STREAM,
            Self::Number(number) => number,
        }
    }
}

/// Runs a step after what the script has sent was flushed. Trailers and padding need another flush.
pub(crate) async fn run(stream: &mut Stream, step: Misbehaviour) {
    match step {
        Misbehaviour::Frame { kind, flags, target, payload } => {
            let frame = frames::frame(kind, flags, target.number(stream), &payload);
            stream.wire().write(frame).await;
        }
        Misbehaviour::GoAway { last, code } => {
            stream.wire().write(frames::goaway(last.number(stream), code)).await;
        }
        Misbehaviour::Settings(values) => stream.wire().write(frames::settings(&values)).await,
        Misbehaviour::SettingsFlood(count) => flood(stream, &frames::settings(&[]), count).await,
        Misbehaviour::Pings(count) => flood(stream, &frames::frame(frames::PING, 0, 0, PING_OF_SCRIPT), count).await,
        Misbehaviour::IgnorePings => stream.wire().update(|state| state.ignore_pings = true),
        Misbehaviour::Empty(count) => flood(stream, &frames::frame(frames::DATA, 0, stream.id(), b""), count).await,
        Misbehaviour::Padded(count) => send_padding(stream, count).await,
        Misbehaviour::Continuations { count, size } => {
            let value = vec![b'c'; usize::try_from(size).unwrap_or_default().min(16_000)];
            let block = if size == 0 { Vec::new() } else { frames::block([("x-continued", &value[..])]) };
            let start = frames::block([(":status", &b"200"[..])]);
            stream.wire().write(frames::frame(frames::HEADERS, 0, stream.id(), &start)).await;
            flood(stream, &frames::frame(frames::CONTINUATION, 0, stream.id(), &block), count).await;
        }
        Misbehaviour::HoldWindow(target) => stream.wire().hold_updates(target.number(stream)),
        Misbehaviour::ReleaseWindow(target) => stream.wire().release_updates(target.number(stream)).await,
        Misbehaviour::Window(target, bytes) => stream.wire().widen(target.number(stream), bytes).await,
        Misbehaviour::Trailers(field) => {
            let _ = stream.send_trailers(&[field]);
        }
        Misbehaviour::DropTcp => stream.wire().end_connection(Command::Drop),
        Misbehaviour::ResetTcp => stream.wire().end_connection(Command::Reset),
    }
}

/// Writes a frame many times.
async fn flood(stream: &Stream, frame: &[u8], count: u32) {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let at_once = FLOOD_WRITE_LEN.div_ceil(frame.len());
    let mut left = count;
    while left > 0 {
        let now = left.min(at_once);
        stream.wire().write(frame.repeat(now)).await;
        left -= now;
    }
}

async fn send_padding(stream: &mut Stream, count: u32) {
    use tokio::io::AsyncWriteExt as _;
    stream.pad(true);
    for _ in 0..count {
        if stream.write_all(&[0; PADDING_LEN]).await.is_err() {
            break;
        }
    }
    let _ = stream.flush().await;
    stream.pad(false);
}

fn pair(value: &str) -> Option<(&str, &str)> {
    value.split_once(':')
}

fn number(value: Option<&str>) -> Option<u32> {
    value?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(step: &str) -> Option<Result<Misbehaviour, &'static str>> {
        let (name, value) = step.split_once(':').map_or((step, None), |(name, value)| (name, Some(value)));
        Misbehaviour::parse(name, value)
    }

    #[test]
    fn steps_name_streams_and_error_codes() {
        let goaway = |last, code| Some(Ok(Misbehaviour::GoAway { last, code }));
        assert_eq!(parse("goaway:before:no-error"), goaway(LastStream::BeforeOwn, 0));
        assert_eq!(parse("goaway:3:enhance-your-calm"), goaway(LastStream::Number(3), 11));
        let frame = Misbehaviour::Frame { kind: 3, flags: 0, target: Target::Own, payload: vec![0, 0, 0, 7] };
        assert_eq!(parse("frame:3:0:stream:00000007"), Some(Ok(frame)));
        assert_eq!(parse("settings:3:1|8:0"), Some(Ok(Misbehaviour::Settings(vec![(3, 1), (8, 0)]))));
        assert_eq!(parse("window:connection:5"), Some(Ok(Misbehaviour::Window(Target::Number(0), 5))));
    }

    #[test]
    fn invalid_values_are_explained_and_names_are_not_guessed() {
        for step in
            ["goaway:here:0", "settings:8", "pings:many", "continuations:1", "hold-window", "frame:0:0:stream:0"]
        {
            assert!(matches!(parse(step), Some(Err(_))), "{step}");
        }
        assert_eq!(parse("gaoway:this:0"), None);
    }
}
