//! `mqtt URL TOPIC MESSAGE`: subscribes to a topic, publishes a message there with a second session, and prints what arrives.

use std::env;

use samesocket_examples::BoxError;
use samesocket_examples::mqtt::Session;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, topic, message] = &arguments[..] else {
        return Err("usage: mqtt URL TOPIC MESSAGE".into());
    };
    let mut subscriber = Session::connect(url, "samesocket-subscriber").await?;
    subscriber.subscribe(topic).await?;
    let mut publisher = Session::connect(url, "samesocket-publisher").await?;
    publisher.publish(topic, message.as_bytes()).await?;
    publisher.disconnect().await?;
    let (topic, payload) = subscriber.next().await?;
    println!("{topic}: {}", String::from_utf8_lossy(&payload));
    subscriber.disconnect().await
}
