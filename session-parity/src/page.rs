//! The page that says what is compared, and what is known to differ.

use std::fmt::Write as _;

use crate::differences::{LATER, TABLE};
use crate::functions::outcome;
use crate::handshakes;

/// Writes `docs/openssl-parity.md`: the same whatever libssl is linked.
pub(crate) fn write() -> String {
    let mut page = String::from(HEAD);
    page.push_str(
        "## Functions and flags\n\n| OpenSSL | here | compared by |\n| --- | --- | --- |\n",
    );
    for (theirs, ours, by) in FUNCTIONS {
        let _ = writeln!(page, "| {theirs} | {ours} | {by} |");
    }
    page.push_str(DIFFERENCES);
    for row in TABLE {
        let _ = writeln!(
            page,
            "| {} ({}) | {} | {} | {} | {} |",
            row.name,
            row.rules,
            row.libssl,
            row.ours,
            row.reason,
            row.versions.named()
        );
    }
    page.push_str(ATTACHED);
    for (_, [what, libssl, ours, why]) in handshakes::OTHERWISE {
        let _ = writeln!(page, "| {what} | {libssl} | {ours} | {why} |");
    }
    page.push_str(LATER_VERSIONS);
    for later in LATER {
        let _ = writeln!(page, "| {} | {} | {} |", later.since, later.what, later.skipped);
    }
    page.push_str("\n## What sequences meet\n\n");
    page.push_str("Each at least once in a hundred sequences, or the run fails.\n\n");
    page.push_str("| operation | outcomes |\n| --- | --- |\n");
    let mut operations: Vec<&str> = outcome::ALL.iter().map(|(operation, _)| *operation).collect();
    operations.dedup();
    for operation in operations {
        let outcomes = outcome::ALL.iter().filter(|(of, _)| *of == operation);
        let outcomes: Vec<&str> = outcomes.map(|(_, outcome)| *outcome).collect();
        let _ = writeln!(page, "| {operation} | {} |", outcomes.join("; "));
    }
    page.push_str("\n## Scripts\n\n");
    for name in handshakes::names() {
        let _ = writeln!(page, "* {name}");
    }
    page
}

const HEAD: &str = "\
# Parity with OpenSSL

Written by `cargo xtask parity`. It runs a real libssl, late 3.0, beside a cache under `Rules::OPENSSL`, and
looks after each step for anything that is not the same.

* **Sequences** of the cache's own functions: random, 20 to 200 operations over 8 ids, 2 versions and 2 contexts.
  Compared: what is returned, the number, the counters, mode, size, timeout, the calls of the remove hook with the
  session and its mark, what is in each cache, and of every session its times, its mark and its count of
  references. Where they differ, the sequence is shrunk and printed as a C program for libssl alone.
* **Scripts** of handshakes in memory: libssl's client and server with their own caches, and two of our
  connections over two of our caches, driven by what happened between libssl's. Compared: what the client offers,
  what the server resumes, which session each end has and whether it is resumable, the calls of the hooks in
  order, the twelve counters of each context. What a TLS engine decides (versions, ids, tickets, alerts) is
  taken from libssl.
* **Attached**: the same scripts with the server's contexts attached to a cache by session-openssl, where mode and
  hooks are not the script's own. Compared with libssl's own cache: which end resumes, what becomes of early data,
  the client's twelve counters.

libssl's clock is the test's: it stands still until a step moves it. libssl tells nobody how many references a
session has: the word that counts them is found by watching a session whose count is known, and at each step
exactly those sessions must be freed that nobody holds.

";

const DIFFERENCES: &str = "
## Known differences

Nothing else may differ. Each row is checked on both sides.

| what (rules) | libssl | here | why | versions |
| --- | --- | --- | --- | --- |
";

const ATTACHED: &str = "
## Attached

What a server that is attached does otherwise than one with libssl's own cache. Each was met by a script.

| what | libssl's own cache | attached | why |
| --- | --- | --- | --- |
";

const LATER_VERSIONS: &str = "
## Later versions

`Rules::OPENSSL` is late 3.0 (3.0.14 and later). `cargo xtask parity --vendored` compares with a newer one;
what it does otherwise is skipped there.

| since | what it does otherwise | skipped |
| --- | --- | --- |
";

/// OpenSSL's function or flag, ours, and which part compares them.
const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("`SSL_CTX_add_session`", "`SessionCache::add`", "sequences, scripts"),
    ("`SSL_CTX_remove_session`", "`SessionCache::remove`", "sequences, scripts"),
    ("`SSL_CTX_flush_sessions`", "`SessionCache::flush`", "sequences, scripts"),
    ("`SSL_CTX_sessions`", "`SessionCache::for_each`", "sequences"),
    ("`SSL_CTX_set_timeout`, `get`", "`set_timeout`, `timeout`", "sequences, scripts"),
    (
        "`SSL_CTX_sess_set_cache_size`, `get`",
        "`set_sessions_max`, `sessions_max`",
        "sequences, scripts",
    ),
    ("`SSL_CTX_set_session_cache_mode`, `get`", "`set_mode`, `mode`", "sequences, scripts"),
    ("`SSL_SESS_CACHE_OFF`, `CLIENT`, `SERVER`, `BOTH`", "`CacheMode`'s of these names", "scripts"),
    ("`SSL_SESS_CACHE_NO_AUTO_CLEAR`", "`CacheMode::NO_AUTO_CLEAR`", "scripts"),
    (
        "`SSL_SESS_CACHE_NO_INTERNAL_LOOKUP`, `..._STORE`, `NO_INTERNAL`",
        "`CacheMode`'s of these names",
        "scripts",
    ),
    ("`SSL_SESS_CACHE_UPDATE_TIME`", "`CacheMode::UPDATE_TIME`", "sequences, scripts"),
    (
        "`SSL_CTX_sess_number`, `..._hits` and the ten others",
        "`SessionCache::statistics`",
        "sequences, scripts",
    ),
    ("`SSL_CTX_sess_set_remove_cb`, `get`", "`Settings::remove_hook`", "sequences, scripts"),
    ("`SSL_CTX_sess_set_new_cb`", "`Settings::new_hook`", "scripts"),
    ("`SSL_CTX_sess_set_get_cb`", "`Settings::get_hook`", "scripts"),
    ("`SSL_CTX_set_session_id_context`", "`Settings::id_context`", "scripts"),
    ("`SSL_CTX_free`", "dropping the cache", "sequences"),
    ("`SSL_SESSION_new`, `set1_id`, `set_protocol_version`", "`NewSession`", "sequences"),
    ("`SSL_SESSION_dup`", "`Session::duplicate`", "sequences"),
    ("`SSL_SESSION_up_ref`, `free`", "a clone, dropping it", "sequences"),
    ("`SSL_SESSION_set_time`, `get_time`", "`set_created`, `created`", "sequences"),
    ("`SSL_SESSION_set_timeout`, `get_timeout`", "`set_timeout_of`, `timeout`", "sequences"),
    ("`SSL_SESSION_is_resumable`", "`Session::is_resumable`", "sequences, scripts"),
    ("`SSL_has_matching_session_id`", "`Connection::has_matching_id`", "sequences"),
    ("`SSL_new`, `SSL_free`", "`Connection::new`, dropping it", "scripts"),
    ("`SSL_set_session`", "`Connection::set_session`", "scripts"),
    ("`SSL_get_session`, `get1_session`", "`Connection::session`, `session_owned`", "scripts"),
    ("`SSL_session_reused`", "`Connection::is_reused`", "scripts"),
    ("`SSL_clear`", "`Connection::clear`", "scripts"),
    ("`SSL_shutdown`, `SSL_set_shutdown`", "`Connection::set_shutdown`", "scripts"),
    ("`SSL_set_SSL_CTX`", "`Connection::switch_cache`", "scripts"),
    ("`SSL_CTX_set_verify`", "`Connection::set_verify_peer`", "scripts"),
    (
        "`SSL_OP_NO_TICKET`, `SSL_CTX_set_num_tickets`",
        "`Tickets`, a call for each ticket",
        "scripts",
    ),
    (
        "`SSL_CTX_set_max_early_data`, `SSL_OP_NO_ANTI_REPLAY`",
        "`Connection::resume_once`, `resume`",
        "scripts",
    ),
    ("`SSL_CTX_set_not_resumable_session_callback`", "`Session::mark_not_resumable`", "scripts"),
    ("`SSL_renegotiate`", "`Connection::begin` again", "scripts"),
];

#[cfg(test)]
mod tests {
    #[test]
    fn page_of_the_repository_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openssl-parity.md");
        let page = std::fs::read_to_string(path).unwrap();
        assert!(page == super::write(), "run `cargo xtask parity --quick`: it writes {path} anew");
    }
}
