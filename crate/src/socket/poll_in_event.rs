//! Futures that go on where a socket wakes them.

use std::future::Future;

use crate::platform;

/// Has a future go on in the very event that it waits for, in a page; natively it is given back as it is.
///
/// Executors of pages poll what a message has woken in a microtask after the message's event, and having one made costs an
/// engine several times what it costs to read a short message. A future that this gives is polled before the event's
/// listener returns, so that a program may await messages at the price of a callback, and an answer is sent that much
/// sooner. Whatever else wakes it, a timer or another task, it is the executor that polls it, as ever.
///
/// It is for tasks that live on a socket's messages: `spawn_local(poll_in_event(async move { … }))`. There is no limit to how
/// many there may be; one more costs an allocation or two when it is made, and nothing a message.
///
/// Dropping it drops the future, as soon as that is not being polled.
///
/// ```no_run
/// # async fn echo() -> Result<(), Box<dyn std::error::Error>> {
/// let mut socket = samesocket::connect("ws://127.0.0.1:9000/echo").await?;
/// let echo = samesocket::promptly(async move {
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
