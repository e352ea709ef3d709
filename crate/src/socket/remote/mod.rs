//! Handles to a socket that any thread can use.
//!
//! [`driver`] is the task that owns the socket, on the socket's thread. [`shared`] is the state that it shares with the handles, and
//! [`command`] has the values in it. [`handle`] is the [`Remote`], which consists of a [`sender`] and a [`receiver`].
//! [`test_tasks`] are the tasks of a test on the current thread.

mod command;
mod driver;
mod handle;
mod receiver;
mod sender;
mod shared;
pub(crate) mod test_tasks;

pub use self::driver::RemoteDriver;
pub use self::handle::Remote;
pub use self::receiver::RemoteReceiver;
pub use self::sender::RemoteSender;
