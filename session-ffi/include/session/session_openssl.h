/* The TLS session cache under a real SSL_CTX: glue that is compiled with your own OpenSSL (1.1.1, 3.x, 4.x).
 *
 * After SESS_attach_SSL_CTX() libssl keeps its server's sessions in ours alone: as DER, under their ids, in the
 * id context that was given, in the limits of ours. A TLS 1.3 session is given up when it is used, so that
 * it is used once; early data is accepted once then, among all that share the cache. Up to TLS 1.2 a
 * session comes back as often as it likes. This header never switches early data on, nor anti-replay off.
 *
 * Sessions that libssl puts into tickets (TLS 1.2 with tickets; TLS 1.3 without SSL_OP_NO_TICKET and without
 * early data) are not cached: they are with the client. Set SSL_OP_NO_TICKET to have them all here.
 *
 * Include it in one file of a program: what is attached is known to that file. Attach and detach from one
 * thread at a time, and while no handshake runs on the SSL_CTX; its handshakes may run on any threads.
 */

#ifndef SESSION_SESSION_OPENSSL_H
#define SESSION_SESSION_OPENSSL_H

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <string.h>

#include "session.h"

#ifdef SESSION_SESSION_OPENSSL_NAMES_H
#error "session_openssl.h needs a real OpenSSL; session_openssl_names.h takes its place"
#endif

/* How many SSL_CTX can be attached at a time. */
#define SESS_ATTACHED_MAX 16

/* What is attached. A callback of libssl is not told whose it is, and SSL_get_SSL_CTX() may be what a
 * server name has switched to; so each attachment has callbacks of its own. */
struct sess_attachment {
    SESS_CTX *cache;
    SSL_CTX *ssl_ctx;
    long mode_before;
};

static struct sess_attachment sess_attachments[SESS_ATTACHED_MAX];

/* Most sessions fit, so that one call is enough. */
enum { SESS_DER_BYTES_USUAL = 2048 };

/* Whether libssl accepts a TLS 1.3 session only if it can remove it from its own cache. */
static int sess_is_single_use_in_libssl(SSL *ssl) {
    return SSL_get_max_early_data(ssl) > 0 && (SSL_get_options(ssl) & SSL_OP_NO_ANTI_REPLAY) == 0;
}

/* What a connection keeps of the TLS 1.3 session that it has taken: after a HelloRetryRequest libssl looks for the
 * session a second time, in the same handshake. */
struct sess_kept {
    SSL_SESSION *session;
    unsigned char client_random[SSL3_RANDOM_SIZE];
};

/* Under which an SSL has its struct sess_kept; -1 before the first SSL_CTX is attached. */
static int sess_kept_index = -1;

static void sess_kept_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp) {
    struct sess_kept *kept = (struct sess_kept *)ptr;
    (void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
    if (kept != NULL)
        SSL_SESSION_free(kept->session);
    OPENSSL_free(kept);
}

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
typedef void **sess_from_d;
#else
typedef void *sess_from_d;
#endif

/* SSL_dup(): the other connection has taken nothing. */
static int sess_kept_dup(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, sess_from_d from_d, int idx, long argl,
                         void *argp) {
    (void)to, (void)from, (void)idx, (void)argl, (void)argp;
    *(void **)from_d = NULL;
    return 1;
}

static void sess_forget_kept(SSL *ssl) {
    struct sess_kept *kept = (struct sess_kept *)SSL_get_ex_data(ssl, sess_kept_index);
    if (kept != NULL) {
        SSL_SESSION_free(kept->session);
        kept->session = NULL;
    }
}

/* Whether this is the second look of a handshake. The server's random is made when the first ClientHello has been
 * looked through; a new connection has none, nor one that was cleared. */
static int sess_is_second_look(const SSL *ssl) {
    static const unsigned char none[SSL3_RANDOM_SIZE] = {0};
    unsigned char random[SSL3_RANDOM_SIZE];
    return SSL_get_server_random(ssl, random, sizeof random) == sizeof random &&
           memcmp(random, none, sizeof random) != 0;
}

/* Keeps a session for a second look. A copy: libssl marks the one that it takes out of its own cache. */
static void sess_keep(SSL *ssl, SSL_SESSION *session) {
    struct sess_kept *kept = (struct sess_kept *)SSL_get_ex_data(ssl, sess_kept_index);
    if (kept == NULL) {
        kept = (struct sess_kept *)OPENSSL_zalloc(sizeof *kept);
        if (kept == NULL || SSL_set_ex_data(ssl, sess_kept_index, kept) != 1) {
            OPENSSL_free(kept);
            return;
        }
    }
    SSL_SESSION_free(kept->session);
    kept->session = SSL_SESSION_dup(session);
    (void)SSL_get_client_random(ssl, kept->client_random, sizeof kept->client_random);
}

/* The session that the first look of this handshake took, once. */
static SSL_SESSION *sess_take_kept(SSL *ssl, const unsigned char *id, size_t id_len) {
    struct sess_kept *kept = (struct sess_kept *)SSL_get_ex_data(ssl, sess_kept_index);
    unsigned char random[SSL3_RANDOM_SIZE];
    const unsigned char *kept_id;
    unsigned int kept_id_len;
    SSL_SESSION *session;
    if (kept == NULL || kept->session == NULL ||
        SSL_get_client_random(ssl, random, sizeof random) != sizeof random ||
        memcmp(random, kept->client_random, sizeof random) != 0)
        return NULL;
    kept_id = SSL_SESSION_get_id(kept->session, &kept_id_len);
    if (kept_id_len != id_len || memcmp(kept_id, id, id_len) != 0)
        return NULL;
    session = kept->session;
    kept->session = NULL;
    return session;
}

/* QUIC's TLS is 1.3, and libssl's number of it is 1 (OSSL_QUIC1_VERSION). */
static int sess_is_tls13(const SSL *ssl) {
    return SSL_version(ssl) == TLS1_3_VERSION || SSL_version(ssl) == 1;
}

static int sess_attached_new(const struct sess_attachment *attached, SSL *ssl, SSL_SESSION *session) {
    unsigned int id_len;
    const unsigned char *id = SSL_SESSION_get_id(session, &id_len);
    unsigned char *der = NULL;
    int der_len;
    /* The handshake is over. */
    sess_forget_kept(ssl);
    if (attached->cache == NULL || !SSL_is_server(ssl))
        return 0;
    /* It went into a ticket: nobody will ask for it. */
    if (sess_is_tls13(ssl) && (SSL_get_options(ssl) & SSL_OP_NO_TICKET) == 0 &&
        !sess_is_single_use_in_libssl(ssl))
        return 0;
    der_len = i2d_SSL_SESSION(session, &der);
    if (der_len > 0) {
        (void)SESS_CTX_put(attached->cache, id, id_len, der, (size_t)der_len, SSL_SESSION_get_timeout(session));
        OPENSSL_clear_free(der, (size_t)der_len);
    }
    return 0;
}

static void sess_attached_remove(const struct sess_attachment *attached, SSL_SESSION *session) {
    unsigned int id_len;
    const unsigned char *id = SSL_SESSION_get_id(session, &id_len);
    if (attached->cache != NULL && id_len > 0)
        (void)SESS_CTX_discard(attached->cache, id, id_len);
}

/* Finds a session in the cache; one that may be used once leaves it. */
static SSL_SESSION *sess_find(SESS_CTX *cache, int once, const unsigned char *id, size_t id_len) {
    unsigned char usual[SESS_DER_BYTES_USUAL], *out = usual, *large = NULL;
    size_t capacity = sizeof usual, len = 0;
    SSL_SESSION *session = NULL;
    int found;
    for (;;) {
        found = once ? SESS_CTX_take(cache, id, id_len, out, capacity, &len)
                     : SESS_CTX_fetch(cache, id, id_len, out, capacity, &len);
        if (found == 1 || len <= capacity)
            break;
        /* A larger one may have come in its place meanwhile: once more. */
        OPENSSL_clear_free(large, capacity);
        capacity = len;
        out = large = (unsigned char *)OPENSSL_malloc(capacity);
        if (large == NULL)
            return NULL;
    }
    if (found == 1) {
        const unsigned char *der = out;
        session = d2i_SSL_SESSION(NULL, &der, (long)len);
    }
    OPENSSL_cleanse(usual, sizeof usual);
    if (large != NULL)
        OPENSSL_clear_free(large, capacity);
    return session;
}

static SSL_SESSION *sess_attached_get(const struct sess_attachment *attached, SSL *ssl, const unsigned char *id,
                                      int id_len, int *copy) {
    const int once = sess_is_tls13(ssl);
    SSL_SESSION *session = NULL;
    *copy = 0; /* what comes back is libssl's alone */
    if (attached->cache == NULL || id_len <= 0)
        return NULL;
    if (!sess_is_second_look(ssl))
        sess_forget_kept(ssl); /* of an earlier handshake */
    else if (once)
        session = sess_take_kept(ssl, id, (size_t)id_len);
    if (session == NULL) {
        session = sess_find(attached->cache, once, id, (size_t)id_len);
        if (session != NULL && once && !sess_is_second_look(ssl))
            sess_keep(ssl, session);
    }
    /* libssl resumes it only if it can take it out of its own cache; this thread is the one that got it. */
    if (session != NULL && once && sess_is_single_use_in_libssl(ssl))
        (void)SSL_CTX_add_session(attached->ssl_ctx, session);
    return session;
}

#define SESS_ATTACHMENT(n)                                                                              \
    static int sess_new_##n(SSL *ssl, SSL_SESSION *session) {                                           \
        return sess_attached_new(&sess_attachments[n], ssl, session);                                   \
    }                                                                                                   \
    static void sess_remove_##n(SSL_CTX *ctx, SSL_SESSION *session) {                                   \
        (void)ctx;                                                                                      \
        sess_attached_remove(&sess_attachments[n], session);                                            \
    }                                                                                                   \
    static SSL_SESSION *sess_get_##n(SSL *ssl, const unsigned char *id, int len, int *copy) {           \
        return sess_attached_get(&sess_attachments[n], ssl, id, len, copy);                             \
    }

SESS_ATTACHMENT(0)
SESS_ATTACHMENT(1)
SESS_ATTACHMENT(2)
SESS_ATTACHMENT(3)
SESS_ATTACHMENT(4)
SESS_ATTACHMENT(5)
SESS_ATTACHMENT(6)
SESS_ATTACHMENT(7)
SESS_ATTACHMENT(8)
SESS_ATTACHMENT(9)
SESS_ATTACHMENT(10)
SESS_ATTACHMENT(11)
SESS_ATTACHMENT(12)
SESS_ATTACHMENT(13)
SESS_ATTACHMENT(14)
SESS_ATTACHMENT(15)
#undef SESS_ATTACHMENT

static const struct {
    int (*new_session)(SSL *, SSL_SESSION *);
    void (*remove_session)(SSL_CTX *, SSL_SESSION *);
    SSL_SESSION *(*get_session)(SSL *, const unsigned char *, int, int *);
} sess_callbacks[SESS_ATTACHED_MAX] = {
#define SESS_CALLBACKS(n) {sess_new_##n, sess_remove_##n, sess_get_##n}
    SESS_CALLBACKS(0),  SESS_CALLBACKS(1),  SESS_CALLBACKS(2),  SESS_CALLBACKS(3),
    SESS_CALLBACKS(4),  SESS_CALLBACKS(5),  SESS_CALLBACKS(6),  SESS_CALLBACKS(7),
    SESS_CALLBACKS(8),  SESS_CALLBACKS(9),  SESS_CALLBACKS(10), SESS_CALLBACKS(11),
    SESS_CALLBACKS(12), SESS_CALLBACKS(13), SESS_CALLBACKS(14), SESS_CALLBACKS(15),
#undef SESS_CALLBACKS
};

/* Lets an SSL_CTX keep its server's sessions in a cache, in the id context of id_context_len bytes, which is set on
 * both. 1 done; 0 when the length is not 1 to 32, the SSL_CTX is attached already, SESS_ATTACHED_MAX are, or
 * libssl has no index for application data left.
 *
 * The SSL_CTX's mode and session callbacks are replaced. References to both are taken, until
 * SESS_detach_SSL_CTX(), without which neither is freed. The cache may serve several SSL_CTX that have one id
 * context.
 */
static inline int SESS_attach_SSL_CTX(SESS_CTX *cache, SSL_CTX *ssl_ctx, const unsigned char *id_context,
                                      unsigned int id_context_len) {
    int at, place = -1;
    if (cache == NULL || ssl_ctx == NULL || id_context == NULL || id_context_len == 0 ||
        id_context_len > SSL_MAX_SID_CTX_LENGTH)
        return 0;
    for (at = SESS_ATTACHED_MAX - 1; at >= 0; at--) {
        if (sess_attachments[at].ssl_ctx == ssl_ctx)
            return 0;
        if (sess_attachments[at].ssl_ctx == NULL)
            place = at;
    }
    if (sess_kept_index < 0)
        sess_kept_index = SSL_get_ex_new_index(0, NULL, NULL, sess_kept_dup, sess_kept_free);
    if (place < 0 || sess_kept_index < 0 || SESS_CTX_set_session_id_context(cache, id_context, id_context_len) != 1 ||
        SSL_CTX_set_session_id_context(ssl_ctx, id_context, id_context_len) != 1 || SSL_CTX_up_ref(ssl_ctx) != 1)
        return 0;
    (void)SESS_CTX_up_ref(cache);
    sess_attachments[place].cache = cache;
    sess_attachments[place].ssl_ctx = ssl_ctx;
    sess_attachments[place].mode_before = SSL_CTX_set_session_cache_mode(
        ssl_ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_sess_set_new_cb(ssl_ctx, sess_callbacks[place].new_session);
    SSL_CTX_sess_set_remove_cb(ssl_ctx, sess_callbacks[place].remove_session);
    SSL_CTX_sess_set_get_cb(ssl_ctx, sess_callbacks[place].get_session);
    return 1;
}

/* Without an attachment libcrypto has nothing of this code's to call, which may be unloaded then. */
static inline void sess_forget_index_if_last(void) {
    int at;
    for (at = 0; at < SESS_ATTACHED_MAX; at++)
        if (sess_attachments[at].ssl_ctx != NULL)
            return;
    (void)CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL, sess_kept_index);
    sess_kept_index = -1;
}

/* Gives an SSL_CTX its mode back and takes the callbacks out; the sessions stay in the cache. 1 done, 0 when it was not
 * attached.
 *
 * With the last one nothing of this header is called any more, and what includes it may be unloaded. Free connections
 * first: what one has kept for a second ClientHello is lost else.
 */
static inline int SESS_detach_SSL_CTX(SSL_CTX *ssl_ctx) {
    int at;
    for (at = 0; at < SESS_ATTACHED_MAX; at++) {
        struct sess_attachment *attached = &sess_attachments[at];
        if (ssl_ctx == NULL || attached->ssl_ctx != ssl_ctx)
            continue;
        SSL_CTX_sess_set_new_cb(ssl_ctx, NULL);
        SSL_CTX_sess_set_remove_cb(ssl_ctx, NULL);
        SSL_CTX_sess_set_get_cb(ssl_ctx, NULL);
        (void)SSL_CTX_set_session_cache_mode(ssl_ctx, attached->mode_before);
        SESS_CTX_free(attached->cache);
        attached->cache = NULL;
        attached->ssl_ctx = NULL;
        SSL_CTX_free(ssl_ctx);
        sess_forget_index_if_last();
        return 1;
    }
    return 0;
}

#endif
