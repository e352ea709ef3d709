//! Where a script is performed.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::FutureExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::future::join_all;

use crate::notation::{describe_bytes, describe_record, describe_text, describe_thrown};
use crate::place::{self, Bystander, Later, Turn};
use crate::script::{Attribute, Characters, Field, Kind, Payload, Progress, Protocols, Script, Step};
use crate::server::Server;
use crate::subject::{Happening, Member, Received, Subject, Thrown};
use crate::waits::Waits;

/// What came of performing a script.
pub struct Performance {
    /// What was seen.
    pub seen: Vec<String>,
    /// Why it went no further: what the subject lacks.
    pub lacking: Option<&'static str>,
}

/// Performs a script, and gives what was seen; it ends early when an event is awaited for more than `patience`
/// milliseconds, or when the subject lacks a member.
///
/// All that it does between two waits is done in one turn, into which no event can come.
pub async fn perform<S: Subject>(script: &'static Script, server: &Server, id: &str, patience: u32) -> Performance {
    let (happened, events) = unbounded();
    let (stage_server, id) = (server.clone(), id.to_owned());
    place::play(server, move |turn| {
        let stage = Arc::new(Stage::<S> {
            server: stage_server,
            id,
            turn,
            socket: Mutex::default(),
            has_connected: AtomicBool::new(false),
            seen: Mutex::default(),
            reactions: Mutex::default(),
            blobs: Mutex::default(),
            lacking: Mutex::default(),
            happened,
        });
        let waits = Waits { events, early: VecDeque::new(), patience };
        Box::pin(take_steps(stage, script.steps, waits))
    })
    .await
}

async fn take_steps<S: Subject>(stage: Arc<Stage<S>>, steps: &'static [Step], mut waits: Waits) -> Performance {
    let mut rest = steps.iter().peekable();
    while let Some(step) = rest.next() {
        let binary_type = rest.peek().and_then(|next| match (step, next) {
            (Step::Connect(..) | Step::ConnectTo(..), Step::SetBinaryType(value)) => known_binary_type(value),
            _ => None,
        });
        if let Some(binary_type) = binary_type {
            stage.take_step_with(step, Some(binary_type));
            rest.next();
        } else if !stage.take_step(step)
            && let Err(missing) = stage.wait_for(step, &mut waits).await
            && stage.lacking().is_none()
        {
            stage.note(format!("nothing: {missing}"));
            break;
        }
        if stage.lacking().is_some() {
            break;
        }
    }
    if stage.lacking().is_some() {
        stage.drop_socket();
    } else {
        // Whatever should not happen after the last step has its chance.
        stage.settle().await;
    }
    let blobs = mem::take(&mut *lock(&stage.blobs));
    for (line, bytes) in join_all(blobs.into_iter().map(|(line, read)| read.map(move |bytes| (line, bytes)))).await {
        let text = describe_bytes("blob", &bytes);
        lock(&stage.seen)[line] = Line { text: format!("message {text}"), times: 1 };
    }
    stage.drop_socket();
    let seen = mem::take(&mut *lock(&stage.seen));
    Performance { seen: seen.into_iter().map(Line::into_text).collect(), lacking: stage.lacking() }
}

/// Gives a value that `binaryType` takes.
fn known_binary_type(value: &'static str) -> Option<&'static str> {
    ["blob", "arraybuffer"].contains(&value).then_some(value)
}

/// A line, and how often it was seen in a row.
struct Line {
    text: String,
    times: usize,
}

impl Line {
    fn into_text(self) -> String {
        if self.times > 1 { format!("{} ×{}", self.text, self.times) } else { self.text }
    }
}

/// What a script's steps and the events share. No lock is held while the socket is called: it may be in the middle of
/// giving an event, which takes them.
struct Stage<S> {
    server: Server,
    id: String,
    turn: Turn,
    socket: Mutex<Option<Arc<S>>>,
    /// Whether there ever was a socket.
    has_connected: AtomicBool,
    seen: Mutex<Vec<Line>>,
    reactions: Mutex<Vec<(Kind, &'static [Step])>>,
    /// Blobs that are still to be read, with the lines that await them.
    blobs: Mutex<Vec<(usize, Later<Vec<u8>>)>>,
    /// What the subject lacks for the script.
    lacking: Mutex<Option<&'static str>>,
    happened: UnboundedSender<Kind>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Subject> Stage<S> {
    /// Takes a step that need not wait; whether it was one.
    fn take_step(self: &Arc<Self>, step: &Step) -> bool {
        self.take_step_with(step, None)
    }

    /// Takes a step; if it constructs, with a value of `binaryType` to set before anything else.
    fn take_step_with(self: &Arc<Self>, step: &Step, binary_type: Option<&str>) -> bool {
        match step {
            Step::Connect(query, protocols) => {
                let protocols = if protocols.is_empty() { Protocols::Absent } else { Protocols::List(protocols) };
                self.connect(&self.server.socket_url(&self.id, query), &protocols, binary_type);
            }
            Step::ConnectTo(url, protocols) => self.connect(&self.fill_in(url), protocols, binary_type),
            Step::Read(attributes) => attributes.iter().for_each(|&attribute| self.read(attribute)),
            Step::Send(payload) => self.note_thrown(Member::Send, |socket| socket.send(*payload)),
            Step::Close(code, reason) => {
                let reason = reason.map(Characters::to_text);
                self.note_thrown(Member::Close, |socket| socket.close(*code, reason.as_deref()));
            }
            Step::SetBinaryType(value) => {
                if let Some(socket) = self.socket()
                    && self.has(&socket, Member::SetBinaryType)
                {
                    socket.set_binary_type(value);
                }
            }
            Step::Within(kind, steps) => lock(&self.reactions).push((*kind, steps)),
            Step::Drop => self.drop_socket(),
            _ => return false,
        }
        true
    }

    /// Takes a step that waits; the error says what did not come.
    async fn wait_for(&self, step: &Step, waits: &mut Waits) -> Result<(), String> {
        match step {
            // Without a socket there is nothing to wait for.
            Step::Until(kind) if self.has_connected.load(Ordering::Relaxed) && waits.until(*kind).await => {}
            Step::Until(kind) => return Err(format!("no {kind:?} event came")),
            Step::Release(gate) => self.server.release(&self.id, gate).await,
            Step::ServerHas(progress) => {
                let until = match progress {
                    Progress::Request => "request",
                    Progress::CloseFrame => "close-frame",
                };
                self.server.record(&self.id, until).await?;
            }
            Step::Server(field) => {
                let until = if matches!(field, Field::Offered | Field::Extension(_) | Field::Header(_)) {
                    "handshake"
                } else {
                    "end"
                };
                let record = self.server.record(&self.id, until).await?;
                self.note(describe_record(&record, *field));
            }
            Step::Settle => self.settle().await,
            _ => unreachable!("{step:?} does not wait"),
        }
        Ok(())
    }

    fn connect(self: &Arc<Self>, url: &str, protocols: &Protocols, binary_type: Option<&str>) {
        let stage: Weak<Self> = Arc::downgrade(self);
        let listener = move |happening| {
            if let Some(stage) = stage.upgrade() {
                stage.hear(happening);
            }
        };
        let constructed = match binary_type {
            None => S::construct(url, protocols, listener),
            Some(binary_type) => S::construct_with(url, protocols, binary_type, listener),
        };
        match constructed {
            Ok(socket) => {
                self.has_connected.store(true, Ordering::Relaxed);
                let former = lock(&self.socket).replace(Arc::new(socket));
                drop(former);
            }
            Err(thrown) => self.note(describe_thrown(&thrown)),
        }
    }

    fn socket(&self) -> Option<Arc<S>> {
        lock(&self.socket).clone()
    }

    fn drop_socket(&self) {
        let former = lock(&self.socket).take();
        drop(former);
    }

    fn hear(self: &Arc<Self>, happening: Happening) {
        if self.lacking().is_some() {
            return;
        }
        let kind = happening.kind();
        self.note_event(happening);
        let reaction = {
            let mut reactions = lock(&self.reactions);
            reactions.iter().position(|(other, _)| *other == kind).map(|index| reactions.remove(index).1)
        };
        for step in reaction.unwrap_or_default() {
            assert!(self.take_step(step), "{step:?} waits, and cannot be done within an event");
            if self.lacking().is_some() {
                break;
            }
        }
        let _ = self.happened.unbounded_send(kind);
        self.turn.checkpoint();
    }

    fn note_event(&self, happening: Happening) {
        let (mut text, natural) = match happening {
            Happening::Open => ("open".to_owned(), "OPEN"),
            Happening::Error => ("error".to_owned(), "CLOSED"),
            Happening::Close { code, reason, was_clean } => {
                let clean = if was_clean { "clean" } else { "unclean" };
                (format!("close {code} {reason:?} {clean}"), "CLOSED")
            }
            Happening::Message { data, origin } => {
                let mut text = match data {
                    Received::Text(text) => format!("message text {}", describe_text(&text)),
                    Received::Binary(bytes) => format!("message {}", describe_bytes("arraybuffer", &bytes)),
                    Received::Blob(read) => {
                        let mut seen = lock(&self.seen);
                        lock(&self.blobs).push((seen.len(), read));
                        seen.push(Line { text: "message blob, never read".to_owned(), times: 1 });
                        return;
                    }
                };
                let origin = self.normalise(&origin);
                if origin != "ws://server" {
                    text.push_str(" from ");
                    text.push_str(&origin);
                }
                (text, "OPEN")
            }
        };
        if let Some(socket) = self.socket()
            && socket.lacks(Member::Attribute(Attribute::ReadyState)).is_none()
        {
            let state = socket.read(Attribute::ReadyState);
            if state != natural {
                text.push_str(" in ");
                text.push_str(&state);
            }
        }
        self.note(text);
    }

    fn read(&self, attribute: Attribute) {
        let Some(socket) = self.socket() else { return self.note("no socket".to_owned()) };
        if !self.has(&socket, Member::Attribute(attribute)) {
            return;
        }
        let value = self.normalise(&socket.read(attribute));
        let name = match attribute {
            Attribute::Url => "url",
            Attribute::ReadyState => "readyState",
            Attribute::BufferedAmount => "bufferedAmount",
            Attribute::Extensions => "extensions",
            Attribute::Protocol => "protocol",
            Attribute::BinaryType => "binaryType",
        };
        self.note(if value.is_empty() { format!("{name} \"\"") } else { format!("{name} {value}") });
    }

    fn note_thrown(&self, member: Member, act: impl FnOnce(&S) -> Result<(), Thrown>) {
        let Some(socket) = self.socket() else { return self.note("no socket".to_owned()) };
        if self.has(&socket, member)
            && let Err(thrown) = act(&socket)
        {
            self.note(describe_thrown(&thrown));
        }
    }

    /// Whether the subject has a member; if it lacks one, the script goes no further.
    fn has(&self, socket: &S, member: Member) -> bool {
        let Some(reason) = socket.lacks(member) else { return true };
        lock(&self.lacking).get_or_insert(reason);
        self.happened.close_channel();
        false
    }

    fn lacking(&self) -> Option<&'static str> {
        *lock(&self.lacking)
    }

    fn note(&self, text: String) {
        let mut seen = lock(&self.seen);
        match seen.last_mut() {
            Some(last) if last.text == text && text.starts_with("message") => last.times += 1,
            _ => seen.push(Line { text, times: 1 }),
        }
    }

    /// A round trip of another connection.
    async fn settle(&self) {
        let (happened, events) = unbounded();
        let url = self.server.socket_url(&format!("{}-settle", self.id), "");
        let turn = self.turn.clone();
        let socket = Bystander::construct(&url, &Protocols::Absent, move |happening| {
            let _ = happened.unbounded_send(happening.kind());
            turn.checkpoint();
        })
        .expect("a valid URL");
        let mut waits = Waits { events, early: VecDeque::new(), patience: 10_000 };
        assert!(
            waits.until(Kind::Open).await,
            "no connection is let through after {}: within {} ms came {:?}",
            self.id,
            waits.patience,
            waits.early
        );
        socket.send(Payload::Text(Characters::Just("?"))).expect("the socket is open");
        assert!(waits.until(Kind::Message).await, "the server echoes");
    }

    fn fill_in(&self, url: &str) -> String {
        let server6 = self.server.plain6.as_deref().unwrap_or("[::1]:9");
        url.replace("{server}", self.server.host())
            .replace("{server6}", server6)
            .replace("{port}", port_of(self.server.host()))
            .replace("{id}", &self.id)
    }

    /// Replaces what differs from run to run by names, and the scheme of a secure page's own by that of another's.
    fn normalise(&self, text: &str) -> String {
        let page = place::origin();
        let page = page.split_once("://").map_or("no page", |(_, host)| host);
        let host = self.server.host();
        let mut text = text.replace(host, "server").replace(page, "page");
        if host != self.server.plain {
            text = text.replace("wss://server", "ws://server").replace("wss://page", "ws://page");
        }
        if let Some(server6) = &self.server.plain6 {
            text = text.replace(&**server6, "server6");
        }
        text.replace(port_of(host), "port")
    }
}

fn port_of(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(_, port)| port)
}
