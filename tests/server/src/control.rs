//! The control plane: HTTP requests by which tests read records, open gates and store reports.

use std::{fmt::Display, str::FromStr, time::Duration};

use serde::Serialize;
use tokio::time::timeout;

use crate::{
    heads::heads,
    http::{Request, Response},
    record::Until,
    store::Store,
};

/// The longest time that a request may wait. Arbitrary; the tests' own timeouts are longer.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

/// Answers a request to a path under `/control/`.
pub(crate) async fn respond(store: &Store, request: &Request, body: Vec<u8>) -> Response {
    let path = request.path().trim_start_matches("/control/");
    let answer = match (request.method.as_str(), path) {
        ("GET", "ping") => Ok(Response::text(200, "pong")),
        ("GET", "heads") => json(&heads()),
        ("GET", "record") => record(store, request).await,
        ("GET" | "POST", "release") => release(store, request),
        ("GET", "live") => live(store, request).await,
        ("GET", "connections") => json(&store.connections()),
        ("GET", "report") => report(store, request),
        ("POST", "report") => put_report(store, request, body),
        (method, _) => Err(Response::text(404, format!("there is no control request `{method} {path}`\n"))),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

async fn record(store: &Store, request: &Request) -> Result<Response, Response> {
    let id = required(request, "id")?;
    let nth: Option<usize> = optional(request, "nth")?;
    let record = match optional::<Until>(request, "until")? {
        Some(until) => with_timeout(store.wait_nth_record(&id, nth, until)).await?,
        None => match nth {
            Some(nth) => store.nth_record(&id, nth),
            None => store.record(&id),
        }
        .ok_or_else(|| Response::text(404, format!("there is no connection with the id `{id}`\n")))?,
    };
    json(&record)
}

fn json(value: &impl Serialize) -> Result<Response, Response> {
    serde_json::to_string(value).map(Response::json).map_err(|error| Response::text(500, format!("{error}\n")))
}

fn release(store: &Store, request: &Request) -> Result<Response, Response> {
    store.release(&required(request, "id")?, &required(request, "gate")?);
    Ok(Response::text(200, "released"))
}

async fn live(store: &Store, request: &Request) -> Result<Response, Response> {
    let prefix = request.parameter("prefix").unwrap_or_default();
    if let Some(count) = optional(request, "until")? {
        with_timeout(store.wait_live(&prefix, count)).await?;
        return Ok(Response::json(count.to_string()));
    }
    Ok(Response::json(store.live(&prefix).to_string()))
}

fn report(store: &Store, request: &Request) -> Result<Response, Response> {
    let name = required(request, "name")?;
    store
        .report(&name)
        .map(|text| Response::text(200, text))
        .ok_or_else(|| Response::text(404, format!("there is no report named `{name}`\n")))
}

fn put_report(store: &Store, request: &Request, body: Vec<u8>) -> Result<Response, Response> {
    let text = String::from_utf8(body).map_err(|_| Response::text(400, "a report must be UTF-8 text\n"))?;
    store.put_report(&required(request, "name")?, text);
    Ok(Response::text(200, "stored"))
}

fn required(request: &Request, name: &str) -> Result<String, Response> {
    request.parameter(name).ok_or_else(|| Response::text(400, format!("the parameter `{name}` is missing\n")))
}

fn optional<T: FromStr<Err: Display>>(request: &Request, name: &str) -> Result<Option<T>, Response> {
    request
        .parameter(name)
        .map(|text| text.parse().map_err(|error| Response::text(400, format!("`{name}={text}`: {error}\n"))))
        .transpose()
}

async fn with_timeout<T>(wait: impl Future<Output = T>) -> Result<T, Response> {
    timeout(WAIT_TIMEOUT, wait).await.map_err(|_| Response::text(408, "the condition was not met within 20 seconds\n"))
}
