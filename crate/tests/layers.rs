//! Who may depend on whom: the import lines of each module, against a table.
#![cfg(not(target_family = "wasm"))]

use std::fs;
use std::path::{Path, PathBuf};

/// A module's files, and words that their code must not name.
const TABLE: &[(&str, &[&str])] = &[
    (
        "spec",
        &[
            "web_sys",
            "js_sys",
            "wasm_bindgen",
            "gloo_timers",
            "futures",
            "tokio",
            "wire",
            "url::",
            "std::time",
            "platform",
        ],
    ),
    ("exception.rs", &["web_sys", "js_sys", "wasm_bindgen", "tokio", "wire", "platform"]),
    ("ready_state.rs", &["web_sys", "js_sys", "wasm_bindgen", "tokio", "wire", "platform"]),
    ("binary_type.rs", &["web_sys", "js_sys", "wasm_bindgen", "tokio", "wire", "platform"]),
    ("close_event.rs", &["web_sys", "js_sys", "wasm_bindgen", "tokio", "wire", "platform"]),
    ("subprotocol", &["web_sys", "js_sys", "wasm_bindgen", "tokio", "wire", "platform"]),
    ("events.rs", &["web_sys", "js_sys", "wasm_bindgen", "gloo_timers", "tokio", "wire", "platform"]),
    ("backlog.rs", &["web_sys", "js_sys", "wasm_bindgen", "gloo_timers", "tokio", "wire", "platform::native"]),
    ("closed.rs", &["web_sys", "js_sys", "wasm_bindgen", "gloo_timers", "tokio", "wire", "platform"]),
    ("subscription.rs", &["web_sys", "js_sys", "wasm_bindgen", "gloo_timers", "tokio", "wire", "platform"]),
    ("event.rs", &["web_sys", "js_sys", "wasm_bindgen", "tokio", "wire", "platform"]),
    ("message.rs", &["web_sys", "js_sys", "wasm_bindgen", "tokio", "wire", "platform"]),
    ("websocket.rs", &["web_sys", "js_sys", "wasm_bindgen", "gloo_timers", "tokio", "wire"]),
    ("connection.rs", &["web_sys", "js_sys", "wasm_bindgen", "gloo_timers", "tokio", "wire"]),
    ("listen.rs", &["web_sys", "js_sys", "wasm_bindgen", "gloo_timers", "tokio", "wire"]),
    ("streams.rs", &["web_sys", "js_sys", "wasm_bindgen", "gloo_timers", "tokio", "wire", "platform::native"]),
    ("subscribers.rs", &["web_sys", "js_sys", "wasm_bindgen", "gloo_timers", "tokio", "wire", "platform::native"]),
    ("shared.rs", &["web_sys", "js_sys", "tokio", "wire", "std::sync", "std::rc"]),
    (
        "wire",
        &[
            "tokio",
            "std::net",
            "Instant",
            "SystemTime",
            "std::thread",
            "web_sys",
            "js_sys",
            "platform",
            "connection::Socket",
        ],
    ),
    ("socket", &["web_sys", "js_sys", "wasm_bindgen", "gloo_timers", "tokio", "wire", "std::time::Instant"]),
    ("reconnect", &["web_sys", "js_sys", "wasm_bindgen", "gloo_timers", "tokio", "wire", "std::time::Instant"]),
    ("testing", &["web_sys", "js_sys", "wasm_bindgen", "gloo_timers", "tokio", "wire", "std::time::Instant"]),
    ("platform/web", &["tokio", "wire", ".forget()", "unsafe"]),
    ("platform/native", &["web_sys", "js_sys", "wasm_bindgen", "wire::frame", "wire::message::Messages", "unsafe"]),
];

#[test]
fn modules_name_only_what_they_may() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (module, forbidden) in TABLE {
        let files = files_of(&source.join(module));
        assert!(!files.is_empty(), "{module} is not where the table has it");
        for file in files {
            let text = fs::read_to_string(&file).expect("a source file");
            // Unit tests may use what their module may not.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code = code.split("#[cfg(all(test").next().unwrap_or_default();
            for (number, line) in code.lines().enumerate() {
                let line = line.split("//").next().unwrap_or_default();
                for word in forbidden.iter().filter(|word| names(line, word)) {
                    wrong.push(format!("{}:{}: names {word}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a line names a path or a word, and not just a longer word that holds it.
fn names(line: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(index, _)| {
        let before = line[..index].chars().next_back();
        let after = line[index + word.len()..].chars().next();
        let goes_on = |character: Option<char>| character.is_some_and(is_part);
        let longer = word.starts_with(is_part) && goes_on(before) || word.ends_with(is_part) && goes_on(after);
        !longer
    })
}

fn files_of(path: &Path) -> Vec<PathBuf> {
    if path.extension().is_some() {
        return vec![path.to_owned()];
    }
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    entries.flat_map(|entry| files_of(&entry.expect("an entry of a folder").path())).collect()
}

#[test]
fn a_name_is_found_as_a_word_only() {
    assert!(names("use tokio::net;", "tokio"));
    assert!(names("closure.forget();", ".forget()"));
    assert!(!names("let wired = 1;", "wire"));
    assert!(!names("use crate::rewire;", "wire"));
}
