//! Writes a sequence as a C program for libssl alone.

use std::fmt::Write as _;

use super::operation::{CONTEXTS, Operation, SLOTS, id_bytes};
use crate::libssl::HookKind;

/// Writes a program that prints, after each operation, what it returned and what can be seen.
pub(crate) fn write(operations: &[Operation]) -> String {
    let mut program = HEAD.replace("SLOTS", &SLOTS.to_string());
    program = program.replace("CONTEXTS", &CONTEXTS.to_string());
    for operation in operations {
        let _ = writeln!(program, "    {}", line(operation));
    }
    program.push_str("    return 0;\n}\n");
    program
}

fn line(operation: &Operation) -> String {
    match *operation {
        Operation::New { slot, id, version, created, timeout } => {
            let id = id.map(id_bytes).unwrap_or_default();
            let mut escaped = String::new();
            for byte in &id {
                let _ = write!(escaped, "\\x{byte:02x}");
            }
            let length = id.len();
            format!("make({slot}, \"{escaped}\", {length}, {version:#06x}, {created}, {timeout});")
        }
        Operation::Duplicate { from, to } => {
            let copy = format!("SSL_SESSION_dup(slot[{from}])");
            format!("if (slot[{from}]) {{ put({to}, {copy}); show(\"dup\", 1); }}")
        }
        Operation::UpRef { from, to } => format!(
            "if (slot[{from}] && SSL_SESSION_up_ref(slot[{from}])) {{ put({to}, slot[{from}]); \
             show(\"up_ref\", 1); }}"
        ),
        Operation::Free { slot } => {
            guarded(slot, &format!("put({slot}, NULL); show(\"free\", 1);"))
        }
        Operation::Add { context, slot } => {
            let call = format!("SSL_CTX_add_session(context[{context}], slot[{slot}])");
            guarded(slot, &format!("show(\"add\", {call});"))
        }
        Operation::Remove { context, slot } => {
            let call = format!("SSL_CTX_remove_session(context[{context}], slot[{slot}])");
            guarded(slot, &format!("show(\"remove\", {call});"))
        }
        Operation::Flush { context, at } => {
            let at = at.map_or("0".to_string(), |at| format!("base + {at}"));
            format!("SSL_CTX_flush_sessions(context[{context}], {at}); show(\"flush\", 0);")
        }
        Operation::SetTime { slot, created } => guarded(
            slot,
            &format!(
                "show(\"set_time\", SSL_SESSION_set_time(slot[{slot}], base + {created}) - base);"
            ),
        ),
        Operation::SetTimeout { slot, timeout } => guarded(
            slot,
            &format!("show(\"set_timeout\", SSL_SESSION_set_timeout(slot[{slot}], {timeout}));"),
        ),
        Operation::SetMode { context, bits } => format!(
            "show(\"set_mode\", SSL_CTX_set_session_cache_mode(context[{context}], {bits:#x}));"
        ),
        Operation::SetSize { context, sessions } => format!(
            "show(\"set_size\", SSL_CTX_sess_set_cache_size(context[{context}], {sessions}));"
        ),
        Operation::SetContextTimeout { context, timeout } => format!(
            "show(\"ctx set_timeout\", SSL_CTX_set_timeout(context[{context}], {timeout}));"
        ),
        Operation::SetHook { context, kind } => {
            let hook = match kind {
                HookKind::Off => "NULL",
                HookKind::Told => "told",
                HookKind::Keeping => "keeping",
            };
            format!("SSL_CTX_sess_set_remove_cb(context[{context}], {hook}); show(\"hook\", 0);")
        }
        Operation::Release => "show(\"release\", release());".to_string(),
        Operation::Renew { context } => format!("renew({context}); show(\"renew\", 0);"),
        Operation::Advance { seconds } => format!("now += {seconds};"),
        Operation::Has { context, id, version } => {
            let mut escaped = String::new();
            let id = id_bytes(id);
            for byte in &id {
                let _ = write!(escaped, "\\x{byte:02x}");
            }
            let length = id.len();
            format!("show(\"has\", has({context}, {version:#06x}, \"{escaped}\", {length}));")
        }
    }
}

fn guarded(slot: usize, call: &str) -> String {
    format!("if (slot[{slot}]) {{ {call} }}")
}

const HEAD: &str = r#"/* cc -o show show.c -lssl -lcrypto */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/ssl.h>
#include <stdio.h>
#include <time.h>

static SSL_CTX *context[CONTEXTS];
static SSL_SESSION *slot[SLOTS], *kept[10000];
static int keeps;
static const long base = 1700000000;
static time_t now = 1700000000;

/* libssl's clock. */
time_t time(time_t *also) {
    if (also) *also = now;
    return now;
}

static void told(SSL_CTX *ctx, SSL_SESSION *session) {
    unsigned length;
    const unsigned char *id = SSL_SESSION_get_id(session, &length);
    printf("  hook of context %d: id ending in %d, version %#x, resumable %d\n", ctx == context[1],
           length ? id[length - 1] : -1, SSL_SESSION_get_protocol_version(session),
           SSL_SESSION_is_resumable(session));
}

static void keeping(SSL_CTX *ctx, SSL_SESSION *session) {
    told(ctx, session);
    SSL_SESSION_up_ref(session);
    kept[keeps++] = session;
}

static int release(void) {
    int released = keeps;
    while (keeps) SSL_SESSION_free(kept[--keeps]);
    return released;
}

static void put(int at, SSL_SESSION *session) {
    SSL_SESSION *old = slot[at];
    slot[at] = session;
    SSL_SESSION_free(old);
}

static void renew(int at) {
    SSL_CTX *fresh = SSL_CTX_new(TLS_method());
    SSL_CTX_free(context[at]);
    context[at] = fresh;
}

static int has(int at, int version, const char *id, unsigned length) {
    SSL *ssl = SSL_new(context[at]);
    if (version == TLS1_2_VERSION) SSL_set_ssl_method(ssl, TLSv1_2_method());
    int answer = SSL_has_matching_session_id(ssl, (const unsigned char *)id, length);
    SSL_free(ssl);
    return answer;
}

static void show(const char *name, long result) {
    printf("%s: %ld\n", name, result);
    for (int at = 0; at < CONTEXTS; at++)
        printf("  context %d: number %ld, cache_full %ld\n", at, SSL_CTX_sess_number(context[at]),
               SSL_CTX_sess_cache_full(context[at]));
    for (int at = 0; at < SLOTS; at++)
        if (slot[at])
            printf("  slot %d: time base%+ld, timeout %ld, resumable %d\n", at,
                   SSL_SESSION_get_time(slot[at]) - base, SSL_SESSION_get_timeout(slot[at]),
                   SSL_SESSION_is_resumable(slot[at]));
}

static void make(int at, const char *id, unsigned length, int version, long created, long timeout) {
    SSL_SESSION *session = SSL_SESSION_new();
    SSL_SESSION_set1_id(session, (const unsigned char *)id, length);
    SSL_SESSION_set_protocol_version(session, version);
    SSL_SESSION_set_time(session, base + created);
    SSL_SESSION_set_timeout(session, timeout);
    put(at, session);
    show("new", 1);
}

int main(void) {
    for (int at = 0; at < CONTEXTS; at++) renew(at);
"#;

#[cfg(test)]
mod tests;
