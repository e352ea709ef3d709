//! The conversations that the client has with each server of another implementation.
//!
//! Such a server selects the subprotocol `chat` and echoes messages. A text that starts with `!` is a command:
//!
//! - `!close` and `!close CODE REASON` send a Close.
//! - `!ping` sends a ping, and the text `pong` when the pong arrives.
//! - `!fragments` sends the text `onetwothree` in three frames.
//! - `!drop` ends TCP without a Close.

use futures::StreamExt;
use samesocket::{BinaryType, Options, WebSocket};

use crate::describe;

/// A server of another implementation.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The URL of the server.
    pub url: String,
    /// The options with which to connect.
    pub options: Options,
    /// The subprotocols to offer. One is `chat`.
    pub subprotocols: &'static [&'static str],
    /// The expected value of `extensions`.
    pub extensions: &'static str,
    /// Whether the server can send pings and a Close without a code, and end TCP. A program behind ASGI cannot.
    pub control_frames: bool,
    /// Whether the server can send a message in several frames.
    pub fragments: bool,
    /// Whether the server's answer to a Close repeats the reason.
    pub repeats_reason: bool,
}

/// An action of the client after an event.
enum Action {
    Text(String),
    Binary(Vec<u8>),
    Close(Option<u16>, Option<&'static str>),
}

/// The subprotocols that most tests offer.
pub const SUBPROTOCOLS: &[&str] = &["other", "chat"];

/// The size of the largest message, in bytes.
const LARGEST_MESSAGE: usize = 16 << 20;

impl Peer {
    /// Runs all conversations, one after the other.
    ///
    /// # Panics
    ///
    /// A conversation has other events than expected.
    pub async fn run_all(&self) {
        self.test_echo().await;
        self.test_close_by_client().await;
        self.test_close_by_server().await;
        if self.control_frames {
            let observed = self.run(vec![text("!ping"), Action::Close(None, None)]).await;
            assert_eq!(observed, ["open", "text \"pong\"", "close 1005 \"\" clean"], "{self:?}");
        }
        if self.fragments {
            let observed = self.run(vec![text("!fragments"), Action::Close(None, None)]).await;
            assert_eq!(observed, ["open", "text \"onetwothree\"", "close 1005 \"\" clean"], "{self:?}");
        }
        let end: &[_] =
            if self.control_frames { &["error", "close 1006 \"\" unclean"] } else { &["close 1011 \"\" clean"] };
        let observed = self.run(vec![text("a"), text("!drop")]).await;
        assert_eq!(observed, [&["open", "text \"a\""], end].concat(), "{self:?}");
    }

    async fn test_echo(&self) {
        let pattern = |size| (0..251).cycle().take(size).collect::<Vec<u8>>();
        let actions = vec![
            text("hello"),
            text(""),
            text("grün, 雪, 😀"),
            Action::Binary(Vec::new()),
            Action::Binary(b"abc".to_vec()),
            text(&"a".repeat(70_000)),
            Action::Binary(pattern(126)),
            Action::Binary(pattern(65_536)),
            Action::Binary(pattern(LARGEST_MESSAGE)),
            text("last"),
            Action::Close(Some(3000), Some("done")),
        ];
        let expected = [
            "open",
            "text \"hello\"",
            "text \"\"",
            "text \"grün, 雪, 😀\"",
            "binary ",
            "binary abc",
            "text: 70000 times a",
            "binary: 126 counting up",
            "binary: 65536 counting up",
            "binary: 16777216 counting up",
            "text \"last\"",
            &self.expected_close(3000, "done"),
        ];
        assert_eq!(self.run(actions).await, expected, "{self:?}");
    }

    async fn test_close_by_client(&self) {
        for (code, reason) in [(1000, "bye"), (3000, ""), (4999, "as ever")] {
            let observed = self.run(vec![Action::Close(Some(code), Some(reason))]).await;
            assert_eq!(observed, ["open", &self.expected_close(code, reason)], "{self:?}");
        }
        let observed = self.run(vec![Action::Close(None, None)]).await;
        assert_eq!(observed, ["open", "close 1005 \"\" clean"], "{self:?}");
    }

    async fn test_close_by_server(&self) {
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 3000, 4999] {
            let observed = self.run(vec![text(&format!("!close {code} why-{code}"))]).await;
            assert_eq!(observed, ["open", &format!("close {code} \"why-{code}\" clean")], "{self:?}");
        }
        let code = if self.control_frames { 1005 } else { 1000 };
        let observed = self.run(vec![text("!close")]).await;
        assert_eq!(observed, ["open", &format!("close {code} \"\" clean")], "{self:?}");
    }

    fn expected_close(&self, code: u16, reason: &str) -> String {
        format!("close {code} {:?} clean", if self.repeats_reason { reason } else { "" })
    }

    /// Connects, takes one action after each event, and returns the descriptions of all events.
    async fn run(&self, actions: Vec<Action>) -> Vec<String> {
        let socket = WebSocket::with_options(&self.url, self.subprotocols, &self.options).expect("the URL is valid");
        socket.set_binary_type(BinaryType::ArrayBuffer);
        let mut events = socket.events();
        let mut actions = actions.into_iter();
        let mut observed = Vec::new();
        while let Some(event) = events.next().await {
            if observed.is_empty() && matches!(event, samesocket::Event::Open) {
                assert_eq!((&*socket.protocol(), &*socket.extensions()), ("chat", self.extensions), "{self:?}");
            }
            observed.push(describe(&event));
            match actions.next() {
                Some(Action::Text(text)) => socket.send(&text).expect("the socket is open"),
                Some(Action::Binary(bytes)) => socket.send(&bytes).expect("the socket is open"),
                Some(Action::Close(code, reason)) => socket.close(code, reason).expect("the code is valid"),
                None => {}
            }
        }
        assert_ne!(observed[0], "error", "{self:?} cannot be reached: {:?}", socket.failure());
        observed
    }
}

fn text(text: &str) -> Action {
    Action::Text(text.to_owned())
}
