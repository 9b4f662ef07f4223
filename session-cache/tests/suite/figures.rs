//! What is counted, and how it is shown.

use session_cache::{Seconds, Statistics};

use crate::scene::{Scene, VERSION, id, id_context, session};

#[test]
fn every_figure_counts_what_it_says() {
    let scene = Scene::of_size(4);
    for number in 0..6 {
        scene.insert(number, 10 + number); // 0 and 1 are evicted
    }
    scene.insert(5, 15); // replaces
    assert!(scene.finds(5) && !scene.finds(99));
    assert!(scene.cache.context(id_context("b")).lookup(VERSION, &id(5)).is_none());
    assert!(scene.view().take(VERSION, &id(4)).is_some());
    assert!(scene.view().take(VERSION, &id(4)).is_none());
    assert!(scene.view().remove(VERSION, &id(3)));
    scene.clock.advance(Seconds(13));
    assert!(!scene.finds(2));
    scene.view().insert(session(7)).expect("nothing stalls");
    assert_eq!(scene.cache.flush(session_cache::UnixTime(0)), 2);
    scene.view().insert(session(8)).expect("nothing stalls");

    let mut expected = Statistics::default();
    expected.number = 1;
    expected.stored = 9;
    expected.replaced = 1;
    expected.hits = 2;
    expected.misses = 2;
    expected.expired = 1;
    expected.timeouts = 1;
    expected.wrong_context = 1;
    expected.taken = 1;
    expected.removed = 1;
    expected.cache_full = 2;
    expected.flushed = 2;
    assert_eq!(scene.cache.statistics(), expected);
}

#[test]
fn display_has_an_aligned_line_for_each_figure() {
    let scene = Scene::of_size(4);
    scene.insert(1, 10);
    let text = scene.cache.statistics().to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "number                          1");
    assert_eq!(lines[19], "wrong context                   0");
    assert_eq!(lines.len(), 25);
    assert_eq!(scene.cache.statistics().figures().count(), 25);
    assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{text}");
}

#[test]
fn cache_with_siphash_keeps_the_same_promises() {
    let scene = Scene::new(|builder| builder.siphash().sessions_max(2_000));
    (0..3_000).for_each(|number| scene.insert(number, number));
    let found: Vec<u64> = (0..3_000).filter(|&number| scene.finds(number)).collect();
    assert_eq!(found, (1_000..3_000).collect::<Vec<_>>());
}
