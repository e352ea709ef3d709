//! The sender, the receiver and the control of a split socket.

use samesocket::{ReadyState, Socket, connect};
use samesocket_fault_server::Until;

use super::support::Stage;

#[tokio::test]
async fn reunite_joins_halves_of_one_socket_only() {
    let stage = Stage::new().await;
    let (sender, receiver) = connect(stage.url("a", "")).await.unwrap().split();
    let (other, _) = connect(stage.url("b", "")).await.unwrap().split();
    let error = Socket::reunite(other, receiver).unwrap_err();
    let mut socket = Socket::reunite(sender.clone(), error.receiver).unwrap();
    sender.send("a".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().size(), 1);
}

#[tokio::test]
async fn control_outlives_both_halves_and_closes_the_socket() {
    let stage = Stage::new().await;
    let socket = connect(stage.url("a", "subprotocol=chat")).subprotocols("chat").await.unwrap();
    let control = socket.control();
    let (sender, mut receiver) = socket.split();
    let closed = control.close(Some(3001), Some("enough"));
    assert!(receiver.next().await.is_none());
    drop((sender, receiver));
    assert_eq!(closed.await.unwrap().code, 3001);
    assert_eq!((control.ready_state(), &*control.protocol()), (ReadyState::Closed, "chat"));
    assert_eq!(control.closed().await, control.clone().closed().await);
}

#[tokio::test]
async fn weak_control_does_not_keep_the_socket_open() {
    let stage = Stage::new().await;
    let stream = connect(stage.url("a", "")).await.unwrap().into_bytes();
    let (socket, _) = stream.into_parts();
    let weak = socket.control().downgrade();
    assert_eq!(weak.upgrade().unwrap().ready_state(), ReadyState::Open);
    drop(socket.into_bytes());
    assert!(weak.upgrade().is_none());
    assert!(stage.store().wait_record("a", Until::End).await.close.is_some());
}

#[tokio::test]
async fn drop_of_the_last_handle_closes_the_socket() {
    let stage = Stage::new().await;
    let socket = connect(stage.url("a", "")).await.unwrap();
    let control = socket.control();
    let (sender, receiver) = socket.split();
    let second = sender.clone();
    drop(sender);
    drop(receiver);
    second.send("still".into()).await.unwrap();
    drop(second);
    assert_eq!(control.ready_state(), ReadyState::Open);
    let closed = control.closed();
    drop(control);
    let record = stage.store().wait_record("a", Until::End).await;
    assert_eq!(record.message_count, 1);
    assert!(record.close.unwrap().code.is_none());
    assert_eq!(closed.await.code, 1005);
}

#[tokio::test]
async fn socket_without_receiver_still_sees_the_close_event() {
    let stage = Stage::new().await;
    let (sender, receiver) = connect(stage.url("a", "do=flood:3000:65536,close:4000")).await.unwrap().split();
    drop(receiver);
    assert_eq!(sender.control().closed().await.code, 4000);
}
