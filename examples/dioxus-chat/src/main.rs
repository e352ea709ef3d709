//! A chat in Dioxus: two rooms, each with a socket of its own.

use dioxus::prelude::*;
use samesocket_dioxus::use_websocket;

#[component]
fn Room(name: &'static str) -> Element {
    let mut messages = use_signal(Vec::new);
    let socket = use_websocket(move || format!("/ws?id={name}"), move |message| messages.push(message));

    let mut text = use_signal(String::new);
    let send = move |event: FormEvent| {
        event.prevent_default();
        if socket.send(text()).is_ok() {
            text.set(String::new());
        }
    };
    rsx! {
        section { id: name,
            p {
                span { class: "status", "{socket.status}" }
                button { class: "reconnect", onclick: move |_| socket.restart(), "Reconnect" }
            }
            ul {
                for message in messages.read().iter() {
                    li { {message.as_text().unwrap_or_default()} }
                }
            }
            form { onsubmit: send,
                input { value: "{text}", oninput: move |event| text.set(event.value()) }
                button { "Send" }
            }
        }
    }
}

#[component]
fn Door(name: &'static str) -> Element {
    let mut joined = use_signal(|| true);
    rsx! {
        button { id: "toggle-{name}", onclick: move |_| joined.toggle(), "Join or leave the {name}" }
        if joined() {
            Room { name }
        }
    }
}

fn main() {
    dioxus::launch(|| {
        rsx! {
            Door { name: "lobby" }
            Door { name: "games" }
        }
    });
}
