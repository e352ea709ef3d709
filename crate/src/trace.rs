//! Spans and events for subscribers of the crate `tracing`. Without the feature of that name, they are not compiled.
//!
//! A subscriber is the program's code, and may use the socket. So no lock may be held when a [`Span`] is created, cloned,
//! entered or dropped, nor at an [`event!`]. The guide's page about tracing lists all spans and events.

// A browser's back end reports less than the native one.
#[cfg(not(feature = "tracing"))]
#[allow(unused_imports)]
pub(crate) use self::disabled::{Edge, Span, event};
#[cfg(feature = "tracing")]
#[allow(unused_imports)]
pub(crate) use self::enabled::{Edge, Span, event};

#[cfg(feature = "tracing")]
#[allow(dead_code)]
mod enabled {
    use std::sync::atomic::{AtomicU64, Ordering};

    use samesocket_spec::RedactedUrl;

    /// The span of a connection, or of a reconnecting socket.
    #[derive(Clone)]
    pub(crate) struct Span(tracing::Span);

    impl Span {
        /// Creates the span of a connection to `url`, within the current span.
        pub(crate) fn connection(url: &str) -> Self {
            static NEXT: AtomicU64 = AtomicU64::new(1);
            let id = NEXT.fetch_add(1, Ordering::Relaxed);
            Self(tracing::info_span!(target: "samesocket", "websocket", id, url = %RedactedUrl(url)))
        }

        /// Creates the span of a reconnecting socket, within the current span.
        pub(crate) fn reconnecting() -> Self {
            static NEXT: AtomicU64 = AtomicU64::new(1);
            let id = NEXT.fetch_add(1, Ordering::Relaxed);
            Self(tracing::info_span!(target: "samesocket", "reconnecting", id))
        }

        /// Runs `act` within the span. Events of the current span belong to it.
        pub(crate) fn in_scope<T>(&self, act: impl FnOnce() -> T) -> T {
            self.0.in_scope(act)
        }

        /// Returns the span as `tracing` knows it, for [`event!`].
        pub(crate) const fn inner(&self) -> &tracing::Span {
            &self.0
        }
    }

    /// A condition that is looked at often. Only its changes are reported.
    #[derive(Default)]
    pub(crate) struct Edge(bool);

    impl Edge {
        /// Sets whether the condition holds. Returns whether that is a change.
        pub(crate) const fn changes_to(&mut self, holds: bool) -> bool {
            std::mem::replace(&mut self.0, holds) != holds
        }
    }

    /// Reports an event of a span, or of the `current` one, with its level, text and fields. A field is `name = value`,
    /// or `name = %value` for a value that `Display` shows.
    macro_rules! event {
        (current, $level:ident, $text:literal $(, $($fields:tt)*)?) => {
            tracing::event!(target: "samesocket", tracing::Level::$level, { $($($fields)*)? }, $text)
        };
        ($span:expr, $level:ident, $text:literal $(, $($fields:tt)*)?) => {
            tracing::event!(
                target: "samesocket",
                parent: $span.inner(),
                tracing::Level::$level,
                { $($($fields)*)? },
                $text
            )
        };
    }
    pub(crate) use event;
}

#[cfg(not(feature = "tracing"))]
#[allow(dead_code, clippy::unused_self, reason = "the methods are those of a build with the feature")]
mod disabled {
    /// A span without content.
    #[derive(Clone)]
    pub(crate) struct Span;

    impl Span {
        pub(crate) const fn connection(_: &str) -> Self {
            Self
        }

        pub(crate) const fn reconnecting() -> Self {
            Self
        }

        pub(crate) fn in_scope<T>(&self, act: impl FnOnce() -> T) -> T {
            act()
        }
    }

    /// A condition whose changes are not reported.
    #[derive(Default)]
    pub(crate) struct Edge(());

    impl Edge {
        pub(crate) const fn changes_to(&mut self, _: bool) -> bool {
            false
        }
    }

    /// Lets the compiler check the fields of an event, and removes it.
    macro_rules! event {
        (current, $level:ident, $text:literal $($fields:tt)*) => {
            $crate::trace::event!((), $level, $text $($fields)*)
        };
        ($span:expr, $level:ident, $text:literal $(, $name:ident = $(%)? $value:expr)* $(,)?) => {
            if false {
                let _ = ($text, &$span, $(&$value),*);
            }
        };
    }
    pub(crate) use event;
}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use std::cell::RefCell;
    use std::fmt::{self, Write as _};
    use std::future::Future;
    use std::time::Duration;

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use crate::reconnect::{Backoff, reconnect};
    use crate::testing::{self, Network};

    thread_local! {
        static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    /// A subscriber that collects the texts of spans and events, without the numbers of spans.
    struct Collector;

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            let name = field.name();
            let result = match name {
                "id" => Ok(()),
                "message" => write!(self.0, " {value:?}"),
                _ => write!(self.0, " {name}={value:?}"),
            };
            result.unwrap();
        }
    }

    impl Collector {
        fn add(line: Line) {
            LINES.with_borrow_mut(|lines| lines.push(line.0));
        }
    }

    impl Subscriber for Collector {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, attributes: &Attributes<'_>) -> Id {
            let mut line = Line(attributes.metadata().name().to_owned());
            attributes.record(&mut line);
            Self::add(line);
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut line = Line(event.metadata().level().to_string());
            event.record(&mut line);
            Self::add(line);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    /// Runs a test in memory, and returns what it reports.
    ///
    /// It runs twice. While another thread reports an event for the first time, `tracing` may conclude that nobody wants it.
    fn lines_of<F: Future<Output = ()>>(test: impl Fn(Network) -> F) -> Vec<String> {
        tracing::subscriber::with_default(Collector, || {
            testing::run(&test);
            tracing::callsite::rebuild_interest_cache();
            LINES.take();
            testing::run(&test);
        });
        LINES.take()
    }

    #[crate::test]
    fn session_is_reported_on_every_target() {
        let lines = lines_of(|network| async move {
            let connecting = network.connect("ws://user:secret@a.example/path?secret").subprotocols(["mqtt", "secret"]);
            let server = network.clone();
            network.spawn(async move {
                let mut peer = server.accept().await.open();
                while peer.receive().await.is_some() {}
            });
            let socket = connecting.await.unwrap();
            socket.close(Some(3000), Some("secret")).await.unwrap();
        });
        assert_eq!(
            lines,
            [
                "websocket url=ws://…@a.example/path?…",
                "DEBUG connecting subprotocols=2",
                "INFO open subprotocol=\"mqtt\" extensions=\"\"",
                "INFO closing started_by=\"client\" code=3000",
                "INFO closed code=3000 clean=true started_by=\"client\"",
            ]
        );
    }

    #[crate::test]
    fn attempts_and_waits_of_a_reconnecting_socket_are_reported() {
        let lines = lines_of(|network| async move {
            let (client, server) = (network.clone(), network.clone());
            network.spawn(async move {
                server.accept().await.open().close(Some(1012), "restart");
                server.accept().await.open().close(Some(1000), "done");
            });
            let attempt = move |_| {
                let connect = client.connect("ws://a.example/");
                async { Some(connect) }
            };
            let backoff = Backoff { first: Duration::from_secs(2), jitter: 0.0, ..Backoff::default() };
            let mut socket = reconnect(attempt).backoff(backoff).start();
            assert!(socket.next().await.is_none());
        });
        let session = |code| {
            [
                "websocket url=ws://a.example/".to_owned(),
                "DEBUG connecting subprotocols=0".to_owned(),
                "INFO open subprotocol=\"\" extensions=\"\"".to_owned(),
                "INFO closing started_by=\"server\"".to_owned(),
                format!("INFO closed code={code} clean=true started_by=\"server\""),
            ]
        };
        let line = |text: &str| vec![text.to_owned()];
        let expected = [
            line("reconnecting"),
            line("INFO attempt failures=0"),
            session(1012).to_vec(),
            line("INFO waiting cause=the connection was closed with code 1012 wait=2s"),
            line("INFO attempt failures=1"),
            session(1000).to_vec(),
            line("INFO ended"),
        ];
        assert_eq!(lines, expected.concat());
    }
}
