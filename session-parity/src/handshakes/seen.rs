//! What is compared after each step.

/// Server, client, and the server's other context.
pub(crate) const CONTEXTS: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Calls of hooks during the step, in order.
    pub(crate) told: Vec<Told>,
    /// The number and the eleven counters of each context.
    pub(crate) counters: [[u64; 12]; CONTEXTS],
    /// Client and server of each connection; none where it was freed.
    pub(crate) peers: Vec<Option<PeerSeen>>,
    /// The saved sessions: which, and whether they are resumable.
    pub(crate) saved: Vec<(u64, bool)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerSeen {
    pub(crate) reused: bool,
    /// The serial number of the session in use.
    pub(crate) session: Option<u64>,
    pub(crate) resumable: bool,
}

/// One call of a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    New { context: usize, serial: u64, resumable: bool },
    Removed { context: usize, serial: u64, resumable: bool },
    Asked { id: Vec<u8>, answer: u64 },
}

impl Seen {
    /// Says in two lines each what is not the same.
    pub(crate) fn differences(&self, ours: &Seen) -> Vec<String> {
        let mut lines = Vec::new();
        let mut compare = |what: String, a: String, c: String| {
            if a != c {
                lines.push(format!("{what}:\n      libssl {a}\n      ours   {c}"));
            }
        };
        compare("hooks".into(), format!("{:?}", self.told), format!("{:?}", ours.told));
        for (at, name) in ["server", "client", "other server"].into_iter().enumerate() {
            let (a, c) = (self.counters[at], ours.counters[at]);
            compare(format!("counters of the {name}"), named(a), named(c));
        }
        for (at, (a, c)) in self.peers.iter().zip(&ours.peers).enumerate() {
            let name = if at % 2 == 0 { "client" } else { "server" };
            compare(format!("{name} of connection {}", at / 2), format!("{a:?}"), format!("{c:?}"));
        }
        compare("saved".into(), format!("{:?}", self.saved), format!("{:?}", ours.saved));
        lines
    }
}

/// The counters that are not 0, by name.
fn named(counters: [u64; 12]) -> String {
    const NAMES: [&str; 12] = [
        "number",
        "connect",
        "connect_good",
        "connect_renegotiate",
        "accept",
        "accept_good",
        "accept_renegotiate",
        "hits",
        "cb_hits",
        "misses",
        "timeouts",
        "cache_full",
    ];
    let named = NAMES.iter().zip(counters).filter(|(_, count)| *count != 0);
    named.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}
