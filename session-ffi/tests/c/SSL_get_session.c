/* SSL_get_session(3), done with counts. */
#include "check.h"

int main(void) {
    SESS_CTX *ctx = SESS_CTX_new();
    SESS_CONN *conn = SESS_new(ctx);
    SESS_SESSION *borrowed, *own, *second;
    CHECK(ctx != NULL && conn != NULL);

    /* "NULL: there is no session available" */
    CHECK(SESS_get_session(conn) == NULL);
    CHECK(SESS_get0_session(conn) == NULL);
    CHECK(SESS_get1_session(conn) == NULL);
    SESS_free(conn);

    /* "The reference count of the SSL_SESSION is not incremented"; "get0 is the same". */
    conn = full_handshake(ctx, 1);
    borrowed = SESS_get_session(conn);
    CHECK(borrowed != NULL && SESS_get0_session(conn) == borrowed);
    CHECK(SESS_SESSION_references(borrowed) == 2); /* the connection's, the cache's */

    /* "the reference count of the SSL_SESSION is incremented by one" */
    own = SESS_get1_session(conn);
    CHECK(own == borrowed && SESS_SESSION_references(own) == 3);

    /* "If the data is to be kept": it outlives connection and flush, and is freed explicitly once. */
    close_cleanly(conn);
    CHECK(SESS_SESSION_references(own) == 2);
    SESS_CTX_flush_sessions(ctx, 0);
    CHECK(SESS_SESSION_references(own) == 1);
    CHECK(SESS_CTX_sess_number(ctx) == 0);
    SESS_SESSION_free(own);

    /* "automatically removed from the session cache and marked as non-resumable if the connection is not
     * closed down cleanly": SSL_shutdown not called prior to SSL_free ... */
    conn = full_handshake(ctx, 2);
    own = SESS_get1_session(conn);
    SESS_free(conn);
    CHECK(SESS_CTX_sess_number(ctx) == 0 && !SESS_SESSION_is_resumable(own));
    CHECK(SESS_SESSION_references(own) == 1);
    SESS_SESSION_free(own);
    /* ... or a fatal error. */
    conn = full_handshake(ctx, 3);
    own = SESS_get1_session(conn);
    SESS_CONN_fatal_alert_received(conn);
    CHECK(SESS_CTX_sess_number(ctx) == 0 && !SESS_SESSION_is_resumable(own));
    SESS_free(conn);
    SESS_SESSION_free(own);

    /* "before the session has been established will still return an SSL_SESSION object but that object cannot
     * be used for resuming" (TLS 1.3): one without id and ticket. */
    conn = SESS_new(ctx);
    SESS_set_connect_state(conn);
    CHECK(SESS_CONN_begin(conn, TLS13) == 1);
    own = SESS_SESSION_new();
    SESS_SESSION_set_protocol_version(own, TLS13);
    CHECK(SESS_CONN_new_session(conn, own) == 1);
    CHECK(SESS_get_session(conn) == own && !SESS_SESSION_is_resumable(own));
    CHECK(SESS_CONN_finish(conn) == 1);

    /* "the above functions will only return information on the last session that was received" */
    second = session_of(TLS13, 9);
    CHECK(SESS_SESSION_set1_ticket(second, (const unsigned char *)"ticket", 6, 3600, 7) == 1);
    CHECK(SESS_CONN_attach_session(conn, second) == 1);
    CHECK(SESS_CONN_established(conn, SESS_TICKETS_STATELESS) == 1);
    CHECK(SESS_get_session(conn) == second && SESS_SESSION_is_resumable(second));
    CHECK(SESS_SESSION_references(own) == 1);
    close_cleanly(conn);
    SESS_SESSION_free(own);
    SESS_SESSION_free(second);

    /* "must therefore only be used with one SSL_CTX": a second one refuses it. */
    own = session_of(TLS12, 4);
    CHECK(SESS_CTX_add_session(ctx, own) == 1);
    {
        SESS_CTX *other = SESS_CTX_new_openssl();
        CHECK(SESS_CTX_add_session(other, own) == 0);
        CHECK(SESS_last_error_code() == SESS_R_OTHER_CONTEXT);
        SESS_CTX_free(other);
    }
    SESS_SESSION_free(own);
    SESS_CTX_free(ctx);
    return 0;
}
