/* The stream over a TCP socket, on libuv's uv_tcp_t, made for few system calls: one read into the
 * loop's buffer, one gathered uv_try_write at the end of the event, uv_write only for what is left
 * over, and read interest that is armed once. */
#ifndef NET_TCP_STREAM_H
#define NET_TCP_STREAM_H

#include "common/err.h"
#include "net/pacer.h"
#include "net/stream.h"

enum tcp_stream_state {
    TCP_STREAM_CONNECTING,
    TCP_STREAM_OPEN,
    TCP_STREAM_CLOSING, /* close asked for; leftovers leave first */
    TCP_STREAM_CLOSED,
};

struct tcp_stream {
    struct stream base;
    uv_tcp_t uv;
    struct defer failure; /* tells the handler of a failed write outside the write */
    struct defer turn;    /* waits for the pacer, while there are bytes to read */
    struct pacer *pacer;  /* borrowed; NULL: it reads when it can. The owner's to set and clear */
    uint32_t leftover_bytes; /* in uv_write requests, not sent yet */
    int16_t failure_code;    /* libuv codes fit */
    uint8_t state;
    bool read_wanted, shut, end_told, failure_told, blocked;
};

/* What the kernel may keep of a connection whose one side is slower than the other; else its
 * buffers grow to megabytes. Pieces of bookkeeping come on top. 0: as the kernel likes. */
struct tcp_bounds {
    uint32_t receive_bytes; /* that have come and were not read yet */
    uint32_t unsent_bytes;  /* that wait, beyond what the peer's window lets it send */
};

/* For an accepted connection: call before uv_accept() into &t->uv. */
int tcp_stream_init(struct tcp_stream *t, struct loop *loop) MUST_CHECK;

/* Begins to connect; on_open or on_end follows, never inside the call. The stream is closed by the
 * owner in every case, also when this call fails. `request` is memory for the time of the attempt,
 * kept by the owner until on_open, on_end or on_closed. */
int tcp_stream_connect(struct tcp_stream *t, struct loop *loop, uv_connect_t *request,
                       const struct sockaddr *address, struct tcp_bounds bounds) MUST_CHECK;

#endif
