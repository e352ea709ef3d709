//! Tests of static files.

use std::fs;

use samesocket_fault_server::Server;

use crate::raw_client::http;

#[tokio::test]
async fn static_files_have_type_and_isolation_headers() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("secret.txt"), "secret").unwrap();
    let site = directory.path().join("site");
    fs::create_dir_all(site.join("page")).unwrap();
    fs::write(site.join("index.html"), "<!doctype html>").unwrap();
    fs::write(site.join("a.wasm"), "wasm").unwrap();
    fs::write(site.join("page/b.js"), "b").unwrap();
    let server = Server::builder().static_dir(site).start().await.unwrap();

    for (target, content_type, body) in [
        ("/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/page/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/page/index.html?query", "text/html; charset=utf-8", "<!doctype html>"),
        ("/page/a.wasm", "application/wasm", "wasm"),
        ("/a.wasm", "application/wasm", "wasm"),
        ("/page/b.js", "text/javascript; charset=utf-8", "b"),
    ] {
        let (head, text) = http(&server, "GET", target, "").await;
        assert_eq!(text, body, "{target}");
        for line in [
            format!("Content-Type: {content_type}\r\n"),
            "Cross-Origin-Opener-Policy: same-origin\r\n".to_owned(),
            "Cross-Origin-Embedder-Policy: require-corp\r\n".to_owned(),
            "Cross-Origin-Resource-Policy: cross-origin\r\n".to_owned(),
            "Cache-Control: no-store\r\n".to_owned(),
            "Service-Worker-Allowed: /\r\n".to_owned(),
        ] {
            assert!(head.contains(&line), "{target}: {head}");
        }
    }
    for target in ["/page/../secret.txt", "/..%2fsecret.txt", "/page/%2e%2e/secret.txt", "/page/c.js"] {
        let (head, _) = http(&server, "GET", target, "").await;
        assert!(head.starts_with("HTTP/1.1 404 "), "{target}: {head}");
    }
    let (head, body) = http(&server, "HEAD", "/a.wasm", "").await;
    assert!(head.contains("Content-Length: 4\r\n") && body.is_empty());
}
