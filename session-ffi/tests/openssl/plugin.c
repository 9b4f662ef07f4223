/* session_openssl.h in a library that is loaded and unloaded, as a server's module has it. */
#include <session/session_openssl.h>

int plugin_attach(SESS_CTX *cache, SSL_CTX *ssl_ctx);
int plugin_detach(SSL_CTX *ssl_ctx);
int plugin_gives_kept(SSL *ssl, const unsigned char *id, size_t id_len);

int plugin_attach(SESS_CTX *cache, SSL_CTX *ssl_ctx) {
    return SESS_attach_SSL_CTX(cache, ssl_ctx, (const unsigned char *)"plugin", 6);
}

int plugin_detach(SSL_CTX *ssl_ctx) {
    return SESS_detach_SSL_CTX(ssl_ctx);
}

/* Whether a second look that comes now would be given what an earlier one has kept. */
int plugin_gives_kept(SSL *ssl, const unsigned char *id, size_t id_len) {
    SSL_SESSION *session = sess_take_kept(ssl, id, id_len);
    SSL_SESSION_free(session);
    return session != NULL;
}
