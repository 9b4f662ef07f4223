/* SSL_set_session(3), done with counts. */
#include "check.h"

int main(void) {
    SESS_CTX *ctx = SESS_CTX_new_openssl();
    SESS_CONN *conn = SESS_new(ctx);
    SESS_SESSION *first = session_of(TLS12, 1), *second = session_of(TLS12, 2);
    SESS_set_connect_state(conn);

    /* "the reference count of session is incremented by 1" */
    CHECK(SESS_set_session(conn, first) == 1);
    CHECK(SESS_SESSION_references(first) == 2);

    /* "If there is already a session set inside ssl ... SSL_SESSION_free() will be called for that session." */
    CHECK(SESS_set_session(conn, second) == 1);
    CHECK(SESS_SESSION_references(first) == 1 && SESS_SESSION_references(second) == 2);

    /* "If the session is not reused, the reference count is decremented again during SSL_connect()." */
    CHECK(SESS_CONN_begin(conn, TLS12) == 1);
    CHECK(SESS_CONN_offer(conn, 0x0301, TLS13) == second);
    SESS_CONN_declined(conn);
    CHECK(SESS_SESSION_references(second) == 1);
    CHECK(SESS_session_reused(conn) == 0);
    close_cleanly(conn);

    /* "Whether the session was reused can be queried" */
    conn = SESS_new(ctx);
    SESS_set_connect_state(conn);
    CHECK(SESS_set_session(conn, second) == 1);
    CHECK(SESS_CONN_begin(conn, TLS12) == 1);
    CHECK(SESS_CONN_offer(conn, 0x0301, TLS13) == second);
    CHECK(SESS_CONN_accepted(conn) == 1);
    CHECK(SESS_CONN_finish(conn) == 1);
    CHECK(SESS_session_reused(conn) == 1);
    CHECK(SESS_SESSION_references(second) == 2);

    /* "because the same ssl was already used for a connection": of one that is open the old session goes. */
    CHECK(SESS_set_session(conn, first) == 1);
    CHECK(!SESS_SESSION_is_resumable(second) && SESS_SESSION_references(second) == 1);

    /* "0: The operation failed; check the error stack to find out the reason." */
    CHECK(SESS_set_session(NULL, first) == 0);
    CHECK(strcmp(SESS_last_error(), "conn is NULL") == 0);
    CHECK(SESS_set_session(conn, NULL) == 1);
    close_cleanly(conn);

    SESS_SESSION_free(first);
    SESS_SESSION_free(second);
    SESS_CTX_free(ctx);
    return 0;
}
