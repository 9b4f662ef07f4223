//! What is done to both sides, one step at a time.

use fastrand::Rng;

use crate::libssl::HookKind;

pub(crate) const SLOTS: usize = 10;
pub(crate) const CONTEXTS: usize = 2;
pub(crate) const VERSIONS: [u16; 2] = [0x0303, 0x0304];
pub(crate) const IDS: u8 = 8;

/// One call of the application, which keeps sessions in numbered slots. Times count from when the sequence
/// began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Makes a session; an id of none is an empty one.
    New {
        slot: usize,
        id: Option<u8>,
        version: u16,
        created: i64,
        timeout: i64,
    },
    Duplicate {
        from: usize,
        to: usize,
    },
    UpRef {
        from: usize,
        to: usize,
    },
    Free {
        slot: usize,
    },
    Add {
        context: usize,
        slot: usize,
    },
    Remove {
        context: usize,
        slot: usize,
    },
    /// Of all, without a time.
    Flush {
        context: usize,
        at: Option<i64>,
    },
    SetTime {
        slot: usize,
        created: i64,
    },
    SetTimeout {
        slot: usize,
        timeout: i64,
    },
    SetMode {
        context: usize,
        bits: u32,
    },
    SetSize {
        context: usize,
        sessions: i64,
    },
    SetContextTimeout {
        context: usize,
        timeout: i64,
    },
    SetHook {
        context: usize,
        kind: HookKind,
    },
    /// Gives back what the hooks kept.
    Release,
    /// Frees a context and makes another one.
    Renew {
        context: usize,
    },
    Has {
        context: usize,
        id: u8,
        version: u16,
    },
    /// Time passes.
    Advance {
        seconds: i64,
    },
}

/// The id of this number, of 1 to 32 bytes; some begin alike.
pub(crate) fn id_bytes(id: u8) -> Vec<u8> {
    let length = [32, 32, 1, 4, 32, 5, 31, 32][usize::from(id)];
    let mut bytes = vec![if id < 6 { 7 } else { id }; length];
    *bytes.last_mut().expect("at least one byte") = id;
    bytes
}

/// Makes a sequence of 20 to 200 operations.
pub(crate) fn sequence(random: &mut Rng) -> Vec<Operation> {
    let mut filled = [false; SLOTS];
    let mut sequence = Vec::new();
    let length = random.usize(20..=200);
    // Some sequences are about many sessions in one context, some about two contexts.
    let in_second = [1, 4, 8][random.usize(..3)];
    while sequence.len() < length {
        let context = usize::from(random.usize(..16) < in_second);
        let operation = draw(random, context, &filled);
        match operation {
            Operation::New { slot, .. } => filled[slot] = true,
            Operation::Duplicate { to, .. } | Operation::UpRef { to, .. } => filled[to] = true,
            Operation::Free { slot } => filled[slot] = false,
            _ => {}
        }
        sequence.push(operation);
    }
    sequence
}

fn draw(random: &mut Rng, context: usize, filled: &[bool; SLOTS]) -> Operation {
    let held: Vec<usize> = (0..SLOTS).filter(|&slot| filled[slot]).collect();
    let any_slot = random.usize(..SLOTS);
    let Some(&slot) = held.get(random.usize(..held.len().max(1))) else {
        return new(random, any_slot);
    };
    match random.usize(..100) {
        0..20 => new(random, any_slot),
        20..25 => Operation::Duplicate { from: slot, to: any_slot },
        25..29 => Operation::UpRef { from: slot, to: any_slot },
        29..34 => Operation::Free { slot },
        34..61 => Operation::Add { context, slot },
        61..69 => Operation::Remove { context, slot },
        69..74 => Operation::Flush { context, at: (random.usize(..4) > 0).then(|| time(random)) },
        74..79 => Operation::SetTime { slot, created: time(random) },
        79..83 => Operation::SetTimeout { slot, timeout: timeout(random) },
        83..86 => Operation::SetMode { context, bits: mode(random) },
        86..90 => {
            let sessions = [0, 1, 2, 3, 4, 5, 6, 9, 20_480][random.usize(..9)];
            Operation::SetSize { context, sessions }
        }
        90 => Operation::SetContextTimeout { context, timeout: timeout(random) },
        91..94 => {
            let kinds = [HookKind::Off, HookKind::Told, HookKind::Told, HookKind::Keeping];
            Operation::SetHook { context, kind: kinds[random.usize(..4)] }
        }
        94 => Operation::Release,
        95 => Operation::Renew { context },
        96 => Operation::Advance { seconds: random.i64(1..=5) },
        _ => Operation::Has { context, id: random.u8(..IDS), version: version(random) },
    }
}

fn new(random: &mut Rng, slot: usize) -> Operation {
    let id = (random.usize(..24) > 0).then(|| random.u8(..IDS));
    let (version, created) = (version(random), time(random));
    Operation::New { slot, id, version, created, timeout: timeout(random) }
}

fn version(random: &mut Rng) -> u16 {
    VERSIONS[random.usize(..2)]
}

/// Around the beginning of the sequence, often the same.
fn time(random: &mut Rng) -> i64 {
    random.i64(-12..=12)
}

fn timeout(random: &mut Rng) -> i64 {
    match random.usize(..16) {
        0 => 0,
        1 => i64::MAX,
        2 => 1 << 40,
        _ => random.i64(0..=20),
    }
}

fn mode(random: &mut Rng) -> u32 {
    const UPDATE_TIME: u32 = 0x400;
    match random.usize(..6) {
        0 => 0,
        1 => 2,
        2 => random.u32(..),
        3 => random.u32(..) & !UPDATE_TIME,
        _ => random.u32(..0x400) | UPDATE_TIME,
    }
}

impl Operation {
    /// Which slot must hold a session for this to mean anything.
    pub(crate) fn needs(&self) -> Option<usize> {
        match *self {
            Operation::Duplicate { from, .. } | Operation::UpRef { from, .. } => Some(from),
            Operation::Free { slot }
            | Operation::Add { slot, .. }
            | Operation::Remove { slot, .. }
            | Operation::SetTime { slot, .. }
            | Operation::SetTimeout { slot, .. } => Some(slot),
            _ => None,
        }
    }
}
