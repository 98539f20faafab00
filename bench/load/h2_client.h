/* HTTP/2, the asking side (RFC 9113). Sans I/O: bytes out, bytes in, an answer reported. One
 * request at a time on a connection: people here do one thing after the other.
 *
 * Frames are read and written here, header blocks (HPACK, RFC 7541) by nghttp2. A whole
 * nghttp2_session would do both, but holds 25 KiB at rest, more than TLS does; this holds 4 KiB and
 * its header tables. Ours is announced with H2_CLIENT_TABLE_BYTES: browsers offer more, but do not
 * come by 15,200 in a process. */
#ifndef LOAD_H2_CLIENT_H
#define LOAD_H2_CLIENT_H

#include "bench/load/answer.h"

#define H2_CLIENT_TABLE_BYTES 1024

struct h2_client;

/* Never NULL: lack of memory ends the process. The preface is the first thing to be written. */
struct h2_client *h2_client_new(void);
void h2_client_free(struct h2_client **c);

/* Both are borrowed until h2_client_forget(). */
void h2_client_ask(struct h2_client *c, struct request *r, struct slice host,
                   struct answer *answer);
void h2_client_forget(struct h2_client *c);

/* Appends what is to be sent, up to about `max` bytes; nothing when there is none now. */
void h2_client_write(struct h2_client *c, struct buf *out, size_t max);
/* All of `bytes`; what that leaves to be sent is for h2_client_write(). */
enum answer_progress h2_client_read(struct h2_client *c, struct slice bytes);

#endif
