/* HTTP/1.1, the asking side (RFC 9112). Sans I/O: a head out, bytes in, an answer reported. Parsed
 * by llhttp in strict mode, one request at a time on a connection. */
#ifndef LOAD_H1_CLIENT_H
#define LOAD_H1_CLIENT_H

#include "bench/load/answer.h"

#include <llhttp.h>

#define H1_CLIENT_NAME_BYTES 32
#define H1_CLIENT_VALUE_BYTES 512

/* Lives while an answer is awaited. */
struct h1_client {
    llhttp_t parser;
    struct answer *answer;                                         /* borrowed */
    char name[H1_CLIENT_NAME_BYTES], value[H1_CLIENT_VALUE_BYTES]; /* of the header being read */
    size_t name_len, value_len; /* beyond their sizes: too long to be one that matters */
    bool is_complete, keeps_alive;
};

/* Request line and header fields; the body follows them as it is. */
void h1_client_write_head(const struct request *r, struct slice host, struct buf *out);

void h1_client_expect(struct h1_client *c, struct answer *answer);
/* All of `bytes` must belong to the answer. */
enum answer_progress h1_client_read(struct h1_client *c, struct slice bytes);
/* The connection has ended: that may be how the answer ends. */
enum answer_progress h1_client_end(struct h1_client *c);

#endif
