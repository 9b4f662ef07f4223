//! What `SESS_CTX_fetch` costs over the Rust call that it makes: both in turn, on the same sessions, with the
//! same bytes copied out. On x86-64 one call begins when the one before is done, as a
//! server's do.
//!
//! `cargo bench -p session-ffi`

use std::hint::black_box;
use std::time::Instant;

use session::*;
use session_cache::{IdContext, ProtocolVersion, SessionId};

/// As many as the processor's first cache level holds, and as a server has.
const SESSIONS: [usize; 2] = [100, 20_000];
const LOOKUPS: u32 = 100_000;
const ROUNDS: usize = 41;
const CONTENT: [u8; 134] = [7; 134];

fn main() {
    SESSIONS.into_iter().for_each(compare);
}

fn compare(sessions: usize) {
    let ctx = SESS_CTX_new();
    // SAFETY: made above, and freed at the end.
    let view = unsafe { &*ctx }.cache().context(IdContext::EMPTY);
    let ids: Vec<SessionId> = (0..sessions)
        .map(|_| SessionId::random().expect("random bytes from the operating system"))
        .collect();
    for id in &ids {
        let id = id.as_bytes();
        // SAFETY: all pointers are of living slices, with their lengths.
        let put = unsafe {
            SESS_CTX_put(ctx, id.as_ptr(), id.len(), CONTENT.as_ptr(), CONTENT.len(), 3_600)
        };
        assert_eq!(put, 1);
    }
    let mut out = [0_u8; 256];
    let in_rust = |id: &SessionId, out: &mut [u8; 256]| {
        let found = view.lookup(ProtocolVersion::UNKNOWN, id).expect("stored");
        let bytes = found.payload();
        out[..bytes.len()].copy_from_slice(bytes);
    };
    let in_c = |id: &SessionId, out: &mut [u8; 256]| {
        let (id, mut len) = (id.as_bytes(), 0);
        // SAFETY: all pointers are of living values, with their lengths.
        let found = unsafe {
            SESS_CTX_fetch(ctx, id.as_ptr(), id.len(), out.as_mut_ptr(), out.len(), &mut len)
        };
        assert_eq!(found, 1);
    };
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        costs[0].push(nanoseconds(&ids, &mut out, in_rust));
        costs[1].push(nanoseconds(&ids, &mut out, in_c));
    }
    let differences = costs[0].iter().zip(&costs[1]).map(|(rust, c)| c - rust).collect();
    let [rust, c] = costs.map(median);
    println!(
        "{sessions} sessions: Rust {rust:.1} ns, C {c:.1} ns; median of the differences of {ROUNDS} pairs: {:.1} ns",
        median(differences)
    );
    // SAFETY: made above, and not used any more.
    unsafe { SESS_CTX_free(ctx) };
}

fn nanoseconds(
    ids: &[SessionId],
    out: &mut [u8; 256],
    lookup: impl Fn(&SessionId, &mut [u8; 256]),
) -> f64 {
    let start = Instant::now();
    for id in ids.iter().cycle().take(LOOKUPS as usize) {
        wait();
        lookup(black_box(id), black_box(out));
    }
    start.elapsed().as_nanos() as f64 / f64::from(LOOKUPS)
}

/// Waits until the processor is done with all that came before: it would begin the next call while this one waits
/// for memory, the sooner the less code lies between.
fn wait() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction touches no memory, and every processor of this kind has it.
    unsafe {
        std::arch::asm!("lfence", options(nostack, preserves_flags));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
