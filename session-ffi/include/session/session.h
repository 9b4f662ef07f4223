/* The TLS session cache for C. Generated from session-ffi/src; do not edit.
 *
 * What OpenSSL calls SSL_x is SESS_x here, with the same arguments, results and reference counts.
 *
 * Ownership: a get0 function, and one without a digit, lends: the pointer stays the library's. A get1
 * function gives the caller a reference of his own. A set1 function copies. What the library allocates and
 * hands over is freed with SESS_mem_free(), references are given up with the function that ends in _free.
 *
 * Threads: contexts are shared by all threads; a session may be read by all, while nobody sets its fields; a
 * connection belongs to one thread at a time.
 *
 * Failure: NULL, 0 or what the function says, and SESS_last_error() tells why. Outputs are untouched then,
 * unless the function says otherwise. NULL, wrong lengths and numbers out of range are failures. A pointer
 * to what was freed is not noticed: run your tests with the AddressSanitizer build (docs/c-abi.md).
 *
 * Callbacks run on the calling thread with no lock held, and may call anything here. They must return: no
 * longjmp, no exception.
 */

#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H


#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

// A cipher suite is not two bytes long.
#define SESS_R_CIPHER_CODE_WRONG_LENGTH 137

// The version of the serialised structure is not 1.
#define SESS_R_UNKNOWN_SSL_VERSION 254

// The protocol version is of no known family.
#define SESS_R_UNSUPPORTED_SSL_VERSION 259

// A field of the serialised structure has a wrong length.
#define SESS_R_BAD_LENGTH 271

// The session belongs to another session id context.
#define SESS_R_ATTEMPT_TO_REUSE_SESSION_IN_DIFFERENT_CONTEXT 272

// A session id context has more than 32 bytes.
#define SESS_R_SSL_SESSION_ID_CONTEXT_TOO_LONG 273

// The peer is verified, and no session id context is set.
#define SESS_R_SESSION_ID_CONTEXT_UNINITIALIZED 277

// The generator of session ids failed.
#define SESS_R_SSL_SESSION_ID_CALLBACK_FAILED 301

// The generator of session ids made one that is taken.
#define SESS_R_SSL_SESSION_ID_CONFLICT 302

// The generator of session ids made one of no bytes, or of more than 32.
#define SESS_R_SSL_SESSION_ID_HAS_BAD_LENGTH 303

// A session id has more than 32 bytes.
#define SESS_R_SSL_SESSION_ID_TOO_LONG 408

// A pointer that must not be NULL is.
#define SESS_R_PASSED_NULL_PARAMETER 786690

// There was no memory for a block that C is handed, or something that cannot happen did.
#define SESS_R_INTERNAL_ERROR 786691

// A value is outside of what is allowed; SESS_last_error() names both.
#define SESS_R_PASSED_INVALID_ARGUMENT 524550

// A session was not stored, SESS_last_error() says why.
#define SESS_R_NOT_STORED 10001

// A session is in a cache or attached to a connection, so that its id, version and id context stay.
#define SESS_R_SESSION_IS_FIXED 10002

// A session is in the cache of another context.
#define SESS_R_OTHER_CONTEXT 10003

// The connection is in use: by another thread, or by the call that called this callback.
#define SESS_R_CONNECTION_IN_USE 10004

// A buffer is too small.
#define SESS_R_BUFFER_TOO_SMALL 10005

// A callback of the application failed.
#define SESS_R_CALLBACK_FAILED 10006

// A PEM block is missing, broken, or encrypted.
#define SESS_R_PEM 10007

// The most bytes of a session id.
#define SESS_MAX_SSL_SESSION_ID_LENGTH 32

// The most bytes of a session id context.
#define SESS_MAX_SID_CTX_LENGTH 32

// The most bytes of a master key or resumption PSK.
#define SESS_MAX_MASTER_KEY_LENGTH 512

// The version of the structure that i2d_SESS_SESSION() writes.
#define SESS_SESSION_ASN1_VERSION 1

// No session is cached.
#define SESS_SESS_CACHE_OFF 0

// Sessions of clients are stored.
#define SESS_SESS_CACHE_CLIENT 1

// Sessions of servers are stored and looked up.
#define SESS_SESS_CACHE_SERVER 2

// Both.
#define SESS_SESS_CACHE_BOTH 3

// Expired sessions are not cleared of themselves.
#define SESS_SESS_CACHE_NO_AUTO_CLEAR 128

// Servers do not look inside; every lookup goes to the get callback.
#define SESS_SESS_CACHE_NO_INTERNAL_LOOKUP 256

// Negotiated sessions and answers of the get callback are not stored inside.
#define SESS_SESS_CACHE_NO_INTERNAL_STORE 512

// Neither.
#define SESS_SESS_CACHE_NO_INTERNAL 768

// A session's time is that of its last use.
#define SESS_SESS_CACHE_UPDATE_TIME 1024

// How many sessions a new context holds.
#define SESS_SESSION_CACHE_MAX_SIZE_DEFAULT 20480

// What one connection knows of sessions, as OpenSSL's SSL as far as they go. It belongs to one thread at a time;
// a call from a second one at the same time fails.
//
// The callbacks that it runs are those that are given it. In a remove callback, or a free callback of application
// data, that runs while a function of the connection is at work its functions fail (SESS_R_CONNECTION_IN_USE).
typedef struct SESS_CONN SESS_CONN;

// A session cache with its settings and callbacks, as OpenSSL's SSL_CTX as far as sessions go: counted, and
// shared by all threads.
typedef struct SESS_CTX SESS_CTX;

// Holds the values of one object.
typedef struct SESS_EX_DATA SESS_EX_DATA;

// A TLS session, as OpenSSL's SSL_SESSION: counted, shared by everybody who holds it.
//
// It may be read from many threads at once. Whoever sets its fields is alone with it, but for time and
// timeout, which may be set at any time. Once it was added to a context or attached to a connection its
// protocol version, id and id context stay: SESS_SESSION_dup() makes one that can be changed.
typedef struct SESS_SESSION SESS_SESSION;

// Is called when an object is made, for each index (OpenSSL's CRYPTO_EX_new); for a plain entry when it is first
// shown, and who else is shown it meanwhile does not wait.
typedef void (*SESS_EX_new)(void *parent,
                            void *ptr,
                            struct SESS_EX_DATA *ad,
                            int idx,
                            long argl,
                            void *argp);

// Is called when an object is duplicated, for each index (OpenSSL's CRYPTO_EX_dup): *from_d is the value,
// and may be replaced by a copy. 0 makes the duplication fail.
typedef int (*SESS_EX_dup)(struct SESS_EX_DATA *to,
                           const struct SESS_EX_DATA *from,
                           void **from_d,
                           int idx,
                           long argl,
                           void *argp);

// Is called when an object ends, for each index, also where nothing was set (OpenSSL's CRYPTO_EX_free).
// parent is the address of the object, which is not to be used any more.
typedef void (*SESS_EX_free)(void *parent,
                             void *ptr,
                             struct SESS_EX_DATA *ad,
                             int idx,
                             long argl,
                             void *argp);

// OpenSSL's pem_password_cb. No password is ever asked for: an encrypted session is refused.
typedef int (*SESS_pem_password_cb)(char *buf, int size, int rwflag, void *u);

// Is called with what a function writes, piece by piece; returns 1 to go on, 0 to stop.
typedef int (*SESS_write_cb)(void *arg, const char *bytes, size_t len);

// Is called by SESS_CTX_each() for a session; returns 1 to go on, 0 to stop.
typedef int (*SESS_each_cb)(struct SESS_SESSION *session, void *arg);

// The figures of a cache, OpenSSL's twelve and those that say why. When nobody uses the cache, stored is
// number + replaced + expired + taken + removed + cache_full + flushed + refused.
typedef struct SESS_STATISTICS {
    // Sessions in the cache now.
    uint64_t number;
    // First handshakes begun by clients.
    uint64_t connect;
    // Handshakes ended by clients.
    uint64_t connect_good;
    // Renegotiations begun by clients.
    uint64_t connect_renegotiate;
    // First handshakes begun by servers.
    uint64_t accept;
    // Handshakes ended by servers.
    uint64_t accept_good;
    // Renegotiations begun by servers.
    uint64_t accept_renegotiate;
    // Sessions that came back.
    uint64_t hits;
    // Answers of the get callback that could be used.
    uint64_t cb_hits;
    // Lookups inside that found nothing.
    uint64_t misses;
    // Sessions that clients came back with too late.
    uint64_t timeouts;
    // Sessions that left because there was no room.
    uint64_t cache_full;
    // Sessions that came in.
    uint64_t stored;
    // Sessions that left because another one came in under their version and id.
    uint64_t replaced;
    // Sessions that left because somebody found them too old.
    uint64_t expired;
    // Sessions that left by a take, or by being used once.
    uint64_t taken;
    // Sessions that left because they were to be removed, or were dropped as bad.
    uint64_t removed;
    // Sessions that left by a flush.
    uint64_t flushed;
    // Sessions that left because the new callback refused them.
    uint64_t refused;
    // Sessions that were found and belong to another id context.
    uint64_t wrong_context;
    // Answers of the get callback that were marked not resumable.
    uint64_t not_resumable;
    // Takes that found a session and came second.
    uint64_t single_use_lost;
    // Sessions that were not stored: too large, or too much waited to be freed.
    uint64_t not_stored;
    // Callbacks that failed inside of this library; always 0 for callbacks in C.
    uint64_t hook_panics;
} SESS_STATISTICS;

// Is called when a session was negotiated, after it was stored inside. The session comes with a reference for
// the application: 1 keeps it, and SESS_SESSION_free() has to be called for it later; 0 gives it back, and
// under the rules of SESS_CTX_new() the session leaves the cache at once. conn is NULL for SESS_CTX_put().
typedef int (*SESS_new_session_cb)(struct SESS_CONN *conn, struct SESS_SESSION *session);

// Is called when a session has left the cache, or was dropped as bad. The session is borrowed for the call, and
// marked not resumable unless it was taken or replaced. A connection that drops it cannot be asked meanwhile.
typedef void (*SESS_remove_session_cb)(struct SESS_CTX *ctx, struct SESS_SESSION *session);

// Is called when a client comes back with a session that is not inside: len bytes of id at data. Returns the
// session, or NULL. *copy is 1: the library takes a reference of its own, and the application keeps its; with
// 0 the application's goes over to the library. conn is NULL for SESS_CTX_fetch().
typedef struct SESS_SESSION *(*SESS_get_session_cb)(struct SESS_CONN *conn,
                                                    const unsigned char *data,
                                                    int len,
                                                    int *copy);

// Makes a session id: id has room for *id_len (32) bytes, all 0; may make *id_len smaller, not 0. Returns 1, or
// 0 to fail the handshake (OpenSSL's GEN_SESSION_CB).
typedef int (*SESS_generate_session_id_cb)(struct SESS_CONN *conn,
                                           unsigned char *id,
                                           unsigned int *id_len);

// Is asked on a full handshake whether the session is not to be resumed: 1, or 0 when it may be.
typedef int (*SESS_not_resumable_session_cb)(struct SESS_CONN *conn, int is_forward_secure);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Tells why the last call that failed on this thread did so: one line, never NULL, "" before the first.
//
// It never has a key, a ticket or a session id in it. A call that succeeds changes nothing.
// Valid until the next call that fails on this thread, or SESS_clear_error().
// Threads: any; each has its own.
const char *SESS_last_error(void);

// Returns the number of the reason for the last failure on this thread: OpenSSL's where it has one (the
// SESS_R_ constants), 0 before the first.
//
// Threads: any; each has its own.
unsigned long SESS_last_error_code(void);

// Forgets the last failure on this thread, so that the next can be told from none.
//
// Threads: any; each has its own.
void SESS_clear_error(void);

// Frees what a function of this library allocated and handed over, and wipes it first.
//
// Nothing else may be given to it, and nothing that it frees to free().
// Threads: any. NULL: nothing happens.
void SESS_mem_free(void *memory);

// Sets a value from within a callback that was given ad; as SESS_SESSION_set_ex_data().
//
// The value stays the application's. 1 done, 0 when idx is not registered.
// Threads: any. NULL: 0.
int SESS_EX_DATA_set(struct SESS_EX_DATA *ad, int idx, void *value);

// Returns a value from within a callback that was given ad; NULL when nothing was set.
//
// Threads: any. NULL: NULL.
void *SESS_EX_DATA_get(const struct SESS_EX_DATA *ad, int idx);

// Creates a session: empty, of protocol version 0, made now, with a timeout of 304 seconds, and not
// resumable before it has an id or a ticket.
//
// The caller owns one reference, and gives it up with SESS_SESSION_free().
// Threads: any.
struct SESS_SESSION *SESS_SESSION_new(void);

// Duplicates a session: equal in everything, the mark "not resumable" and the application's data
// included, and in no cache.
//
// The caller owns one reference to the copy. NULL when a dup callback of the application's data fails.
// Threads: any; not while another thread sets fields of src. NULL: NULL.
struct SESS_SESSION *SESS_SESSION_dup(const struct SESS_SESSION *src);

// Takes one more reference, which has to be given up with SESS_SESSION_free(). 1 done.
//
// Threads: any. NULL: 0.
int SESS_SESSION_up_ref(struct SESS_SESSION *session);

// Gives up one reference. With the last one the session is destroyed, its keys are wiped, and the free
// callbacks of the application's data are called; a session that was in a cache may end a little later,
// when no thread can still be reading it (SESS_reclaim()).
//
// Threads: any. NULL: nothing happens.
void SESS_SESSION_free(struct SESS_SESSION *session);

// Returns how many references there are: the application's, the cache's and those of connections. A
// figure for tests; other threads change it at any time.
//
// Threads: any. NULL: 0.
unsigned int SESS_SESSION_references(const struct SESS_SESSION *session);

// Returns the session's id, and its length in *len; never NULL, also when it is empty.
//
// Borrowed: valid until it is set anew or the session is destroyed.
// Threads: any. NULL: session: NULL; len: no length is told.
const unsigned char *SESS_SESSION_get_id(const struct SESS_SESSION *session, unsigned int *len);

// Sets the session's id to a copy of len bytes at sid, which may be the session's own. 1 done; 0 for
// more than 32 bytes, and of a session that was added to a context or attached to a connection.
//
// Threads: one, as all setters. NULL: session: 0; sid: allowed if len is 0.
int SESS_SESSION_set1_id(struct SESS_SESSION *session,
                         const unsigned char *sid,
                         unsigned int len);

// Returns the session's id context, and its length in *len; never NULL, also when it is empty.
//
// Borrowed: valid until it is set anew or the session is destroyed.
// Threads: any. NULL: session: NULL; len: no length is told.
const unsigned char *SESS_SESSION_get0_id_context(const struct SESS_SESSION *session,
                                                  unsigned int *len);

// Sets the session's id context to a copy of len bytes at sid_ctx, which may be the session's own. 1 done; 0 for
// more than 32 bytes, and of a session that was added to a context or attached to a connection.
//
// Threads: one, as all setters. NULL: session: 0; sid_ctx: allowed if len is 0.
int SESS_SESSION_set1_id_context(struct SESS_SESSION *session,
                                 const unsigned char *sid_ctx,
                                 unsigned int len);

// Returns when the session was made, in seconds since 1970.
//
// Threads: any. NULL: 0.
long SESS_SESSION_get_time(const struct SESS_SESSION *session);

// As SESS_SESSION_get_time(), in the type that C has for times.
//
// Threads: any. NULL: 0.
time_t SESS_SESSION_get_time_ex(const struct SESS_SESSION *session);

// Sets when the session was made, and returns it. The timeout counts from there; in a cache, the session
// takes its new place in the order of expiry at once. A time before 1970 is refused: 0.
//
// Threads: any. NULL: 0.
long SESS_SESSION_set_time(struct SESS_SESSION *session,
                           long t);

// As SESS_SESSION_set_time(), in the type that C has for times.
//
// Threads: any. NULL: 0.
time_t SESS_SESSION_set_time_ex(struct SESS_SESSION *session, time_t t);

// Returns for how many seconds the session is good.
//
// Threads: any. NULL: 0.
long SESS_SESSION_get_timeout(const struct SESS_SESSION *session);

// Sets for how many seconds the session is good; in a cache it takes its new place in the order of expiry
// at once. 1 done; 0, and nothing changed, for less than 0.
//
// Threads: any. NULL: 0.
int SESS_SESSION_set_timeout(struct SESS_SESSION *session,
                             long t);

// Returns the protocol version as TLS writes it, 0x0303 for TLS 1.2; 0 before it is set.
//
// Threads: any. NULL: 0.
int SESS_SESSION_get_protocol_version(const struct SESS_SESSION *session);

// Sets the protocol version. 1 done; 0 unless it is 0 to 65535, and of a session that was added to a
// context or attached to a connection.
//
// Threads: one, as all setters. NULL: 0.
int SESS_SESSION_set_protocol_version(struct SESS_SESSION *session,
                                      int version);

// Returns the cipher suite by its two bytes in TLS, 0x1301 for TLS_AES_128_GCM_SHA256; 0 when there is
// none. (OpenSSL returns an object; this library has no table of them.)
//
// Threads: any. NULL: 0.
uint16_t SESS_SESSION_get0_cipher(const struct SESS_SESSION *session);

// Sets the cipher suite by its two bytes in TLS; 0 for none. 1 done.
//
// Any is taken, and encoded; d2i_SESS_SESSION() and PEM_read_SESS_SESSION() refuse one that OpenSSL 3.0 does not know.
// Threads: one, as all setters. NULL: 0.
int SESS_SESSION_set_cipher(struct SESS_SESSION *session,
                            uint16_t cipher);

// Returns the server's name that the client asked for, NULL when there is none.
//
// Borrowed: valid until it is set anew or the session is destroyed.
// Threads: any. NULL: NULL.
const char *SESS_SESSION_get0_hostname(const struct SESS_SESSION *session);

// Sets the server's name to a copy; NULL clears it. 1 done.
//
// Threads: one, as all setters. NULL: session: 0; hostname: cleared.
int SESS_SESSION_set1_hostname(struct SESS_SESSION *session, const char *hostname);

// Tells the protocol that ALPN chose; *alpn NULL and *len 0 when there is none.
//
// Borrowed: valid until it is set anew or the session is destroyed.
// Threads: any. NULL: session: as when there is none; alpn, len: not told.
void SESS_SESSION_get0_alpn_selected(const struct SESS_SESSION *session,
                                     const unsigned char **alpn,
                                     size_t *len);

// Sets the protocol that ALPN chose to a copy of len bytes; NULL or 0 bytes clear it. 1 done.
//
// Threads: one, as all setters. NULL: session: 0; alpn: cleared.
int SESS_SESSION_set1_alpn_selected(struct SESS_SESSION *session,
                                    const unsigned char *alpn,
                                    size_t len);

// Whether the session has a ticket: 1 or 0.
//
// Threads: any. NULL: 0.
int SESS_SESSION_has_ticket(const struct SESS_SESSION *session);

// Returns for how many seconds the server said that the ticket is good; 0 when it did not say.
//
// Threads: any. NULL: 0.
unsigned long SESS_SESSION_get_ticket_lifetime_hint(const struct SESS_SESSION *session);

// Tells the ticket; *tick NULL and *len 0 when there is none.
//
// Borrowed: valid until it is set anew or the session is destroyed.
// Threads: any. NULL: session: as when there is none; tick, len: not told.
void SESS_SESSION_get0_ticket(const struct SESS_SESSION *session,
                              const unsigned char **tick,
                              size_t *len);

// Sets what the application puts into the ticket to a copy of len bytes; NULL or 0 bytes clear it. 1 done.
//
// Threads: one, as all setters. NULL: session: 0; data: cleared.
int SESS_SESSION_set1_ticket_appdata(struct SESS_SESSION *session,
                                     const void *data,
                                     size_t len);

// Tells what the application put into the ticket, *data NULL and *len 0 when nothing. 1 in both cases.
//
// Borrowed: valid until it is set anew or the session is destroyed.
// Threads: any. NULL: session: 0; data, len: not told.
int SESS_SESSION_get0_ticket_appdata(const struct SESS_SESSION *session,
                                     void **data,
                                     size_t *len);

// Returns how many bytes of early data the ticket allows.
//
// Threads: any. NULL: 0.
uint32_t SESS_SESSION_get_max_early_data(const struct SESS_SESSION *session);

// Sets how many bytes of early data the ticket allows. 1 done.
//
// Threads: one, as all setters. NULL: 0.
int SESS_SESSION_set_max_early_data(struct SESS_SESSION *session, uint32_t max_early_data);

// Returns the mode of the maximum fragment length that was agreed on (RFC 6066), 0 for none.
//
// Threads: any. NULL: 0.
uint8_t SESS_SESSION_get_max_fragment_length(const struct SESS_SESSION *session);

// Returns the compression method, 0 for none.
//
// Threads: any. NULL: 0.
unsigned int SESS_SESSION_get_compress_id(const struct SESS_SESSION *session);

// Tells the peer's certificate as DER; *der NULL and *len 0 when there is none. 1 there is one, 0 not.
// (OpenSSL returns an object.)
//
// Borrowed: valid until it is set anew or the session is destroyed.
// Threads: any. NULL: session: 0; der, len: not told.
int SESS_SESSION_get0_peer(const struct SESS_SESSION *session,
                           const unsigned char **der,
                           size_t *len);

// Tells the peer's raw public key as DER (SubjectPublicKeyInfo); *der NULL and *len 0 when there is none. 1
// there is one, 0 not.
//
// Borrowed: valid until it is set anew or the session is destroyed.
// Threads: any. NULL: session: 0; der, len: not told.
int SESS_SESSION_get0_peer_rpk(const struct SESS_SESSION *session,
                               const unsigned char **der,
                               size_t *len);

// Copies the master key (the resumption PSK in TLS 1.3) to out, as much of it as fits into outlen bytes, and
// returns how many bytes that were; with outlen 0, how many there are.
//
// Threads: any. NULL: session: 0; out: allowed if outlen is 0, else 0.
size_t SESS_SESSION_get_master_key(const struct SESS_SESSION *session,
                                   unsigned char *out,
                                   size_t outlen);

// Sets the master key (the resumption PSK in TLS 1.3) to a copy of len bytes. 1 done; 0 for more than 512.
//
// Threads: one, as all setters. NULL: session: 0; key: allowed if len is 0.
int SESS_SESSION_set1_master_key(struct SESS_SESSION *session,
                                 const unsigned char *key,
                                 size_t len);

// Whether the session can be resumed: it is not marked otherwise, and has an id or a ticket. Its age takes
// no part. 1 or 0.
//
// Threads: any. NULL: 0.
int SESS_SESSION_is_resumable(const struct SESS_SESSION *session);

// Tells the bytes of a plain entry (SESS_CTX_put(), SESS_SESSION_set1_data()); *data NULL and *len 0 of any
// other session. 1 it is one, 0 not.
//
// Borrowed: valid until the session is destroyed.
// Threads: any. NULL: session: 0; data, len: not told.
int SESS_SESSION_get0_data(const struct SESS_SESSION *session,
                           const unsigned char **data,
                           size_t *len);

// Gives a session the bytes of a plain entry, a copy, once: for a get callback that answers SESS_CTX_fetch().
// 1 done; 0 when it has some, or was added to a context or attached to a connection.
//
// Threads: one, as all setters. NULL: session: 0; data: allowed if len is 0.
int SESS_SESSION_set1_data(struct SESS_SESSION *session,
                           const unsigned char *data,
                           size_t len);

// Hands out an index for application data at sessions (CRYPTO_get_ex_new_index of class SSL_SESSION); -1
// when there is none left. The callbacks may be NULL; argl and argp are handed to them as they are.
//
// Threads: any; callbacks run on the thread that makes or ends a session, with no lock held.
int SESS_SESSION_get_ex_new_index(long argl,
                                  void *argp,
                                  SESS_EX_new new_func,
                                  SESS_EX_dup dup_func,
                                  SESS_EX_free free_func);

// Gives an index back: its callbacks are called for nothing that begins, ends or is duplicated from now on, its values
// read as NULL. 1 done, 0 when it was not handed out.
//
// Threads: any. One that is just making, ending or duplicating a session may still call them.
int SESS_SESSION_free_ex_index(int idx);

// Sets application data; it stays the application's. 1 done, 0 when idx was not handed out.
//
// Threads: any. NULL: session: 0.
int SESS_SESSION_set_ex_data(struct SESS_SESSION *session, int idx, void *data);

// Returns application data, NULL when none was set.
//
// Threads: any. NULL: NULL.
void *SESS_SESSION_get_ex_data(const struct SESS_SESSION *session, int idx);

// Sets the application data at index 0, which nobody has to ask for. 1 done.
//
// Threads: any. NULL: session: 0.
int SESS_SESSION_set_app_data(struct SESS_SESSION *session, void *data);

// Returns the application data at index 0.
//
// Threads: any. NULL: NULL.
void *SESS_SESSION_get_app_data(const struct SESS_SESSION *session);

// Encodes a session as DER and returns the number of bytes; 0 when it has no cipher suite.
//
// pp NULL: nothing is written. *pp NULL: a block is allocated, *pp points to it, and the caller frees it with
// SESS_mem_free(). Else the bytes are written to *pp, which has room for them, and *pp moves behind them.
// **The master key is among them.**
// Threads: any. NULL: session: 0; pp: the length alone.
int i2d_SESS_SESSION(const struct SESS_SESSION *session,
                     unsigned char **pp);

// Decodes the session at the start of length bytes at *pp, and moves *pp behind it; what follows is not
// looked at. NULL, and *pp as it was, for what is no session.
//
// a NULL or *a NULL: a session is made, of which the caller owns one reference, and stored in *a too. Else
// *a is given the content, which must be a session that was in no context and no connection; it is as it was
// when this fails. A session without a time is made now, one without a timeout good for 3 seconds.
// Threads: any. NULL: pp, *pp: NULL; a: allowed.
struct SESS_SESSION *d2i_SESS_SESSION(struct SESS_SESSION **a,
                                      const unsigned char **pp,
                                      long length);

// Writes a session as PEM ("SSL SESSION PARAMETERS"), unencrypted: **the master key is in it.** 1 done.
//
// Threads: any; fp is written by this call alone. NULL: 0.
int PEM_write_SESS_SESSION(FILE *fp,
                           const struct SESS_SESSION *x);

// Reads the next session that stands in a file as PEM, and leaves the file behind it; other blocks before it
// are passed over. NULL when there is none, or it is encrypted.
//
// x: as a of d2i_SESS_SESSION(). cb and u are not used.
// Threads: any; fp is read by this call alone. NULL: fp: NULL; x: allowed.
struct SESS_SESSION *PEM_read_SESS_SESSION(FILE *fp,
                                           struct SESS_SESSION **x,
                                           SESS_pem_password_cb _cb,
                                           void *_u);

// Writes what a session holds as text for people, as `openssl sess_id -text` shows it: **the master key is
// among it.** 1 done; 0 when write says 0.
//
// Threads: any; write is called on this one, and may not use the session. NULL: 0.
int SESS_SESSION_print(SESS_write_cb write,
                       void *arg,
                       const struct SESS_SESSION *session);

// As SESS_SESSION_print(), to a file.
//
// Threads: any; fp is written by this call alone. NULL: 0.
int SESS_SESSION_print_fp(FILE *fp, const struct SESS_SESSION *session);

// Writes the line by which a recording of the connection can be decrypted (up to TLS 1.2): **the master
// key.** 1 done; 0 when the session has no id or no key.
//
// Threads: any; write is called on this one, and may not use the session. NULL: 0.
int SESS_SESSION_print_keylog(SESS_write_cb write,
                              void *arg,
                              const struct SESS_SESSION *session);

// Creates a cache with the rules of OpenSSL's manual: 20,480 sessions, 64 MiB, sessions good for 300 seconds
// and for 24 hours (TLS 1.3: 7 days) at most, mode SESS_SESS_CACHE_SERVER. docs/rules.md tells where manual
// and library differ.
//
// The caller owns one reference, and gives it up with SESS_CTX_free(). NULL when the operating system gives
// no random bytes.
// Threads: any.
struct SESS_CTX *SESS_CTX_new(void);

// Creates a cache that does what late OpenSSL 3.0 does, where its manual says something else: sessions good
// for 7200 seconds, one session less than its size, no caps on lifetimes.
//
// As SESS_CTX_new() in everything else.
// Threads: any.
struct SESS_CTX *SESS_CTX_new_openssl(void);

// As SESS_CTX_new(), with other caps on lifetimes, in seconds: of sessions up to TLS 1.2 and plain entries,
// and of TLS 1.3. NULL when one is less than 1.
//
// Threads: any.
struct SESS_CTX *SESS_CTX_new_with_lifetime_max(long lifetime_max,
                                                long lifetime_max_tls13);

// Takes one more reference, which has to be given up with SESS_CTX_free(). 1 done.
//
// Threads: any. NULL: 0.
int SESS_CTX_up_ref(struct SESS_CTX *ctx);

// Gives up one reference. With the last one every session in the cache is marked not resumable and reported
// to the remove callback, then the context is freed; sessions that others hold stay. Connections hold
// references too. The remove callback may use the context, take references and make connections meanwhile; none of
// them keeps it, so they have to be given up before this returns.
//
// Threads: any. NULL: nothing happens.
void SESS_CTX_free(struct SESS_CTX *ctx);

// Adds a session to the cache, in the place of another one of its protocol version and id if there is one.
// 1 added; 0, and the cache stays as it is, when it is in already, has no id, is in another context's cache, is too
// large, or too much that has left waits to be freed. Under the rules of SESS_CTX_new() also in a mode that stores
// neither clients' nor servers' sessions, and of TLS 1.3 with a timeout of 0.
//
// The cache takes a reference of its own. Without room the sessions that expire first leave. One that has expired, or
// is marked not resumable, is stored too. The session's version, id and id context stay from now on, in any case.
// May call the remove callback. Threads: any. NULL: 0.
int SESS_CTX_add_session(struct SESS_CTX *ctx,
                         struct SESS_SESSION *session);

// Removes the session of this one's protocol version and id from the cache, and marks this one not resumable
// in any case. 1 when there was one, 0 when not.
//
// The cache's reference is released. This session's fields can be set afterwards as before. A session without an id:
// 0, and nothing happens.
// Calls the remove callback. Threads: any. NULL: 0, and nothing happens.
int SESS_CTX_remove_session(struct SESS_CTX *ctx,
                            struct SESS_SESSION *session);

// Removes the sessions that expired before tm, in seconds since 1970; all of them for 0. Nothing happens for
// a time before 1970.
//
// They are marked not resumable. Calls the remove callback for each, in the order in which they expire.
// Threads: any; lookups of others go on undisturbed. NULL: nothing happens.
void SESS_CTX_flush_sessions(struct SESS_CTX *ctx,
                             long tm);

// As SESS_CTX_flush_sessions(), in the type that C has for times.
//
// Threads: any. NULL: nothing happens.
void SESS_CTX_flush_sessions_ex(struct SESS_CTX *ctx, time_t tm);

// Calls visit for every session in the cache, in no order, and returns how often (SSL_CTX_sessions()).
//
// The session is borrowed for the call; SESS_SESSION_up_ref() keeps it. One that is there from beginning to
// end is met once, one that comes or goes meanwhile may be met. visit may call anything.
// Threads: any. NULL: 0.
size_t SESS_CTX_each(struct SESS_CTX *ctx,
                     SESS_each_cb visit,
                     void *arg);

// Sets the id context that new connections begin with, and that plain entries belong to: a copy of
// sid_ctx_len bytes. 1 done; 0 for more than 32.
//
// A server that may not resume another one's sessions needs one of its own; see docs/c-abi.md.
// Threads: any. NULL: ctx: 0; sid_ctx: allowed if sid_ctx_len is 0.
int SESS_CTX_set_session_id_context(struct SESS_CTX *ctx,
                                    const unsigned char *sid_ctx,
                                    unsigned int sid_ctx_len);

// Returns the caps on lifetimes in seconds: of sessions up to TLS 1.2 and plain entries, and in *tls13 of
// TLS 1.3. LONG_MAX under the rules without.
//
// Threads: any. NULL: ctx: 0; tls13: not told.
long SESS_CTX_get_lifetime_max(const struct SESS_CTX *ctx,
                               long *tls13);

// Returns the figures of a cache as text, one aligned line for each, to be freed with SESS_mem_free().
//
// Threads: any. NULL: NULL.
char *SESS_CTX_status(const struct SESS_CTX *ctx);

// Hands out an index for application data at contexts; as SESS_SESSION_get_ex_new_index().
//
// Threads: any. NULL: allowed for each callback, and argp.
int SESS_CTX_get_ex_new_index(long argl,
                              void *argp,
                              SESS_EX_new new_func,
                              SESS_EX_dup dup_func,
                              SESS_EX_free free_func);

// Gives an index back; as SESS_SESSION_free_ex_index().
//
// Threads: any.
int SESS_CTX_free_ex_index(int idx);

// Sets application data; it stays the application's. 1 done, 0 when idx was not handed out.
//
// Threads: any. NULL: ctx: 0.
int SESS_CTX_set_ex_data(struct SESS_CTX *ctx, int idx, void *data);

// Returns application data, NULL when none was set.
//
// Threads: any. NULL: NULL.
void *SESS_CTX_get_ex_data(const struct SESS_CTX *ctx, int idx);

// Returns the version of this library, "0.1.0".
//
// Valid as long as the program runs. Threads: any.
const char *SESS_version(void);

// Frees what this thread's removals left waiting, as far as no thread can still be reading it.
//
// For programs that are about to idle and want keys wiped now, and for tests.
// Threads: any. Calls the free callbacks of sessions that end.
void SESS_reclaim(void);

// Begins anew in a child process: to be called first thing after fork(), if any function of this library
// was called before it. Fork where no other thread is inside of one. Contexts made before go on in the
// child with copies of their sessions, and draw ids of their own.
//
// Threads: the child's one thread.
void SESS_after_fork(void);

// Sets the mode, SESS_SESS_CACHE_ constants added up, and returns the previous one. Bits without a meaning are
// kept. 0, and nothing changes, when mode is negative or needs more than 32 bits.
//
// Threads: any. NULL: 0.
long SESS_CTX_set_session_cache_mode(struct SESS_CTX *ctx,
                                     long mode);

// Returns the mode.
//
// Threads: any. NULL: 0.
long SESS_CTX_get_session_cache_mode(const struct SESS_CTX *ctx);

// Sets how many sessions the cache holds at most, 0 for no limit, and returns the previous limit. 0, and nothing
// changes, when t is negative or more than 16,777,216.
//
// Calls the remove callback for sessions that have no room any more. Threads: any. NULL: 0.
long SESS_CTX_sess_set_cache_size(struct SESS_CTX *ctx,
                                  long t);

// Returns how many sessions the cache holds at most, 0 for no limit.
//
// Threads: any. NULL: 0.
long SESS_CTX_sess_get_cache_size(const struct SESS_CTX *ctx);

// Sets how many bytes all sessions together count for at most, 0 for no limit, and returns the previous limit:
// 128 for each session, and what it holds. 0, and nothing changes, when bytes is negative.
//
// Calls the remove callback for sessions that have no room any more. Threads: any. NULL: 0.
long SESS_CTX_set_bytes_max(struct SESS_CTX *ctx,
                            long bytes);

// Returns how many bytes all sessions together count for at most, 0 for no limit.
//
// Threads: any. NULL: 0.
long SESS_CTX_get_bytes_max(const struct SESS_CTX *ctx);

// Sets how many bytes one session counts for at most, 0 for no limit, and returns the previous limit. 0, and
// nothing changes, when bytes is negative.
//
// Threads: any. NULL: 0.
long SESS_CTX_set_session_bytes_max(struct SESS_CTX *ctx,
                                    long bytes);

// Returns how many bytes one session counts for at most, 0 for no limit.
//
// Threads: any. NULL: 0.
long SESS_CTX_get_session_bytes_max(const struct SESS_CTX *ctx);

// Returns for how many bytes the sessions in the cache count now.
//
// Threads: any. NULL: 0.
long SESS_CTX_get_bytes(const struct SESS_CTX *ctx);

// Sets for how many seconds new sessions are good, and returns the previous timeout. With 0 new sessions have the
// default again. 0, and nothing changes, when t is negative. Sessions that exist keep theirs.
//
// Threads: any. NULL: 0.
long SESS_CTX_set_timeout(struct SESS_CTX *ctx,
                          long t);

// Returns for how many seconds new sessions are good.
//
// Threads: any. NULL: 0.
long SESS_CTX_get_timeout(const struct SESS_CTX *ctx);

// Sets how many tickets a TLS 1.3 server is to send after a full handshake; kept for the engine. 1 done.
//
// Threads: any. NULL: 0.
int SESS_CTX_set_num_tickets(struct SESS_CTX *ctx,
                             size_t num_tickets);

// Returns how many tickets a TLS 1.3 server is to send after a full handshake: 2 unless it was set.
//
// Threads: any. NULL: 0.
size_t SESS_CTX_get_num_tickets(const struct SESS_CTX *ctx);

// Returns how many sessions are in the cache.
//
// Threads: any. NULL: 0.
long SESS_CTX_sess_number(const struct SESS_CTX *ctx);

// Returns how many first handshakes clients began.
//
// Threads: any. NULL: 0.
long SESS_CTX_sess_connect(const struct SESS_CTX *ctx);

// Returns how many handshakes clients ended.
//
// Threads: any. NULL: 0.
long SESS_CTX_sess_connect_good(const struct SESS_CTX *ctx);

// Returns how many renegotiations clients began.
//
// Threads: any. NULL: 0.
long SESS_CTX_sess_connect_renegotiate(const struct SESS_CTX *ctx);

// Returns how many first handshakes servers began.
//
// Threads: any. NULL: 0.
long SESS_CTX_sess_accept(const struct SESS_CTX *ctx);

// Returns how many handshakes servers ended.
//
// Threads: any. NULL: 0.
long SESS_CTX_sess_accept_good(const struct SESS_CTX *ctx);

// Returns how many renegotiations servers began.
//
// Threads: any. NULL: 0.
long SESS_CTX_sess_accept_renegotiate(const struct SESS_CTX *ctx);

// Returns how many sessions came back.
//
// Threads: any. NULL: 0.
long SESS_CTX_sess_hits(const struct SESS_CTX *ctx);

// Returns how many answers of the get callback could be used.
//
// Threads: any. NULL: 0.
long SESS_CTX_sess_cb_hits(const struct SESS_CTX *ctx);

// Returns how many lookups inside found nothing.
//
// Threads: any. NULL: 0.
long SESS_CTX_sess_misses(const struct SESS_CTX *ctx);

// Returns how many sessions clients came back with too late.
//
// Threads: any. NULL: 0.
long SESS_CTX_sess_timeouts(const struct SESS_CTX *ctx);

// Returns how many sessions left because there was no room.
//
// Threads: any. NULL: 0.
long SESS_CTX_sess_cache_full(const struct SESS_CTX *ctx);

// Copies the figures to the first size bytes of out, which is sizeof(SESS_STATISTICS) where the program was
// compiled: a later library has more figures, and tells those that the program knows. What out has beyond
// those of this library is set to 0. 1 done; 0 when size is no multiple of 8, or 0.
//
// Threads: any. NULL: 0.
int SESS_CTX_statistics(const struct SESS_CTX *ctx,
                        struct SESS_STATISTICS *out,
                        size_t size);

// Sets what is called when a session was negotiated; NULL for nothing.
//
// It runs on the thread that negotiated, with no lock held, and may call anything.
// Threads: any. NULL: ctx: nothing happens.
void SESS_CTX_sess_set_new_cb(struct SESS_CTX *ctx, SESS_new_session_cb new_session_cb);

// Returns what SESS_CTX_sess_set_new_cb() set.
//
// Threads: any. NULL: NULL.
SESS_new_session_cb SESS_CTX_sess_get_new_cb(const struct SESS_CTX *ctx);

// Sets what is called when a session has left the cache, or was dropped as bad; NULL for nothing, which is how
// an outside cache survives SESS_CTX_free().
//
// It runs on the thread that made the session leave, with no lock held, and may call anything.
// Threads: any. NULL: ctx: nothing happens.
void SESS_CTX_sess_set_remove_cb(struct SESS_CTX *ctx,
                                 SESS_remove_session_cb remove_session_cb);

// Returns what SESS_CTX_sess_set_remove_cb() set.
//
// Threads: any. NULL: NULL.
SESS_remove_session_cb SESS_CTX_sess_get_remove_cb(const struct SESS_CTX *ctx);

// Sets what is called when a client comes back with a session that is not inside; NULL for nothing.
//
// It runs on the thread that looks, with no lock held, and may call anything.
// Threads: any. NULL: ctx: nothing happens.
void SESS_CTX_sess_set_get_cb(struct SESS_CTX *ctx, SESS_get_session_cb get_session_cb);

// Returns what SESS_CTX_sess_set_get_cb() set.
//
// Threads: any. NULL: NULL.
SESS_get_session_cb SESS_CTX_sess_get_get_cb(const struct SESS_CTX *ctx);

// Sets what makes the ids of new sessions; NULL for 32 random bytes. 1 done.
//
// It runs on the thread that needs an id, with no lock held, and may call SESS_has_matching_session_id().
// Threads: any. NULL: ctx: 0.
int SESS_CTX_set_generate_session_id(struct SESS_CTX *ctx,
                                     SESS_generate_session_id_cb cb);

// Sets what says which sessions are not to be resumed; NULL for nothing. Connections that are made later
// ask it.
//
// Threads: any. NULL: ctx: nothing happens.
void SESS_CTX_set_not_resumable_session_callback(struct SESS_CTX *ctx,
                                                 SESS_not_resumable_session_cb cb);

// Attaches a session to be offered to the server, in the place of the one that is attached; NULL detaches that
// one. 1 done; 0 when it is in another context's cache, and then nothing changes.
//
// The connection takes a reference of its own, and releases that of the one before. If the connection was
// established and not closed cleanly, the one before leaves its cache and is marked not resumable. The
// session's version, id and id context stay from now on.
// May call the remove callback. Threads: one at a time for a connection. NULL: conn: 0; session: detaches.
int SESS_set_session(struct SESS_CONN *conn,
                     struct SESS_SESSION *session);

// Returns the session in use, NULL before there is one. No reference is taken.
//
// Borrowed: valid until another is attached or this one detached: by SESS_clear(), SESS_free(), SESS_CONN_declined(), a
// SESS_CONN_offer() that returns NULL, or, in TLS 1.3, the next call of the SESS_CONN_resume() family.
// Threads: one at a time for a connection; callbacks that it runs too. NULL: NULL.
struct SESS_SESSION *SESS_get_session(const struct SESS_CONN *conn);

// As SESS_get_session(), which OpenSSL calls so too.
//
// Threads: one at a time for a connection; callbacks that it runs too. NULL: NULL.
struct SESS_SESSION *SESS_get0_session(const struct SESS_CONN *conn);

// Returns the session in use with a reference for the caller, who gives it up with SESS_SESSION_free(): it stays
// valid whatever becomes of connection and cache. NULL before there is one.
//
// Threads: one at a time for a connection; callbacks that it runs too. NULL: NULL.
struct SESS_SESSION *SESS_get1_session(struct SESS_CONN *conn);

// Whether the session in use was resumed: 1 or 0.
//
// Threads: one at a time for a connection; callbacks that it runs too. NULL: 0.
int SESS_session_reused(const struct SESS_CONN *conn);

// Gives a connection another one's session and id context. 1 done; 0 as SESS_set_session().
//
// May call the remove callback. Threads: one at a time for each connection. NULL: 0.
int SESS_copy_session_id(struct SESS_CONN *to, const struct SESS_CONN *from);

// Sets the id context of one connection, for sessions that are made or resumed from now on: a copy of sid_ctx_len
// bytes. 1 done; 0 for more than 32.
//
// Threads: one at a time for a connection. NULL: conn: 0; sid_ctx: allowed if sid_ctx_len is 0.
int SESS_set_session_id_context(struct SESS_CONN *conn,
                                const unsigned char *sid_ctx,
                                unsigned int sid_ctx_len);

// Sets what makes the ids of this connection's sessions; NULL for what the context has. 1 done.
//
// Threads: one at a time for a connection; the callback runs on it. NULL: conn: 0.
int SESS_set_generate_session_id(struct SESS_CONN *conn, SESS_generate_session_id_cb cb);

// Whether the cache holds a session of this connection's protocol version under id: 1 or 0; 0 for more than 32
// bytes. The get callback is not asked.
//
// Threads: one at a time for a connection; callbacks that it runs too. NULL: 0.
int SESS_has_matching_session_id(const struct SESS_CONN *conn,
                                 const unsigned char *id,
                                 unsigned int id_len);

// Sets what says whether this connection's new session is not to be resumed; NULL for nothing.
//
// Threads: one at a time for a connection; the callback runs on it. NULL: conn: nothing happens.
void SESS_set_not_resumable_session_callback(struct SESS_CONN *conn,
                                             SESS_not_resumable_session_cb cb);

// Sets how many tickets this TLS 1.3 server is to send after a full handshake; kept for the engine. 1 done.
//
// Threads: one at a time for a connection. NULL: 0.
int SESS_set_num_tickets(struct SESS_CONN *conn,
                         size_t num_tickets);

// Returns how many tickets this TLS 1.3 server is to send after a full handshake: its context's number unless it
// was set.
//
// Threads: one at a time for a connection; callbacks that it runs too. NULL: 0.
size_t SESS_get_num_tickets(const struct SESS_CONN *conn);

// Returns for how many seconds sessions are good where nobody said anything: 300, or 7200 under the rules of
// SESS_CTX_new_openssl().
//
// Threads: any. NULL: 0.
long SESS_get_default_timeout(const struct SESS_CONN *conn);

// Returns what became of the peer's certificate, 0 for good (X509_V_OK): of this connection, or of the one whose
// session it resumes.
//
// Threads: one at a time for a connection; callbacks that it runs too. NULL: 1, which is not good.
long SESS_get_verify_result(const struct SESS_CONN *conn);

// Returns the context whose configuration counts now (SSL_get_SSL_CTX()); no reference is taken.
//
// Borrowed: valid until the connection is switched to another or freed.
// Threads: one at a time for a connection; callbacks that it runs too. NULL: NULL.
struct SESS_CTX *SESS_get_SESS_CTX(const struct SESS_CONN *conn);

// Follows a server name to another context (SSL_set_SSL_CTX()) and returns it: handshakes count there from now on.
// Sessions stay with the context that the connection was made from. NULL when it fails.
//
// The connection takes a reference of its own. Threads: one at a time for a connection. NULL: conn: NULL; ctx: the
// context that the connection was made from.
struct SESS_CTX *SESS_set_SESS_CTX(struct SESS_CONN *conn,
                                   struct SESS_CTX *ctx);

// Says whether the get callback that runs is asked for a session that may be used once, so that an outside cache has
// to give it up in the same step, to one of all that ask: 1 or 0.
//
// Threads: the one on which the callback runs. NULL: 0.
int SESS_wants_single_use(const struct SESS_CONN *conn);

// Hands out an index for application data at connections; as SESS_SESSION_get_ex_new_index().
//
// Threads: any. NULL: allowed for each callback, and argp.
int SESS_get_ex_new_index(long argl,
                          void *argp,
                          SESS_EX_new new_func,
                          SESS_EX_dup dup_func,
                          SESS_EX_free free_func);

// Gives an index back; as SESS_SESSION_free_ex_index().
//
// Threads: any.
int SESS_free_ex_index(int idx);

// Sets application data; it stays the application's. 1 done, 0 when idx was not handed out.
//
// Threads: any, callbacks that the connection runs too. NULL: conn: 0.
int SESS_set_ex_data(struct SESS_CONN *conn, int idx, void *data);

// Returns application data, NULL when none was set.
//
// Threads: any, callbacks that the connection runs too. NULL: NULL.
void *SESS_get_ex_data(const struct SESS_CONN *conn, int idx);

// Stores a copy of data_len bytes under id for lifetime_seconds, in the place of what was there. 1 stored; 0 not:
// an id that is not 1 to 32 bytes long, a lifetime of 0 or less, too many bytes, a mode that stores nothing inside.
//
// A lifetime over the cap is cut to it. Without room the entries that expire first leave, never the new one.
// May call the new callback (with conn NULL) and the remove callback. Threads: any. NULL: ctx, id: 0; data: allowed
// if data_len is 0.
int SESS_CTX_put(struct SESS_CTX *ctx,
                 const unsigned char *id,
                 size_t id_len,
                 const unsigned char *data,
                 size_t data_len,
                 int64_t lifetime_seconds);

// Copies what is stored under id to out, and its size to *out_len. 1 found. 0 not found, or expired, or of another
// id context: *out_len is 0. 0 too small (out_capacity): *out_len is the size, and nothing else was written.
//
// Asks the get callback (with conn NULL) for what is not inside. Threads: any. Waits for no lock, but to store what that
// callback answers, and to set the time of its use (SESS_SESS_CACHE_UPDATE_TIME under the rules of SESS_CTX_new()).
// NULL: ctx, id: 0; out: allowed if out_capacity is 0; out_len: the size is not told.
int SESS_CTX_fetch(struct SESS_CTX *ctx,
                   const unsigned char *id,
                   size_t id_len,
                   unsigned char *out,
                   size_t out_capacity,
                   size_t *out_len);

// As SESS_CTX_fetch(), and removes it: of any number of calls one gets it. Too small takes nothing.
//
// The get callback is not asked: it could not give up what it has. Calls the remove callback. Threads: any. NULL: as
// SESS_CTX_fetch().
int SESS_CTX_take(struct SESS_CTX *ctx,
                  const unsigned char *id,
                  size_t id_len,
                  unsigned char *out,
                  size_t out_capacity,
                  size_t *out_len);

// Removes what is stored under id. 1 when this call removed it; 0 when it was not there, or expired, or of another id
// context.
//
// Calls the remove callback. Threads: any. NULL: 0.
int SESS_CTX_discard(struct SESS_CTX *ctx,
                     const unsigned char *id,
                     size_t id_len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SESSION_SESSION_H */
