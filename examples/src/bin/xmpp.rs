//! `xmpp URL DOMAIN USER PASSWORD OTHER OTHER_PASSWORD`: logs in two users. One sends the other a message, who answers.

use std::env;

use samesocket_examples::BoxError;
use samesocket_examples::xmpp::Client;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, domain, user, password, other, other_password] = &arguments[..] else {
        return Err("usage: xmpp URL DOMAIN USER PASSWORD OTHER OTHER_PASSWORD".into());
    };
    let mut one = Client::login(url, domain, user, password).await?;
    let mut two = Client::login(url, domain, other, other_password).await?;
    one.send_message(two.address(), "a < b & c?").await?;
    let question = two.next_message().await?;
    println!("{other} received {:?}", question.body);
    two.send_message(&question.from, "yes").await?;
    println!("{user} received {:?}", one.next_message().await?.body);
    one.close().await?;
    two.close().await
}
