//! The bench's server: one thread for each connection, the same work for every client. It never holds a whole message.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use anyhow::Result;
use samesocket_protocol::handshake::accept_key;
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::jobs::payload;

/// The size of reads and writes.
const BUFFER: usize = 256 << 10;

/// The size of reads and writes in jobs with many connections.
const SMALL_BUFFER: usize = 4 << 10;

/// The stack size of a connection's thread.
const STACK: usize = 256 << 10;

/// The first byte of a Close frame.
const CLOSE: u8 = 0x88;

/// The server's ports and its certificate, in hexadecimal digits.
#[derive(Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) plain: u16,
    pub(crate) tls: u16,
    certificate: String,
}

impl Address {
    pub(crate) fn url(&self, tls: bool, path: &str) -> String {
        if tls { format!("wss://localhost:{}{path}", self.tls) } else { format!("ws://127.0.0.1:{}{path}", self.plain) }
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        let digits = self.certificate.as_bytes().as_chunks().0.iter();
        let byte = |[high, low]: &[u8; 2]| {
            let digit = |letter: u8| char::from(letter).to_digit(16).unwrap_or_default();
            u8::try_from(digit(*high) << 4 | digit(*low)).unwrap_or_default()
        };
        CertificateDer::from(digits.map(byte).collect::<Vec<u8>>())
    }
}

/// Listens, prints the addresses to standard output, and serves until the process ends.
pub(crate) fn serve() -> Result<()> {
    let (plain, tls) = (listen()?, listen()?);
    let (config, certificate) = tls_config()?;
    let address = Address {
        plain: plain.local_addr()?.port(),
        tls: tls.local_addr()?.port(),
        certificate: certificate.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat(),
    };
    println!("{}", serde_json::to_string(&address)?);
    thread::spawn(move || {
        accept(&tls, move |stream| {
            serve_connection(StreamOwned::new(ServerConnection::new(Arc::clone(&config))?, stream))
        })
    });
    accept(&plain, serve_connection)
}

fn listen() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// Creates a self-signed certificate for the loopback, and a TLS configuration.
fn tls_config() -> Result<(Arc<ServerConfig>, CertificateDer<'static>)> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = certified.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())?;
    Ok((Arc::new(config), certificate))
}

fn accept(listener: &TcpListener, serve: impl Fn(TcpStream) -> Result<()> + Clone + Send + 'static) -> Result<()> {
    for stream in listener.incoming() {
        let (stream, serve) = (stream?, serve.clone());
        stream.set_nodelay(true)?;
        // An error on one connection does not affect the others.
        thread::Builder::new().stack_size(STACK).spawn(move || serve(stream))?;
    }
    Ok(())
}

fn serve_connection(mut stream: impl Read + Write) -> Result<()> {
    let (path, rest) = handshake(&mut stream)?;
    let mut parts = path.trim_start_matches('/').split('/');
    let number = |part: Option<&str>| part.and_then(|part| part.parse().ok()).unwrap_or_default();
    match parts.next() {
        Some("flood") => {
            let text = parts.next() == Some("text");
            flood(&mut stream, text, number(parts.next()), number(parts.next()))
        }
        Some("discard") => {
            let warmup = number(parts.next());
            discard(&mut stream, rest, &[warmup, warmup + number(parts.next())])
        }
        // Small buffers, so that the server's memory is not the limit with many connections.
        Some("small") => echo(&mut stream, rest, SMALL_BUFFER),
        Some("ignore") => loop {
            thread::park();
        },
        _ => echo(&mut stream, rest, BUFFER),
    }?;
    Ok(())
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

/// Appends the header of an unmasked frame.
fn header(first: u8, length: u64, out: &mut Vec<u8>) {
    out.push(first);
    if let Ok(length @ ..=125) = u8::try_from(length) {
        out.push(length);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(126);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(127);
        out.extend_from_slice(&length.to_be_bytes());
    }
}

fn flood(stream: &mut (impl Read + Write), text: bool, size: usize, count: usize) -> io::Result<()> {
    let mut frame = Vec::new();
    header(if text { 0x81 } else { 0x82 }, size as u64, &mut frame);
    frame.extend_from_slice(&payload(text, size));
    let times = (BUFFER / frame.len()).max(1);
    let chunk = frame.repeat(times);
    let mut left = count;
    while left > 0 {
        let now = left.min(times);
        stream.write_all(&chunk[..now * frame.len()])?;
        left -= now;
    }
    // The client closes the connection.
    discard(stream, Vec::new(), &[])
}

/// Discards messages. Answers a message if the number of messages so far is in `answered`.
fn discard(stream: &mut (impl Read + Write), rest: Vec<u8>, answered: &[usize]) -> io::Result<()> {
    let (mut frames, mut seen) = (Frames::default(), 0);
    for_each_read(stream, rest, BUFFER, |bytes, out| {
        let mut flow = ControlFlow::Continue(());
        frames.read(bytes, |part| match part {
            Part::End { first } if is_close(first) => {
                header(CLOSE, 0, out);
                flow = ControlFlow::Break(());
            }
            Part::End { first } if is_last(first) => {
                seen += 1;
                if answered.contains(&seen) {
                    header(0x82, 0, out);
                }
            }
            _ => {}
        });
        flow
    })
}

fn echo(stream: &mut (impl Read + Write), rest: Vec<u8>, size: usize) -> io::Result<()> {
    let mut frames = Frames::default();
    for_each_read(stream, rest, size, |bytes, out| {
        let mut flow = ControlFlow::Continue(());
        frames.read(bytes, |part| match part {
            Part::Begin { first, length } => header(first, length, out),
            Part::Payload(payload) => out.extend_from_slice(payload),
            Part::End { first } if is_close(first) => flow = ControlFlow::Break(()),
            Part::End { .. } => {}
        });
        flow
    })
}

/// Returns whether the frame is a Close frame.
const fn is_close(first: u8) -> bool {
    first == CLOSE
}

/// Returns whether the frame is the last one of a message.
const fn is_last(first: u8) -> bool {
    first & 0x88 == 0x80
}

/// Passes each read to `on_read` and writes its output, until it breaks or the connection ends.
fn for_each_read(
    stream: &mut (impl Read + Write),
    mut rest: Vec<u8>,
    size: usize,
    mut on_read: impl FnMut(&mut [u8], &mut Vec<u8>) -> ControlFlow<()>,
) -> io::Result<()> {
    let (mut buffer, mut out) = (vec![0; size], Vec::with_capacity(size * 2));
    let mut flow = on_read(&mut rest, &mut out);
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
        flow = on_read(&mut buffer[..count], &mut out);
    }
}

/// A parsed part of a frame.
enum Part<'a> {
    Begin { first: u8, length: u64 },
    Payload(&'a [u8]),
    End { first: u8 },
}

/// A parser of masked frames, which unmasks payloads in place.
#[derive(Default)]
struct Frames {
    header: Vec<u8>,
    /// The first byte, the mask and the missing bytes of the current frame.
    frame: Option<(u8, [u8; 4], u64)>,
}

impl Frames {
    fn read(&mut self, mut bytes: &mut [u8], mut take: impl FnMut(Part<'_>)) {
        loop {
            if self.frame.is_none() {
                let Some(rest) = self.begin(bytes, &mut take) else { return };
                bytes = rest;
            }
            let Some((first, mask, missing)) = &mut self.frame else { return };
            let now = usize::try_from(*missing).map_or(bytes.len(), |missing| missing.min(bytes.len()));
            let (payload, rest) = bytes.split_at_mut(now);
            unmask(payload, mask);
            take(Part::Payload(payload));
            *missing -= now as u64;
            bytes = rest;
            if *missing > 0 {
                return;
            }
            take(Part::End { first: *first });
            self.frame = None;
        }
    }

    /// Reads a header. Returns `None` if it is incomplete.
    fn begin<'a>(&mut self, bytes: &'a mut [u8], take: &mut impl FnMut(Part<'_>)) -> Option<&'a mut [u8]> {
        let before = self.header.len();
        self.header.extend_from_slice(&bytes[..bytes.len().min(14)]);
        let [first, second, after @ ..] = &self.header[..] else { return None };
        let (length, size) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(*after.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*after.first_chunk()?), 10),
            length => (u64::from(length), 2),
        };
        let mask = *self.header.get(size..)?.first_chunk()?;
        take(Part::Begin { first: *first, length });
        self.frame = Some((*first, mask, length));
        self.header.clear();
        Some(&mut bytes[size + 4 - before..])
    }
}

fn unmask(bytes: &mut [u8], mask: &mut [u8; 4]) {
    let [a, b, c, d] = *mask;
    let wide = u128::from_ne_bytes([a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d]);
    let (chunks, rest) = bytes.as_chunks_mut();
    for chunk in chunks {
        *chunk = (u128::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    mask.rotate_left(rest.len() % 4);
}
