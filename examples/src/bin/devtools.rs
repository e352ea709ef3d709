//! `devtools BROWSER [SECONDS]`: starts a browser, loads a page, and computes something there. Gives up after 30 seconds, or
//! after the given time.

use std::env;
use std::path::Path;
use std::time::Duration;

use samesocket_examples::BoxError;
use samesocket_examples::devtools::{Browser, DevTools};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let program = env::args_os().nth(1).ok_or("usage: devtools BROWSER [SECONDS]")?;
    let seconds = env::args().nth(2).map_or(Ok(30), |seconds| seconds.parse())?;
    // Dropping the future ends the browser. A program that is killed from outside would leave it behind.
    tokio::time::timeout(Duration::from_secs(seconds), load_page(Path::new(&program))).await?
}

async fn load_page(program: &Path) -> Result<(), BoxError> {
    let browser = Browser::start(program).await?;
    let mut tools = DevTools::connect(browser.url()).await?;
    let version = tools.command("Browser.getVersion", json!({})).await?;
    println!("product: {}", version["product"].as_str().unwrap_or("unknown"));
    tools.open_page().await?;
    tools.navigate("data:text/html,<title>A page</title>").await?;
    println!("title: {}", tools.evaluate("document.title").await?);
    println!("6*7: {}", tools.evaluate("6*7").await?);
    tools.close_browser().await?;
    browser.ended().await
}
