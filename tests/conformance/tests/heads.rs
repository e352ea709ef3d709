//! Malformed heads of responses, on native targets. `cargo xtask heads` compares the results with those of the engines.
#![cfg(not(target_family = "wasm"))]

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use futures::StreamExt;
use samesocket::{Event, Failure, Message, MessageEvent, ProtocolFailure, WebSocket};
use samesocket_fault_server::{Server, heads};
use tokio::runtime::Builder;

#[test]
fn malformed_heads_are_handled_as_the_table_says() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts");
    let results = runtime.block_on(async {
        let server = Server::builder().start().await.expect("the fault server can listen");
        let mut results = BTreeMap::new();
        for head in heads() {
            let url = format!("ws://{}/ws?{}", server.addresses().plain, head.query);
            results.insert(head.name, outcome(&url).await);
        }
        results
    });
    if let Some(folder) = env::var_os("SAMESOCKET_REPORTS") {
        let report = serde_json::to_string(&results).expect("texts");
        fs::write(Path::new(&folder).join("heads-native.json"), report).expect("the folder exists");
    }
    // A later step writes the table with these results.
    if env::var_os("SAMESOCKET_BLESS").is_some() {
        return;
    }
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../heads.md");
    let table = fs::read_to_string(table).expect("the table exists");
    let rows = table.lines().map(|line| line.split(" | ").collect::<Vec<_>>());
    let rows: BTreeMap<_, _> = rows.filter_map(|row| Some((row.first()?.strip_prefix("| ")?, *row.get(4)?))).collect();
    for (name, result) in results {
        assert_eq!(rows.get(name), Some(&&*result), "{name}");
    }
}

/// Connects, and describes the result as the table does.
async fn outcome(url: &str) -> String {
    let socket = WebSocket::new(url, ()).expect("a URL");
    let mut events = socket.events();
    let mut opened = false;
    while let Some(event) = events.next().await {
        match event {
            Event::Open => opened = true,
            Event::Message(MessageEvent { data: Message::Text(text), .. }) if opened && text == "hi" => {
                return "opens".to_owned();
            }
            Event::Close(_) if opened => return "opens, then fails".to_owned(),
            _ => {}
        }
    }
    let reason = match socket.failure() {
        Some(Failure::Refused(response)) => format!("status {}", response.status()),
        Some(Failure::Protocol(failure)) => match failure {
            ProtocolFailure::MalformedHead { rule } => rule.to_owned(),
            ProtocolFailure::HeadTooLong { limit } => format!("more than {limit} bytes"),
            ProtocolFailure::MissingHeader { name, .. } => format!("no {name}"),
            ProtocolFailure::WrongHeader { name, .. } => format!("wrong {name}"),
            ProtocolFailure::LostWhileOpening => "incomplete".to_owned(),
            other => other.to_string(),
        },
        other => format!("{other:?}"),
    };
    format!("refuses: {reason}")
}
