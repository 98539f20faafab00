/* Writes HTTP/1.1 heads (RFC 9112) into memory that the caller offers. Nothing that concerns one
 * connection only is copied (RFC 9110 7.6.1); framing is always written anew from what was
 * understood, never passed through. */
#ifndef HTTP_H1_WRITE_H
#define HTTP_H1_WRITE_H

#include "http/exchange.h"

/* Appends to a fixed block; running out is noted and told at the end. */
struct h1_writer {
    char *at, *end;
    bool failed;
};

void h1_write(struct h1_writer *w, struct slice bytes);
void h1_write_u64(struct h1_writer *w, uint64_t value);
void h1_write_field(struct h1_writer *w, struct slice name, struct slice value);

/* How the answer's end will be seen by the client. */
enum h1_connection { H1_KEEP_ALIVE, H1_CLOSE, H1_UPGRADE };

/* The head of ex->response for the client. `date` is an IMF-fixdate, used when the answer has none.
 * Returns its length, or 0 when `size` bytes do not hold it. */
size_t h1_write_response_head(char *out, size_t size, const struct exchange *ex,
                              enum h1_connection connection, bool chunked, struct slice date);
size_t h1_write_interim_head(char *out, size_t size, uint16_t status,
                             const struct headers *headers);

/* What a forwarded request needs beside the request itself. */
struct h1_forward {
    struct slice target; /* path and query as the backend shall see them */
    struct slice
        forwarded_for;   /* X-Forwarded-For: the hops before us, from trusted proxies; or empty */
    struct slice client; /* text of the address that connected to us */
    const struct headers *added; /* the gateway's own fields, written as they are; NULL: none */
    struct slice deadline_name;  /* of the field that tells deadline_ms; empty: none */
    uint64_t deadline_ms;
    bool upgrade;
};

/* The head of ex->request for a backend. Returns its length, or 0 when `size` does not hold it. */
size_t h1_write_request_head(char *out, size_t size, const struct exchange *ex,
                             const struct h1_forward *forward);

/* The size line of a chunk: returns its length, at most H1_CHUNK_HEAD_BYTES. */
#define H1_CHUNK_HEAD_BYTES 18
size_t h1_write_chunk_head(char out[H1_CHUNK_HEAD_BYTES], size_t len);
/* The last chunk and the trailers that may be forwarded. Returns the length, 0 when out of room. */
size_t h1_write_last_chunk(char *out, size_t size, const struct headers *trailers);

#endif
