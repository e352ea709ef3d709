//! The parts of a script.

/// One claim of the Standard: the steps, and all observations that it requires.
#[derive(Debug)]
pub struct Script {
    /// The claim.
    pub name: &'static str,
    /// The numbers of the rules in `checklist.md` that it checks.
    pub checklist: &'static [u16],
    /// The steps, in order.
    pub steps: &'static [Step],
    /// The observations that the Standard requires, in order and in the notation of [`describe`](mod@crate::describe).
    pub seen: &'static [&'static str],
}

/// Creates a script; a function, so that a list of scripts reads like a table.
pub(crate) const fn script(
    name: &'static str,
    checklist: &'static [u16],
    steps: &'static [Step],
    seen: &'static [&'static str],
) -> Script {
    Script { name, checklist, steps, seen }
}

/// One step of a script.
#[derive(Debug)]
pub enum Step {
    /// Constructs a socket to the fault server, with this query and these subprotocols.
    Connect(&'static str, &'static [&'static str]),
    /// Constructs a socket with this URL; `{server}`, `{server6}` and `{port}` stand for the fault server.
    ConnectTo(&'static str, Protocols),
    /// Reads attributes.
    Read(&'static [Attribute]),
    /// Calls `send`.
    Send(Payload),
    /// Calls `close` with a code and a reason; `None` leaves the argument out.
    Close(Option<f64>, Option<Characters>),
    /// Sets `binaryType`.
    SetBinaryType(&'static str),
    /// Takes these steps within the next event of a kind; they must not wait.
    Within(Kind, &'static [Step]),
    /// Waits for the next event of a kind that was not waited for yet.
    Until(Kind),
    /// Opens a gate of the server's script.
    Release(&'static str),
    /// Waits until the server has made some progress.
    ServerHas(Progress),
    /// Records a field of the record of the server.
    Server(Field),
    /// Drops the last handle.
    Drop,
    /// Waits for a round trip of another connection, so that late events can arrive.
    Settle,
}

/// The constructor's second argument.
#[derive(Debug)]
pub enum Protocols {
    /// None.
    Absent,
    /// A list.
    List(&'static [&'static str]),
    /// One string.
    One(&'static str),
    /// An empty object, which a page could pass.
    Object,
}

/// An attribute of the interface.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are the interface's")]
pub enum Attribute {
    Url,
    ReadyState,
    BufferedAmount,
    Extensions,
    Protocol,
    BinaryType,
}

/// The data of `send`.
#[derive(Clone, Copy, Debug)]
pub enum Payload {
    /// A text.
    Text(Characters),
    /// This number of bytes, as an `ArrayBuffer` or a slice.
    Bytes(usize),
    /// This number of bytes, as a blob.
    Blob(usize),
}

/// A text, short or long.
#[derive(Clone, Copy, Debug)]
pub enum Characters {
    /// The characters themselves.
    Just(&'static str),
    /// One character, repeated.
    Repeated(char, usize),
}

impl Characters {
    /// Returns the text.
    #[must_use]
    pub fn to_text(self) -> String {
        match self {
            Self::Just(text) => text.to_owned(),
            Self::Repeated(character, times) => character.to_string().repeat(times),
        }
    }
}

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the interface's")]
pub enum Kind {
    Open,
    Message,
    Error,
    Close,
}

/// A progress that the server can wait for.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// The client's request.
    Request,
    /// The client's Close frame.
    CloseFrame,
}

/// A field of the record of the server.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    /// The client's messages.
    Messages,
    /// The client's Close frame.
    Close,
    /// The code of the client's Close frame.
    CloseCode,
    /// The client's control frames other than Close.
    Pongs,
    /// The subprotocols offered, as the header has them.
    Offered,
    /// Whether an extension was offered.
    Extension(&'static str),
    /// A header of the request.
    Header(&'static str),
}
