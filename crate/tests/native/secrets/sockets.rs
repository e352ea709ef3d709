//! Sockets, their handles, and their errors.

use std::error::Error;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use samesocket::reconnect::{Cause, Limit, Sent, Status, Update};
use samesocket::testing::{self, Network};
use samesocket::typed::{self, BoxError, Codec, Typed};
use samesocket::{
    CloseEvent, Connect, Event, Message, Options, OwnedMessage, ReuniteError, Socket, WebSocket, connect,
};

use super::{SECRET, Texts, URL, debug, display, errors};
use crate::manual_server::ManualServer;

/// Returns an open socket and its peer.
async fn open(network: &Network) -> (Socket, testing::Peer, Vec<Texts>) {
    let mut connecting = network.connect(URL).subprotocols([SECRET]);
    let mut texts = Vec::new();
    let accepting = async {
        let incoming = network.accept().await;
        texts.push(debug("samesocket::testing::Incoming", &[&incoming]));
        incoming.open_with(SECRET, "")
    };
    let (socket, peer) = futures::join!(&mut connecting, accepting);
    texts.push(debug("samesocket::Connect", &[&connecting as &Connect]));
    texts.push(debug("samesocket::testing::Peer", &[&peer]));
    (socket.unwrap(), peer, texts)
}

pub(super) async fn of_sockets() -> Vec<Texts> {
    let network = Network::new();
    let (socket, peer, mut texts) = open(&network).await;
    let (other, other_peer, _) = open(&network).await;
    texts.push(debug("samesocket::Socket", &[&socket]));
    texts.push(debug("samesocket::Control", &[&socket.control()]));
    texts.push(debug("samesocket::WeakControl", &[&socket.control().downgrade()]));
    texts.push(debug("samesocket::Closed", &[&socket.closed()]));
    texts.push(debug("samesocket::Ping", &[&socket.ping()]));
    texts.push(errors("samesocket::PingError", &[&samesocket::PingError::Closed]));
    texts.push(debug("samesocket::ReceivedPings", &[&socket.control().received_pings()]));
    let (sender, receiver) = socket.split();
    let (other_sender, other_receiver) = other.split();
    texts.push(debug("samesocket::Sender", &[&sender]));
    texts.push(debug("samesocket::Receiver", &[&receiver]));
    let error = Socket::reunite(sender, other_receiver).unwrap_err();
    texts.push(errors("samesocket::ReuniteError", &[&error]));
    let ReuniteError { sender, receiver: other_receiver } = error;
    let bytes = Socket::reunite(sender, receiver).unwrap().into_bytes();
    texts.push(debug("samesocket::ByteStream", &[&bytes]));
    let mut drivers = Vec::new();
    let remote = Socket::reunite(other_sender, other_receiver).unwrap().into_remote_by(|driver| drivers.push(driver));
    texts.push(debug("samesocket::Remote", &[&remote]));
    texts.push(debug("samesocket::RemoteDriver", &[&drivers[0]]));
    let (remote_sender, remote_receiver) = remote.split();
    texts.push(debug("samesocket::RemoteSender", &[&remote_sender]));
    texts.push(debug("samesocket::RemoteReceiver", &[&remote_receiver]));
    texts.push(debug("samesocket::testing::Network", &[&network]));
    texts.push(debug("samesocket::testing::Clock", &[&network.clock()]));
    drop((peer, other_peer));

    let server = ManualServer::new().await;
    let url = format!("ws://sEcReT:sEcReT@{}/chat?token=sEcReT", server.address());
    let socket = WebSocket::with_options(&url, (), &Options::new().header("X", SECRET).unwrap()).unwrap();
    let mut events = socket.events();
    let subscription = socket.subscribe(|_, _| {});
    let connection = server.next().await.accept_upgrade().await;
    let stream = connection.respond("\u{1}").await;
    drop(stream);
    texts.push(debug("samesocket::WebSocket", &[&socket]));
    texts.push(debug("samesocket::Events", &[&events]));
    texts.push(debug("samesocket::Subscription", &[&subscription]));
    while let Some(event) = events.next().await {
        texts.push(debug("samesocket::Event", &[&event]));
    }
    texts.push(debug("samesocket::Closed", &[&socket.closed()]));
    texts.push(debug("samesocket::WebSocket", &[&socket]));
    texts.extend(of_events().await);
    texts.extend(of_errors().await);
    texts
}

async fn of_events() -> Vec<Texts> {
    let server = crate::support::TestServer::new().await;
    let url = server.url("a", "do=text:a,close:1000").replace("ws://", "ws://sEcReT:sEcReT@");
    let socket = WebSocket::new(&url, ()).unwrap();
    let events: Vec<_> = socket.events().collect().await;
    let Event::Message(message) = &events[1] else { panic!("{events:?}") };
    // `Lagged` has numbers only.
    let lagged = vec!["two numbers".to_owned()];
    vec![
        debug("samesocket::Event", &events.iter().map(|event| event as _).collect::<Vec<_>>()),
        debug("samesocket::MessageEvent", &[message]),
        debug("samesocket::Origin", &[&message.origin]),
        display("samesocket::Origin", &[&message.origin]),
        Texts("samesocket::Lagged", lagged),
    ]
}

/// Returns the error of a connection that a server refuses.
async fn refused() -> samesocket::ConnectionFailed {
    let server = ManualServer::new().await;
    let url = format!("ws://sEcReT:sEcReT@{}/chat?token=sEcReT", server.address());
    let refusing = async { drop(server.next().await.respond("HTTP/1.1 401 x\r\nSet-Cookie: sEcReT\r\n\r\n").await) };
    let (refused, ()) = futures::join!(connect(url).subprotocols([SECRET]), refusing);
    match refused.unwrap_err() {
        samesocket::ConnectError::Failed(failed) => failed,
        other => panic!("{other:?}"),
    }
}

/// A codec that fails.
struct Unusable;

impl Codec<(), ()> for Unusable {
    fn decode(&self, _: &Message) -> Result<(), BoxError> {
        Err("unusable".into())
    }

    fn encode(&self, (): &()) -> Result<Message, BoxError> {
        Err("unusable".into())
    }
}

async fn of_errors() -> Vec<Texts> {
    use samesocket::ConnectError;

    let failed = refused().await;
    let invalid = connect("ws://sEcReT:sEcReT@h/?sEcReT#sEcReT").await.unwrap_err();
    let repeated = connect(URL).subprotocols([SECRET, SECRET]).await.unwrap_err();
    let network = Network::new();
    let (socket, peer, _) = open(&network).await;
    let closing = socket.close(Some(3000), None);
    let texts = debug("samesocket::Closing", &[&closing]);
    drop(peer);
    let unsent: samesocket::Error = socket.try_send("hello".into()).unwrap_err();
    let lost: samesocket::Error = samesocket::Error::Failed(failed.clone());
    vec![
        texts,
        errors("samesocket::ConnectionFailed", &[&failed]),
        errors("samesocket::ConnectError", &[&ConnectError::Failed(failed.clone()), &invalid, &repeated]),
        errors("samesocket::Error", &[&unsent, &lost]),
        debug("samesocket::typed::Typed", &[&Typed::<(), (), _>::new(open(&network).await.0, Unusable)]),
        errors("samesocket::typed::Error", &[&typed::Error::Socket(lost.clone())]),
    ]
}

pub(super) async fn of_reconnect() -> Vec<Texts> {
    let network = Network::new();
    let builder = network.connect(URL).subprotocols([SECRET]).reconnect();
    let builder_texts = debug("samesocket::reconnect::Reconnect", &[&builder]);
    let reconnecting = builder.start();
    let failed = refused().await;
    let exception = connect(URL).subprotocols([SECRET, SECRET]).await.unwrap_err();
    let causes = [
        Cause::NoAttempt,
        Cause::NotConnected(Arc::new(exception)),
        Cause::NotPrepared(Arc::new(samesocket::Error::Failed(failed.clone()))),
        Cause::Lost(Arc::new(samesocket::Error::Failed(failed))),
        Cause::Closed(CloseEvent::abnormal()),
    ];
    let (limit, cause) = (Limit::Attempts(1), Arc::new(causes[1].clone()));
    let gave_up = Cause::GaveUp { limit, cause };
    let ended = Status::Ended { cause: gave_up.clone() };
    let builder = || network.connect(URL).reconnect().disconnected();
    let driver = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&driver);
    let (live, updates) = builder().executor(move |driver| *slot.lock().unwrap() = Some(driver)).drive_stream();
    live.send(SECRET).unwrap();
    live.reconnect_now();
    let driver = driver.lock().unwrap().take().unwrap();
    let typed = || builder().typed::<(), ()>(Unusable);
    let (typed_live, mut typed_updates) = typed().drive_stream();
    typed_live.socket().reconnect_now();
    network.accept().await.open().send("hello");
    let undecodable = loop {
        if let Update::Message(Err(error)) = typed_updates.next().await.unwrap() {
            break error;
        }
    };
    let update = Update::<OwnedMessage>::Status(ended.clone());
    vec![
        builder_texts,
        debug("samesocket::reconnect::Reconnecting", &[&reconnecting]),
        debug("samesocket::reconnect::Sender", &[&reconnecting.sender()]),
        debug("samesocket::reconnect::StatusChanges", &[&reconnecting.status_changes()]),
        debug("samesocket::reconnect::Status", &[&ended, &Status::Open]),
        display("samesocket::reconnect::Status", &[&ended, &Status::Open]),
        debug("samesocket::reconnect::LiveDriver", &[&driver]),
        debug("samesocket::reconnect::LiveSocket", &[&live]),
        debug("samesocket::reconnect::WeakLiveSocket", &[&live.downgrade()]),
        debug("samesocket::reconnect::Sent", &[&Sent::Queued]),
        debug("samesocket::reconnect::Update", &[&update]),
        debug("samesocket::reconnect::Updates", &[&updates]),
        debug("samesocket::reconnect::TypedReconnect", &[&typed()]),
        debug("samesocket::reconnect::TypedLiveSocket", &[&typed_live]),
        debug("samesocket::reconnect::TypedUpdates", &[&typed_updates]),
        errors("samesocket::reconnect::DecodeError", &[&undecodable]),
        debug("samesocket::reconnect::Limit", &[&limit]),
        display("samesocket::reconnect::Limit", &[&limit]),
        errors("samesocket::reconnect::Cause", &causes.each_ref().map(|cause| cause as &dyn Error)),
        errors("samesocket::reconnect::Cause", &[&gave_up]),
    ]
}
