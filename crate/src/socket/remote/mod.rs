//! Handles to a socket that any thread can use.
//!
//! [`driver`] is the task that owns the socket, on the socket's thread. [`command`] has the channels to it. [`handle`] is
//! the [`Remote`], which consists of a [`sender`] and a [`receiver`].

mod command;
mod driver;
mod handle;
mod receiver;
mod sender;

pub use self::driver::RemoteDriver;
pub use self::handle::Remote;
pub use self::receiver::RemoteReceiver;
pub use self::sender::RemoteSender;
