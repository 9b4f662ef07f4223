//! The table of known differences: what may differ between late 3.0 and ours, and nothing else may.
//!
//! Each row has a check that both sides do what it says.

mod checks;

use crate::libssl::Version;

/// One known difference.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The rules of the specification that it touches.
    pub(crate) rules: &'static str,
    pub(crate) libssl: &'static str,
    pub(crate) ours: &'static str,
    pub(crate) reason: &'static str,
    /// In which versions libssl does so.
    pub(crate) versions: Versions,
    check: fn() -> Result<(), String>,
}

/// From the first, up to but without the second.
pub(crate) struct Versions(pub(crate) Version, pub(crate) Version);

impl Versions {
    const ALL: Versions = Versions(Version(3, 0, 0), Version(u8::MAX, 0, 0));

    fn contain(&self, version: Version) -> bool {
        self.0 <= version && version < self.1
    }

    /// In words.
    pub(crate) fn named(&self) -> String {
        if self.1.0 == u8::MAX { "all".to_string() } else { format!("before {}", self.1) }
    }
}

pub(crate) const TABLE: &[Row] = &[
    Row {
        name: "one session in two caches",
        rules: "R46",
        libssl: "takes it; the session is in both tables and in one list, the other cache's flush no \
                 longer finds it",
        ours: "refuses it (`NotStored::OtherCache`); nothing changes",
        reason: "the manual forbids it, and libssl's lists break",
        versions: Versions::ALL,
        check: checks::one_session_in_two_caches,
    },
    Row {
        name: "hooks under the lock",
        rules: "R145, R232",
        libssl: "the remove hook of a flush or an eviction runs under the lock: to add a session there \
                 fails, and sessions leave one by one between the calls",
        ours: "runs with no lock held and may call anything; all have left before the first call",
        reason: "a hook under a lock is a deadlock waiting for its day; libssl 4.0.3 mended it too",
        versions: Versions(Version(3, 0, 0), Version(4, 0, 3)),
        check: checks::hooks_under_the_lock,
    },
    Row {
        name: "empty ids",
        rules: "R153, R178",
        libssl: "stores a session without an id; when that is the next to leave, nobody is evicted any \
                 more, and the cache grows without bound",
        ours: "refuses it (`NotStored::NoId`)",
        reason: "nobody can find it, and the bound would not hold (CVE-2024-2511)",
        versions: Versions::ALL,
        check: checks::empty_ids,
    },
    Row {
        name: "equals in a large cache",
        rules: "R165, R173",
        libssl: "of sessions that expire in the same second, who came first leaves and is reported first",
        ours: "so too in a cache built for fewer than 1,024 sessions; in a larger one each of its shards \
               keeps that order, not all together",
        reason: "one order for all writers would be one lock for all writers",
        versions: Versions::ALL,
        check: checks::equals_in_a_large_cache,
    },
    Row {
        name: "a clock that is set back",
        rules: "R116",
        libssl: "follows the wall clock back: what has expired is valid again",
        ours: "`SystemClock` never runs back",
        reason: "no life is lengthened by setting a clock",
        versions: Versions::ALL,
        check: checks::clock_set_back,
    },
    Row {
        name: "negative numbers",
        rules: "R18, R169",
        libssl: "stores a negative time; refuses a negative timeout or size when it is set",
        ours: "times, timeouts and sizes are unsigned",
        reason: "they mean nothing",
        versions: Versions(Version(3, 0, 0), Version(3, 2, 0)),
        check: checks::negative_numbers,
    },
    Row {
        name: "limits",
        rules: "R169",
        libssl: "knows no limit but the number of sessions, and takes any for that",
        ours: "sessions of more than 16 KiB, or of more than 64 MiB together, are not stored by default; \
               more than 16,777,216 sessions cannot be asked for",
        reason: "a bound in sessions alone is no bound in memory",
        versions: Versions::ALL,
        check: checks::limits,
    },
    Row {
        name: "ids that change",
        rules: "R44, R45",
        libssl: "gives the connection's own session the id of its first ticket, in place",
        ours: "a session's id never changes: the first ticket's is a new object, as all others' are",
        reason: "what others hold and look up by must not change under them",
        versions: Versions::ALL,
        check: checks::ids_that_change,
    },
];

/// What later versions of OpenSSL do otherwise than late 3.0, and ours. Such a version is not what
/// `Rules::OPENSSL` promises; what depends on it is skipped where that version is linked.
pub(crate) const LATER: &[Later] = &[
    Later {
        since: Version(3, 2, 0),
        what: "times are nanoseconds that wrap: timeouts from 584 years on are other ones when they are \
               read back (R17)",
        skipped: "timeouts above 2^33 seconds",
    },
    Later {
        since: Version(3, 2, 0),
        what: "a handshake whose server name leads to another context stays counted as begun at the first \
               one (`accept`)",
        skipped: "scripts about server names",
    },
    Later {
        since: Version(3, 6, 3),
        what: "adding the identical session again does not move it in the order (C16)",
        skipped: "adding what is in already",
    },
    Later {
        since: Version(3, 6, 3),
        what: "a session that comes back under another id than its own is not resumed (R113)",
        skipped: "nothing: no script does so",
    },
    Later {
        since: Version(4, 0, 3),
        what: "remove hooks of a flush run without the lock, latest expiry first (R145, R165)",
        skipped: "the order of several calls during one flush",
    },
];

/// One thing that later versions do otherwise.
pub(crate) struct Later {
    pub(crate) since: Version,
    pub(crate) what: &'static str,
    pub(crate) skipped: &'static str,
}

/// Checks every row that holds for this version; says which does not hold, and which was skipped.
pub(crate) fn check(version: Version) -> (Vec<String>, Vec<&'static str>) {
    let (mut wrong, mut skipped) = (Vec::new(), Vec::new());
    for row in TABLE {
        if !row.versions.contain(version) {
            skipped.push(row.name);
        } else if let Err(words) = (row.check)() {
            wrong.push(format!(
                "known difference \"{}\" is not as the table says: {words}",
                row.name
            ));
        }
    }
    (wrong, skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_do_what_each_row_says() {
        let (wrong, _) = check(crate::libssl::version());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
