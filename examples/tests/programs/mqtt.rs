//! MQTT with mosquitto.

use samesocket_examples::mqtt::Session;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{self, Server, installed};

/// Starts a broker with a listener for WebSockets.
async fn start(folder: &TempDir) -> Server {
    let file = folder.path().join("mosquitto.conf");
    let command = |port| {
        // Debian's mosquitto ends without a listener of another kind. Without `socket_domain` it listens on all addresses.
        // As root it would become another user, who cannot read the folder.
        let plain = folder.path().join("plain.sock");
        let text = format!(
            "user root\nallow_anonymous true\nlog_dest stderr\nlistener 0 {}\n\
             listener {port} 127.0.0.1\nprotocol websockets\nsocket_domain ipv4\n",
            plain.display()
        );
        std::fs::write(&file, text).expect("the folder is writable");
        let mut command = Command::new(installed("SAMESOCKET_MOSQUITTO", "mosquitto"));
        command.arg("-c").arg(&file);
        command
    };
    support::start(command, |line, _| line.ends_with(" running")).await
}

#[test]
fn mosquitto_delivers_what_another_session_publishes() {
    support::run(async {
        let folder = TempDir::new().expect("a folder");
        let broker = start(&folder).await;
        let url = format!("ws://127.0.0.1:{}/mqtt", broker.port);
        let output = support::output(env!("CARGO_BIN_EXE_mqtt"), [&url, "rooms/attic", "21.5 °C"]).await;
        assert_eq!(output, "rooms/attic: 21.5 °C\n");
    });
}

#[test]
fn mosquitto_delivers_messages_in_order_and_whole() {
    support::run(async {
        let folder = TempDir::new().expect("a folder");
        let broker = start(&folder).await;
        let url = format!("ws://127.0.0.1:{}/mqtt", broker.port);
        let mut subscriber = Session::connect(&url, "subscriber").await.expect("a session");
        subscriber.subscribe("sizes/#").await.expect("a subscription");
        let mut publisher = Session::connect(&url, "publisher").await.expect("a session");
        // From an empty packet to one that takes several writes of the byte stream.
        let sizes = [0, 1, 127, 128, 65_535, 65_536, 200_000];
        for size in sizes {
            publisher.publish(&format!("sizes/{size}"), &vec![7; size]).await.expect("the broker takes it");
        }
        for size in sizes {
            let (topic, payload) = subscriber.next().await.expect("a message");
            assert_eq!((topic, payload), (format!("sizes/{size}"), vec![7; size].into()));
        }
        publisher.disconnect().await.expect("a clean end");
        subscriber.disconnect().await.expect("a clean end");
    });
}

#[test]
fn session_receives_what_arrives_before_an_answer() {
    support::run(async {
        let folder = TempDir::new().expect("a folder");
        let broker = start(&folder).await;
        let url = format!("ws://127.0.0.1:{}/mqtt", broker.port);
        let mut session = Session::connect(&url, "both").await.expect("a session");
        session.subscribe("own").await.expect("a subscription");
        let texts = ["a", "b", "c"];
        for text in texts {
            session.publish("own", text.as_bytes()).await.expect("the broker takes it");
        }
        for text in texts {
            assert_eq!(session.next().await.expect("a message"), ("own".to_owned(), text.into()));
        }
        session.disconnect().await.expect("a clean end");
    });
}
