//! A chat in Yew: two rooms, each with a socket of its own.

use samesocket_yew::use_websocket;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
struct RoomProps {
    name: &'static str,
}

#[component]
fn Room(RoomProps { name }: &RoomProps) -> Html {
    let messages = use_mut_ref(Vec::new);
    let received = messages.clone();
    let socket = use_websocket(format!("/ws?id={name}"), move |message| received.borrow_mut().push(message));

    let input = use_node_ref();
    let onsubmit = {
        let (socket, input) = (socket.clone(), input.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            let Some(input) = input.cast::<web_sys::HtmlInputElement>() else { return };
            if socket.send(input.value()).is_ok() {
                input.set_value("");
            }
        }
    };
    let status = socket.status();
    let onclick = move |_| socket.restart();
    html! {
        <section id={*name}>
            <p>
                <span class="status">{ status.to_string() }</span>
                <button class="reconnect" {onclick}>{ "Reconnect" }</button>
            </p>
            <ul>
                { for messages.borrow().iter().map(|message| html! { <li>{ message.as_text().unwrap_or_default() }</li> }) }
            </ul>
            <form {onsubmit}>
                <input ref={input} />
                <button>{ "Send" }</button>
            </form>
        </section>
    }
}

#[derive(PartialEq, Properties)]
struct DoorProps {
    name: &'static str,
}

#[component]
fn Door(DoorProps { name }: &DoorProps) -> Html {
    let joined = use_state(|| true);
    let onclick = {
        let joined = joined.clone();
        move |_| joined.set(!*joined)
    };
    html! {
        <>
            <button id={format!("toggle-{name}")} {onclick}>{ "Join or leave the " }{ name }</button>
            if *joined { <Room {name} /> }
        </>
    }
}

#[component]
fn App() -> Html {
    html! { <><Door name="lobby" /><Door name="games" /></> }
}

fn main() {
    yew::Renderer::<App>::new().render();
}
