//! The operations of a server, ours beside what a Rust user would reach for.
//!
//! Each group is a question; each row in it a peer, with the same ids, the same payload of 134 bytes
//! and, where it takes one, the same family of hasher. A lookup makes an owned value and drops it,
//! taking its own guard, as a server does. Run by `cargo xtask bench`.

mod peers;

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};

use peers::{Bounded, Dashmap, Id, Locked, OurCache, OurTable, Peer, Rustls};

/// OpenSSL's default, which fits the second cache level, and a size that fits none.
const SIZES: [usize; 2] = [20_480, 1_000_000];

fn ids(count: usize, series: u64) -> Vec<Id> {
    let mut state = series.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut word = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    };
    let mut id = || {
        let mut id = [0; 32];
        id.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&word().to_ne_bytes()));
        id
    };
    (0..count).map(|_| id()).collect()
}

/// Walks an array of ids in an order that no prefetcher guesses.
struct Walk {
    state: u64,
}

impl Walk {
    fn step<'a>(&mut self, ids: &'a [Id]) -> &'a Id {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        &ids[(self.state % ids.len() as u64) as usize]
    }
}

fn filled<P: Peer>(size: usize, ids: &[Id]) -> P {
    let peer = P::new(size);
    ids.iter().for_each(|id| peer.put(id));
    peer
}

fn lookup<P: Peer>(group: &mut BenchmarkGroup<'_, WallTime>, size: usize, asked: &[Id], hit: bool) {
    let stored = ids(size, 1);
    let peer = filled::<P>(size, &stored);
    let mut walk = Walk { state: 88_172_645_463_325_252 };
    assert!(peer.lookup(&stored[size - 1]), "{} lost what it was given", P::NAME);
    group.bench_function(BenchmarkId::new(P::NAME, size), |bencher| {
        bencher.iter(|| black_box(peer.lookup(walk.step(asked))));
    });
    assert_eq!(peer.lookup(walk.step(asked)), hit, "{} answers wrongly", P::NAME);
}

fn lookups(c: &mut Criterion, name: &str, hit: bool) {
    let mut group = c.benchmark_group(name);
    for size in SIZES {
        let asked = ids(size, if hit { 1 } else { 2 });
        lookup::<OurTable>(&mut group, size, &asked, hit);
        lookup::<OurCache>(&mut group, size, &asked, hit);
        lookup::<Locked>(&mut group, size, &asked, hit);
        lookup::<Dashmap>(&mut group, size, &asked, hit);
        lookup::<Rustls>(&mut group, size, &asked, hit);
    }
    group.finish();
}

fn lookup_hit(c: &mut Criterion) {
    lookups(c, "lookup_hit", true);
}

fn lookup_miss(c: &mut Criterion) {
    lookups(c, "lookup_miss", false);
}

fn insert<P: Bounded>(group: &mut BenchmarkGroup<'_, WallTime>, size: usize) {
    let stored = ids(size, 1);
    let peer = filled::<P>(size, &stored);
    let mut newcomers = ids(1 << 16, 3).into_iter().cycle();
    let mut serial = 0_u64;
    group.bench_function(BenchmarkId::new(P::NAME, size), |bencher| {
        bencher.iter(|| {
            // A new id each time, also when the ids come round again.
            let mut id = newcomers.next().expect("a cycle does not end");
            serial += 1;
            id[..8].copy_from_slice(&serial.to_ne_bytes());
            peer.put_at_capacity(&id);
        });
    });
}

fn insert_at_capacity(c: &mut Criterion) {
    let mut group = c.benchmark_group("insert_at_capacity");
    for size in SIZES {
        insert::<OurCache>(&mut group, size);
        insert::<Locked>(&mut group, size);
        insert::<Dashmap>(&mut group, size);
        insert::<Rustls>(&mut group, size);
    }
    group.finish();
}

fn take<P: Peer>(group: &mut BenchmarkGroup<'_, WallTime>, size: usize) {
    let stored = ids(size, 1);
    let peer = filled::<P>(size, &stored);
    let mut walk = Walk { state: 88_172_645_463_325_252 };
    group.bench_function(BenchmarkId::new(P::NAME, size), |bencher| {
        bencher.iter(|| {
            let id = walk.step(&stored);
            peer.put(id);
            black_box(peer.take(id));
        });
    });
}

fn put_and_take(c: &mut Criterion) {
    let mut group = c.benchmark_group("put_and_take");
    for size in [20_480, 100_000] {
        take::<OurTable>(&mut group, size);
        take::<OurCache>(&mut group, size);
        take::<Locked>(&mut group, size);
        take::<Dashmap>(&mut group, size);
        take::<Rustls>(&mut group, size);
    }
    group.finish();
}

criterion_group! {
    name = cache;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20);
    targets = lookup_hit, lookup_miss, insert_at_capacity, put_and_take
}
criterion_main!(cache);
