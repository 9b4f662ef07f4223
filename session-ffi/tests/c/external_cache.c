/* An outside cache as servers have one: a hash table of DER under a lock, kept in step by the callbacks. The
 * code below main's helpers is written with OpenSSL's names, and compiled with ours. */
#include <session/session_openssl_names.h>

#include "check.h"

#include <pthread.h>

#define BUCKETS 64

struct record {
    struct record *next;
    unsigned char id[SSL_MAX_SSL_SESSION_ID_LENGTH];
    unsigned int id_len;
    unsigned char *der;
    int der_len;
};

static struct record *buckets[BUCKETS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int stored, found, removed;

static struct record **place(const unsigned char *id, unsigned int len) {
    struct record **at = &buckets[len > 0 ? id[0] % BUCKETS : 0];
    while (*at != NULL && ((*at)->id_len != len || memcmp((*at)->id, id, len) != 0))
        at = &(*at)->next;
    return at;
}

static void drop(const unsigned char *id, unsigned int len) {
    struct record **at = place(id, len), *old = *at;
    if (old != NULL) {
        *at = old->next;
        SESS_mem_free(old->der);
        free(old);
        removed++;
    }
}

static int new_session_cb(SSL *ssl, SSL_SESSION *sess) {
    struct record *record = calloc(1, sizeof *record);
    const unsigned char *id = SSL_SESSION_get_id(sess, &record->id_len);
    (void)ssl;
    memcpy(record->id, id, record->id_len);
    record->der_len = i2d_SSL_SESSION(sess, &record->der);
    CHECK(record->der_len > 0);
    pthread_mutex_lock(&lock);
    drop(id, record->id_len);
    record->next = *place(id, record->id_len);
    *place(id, record->id_len) = record;
    stored++;
    pthread_mutex_unlock(&lock);
    return 0; /* the bytes were copied, the session is not kept */
}

static void remove_session_cb(SSL_CTX *ctx, SSL_SESSION *sess) {
    unsigned int len;
    const unsigned char *id = SSL_SESSION_get_id(sess, &len);
    (void)ctx;
    pthread_mutex_lock(&lock);
    drop(id, len);
    pthread_mutex_unlock(&lock);
}

static SSL_SESSION *get_session_cb(SSL *ssl, const unsigned char *id, int len, int *copy) {
    SSL_SESSION *sess = NULL;
    struct record *record;
    (void)ssl;
    pthread_mutex_lock(&lock);
    record = *place(id, (unsigned int)len);
    if (record != NULL) {
        const unsigned char *der = record->der;
        sess = d2i_SSL_SESSION(NULL, &der, record->der_len);
        CHECK(sess != NULL && der == record->der + record->der_len);
        found++;
    }
    pthread_mutex_unlock(&lock);
    *copy = 0; /* a fresh object: the library takes it over */
    return sess;
}

int main(void) {
    SSL_CTX *ctx = SSL_CTX_new(NULL);
    int at;
    CHECK(ctx != NULL);
    CHECK(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"server", 6) == 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, new_session_cb);
    SSL_CTX_sess_set_remove_cb(ctx, remove_session_cb);
    SSL_CTX_sess_set_get_cb(ctx, get_session_cb);
    CHECK(SSL_CTX_get_timeout(ctx) == 7200);

    for (at = 1; at <= 100; at++)
        close_cleanly(full_handshake(ctx, (unsigned char)at));
    CHECK(stored == 100 && SSL_CTX_sess_number(ctx) == 0);
    for (at = 1; at <= 100; at++)
        CHECK(come_back(ctx, (unsigned char)at) == 1);
    CHECK(found == 100 && SSL_CTX_sess_hits(ctx) == 100 && SSL_CTX_sess_cb_hits(ctx) == 100);
    CHECK(come_back(ctx, 101) == 0);

    /* A connection that breaks takes its session out of the outside cache too. */
    SESS_free(full_handshake(ctx, 101));
    CHECK(removed == 1 && come_back(ctx, 101) == 0);

    /* With a cache inside, an answer is copied in and asked for once. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER);
    found = 0;
    CHECK(come_back(ctx, 5) == 1 && come_back(ctx, 5) == 1 && found == 1);
    SSL_CTX_sess_set_remove_cb(ctx, NULL);
    SSL_CTX_free(ctx);
    for (at = 0; at < BUCKETS; at++)
        while (buckets[at] != NULL)
            drop(buckets[at]->id, buckets[at]->id_len);
    return 0;
}
