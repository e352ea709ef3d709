//! The clients in a page, by name.

mod awaited;
mod ewebsock;
mod futures;
mod gloo_net;
mod interface;
mod tokio_tungstenite_wasm;
mod web_sys;
mod websocket_web;
mod ws_stream_wasm;

use crate::job::Job;
use crate::streams::Result;
use crate::{Outcome, callbacks, streams};

/// Does a job with the client of this name.
pub(crate) async fn run(name: &str, job: Job) -> Result<Outcome> {
    if name == "samesocket (poll_in_event)" {
        return samesocket::poll_in_event(async move { streams::run::<futures::Client>(&job).await }).await;
    }
    let job = &job;
    match name {
        "web-sys" | "web-sys (again)" => callbacks::run::<web_sys::Client>(job).await,
        "web-sys (awaited)" => streams::run::<awaited::Client>(job).await,
        "samesocket (interface)" => callbacks::run::<interface::Client>(job).await,
        "samesocket (futures)" => streams::run::<futures::Client>(job).await,
        "gloo-net" => streams::run::<gloo_net::Client>(job).await,
        "ws_stream_wasm" => streams::run::<ws_stream_wasm::Client>(job).await,
        "tokio-tungstenite-wasm" => streams::run::<tokio_tungstenite_wasm::Client>(job).await,
        "ewebsock" => callbacks::run::<ewebsock::Client>(job).await,
        "websocket-web" => streams::run::<websocket_web::Client>(job).await,
        _ => Err(format!("unknown client {name}")),
    }
}
