//! The place that is a page, or one of its workers; or Node, which has the same globals but for an address.

mod class;
mod platform;

use futures::future::LocalBoxFuture;
use gloo_timers::future::TimeoutFuture;
use samesocket::{Connect, Exception, IntoProtocols, WebSocket};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

pub use self::class::DropIn;
pub use self::platform::Platform;
use crate::server::{Record, Server};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = fetch)]
    fn fetch(url: &str, options: &js_sys::Object) -> js_sys::Promise;
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn now() -> f64;

    #[wasm_bindgen(thread_local_v2, js_name = origin)]
    static ORIGIN: Option<String>;
    #[wasm_bindgen(thread_local_v2, js_namespace = location, js_name = protocol)]
    static SCHEME: Option<String>;
    #[wasm_bindgen(thread_local_v2, js_namespace = location, js_name = search)]
    static SEARCH: Option<String>;
    #[wasm_bindgen(thread_local_v2, js_name = samesocketServer)]
    static HANDED_IN: Option<String>;

    type Response;
    #[wasm_bindgen(method, getter)]
    fn ok(this: &Response) -> bool;
    #[wasm_bindgen(method)]
    fn text(this: &Response) -> js_sys::Promise;
}

/// What callbacks may own: anything, since there is one thread.
pub trait Anywhere {}

impl<T: ?Sized> Anywhere for T {}

/// A future that callbacks may own.
pub type Later<T> = LocalBoxFuture<'static, T>;

/// The platform's own class: independent of what is examined.
pub(crate) type Bystander = Platform;

/// The turn of a script. It is the event loop's to give.
#[derive(Clone)]
pub(crate) struct Turn;

impl Turn {
    /// Lets the script go on after an event; the event loop does, before it has anything else done.
    #[expect(clippy::unused_self, reason = "other places have something to do")]
    pub(crate) fn checkpoint(&self) {}
}

/// Performs a script.
pub(crate) async fn play<T>(_: &Server, script: impl FnOnce(Turn) -> Later<T>) -> T {
    script(Turn).await
}

/// Waits for so many milliseconds.
pub(crate) fn elapse(milliseconds: u32) -> TimeoutFuture {
    TimeoutFuture::new(milliseconds)
}

/// Gives what no other run has.
pub(crate) fn mark() -> String {
    now().to_string()
}

/// The origin of the page or worker.
pub(crate) fn origin() -> String {
    ORIGIN.with(|origin| origin.clone().unwrap_or_default())
}

/// Calls our constructor.
pub(crate) fn open(url: &str, protocols: impl IntoProtocols) -> Result<WebSocket, Exception> {
    WebSocket::new(url, protocols)
}

/// Begins to make a connection by the futures API.
pub(crate) fn dial(url: &str) -> Connect {
    samesocket::connect(url)
}

/// Has a future go on: the event loop does, right after the event that it has waited for.
pub(crate) fn drive(future: Later<()>) {
    wasm_bindgen_futures::spawn_local(future);
}

/// Reads where the server is from the page's address, from what was handed in, or from beside the tests.
pub(crate) async fn look_up() -> Result<Server, String> {
    let search = SEARCH.with(|search| search.clone().unwrap_or_default());
    let text = if let Some(told) = search.strip_prefix("?server=") {
        let told = js_sys::decode_uri_component(told).map_err(|error| format!("{told}: {error:?}"))?;
        String::from(told)
    } else if let Some(told) = HANDED_IN.with(Clone::clone) {
        told
    } else {
        request(&format!("{}/server.json", origin()), None).await?
    };
    let server: Server = serde_json::from_str(&text).map_err(|error| format!("{text}: {error}"))?;
    Ok(Server { secure: SCHEME.with(|scheme| scheme.as_deref() == Some("https:")), ..server })
}

/// The server's control plane, over HTTP.
pub(crate) struct Control<'a>(&'a Server);

impl<'a> Control<'a> {
    pub(crate) fn of(server: &'a Server) -> Self {
        Self(server)
    }

    pub(crate) async fn release(&self, id: &str, gate: &str) {
        self.ask(&format!("release?id={id}&gate={gate}")).await;
    }

    pub(crate) async fn record(&self, id: &str, until: &str) -> Result<Record, String> {
        let text = request(&self.url(&format!("record?id={id}&until={until}")), None).await?;
        Ok(serde_json::from_str(&text).expect("a record"))
    }

    pub(crate) async fn all_gone(&self, prefix: &str) {
        self.ask(&format!("live?prefix={prefix}&until=0")).await;
    }

    pub(crate) async fn put_report(&self, name: &str, body: &str) {
        request(&self.url(&format!("report?name={name}")), Some(body)).await.expect("a server that takes reports");
    }

    pub(crate) async fn report(&self, name: &str) -> Result<String, String> {
        request(&self.url(&format!("report?name={name}")), None).await
    }

    async fn ask(&self, query: &str) {
        request(&self.url(query), None).await.expect("a server that answers");
    }

    fn url(&self, query: &str) -> String {
        let Self(server) = self;
        let scheme = if server.secure { "https" } else { "http" };
        format!("{scheme}://{}/control/{query}", server.host())
    }
}

async fn request(url: &str, body: Option<&str>) -> Result<String, String> {
    let options = js_sys::Object::new();
    if let Some(body) = body {
        js_sys::Reflect::set(&options, &"method".into(), &"POST".into()).expect("an object");
        js_sys::Reflect::set(&options, &"body".into(), &body.into()).expect("an object");
    }
    let response = JsFuture::from(fetch(url, &options)).await.map_err(|error| format!("{url}: {error:?}"))?;
    let response: Response = response.unchecked_into();
    let text = JsFuture::from(response.text()).await.expect("a body").as_string().expect("a string");
    if response.ok() { Ok(text) } else { Err(text) }
}
