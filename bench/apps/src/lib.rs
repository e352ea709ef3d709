//! The page of a chat, without its socket: the messages, the status, and a form to send.

use sycamore::prelude::*;
use sycamore::web::events::SubmitEvent;

/// The URL of the server.
pub const URL: &str = "ws://localhost/chat";

/// The signals of the page. All are `Copy`.
#[derive(Clone, Copy)]
pub struct Chat {
    messages: Signal<Vec<String>>,
    status: Signal<String>,
}

impl Chat {
    /// Shows a message.
    pub fn received(self, text: String) {
        self.messages.update(|messages| messages.push(text));
    }

    /// Shows the status of the connection.
    pub fn set_status(self, status: impl Into<String>) {
        self.status.set(status.into());
    }
}

/// Shows the page. `start` is called once, and returns the function that sends what the user has written.
pub fn show<S: Fn(String) + 'static>(start: impl FnOnce(Chat) -> S + 'static) {
    sycamore::render(move || {
        let chat = Chat { messages: create_signal(Vec::new()), status: create_signal("connecting".to_owned()) };
        page(chat, start(chat))
    });
}

fn page(Chat { messages, status }: Chat, send: impl Fn(String) + 'static) -> View {
    let draft = create_signal(String::new());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        send(draft.take());
    };
    view! {
        p { (status) }
        ul { Indexed(list=messages, view=|text| view! { li { (text) } }) }
        form(on:submit=submit) {
            input(bind:value=draft)
            button { "Send" }
        }
    }
}
