/* SSL_CTX_set_session_cache_mode(3), mode by mode. */
#include "check.h"

static int calls;
static SESS_SESSION *outside;

static SESS_SESSION *get_session(SESS_CONN *conn, const unsigned char *id, int len, int *copy) {
    (void)conn, (void)id, (void)len, (void)copy;
    calls++;
    return outside;
}

static void negotiated(SESS_CTX *ctx, unsigned char number) {
    close_cleanly(full_handshake(ctx, number));
}

int main(void) {
    SESS_CTX *ctx = SESS_CTX_new(), *other;
    int connection;

    /* "The default mode is SSL_SESS_CACHE_SERVER"; set "returns the previously set cache mode". */
    CHECK(SESS_CTX_get_session_cache_mode(ctx) == SESS_SESS_CACHE_SERVER);
    negotiated(ctx, 1);
    CHECK(SESS_CTX_sess_number(ctx) == 1 && come_back(ctx, 1) == 1);

    /* "the sessions are unique for each SSL_CTX object" */
    other = SESS_CTX_new();
    CHECK(come_back(other, 1) == 0);
    SESS_CTX_free(other);

    /* OFF: "No session caching for client or server takes place." */
    CHECK(SESS_CTX_set_session_cache_mode(ctx, SESS_SESS_CACHE_OFF) == SESS_SESS_CACHE_SERVER);
    negotiated(ctx, 2);
    CHECK(SESS_CTX_sess_number(ctx) == 1 && come_back(ctx, 1) == 0);

    /* CLIENT: "Client sessions are added"; a server's are not. */
    SESS_CTX_set_session_cache_mode(ctx, SESS_SESS_CACHE_CLIENT);
    negotiated(ctx, 3);
    CHECK(SESS_CTX_sess_number(ctx) == 1);
    {
        SESS_CONN *client = SESS_new(ctx);
        SESS_SESSION *session = session_of(TLS12, 4);
        SESS_set_connect_state(client);
        CHECK(SESS_CONN_begin(client, TLS12) == 1);
        /* "the application must select the session to be reused": nobody else does. */
        CHECK(SESS_CONN_offer(client, 0x0301, TLS13) == NULL);
        CHECK(SESS_CONN_new_session(client, session) == 1);
        CHECK(SESS_CONN_established(client, SESS_TICKETS_NONE) == 1);
        CHECK(SESS_CONN_finish(client) == 1);
        CHECK(SESS_CTX_sess_number(ctx) == 2);
        close_cleanly(client);
        SESS_SESSION_free(session);
    }

    /* SERVER: "first in the internal session cache, then in the external cache if available". */
    SESS_CTX_set_session_cache_mode(ctx, SESS_SESS_CACHE_SERVER);
    SESS_CTX_sess_set_get_cb(ctx, get_session);
    CHECK(come_back(ctx, 1) == 1 && calls == 0);
    outside = session_of(TLS12, 5);
    CHECK(come_back(ctx, 5) == 1 && calls == 1);
    /* "would normally be copied into the local cache" */
    CHECK(come_back(ctx, 5) == 1 && calls == 1 && SESS_SESSION_references(outside) == 2);

    /* NO_INTERNAL_LOOKUP: "guarantees that all lookups are directed to the external cache". */
    SESS_CTX_set_session_cache_mode(ctx, SESS_SESS_CACHE_SERVER | SESS_SESS_CACHE_NO_INTERNAL_LOOKUP);
    CHECK(come_back(ctx, 5) == 1 && calls == 2);
    SESS_CTX_flush_sessions(ctx, 0);
    SESS_SESSION_free(outside);

    /* NO_INTERNAL_STORE: "prevent sessions being stored in the internal cache (though the application can add
     * them manually)"; "prevents these additions ... as well". */
    SESS_CTX_set_session_cache_mode(ctx, SESS_SESS_CACHE_SERVER | SESS_SESS_CACHE_NO_INTERNAL_STORE);
    negotiated(ctx, 6);
    CHECK(SESS_CTX_sess_number(ctx) == 0);
    outside = session_of(TLS12, 7);
    CHECK(come_back(ctx, 7) == 1 && SESS_CTX_sess_number(ctx) == 0);
    CHECK(SESS_CTX_add_session(ctx, outside) == 1);
    calls = 0;
    CHECK(come_back(ctx, 7) == 1 && calls == 0);
    SESS_SESSION_free(outside);
    outside = NULL;

    /* "checked for expired sessions every 255 connections", unless NO_AUTO_CLEAR. */
    SESS_CTX_sess_set_get_cb(ctx, NULL);
    SESS_CTX_free(ctx);
    for (connection = 0; connection < 2; connection++) {
        int is_off = connection == 1, at;
        SESS_SESSION *expired = session_of(TLS12, 250);
        long mode = SESS_SESS_CACHE_SERVER | (is_off ? SESS_SESS_CACHE_NO_AUTO_CLEAR : 0);
        ctx = SESS_CTX_new();
        CHECK(SESS_SESSION_set_time(expired, 1000) == 1000);
        CHECK(SESS_CTX_add_session(ctx, expired) == 1);
        SESS_CTX_set_session_cache_mode(ctx, mode);
        /* What is added by hand counts as stored too: the check may come one connection early. */
        for (at = 0; at < 255; at++) {
            CHECK(at >= 254 || SESS_SESSION_is_resumable(expired));
            negotiated(ctx, 8);
        }
        CHECK(SESS_SESSION_is_resumable(expired) == is_off);
        SESS_SESSION_free(expired);
        SESS_CTX_free(ctx);
    }
    return 0;
}
