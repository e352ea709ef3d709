//! Every script, in a process of its own.
#![cfg(not(target_family = "wasm"))]

use futures::executor::block_on;
use samesocket_conformance::server::Server;
use samesocket_conformance::subjects::{Futures, Samesocket};
use samesocket_conformance::{in_node, natively, report, scripts, unlevelled};

#[test]
fn samesocket_does_what_the_standard_says() {
    block_on(report::run::<Samesocket>(natively::CONTEXT, scripts::all())).demand();
}

#[test]
fn the_futures_api_does_what_the_standard_says() {
    block_on(report::run::<Futures>(natively::CONTEXT, scripts::all())).demand();
}

#[test]
fn a_selection_is_as_the_standard_says_over_tls() {
    let server = block_on(Server::find()).over_tls();
    block_on(report::run_at::<Samesocket>(server, "tls", scripts::selection())).demand();
}

#[test]
fn what_differs_from_a_page_is_told_of_scripts_that_there_are() {
    natively::check();
    unlevelled::check(in_node::TABLE);
}
