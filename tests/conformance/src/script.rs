//! What a script is made of.

/// One claim of the Standard: what to do, and all that one observes.
#[derive(Debug)]
pub struct Script {
    /// The claim.
    pub name: &'static str,
    /// The items of the checklist that it covers.
    pub checklist: &'static [u16],
    /// What to do, in order.
    pub steps: &'static [Step],
    /// What the Standard says one observes, in order; [`notation`](crate::notation) says how.
    pub seen: &'static [&'static str],
}

/// Makes a script; a function so that a list of them reads like a table.
pub(crate) const fn script(
    name: &'static str,
    checklist: &'static [u16],
    steps: &'static [Step],
    seen: &'static [&'static str],
) -> Script {
    Script { name, checklist, steps, seen }
}

/// One thing to do.
#[derive(Debug)]
pub enum Step {
    /// Construct a socket at the fault server, with this query and these subprotocols.
    Connect(&'static str, &'static [&'static str]),
    /// Construct a socket with this URL, in which `{server}`, `{server6}` and `{port}` stand for the fault server.
    ConnectTo(&'static str, Protocols),
    /// Read attributes.
    Read(&'static [Attribute]),
    /// Call `send`.
    Send(Payload),
    /// Call `close` with a code and a reason; absent means that the argument is not there.
    Close(Option<f64>, Option<Characters>),
    /// Set `binaryType`.
    SetBinaryType(&'static str),
    /// Do this within the next event of a kind; it must not wait.
    Within(Kind, &'static [Step]),
    /// Wait for the next event of a kind that was not waited for yet.
    Until(Kind),
    /// Open a gate of the server's script.
    Release(&'static str),
    /// Wait until the server has seen something.
    ServerHas(Progress),
    /// Say what the server saw.
    Server(Field),
    /// Drop the last handle.
    Drop,
    /// Wait for a round trip of another connection, in which anything that is still to happen would happen.
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
    /// An empty object, as a page could pass one.
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

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub enum Payload {
    /// A text.
    Text(Characters),
    /// As many bytes, as an `ArrayBuffer` or a slice.
    Bytes(usize),
    /// As many bytes, as a blob.
    Blob(usize),
}

/// A text, short or long.
#[derive(Clone, Copy, Debug)]
pub enum Characters {
    /// These.
    Just(&'static str),
    /// One character, as often.
    Repeated(char, usize),
}

impl Characters {
    /// Gives the text.
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

/// Something that the server can wait for.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// The client's request.
    Request,
    /// The client's Close frame.
    CloseFrame,
}

/// Something that the server recorded.
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
