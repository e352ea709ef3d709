//! Properties of native sockets over HTTP/2, with a server that sends any frames.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use samesocket::{Event, Http2, IoStream, Options, Target, WebSocket};
use tokio::runtime::{Builder, Handle};
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::script::Script;
use crate::stream::Pipe;

/// The time after which a socket that has to end hangs. Arbitrary: an execution takes milliseconds.
const HANG: Duration = Duration::from_secs(15);

/// The largest number of sockets.
const MAX_SOCKETS: u8 = 3;

/// `END_HEADERS` of a HEADERS or CONTINUATION frame.
const END_HEADERS: u8 = 4;

/// Checks sockets that share a connection, with a server that sends valid and invalid frames.
///
/// - No input leads to a panic, or to a socket that does not end after its connection.
/// - Each socket has one close event. It is the last event, and only a socket that has opened receives messages.
/// - A socket receives what was sent on its stream, in order, and nothing of another stream.
/// - The connection is dropped when it has no sockets.
///
/// # Panics
/// Panics if a property does not hold.
pub fn http2(data: &[u8]) {
    let mut script = Script::new(data);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut scene = Scene::new(script.below(MAX_SOCKETS) + 1);
        while !script.is_over() {
            scene.act(&mut script).await;
        }
        scene.finish().await;
    });
}

/// The events of one socket.
#[derive(Default)]
struct Seen {
    opened: bool,
    errors: usize,
    closes: usize,
    texts: Vec<String>,
    /// The number of callbacks that run. The library catches panics of callbacks, each of which leaves one.
    callbacks: usize,
}

struct Client {
    /// `None` after it was dropped.
    socket: Option<WebSocket>,
    seen: Arc<Mutex<Seen>>,
}

struct Scene {
    pipe: Pipe,
    clients: Vec<Client>,
    /// The texts that were sent on each stream in whole frames, by the index of the stream.
    sent: Vec<Vec<String>>,
    /// Whether nothing was sent that is not a whole frame of a text.
    is_plain: bool,
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn options(pipe: &Pipe) -> Options {
    let stream = Mutex::new(Some(pipe.client()));
    let http2 = Http2::prior_knowledge().idle_timeout(Duration::ZERO);
    Options::new().http2(http2).runtime(Handle::current()).connector(move |_: &Target| {
        let stream = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        async { Ok(Box::new(stream.ok_or_else(|| io::Error::other("a second attempt"))?) as Box<dyn IoStream>) }
    })
}

impl Client {
    fn new(options: &Options) -> Self {
        let socket = WebSocket::with_options("ws://h/", (), options).expect("the URL is valid");
        let seen = Arc::<Mutex<Seen>>::default();
        let all = Arc::clone(&seen);
        let subscription = socket.subscribe(move |_, event| {
            let mut seen = lock(&all);
            seen.callbacks += 1;
            assert_eq!(seen.closes, 0, "an event follows the close event");
            match event {
                Event::Open => {
                    assert!(!seen.opened);
                    seen.opened = true;
                }
                Event::Message(message) => {
                    assert!(seen.opened && seen.errors == 0);
                    seen.texts.extend(message.data.as_text().map(str::to_owned));
                }
                Event::Error => seen.errors += 1,
                _ => seen.closes += 1,
            }
            seen.callbacks -= 1;
        });
        subscription.detach();
        Self { socket: Some(socket), seen }
    }
}

impl Scene {
    fn new(sockets: u8) -> Self {
        let pipe = Pipe::default();
        let options = options(&pipe);
        let clients = (0..sockets).map(|_| Client::new(&options)).collect();
        Self { pipe, clients, sent: vec![Vec::new(); usize::from(MAX_SOCKETS)], is_plain: true }
    }

    async fn act(&mut self, script: &mut Script<'_>) {
        // The client's streams have odd numbers. The last one does not exist.
        let index = usize::from(script.below(MAX_SOCKETS + 1));
        let stream = u32::try_from(2 * index + 1).unwrap_or(1);
        match script.below(20) {
            // SETTINGS with ENABLE_CONNECT_PROTOCOL, and the answer to the client's settings and ping.
            0 | 1 => {
                self.frame(4, 0, 0, &[0, 8, 0, 0, 0, 1]);
                self.frame(4, 1, 0, &[]);
                self.frame(6, 1, 0, &[0x3b, 0x7c, 0xdb, 0x7a, 0x0b, 0x87, 0x16, 0xb4]);
            }
            // A response with status 200.
            2..=4 => self.frame(1, END_HEADERS, stream, &[0x88]),
            5..=7 => {
                let text = format!("{index}-{}", self.sent.get(index).map_or(0, Vec::len));
                let length = u8::try_from(text.len()).unwrap_or_default();
                self.frame(0, 0, stream, &[&[0x81, length], text.as_bytes()].concat());
                if let Some(sent) = self.sent.get_mut(index) {
                    sent.push(text);
                }
            }
            8 => {
                let code = script.byte() % 14;
                self.frame(3, 0, stream, &[0, 0, 0, code]);
            }
            9 => {
                let (last, code) = (script.byte(), script.byte() % 14);
                self.frame(7, 0, 0, &[0, 0, 0, last, 0, 0, 0, code]);
            }
            10 => {
                let target = if script.flag() { 0 } else { stream };
                let size = [0, 1, 0xffff, 0x7fff_ffff][usize::from(script.below(4))];
                self.frame(8, 0, target, &u32::to_be_bytes(size));
            }
            11 => self.settings(script),
            12 => {
                // Any frame at all.
                let (kind, flags, length) = (script.byte() % 12, script.byte(), script.below(16));
                let payload: Vec<u8> = (0..length).map(|_| script.byte()).collect();
                self.is_plain = false;
                self.frame(kind, flags, if script.flag() { 0 } else { stream }, &payload);
            }
            13 => {
                let bytes: Vec<u8> = (0..script.below(32)).map(|_| script.byte()).collect();
                self.is_plain = false;
                self.pipe.send(&bytes);
            }
            14 => self.pipe.permit_reads(script.size()),
            15 => self.pipe.permit_writes(script.size(), script.below(4) == 1),
            16 => {
                self.pipe.permit_reads(usize::MAX);
                self.pipe.permit_writes(usize::MAX, false);
                for _ in 0..script.below(16) {
                    yield_now().await;
                }
            }
            17 => self.client(index, script),
            18 => match script.below(16) {
                0 => self.pipe.end(),
                1 => self.pipe.fail_writes(),
                _ => yield_now().await,
            },
            // A Close frame, with or without the end of the stream.
            _ => {
                self.is_plain = false;
                let flags = script.below(2);
                self.frame(0, flags, stream, &[0x88, 2, 3, 0xe8]);
            }
        }
        self.check();
    }

    fn settings(&self, script: &mut Script<'_>) {
        let (id, value) = (script.byte() % 10, script.byte());
        let size = [0, 1, 2, 100, 0xffff, 0x4000, 0x7fff_ffff, u32::MAX][usize::from(value % 8)];
        self.frame(4, 0, 0, &[&[0, id][..], &size.to_be_bytes()].concat());
    }

    /// Lets a socket send, close, or go.
    fn client(&mut self, index: usize, script: &mut Script<'_>) {
        let Some(client) = self.clients.get_mut(index) else { return };
        match (&client.socket, script.below(4)) {
            (Some(socket), 0) => drop(socket.close(None, None)),
            (Some(_), 1) => client.socket = None,
            (Some(socket), _) => drop(socket.send(&vec![7; script.size()])),
            (None, _) => {}
        }
    }

    fn frame(&self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.pipe.send(&[&head, payload].concat());
    }

    fn check(&self) {
        let _ = self.pipe.take_written();
        let mut all = self.sent.clone();
        for client in &self.clients {
            let seen = lock(&client.seen);
            assert_eq!(seen.callbacks, 0, "a callback has panicked");
            assert!(seen.errors <= 1 && seen.closes <= 1);
            if !self.is_plain || seen.texts.is_empty() {
                continue;
            }
            // Which socket has which stream is not known. The text says it.
            let stream = all.iter().position(|sent| sent.starts_with(&seen.texts));
            let stream = stream.expect("a socket has received what was sent on one stream, in order");
            all[stream].clear();
        }
    }

    /// Ends the connection, and lets all sockets end.
    async fn finish(mut self) {
        self.pipe.permit_reads(usize::MAX);
        self.pipe.permit_writes(usize::MAX, false);
        self.pipe.end();
        let end = Instant::now() + HANG;
        let has_ended = |client: &Client| client.socket.is_none() || lock(&client.seen).closes == 1;
        while !self.clients.iter().all(has_ended) {
            assert!(Instant::now() < end, "a socket hangs");
            yield_now().await;
            self.check();
        }
        for client in &mut self.clients {
            client.socket = None;
        }
        while !self.pipe.is_dropped() {
            assert!(Instant::now() < end, "the connection is not dropped");
            yield_now().await;
        }
        self.check();
    }
}
