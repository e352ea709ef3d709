//! Memory use, measured by a counting allocator.
#![cfg(not(target_family = "wasm"))]

use std::net::TcpListener;

use allocation_counter::measure;
use samesocket::WebSocket;

const KIB: i64 = 1 << 10;

#[test]
fn dropped_event_streams_use_no_memory() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = WebSocket::new(&format!("ws://{}/", silent.local_addr().unwrap()), ()).unwrap();
    let held = socket.events();
    let taken = measure(|| {
        for _ in 0..1000 {
            drop(socket.events());
        }
    });
    assert!(taken.bytes_current < 2 * KIB, "{taken:?}");
    drop(held);
}
