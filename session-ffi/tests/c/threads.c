/* Many threads on one context: handshakes, resumptions, flushes and times, and the counts fit in the end. */
#include "check.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 400 };

static SESS_CTX *ctx;

static int new_session(SESS_CONN *conn, SESS_SESSION *session) {
    (void)conn;
    CHECK(SESS_SESSION_references(session) >= 1);
    return 0;
}

static void remove_session(SESS_CTX *from, SESS_SESSION *session) {
    /* It comes back in while others are at work. */
    CHECK(SESS_CTX_remove_session(from, NULL) == 0);
    CHECK(SESS_SESSION_get_timeout(session) > 0);
}

static void *work(void *arg) {
    unsigned int thread = (unsigned int)(size_t)arg, round;
    for (round = 0; round < ROUNDS; round++) {
        unsigned char number = (unsigned char)((round * 7 + thread * 3) % 50);
        SESS_CONN *conn;
        SESS_SESSION *session;
        unsigned char id[32], out[16];
        size_t len;
        switch (round % 6) {
        case 0:
            conn = full_handshake(ctx, number);
            session = SESS_get1_session(conn);
            CHECK(SESS_SESSION_set_timeout(session, 100 + number) == 1);
            close_cleanly(conn);
            SESS_SESSION_free(session);
            break;
        case 1:
            (void)come_back(ctx, number);
            break;
        case 2:
            session = session_of(TLS12, number);
            CHECK(SESS_CTX_add_session(ctx, session) == 1);
            (void)SESS_CTX_remove_session(ctx, session);
            SESS_SESSION_free(session);
            break;
        case 3:
            memset(id, number, sizeof id);
            CHECK(SESS_CTX_put(ctx, id, sizeof id, (const unsigned char *)"data", 4, 60) == 1);
            if (SESS_CTX_take(ctx, id, sizeof id, out, sizeof out, &len) == 1)
                CHECK(len == 4 && memcmp(out, "data", 4) == 0);
            break;
        case 4:
            SESS_free(full_handshake(ctx, number));
            break;
        default:
            SESS_CTX_flush_sessions(ctx, round % 5 == 0 ? 0 : 1000);
        }
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    SESS_STATISTICS figures;
    size_t at;
    ctx = SESS_CTX_new_openssl();
    CHECK(SESS_CTX_sess_set_cache_size(ctx, 20) == 20480);
    SESS_CTX_sess_set_new_cb(ctx, new_session);
    SESS_CTX_sess_set_remove_cb(ctx, remove_session);
    for (at = 0; at < THREADS; at++)
        CHECK(pthread_create(&threads[at], NULL, work, (void *)at) == 0);
    for (at = 0; at < THREADS; at++)
        CHECK(pthread_join(threads[at], NULL) == 0);
    CHECK(SESS_CTX_statistics(ctx, &figures, sizeof figures) == 1);
    CHECK(figures.number <= 20);
    CHECK(figures.stored == figures.number + figures.replaced + figures.expired + figures.taken +
                                figures.removed + figures.cache_full + figures.flushed + figures.refused);
    SESS_CTX_free(ctx);
    SESS_reclaim();
    return 0;
}
