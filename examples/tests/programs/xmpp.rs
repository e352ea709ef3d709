//! XMPP with prosody.

use std::fs;

use samesocket_examples::xmpp::Client;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{self, Server, installed};

/// Starts a server with the users alice and bob.
async fn start(folder: &TempDir) -> Server {
    let path = folder.path();
    let accounts = path.join("data/localhost/accounts");
    fs::create_dir_all(&accounts).expect("the folder is writable");
    for (user, password) in [("alice", "wonderland"), ("bob", "builder")] {
        let text = format!("return {{ [\"password\"] = \"{password}\"; }};\n");
        fs::write(accounts.join(format!("{user}.dat")), text).expect("the folder is writable");
    }
    let file = path.join("prosody.cfg.lua");
    let command = |port| {
        let text = format!(
            r#"run_as_root = true
            pidfile = "{path}/prosody.pid"
            data_path = "{path}/data"
            modules_enabled = {{ "saslauth", "roster", "presence", "message", "iq", "websocket" }}
            modules_disabled = {{ "s2s" }}
            c2s_ports = {{}}
            c2s_direct_tls_ports = {{}}
            legacy_ssl_ports = {{}}
            https_ports = {{}}
            http_interfaces = {{ "127.0.0.1" }}
            http_ports = {{ {port} }}
            consider_websocket_secure = true
            authentication = "internal_plain"
            log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}
            VirtualHost "localhost"
            "#,
            path = path.display()
        );
        fs::write(&file, text).expect("the folder is writable");
        let mut command = Command::new(installed("SAMESOCKET_PROSODY", "prosody"));
        command.arg("--config").arg(&file).arg("-F");
        command
    };
    support::start(command, |line, port| line.contains(&format!("Activated service 'http' on [127.0.0.1]:{port}")))
        .await
}

#[test]
fn prosody_passes_messages_between_two_users() {
    support::run(async {
        let folder = TempDir::new().expect("a folder");
        let server = start(&folder).await;
        let url = format!("ws://localhost:{}/xmpp-websocket", server.port);
        let arguments = [&url, "localhost", "alice", "wonderland", "bob", "builder"];
        let output = support::output(env!("CARGO_BIN_EXE_xmpp"), arguments).await;
        assert_eq!(output, "bob received \"a < b & c?\"\nalice received \"yes\"\n");
    });
}

#[test]
fn prosody_refuses_a_wrong_password() {
    support::run(async {
        let folder = TempDir::new().expect("a folder");
        let server = start(&folder).await;
        let url = format!("ws://localhost:{}/xmpp-websocket", server.port);
        let error = Client::login(&url, "localhost", "alice", "looking-glass").await.err().expect("it is refused");
        assert!(error.to_string().contains("not-authorized"), "{error}");
    });
}
