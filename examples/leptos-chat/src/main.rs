//! A chat in Leptos: two rooms, each with a socket of its own.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use samesocket_leptos::use_websocket;

#[component]
fn Room(name: &'static str) -> impl IntoView {
    let messages = RwSignal::new(Vec::new());
    let socket = use_websocket(format!("/ws?id={name}"), move |message| messages.write().push(message));

    let text = RwSignal::new(String::new());
    let send = move |event: SubmitEvent| {
        event.prevent_default();
        if socket.send(text.get_untracked()).is_ok() {
            text.set(String::new());
        }
    };
    view! {
        <section id=name>
            <p>
                <span class="status">{move || socket.status.get().to_string()}</span>
                <button class="reconnect" on:click=move |_| socket.restart()>"Reconnect"</button>
            </p>
            <ul>
                {move || messages.read().iter().map(|message| {
                    view! { <li>{message.as_text().unwrap_or_default().to_owned()}</li> }
                }).collect_view()}
            </ul>
            <form on:submit=send>
                <input bind:value=text/>
                <button>"Send"</button>
            </form>
        </section>
    }
}

#[component]
fn App() -> impl IntoView {
    ["lobby", "games"].map(|name| {
        let joined = RwSignal::new(true);
        view! {
            <button id=format!("toggle-{name}") on:click=move |_| joined.update(|joined| *joined = !*joined)>
                "Join or leave the " {name}
            </button>
            <Show when=move || joined.get()><Room name/></Show>
        }
    })
}

fn main() {
    leptos::mount::mount_to_body(App);
}
