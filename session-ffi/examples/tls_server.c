/* A TLS server on your OpenSSL whose sessions are kept in the TLS session cache.
 *
 *   tls_server CERTIFICATE KEY [early] [switch] [retry]
 *
 * It listens on a free port of 127.0.0.1 and says which. To each client that sends a line it says hello and
 * closes; "flush" empties the cache, "quit" ends the server. With "early" it takes early data, with "switch" it
 * moves each connection to another SSL_CTX at its ClientHello, as servers of many names do, with "retry" it knows
 * P-256 alone, so that it asks clients that guess another group for a second ClientHello. For each connection it
 * prints how it began and what the cache has counted.
 */
#include <session/session_openssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what) {
    fprintf(stderr, "tls_server: %s failed\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static SSL_CTX *server_context(const char *certificate, const char *key, int early, int retry) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        fail("setting up the certificate");
    /* Sessions stay with the server, in the cache. */
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    if (early && SSL_CTX_set_max_early_data(ctx, 1024) != 1)
        fail("allowing early data");
    if (retry && SSL_CTX_set1_groups_list(ctx, "P-256") != 1)
        fail("choosing the group");
    return ctx;
}

/* Moves a connection to another context; its sessions stay with the one that it was made from. */
static int switch_context(SSL *ssl, int *alert, void *other) {
    (void)alert;
    return SSL_set_SSL_CTX(ssl, (SSL_CTX *)other) != NULL ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

static int listening_socket(void) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        fail("listening");
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

/* Reads what came with the ClientHello, and returns how many bytes were accepted. */
static size_t read_early_data(SSL *ssl) {
    char buffer[1024];
    size_t all = 0, part = 0;
    for (;;) {
        switch (SSL_read_early_data(ssl, buffer, sizeof buffer, &part)) {
        case SSL_READ_EARLY_DATA_SUCCESS:
            all += part;
            break;
        case SSL_READ_EARLY_DATA_FINISH:
            return all + part;
        default:
            return all;
        }
    }
}

/* Serves one connection; 0 when it asks for the end. */
static int serve(SSL *ssl, SESS_CTX *cache, int early) {
    char line[64] = "";
    size_t early_bytes = early ? read_early_data(ssl) : 0;
    int goes_on = 1;
    if (SSL_accept(ssl) != 1) {
        ERR_clear_error();
        return 1;
    }
    if (SSL_read(ssl, line, sizeof line - 1) > 0) {
        if (strncmp(line, "flush", 5) == 0)
            SESS_CTX_flush_sessions(cache, 0);
        goes_on = strncmp(line, "quit", 4) != 0;
        (void)SSL_write(ssl, "hello\n", 6);
    }
    /* A client that leaves without a word has not broken the session. */
    if (SSL_shutdown(ssl) < 0)
        ERR_clear_error();
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    printf("%s %s hits=%ld sessions=%ld early=%zu\n", SSL_get_version(ssl),
           SSL_session_reused(ssl) ? "resumed" : "full", SESS_CTX_sess_hits(cache), SESS_CTX_sess_number(cache),
           early_bytes);
    fflush(stdout);
    return goes_on;
}

int main(int argc, char **argv) {
    static const unsigned char id_context[] = "tls_server";
    int early = 0, switches = 0, retry = 0, is_known = argc >= 3, at;
    SSL_CTX *ctx, *other;
    SESS_CTX *cache;
    int listener, goes_on = 1;
    for (at = 3; at < argc; at++) {
        int *option = strcmp(argv[at], "early") == 0    ? &early
                      : strcmp(argv[at], "switch") == 0 ? &switches
                      : strcmp(argv[at], "retry") == 0  ? &retry
                                                        : NULL;
        if (option != NULL)
            *option = 1;
        else
            is_known = 0;
    }
    if (!is_known) {
        fprintf(stderr, "usage: tls_server CERTIFICATE KEY [early] [switch] [retry]\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    ctx = server_context(argv[1], argv[2], early, retry);
    other = server_context(argv[1], argv[2], early, retry);
    if (switches)
        SSL_CTX_set_client_hello_cb(ctx, switch_context, other);
    cache = SESS_CTX_new();
    if (cache == NULL || SESS_attach_SSL_CTX(cache, ctx, id_context, sizeof id_context - 1) != 1)
        fail(SESS_last_error());
    if (SSL_CTX_set_session_id_context(other, id_context, sizeof id_context - 1) != 1)
        fail("setting the id context");
    listener = listening_socket();
    while (goes_on) {
        int socket = accept(listener, NULL, NULL);
        SSL *ssl = SSL_new(ctx);
        if (socket < 0 || ssl == NULL || SSL_set_fd(ssl, socket) != 1)
            fail("accepting");
        goes_on = serve(ssl, cache, early);
        SSL_free(ssl);
        close(socket);
    }
    close(listener);
    SESS_detach_SSL_CTX(ctx);
    SSL_CTX_free(ctx);
    SSL_CTX_free(other);
    SESS_CTX_free(cache);
    return 0;
}
