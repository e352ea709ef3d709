//! The wasm target: a page, one of its workers, or Node, which has no address of its own.

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
    static SERVER_JSON: Option<String>;

    type Response;
    #[wasm_bindgen(method, getter)]
    fn ok(this: &Response) -> bool;
    #[wasm_bindgen(method)]
    fn text(this: &Response) -> js_sys::Promise;
}

/// The bounds on values that callbacks own: none, because there is one thread.
pub trait MaybeSendSync {}

impl<T: ?Sized> MaybeSendSync for T {}

/// A boxed future that callbacks may own.
pub type BoxFuture<T> = LocalBoxFuture<'static, T>;

/// The reference socket: the platform's own class, which is independent of the subject.
pub(crate) type ReferenceSocket = Platform;

/// A handle to the task that runs a script; the event loop polls that task.
#[derive(Clone)]
pub(crate) struct ScriptTask;

impl ScriptTask {
    /// Does nothing: the event loop polls the script in a microtask after the event.
    #[expect(clippy::unused_self, reason = "the native target has work to do here")]
    pub(crate) fn resume(&self) {}
}

/// Runs a script on the event loop, which runs one task at a time.
pub(crate) async fn run_uninterrupted<T>(script: impl FnOnce(ScriptTask) -> BoxFuture<T>) -> T {
    script(ScriptTask).await
}

/// Waits for a number of milliseconds.
pub(crate) fn sleep(milliseconds: u32) -> TimeoutFuture {
    TimeoutFuture::new(milliseconds)
}

/// Returns a string that is unique to this run.
pub(crate) fn unique_id() -> String {
    now().to_string()
}

/// Returns the origin of the page or worker.
pub(crate) fn origin() -> String {
    ORIGIN.with(|origin| origin.clone().unwrap_or_default())
}

/// Calls our constructor.
pub(crate) fn open(url: &str, protocols: impl IntoProtocols) -> Result<WebSocket, Exception> {
    WebSocket::new(url, protocols)
}

/// Returns a connection attempt of the futures API.
pub(crate) fn connect_to(url: &str) -> Connect {
    samesocket::connect(url)
}

/// Spawns a future, which the event loop polls in a microtask after the event that it waits for.
pub(crate) fn spawn_in_events(future: BoxFuture<()>) {
    wasm_bindgen_futures::spawn_local(future);
}

/// Reads the addresses of the server from the page's URL, from a global variable, or from a file beside the tests.
pub(crate) async fn look_up() -> Result<Server, String> {
    let search = SEARCH.with(|search| search.clone().unwrap_or_default());
    let text = if let Some(json) = search.strip_prefix("?server=") {
        let json = js_sys::decode_uri_component(json).map_err(|error| format!("{json}: {error:?}"))?;
        String::from(json)
    } else if let Some(json) = SERVER_JSON.with(Clone::clone) {
        json
    } else {
        request(&format!("{}/server.json", origin()), None).await?
    };
    let server: Server = serde_json::from_str(&text).map_err(|error| format!("{text}: {error}"))?;
    Ok(Server { secure: SCHEME.with(|scheme| scheme.as_deref() == Some("https:")), ..server })
}

/// The control plane of the server, over HTTP.
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
        request(&self.url(&format!("report?name={name}")), Some(body)).await.expect("the server accepts reports");
    }

    pub(crate) async fn report(&self, name: &str) -> Result<String, String> {
        request(&self.url(&format!("report?name={name}")), None).await
    }

    async fn ask(&self, query: &str) {
        request(&self.url(query), None).await.expect("the server answers");
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
