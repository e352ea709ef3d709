//! Uses a socket from another thread through a `Remote`. In a page, it is used by a task that is `Send`.

mod common;

use common::{Outcome, run, say, url};
use samesocket::{OwnedMessage, Remote, connect};

fn main() {
    run(converse_elsewhere());
}

async fn converse_elsewhere() -> Outcome {
    let remote = connect(url()?).await?.into_remote();
    say(&run_elsewhere(Box::pin(converse(remote))).await?);
    Ok(())
}

/// A task that can move to another thread.
type SendTask = std::pin::Pin<Box<dyn Future<Output = Result<String, samesocket::Error<OwnedMessage>>> + Send>>;

/// Runs the task on another thread.
#[cfg(not(target_family = "wasm"))]
#[expect(clippy::unused_async, reason = "the function for pages awaits")]
async fn run_elsewhere(task: SendTask) -> Result<String, Box<dyn std::error::Error>> {
    let thread = std::thread::spawn(|| futures::executor::block_on(task));
    Ok(thread.join().map_err(|_| "the thread panicked")??)
}

/// Runs the task on this thread, because a page without workers has no other.
#[cfg(target_family = "wasm")]
async fn run_elsewhere(task: SendTask) -> Result<String, Box<dyn std::error::Error>> {
    Ok(task.await?)
}

async fn converse(mut remote: Remote) -> Result<String, samesocket::Error<OwnedMessage>> {
    remote.send("hello from elsewhere".into()).await?;
    let answer = match remote.next().await.transpose()? {
        Some(OwnedMessage::Text(text)) => text.to_string(),
        other => format!("{other:?}"),
    };
    remote.close(Some(1000), None).await?;
    Ok(answer)
}
