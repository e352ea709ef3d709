//! The client's end of a connection in memory: the transport under a socket.

use bytes::Bytes;

use super::Received;
use super::connection::MemoryConnection;
use super::incoming::{AcceptQueue, Incoming};
use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::pings::Pings;
use crate::platform::{FinalState, ReceiveMode, SendOutcome, Transport, WatchBufferedAmount};
use crate::sync::{Lock, Shared};
use crate::types::message::Message;
use crate::types::payload::{Data, Payload};
use crate::types::text::Text;
use samesocket_spec::close::CloseFrame;

/// The client's end of a connection in memory. Dropping it ends the connection.
pub(super) struct MemoryTransport {
    connection: Shared<MemoryConnection>,
    /// The connection as the server sees it, and the queue that it enters at the start.
    arrival: Lock<Option<(Shared<AcceptQueue>, Incoming)>>,
    has_pings: bool,
}

impl MemoryTransport {
    pub(super) const fn new(
        connection: Shared<MemoryConnection>,
        queue: Shared<AcceptQueue>,
        incoming: Incoming,
        has_pings: bool,
    ) -> Self {
        Self { connection, arrival: Lock::new(Some((queue, incoming))), has_pings }
    }
}

impl Transport for MemoryTransport {
    fn start(&self) {
        if let Some((queue, incoming)) = self.arrival.take() {
            queue.push(incoming);
        }
    }

    fn is_closing(&self) -> bool {
        false
    }

    fn final_state(&self) -> FinalState {
        self.connection.final_state()
    }

    fn buffered_amount(&self) -> u64 {
        self.connection.buffered_amount()
    }

    fn set_binary_type(&self, form: ReceiveMode) {
        self.connection.set_binary_type(form.binary_type);
    }

    fn send(&self, Data { payload, .. }: Data<'_>, queued: &BufferedAmountHint) -> SendOutcome {
        queued.add(payload.max_size());
        let size = payload.size();
        let message = match payload {
            Payload::Text(_, Some(text)) => Message::Text(text.clone()),
            Payload::Text(text, None) => Message::Text(Text::from(text)),
            Payload::Binary(_, Some(bytes)) => Message::Binary(bytes.clone()),
            Payload::Binary(bytes, None) => Message::Binary(Bytes::copy_from_slice(bytes)),
            Payload::Blob(blob) => Message::Blob(blob.clone()),
            Payload::Lazy(lazy) => lazy.read().into(),
        };
        self.connection.client_send(Received::Message(message), size);
        SendOutcome::NeedsFlush
    }

    fn flush(&self) {
        self.connection.deliver_events();
    }

    fn close(&self, frame: CloseFrame<'_>) {
        self.connection.client_close(frame);
    }

    fn abort(&self) -> bool {
        self.connection.client_abort();
        true
    }

    fn pings(&self) -> Option<&dyn Pings> {
        if self.has_pings { Some(&*self.connection) } else { None }
    }

    fn has_pending_close(&self) -> bool {
        false
    }

    fn watch_buffered_amount(&self, _: WatchBufferedAmount) {
        self.connection.watch_buffered_amount();
    }

    fn pump(&self) {
        self.connection.deliver_events();
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        self.connection.end();
    }
}
