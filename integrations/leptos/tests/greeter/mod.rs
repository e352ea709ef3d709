//! A component that a server renders, and that a page hydrates.

use leptos::prelude::*;
use samesocket::reconnect::{Reconnect, Sent, Status};
use samesocket_leptos::use_websocket_with;

/// The HTML of the [`greeter`] as a server renders it. The test of the server compares it, and that of the page hydrates it.
pub(crate) const SERVER_HTML: &str = "<p>not connected</p>";

/// Sends a message before it is hydrated, and shows the status.
pub(crate) fn greeter(configure: fn(String) -> Reconnect) -> impl IntoView {
    let socket = use_websocket_with("ws://a.example/greeter", configure, |_| ());
    assert_eq!(socket.status.get_untracked(), Status::Idle);
    assert_eq!(socket.send("hello").unwrap(), Sent::Kept);
    view! { <p>{move || socket.status.get().to_string()}</p> }
}
