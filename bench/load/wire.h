/* One TLS connection to the gateway, on libuv: bytes in, bytes out, back-pressure, the pace of a
 * slow link, and an end.
 *
 *     CONNECTING -> HANDSHAKE -> OPEN -> CLOSING     any state may go to CLOSING
 *
 * Made for few system calls: one read for each event, one write at its end for all that it had to
 * say, read interest armed once. Made for many: what is at rest is this struct and an SSL object.
 *
 * A wire belongs to its hub, which frees it some time after wire_close(); its owner lets go of it
 * at that call, and no event comes after. */
#ifndef LOAD_WIRE_H
#define LOAD_WIRE_H

#include "bench/load/agenda.h"
#include "bench/load/client_tls.h"

#include <netinet/in.h>

struct wire;

enum wire_end {
    WIRE_END_CONNECT,
    WIRE_END_HANDSHAKE,
    WIRE_END_ORDERLY, /* close_notify or FIN */
    WIRE_END_BROKEN,  /* reset, or not TLS */
};

/* What a wire tells its owner; a write within one of these leaves when the event ends. */
struct wire_events {
    void (*on_open)(struct wire *w); /* the handshake is complete */
    /* Valid during the call; the owner takes them all. */
    void (*on_data)(struct wire *w, struct slice bytes);
    void (*on_drained)(struct wire *w);                /* it was blocked, and is no more */
    void (*on_end)(struct wire *w, enum wire_end end); /* once; the owner then closes it */
};

enum wire_state { WIRE_CONNECTING, WIRE_HANDSHAKE, WIRE_OPEN, WIRE_CLOSING };

struct wire {
    uv_tcp_t tcp;
    struct wire_hub *hub; /* borrowed */
    void *owner;          /* borrowed */
    SSL *ssl;             /* owned; NULL until connected */
    struct agenda_item pause;
    uint32_t bytes_per_s;  /* of a slow link; 0: reads as fast as it can */
    uint32_t trickle_us;   /* see struct wire_wish */
    uint32_t queued_bytes; /* that the socket did not take: blocked */
    uint8_t state;         /* enum wire_state */
    bool wants_http2, wants_resumption, broken;
};

#define WIRE_TARGETS_MAX 4
#define WIRE_READ_BYTES 65536
#define WIRE_PLAIN_BYTES 17000 /* a whole record, so that it never waits half read */

/* What the wires of one process share. */
struct wire_hub {
    uv_loop_t *loop;                  /* borrowed */
    struct agenda *agenda;            /* borrowed */
    const struct wire_events *events; /* borrowed */
    struct client_tls tls;
    struct sockaddr_in targets[WIRE_TARGETS_MAX]; /* taken in turn */
    uint32_t target_count, next_target;
    const char *server_name; /* borrowed */
    bool binds_sources;      /* targets are on this machine: any of its addresses may be used */
    struct wire *writer;     /* whose bytes are in tls.output, or NULL */
    uint64_t bytes_sent, bytes_received;
    bool has_logged_failure;
    char read_buffer[WIRE_READ_BYTES];
    char plain[WIRE_PLAIN_BYTES];
};

struct wire_wish {
    uint32_t source; /* IPv4 address to connect from, host order */
    uint32_t bytes_per_s;
    uint32_t trickle_us; /* once open, it reads a few bytes each time, from a tiny buffer; 0: no */
    bool http2, resume;
};

/* NULL when the machine has no descriptor, port or address left: the generator's own fault. */
struct wire *wire_open(struct wire_hub *hub, const struct wire_wish *wish, void *owner) MUST_CHECK;
/* Says goodbye if that is possible, and drops what was not sent. NULL-safe, nulls. */
void wire_close(struct wire **w);

/* Encrypts. Leaves at the end of the event, or at wire_flush() outside of events of this wire. */
void wire_write(struct wire *w, struct slice bytes);
void wire_flush(struct wire *w);
/* Writing more would only pile up: wait for on_drained. */
static inline bool wire_is_blocked(const struct wire *w)
{
    return w->queued_bytes > 0;
}

/* Once it is open. */
bool wire_is_resumed(const struct wire *w);
bool wire_speaks_http2(const struct wire *w);

#endif
