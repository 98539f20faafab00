/* A two-way flow of bytes with back-pressure: a TCP connection, or TLS on top of one.
 *
 * Downward: whoever owns the stream calls the functions below. Upward: the stream calls its
 * handler. Ownership: the stream is embedded in, or owned by, one object; after stream_close() the
 * memory must stay until on_closed, and no other event comes in between.
 *
 * Writing never fails and never blocks at the call: bytes are gathered, and leave when the event
 * ends. If the socket does not take them all, the rest is kept and on_blocked comes; the owner then
 * stops the source of the bytes, and starts it again at on_drained. So what is kept is bounded by
 * what one event can produce. on_blocked may come inside a write call of this or another stream:
 * it may only note the fact and pause a source. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "common/slice.h"
#include "net/address.h"
#include "net/loop.h"

struct stream;

struct stream_handler {
    /* Connected, or the TLS handshake is complete. Not called on accepted plain streams. */
    void (*on_open)(struct stream *s);
    /* Bytes, writable in place, valid during the call. The handler takes them all. */
    void (*on_data)(struct stream *s, char *data, size_t len);
    /* 0: the peer sends no more, but may go on reading. Negative: the stream is of no more use; a
     * libuv code, or ERR_INVALID when TLS was violated. Each at most once, 0 not after a failure.
     */
    void (*on_end)(struct stream *s, int status);
    void (*on_blocked)(struct stream *s);
    void (*on_drained)(struct stream *s);
    /* The last event: the stream's memory may be freed. */
    void (*on_closed)(struct stream *s);
};

struct stream_ops {
    void (*write)(struct stream *s, struct slice bytes);
    void (*flush)(struct stream *s);
    void (*pause)(struct stream *s);
    void (*resume)(struct stream *s);
    void (*shutdown)(struct stream *s);
    void (*close)(struct stream *s);
    void (*reset)(struct stream *s);
    uint64_t (*acknowledged)(const struct stream *s);
    struct address (*local_address)(const struct stream *s);
};

struct stream {
    const struct stream_ops *ops;
    const struct stream_handler *handler;
    void *user; /* borrowed; the handler's */
    struct loop *loop;
};

static inline void stream_set_handler(struct stream *s, const struct stream_handler *h, void *user)
{
    s->handler = h;
    s->user = user;
}

/* Copies, or sends at once, `bytes`. Ignored after shutdown and on a failed stream. */
static inline void stream_write(struct stream *s, struct slice bytes)
{
    s->ops->write(s, bytes);
}

/* Sends what is gathered now instead of at the end of the event. */
static inline void stream_flush(struct stream *s)
{
    s->ops->flush(s);
}

/* Stops and starts on_data. A stream is created paused. */
static inline void stream_pause(struct stream *s)
{
    s->ops->pause(s);
}

static inline void stream_resume(struct stream *s)
{
    s->ops->resume(s);
}

/* Ends our direction once everything written has left (close_notify, FIN); reading goes on. */
static inline void stream_shutdown(struct stream *s)
{
    s->ops->shutdown(s);
}

/* Ends both directions; what has been written still leaves, without a promise. The owner times the
 * wait: stream_reset() cuts it short. */
static inline void stream_close(struct stream *s)
{
    s->ops->close(s);
}

/* Ends at once with a TCP reset, so that the peer cannot take a cut-off answer for a complete one.
 */
static inline void stream_reset(struct stream *s)
{
    s->ops->reset(s);
}

/* How many bytes the peer's kernel has acknowledged so far, those of TLS included. A system call.
 */
static inline uint64_t stream_acknowledged(const struct stream *s)
{
    return s->ops->acknowledged(s);
}

/* Our own end's; AF_UNSPEC where it is not known. A system call. */
static inline struct address stream_local_address(const struct stream *s)
{
    return s->ops->local_address(s);
}

#endif
