//! Encoding and decoding beside libssl's `i2d_SSL_SESSION` and `d2i_SSL_SESSION`, on sessions of the
//! corpus.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use session_codec::{Decoder, UnixTime};

#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the tests call all of it")]
#[path = "../tests/libssl/mod.rs"]
mod libssl;

const NOW: UnixTime = UnixTime(1_800_000_000);

/// What a server stores for TLS 1.2 and for TLS 1.3, and what a client keeps: with its server's
/// certificate and a ticket.
const FILES: [(&str, &[u8]); 3] = [
    ("server_tls12", include_bytes!("../corpus/server_tls12_1.der")),
    ("server_tls13", include_bytes!("../corpus/server_tls13_stateful_1.der")),
    ("client_tls13", include_bytes!("../corpus/made_tls13_sni_alpn.der")),
];

fn codec(criterion: &mut Criterion) {
    for (name, der) in FILES {
        encode(criterion, name, der);
        decode(criterion, name, der);
    }
}

fn encode(criterion: &mut Criterion, name: &str, der: &[u8]) {
    let mut group = criterion.benchmark_group(format!("encode/{name}"));
    let session = Decoder::new(NOW).decode(der).expect("of the corpus").0.into_owned();
    let mut out = Vec::new();
    group.bench_function("ours", |bencher| {
        bencher.iter(|| session.encode_into(black_box(&mut out)));
    });
    assert_eq!(out, der);
    #[cfg(target_os = "linux")]
    {
        let (theirs, _) = libssl::LibSsl::get().decode(der).expect("of the corpus");
        group.bench_function("libssl", |bencher| {
            bencher.iter(|| theirs.encode_into(black_box(&mut out)));
        });
        assert_eq!(out, der);
    }
}

fn decode(criterion: &mut Criterion, name: &str, der: &[u8]) {
    let mut group = criterion.benchmark_group(format!("decode/{name}"));
    let decoder = Decoder::new(NOW);
    group.bench_function("ours, owned", |bencher| {
        bencher.iter(|| decoder.decode(black_box(der)).map(|(session, _)| session.into_owned()));
    });
    group.bench_function("ours, borrowed", |bencher| {
        bencher.iter(|| {
            decoder.decode(black_box(der)).map(|(session, _)| session.id.as_bytes().len())
        });
    });
    #[cfg(target_os = "linux")]
    {
        let library = libssl::LibSsl::get();
        group.bench_function("libssl", |bencher| {
            bencher.iter(|| library.decode(black_box(der)).map(drop));
        });
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
