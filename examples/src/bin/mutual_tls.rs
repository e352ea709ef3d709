//! `mutual_tls PROXY URL AUTHORITY CERTIFICATES KEY`: sends a greeting through the proxy and prints the answer. The last three
//! are PEM files.

use std::env;
use std::path::Path;

use samesocket_examples::BoxError;
use samesocket_examples::mutual_tls::{Identity, connect_through};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [proxy, url, authority, certificates, key] = &arguments[..] else {
        return Err("usage: mutual_tls PROXY URL AUTHORITY CERTIFICATES KEY".into());
    };
    let identity = Identity { certificates: Path::new(certificates), key: Path::new(key) };
    let mut socket = connect_through(proxy, url, Path::new(authority), Some(identity)).await?;
    socket.send("hello".into()).await?;
    match socket.next().await.transpose()? {
        Some(message) => println!("{}", message.as_text().unwrap_or("[not text]")),
        None => println!("[closed without an answer]"),
    }
    socket.close(Some(1000), None).await?;
    Ok(())
}
