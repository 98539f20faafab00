/* One request, as llhttp (strict) reads it. Sans I/O: bytes in, a request out.
 *
 * A head is read in one piece and borrowed: what the request points to is the caller's memory until
 * node_request_keep() copies it, for a request that outlives the event that brought it. A body is
 * counted, and hashed or kept where asked. Pooled: what a request has allocated serves the next. */
#ifndef NODE_REQUEST_H
#define NODE_REQUEST_H

#include "bench/node/node_digest.h"
#include "common/buf.h"
#include "common/slice.h"

#include <llhttp.h>
#include <openssl/evp.h>

#define NODE_HEAD_BYTES (64 * 1024)        /* 431 */
#define NODE_HEADERS 128                   /* 431 */
#define NODE_KEPT_BYTES (16 * 1024 * 1024) /* of a body that is kept: 413 */

struct node_header {
    struct slice name, value;
};

struct node_request {
    struct slice head; /* borrowed, until kept */
    char *kept;        /* owned copy of the head, or NULL */
    struct slice target, path, query;
    struct node_header headers[NODE_HEADERS];
    size_t header_count;
    size_t trailers_from; /* headers from here on came after the body; they point into `trailers` */
    struct buf trailers;

    uint8_t method; /* enum llhttp_method */
    uint8_t minor;  /* of HTTP/1.x */
    bool has_body, complete, keep_alive, expects_continue;

    uint64_t body_bytes;
    bool wants_digest, wants_body; /* set these between head and body */
    EVP_MD_CTX *digest;            /* owned */
    struct buf body;

    int refusal; /* the status that answers what cannot be read */
};

void node_request_reset(struct node_request *r);
void node_request_fini(struct node_request *r);

/* Length of the head at the start of `input`, blank line included; 0 when its end is not there yet.
 * Takes empty lines before it off `input` (RFC 9112 2.2). */
size_t node_request_find_head(struct slice *input) MUST_CHECK;
/* Reads a whole head, blank line included. 0, or the status of the answer: 400, 431. When it
 * returns 0 and the request is not `complete`, its body follows. */
int node_request_read_head(struct node_request *r, llhttp_t *parser, struct slice head) MUST_CHECK;
/* Reads body bytes from `input` and takes off what it used. 0, or the status of the answer. */
int node_request_read_body(struct node_request *r, llhttp_t *parser,
                           struct slice *input) MUST_CHECK;
/* Copies what is borrowed. Negative ERR_NO_MEMORY. */
int node_request_keep(struct node_request *r) MUST_CHECK;

void node_request_parser_init(llhttp_t *parser);

/* The value of the first such header of the head; data is NULL when there is none. */
struct slice node_request_header(const struct node_request *r, struct slice name);
/* True when a comma-separated header lists `token`, in any case. */
bool node_request_lists(const struct node_request *r, struct slice name, struct slice token);

/* SHA-256 of the body, where that was wanted; call once, when complete. */
void node_request_digest(struct node_request *r, struct node_digest *digest);

#endif
