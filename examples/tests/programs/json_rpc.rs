//! JSON-RPC with a server that answers in another order.

use futures::channel::oneshot;
use futures::{SinkExt as _, StreamExt as _};
use samesocket_examples::json_rpc::{CallError, Client, Refusal};
use serde_json::{Value, json};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support;

/// A server for one client. It answers when it has this many requests, the last one first.
struct Server {
    url: String,
    /// Completes when the server has all requests.
    complete: oneshot::Receiver<()>,
    /// Lets the server answer.
    answer: oneshot::Sender<()>,
}

async fn start(requests: usize) -> Server {
    let listener = support::listener().await;
    let url = format!("ws://{}", listener.local_addr().expect("it is bound"));
    let (tell, complete) = oneshot::channel();
    let (answer, asked) = oneshot::channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut socket = accept_async(stream).await.expect("a handshake");
        let mut answers = Vec::new();
        while answers.len() < requests {
            let message = socket.next().await.expect("a request").expect("a connection");
            answers.push(response(&serde_json::from_str(message.to_text().expect("text")).expect("JSON")));
        }
        tell.send(()).expect("the test waits");
        asked.await.expect("the test goes on");
        socket.send(Message::text("not JSON")).await.expect("the client reads");
        for answer in answers.into_iter().rev() {
            socket.send(Message::text(answer.to_string())).await.expect("the client reads");
        }
        while let Some(Ok(_)) = socket.next().await {}
    });
    Server { url, complete, answer }
}

fn response(request: &Value) -> Value {
    assert_eq!(request["jsonrpc"], "2.0");
    let id = &request["id"];
    match (request["method"].as_str(), request["params"].as_array().map(Vec::as_slice)) {
        (Some("add"), Some([one, two])) => {
            json!({ "jsonrpc": "2.0", "id": id, "result": one.as_u64().unwrap() + two.as_u64().unwrap() })
        }
        _ => json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32601, "message": "Method not found" } }),
    }
}

#[test]
fn calls_of_100_tasks_each_get_their_result() {
    support::run(async {
        let server = start(100).await;
        server.answer.send(()).expect("the server waits");
        let output = support::output(env!("CARGO_BIN_EXE_json_rpc"), [server.url]).await;
        assert_eq!(output, "sum of 100 results: 10100\n");
    });
}

#[test]
fn cancelled_calls_leave_nothing_and_disturb_none() {
    support::run(async {
        let server = start(100).await;
        let (client, receiving) = Client::connect(&server.url).await.expect("a connection");
        let receiving = tokio::spawn(receiving);
        let mut calls = Vec::new();
        for number in 0..100_u32 {
            let client = client.clone();
            calls.push(tokio::spawn(async move { client.call::<_, u32>("add", [number, 1]).await }));
        }
        server.complete.await.expect("the server is there");
        assert_eq!(client.waiting(), 100);
        for call in calls.iter().step_by(2) {
            call.abort();
        }
        let mut results = Vec::new();
        for call in calls.iter_mut().step_by(2) {
            assert!(call.await.expect_err("it was cancelled").is_cancelled());
        }
        assert_eq!(client.waiting(), 50);
        server.answer.send(()).expect("the server waits");
        for call in calls.into_iter().skip(1).step_by(2) {
            results.push(call.await.expect("no panic").expect("a result"));
        }
        assert_eq!(results, (0..100).skip(1).step_by(2).map(|number| number + 1).collect::<Vec<u32>>());
        assert_eq!(client.waiting(), 0);
        drop(client);
        receiving.await.expect("no panic").expect("a clean end");
    });
}

#[test]
fn call_of_unknown_method_is_refused() {
    support::run(async {
        let server = start(1).await;
        let (client, receiving) = Client::connect(&server.url).await.expect("a connection");
        tokio::spawn(receiving);
        server.answer.send(()).expect("the server waits");
        match client.call::<_, Value>("divide", [1, 0]).await {
            Err(CallError::Refused(Refusal { code: -32601, message })) => assert_eq!(message, "Method not found"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn calls_of_a_lost_connection_fail() {
    support::run(async {
        let server = start(1).await;
        let (client, receiving) = Client::connect(&server.url).await.expect("a connection");
        let receiving = tokio::spawn(receiving);
        let waiting = tokio::spawn({
            let client = client.clone();
            async move { client.call::<_, u32>("add", [1, 1]).await }
        });
        server.complete.await.expect("the server is there");
        // The server's task ends without an answer, and with it the connection.
        drop(server.answer);
        assert!(matches!(waiting.await.expect("no panic"), Err(CallError::Closed)));
        receiving.await.expect("no panic").expect_err("the connection was lost");
        assert!(matches!(client.call::<_, u32>("add", [1, 1]).await, Err(CallError::Closed)));
    });
}
