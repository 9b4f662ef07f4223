/* The plain cache in the hooks of other TLS stacks: here as Apache's socache and s2n-tls drive one. */
#include "check.h"

#include <unistd.h>
#include <sys/wait.h>

/* s2n-tls: *value_size is the room on the way in and the size on the way out. */
static int s2n_retrieve(void *ctx, const void *key, unsigned long key_size, void *value, unsigned long *value_size) {
    size_t size;
    int found = SESS_CTX_fetch(ctx, key, key_size, value, *value_size, &size);
    *value_size = size;
    return found == 1 ? 0 : -1;
}

int main(void) {
    SESS_CTX *ctx = SESS_CTX_new();
    static const unsigned char id[] = "session";
    unsigned char out[32];
    unsigned long size = sizeof out;
    char *status;
    CHECK(SESS_CTX_set_session_id_context(ctx, (const unsigned char *)"socache", 7) == 1);
    CHECK(s2n_retrieve(ctx, id, 7, out, &size) == -1 && size == 0);
    CHECK(SESS_CTX_put(ctx, id, 7, (const unsigned char *)"content", 7, 300) == 1);
    size = sizeof out;
    CHECK(s2n_retrieve(ctx, id, 7, out, &size) == 0 && size == 7 && memcmp(out, "content", 7) == 0);
    size = 3;
    CHECK(s2n_retrieve(ctx, id, 7, out, &size) == -1 && size == 7);
    CHECK(SESS_CTX_discard(ctx, id, 7) == 1 && SESS_CTX_sess_number(ctx) == 0);
    status = SESS_CTX_status(ctx);
    CHECK(status != NULL && strstr(status, "removed") != NULL);
    SESS_mem_free(status);

    /* A child goes on with what was stored before the fork. */
    CHECK(SESS_CTX_put(ctx, id, 7, (const unsigned char *)"content", 7, 300) == 1);
    {
        int state;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            SESS_after_fork();
            size = sizeof out;
            CHECK(s2n_retrieve(ctx, id, 7, out, &size) == 0 && size == 7);
            CHECK(SESS_CTX_take(ctx, id, 7, out, sizeof out, NULL) == 1);
            SESS_CTX_free(ctx);
            _exit(0);
        }
        CHECK(waitpid(child, &state, 0) == child && WIFEXITED(state) && WEXITSTATUS(state) == 0);
    }
    CHECK(SESS_CTX_sess_number(ctx) == 1);
    SESS_CTX_free(ctx);
    return 0;
}
