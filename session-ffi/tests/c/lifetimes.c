/* What C was lent stays where it is as long as is said, and what callbacks take and give up ends once. */
#include "check.h"

static int removals, asked;

static void takes_references(SESS_CTX *ctx, SESS_SESSION *session) {
    SESS_CONN *conn = SESS_new(ctx);
    CHECK(conn != NULL && SESS_CTX_up_ref(ctx) == 1);
    CHECK(SESS_SESSION_up_ref(session) == 1);
    SESS_SESSION_free(session);
    SESS_CTX_free(ctx);
    SESS_free(conn);
    removals++;
}

static int tries_to_free(SESS_CONN *conn, int is_forward_secure) {
    (void)is_forward_secure;
    SESS_free(conn);
    CHECK(SESS_last_error_code() == SESS_R_CONNECTION_IN_USE);
    CHECK(SESS_get_session(conn) != NULL);
    asked++;
    return 1;
}

/* An id context that was lent before a session is added. */
static void lent_id_context(void) {
    SESS_CTX *ctx = SESS_CTX_new();
    SESS_SESSION *session = session_of(TLS12, 1);
    const unsigned char *lent;
    unsigned int length;
    CHECK(SESS_SESSION_set1_id_context(session, (const unsigned char *)"web-shop", 8) == 1);
    lent = SESS_SESSION_get0_id_context(session, &length);
    CHECK(SESS_CTX_add_session(ctx, session) == 1);
    CHECK(length == 8 && memcmp(lent, "web-shop", 8) == 0);
    SESS_CTX_free(ctx);
    CHECK(memcmp(lent, "web-shop", 8) == 0);
    SESS_SESSION_free(session);
}

/* References that are taken and given up while the last one of the context goes. */
static void references_at_the_end(void) {
    SESS_CTX *ctx = SESS_CTX_new();
    unsigned char number;
    SESS_CTX_sess_set_remove_cb(ctx, takes_references);
    for (number = 1; number <= 3; number++) {
        SESS_SESSION *session = session_of(TLS12, number);
        CHECK(SESS_CTX_add_session(ctx, session) == 1);
        SESS_SESSION_free(session);
    }
    SESS_CTX_free(ctx);
    CHECK(removals == 3);
}

/* A connection whose callback tries to free it, and a session that does not come back. */
static void connection_that_asks(void) {
    SESS_CTX *ctx = SESS_CTX_new();
    SESS_CONN *conn = SESS_new(ctx);
    SESS_SESSION *session = session_of(TLS12, 1);
    SESS_set_not_resumable_session_callback(conn, tries_to_free);
    CHECK(SESS_CONN_begin(conn, TLS12) == 1);
    CHECK(SESS_CONN_new_session(conn, session) == 1);
    CHECK(SESS_CONN_is_not_resumable(conn, 1) == 1 && asked == 1);
    CHECK(!SESS_SESSION_is_resumable(session));
    CHECK(SESS_CONN_established(conn, SESS_TICKETS_NONE) == 1);
    CHECK(SESS_CTX_sess_number(ctx) == 0 && come_back(ctx, 1) == 0);
    SESS_SESSION_free(session);
    SESS_free(conn);
    SESS_CTX_free(ctx);
}

int main(void) {
    lent_id_context();
    references_at_the_end();
    connection_that_asks();
    SESS_reclaim();
    return 0;
}
