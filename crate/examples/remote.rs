//! A socket that another thread uses, natively, or any task of an executor that wants `Send`.

mod common;

use common::{Outcome, run, say, url};
use samesocket::{OwnedMessage, Remote, connect};

fn main() {
    run(hand_over());
}

async fn hand_over() -> Outcome {
    let remote = connect(url()?).await?.into_remote();
    say(&elsewhere(Box::pin(converse(remote))).await?);
    Ok(())
}

/// The compiler demands that this can go anywhere.
type Anywhere = std::pin::Pin<Box<dyn Future<Output = Result<String, samesocket::Error<OwnedMessage>>> + Send>>;

/// Natively, another thread.
#[cfg(not(target_family = "wasm"))]
#[expect(clippy::unused_async, reason = "in a page there is something to await")]
async fn elsewhere(task: Anywhere) -> Result<String, Box<dyn std::error::Error>> {
    let thread = std::thread::spawn(|| futures::executor::block_on(task));
    Ok(thread.join().map_err(|_| "the thread panicked")??)
}

/// In a page without workers, this thread.
#[cfg(target_family = "wasm")]
async fn elsewhere(task: Anywhere) -> Result<String, Box<dyn std::error::Error>> {
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
