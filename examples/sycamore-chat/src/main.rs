//! A chat in Sycamore: two rooms, each with a socket of its own.

use samesocket::connect;
use samesocket::reconnect::{LiveSocket, Status, Update};
use sycamore::prelude::*;
use sycamore::web::events::SubmitEvent;

#[component(inline_props)]
fn Room(name: &'static str) -> View {
    let (status, messages) = (create_signal(Status::Idle), create_signal(Vec::new()));
    // The signal owns the handle, so leaving the room drops it, and that closes the socket.
    let socket = create_signal(connect(format!("/ws?id={name}")).reconnect().drive(move |update| match update {
        Update::Status(new) => status.set(new),
        Update::Message(message) => {
            messages.update(|messages| messages.push(message.as_text().unwrap_or_default().to_owned()));
        }
        _ => {}
    }));

    let text = create_signal(String::new());
    let send = move |event: SubmitEvent| {
        event.prevent_default();
        if socket.with(|socket| socket.send(text.get_clone())).is_ok() {
            text.set(String::new());
        }
    };
    view! {
        section(id=name) {
            p {
                span(class="status") { (status.with(Status::to_string)) }
                button(class="reconnect", on:click=move |_| socket.with(LiveSocket::restart)) { "Reconnect" }
            }
            ul { Indexed(list=messages, view=|text| view! { li { (text) } }) }
            form(on:submit=send) {
                input(bind:value=text)
                button { "Send" }
            }
        }
    }
}

#[component(inline_props)]
fn Door(name: &'static str) -> View {
    let joined = create_signal(true);
    view! {
        button(id=format!("toggle-{name}"), on:click=move |_| joined.set(!joined.get())) { "Join or leave the " (name) }
        (if joined.get() { view! { Room(name=name) } } else { view! {} })
    }
}

fn main() {
    sycamore::render(|| {
        view! {
            Door(name="lobby")
            Door(name="games")
        }
    });
}
