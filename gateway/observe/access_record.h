/* What the access log says of one request, flat, and its line of JSON.
 *
 * The formatter runs once for every request. It copies; only text with bytes that JSON must
 * escape takes a slower way. The line is valid JSON and valid UTF-8 whatever a client sent, and
 * never longer than ACCESS_LINE_MAX: long texts are cut and end in "…". */
#ifndef OBSERVE_ACCESS_RECORD_H
#define OBSERVE_ACCESS_RECORD_H

#include "common/clock.h"
#include "common/slice.h"

/* PIPE_BUF: one line is written whole to a pipe too. */
#define ACCESS_LINE_MAX 4096
#define ACCESS_UNKNOWN (-1)

/* Empty slices, a port or status of 0 and times of ACCESS_UNKNOWN are left out of the line. */
struct access_record {
    uint64_t wall_ms; /* when the request was over */
    struct slice reference;
    struct slice client; /* address without port */
    struct slice proxy;  /* the trusted proxy that spoke for the client */
    struct slice method, scheme, host, target, protocol;
    struct slice route, upstream;
    struct slice session; /* the beginning of what the stores know it by: no secret */
    struct slice peer;    /* retries and reused are told only where there is one */
    struct slice limit;   /* the rate limit that refused it */
    struct slice shed;    /* "late": why it was refused a slot; empty: it was not */
    struct slice tls;     /* "TLSv1.3"; tls_resumed is told only with it */
    struct slice user_agent;
    struct slice submission; /* "replayed": what became of it; empty: it is none */
    struct slice abort_reason;
    uint64_t bytes_in, bytes_out;
    int64_t duration_us;
    int64_t connect_us;  /* to open the connection to the peer */
    int64_t response_us; /* until the first byte of the peer's head */
    uint32_t retries;
    uint16_t port; /* of the client */
    uint16_t status;
    bool reused, tls_resumed;
};

/* The text of the last second seen; zero-initialised is empty. */
struct access_clock {
    uint64_t second;
    char text[CLOCK_ISO_LEN + 1];
};

/* Writes the line with its newline and returns its length. */
size_t access_record_format(const struct access_record *r, struct access_clock *clock,
                            char out[ACCESS_LINE_MAX]);

#endif
