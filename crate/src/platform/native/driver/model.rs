//! The model tests of the hand-over between senders, the driver, the system, a waiter for `drained`, a receiver, and a thread that
//! closes.
//!
//! Everything is the real code, from the futures API down to [`super::Driver`]. Only the stream is a model of the system's: it
//! accepts some of the bytes, or none until the server has taken some. `shuttle` runs the threads one at a time, and decides
//! at each lock which of them goes on. A lost wake-up leaves all threads waiting, which `shuttle` reports as a deadlock.
//!
//! It is compiled with `--cfg shuttle`; `cargo xtask test` runs it.

use std::collections::VecDeque;
use std::io;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use shuttle::rand::{Rng as _, thread_rng};
use shuttle::scheduler::RandomScheduler;
use shuttle::sync::{Condvar, Mutex};
use shuttle::{Config, Runner, future, thread};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, Handle};

use crate::options::Options;
use crate::platform::native::dial::io_stream::IoStream;
use crate::socket::{Socket, connect};
use crate::types::message::Message;
use samesocket_protocol::handshake::accept_key;

/// The schedules in which a wake-up could be lost, which are many: with a stream of this crate, which is polled under the
/// connection's lock, and with one of the user's, which is polled while nothing is locked.
const WAKING: [usize; 2] = [20_000, 10_000];

/// The schedules in which a Close could overtake a message, likewise.
const CLOSING: [usize; 2] = [4_000, 2_000];

/// The schedules in which the receiver and the driver could overtake each other, or leave bytes unread.
const RECEIVING: usize = 10_000;

/// The times that a server that pauses lets others go on, at most. The driver takes about ten locks for a read.
const PAUSE: usize = 100;

/// The messages of each sender, and the size of each in bytes.
const MESSAGES: usize = 3;
const SIZE: usize = 40;

/// A receive limit that is not reached.
const MANY: usize = 100;

/// The times that the waiter waits for `drained`.
const WAITS: usize = 4;

/// The bytes that the system buffers at most, chosen for each schedule. With little of it, writes block within a frame; with
/// more, they are partial and do not block.
const CAPACITY: RangeInclusive<usize> = 20..=100;

/// A connection as the system has it.
#[derive(Default)]
struct Pipe {
    /// The bytes on their way to the server.
    sent: VecDeque<u8>,
    /// The bytes on their way to the client.
    received: VecDeque<u8>,
    /// The client's wakers, and whether its direction is shut down.
    writer: Option<Waker>,
    reader: Option<Waker>,
    shut_down: bool,
    capacity: usize,
}

/// The connection, and the signal that the client has sent bytes.
#[derive(Default)]
struct System {
    pipe: Mutex<Pipe>,
    has_sent: Condvar,
}

/// The client's end.
struct Client(Arc<System>);

impl AsyncRead for Client {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut pipe = self.0.pipe.lock().unwrap();
        if pipe.received.is_empty() {
            if pipe.shut_down {
                return Poll::Ready(Ok(()));
            }
            pipe.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = pipe.received.len().min(buffer.remaining());
        let bytes: Vec<u8> = pipe.received.drain(..count).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut pipe = self.0.pipe.lock().unwrap();
        let free = pipe.capacity - pipe.sent.len();
        if free == 0 {
            pipe.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = bytes.len().min(thread_rng().gen_range(1..=free));
        pipe.sent.extend(&bytes[..count]);
        drop(pipe);
        self.0.has_sent.notify_one();
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The system and the server: takes what was sent until `expected` payload bytes have arrived, and answers the opening
/// handshake. It wakes the client only when that can write or read more.
fn serve(system: &System, expected: usize) {
    let mut head = Vec::new();
    let mut taken = 0;
    let mut is_open = false;
    while taken < expected {
        let wakers = {
            let mut pipe = system.pipe.lock().unwrap();
            while pipe.sent.is_empty() {
                pipe = system.has_sent.wait(pipe).unwrap();
            }
            let bytes: Vec<u8> = pipe.sent.drain(..).collect();
            let mut reader = None;
            if is_open {
                taken += bytes.len();
                if thread_rng().gen_range(0..4) == 0 {
                    // A pong that nothing asked for. After a read, a sender writes itself again.
                    pipe.received.extend([0x8a, 0]);
                    reader = pipe.reader.take();
                }
            } else {
                head.extend(bytes);
                if head.ends_with(b"\r\n\r\n") {
                    is_open = true;
                    pipe.received.extend(response(&head).into_bytes());
                    reader = pipe.reader.take();
                }
            }
            [pipe.writer.take(), reader]
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

fn response(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    let accept = accept_key(key);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

fn new_system() -> Arc<System> {
    let system = Arc::new(System::default());
    system.pipe.lock().unwrap().capacity = thread_rng().gen_range(CAPACITY);
    system
}

/// Opens a socket over the system, which is served already. `receive_limit` is the messages that may wait to be received.
fn open(system: &Arc<System>, is_own_stream: bool, receive_limit: usize) -> Arc<Socket> {
    let client = Arc::clone(system);
    let connector = move |_: &_| {
        let stream: Box<dyn IoStream> = Box::new(Client(Arc::clone(&client)));
        std::future::ready(Ok(stream))
    };
    let options = Options::new().connector(connector).runtime(Handle::current());
    // `PlatformSettings::has_builtin_stream` looks at the origin in this model.
    let options = if is_own_stream { options } else { options.origin("http://model.invalid").unwrap() };
    let connect = connect("ws://model.invalid/").options(options).receive_limit(receive_limit, 1 << 20);
    Arc::new(future::block_on(connect.into_future()).unwrap())
}

/// Sends messages from two threads over one socket, while a third one waits until they are written.
fn exchange(is_own_stream: bool) {
    let system = new_system();
    // A frame of this size has a header of 6 bytes: 2, and the masking key.
    let expected = 2 * MESSAGES * (SIZE + 6);
    let server = {
        let system = Arc::clone(&system);
        thread::spawn(move || serve(&system, expected))
    };
    let socket = open(&system, is_own_stream, MANY);
    let senders: Vec<_> = (0..2_u8)
        .map(|sender| {
            let socket = Arc::clone(&socket);
            thread::spawn(move || {
                for _ in 0..MESSAGES {
                    future::block_on(socket.send(Message::Binary(Bytes::from(vec![sender; SIZE])))).unwrap();
                }
            })
        })
        .collect();
    let waiter = {
        // It sends nothing itself. So it may begin to wait at any moment of the others' writes, and nothing else asks for a
        // notification in its place.
        let socket = Arc::clone(&socket);
        thread::spawn(move || (0..WAITS).for_each(|_| future::block_on(socket.drained()).unwrap()))
    };
    for thread in senders.into_iter().chain([waiter]) {
        thread.join().unwrap();
    }
    server.join().unwrap();
    // The server may have the last bytes before the driver has counted them: the user's stream is written without the lock.
    future::block_on(socket.drained()).unwrap();
    assert_eq!(socket.buffered_amount(), 0);
    // The driver ends with the stream.
    drop(socket);
    let reader = {
        let mut pipe = system.pipe.lock().unwrap();
        pipe.shut_down = true;
        pipe.reader.take()
    };
    reader.into_iter().for_each(Waker::wake);
}

/// Sends messages from two threads over one socket, while a third one closes it. Each message whose send returned `Ok` arrives
/// before the Close, in the order of its sender.
fn exchange_and_close(is_own_stream: bool) {
    let system = new_system();
    let server = {
        let system = Arc::clone(&system);
        thread::spawn(move || serve_until_close(&system))
    };
    let socket = open(&system, is_own_stream, MANY);
    let senders: Vec<_> = (0..2_u8)
        .map(|sender| {
            let socket = Arc::clone(&socket);
            thread::spawn(move || {
                let send = |number| {
                    let message = Message::Binary(Bytes::from(vec![sender, number]));
                    future::block_on(socket.send(message)).is_ok()
                };
                let sent: Vec<bool> = (0..MESSAGES as u8).map(send).collect();
                assert!(
                    sent.is_sorted_by(|before, after| before >= after),
                    "no send succeeds after a failed one: {sent:?}"
                );
                sent.iter().filter(|is_ok| **is_ok).count()
            })
        })
        .collect();
    let closer = {
        let socket = Arc::clone(&socket);
        thread::spawn(move || drop(socket.close(None, None)))
    };
    let sent: Vec<usize> = senders.into_iter().map(|thread| thread.join().unwrap()).collect();
    closer.join().unwrap();
    let arrived = server.join().unwrap();
    for (sender, sent) in (0..2_u8).zip(sent) {
        let numbers: Vec<u8> =
            arrived.iter().filter(|message| message[0] == sender).map(|message| message[1]).collect();
        assert_eq!(numbers, (0..sent as u8).collect::<Vec<_>>());
    }
}

/// Answers the opening handshake, and reads frames until the Close, which ends the stream. Returns the messages before it.
fn serve_until_close(system: &System) -> Vec<[u8; 2]> {
    let (mut bytes, mut is_open, mut messages) = (Vec::new(), false, Vec::new());
    loop {
        let wakers = {
            let mut pipe = system.pipe.lock().unwrap();
            while pipe.sent.is_empty() {
                pipe = system.has_sent.wait(pipe).unwrap();
            }
            bytes.extend(pipe.sent.drain(..));
            let mut reader = None;
            if !is_open && bytes.ends_with(b"\r\n\r\n") {
                is_open = true;
                pipe.received.extend(response(&bytes).into_bytes());
                bytes.clear();
                reader = pipe.reader.take();
            }
            while is_open && bytes.len() >= 6 {
                // Two bytes of payload, or a Close without any. The masking key follows the length.
                let (opcode, length) = (bytes[0], usize::from(bytes[1] & 0x7f));
                if opcode == 0x88 {
                    pipe.received.extend([0x88, 0]);
                    pipe.shut_down = true;
                    let wakers = [pipe.writer.take(), pipe.reader.take()];
                    drop(pipe);
                    wakers.into_iter().flatten().for_each(Waker::wake);
                    return messages;
                }
                if bytes.len() < 6 + length {
                    break;
                }
                let frame: Vec<u8> = bytes.drain(..6 + length).collect();
                messages.push([frame[6] ^ frame[2], frame[7] ^ frame[3]]);
            }
            [pipe.writer.take(), reader]
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

/// The messages of the server.
const RECEIVED: u8 = 4;

/// The bytes of a masked pong without payload, and of a masked Close with a code.
const PONG_SIZE: usize = 6;
const CLOSE_SIZE: usize = 8;

/// Answers the opening handshake, and sends numbered messages of one byte, each with a ping behind it, and then a Close, in pieces. At
/// times it goes on only when the last ping is answered. All pings have to be answered in the end, and the Close.
fn serve_messages(system: &System) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(take_sent(system));
    }
    let mut bytes: VecDeque<u8> = response(&head).into_bytes().into();
    let mut answered = 0;
    for number in 0..RECEIVED {
        bytes.extend([0x82, 1, number, 0x89, 0]);
        if number + 1 == RECEIVED {
            bytes.extend([0x88, 2, 3, 0xe8]);
        } else if thread_rng().gen_range(0..2) == 0 {
            continue;
        }
        send_in_pieces(system, &mut bytes);
        while answered < usize::from(number + 1) * PONG_SIZE {
            answered += take_sent(system).len();
        }
    }
    while answered < usize::from(RECEIVED) * PONG_SIZE + CLOSE_SIZE {
        answered += take_sent(system).len();
    }
    let reader = {
        let mut pipe = system.pipe.lock().unwrap();
        pipe.shut_down = true;
        pipe.reader.take()
    };
    reader.into_iter().for_each(Waker::wake);
}

/// Waits until the client has sent something, and takes it.
fn take_sent(system: &System) -> Vec<u8> {
    let (bytes, writer) = {
        let mut pipe = system.pipe.lock().unwrap();
        while pipe.sent.is_empty() {
            pipe = system.has_sent.wait(pipe).unwrap();
        }
        (pipe.sent.drain(..).collect(), pipe.writer.take())
    };
    writer.into_iter().for_each(Waker::wake);
    bytes
}

fn send_in_pieces(system: &System, bytes: &mut VecDeque<u8>) {
    while !bytes.is_empty() {
        pause();
        let count = thread_rng().gen_range(1..=bytes.len());
        let reader = {
            let mut pipe = system.pipe.lock().unwrap();
            pipe.received.extend(bytes.drain(..count));
            pipe.reader.take()
        };
        reader.into_iter().for_each(Waker::wake);
    }
}

/// Lets the other threads go on for a while, at times for so long that all of them wait.
fn pause() {
    for _ in 0..thread_rng().gen_range(0..PAUSE) {
        thread::yield_now();
    }
}

/// Receives messages, on a thread of its own, from a server that expects answers to its pings. The receiver is left alone at some
/// moment, until the connection has ended, which only the driver can see then.
fn receive(is_own_stream: bool) {
    let system = new_system();
    let server = {
        let system = Arc::clone(&system);
        thread::spawn(move || serve_messages(&system))
    };
    // A receiver that is left alone needs room for all messages.
    let polled = thread_rng().gen_range(0..=RECEIVED);
    let receive_limit = if polled == RECEIVED { thread_rng().gen_range(1..=3) } else { MANY };
    let polls_once_more = thread_rng().gen_range(0..2) == 0;
    let mut socket = Arc::into_inner(open(&system, is_own_stream, receive_limit)).expect("there is one handle");
    let control = socket.control();
    let receiver = thread::spawn(move || {
        let mut numbers = Vec::new();
        let mut keep = |message: Option<Result<Message, _>>| match message {
            Some(Ok(Message::Binary(bytes))) => {
                numbers.push(bytes[0]);
                true
            }
            Some(other) => panic!("{other:?}"),
            None => false,
        };
        for _ in 0..polled {
            assert!(keep(future::block_on(socket.next())));
        }
        if polls_once_more {
            let polled = Pin::new(&mut socket.next()).poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(message) = polled {
                keep(message);
            }
        }
        future::block_on(control.closed());
        while keep(future::block_on(socket.next())) {}
        numbers
    });
    assert_eq!(receiver.join().unwrap(), (0..RECEIVED).collect::<Vec<_>>());
    server.join().unwrap();
}

#[test]
fn receiver_and_driver_neither_reorder_nor_lose_anything() {
    explore(receive, [RECEIVING, RECEIVING / 10]);
}

#[test]
fn every_message_that_was_sent_arrives_before_the_close() {
    explore(exchange_and_close, CLOSING);
}

#[test]
fn no_schedule_loses_a_wake_up() {
    explore(exchange, WAKING);
}

/// Tries the schedules, with a stream of this crate's and with one of the user's.
fn explore(act: fn(bool), schedules: [usize; 2]) {
    // The driver's deadlines need a runtime's clock, which stands still here: nothing may depend on a deadline.
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let _entered = runtime.enter();
    for (is_own_stream, schedules) in [true, false].into_iter().zip(schedules) {
        let mut config = Config::new();
        // The default is too small for the code of a whole socket.
        config.stack_size = 1 << 19;
        Runner::new(RandomScheduler::new(schedules), config).run(move || act(is_own_stream));
    }
}
