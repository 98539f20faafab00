/* Takes a connection of TLS 1.3 over from OpenSSL when its handshake is done: the traffic secrets,
 * as key_schedule.h tells them, and how many records the server has sent under its own (session
 * tickets do count). RECORD.md says why the numbers are right.
 *
 * One for each handshake, from before its first byte until handoff_take(). It holds secrets: they
 * go from here into a record layer, never into a log, and are wiped. */
#ifndef TLS_HANDOFF_H
#define TLS_HANDOFF_H

#include "tls/record.h"

#include <openssl/ssl.h>

struct handoff;

/* For `ssl`, which has not begun yet, is to be freed after it, and whose context was made with
 * KEY_SCHEDULE_PROPERTIES. */
struct handoff *handoff_new(SSL *ssl);
void handoff_free(struct handoff **h); /* NULL-safe; *h is NULL after; wipes */

/* Before each call of OpenSSL for its connection; NULL for one that has no handoff. */
void handoff_enter(struct handoff *h);
/* All that OpenSSL sends is told, in any pieces, before the next call of OpenSSL. NULL-safe. */
void handoff_note_sent(struct handoff *h, struct slice sent);

/* When SSL_do_handshake() has returned 1: what a record layer begins with; the next byte that the
 * client has sent and OpenSSL has not read is the beginning of its record 0. False, and the
 * connection stays with OpenSSL, for TLS 1.2, and when anything is not as it should be. */
bool handoff_take(const struct handoff *h, struct record_start *start) MUST_CHECK;

#endif
