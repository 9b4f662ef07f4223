//! What is told outside: to `metrics`, `tracing` and `serde`, figures and reasons, never a secret.
#![cfg(all(feature = "metrics", feature = "serde", feature = "tracing"))]

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use session_cache::{
    IdContext, NewSession, Payload, ProtocolVersion, SessionCache, SessionId, UnixTime,
};

const SECRETS: [&str; 3] = ["QQQQ", "WWWW", "ZZZZ"];

/// Inserts, finds, misses, refuses, flushes; with secrets that cannot be mistaken.
fn play() -> SessionCache {
    // From the first event on, in all tests: what nobody listens to once is left out for long.
    LazyLock::force(&EVENTS);
    let cache = SessionCache::builder().session_bytes_max(1_000).build().unwrap();
    let view = cache.context(IdContext::new(b"WWWW").unwrap());
    let id = SessionId::new(b"QQQQ").unwrap();
    let new =
        |payload: &[u8]| NewSession::new(ProtocolVersion::TLS12, id, Payload::copy_from(payload));
    view.insert(new(b"ZZZZ")).unwrap();
    assert!(view.lookup(ProtocolVersion::TLS12, &id).is_some());
    assert!(view.lookup(ProtocolVersion::TLS13, &id).is_none());
    assert!(view.insert(new(&[b'Z'; 2_000])).is_err());
    assert_eq!(cache.flush(UnixTime(0)), 1);
    let stored = view.insert(new(b"ZZZZ")).unwrap();
    assert!(cache.remove(&stored));
    cache
}

#[test]
fn metrics_get_every_figure_under_its_name() {
    let recorder = DebuggingRecorder::new();
    let statistics = play().statistics();
    metrics::with_local_recorder(&recorder, || statistics.publish("front"));
    let snapshot = recorder.snapshotter().snapshot().into_vec();
    assert_eq!(snapshot.len(), statistics.figures().count());
    let value = |name: &str| {
        let (key, .., value) = snapshot.iter().find(|(key, ..)| key.key().name() == name).unwrap();
        let labels: Vec<_> = key.key().labels().map(|label| label.value().to_string()).collect();
        assert_eq!(labels, ["front"]);
        match value {
            DebugValue::Counter(count) => *count,
            other => panic!("{name} is no counter: {other:?}"),
        }
    };
    assert_eq!(value("session_cache_stored_total"), 2);
    assert_eq!(value("session_cache_hits_total"), 1);
    assert_eq!(value("session_cache_misses_total"), 1);
    assert_eq!(value("session_cache_not_stored_total"), 1);
    assert_eq!(value("session_cache_flushed_total"), 1);
}

#[test]
fn statistics_are_serialized_under_the_names_of_their_fields() {
    let json = serde_json::to_value(play().statistics()).unwrap();
    assert_eq!(json["stored"], 2);
    assert_eq!(json["cache_full"], 0);
}

/// What all tests of this process have caused.
static EVENTS: LazyLock<Written> = LazyLock::new(|| {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    written
});

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn events_say_what_happened_and_no_secret() {
    play();
    let text = String::from_utf8(EVENTS.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("session left why=Flushed"), "{text}");
    assert!(text.contains("session left why=Removed"), "{text}");
    assert!(text.contains("it counts for 2136 bytes, and 1000 is the most"), "{text}");
    for secret in SECRETS {
        assert!(!text.contains(secret), "{text}");
    }
}
