//! A JSON-RPC 2.0 client: any number of tasks call methods over one socket.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::channel::oneshot;
use samesocket::typed::{Error, Json, Typed};
use samesocket::{ConnectError, Receiver, Sender, connect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request, as it is sent.
#[derive(Serialize)]
struct Request {
    jsonrpc: &'static str,
    id: u64,
    method: String,
    params: Value,
}

/// A response, as it is received.
#[derive(Deserialize)]
struct Response {
    id: u64,
    #[serde(default)]
    result: Value,
    error: Option<Refusal>,
}

/// The server's error for one call.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Refusal {
    /// The number of the error.
    pub code: i64,
    /// The server's words.
    pub message: String,
}

/// The error of a call.
#[derive(Debug)]
pub enum CallError {
    /// The server refused the call.
    Refused(Refusal),
    /// The parameters cannot be written as JSON, or the result is not what the caller asked for.
    Value(serde_json::Error),
    /// The request was not sent.
    NotSent(Error<samesocket::Error>),
    /// The connection ended before the response arrived.
    Closed,
}

/// The calls that wait for their response. `None` after the end of the connection.
type Waiting = Mutex<Option<HashMap<u64, oneshot::Sender<Response>>>>;

/// A client. Its clones share one socket, which closes with the last of them.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    sender: Sender,
    waiting: Arc<Waiting>,
    next_id: AtomicU64,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The receiver would keep the socket open. Closing starts at once; no task waits for the end.
        drop(self.sender.control().close(Some(1000), None));
    }
}

impl Client {
    /// Connects. Returns the client, and a future that receives the responses and has to be spawned.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no connection.
    pub async fn connect(
        url: &str,
    ) -> Result<(Self, impl Future<Output = Result<(), samesocket::Error>> + use<>), ConnectError> {
        let (sender, receiver) = connect(url).await?.split();
        let waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let shared = Shared { sender, waiting: Arc::clone(&waiting), next_id: AtomicU64::new(1) };
        Ok((Self { shared: Arc::new(shared) }, receive(receiver, waiting)))
    }

    /// Calls a method and waits for its result. Dropping the future forgets the call.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn call<P: Serialize, R: DeserializeOwned>(&self, method: &str, params: P) -> Result<R, CallError> {
        let params = serde_json::to_value(params).map_err(CallError::Value)?;
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let mut call = Call::new(id, &self.shared.waiting).ok_or(CallError::Closed)?;
        let request = Request { jsonrpc: "2.0", id, method: method.to_owned(), params };
        let mut requests = Typed::<(), Request, _>::new(self.shared.sender.clone(), Json);
        requests.send(&request).await.map_err(CallError::NotSent)?;
        let response = (&mut call.response).await.map_err(|_| CallError::Closed)?;
        match response.error {
            Some(refusal) => Err(CallError::Refused(refusal)),
            None => serde_json::from_value(response.result).map_err(CallError::Value),
        }
    }

    /// Returns the number of calls that wait for their response.
    pub fn waiting(&self) -> usize {
        lock(&self.shared.waiting).as_ref().map_or(0, HashMap::len)
    }
}

/// A call in the table. Dropping it removes it, so that a cancelled call leaves nothing behind.
struct Call<'a> {
    id: u64,
    response: oneshot::Receiver<Response>,
    waiting: &'a Waiting,
}

impl<'a> Call<'a> {
    /// Adds a call to the table. Returns `None` after the end of the connection.
    fn new(id: u64, waiting: &'a Waiting) -> Option<Self> {
        let (sender, response) = oneshot::channel();
        lock(waiting).as_mut()?.insert(id, sender);
        Some(Self { id, response, waiting })
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = lock(self.waiting).as_mut() {
            waiting.remove(&self.id);
        }
    }
}

/// Hands each response to its caller, until the connection ends. Then the calls that still wait fail.
async fn receive(receiver: Receiver, waiting: Arc<Waiting>) -> Result<(), samesocket::Error> {
    let mut responses = Typed::<Response, (), _>::new(receiver, Json);
    let mut end = Ok(());
    while let Some(response) = responses.next().await {
        match response {
            Ok(response) => {
                let caller = lock(&waiting).as_mut().and_then(|waiting| waiting.remove(&response.id));
                // Without a caller, the call was cancelled.
                caller.map(|caller| caller.send(response));
            }
            Err(Error::Socket(error)) => end = Err(error),
            Err(error) => eprintln!("not a response: {error}"),
        }
    }
    lock(&waiting).take();
    end
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Response>>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(Refusal { code, message }) => write!(f, "the server refused with {code}: {message}"),
            Self::Value(error) => write!(f, "not the expected JSON: {error}"),
            Self::NotSent(error) => error.fmt(f),
            Self::Closed => f.write_str("the connection ended before the response"),
        }
    }
}

impl std::error::Error for CallError {}
