//! A chat in egui: two rooms, each with a socket of its own.
//!
//! It runs in a page, and as a native program: `cargo run --features window -- ws://localhost:8080`.

#![cfg_attr(not(any(target_family = "wasm", feature = "window")), allow(dead_code))]

use egui::{Context, Key, Ui};
use samesocket_egui::WebSocket;

struct Room {
    socket: WebSocket,
    messages: Vec<String>,
    text: String,
}

impl Room {
    fn join(context: &Context, server: &str, name: &str) -> Self {
        let socket = WebSocket::connect(context, format!("{server}/ws?id={name}"));
        Self { socket, messages: Vec::new(), text: String::new() }
    }

    fn receive(&mut self) {
        self.messages.extend(self.socket.messages().filter_map(|message| Some(message.as_text()?.to_owned())));
    }

    fn ui(&mut self, ui: &mut Ui) {
        self.socket.status_ui(ui);
        for message in &self.messages {
            ui.label(message);
        }
        ui.horizontal(|ui| {
            let label = ui.label("Say:");
            let field = ui.text_edit_singleline(&mut self.text).labelled_by(label.id);
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            if (ui.button("Send").clicked() || entered) && self.socket.send(self.text.as_str()).is_ok() {
                self.text.clear();
            }
        });
    }
}

pub(crate) struct Chat {
    server: String,
    rooms: [(&'static str, Option<Room>); 2],
}

impl Chat {
    pub(crate) fn new(context: &Context, server: &str) -> Self {
        let rooms = ["lobby", "games"].map(|name| (name, Some(Room::join(context, server, name))));
        Self { server: server.to_owned(), rooms }
    }

    /// Takes the messages that have arrived, also while the window is hidden.
    pub(crate) fn receive(&mut self) {
        self.rooms.iter_mut().flat_map(|(_, room)| room).for_each(Room::receive);
    }

    pub(crate) fn show(&mut self, ui: &mut Ui) {
        for (name, room) in &mut self.rooms {
            if ui.button(format!("Join or leave the {name}")).clicked() {
                *room = if room.is_none() { Some(Room::join(ui.ctx(), &self.server, name)) } else { None };
            }
            if let Some(room) = room {
                ui.push_id(*name, |ui| room.ui(ui));
            }
        }
    }
}

#[cfg(any(target_family = "wasm", feature = "window"))]
impl eframe::App for Chat {
    fn logic(&mut self, _context: &Context, _frame: &mut eframe::Frame) {
        self.receive();
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        egui::CentralPanel::default().show(ui, |ui| self.show(ui));
    }
}

#[cfg(all(not(target_family = "wasm"), feature = "window"))]
fn main() -> eframe::Result {
    let server = std::env::args().nth(1).unwrap_or_else(|| "ws://localhost:8080".to_owned());
    let create =
        move |creation: &eframe::CreationContext<'_>| Ok(Box::new(Chat::new(&creation.egui_ctx, &server)) as _);
    eframe::run_native("Chat", eframe::NativeOptions::default(), Box::new(create))
}

#[cfg(target_family = "wasm")]
fn main() {
    use wasm_bindgen::JsCast as _;

    let document = web_sys::window().and_then(|window| window.document()).expect("a page");
    let canvas = document.create_element("canvas").expect("a canvas");
    document.body().expect("a body").append_child(&canvas).expect("the page takes it");
    let create = |creation: &eframe::CreationContext<'_>| Ok(Box::new(Chat::new(&creation.egui_ctx, "")) as _);
    let (canvas, options) = (canvas.unchecked_into(), eframe::WebOptions::default());
    wasm_bindgen_futures::spawn_local(async move {
        eframe::WebRunner::new().start(canvas, options, Box::new(create)).await.expect("the page has WebGL");
    });
}

#[cfg(not(any(target_family = "wasm", feature = "window")))]
fn main() {
    eprintln!("a native program needs the feature `window`");
}
