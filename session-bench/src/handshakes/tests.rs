use super::*;

/// More than the clients, and so few that both caches are full and drop what is oldest.
const SIZE: usize = CLIENTS + 100;
const MORE_THAN_FIT: u64 = SIZE as u64 + 100;

#[test]
fn every_client_resumes_again_and_again_however_full_the_cache_is() {
    for (stack, version, questions) in QUESTIONS {
        for mut row in family(stack, version, questions, SIZE) {
            // Each connection is checked.
            let is_long = row.question.contains("memory") && row.threads == 1;
            let operations = if is_long { MORE_THAN_FIT } else { 20 };
            let elapsed = row.run(operations);
            assert!(!elapsed.wall.is_zero() && !elapsed.processor.is_zero(), "{}", row.name());
        }
    }
}

#[test]
fn connection_that_does_not_resume_is_noticed() {
    for (_, make) in [OPENSSL, RUSTLS] {
        for version in [Version::Tls12, Version::Tls13] {
            for drive in [over_sockets, in_memory] {
                // Its clients have no sessions yet.
                let server = make(version, Store::Ours, SIZE);
                let run = || drive(&*server, 1, 1);
                let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
                let said = caught.expect_err("it is a full handshake");
                let said = said.downcast_ref::<String>().expect("words with a figure in them");
                assert!(said.contains("whether a connection was resumed"), "{said}");
            }
        }
    }
}

#[test]
fn names_are_all_different_and_told_apart_by_words() {
    let names =
        |contains| -> Vec<String> { families(contains).iter().flatten().map(Row::name).collect() };
    let mut all = names("");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 64);
    assert_eq!(names("rustls, TLS 1.3, in memory/1000/2").len(), 2);
    assert_eq!(names("lookup_hit"), [""; 0]);
}
