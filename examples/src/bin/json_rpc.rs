//! `json_rpc URL`: a hundred tasks call the method `add` of a server, all over one socket.

use std::env;

use futures::future::try_join_all;
use samesocket_examples::BoxError;
use samesocket_examples::json_rpc::Client;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = env::args().nth(1).ok_or("usage: json_rpc URL")?;
    let (client, receiving) = Client::connect(&url).await?;
    tokio::spawn(receiving);
    let calls = (1..=100_u32).map(|number| {
        let client = client.clone();
        tokio::spawn(async move { client.call::<_, u32>("add", [number, number]).await })
    });
    let mut sum = 0;
    for result in try_join_all(calls).await? {
        sum += result?;
    }
    println!("sum of 100 results: {sum}");
    Ok(())
}
