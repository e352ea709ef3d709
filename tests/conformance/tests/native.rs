//! Every script, in a process of its own.
#![cfg(not(target_family = "wasm"))]

use futures::executor::block_on;
use samesocket_conformance::server::Server;
use samesocket_conformance::subjects::{Futures, Samesocket};
use samesocket_conformance::{checklist, in_node, natively, report, scripts, unlevelled};

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

#[test]
fn checklist_and_scripts_name_the_same_rules() {
    checklist::check();
}

#[test]
fn checklist_link_returns_rule_and_url() {
    let (text, url) = checklist::link(62).expect("scripts check rule 62");
    assert_eq!(text, "`send()` in the state `CONNECTING` throws an `InvalidStateError`.");
    assert_eq!(url, "https://websockets.spec.whatwg.org/#dom-websocket-send");
    assert_eq!(checklist::link(0), None);
}
