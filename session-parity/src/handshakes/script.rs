//! The language of the scripts: how a server and a client are set up, and what happens between them.

use crate::libssl::Version;

/// One scenario.
pub(crate) struct Script {
    pub(crate) name: String,
    pub(crate) setup: Setup,
    pub(crate) steps: Vec<Step>,
}

impl Script {
    /// Why this version of libssl does otherwise than late 3.0 here, if it does.
    pub(crate) fn differs_with(&self, version: Version) -> Option<&'static str> {
        let marks_are_cleared = match (version.0, version.1) {
            (3, 0) => version.2 >= 14,
            (3, 1) => version.2 >= 6,
            (3, 2) => version.2 >= 2,
            _ => true,
        };
        if !marks_are_cleared && (self.setup.version == TLS13 || self.setup.not_resumable) {
            return Some("a session made of one that is not resumable was not either");
        }
        if self.setup.switches && version >= Version(3, 2, 0) {
            return Some("a handshake stays counted where it began");
        }
        None
    }
}

/// How both are set up. Every context has a new and a remove hook that are told.
#[derive(Clone)]
pub(crate) struct Setup {
    /// The highest version of both.
    pub(crate) version: u16,
    pub(crate) server_mode: u32,
    pub(crate) client_mode: u32,
    /// Tickets that hold the session; without them sessions are found by their ids.
    pub(crate) stateless: bool,
    /// How many tickets a server of TLS 1.3 sends after a full handshake.
    pub(crate) tickets: usize,
    /// With some, a ticket may be used once, unless `anti_replay` is off.
    pub(crate) early_data_max: u32,
    pub(crate) anti_replay: bool,
    /// The server asks for a certificate; the client has one.
    pub(crate) verify_peer: bool,
    pub(crate) id_context: &'static [u8],
    /// The server's hooks keep sessions outside too, and find them there.
    pub(crate) outside: bool,
    /// Without, the server has no remove hook.
    pub(crate) remove_hook: bool,
    /// Server names lead to another context.
    pub(crate) switches: bool,
    /// The server's generator of ids makes the same one every time.
    pub(crate) generator: bool,
    /// The server marks what it negotiates not resumable.
    pub(crate) not_resumable: bool,
}

/// A context that steps can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Server,
    Client,
}

/// What happens next. Connections and saved sessions are numbered from 0; steps are about the connection
/// that was made or picked last.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A connection, which offers nothing or a saved session, up to the first byte in each direction.
    Connect(Option<usize>),
    Pick(usize),
    /// The client's session, as `SSL_get1_session` gives it.
    Save,
    /// A copy of a saved session, saved too: who keeps one can offer a ticket twice.
    Copy(usize),
    Shutdown(Of),
    Free(Of),
    /// One end is sent what is no TLS: it sends a fatal alert, the other end receives it.
    Garbage(Of),
    /// The way to one end is cut.
    Cut(Of),
    /// `SSL_clear`.
    Clear(Of),
    /// Both ends, cleared before, connect again.
    Reconnect,
    Renegotiate,
    /// `SSL_set_session` on the client's open connection.
    SetSession(Option<usize>),
    Advance(i64),
    Mode(Of, u32),
    Size(Of, i64),
    Timeout(Of, i64),
    Flush(Of, i64),
    /// For connections from now on.
    IdContext(Of, &'static [u8]),
    VersionMax(Of, u16),
    Tickets(usize),
    /// For connections from now on.
    VerifyPeer(bool),
    Stateless(bool),
    /// Puts the client's saved session into its cache, or takes it out.
    Add(usize),
    Remove(usize),
}

/// What the generator of ids makes.
pub(crate) const GENERATED: &[u8] = b"always the same";
pub(crate) const TLS12: u16 = 0x0303;
pub(crate) const TLS13: u16 = 0x0304;
pub(crate) const OFF: u32 = 0;
pub(crate) const CLIENT: u32 = 1;
pub(crate) const SERVER: u32 = 2;
pub(crate) const NO_AUTO_CLEAR: u32 = 0x80;
pub(crate) const NO_INTERNAL_LOOKUP: u32 = 0x100;
pub(crate) const NO_INTERNAL_STORE: u32 = 0x200;
pub(crate) const NO_INTERNAL: u32 = 0x300;
pub(crate) const UPDATE_TIME: u32 = 0x400;

impl Setup {
    /// Sessions by id, both sides store.
    pub(crate) fn new(version: u16) -> Setup {
        Setup {
            version,
            server_mode: SERVER,
            client_mode: CLIENT,
            stateless: false,
            tickets: 2,
            early_data_max: 0,
            anti_replay: true,
            verify_peer: false,
            id_context: b"parity",
            outside: false,
            remove_hook: true,
            switches: false,
            generator: false,
            not_resumable: false,
        }
    }

    /// Whether a ticket may be used once.
    pub(crate) fn is_single_use(&self) -> bool {
        self.version == TLS13 && self.early_data_max > 0 && self.anti_replay
    }
}
