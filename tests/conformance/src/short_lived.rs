//! Short connections, for the tests that count leaks.

use samesocket::connect;

/// Opens a connection to an echo server and ends it; `way` modulo 4 selects how it ends.
///
/// # Panics
///
/// If any step fails.
pub async fn connect_and_end(url: String, way: usize) {
    let mut socket = connect(url).await.unwrap();
    socket.send("hello".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().size(), 5);
    match way % 4 {
        0 => assert!(socket.close(Some(1000), None).await.unwrap().was_clean),
        1 => drop(socket),
        2 => {
            let (sender, receiver) = socket.split();
            drop(receiver);
            sender.send("more".into()).await.unwrap();
        }
        _ => {
            let mut remote = socket.into_remote();
            remote.send("far".into()).await.unwrap();
            assert_eq!(remote.next().await.unwrap().unwrap().size(), 3);
        }
    }
}
