//! IPv6 over the loopback address `::1`, which the machine must have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures::join;
use samesocket::rustls::server::Acceptor;
use samesocket::{Failure, Options, Proxy, WebSocket, connect};
use tokio::net::TcpListener;
use tokio_rustls::LazyConfigAcceptor;

use crate::certificates::TestCertificate;
use crate::child_process;
use crate::manual_server::{ManualConnection, ManualServer, failure_of, first_event};

#[tokio::test]
async fn host_field_has_the_brackets_and_the_port() {
    let server = ManualServer::on_ipv6().await;
    let port = server.address().port();
    for (host, field) in [("[::1]", "[::1]"), ("[0:0::0001]", "[::1]"), ("me:secret@[::1]", "[::1]")] {
        let url = format!("ws://{host}:{port}/path");
        let serving = async { server.next().await.accept_upgrade().await };
        let (connected, connection) = join!(async { connect(&url).await }, serving);
        assert_eq!((&*connection.path, connection.fields("Host")), ("/path", vec![&*format!("{field}:{port}")]));
        assert_eq!(connected.unwrap().url(), url.replace(host, &host.replace("0:0::0001", "::1")));
    }
}

#[tokio::test]
async fn localhost_is_reached_at_either_address() {
    for server in [ManualServer::on_ipv6().await, ManualServer::new().await] {
        let url = format!("ws://localhost:{}/", server.address().port());
        let serving = async { server.next().await.accept_upgrade().await };
        let (connected, connection) = join!(async { connect(&url).await }, serving);
        assert_eq!(connection.fields("Host"), [format!("localhost:{}", server.address().port())]);
        assert!(connected.is_ok());
    }
}

#[tokio::test]
async fn local_address_is_that_of_the_family() {
    let server = TcpListener::bind("[::1]:0").await.expect("the address ::1");
    let address = server.local_addr().unwrap();
    let url = format!("ws://{address}/");
    let both = Options::new().local_address(Ipv4Addr::new(127, 0, 0, 9)).local_address(Ipv6Addr::LOCALHOST);
    let _socket = WebSocket::with_options(&url, (), &both).unwrap();
    assert_eq!(server.accept().await.unwrap().1.ip(), IpAddr::V6(Ipv6Addr::LOCALHOST));

    let failure = failure_of(&url, &Options::new().local_address(Ipv4Addr::LOCALHOST)).await;
    let text = format!("no connection to {address}: the local address of the options is of the other family");
    assert_eq!(failure.to_string(), text);
}

#[tokio::test]
async fn address_of_the_other_family_does_not_wait_for_a_turn() {
    let server = ManualServer::on_ipv6().await;
    // The handshake of this socket is under way for the whole test.
    let holding = WebSocket::new(&format!("ws://{}/", server.address()), ()).unwrap();
    let held = server.next().await;
    let url = format!("ws://{}/", server.address());
    let other_family = Options::new().local_address(Ipv4Addr::LOCALHOST);
    let failing = failure_of(&url, &other_family);
    let failure = tokio::time::timeout(std::time::Duration::from_secs(4), failing).await;
    assert!(matches!(failure, Ok(Failure::Connect { .. })), "{failure:?}");
    drop((holding, held));
}

/// Connects over TLS. Returns the name in the `ClientHello`, and whether the socket opens.
async fn client_hello(options: &Options, certificate: &TestCertificate) -> (Option<String>, bool) {
    let server = ManualServer::on_ipv6().await;
    let socket = WebSocket::with_options(&format!("wss://{}/", server.address()), (), options).unwrap();
    let started = LazyConfigAcceptor::new(Acceptor::default(), server.accept().await).await.unwrap();
    let name = started.client_hello().server_name().map(str::to_owned);
    let Ok(stream) = started.into_stream(certificate.config()).await else { return (name, false) };
    drop(ManualConnection::read(stream).await.accept_upgrade().await);
    (name, first_event(&socket).await == "open")
}

#[tokio::test]
async fn certificate_has_to_be_valid_for_the_address() {
    let right = TestCertificate::with(&["a.test", "::1"], |_| {});
    let wrong = TestCertificate::with(&["a.test", "127.0.0.1"], |_| {});
    let trusting = Options::new().root_certificate(right.certificate()).root_certificate(wrong.certificate());
    // An address is no server name of TLS.
    assert_eq!(client_hello(&trusting, &right).await, (None, true));
    assert_eq!(client_hello(&trusting, &wrong).await, (None, false));
    let renamed = trusting.clone().tls_server_name("a.test").unwrap();
    assert_eq!(client_hello(&renamed, &wrong).await, (Some("a.test".to_owned()), true));
    let by_address = trusting.tls_server_name("::1").unwrap();
    assert_eq!(client_hello(&by_address, &right).await, (None, true));
    assert_eq!(client_hello(&by_address, &wrong).await, (None, false));
}

#[tokio::test]
async fn proxy_and_its_target_may_be_addresses() {
    let proxy = ManualServer::on_ipv6().await;
    let options = Options::new().proxy(Proxy::new(&format!("http://{}", proxy.address())).unwrap());
    let serving = async {
        let tunnel = proxy.next().await;
        assert_eq!((&*tunnel.path, tunnel.fields("Host")), ("[2001:db8::1]:80", vec!["[2001:db8::1]:80"]));
        tunnel.open_tunnel().await.accept_upgrade().await
    };
    let (connected, connection) = join!(async { connect("ws://[2001:db8::1]/").options(options).await }, serving);
    assert_eq!(connection.fields("Host"), ["[2001:db8::1]"]);
    assert!(connected.is_ok());
}

#[tokio::test]
async fn no_proxy_is_asked_for_each_hop() {
    let test = "ipv6::no_proxy_is_asked_for_each_hop";
    if let Some(url) = child_process::argument() {
        let options = Options::new().proxy_from_environment().max_redirects(1);
        let socket = WebSocket::with_options(&url, (), &options).unwrap();
        assert_eq!(first_event(&socket).await, "open");
        return;
    }
    for (list, url, is_first_proxied, is_second_proxied) in [
        ("[::1]", "ws://first.invalid/1", true, false),
        ("::/64", "ws://first.invalid/1", true, false),
        ("::2", "ws://first.invalid/1", true, true),
        ("*", "ws://{server}/1", false, false),
    ] {
        let (proxy, server) = (ManualServer::new().await, ManualServer::on_ipv6().await);
        let mut command = child_process::command(test, &url.replace("{server}", &server.address().to_string()));
        for name in ["HTTP_PROXY", "all_proxy", "ALL_PROXY", "NO_PROXY"] {
            command.env_remove(name);
        }
        command.env("http_proxy", format!("http://{}", proxy.address())).env("no_proxy", list);
        let child = command.spawn().unwrap();
        let next =
            async |is_proxied| if is_proxied { proxy.next().await.open_tunnel().await } else { server.next().await };
        let first = next(is_first_proxied).await;
        assert_eq!(first.path, "/1");
        drop(first.respond(&format!("HTTP/1.1 302 x\r\nLocation: ws://{}/2\r\n\r\n", server.address())).await);
        let second = next(is_second_proxied).await;
        assert_eq!((&*second.path, second.fields("Host")), ("/2", vec![&*server.address().to_string()]), "{list}");
        let open = second.accept_upgrade().await;
        child_process::check(&child.wait_with_output().unwrap());
        drop(open);
    }
}
