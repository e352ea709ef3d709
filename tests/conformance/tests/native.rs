//! All scripts, on native targets.
#![cfg(not(target_family = "wasm"))]

use futures::executor::block_on;
use samesocket_conformance::server::Server;
use samesocket_conformance::subjects::{Futures, Samesocket};
use samesocket_conformance::{checklist, known_deviations, native_expectations, node_deviations, report, scripts};

#[test]
fn samesocket_passes_the_scripts() {
    block_on(report::run::<Samesocket>(native_expectations::CONTEXT, scripts::all())).demand();
}

#[test]
fn futures_api_passes_the_scripts() {
    block_on(report::run::<Futures>(native_expectations::CONTEXT, scripts::all())).demand();
}

#[test]
fn samesocket_passes_the_selection_over_tls() {
    let server = block_on(Server::find()).over_tls();
    block_on(report::run_at::<Samesocket>(server, "tls", scripts::selection())).demand();
}

#[test]
fn expectation_tables_name_existing_scripts() {
    native_expectations::check();
    known_deviations::check(node_deviations::TABLE);
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
