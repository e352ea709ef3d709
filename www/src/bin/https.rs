//! The program of a page that is served over https. It runs a selection of the scripts over TLS, and the scripts about
//! mixed content.
//!
//! `cargo xtask test` serves the page, opens it in each engine and waits for the report `https-<engine>`.

use samesocket_conformance::server::Server;
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::target::Platform;
use samesocket_conformance::{report, scripts};

fn main() {
    wasm_bindgen_futures::spawn_local(async {
        let all = || scripts::selection().chain(scripts::secure());
        report::record::<Platform>("https", all()).await;
        let outcome = report::run::<Samesocket>("https", all()).await;
        let server = Server::find().await;
        server.put_report(&format!("https-{}", server.engine), &outcome.summary()).await;
    });
}
