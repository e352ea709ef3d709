//! Runs a script: takes its steps, and records what is observed.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::FutureExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::future::join_all;

use crate::describe::{describe_bytes, describe_record, describe_text, describe_thrown};
use crate::event_queue::EventQueue;
use crate::script::{Attribute, Characters, Field, Kind, Payload, Progress, Protocols, Script, Step};
use crate::server::Server;
use crate::subject::{Member, Received, Subject, SubjectEvent, Thrown};
use crate::target::{self, BoxFuture, ReferenceSocket, ScriptTask};

/// The outcome of one run of a script.
pub struct ScriptOutcome {
    /// The recorded lines, in the notation of [`describe`](crate::describe).
    pub seen: Vec<String>,
    /// The reason why the script ended early, if the subject lacks a member.
    pub lacking: Option<&'static str>,
}

/// How long a run waits for events.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The timeout for an event in milliseconds.
    pub timeout: u32,
    /// Whether to wait at the end until each socket has closed. Of a class that does not throw where it has to, the events
    /// then do not depend on the speed of the machine.
    pub awaits_closes: bool,
}

/// Runs a script and returns what was observed.
///
/// The script ends early if an expected event takes more than the timeout, or if the subject lacks a member. No event arrives
/// between two steps that do not wait.
pub async fn run_script<S: Subject>(
    script: &'static Script,
    server: &Server,
    id: &str,
    limits: Limits,
) -> ScriptOutcome {
    let (event_sender, events) = unbounded();
    let (runner_server, id) = (server.clone(), id.to_owned());
    target::run_uninterrupted(move |task| {
        let runner = Arc::new(Runner::<S> {
            server: runner_server,
            id,
            task,
            socket: Mutex::default(),
            sockets: AtomicUsize::new(0),
            seen: Mutex::default(),
            nested_steps: Mutex::default(),
            blobs: Mutex::default(),
            lacking: Mutex::default(),
            event_sender,
        });
        let event_queue = EventQueue { events, skipped: VecDeque::new(), timeout: limits.timeout };
        Box::pin(run_steps(runner, script.steps, event_queue, limits.awaits_closes))
    })
    .await
}

async fn run_steps<S: Subject>(
    runner: Arc<Runner<S>>,
    steps: &'static [Step],
    mut event_queue: EventQueue,
    awaits_closes: bool,
) -> ScriptOutcome {
    let mut rest = steps.iter().peekable();
    while let Some(step) = rest.next() {
        let binary_type = rest.peek().and_then(|next| match (step, next) {
            (Step::Connect(..) | Step::ConnectTo(..), Step::SetBinaryType(value)) => known_binary_type(value),
            _ => None,
        });
        if let Some(binary_type) = binary_type {
            runner.run_step_with(step, Some(binary_type));
            rest.next();
        } else if !runner.run_step(step) {
            let waited = runner.wait_for(step, &mut event_queue).await;
            if let Some(missing) = waited.err().filter(|_| runner.lacking().is_none()) {
                runner.record_line(format!("nothing: {missing}"));
                break;
            }
        }
        if runner.lacking().is_some() {
            break;
        }
    }
    if runner.lacking().is_some() {
        runner.drop_socket();
    } else {
        // Wait for events that the script does not expect.
        for _ in 0..if awaits_closes { runner.sockets.load(Ordering::Relaxed) } else { 0 } {
            event_queue.wait_for(Kind::Close).await;
        }
        runner.settle().await;
    }
    let blobs = mem::take(&mut *lock(&runner.blobs));
    for (line, bytes) in join_all(blobs.into_iter().map(|(line, read)| read.map(move |bytes| (line, bytes)))).await {
        let text = describe_bytes("blob", &bytes);
        lock(&runner.seen)[line] = Line { text: format!("message {text}"), times: 1 };
    }
    runner.drop_socket();
    let seen = mem::take(&mut *lock(&runner.seen));
    ScriptOutcome { seen: seen.into_iter().map(Line::into_text).collect(), lacking: runner.lacking() }
}

/// Returns the value if it is a valid `binaryType`.
fn known_binary_type(value: &'static str) -> Option<&'static str> {
    ["blob", "arraybuffer"].contains(&value).then_some(value)
}

/// A recorded line, and the number of times that it was recorded in a row.
struct Line {
    text: String,
    times: usize,
}

impl Line {
    fn into_text(self) -> String {
        if self.times > 1 { format!("{} ×{}", self.text, self.times) } else { self.text }
    }
}

/// The state that the steps of a script share with the event listener.
///
/// No lock is held while the socket is called, because the socket may deliver an event within the call.
struct Runner<S> {
    server: Server,
    id: String,
    task: ScriptTask,
    socket: Mutex<Option<Arc<S>>>,
    /// The number of sockets that were constructed.
    sockets: AtomicUsize,
    seen: Mutex<Vec<Line>>,
    nested_steps: Mutex<Vec<(Kind, &'static [Step])>>,
    /// The blobs that are still to be read, with the indices of their lines.
    blobs: Mutex<Vec<(usize, BoxFuture<Vec<u8>>)>>,
    /// The reason why the subject cannot run the rest of the script.
    lacking: Mutex<Option<&'static str>>,
    event_sender: UnboundedSender<Kind>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Subject> Runner<S> {
    /// Takes a step that does not wait; returns whether it is such a step.
    fn run_step(self: &Arc<Self>, step: &Step) -> bool {
        self.run_step_with(step, None)
    }

    /// Takes a step; a constructing step sets `binary_type` before any event.
    fn run_step_with(self: &Arc<Self>, step: &Step, binary_type: Option<&str>) -> bool {
        match step {
            Step::Connect(query, protocols) => {
                let protocols = if protocols.is_empty() { Protocols::Absent } else { Protocols::List(protocols) };
                self.connect(&self.server.socket_url(&self.id, query), &protocols, binary_type);
            }
            Step::ConnectTo(url, protocols) => self.connect(&self.fill_in(url), protocols, binary_type),
            Step::Read(attributes) => attributes.iter().for_each(|&attribute| self.read(attribute)),
            Step::Send(payload) => self.record_exception(Member::Send, |socket| socket.send(*payload)),
            Step::Close(code, reason) => {
                let reason = reason.map(Characters::to_text);
                self.record_exception(Member::Close, |socket| socket.close(*code, reason.as_deref()));
            }
            Step::SetBinaryType(value) => {
                if let Some(socket) = self.socket().filter(|socket| self.has(socket, Member::SetBinaryType)) {
                    socket.set_binary_type(value);
                }
            }
            Step::Within(kind, steps) => lock(&self.nested_steps).push((*kind, steps)),
            Step::Drop => self.drop_socket(),
            _ => return false,
        }
        true
    }

    /// Takes a step that waits.
    ///
    /// # Errors
    ///
    /// Returns the description of what did not happen in time.
    async fn wait_for(&self, step: &Step, event_queue: &mut EventQueue) -> Result<(), String> {
        match step {
            // Without a socket no event can come.
            Step::Until(kind) if self.sockets.load(Ordering::Relaxed) > 0 && event_queue.wait_for(*kind).await => {}
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
                self.record_line(describe_record(&record, *field));
            }
            Step::Settle => self.settle().await,
            _ => unreachable!("{step:?} does not wait"),
        }
        Ok(())
    }

    fn connect(self: &Arc<Self>, url: &str, protocols: &Protocols, binary_type: Option<&str>) {
        let runner: Weak<Self> = Arc::downgrade(self);
        let listener = move |subject_event| {
            if let Some(runner) = runner.upgrade() {
                runner.on_event(subject_event);
            }
        };
        let constructed = match binary_type {
            None => S::construct(url, protocols, listener),
            Some(binary_type) => S::construct_with(url, protocols, binary_type, listener),
        };
        match constructed {
            Ok(socket) => {
                self.sockets.fetch_add(1, Ordering::Relaxed);
                let former = lock(&self.socket).replace(Arc::new(socket));
                drop(former);
            }
            Err(thrown) => self.record_line(describe_thrown(&thrown)),
        }
    }

    fn socket(&self) -> Option<Arc<S>> {
        lock(&self.socket).clone()
    }

    fn drop_socket(&self) {
        let former = lock(&self.socket).take();
        drop(former);
    }

    fn on_event(self: &Arc<Self>, subject_event: SubjectEvent) {
        if self.lacking().is_some() {
            return;
        }
        let kind = subject_event.kind();
        self.record_event(subject_event);
        let nested = {
            let mut nested_steps = lock(&self.nested_steps);
            nested_steps.iter().position(|(other, _)| *other == kind).map(|index| nested_steps.remove(index).1)
        };
        for step in nested.unwrap_or_default() {
            assert!(self.run_step(step), "{step:?} waits, so it is not allowed within an event");
            if self.lacking().is_some() {
                break;
            }
        }
        let _ = self.event_sender.unbounded_send(kind);
        self.task.resume();
    }

    fn record_event(&self, subject_event: SubjectEvent) {
        let (mut text, natural) = match subject_event {
            SubjectEvent::Open => ("open".to_owned(), "OPEN"),
            SubjectEvent::Error => ("error".to_owned(), "CLOSED"),
            SubjectEvent::Close { code, reason, was_clean } => {
                let clean = if was_clean { "clean" } else { "unclean" };
                (format!("close {code} {reason:?} {clean}"), "CLOSED")
            }
            SubjectEvent::Message { data, origin } => {
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
        let ready_state = Member::Attribute(Attribute::ReadyState);
        if let Some(socket) = self.socket().filter(|socket| socket.lacks(ready_state).is_none()) {
            let state = socket.read(Attribute::ReadyState);
            if state != natural {
                text.push_str(" in ");
                text.push_str(&state);
            }
        }
        self.record_line(text);
    }

    fn read(&self, attribute: Attribute) {
        let Some(socket) = self.socket() else { return self.record_line("no socket".to_owned()) };
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
        self.record_line(if value.is_empty() { format!("{name} \"\"") } else { format!("{name} {value}") });
    }

    fn record_exception(&self, member: Member, act: impl FnOnce(&S) -> Result<(), Thrown>) {
        let Some(socket) = self.socket() else { return self.record_line("no socket".to_owned()) };
        if !self.has(&socket, member) {
            return;
        }
        if let Err(thrown) = act(&socket) {
            self.record_line(describe_thrown(&thrown));
        }
    }

    /// Returns whether the subject has a member; if not, the script ends.
    fn has(&self, socket: &S, member: Member) -> bool {
        let Some(reason) = socket.lacks(member) else { return true };
        lock(&self.lacking).get_or_insert(reason);
        self.event_sender.close_channel();
        false
    }

    fn lacking(&self) -> Option<&'static str> {
        *lock(&self.lacking)
    }

    fn record_line(&self, text: String) {
        let mut seen = lock(&self.seen);
        match seen.last_mut() {
            Some(last) if last.text == text && text.starts_with("message") => last.times += 1,
            _ => seen.push(Line { text, times: 1 }),
        }
    }

    /// Waits for a round trip of another connection.
    async fn settle(&self) {
        let (event_sender, events) = unbounded();
        let url = self.server.socket_url(&format!("{}-settle", self.id), "");
        let task = self.task.clone();
        let socket = ReferenceSocket::construct(&url, &Protocols::Absent, move |subject_event| {
            let _ = event_sender.unbounded_send(subject_event.kind());
            task.resume();
        })
        .expect("a valid URL");
        let mut event_queue = EventQueue { events, skipped: VecDeque::new(), timeout: 10_000 };
        assert!(
            event_queue.wait_for(Kind::Open).await,
            "no connection opens after {}: within {} ms only {:?} arrived",
            self.id,
            event_queue.timeout,
            event_queue.skipped
        );
        socket.send(Payload::Text(Characters::Just("?"))).expect("the socket is open");
        assert!(event_queue.wait_for(Kind::Message).await, "the server echoes");
    }

    fn fill_in(&self, url: &str) -> String {
        let server6 = self.server.plain6.as_deref().unwrap_or("[::1]:9");
        url.replace("{server}", self.server.host())
            .replace("{server6}", server6)
            .replace("{port}", port_of(self.server.host()))
            .replace("{id}", &self.id)
    }

    /// Replaces addresses and ids that differ from run to run by names, and secure schemes by plain ones.
    fn normalise(&self, text: &str) -> String {
        let page = target::origin();
        let page = page.split_once("://").map_or("no page", |(_, host)| host);
        let host = self.server.host();
        let mut text = text.replace(host, "server").replace(page, "page");
        if host != self.server.plain {
            text = text.replace("wss://server", "ws://server").replace("wss://page", "ws://page");
        }
        if let Some(server6) = &self.server.plain6 {
            text = text.replace(&**server6, "server6");
        }
        text.replace(&*self.id, "id").replace(port_of(host), "port")
    }
}

fn port_of(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(_, port)| port)
}
