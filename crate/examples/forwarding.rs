//! Forwards messages from one socket to another without reading them. A slow receiver slows the sender down.

mod common;

use common::{Outcome, run, say, url};
use samesocket::connect;

fn main() {
    run(forward());
}

async fn forward() -> Outcome {
    let mut from = connect(url()?).lazy().await?;
    let to = connect(url()?).await?;
    let mut bytes = 0;
    while let Some(message) = from.next().await {
        let message = message?;
        bytes += message.size();
        to.send(message).await?;
    }
    to.drained().await?;
    say(&format!("{bytes} bytes forwarded"));
    Ok(())
}
