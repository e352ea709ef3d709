//! Two tasks send over one socket. A third receives, and closes the socket.

mod common;

use common::{Outcome, run, say, url};
use futures::future::join;
use samesocket::{Error, Sender, connect};

fn main() {
    run(share());
}

async fn share() -> Outcome {
    let socket = connect(url()?).await?;
    let control = socket.control();
    let (sender, mut receiver) = socket.split();
    let receiving = async {
        let mut count = 0;
        // An echo server returns all messages. The loop also ends if the server closes.
        while count < 20 {
            let Some(message) = receiver.next().await else { break };
            message?;
            count += 1;
        }
        let event = control.close(Some(1000), None).await?;
        Ok::<_, Error>((count, event))
    };
    let sending = async {
        let (first, second) = join(count_to(10, &sender), count_to(10, &sender.clone())).await;
        first.and(second)
    };
    let (counted, sent) = join(receiving, sending).await;
    sent?;
    let (count, event) = counted?;
    say(&format!("{count} messages before the end with {}", event.code));
    Ok(())
}

async fn count_to(end: u32, sender: &Sender) -> Result<(), Error> {
    for number in 1..=end {
        sender.send(number.to_string().into()).await?;
    }
    Ok(())
}
