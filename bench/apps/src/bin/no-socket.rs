//! The chat without a socket: it shows what the user sends.

use samesocket_bench_apps::show;

fn main() {
    show(|chat| {
        chat.set_status("open");
        move |text| chat.received(text)
    });
}
