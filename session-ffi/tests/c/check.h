/* What the programs have in common: checks that say what they are, and handshakes without a wire. */
#ifndef CHECK_H
#define CHECK_H

#include <session/session.h>
#include <session/session_engine.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "%s:%d: %s (last error: %s)\n", __FILE__, __LINE__, #condition,    \
                    SESS_last_error());                                                        \
            exit(1);                                                                           \
        }                                                                                      \
    } while (0)

#define TLS12 0x0303
#define TLS13 0x0304

/* A session of a protocol version whose id is 32 bytes of one value; the caller's. */
static inline SESS_SESSION *session_of(int version, unsigned char number) {
    unsigned char id[32];
    SESS_SESSION *session = SESS_SESSION_new();
    memset(id, number, sizeof id);
    CHECK(session != NULL);
    CHECK(SESS_SESSION_set_protocol_version(session, version) == 1);
    CHECK(SESS_SESSION_set1_id(session, id, sizeof id) == 1);
    CHECK(SESS_SESSION_set_cipher(session, version == TLS13 ? 0x1301 : 0xc02f) == 1);
    CHECK(SESS_SESSION_set1_master_key(session, id, sizeof id) == 1);
    return session;
}

/* A server's connection after a full handshake of TLS 1.2. */
static inline SESS_CONN *full_handshake(SESS_CTX *ctx, unsigned char number) {
    SESS_CONN *conn = SESS_new(ctx);
    SESS_SESSION *session = session_of(TLS12, number);
    CHECK(SESS_CONN_begin(conn, TLS12) == 1);
    CHECK(SESS_CONN_new_session(conn, session) == 1);
    SESS_SESSION_free(session);
    CHECK(SESS_CONN_established(conn, SESS_TICKETS_NONE) == 1);
    CHECK(SESS_CONN_finish(conn) == 1);
    return conn;
}

/* A client comes back with the session of this number: 1 when it was resumed. */
static inline int come_back(SESS_CTX *ctx, unsigned char number) {
    unsigned char id[32];
    SESS_CONN *conn = SESS_new(ctx);
    int resumed;
    memset(id, number, sizeof id);
    CHECK(SESS_CONN_begin(conn, TLS12) == 1);
    resumed = SESS_CONN_resume(conn, id, sizeof id);
    CHECK(SESS_session_reused(conn) == resumed);
    CHECK(SESS_CONN_finish(conn) == 1);
    SESS_set_shutdown(conn, SESS_SENT_SHUTDOWN);
    SESS_free(conn);
    return resumed;
}

static inline void close_cleanly(SESS_CONN *conn) {
    SESS_set_shutdown(conn, SESS_SENT_SHUTDOWN | SESS_RECEIVED_SHUTDOWN);
    SESS_free(conn);
}

#endif
