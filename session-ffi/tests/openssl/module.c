/* session_openssl.h as a server's module: what it keeps of a handshake that was given up, and that it can be unloaded.
 *
 *   module PLUGIN CERTIFICATE KEY
 *
 * Handshakes of TLS 1.3 without a wire: what one side has written is handed to the other by hand, so that a client's
 * first words can be said twice.
 */
#include "../c/check.h"

#include <dlfcn.h>
#include <openssl/ssl.h>

typedef int attach_fn(SESS_CTX *, SSL_CTX *);
typedef int detach_fn(SSL_CTX *);
typedef int gives_kept_fn(SSL *, const unsigned char *, size_t);

struct bytes {
    unsigned char data[16384];
    int len;
};

/* POSIX has data pointers of functions, C has not. */
static void *symbol(void *plugin, const char *name) {
    void *found = dlsym(plugin, name);
    CHECK(found != NULL);
    return found;
}

static SSL *connection(SSL_CTX *ctx, int is_server) {
    SSL *ssl = SSL_new(ctx);
    CHECK(ssl != NULL);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (is_server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return ssl;
}

/* What one side says next, as far as it gets. */
static struct bytes said(SSL *ssl) {
    struct bytes bytes;
    (void)SSL_do_handshake(ssl);
    bytes.len = BIO_read(SSL_get_wbio(ssl), bytes.data, sizeof bytes.data);
    if (bytes.len < 0)
        bytes.len = 0;
    return bytes;
}

static void hear(SSL *ssl, const struct bytes *bytes) {
    CHECK(BIO_write(SSL_get_rbio(ssl), bytes->data, bytes->len) == bytes->len || bytes->len == 0);
}

/* Carries on by turns, the client first, until both sides are done; lets the client read its tickets. */
static void finish(SSL *client, SSL *server) {
    char byte;
    int turn;
    for (turn = 0; turn < 8; turn++) {
        struct bytes words = said(client);
        hear(server, &words);
        words = said(server);
        hear(client, &words);
    }
    CHECK(SSL_is_init_finished(client) && SSL_is_init_finished(server));
    CHECK(SSL_read(client, &byte, 1) <= 0);
}

/* A client that guesses another group than the server's, so that it has to say hello twice. */
static SSL *returning(SSL_CTX *ctx, SSL_SESSION *session) {
    SSL *client = connection(ctx, 0);
    CHECK(SSL_set1_groups_list(client, "X25519:P-256") == 1);
    CHECK(session == NULL || SSL_set_session(client, session) == 1);
    return client;
}

static void shut(SSL *ssl) {
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
}

/* A session of a full handshake, which the cache has too. */
static SSL_SESSION *fresh(SSL_CTX *client_ctx, SSL_CTX *server_ctx) {
    SSL *client = returning(client_ctx, NULL), *server = connection(server_ctx, 1);
    SSL_SESSION *session;
    finish(client, server);
    CHECK(!SSL_session_reused(server));
    session = SSL_get1_session(client);
    shut(client);
    shut(server);
    return session;
}

static void session_comes_back_after_a_second_hello(SSL_CTX *client_ctx, SSL_CTX *server_ctx) {
    SSL_SESSION *session = fresh(client_ctx, server_ctx);
    SSL *client = returning(client_ctx, session), *server = connection(server_ctx, 1);
    finish(client, server);
    CHECK(SSL_session_reused(server));
    shut(client);
    shut(server);
    SSL_SESSION_free(session);
}

/* Who gives a handshake up after the first hello has used the session; the same words say nothing to the next one. */
static void nothing_is_left_of_a_handshake_that_was_given_up(SSL_CTX *client_ctx, SSL_CTX *server_ctx) {
    SSL_SESSION *session = fresh(client_ctx, server_ctx);
    SSL *client = returning(client_ctx, session), *server = connection(server_ctx, 1);
    const struct bytes hello = said(client);
    struct bytes answer;
    hear(server, &hello);
    CHECK(said(server).len > 0);
    CHECK(SSL_clear(server) == 1);
    hear(server, &hello);
    answer = said(server);
    hear(client, &answer);
    finish(client, server);
    CHECK(!SSL_session_reused(server));
    shut(client);
    shut(server);
    SSL_SESSION_free(session);
}

/* What one handshake has kept is not for another, whose first hello asks for no session, so that none is looked for: its
 * second might ask for this one. */
static void what_was_kept_is_for_the_same_client_random(SSL_CTX *client_ctx, SSL_CTX *server_ctx,
                                                        gives_kept_fn *gives_kept) {
    SSL_SESSION *session = fresh(client_ctx, server_ctx);
    SSL *client = returning(client_ctx, session), *other = returning(client_ctx, NULL);
    SSL *server = connection(server_ctx, 1);
    struct bytes hello = said(client);
    const unsigned char *id;
    size_t id_len;
    SSL_SESSION_get0_ticket(session, &id, &id_len);
    hear(server, &hello);
    CHECK(said(server).len > 0);
    CHECK(SSL_clear(server) == 1);
    hello = said(other);
    hear(server, &hello);
    CHECK(said(server).len > 0);
    CHECK(!gives_kept(server, id, id_len));
    shut(client);
    shut(other);
    shut(server);
    SSL_SESSION_free(session);
}

int main(int count, char **words) {
    SSL_CTX *client_ctx = SSL_CTX_new(TLS_client_method()), *server_ctx = SSL_CTX_new(TLS_server_method());
    SESS_CTX *cache = SESS_CTX_new();
    void *plugin;
    attach_fn *attach;
    detach_fn *detach;
    gives_kept_fn *gives_kept;
    SSL *client, *server, *old;
    CHECK(count == 4 && client_ctx != NULL && server_ctx != NULL && cache != NULL);
    plugin = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
    CHECK(plugin != NULL);
    *(void **)&attach = symbol(plugin, "plugin_attach");
    *(void **)&detach = symbol(plugin, "plugin_detach");
    *(void **)&gives_kept = symbol(plugin, "plugin_gives_kept");
    CHECK(SSL_CTX_use_certificate_chain_file(server_ctx, words[2]) == 1);
    CHECK(SSL_CTX_use_PrivateKey_file(server_ctx, words[3], SSL_FILETYPE_PEM) == 1);
    CHECK(SSL_CTX_set1_groups_list(server_ctx, "P-256") == 1);
    SSL_CTX_set_options(server_ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(client_ctx, SSL_SESS_CACHE_OFF);

    CHECK(attach(cache, server_ctx) == 1);
    CHECK(attach(cache, server_ctx) == 0);
    session_comes_back_after_a_second_hello(client_ctx, server_ctx);
    nothing_is_left_of_a_handshake_that_was_given_up(client_ctx, server_ctx);
    what_was_kept_is_for_the_same_client_random(client_ctx, server_ctx, gives_kept);

    /* A connection that outlives the module, and others that are made afterwards. */
    old = connection(server_ctx, 1);
    CHECK(detach(server_ctx) == 1);
    CHECK(detach(server_ctx) == 0);
    CHECK(dlclose(plugin) == 0);
    CHECK(dlopen(words[1], RTLD_NOW | RTLD_NOLOAD) == NULL);
    client = returning(client_ctx, NULL);
    server = connection(server_ctx, 1);
    finish(client, server);
    shut(client);
    shut(server);
    client = returning(client_ctx, NULL);
    finish(client, old);
    shut(client);
    shut(old);

    /* It comes back, and works as before. */
    plugin = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
    CHECK(plugin != NULL);
    *(void **)&attach = symbol(plugin, "plugin_attach");
    *(void **)&detach = symbol(plugin, "plugin_detach");
    CHECK(attach(cache, server_ctx) == 1);
    session_comes_back_after_a_second_hello(client_ctx, server_ctx);
    CHECK(detach(server_ctx) == 1);
    CHECK(dlclose(plugin) == 0);
    SSL_CTX_free(client_ctx);
    SSL_CTX_free(server_ctx);
    SESS_CTX_free(cache);
    return 0;
}
