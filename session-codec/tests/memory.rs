//! What is allocated, and what is left in blocks that go back to the allocator.
//!
//! This file has an allocator of its own that looks through every block it gets back, so it has one test.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_codec::{CipherSuite, Decoder, Octets, ProtocolVersion, SslSession, Text, UnixTime};

/// What secrets are full of, and nothing else is.
static MARK: [u8; 16] = *b"\x9dsecret\xc3secret\xe1\xb7";

const NOW: UnixTime = UnixTime(1_800_000_000);

static MARKED_BLOCKS: AtomicUsize = AtomicUsize::new(0);
static ALLOCATED_BYTES: AtomicUsize = AtomicUsize::new(0);

struct Inspector;

// SAFETY: every call goes to the system's allocator with the caller's layout; blocks are looked at before
// they are given back, and not kept.
unsafe impl GlobalAlloc for Inspector {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED_BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // Zeroed, so that a block can be read whole whatever its user wrote.
        // SAFETY: the caller's promise about `layout` is the one asked for here.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back a block of `layout`, initialised by `alloc` and no longer used.
        let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
        if bytes.windows(MARK.len()).any(|window| window == MARK) {
            MARKED_BLOCKS.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promises are those asked for here.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static INSPECTOR: Inspector = Inspector;

/// Runs something, and returns how many bytes it asked the allocator for.
fn allocated_by<T>(run: impl FnOnce() -> T) -> usize {
    let before = ALLOCATED_BYTES.load(Ordering::Relaxed);
    black_box(run());
    ALLOCATED_BYTES.load(Ordering::Relaxed) - before
}

fn marked(count: usize) -> Vec<u8> {
    MARK.iter().copied().cycle().take(count).collect()
}

/// A session in DER whose every secret is marked; lives as long as the test.
fn session(ticket_bytes: usize) -> &'static [u8] {
    let (secret, ticket) = (marked(48), marked(ticket_bytes));
    let mut session = SslSession::new(NOW);
    session.version = ProtocolVersion::TLS_1_3;
    session.cipher = Some(CipherSuite(0x1302));
    session.id = Octets::new(&secret[..32]).unwrap();
    session.master_key = Octets::new(&secret).unwrap();
    session.psk_identity = Some(Text::new(&secret).unwrap());
    session.ticket = Some(Octets::from(&ticket[..]));
    let der = session.to_der().unwrap();
    Box::leak(Box::from(&der[..]))
}

#[test]
fn decoding_allocates_nothing_and_no_block_goes_back_with_a_secret_in_it() {
    let (short, long) = (session(32), session(9_000));
    let decoder = Decoder::new(NOW);
    MARKED_BLOCKS.store(0, Ordering::Relaxed);

    // The inspector sees what it is there to see.
    drop(black_box(Box::<[u8]>::from(short)));
    assert_eq!(MARKED_BLOCKS.swap(0, Ordering::Relaxed), 1);

    // A borrowed session, and an error, cost nothing, whatever the input claims.
    assert_eq!(allocated_by(|| decoder.decode(long).unwrap().1), 0);
    let claims_much = [0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 2, 1, 1];
    assert_eq!(allocated_by(|| decoder.decode(&claims_much).unwrap_err()), 0);

    // An owned one costs what it holds, and is wiped; so is its clone.
    let owned = decoder.decode(short).unwrap().0.into_owned();
    let cost = allocated_by(|| drop(decoder.decode(short).unwrap().0.into_owned()));
    assert_eq!(cost, 32 + 48 + 48 + 32, "id, master key, PSK identity, ticket");
    drop(black_box(owned.clone()));
    drop(black_box(owned));

    // A vector that is used again, and that has to grow on the way.
    let mut out = Vec::new();
    for der in [short, long, short, long] {
        decoder.decode(der).unwrap().0.encode_into(&mut out).unwrap();
    }
    assert_eq!(out, long);
    decoder.decode(short).unwrap().0.encode_into(&mut out).unwrap();
    assert!(out.capacity() >= long.len(), "no new block for less");
    out.fill(0);
    drop(out);

    // DER and PEM, both ways. PEM shows the secrets in another alphabet, so its cost is looked at too.
    drop(decoder.decode(long).unwrap().0.to_der().unwrap());
    let pem = decoder.decode(long).unwrap().0.to_pem().unwrap();
    let cost = allocated_by(|| drop(decoder.decode_pem(pem.as_bytes()).unwrap()));
    assert!(cost < 2 * pem.len(), "{cost} bytes for {} of PEM", pem.len());
    drop(pem);
    assert_eq!(MARKED_BLOCKS.load(Ordering::Relaxed), 0, "blocks freed with a secret in them");
}
