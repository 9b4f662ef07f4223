/* SSL_CTX_sess_set_get_cb(3): the three callbacks, with counts, under both rules. */
#include "check.h"

static int kept, news, removals, gets, copy_to_write;
static SESS_SESSION *answer;
static SESS_CTX *expected_ctx;

static int new_session(SESS_CONN *conn, SESS_SESSION *session) {
    /* "is passed the ssl connection and the nascent ssl session" */
    CHECK(SESS_get_session(conn) == session);
    /* "the reference count on the session is incremented before the callback, on behalf of the application" */
    CHECK(SESS_SESSION_references(session) == 3);
    news++;
    return kept;
}

static void remove_session(SESS_CTX *ctx, SESS_SESSION *session) {
    CHECK(ctx == expected_ctx && !SESS_SESSION_is_resumable(session));
    removals++;
}

static SESS_SESSION *get_session(SESS_CONN *conn, const unsigned char *data, int len, int *copy) {
    int at;
    CHECK(conn != NULL && SESS_get_session(conn) == NULL && *copy == 1);
    /* "given the session id proposed by the client" */
    CHECK(len == 32);
    for (at = 0; at < len; at++)
        CHECK(data[at] == 7);
    gets++;
    if (copy_to_write >= 0)
        *copy = copy_to_write;
    return answer;
}

static SESS_CTX *context(int openssl) {
    SESS_CTX *ctx = openssl ? SESS_CTX_new_openssl() : SESS_CTX_new();
    SESS_CTX_sess_set_new_cb(ctx, new_session);
    SESS_CTX_sess_set_remove_cb(ctx, remove_session);
    SESS_CTX_sess_set_get_cb(ctx, get_session);
    CHECK(SESS_CTX_sess_get_new_cb(ctx) == new_session);
    CHECK(SESS_CTX_sess_get_remove_cb(ctx) == remove_session);
    CHECK(SESS_CTX_sess_get_get_cb(ctx) == get_session);
    kept = news = removals = gets = 0;
    copy_to_write = -1;
    return expected_ctx = ctx;
}

static void kept_and_refused(int openssl) {
    SESS_CTX *ctx = context(openssl);
    SESS_CONN *conn;
    SESS_SESSION *session;

    /* "If the callback returns 1, the application retains the reference". */
    kept = 1;
    conn = full_handshake(ctx, 1);
    session = SESS_get_session(conn);
    close_cleanly(conn);
    CHECK(news == 1 && SESS_SESSION_references(session) == 2);
    SESS_SESSION_free(session); /* "is responsible for calling SSL_SESSION_free()" */
    CHECK(SESS_CTX_sess_number(ctx) == 1);

    /* "If the callback returns 0, the session will be immediately removed from the internal cache and the
     * reference count released": the manual's word. The library only releases the count. */
    kept = 0;
    conn = full_handshake(ctx, 2);
    CHECK(news == 2 && SESS_CTX_sess_number(ctx) == (openssl ? 2 : 1));
    close_cleanly(conn);

    /* "removed because it is expired or when a connection was not shutdown cleanly" */
    removals = 0;
    SESS_free(full_handshake(ctx, 3));
    CHECK(removals == 1);
    /* "It also happens for all sessions in the internal session cache when SSL_CTX_free(3) is called." */
    removals = 0;
    SESS_CTX_free(ctx);
    CHECK(removals == (openssl ? 2 : 1));
}

/* What is written to copy (-1: nothing), and how many of two references the application has left. */
static void truth_table(int openssl) {
    static const struct { int written; unsigned int left; } rows[] = {{-1, 2}, {1, 2}, {0, 1}, {9, 2}};
    size_t at;
    for (at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        SESS_CTX *ctx = context(openssl);
        unsigned int left = rows[at].left;
        answer = session_of(TLS12, 7);
        CHECK(SESS_SESSION_up_ref(answer) == 1);
        copy_to_write = rows[at].written;
        CHECK(come_back(ctx, 7) == 1 && gets == 1);
        SESS_CTX_sess_set_remove_cb(ctx, NULL);
        SESS_CTX_free(ctx);
        CHECK(SESS_SESSION_references(answer) == left);
        while (left-- > 0)
            SESS_SESSION_free(answer);
    }
}

int main(void) {
    int openssl;
    for (openssl = 0; openssl < 2; openssl++) {
        SESS_CTX *ctx;
        kept_and_refused(openssl);
        truth_table(openssl);

        /* "always called, even when session caching was disabled" */
        ctx = context(openssl);
        SESS_CTX_set_session_cache_mode(ctx, SESS_SESS_CACHE_OFF);
        answer = session_of(TLS12, 7);
        CHECK(come_back(ctx, 7) == 1 && gets == 1);
        SESS_CTX_sess_set_remove_cb(ctx, NULL);
        SESS_CTX_free(ctx);
        SESS_SESSION_free(answer);

        /* "If a callback function has not been set, the NULL pointer is returned." */
        ctx = openssl ? SESS_CTX_new_openssl() : SESS_CTX_new();
        CHECK(SESS_CTX_sess_get_new_cb(ctx) == NULL);
        CHECK(SESS_CTX_sess_get_remove_cb(ctx) == NULL);
        CHECK(SESS_CTX_sess_get_get_cb(ctx) == NULL);
        SESS_CTX_free(ctx);
    }
    return 0;
}
