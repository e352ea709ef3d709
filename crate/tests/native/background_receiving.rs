//! Receiving on the background thread, which delivers the messages of several large reads together.

use samesocket::{Options, connect};

use crate::support::TestServer;

#[tokio::test]
async fn background_thread_never_exceeds_the_room_of_the_receiver() {
    let test_server = TestServer::new().await;
    let url = test_server.url("a", "do=flood:200:16384,close:1000");
    for messages in [1, 3, 100] {
        let options = Options::new().background_thread();
        let mut socket = connect(&*url).options(options).receive_limit(messages, 1 << 30).await.unwrap();
        // With more than there is room for, the stream would end with an error.
        let mut received = 0;
        while let Some(message) = socket.try_next().await.unwrap() {
            assert_eq!(message.size(), 16_384);
            received += 1;
        }
        assert_eq!(received, 200);
    }
}
