//! WebSockets over HTTP/1.1.

use std::io::{self, Read, Write};
use std::thread;

use anyhow::Result;
use samesocket_protocol::handshake::accept_key;

use super::work::Work;

/// Serves a connection.
pub(super) fn serve(mut stream: impl Read + Write) -> Result<()> {
    let (path, mut rest) = handshake(&mut stream)?;
    let mut work = Work::new(&path);
    if matches!(work, Work::Ignore) {
        loop {
            thread::park();
        }
    }
    while let bytes @ [_, ..] = work.unasked() {
        stream.write_all(bytes)?;
        let count = bytes.len();
        work.sent(count);
    }
    let size = work.buffer_size();
    let (mut buffer, mut out) = (vec![0; size], Vec::with_capacity(size * 2));
    let mut flow = work.read(&mut rest, |bytes| out.extend_from_slice(bytes));
    loop {
        stream.write_all(&out)?;
        stream.flush()?;
        out.clear();
        if flow.is_break() {
            return Ok(());
        }
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        flow = work.read(&mut buffer[..count], |bytes| out.extend_from_slice(bytes));
    }
}

/// Does the opening handshake. Returns the path, and the bytes that came after the request.
///
/// The path decides about compression. It costs the server nothing: the compressed payload that it sends back is what
/// it would have compressed itself, including the history.
fn handshake(stream: &mut (impl Read + Write)) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..count]);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let rest = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let key = fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Key"));
    let accept = accept_key(key.map_or("", |(_, value)| value.trim()));
    let extension = if path == "/deflate" { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    // A single write, so that the answer is one segment.
    stream.write_all(
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             {extension}Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .as_bytes(),
    )?;
    Ok((path, rest))
}
