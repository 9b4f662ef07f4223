//! What can be seen of a side after each step; both sides must show the same.

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    /// What the call returned.
    pub(crate) result: i64,
    /// Calls of remove hooks during the step, in order.
    pub(crate) told: Vec<Told>,
    pub(crate) contexts: Vec<ContextState>,
    pub(crate) slots: Vec<Option<SessionState>>,
    /// What hooks keep, in the order in which they were told.
    pub(crate) kept: Vec<SessionState>,
}

/// One call of a remove hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) context: usize,
    pub(crate) serial: u64,
    pub(crate) resumable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContextState {
    /// The number and the eleven counters, in the order of OpenSSL's commands.
    pub(crate) counters: [u64; 12],
    pub(crate) mode: u32,
    pub(crate) size: u64,
    pub(crate) timeout: u64,
    pub(crate) has_hook: bool,
    /// By serial number.
    pub(crate) inside: Vec<SessionState>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SessionState {
    pub(crate) serial: u64,
    pub(crate) version: u16,
    pub(crate) id: Vec<u8>,
    pub(crate) created: u64,
    pub(crate) timeout: u64,
    pub(crate) resumable: bool,
    pub(crate) references: u32,
}

impl Observed {
    /// Says in one line each what is not the same.
    pub(crate) fn differences(&self, ours: &Observed) -> Vec<String> {
        let mut lines = Vec::new();
        let mut compare =
            |what: String, libssl: &dyn std::fmt::Debug, ours: &dyn std::fmt::Debug| {
                let (libssl, ours) = (format!("{libssl:?}"), format!("{ours:?}"));
                if libssl != ours {
                    lines.push(format!("{what}:\n    libssl {libssl}\n    ours   {ours}"));
                }
            };
        compare("result".into(), &self.result, &ours.result);
        compare("remove hook told".into(), &self.told, &ours.told);
        for (at, (theirs, ours)) in self.contexts.iter().zip(&ours.contexts).enumerate() {
            compare(format!("counters of context {at}"), &theirs.counters, &ours.counters);
            compare(format!("mode of context {at}"), &theirs.mode, &ours.mode);
            compare(format!("size of context {at}"), &theirs.size, &ours.size);
            compare(format!("timeout of context {at}"), &theirs.timeout, &ours.timeout);
            compare(format!("hook of context {at}"), &theirs.has_hook, &ours.has_hook);
            compare(format!("sessions in context {at}"), &theirs.inside, &ours.inside);
        }
        for (at, (theirs, ours)) in self.slots.iter().zip(&ours.slots).enumerate() {
            compare(format!("session in slot {at}"), theirs, ours);
        }
        compare("what hooks keep".into(), &self.kept, &ours.kept);
        lines
    }

    /// Whether the session of this serial number is in a context's cache.
    pub(crate) fn is_inside(&self, context: usize, serial: u64) -> bool {
        self.contexts[context].inside.iter().any(|session| session.serial == serial)
    }
}

impl std::fmt::Debug for SessionState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let SessionState { serial, version, id, created, timeout, resumable, references } = self;
        let id = id.last().map_or("no id".to_string(), |last| format!("id ..{last:02x}"));
        write!(f, "#{serial}({version:#06x} {id} {created}+{timeout}")?;
        write!(f, ", {references} references{})", if *resumable { "" } else { ", not resumable" })
    }
}
