/* session_openssl.h in a library that is loaded and unloaded, as a server's module has it. */
#include <session/session_openssl.h>

int plugin_attach(SESS_CTX *cache, SSL_CTX *ssl_ctx);
int plugin_detach(SSL_CTX *ssl_ctx);

int plugin_attach(SESS_CTX *cache, SSL_CTX *ssl_ctx) {
    return SESS_attach_SSL_CTX(cache, ssl_ctx, (const unsigned char *)"plugin", 6);
}

int plugin_detach(SSL_CTX *ssl_ctx) {
    return SESS_detach_SSL_CTX(ssl_ctx);
}
