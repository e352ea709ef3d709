//! The conversations that our client holds with every server of another make.
//!
//! Such a server picks the subprotocol `chat`, echoes messages, and does what a text that begins with `!` says:
//! `!close`, `!close CODE REASON`, `!ping` (and, when the pong is there, a text `pong`), `!fragments` (a text
//! `onetwothree` in three frames), and `!drop`, which ends TCP without a Close.

use futures::StreamExt;
use samesocket::{BinaryType, Options, WebSocket};

use crate::line;

/// A server of another make.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it is.
    pub url: String,
    /// What it takes to get there.
    pub options: Options,
    /// The extensions that it agrees on.
    pub extensions: &'static str,
    /// Whether it can send a message in several frames.
    pub fragments: bool,
    /// Whether its answer to our Close has our reason, too.
    pub repeats_reason: bool,
}

/// What the client does after it has heard of so many events.
enum Deed {
    Text(String),
    Binary(Vec<u8>),
    Close(Option<u16>, Option<&'static str>),
}

/// The size of the greatest message.
const GREATEST: usize = 16 << 20;

impl Peer {
    /// Holds them all, one after the other.
    ///
    /// # Panics
    ///
    /// If one goes otherwise than it should.
    pub async fn holds_every_conversation(&self) {
        self.echoes().await;
        self.answers_each_close().await;
        self.closes_with_each_code().await;
        let heard = self.converse(vec![text("!ping"), Deed::Close(None, None)]).await;
        assert_eq!(heard, ["open", "text \"pong\"", "close 1005 \"\" clean"], "{self:?}");
        if self.fragments {
            let heard = self.converse(vec![text("!fragments"), Deed::Close(None, None)]).await;
            assert_eq!(heard, ["open", "text \"onetwothree\"", "close 1005 \"\" clean"], "{self:?}");
        }
        let heard = self.converse(vec![text("a"), text("!drop")]).await;
        assert_eq!(heard, ["open", "text \"a\"", "error", "close 1006 \"\" unclean"], "{self:?}");
    }

    async fn echoes(&self) {
        let pattern = |size| (0..251).cycle().take(size).collect::<Vec<u8>>();
        let deeds = vec![
            text("hello"),
            text(""),
            text("grün, 雪, 😀"),
            Deed::Binary(Vec::new()),
            Deed::Binary(b"abc".to_vec()),
            text(&"a".repeat(70_000)),
            Deed::Binary(pattern(126)),
            Deed::Binary(pattern(65_536)),
            Deed::Binary(pattern(GREATEST)),
            text("last"),
            Deed::Close(Some(3000), Some("done")),
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
            &self.answer(3000, "done"),
        ];
        assert_eq!(self.converse(deeds).await, expected, "{self:?}");
    }

    async fn answers_each_close(&self) {
        for (code, reason) in [(1000, "bye"), (3000, ""), (4999, "as ever")] {
            let heard = self.converse(vec![Deed::Close(Some(code), Some(reason))]).await;
            assert_eq!(heard, ["open", &self.answer(code, reason)], "{self:?}");
        }
        let heard = self.converse(vec![Deed::Close(None, None)]).await;
        assert_eq!(heard, ["open", "close 1005 \"\" clean"], "{self:?}");
    }

    async fn closes_with_each_code(&self) {
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 3000, 4999] {
            let heard = self.converse(vec![text(&format!("!close {code} why-{code}"))]).await;
            assert_eq!(heard, ["open", &format!("close {code} \"why-{code}\" clean")], "{self:?}");
        }
        let heard = self.converse(vec![text("!close")]).await;
        assert_eq!(heard, ["open", "close 1005 \"\" clean"], "{self:?}");
    }

    fn answer(&self, code: u16, reason: &str) -> String {
        format!("close {code} {:?} clean", if self.repeats_reason { reason } else { "" })
    }

    /// Does one deed after each event, and gives all events.
    async fn converse(&self, deeds: Vec<Deed>) -> Vec<String> {
        let socket = WebSocket::with_options(&self.url, ["other", "chat"], &self.options).expect("a good URL");
        socket.set_binary_type(BinaryType::ArrayBuffer);
        let mut events = socket.events();
        let mut deeds = deeds.into_iter();
        let mut heard = Vec::new();
        while let Some(event) = events.next().await {
            if heard.is_empty() && matches!(event, samesocket::Event::Open) {
                assert_eq!((&*socket.protocol(), &*socket.extensions()), ("chat", self.extensions), "{self:?}");
            }
            heard.push(line(&event));
            match deeds.next() {
                Some(Deed::Text(text)) => socket.send(&text).expect("it was open"),
                Some(Deed::Binary(bytes)) => socket.send(&bytes).expect("it was open"),
                Some(Deed::Close(code, reason)) => socket.close(code, reason).expect("a good code"),
                None => {}
            }
        }
        assert_ne!(heard[0], "error", "{self:?} was not reached: {:?}", socket.failure());
        heard
    }
}

fn text(text: &str) -> Deed {
    Deed::Text(text.to_owned())
}
