//! The base URL of a document, which only a window has.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

use samesocket::{Exception, WebSocket};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn run(script: &str) {
    js_sys::Function::new_no_args(script).call0(&JsValue::NULL).expect("the script runs");
}

#[wasm_bindgen_test]
fn base_element_is_base_of_relative_urls() {
    run(
        "const base = document.createElement('base'); base.href = 'https://base.example/dir/'; document.head.prepend(base);",
    );
    let socket = WebSocket::new("a?b", ());
    run("document.querySelector('base').remove();");
    let socket = socket.expect("a relative URL");
    assert_eq!(socket.url(), "wss://base.example/dir/a?b");
    assert!(WebSocket::new("a", ()).expect("a relative URL").url().starts_with("ws://"));
}

#[wasm_bindgen_test]
fn opaque_base_rejects_relative_urls() {
    run("const base = document.createElement('base'); base.href = 'mailto:a@b'; document.head.prepend(base);");
    let outcome = WebSocket::new("a", ());
    run("document.querySelector('base').remove();");
    assert_eq!(outcome.map(drop), Err(Exception::InvalidUrl { url: "a".to_owned(), base: None }));
}
