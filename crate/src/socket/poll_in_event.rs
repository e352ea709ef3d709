//! Polling a future inside the event that wakes it.

use std::future::Future;

use crate::platform;

/// Returns a future that, in a browser, is polled inside the event that wakes it. On native targets, returns the future
/// unchanged.
///
/// Executors in pages poll a woken task in a microtask, after the event. Creating that microtask costs an engine several
/// times as much as reading a short message. The returned future is polled before the event listener returns, so awaiting
/// a message costs as much as a callback does. Other wake-ups, from a timer or from another task, poll it through the
/// executor as usual.
///
/// Use it for tasks that wait for messages: `spawn_local(poll_in_event(async move { … }))`. Any number can exist. Each
/// costs an allocation or two when it is created, and nothing for each message.
///
/// Dropping the returned future drops `future`, but never in the middle of a poll.
///
/// ```no_run
/// # async fn echo() -> Result<(), Box<dyn std::error::Error>> {
/// let mut socket = samesocket::connect("ws://127.0.0.1:9000/echo").await?;
/// let echo = samesocket::poll_in_event(async move {
///     while let Some(message) = socket.next().await {
///         socket.send(message?).await?;
///     }
///     Ok::<_, samesocket::Error>(())
/// });
/// echo.await?;
/// # Ok(())
/// # }
/// ```
pub fn poll_in_event<F>(future: F) -> impl Future<Output = F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    platform::poll_in_event(future)
}
