//! All scripts, on native targets.
#![cfg(not(target_family = "wasm"))]

use futures::executor::block_on;
use samesocket_conformance::report::{Examination, Verdict};
use samesocket_conformance::server::Server;
use samesocket_conformance::subjects::{Futures, Samesocket};
use samesocket_conformance::{
    checklist, known_deviations, native_expectations, not_applicable, report, runtime_deviations, scripts,
};

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
fn samesocket_passes_the_scripts_over_http2() {
    let server = block_on(Server::find()).over_http2();
    block_on(report::run_at::<Samesocket>(server, "http2", scripts::all())).demand();
}

#[test]
fn futures_api_passes_the_scripts_over_http2() {
    let server = block_on(Server::find()).over_http2();
    block_on(report::run_at::<Futures>(server, "http2", scripts::all())).demand();
}

#[test]
fn samesocket_passes_the_selection_over_http2_with_tls() {
    let server = block_on(Server::find()).over_http2().over_tls();
    block_on(report::run_at::<Samesocket>(server, "http2-tls", scripts::selection())).demand();
}

#[test]
fn expectation_tables_name_existing_scripts() {
    native_expectations::check();
    for runtime in runtime_deviations::RUNTIMES {
        let table = runtime_deviations::table(runtime).expect("each runtime has a table");
        known_deviations::check(table);
        assert!(table.iter().all(|line| line.engine == *runtime), "a line of {runtime} names another engine");
    }
}

#[test]
fn scripts_that_are_not_applicable_are_listed() {
    not_applicable::check();
}

#[test]
fn script_over_ipv6_fails_without_it() {
    let server = Server { plain6: None, ..block_on(Server::find()) };
    let script = scripts::all().find(|script| script.name == "an IPv6 address can be reached").expect("there is one");
    let finding = block_on(Examination::<Samesocket>::demanding(server, "without-ipv6").examine(script));
    assert_eq!(finding.verdict, Verdict::Different);
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
