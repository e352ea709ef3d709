//! Logs what a socket does, with the subscriber of `tracing-subscriber`.

mod common;

use common::{Outcome, run, url};
use tracing_subscriber::filter::LevelFilter;

fn main() {
    // The time is left out because a page has no clock for it.
    tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).without_time().init();
    run(converse());
}

async fn converse() -> Outcome {
    let mut socket = samesocket::connect(url()?).await?;
    socket.send("hello".into()).await?;
    drop(socket.next().await);
    socket.close(Some(1000), None).await?;
    Ok(())
}
