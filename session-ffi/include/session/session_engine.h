/* The TLS session cache for C: what a TLS engine calls. Generated from session-ffi/src; do not edit.
 *
 * The rules of session.h hold here too. The order of calls is in docs/c-abi.md.
 */

#ifndef SESSION_SESSION_ENGINE_H
#define SESSION_SESSION_ENGINE_H


#include "session.h"

// A close_notify was sent, or is taken to have been.
#define SESS_SENT_SHUTDOWN 1

// A close_notify was received.
#define SESS_RECEIVED_SHUTDOWN 2

// The peer has no certificate to show.
#define SESS_VERIFY_NONE 0

// The peer is verified.
#define SESS_VERIFY_PEER 1

// No ticket is sent: up to TLS 1.2, a session that is found by its id.
#define SESS_TICKETS_NONE 0

// TLS 1.3: the ticket is the session's id.
#define SESS_TICKETS_STATEFUL 1

// TLS 1.3: the ticket holds the session.
#define SESS_TICKETS_STATELESS 2

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Makes a connection without a session, in the id context that the context has now: a server's, unless
// SESS_set_connect_state() says otherwise.
//
// The caller owns it, and frees it with SESS_free(). It takes references to the context.
// Threads: any. NULL: NULL.
SESS_CONN *SESS_new(SESS_CTX *ctx);

// Frees a connection. If it was established and not closed cleanly its session leaves the cache and is marked not
// resumable. Within a callback that the connection runs nothing happens.
//
// May call the remove callback. Threads: no other is inside of it. NULL: nothing happens.
void SESS_free(SESS_CONN *conn);

// Makes a connection ready for another handshake. After a clean close the session stays attached; else it leaves
// the cache, is marked not resumable and detached. 1 done.
//
// May call the remove callback. Threads: one at a time for a connection. NULL: 0.
int SESS_clear(SESS_CONN *conn);

// Makes it a client's connection, before it has begun a handshake; later nothing changes.
//
// Threads: one at a time for a connection. NULL: nothing happens.
void SESS_set_connect_state(SESS_CONN *conn);

// Makes it a server's connection, before it has begun a handshake; later nothing changes.
//
// Threads: one at a time for a connection. NULL: nothing happens.
void SESS_set_accept_state(SESS_CONN *conn);

// Says whether the peer is verified (SESS_VERIFY_PEER among the bits of mode). A server without an id context then
// caches nothing, and fails a handshake in which a session of the empty context would come back.
//
// Threads: one at a time for a connection. NULL: nothing happens.
void SESS_set_verify(SESS_CONN *conn,
                     int mode);

// Says in which directions the connection was closed: SESS_SENT_SHUTDOWN and SESS_RECEIVED_SHUTDOWN added up. Once
// sent, the session stays.
//
// Threads: one at a time for a connection. NULL: nothing happens.
void SESS_set_shutdown(SESS_CONN *conn,
                       int mode);

// Returns in which directions the connection was closed.
//
// Threads: one at a time for a connection; callbacks that it runs too. NULL: 0.
int SESS_get_shutdown(const SESS_CONN *conn);

// Says that a handshake begins, the first or a renegotiation, with the protocol version that is agreed on or hoped
// for. It is counted. 1 done; 0 unless protocol_version is 0 to 65535.
//
// Threads: one at a time for a connection. NULL: 0.
int SESS_CONN_begin(SESS_CONN *conn,
                    int protocol_version);

// Says which protocol version was agreed on, when it is another than was said at the beginning. 1 done.
//
// Threads: one at a time for a connection. NULL: 0.
int SESS_CONN_set_version(SESS_CONN *conn,
                          int protocol_version);

// Looks for the session that a client proposes, inside and then by the get callback, and attaches it if it may come
// back here. 1 resumed; 0 full handshake, as for more than 32 bytes; -1 end the handshake with a fatal alert.
//
// May call the get and remove callbacks. Threads: one at a time for a connection. NULL: conn: -1, but 0 for more than
// 32 bytes; id: allowed if len is 0.
int SESS_CONN_resume(SESS_CONN *conn,
                     const unsigned char *id,
                     size_t len);

// As SESS_CONN_resume(), of a session that may be used once: it leaves the cache, and of any number of connections
// that propose it one gets it.
//
// May call the get and remove callbacks. Threads: one at a time for a connection. NULL: as SESS_CONN_resume().
int SESS_CONN_resume_once(SESS_CONN *conn,
                          const unsigned char *id,
                          size_t len);

// Attaches the session that a ticket held, if it may come back here; no cache is asked. 1 resumed; 0 full handshake;
// -1 end the handshake with a fatal alert.
//
// The connection takes a reference of its own. Threads: one at a time for a connection. NULL: -1.
int SESS_CONN_resume_ticket(SESS_CONN *conn,
                            SESS_SESSION *session);

// Makes an id for a new session: what the generator makes, else 32 random bytes, and none that the cache has. 1
// done; 0 end the handshake with a fatal alert, *id_len is 0 then.
//
// id has room for 32 bytes. May call the generator. Threads: one at a time for a connection. NULL: 0.
int SESS_CONN_generate_session_id(const SESS_CONN *conn,
                                  unsigned char *id,
                                  unsigned int *id_len);

// Attaches the session of a full handshake: made with SESS_SESSION_new(), given its version, id, keys and what
// verifying the peer came to. It takes the connection's id context and the context's timeout, and is made now. 1
// done; 0 when it was attached or added before.
//
// An id context that it did not have yet is set anew: what SESS_SESSION_get0_id_context() lent before is gone.
// The connection takes a reference of its own. Threads: one at a time for a connection. NULL: 0.
int SESS_CONN_new_session(SESS_CONN *conn,
                          SESS_SESSION *session);

// Attaches the session of a further ticket: a duplicate of the one in use with an id of its own. It is made now, and not
// marked; its timeout, and when the peers last proved who they are, stay. A client up to TLS 1.2 that stores sessions
// gets it in the place of the one in use, which leaves the cache. 1 done; 0 when it was attached or added before.
//
// It takes the id context of the session in use, or the connection's where there is none.
// The connection takes a reference of its own. May call the remove callback. Threads: one at a time for a connection.
// NULL: 0.
int SESS_CONN_attach_session(SESS_CONN *conn,
                             SESS_SESSION *session);

// Says that the attached session can be resumed from now on (SESS_TICKETS_ constants: how): it is stored, and the new
// callback called, as the mode says. Up to TLS 1.2 once, before SESS_CONN_finish(); in TLS 1.3 after it, for each
// ticket that was sent or received. 1 done; 0 for an unknown value of tickets.
//
// May call the new and remove callbacks. Threads: one at a time for a connection. NULL: 0.
int SESS_CONN_established(SESS_CONN *conn,
                          int tickets);

// Says that the handshake is complete. It is counted, and expired sessions are cleared now and then. 1 done.
//
// May call the remove callback. Threads: one at a time for a connection. NULL: 0.
int SESS_CONN_finish(SESS_CONN *conn);

// Asks whether the new session is not to be resumed, and marks it if so: 1, and the engine sends no ticket; else 0.
//
// Comes after SESS_CONN_new_session(). Without a new session yet the answer is kept for the next one that this
// handshake attaches; one from before this handshake is never marked.
// Calls the callback of SESS_set_not_resumable_session_callback(). Threads: one at a time for a connection. NULL: 0.
int SESS_CONN_is_not_resumable(SESS_CONN *conn,
                               int is_forward_secure);

// Returns the session for a client to offer: the attached one, if it may be and its protocol version is
// min_version to max_version; else NULL.
//
// Borrowed: as SESS_get_session().
// Threads: one at a time for a connection. NULL: NULL.
SESS_SESSION *SESS_CONN_offer(SESS_CONN *conn,
                              int min_version,
                              int max_version);

// Says that the server resumes the session that was offered. 1 done; 0 end the handshake with a fatal alert.
//
// Threads: one at a time for a connection. NULL: 0.
int SESS_CONN_accepted(SESS_CONN *conn);

// Says that the server does not resume the session that was offered: it is detached, and stays in the cache.
//
// Threads: one at a time for a connection. NULL: nothing happens.
void SESS_CONN_declined(SESS_CONN *conn);

// Says that a fatal alert was sent: the session leaves the cache and is marked not resumable, unless the connection
// was closed before.
//
// May call the remove callback. Threads: one at a time for a connection. NULL: nothing happens.
void SESS_CONN_fatal_alert_sent(SESS_CONN *conn);

// Says that a fatal alert was received: the session leaves the cache and is marked not resumable.
//
// May call the remove callback. Threads: one at a time for a connection. NULL: nothing happens.
void SESS_CONN_fatal_alert_received(SESS_CONN *conn);

// Gives a session the ticket that came for it, a copy of len bytes, with what the server said about it. 1 done; 0
// when the session was added to a context or attached to a connection.
//
// Threads: one, as all setters. NULL: session: 0; ticket: allowed if len is 0.
int SESS_SESSION_set1_ticket(SESS_SESSION *session,
                             const unsigned char *ticket,
                             size_t len,
                             unsigned long lifetime_hint,
                             uint32_t age_add);

// Returns what is added to the age of the ticket to hide it.
//
// Threads: any. NULL: 0.
uint32_t SESS_SESSION_get_ticket_age_add(const SESS_SESSION *session);

// Gives a session the peer's certificate, a copy of len bytes of DER; 0 bytes clear it. 1 done; 0 when they are no
// certificate.
//
// Threads: one, as all setters. NULL: session: 0; der: allowed if len is 0.
int SESS_SESSION_set1_peer(SESS_SESSION *session,
                           const unsigned char *der,
                           size_t len);

// Gives a session the peer's raw public key, a copy of len bytes of DER; 0 bytes clear it. 1 done; 0 when they are
// no public key.
//
// Threads: one, as all setters. NULL: session: 0; der: allowed if len is 0.
int SESS_SESSION_set1_peer_rpk(SESS_SESSION *session,
                               const unsigned char *der,
                               size_t len);

// Says what verifying the peer came to, an X509_V_ number, 0 for good. 1 done; 0 when the session was added to a
// context or attached to a connection.
//
// Threads: one, as all setters. NULL: 0.
int SESS_SESSION_set_verify_result(SESS_SESSION *session,
                                   long verify_result);

// Sets OpenSSL's flags; bit 0 says that the extended master secret was used. 1 done.
//
// Threads: one, as all setters. NULL: 0.
int SESS_SESSION_set_flags(SESS_SESSION *session, uint32_t flags);

// Returns OpenSSL's flags; bit 0 says that the extended master secret was used.
//
// Threads: any. NULL: 0.
uint32_t SESS_SESSION_get_flags(const SESS_SESSION *session);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SESSION_SESSION_ENGINE_H */
