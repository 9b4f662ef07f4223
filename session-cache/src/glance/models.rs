//! Loom on the word: lookups go by it while the settings change.

use loom::sync::Arc;
use loom::thread;

use super::*;
use crate::sync::explored;

/// The newest settings, as arc-swap holds them: replaced by one exchange, read by one load.
struct Stage {
    settings: AtomicU64,
    newest: Newest,
}

impl Stage {
    fn new() -> Arc<Stage> {
        Arc::new(Stage { settings: AtomicU64::new(0), newest: Newest::new(Glance(0)) })
    }

    /// Replaces the settings by the next ones, and returns after whoever asks sees them.
    fn change(&self) {
        let before = self.settings.fetch_add(1, Ordering::AcqRel);
        self.newest.raise(Glance(before + 1));
    }

    /// What everything but a lookup does first.
    fn load(&self) -> u64 {
        let seen = self.settings.load(Ordering::Acquire);
        self.newest.raise(Glance(seen));
        seen
    }
}

#[test]
fn settings_read_after_a_word_are_never_older() {
    explored(|| {
        let stage = Stage::new();
        let changes = {
            let stage = stage.clone();
            thread::spawn(move || (0..2).for_each(|_| stage.change()))
        };
        for _ in 0..2 {
            let word = stage.newest.read().0;
            // Relaxed: the word alone has to order the two.
            let settings = stage.settings.load(Ordering::Relaxed);
            assert!(settings >= word, "settings {settings} after word {word}");
        }
        changes.join().expect("it does not panic");
    });
}

#[test]
fn nobody_looks_up_by_settings_older_than_he_has_seen() {
    explored(|| {
        let stage = Stage::new();
        let others: Vec<_> = (0..2)
            .map(|_| {
                let stage = stage.clone();
                thread::spawn(move || stage.change())
            })
            .collect();
        for _ in 0..2 {
            let seen = stage.load();
            let word = stage.newest.read().0;
            assert!(word >= seen, "looked up by {word} after {seen} was seen");
        }
        others.into_iter().for_each(|other| other.join().expect("it does not panic"));
        assert_eq!(stage.newest.read().0, 2, "a change was lost");
    });
}

#[test]
fn who_was_told_of_a_change_looks_up_by_it() {
    explored(|| {
        let stage = Stage::new();
        let told = Arc::new(AtomicU64::new(0));
        let changer = {
            let (stage, told) = (stage.clone(), told.clone());
            thread::spawn(move || {
                stage.change();
                told.store(1, Ordering::Release);
            })
        };
        let helper = {
            let stage = stage.clone();
            thread::spawn(move || stage.load())
        };
        let was_told = told.load(Ordering::Acquire);
        let word = stage.newest.read().0;
        assert!(word >= was_told, "looked up by {word}");
        changer.join().expect("it does not panic");
        helper.join().expect("it does not panic");
    });
}
