//! What lies between a socket and its peer.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::{Incoming, Network, Received};
use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::{self, EventSink, FinalState, ReceiveMode, SendOutcome, Transport, WatchBufferedAmount};
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, Shared};
use crate::types::binary_type::BinaryType;
use crate::types::blob::Blob;
use crate::types::message::Message;
use crate::types::payload::Payload;
use crate::types::text::Text;
use samesocket_spec::CloseEvent;
use samesocket_spec::close::CloseFrame;
use samesocket_spec::state::Feedback;

/// A connection in memory.
pub(super) struct Line {
    receiver: EventSink,
    pausable: bool,
    state: Lock<State>,
}

/// The socket's end of a line; when it is dropped, the client is gone.
pub(super) struct End {
    pub(super) line: Shared<Line>,
    /// Where to come in, until that is done.
    pub(super) begin: Lock<Option<(Network, Incoming)>>,
}

#[expect(clippy::struct_excessive_bools, reason = "a test switches each by itself")]
struct State {
    binary_type: BinaryType,
    /// What the socket has still to be told.
    feedback: VecDeque<Feedback<Message>>,
    /// Whether somebody tells it, so that nobody else does.
    telling: bool,
    /// Whether somebody else wanted to, meanwhile.
    again: bool,
    /// Whether the socket was told of its end, or does not care.
    over: bool,
    /// What the peer can take.
    arrived: VecDeque<Received>,
    /// What the client has sent and the peer does not read yet.
    under_way: VecDeque<Received>,
    buffered_amount: u64,
    /// Whether somebody waits for bufferedAmount to fall.
    watched: bool,
    paused: bool,
    established: bool,
    holds_close: bool,
    /// Whether the client has closed, so that nothing waits any more until somebody takes what came before.
    closing: bool,
    /// The client's Close frame, from when the peer could read it until it is answered.
    unanswered: Option<(u16, String)>,
    waker: Option<Waker>,
    /// Who is to be woken because something has arrived, once nothing is locked.
    due: Option<Waker>,
}

impl Line {
    pub(super) fn new(receiver: EventSink, binary_type: BinaryType, pausable: bool) -> Self {
        let state = State {
            binary_type,
            feedback: VecDeque::new(),
            telling: false,
            again: false,
            over: false,
            arrived: VecDeque::new(),
            under_way: VecDeque::new(),
            buffered_amount: 0,
            watched: false,
            paused: false,
            established: false,
            holds_close: false,
            closing: false,
            unanswered: None,
            waker: None,
            due: None,
        };
        Self { receiver, pausable, state: Lock::new(state) }
    }

    pub(super) fn establish(&self, protocol: &str, extensions: &str) {
        self.state.lock().established = true;
        let (protocol, extensions) = (protocol.to_owned(), extensions.to_owned());
        self.tell([Feedback::Established { protocol, extensions }]);
    }

    pub(super) fn send(&self, message: Message) {
        self.tell([Feedback::MessageReceived(message)]);
    }

    pub(super) fn close(&self, code: Option<u16>, reason: &str) {
        let event = CloseEvent::new(code.unwrap_or(1005), reason.to_owned(), true);
        self.tell([Feedback::ClosingHandshakeStarted, Feedback::Closed(event)]);
    }

    pub(super) fn start_closing(&self) {
        self.tell([Feedback::ClosingHandshakeStarted]);
    }

    pub(super) fn fail(&self) {
        self.tell([Feedback::Closed(CloseEvent::abnormal())]);
    }

    pub(super) fn hold_close(&self) {
        self.state.lock().holds_close = true;
    }

    pub(super) fn answer_close(&self) {
        self.state.lock().holds_close = false;
        self.pump();
    }

    pub(super) fn pause(&self) {
        self.state.lock().paused = true;
    }

    pub(super) fn resume(&self) {
        {
            let mut state = self.state.lock();
            state.paused = false;
            state.arrive();
        }
        self.wake_peer();
        if std::mem::take(&mut self.state.lock().watched) && self.receiver.handle_sent() {
            self.state.lock().watched = true;
        }
        self.pump();
    }

    pub(super) fn is_over(&self) -> bool {
        self.state.lock().over
    }

    pub(super) fn poll_receive(&self, context: &Context<'_>) -> Poll<Option<Received>> {
        let mut state = self.state.lock();
        if let Some(received) = state.arrived.pop_front() {
            return Poll::Ready(Some(received));
        }
        if state.over {
            return Poll::Ready(None);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn tell(&self, feedback: impl IntoIterator<Item = Feedback<Message>>) {
        self.state.lock().feedback.extend(feedback);
        self.pump();
    }

    fn wake_peer(&self) {
        let due = self.state.lock().due.take();
        wake(due);
    }

    /// Tells the socket what it can be told, one after the other.
    fn pump(&self) {
        self.wake_peer();
        loop {
            let feedback = {
                let mut state = self.state.lock();
                if state.telling {
                    state.again = true;
                    return;
                }
                state.again = false;
                state.answer();
                let message = matches!(state.feedback.front(), Some(Feedback::MessageReceived(_)));
                let waits = self.pausable && message && !state.closing;
                state.telling = true;
                drop(state);
                // Asked anew whenever the socket was read from.
                let room = !waits || self.receiver.poll_capacity(&Context::from_waker(Waker::noop())).is_ready();
                let mut state = self.state.lock();
                state.telling = false;
                if state.over || !room && !state.again {
                    return;
                }
                if !room {
                    continue;
                }
                let Some(feedback) = state.feedback.pop_front() else { return };
                state.telling = true;
                state.note(feedback)
            };
            let over = matches!(feedback, Feedback::Closed(_));
            // Messages go the way of those that a driver tells together.
            match feedback.into_message() {
                Ok(message) => self.receiver.handle_messages(&mut platform::single_message(message)),
                Err(other) => self.receiver.handle_event(other),
            }
            self.state.lock().telling = false;
            if over {
                self.end();
            }
        }
    }

    fn end(&self) {
        let wakers = {
            let mut state = self.state.lock();
            state.over = true;
            state.feedback.clear();
            [state.waker.take(), state.due.take()]
        };
        wake(wakers.into_iter().flatten());
    }
}

impl State {
    /// Has what is under way arrive, unless the peer does not read.
    fn arrive(&mut self) {
        if self.paused {
            return;
        }
        self.arrived.append(&mut self.under_way);
        self.buffered_amount = 0;
        if let Some(Received::Close { code, reason }) = self.arrived.back() {
            self.unanswered = Some((code.unwrap_or(1005), reason.clone()));
        }
        self.due = self.waker.take().or(self.due.take());
    }

    /// Answers the client's Close, if there is one, behind what has been sent.
    fn answer(&mut self) {
        if !self.holds_close
            && let Some((code, reason)) = self.unanswered.take()
        {
            self.feedback.push_back(Feedback::Closed(CloseEvent::new(code, reason, true)));
        }
    }

    /// Gives feedback the form in which it is told.
    fn note(&self, feedback: Feedback<Message>) -> Feedback<Message> {
        match feedback {
            Feedback::MessageReceived(Message::Binary(bytes)) if self.binary_type == BinaryType::Blob => {
                Feedback::MessageReceived(Message::Blob(Blob::new(&bytes)))
            }
            other => other,
        }
    }
}

impl Transport for End {
    fn start(&self) {
        if let Some((network, incoming)) = self.begin.take() {
            network.arrive(incoming);
        }
    }

    fn is_closing(&self) -> bool {
        false
    }

    fn final_state(&self) -> FinalState {
        FinalState::of(self.line.state.lock().buffered_amount)
    }

    fn set_binary_type(&self, form: ReceiveMode) {
        self.line.state.lock().binary_type = form.binary_type;
    }

    fn send(&self, payload: Payload<'_>, queued: &BufferedAmountHint) -> SendOutcome {
        queued.add(payload.max_size());
        let message = match payload {
            Payload::Text(_, Some(text)) => Message::Text(text.clone()),
            Payload::Text(text, None) => Message::Text(Text::from(text)),
            Payload::Binary(_, Some(bytes)) => Message::Binary(bytes.clone()),
            Payload::Binary(bytes, None) => Message::Binary(Bytes::copy_from_slice(bytes)),
            Payload::Blob(blob) => Message::Blob(blob.clone()),
            Payload::Lazy(unread) => unread.read().into(),
        };
        let mut state = self.line.state.lock();
        state.buffered_amount += payload.size();
        state.under_way.push_back(Received::Message(message));
        state.arrive();
        SendOutcome::NeedsFlush
    }

    fn flush(&self) {
        self.pump();
    }

    fn close(&self, frame: CloseFrame<'_>) {
        let mut state = self.line.state.lock();
        if !state.established {
            state.feedback.push_back(Feedback::Closed(CloseEvent::abnormal()));
            return;
        }
        state.closing = true;
        let (code, reason) = frame.unzip();
        state.under_way.push_back(Received::Close { code, reason: reason.unwrap_or_default().to_owned() });
        state.arrive();
    }

    fn has_pending_close(&self) -> bool {
        false
    }

    fn watch_buffered_amount(&self, _: WatchBufferedAmount) {
        self.line.state.lock().watched = true;
    }

    fn pump(&self) {
        self.line.pump();
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.line.end();
    }
}
