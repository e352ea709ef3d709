//! The clients, by name.

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
use crate::streaming::Result;
use crate::{Outcome, calling, streaming};

/// Has the client of this name do a job.
pub(crate) async fn run(name: &str, job: Job) -> Result<Outcome> {
    if name == "samesocket (promptly)" {
        return samesocket::poll_in_event(async move { streaming::run::<futures::Client>(&job).await }).await;
    }
    let job = &job;
    match name {
        "web-sys" => calling::run::<web_sys::Client>(job).await,
        "web-sys (awaited)" => streaming::run::<awaited::Client>(job).await,
        "samesocket (interface)" => calling::run::<interface::Client>(job).await,
        "samesocket (futures)" => streaming::run::<futures::Client>(job).await,
        "gloo-net" => streaming::run::<gloo_net::Client>(job).await,
        "ws_stream_wasm" => streaming::run::<ws_stream_wasm::Client>(job).await,
        "tokio-tungstenite-wasm" => streaming::run::<tokio_tungstenite_wasm::Client>(job).await,
        "ewebsock" => calling::run::<ewebsock::Client>(job).await,
        "websocket-web" => streaming::run::<websocket_web::Client>(job).await,
        _ => Err(format!("there is no client {name}")),
    }
}
