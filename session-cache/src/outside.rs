//! Who asks the get hook, and who is leaving: so that nobody brings back from outside what is being removed.
//!
//! A session is out of the table before the remove hook has told whoever keeps it outside: for that time the get
//! hook would find it still. And who has the get hook's answer may store it after somebody else has removed the
//! session inside and outside. So who leaves under a key says so until the hooks have been called: nobody asks for
//! that key meanwhile, and who is asking already is told that his answer counts no more.
//!
//! Only caches with a get hook have to do with this, and only what leaves one by one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use session_core::Key;

/// Keys that are on their way, in or out.
#[derive(Default)]
pub(crate) struct Outside(Mutex<Line>);

#[derive(Default)]
struct Line {
    leaving: Vec<Key>,
    asked: Vec<Asked>,
    /// That of the next question.
    number: u64,
}

struct Asked {
    number: u64,
    key: Key,
    counts: bool,
}

impl Outside {
    /// Says that what is under `key` leaves, until the return value is dropped.
    pub(crate) fn leave(&self, key: &Key) -> Leaving<'_> {
        let mut line = self.lock();
        line.leaving.push(*key);
        for asked in line.asked.iter_mut().filter(|asked| asked.key == *key) {
            asked.counts = false;
        }
        Leaving { outside: self, key: *key }
    }

    /// Says that somebody asks for `key`; none while what was there leaves.
    pub(crate) fn ask(&self, key: &Key) -> Option<Question<'_>> {
        let mut line = self.lock();
        if line.leaving.contains(key) {
            return None;
        }
        let number = line.number;
        line.number += 1;
        line.asked.push(Asked { number, key: *key, counts: true });
        Some(Question { outside: self, number })
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Is the time in which a session leaves.
pub(crate) struct Leaving<'a> {
    outside: &'a Outside,
    key: Key,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut line = self.outside.lock();
        if let Some(at) = line.leaving.iter().position(|key| *key == self.key) {
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
        self.outside.lock().asked.iter().any(|asked| asked.number == self.number && asked.counts)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.outside.lock().asked.retain(|asked| asked.number != self.number);
    }
}
