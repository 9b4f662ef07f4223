//! Who asks the get hook, and who is leaving: so that nobody brings back from outside what is being removed.
//!
//! A session is out of the table before the remove hook has told whoever keeps it outside: for that time the get
//! hook would find it still. And who has the get hook's answer may store it after somebody else has removed the
//! session inside and outside. So who leaves under a key says so until the hooks have been called: nobody asks for
//! that key meanwhile, and who is asking already is told that his answer counts no more.
//!
//! Keys are known by their hash in the table, which is a secret of it: no id stays behind here.
//!
//! Invariant: an answer is linked into the table under the lock here, and while it counts; who leaves looks into the
//! table after he has said so. So he finds it, or it is not linked.
//!
//! Only caches with a get hook have to do with this, and only what leaves one by one.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys that are on their way, in or out.
#[derive(Default)]
pub(crate) struct Outside(Mutex<Line>);

#[derive(Default)]
struct Line {
    leaving: Vec<u64>,
    asked: Vec<Asked>,
    /// That of the next question.
    number: u64,
}

struct Asked {
    number: u64,
    hash: u64,
    counts: bool,
}

impl Outside {
    /// Says that what is under the key of this hash leaves, until the return value is dropped.
    pub(crate) fn leave(&self, hash: u64) -> Leaving<'_> {
        let mut line = self.lock();
        line.leaving.push(hash);
        for asked in line.asked.iter_mut().filter(|asked| asked.hash == hash) {
            asked.counts = false;
        }
        Leaving { outside: self, hash }
    }

    /// Says that somebody asks for the key of this hash; none while what was there leaves.
    pub(crate) fn ask(&self, hash: u64) -> Option<Question<'_>> {
        let mut line = self.lock();
        if line.leaving.contains(&hash) {
            return None;
        }
        let number = line.number;
        line.number += 1;
        line.asked.push(Asked { number, hash, counts: true });
        Some(Question { outside: self, number })
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Is the time in which a session leaves.
pub(crate) struct Leaving<'a> {
    outside: &'a Outside,
    hash: u64,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut line = self.outside.lock();
        if let Some(at) = line.leaving.iter().position(|hash| *hash == self.hash) {
            line.leaving.swap_remove(at);
        }
    }
}

/// Is a question to the get hook.
pub(crate) struct Question<'a> {
    outside: &'a Outside,
    number: u64,
}

impl Question<'_> {
    /// Whether nobody has left under the key since it was asked.
    pub(crate) fn counts(&self) -> bool {
        self.while_it_counts(|| ()).is_some()
    }

    /// Does something of which nobody who leaves sees half, if the answer still counts.
    pub(crate) fn while_it_counts<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let line = self.outside.lock();
        let counts = line.asked.iter().any(|asked| asked.number == self.number && asked.counts);
        counts.then(work)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.outside.lock().asked.retain(|asked| asked.number != self.number);
    }
}
