/* States:  CONNECTING -> OPEN -> CLOSING -> CLOSED
 *               |          `----------------^  reset, or close with nothing left over
 *               `-----------------------------^ */
#include "net/tcp_stream.h"

#include "common/clock.h"
#include "common/mem.h"
#include "net/tcp_progress.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* From this size on a copy into the output buffer costs more than a system call of its own. It is
 * above a TLS record, so that the records of one event are gathered. */
#define DIRECT_WRITE_BYTES (20 * 1024)

/* Far more than one event can produce: an owner who does not stop its source has forgotten to. */
#define LEFTOVER_MAX_BYTES (4 * 1024 * 1024)

/* Of a stream, one after the other. Half a millisecond's work with TLS. */
#define READS_A_TURN 8

/* Bytes that the socket did not take, on their way through uv_write. */
struct leftover {
    uv_write_t request;
    struct tcp_stream
        *stream; /* borrowed: outlives its requests, libuv ends them before close_cb */
    uint32_t len;
    char data[];
};

static const struct stream_ops tcp_ops;

static struct tcp_stream *tcp_of(struct stream *s)
{
    return CONTAINER_OF(s, struct tcp_stream, base);
}

static void on_uv_closed(uv_handle_t *handle)
{
    struct tcp_stream *t = handle->data;
    struct loop *l = t->base.loop;
    loop_event_begin(l);
    t->base.handler->on_closed(&t->base);
    loop_event_end(l);
}

/* Forgets gathered bytes, ends all events but on_closed. */
static void detach(struct tcp_stream *t)
{
    struct loop_gather *out = &t->base.loop->output;
    if (out->owner == &t->base) {
        out->owner = NULL;
        out->len = 0;
    }
    list_remove(&t->failure.node);
    list_remove(&t->turn.node);
    t->state = TCP_STREAM_CLOSED;
}

static void close_now(struct tcp_stream *t)
{
    detach(t);
    uv_close((uv_handle_t *)&t->uv, on_uv_closed);
}

static void tell_end(struct tcp_stream *t, int status)
{
    bool told = status == 0 ? t->end_told : t->failure_told;
    if (told || t->state >= TCP_STREAM_CLOSING)
        return;
    t->end_told = true;
    t->failure_told = status != 0;
    uv_read_stop((uv_stream_t *)&t->uv);
    t->base.handler->on_end(&t->base, status);
}

static void run_failure(struct defer *d)
{
    struct tcp_stream *t = CONTAINER_OF(d, struct tcp_stream, failure);
    if (t->state == TCP_STREAM_CLOSING)
        close_now(t); /* the peer is gone: nothing more can leave */
    else
        tell_end(t, t->failure_code);
}

/* A peer that takes no more may have said why, and that is still to be read: a backend that refuses
 * an upload answers and closes. Reading then finds the end by itself. */
static bool will_read_the_end(const struct tcp_stream *t, int code)
{
    return (code == UV_EPIPE || code == UV_ECONNRESET) && t->state == TCP_STREAM_OPEN &&
           t->read_wanted && !t->end_told;
}

static void fail(struct tcp_stream *t, int code)
{
    t->shut = true; /* further writes are ignored */
    t->failure_code = (int16_t)code;
    if (will_read_the_end(t, code))
        return;
    loop_defer(t->base.loop, &t->failure);
}

/* ---- reading ---- */

/* libuv reads on while there is more, up to 32 times: a fast sender would hold up the others. What
 * is left is told of again in the next turn. */
static bool has_had_its_share(const struct tcp_stream *t)
{
    struct loop *l = t->base.loop;
    if (l->reader != &t->base) {
        l->reader = &t->base;
        l->reads = 0;
    }
    return l->reads++ >= READS_A_TURN;
}

static bool must_wait(const struct tcp_stream *t)
{
    return t->pacer && !pacer_admits(t->pacer);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    const struct tcp_stream *t = handle->data;
    bool may_read = !must_wait(t) && !has_had_its_share(t);
    /* Without room nothing is read, and on_read is told so. */
    *buf = uv_buf_init(t->base.loop->read_buffer, may_read ? LOOP_READ_BYTES : 0);
}

/* What a read has brought: bytes, UV_EOF or another failure. */
static void take(struct tcp_stream *t, ssize_t n)
{
    struct loop *l = t->base.loop;
    struct pacer *pacer = t->pacer; /* the handler may clear it */
    loop_event_begin(l);
    if (n > 0)
        t->base.handler->on_data(&t->base, l->read_buffer, (size_t)n);
    else /* after a failed write the end is no orderly one, whatever the kernel makes of it */
        tell_end(t, n == UV_EOF ? t->failure_code : (int)n);
    loop_event_end(l);
    if (pacer)
        pacer_charge(pacer, clock_now_us() - l->now_us);
}

static void on_read(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
    struct tcp_stream *t = uv->data;
    bool has_read = n != UV_ENOBUFS || buf->len > 0;
    if (has_read && n != 0) {
        take(t, n);
    } else if (!has_read && must_wait(t)) {
        uv_read_stop(uv);
        pacer_wait(t->pacer, &t->turn, PACER_HANDSHAKES);
    }
}

static bool is_reading(const struct tcp_stream *t)
{
    return t->state == TCP_STREAM_OPEN && t->read_wanted && !t->end_told;
}

/* Reads once by itself: libuv would only come to it when it looks for events. */
static void run_turn(struct defer *d)
{
    struct tcp_stream *t = CONTAINER_OF(d, struct tcp_stream, turn);
    if (!is_reading(t))
        return;
    uv_read_start((uv_stream_t *)&t->uv, on_alloc, on_read);
    ssize_t n = recv(t->uv.io_watcher.fd, t->base.loop->read_buffer, LOOP_READ_BYTES, 0);
    if (n >= 0)
        take(t, n > 0 ? n : UV_EOF);
    else if (errno != EAGAIN && errno != EINTR)
        take(t, uv_translate_sys_error(errno));
}

static void tcp_pause(struct stream *s)
{
    struct tcp_stream *t = tcp_of(s);
    t->read_wanted = false;
    if (t->state == TCP_STREAM_OPEN)
        uv_read_stop((uv_stream_t *)&t->uv);
}

static void tcp_resume(struct stream *s)
{
    struct tcp_stream *t = tcp_of(s);
    t->read_wanted = true;
    if (is_reading(t))
        uv_read_start((uv_stream_t *)&t->uv, on_alloc, on_read);
}

/* ---- writing ---- */

static void after_leftover(uv_write_t *request, int status)
{
    struct leftover *left = request->data;
    struct tcp_stream *t = left->stream;
    struct loop *l = t->base.loop;
    t->leftover_bytes -= left->len;
    mem_free(left);
    if (status == UV_ECANCELED || t->state == TCP_STREAM_CLOSED)
        return;
    loop_event_begin(l);
    if (status < 0) {
        fail(t, status);
    } else if (t->leftover_bytes == 0) {
        if (t->shut)
            shutdown(t->uv.io_watcher.fd, SHUT_WR);
        if (t->state == TCP_STREAM_CLOSING) {
            close_now(t);
        } else if (t->blocked) {
            t->blocked = false;
            t->base.handler->on_drained(&t->base);
        }
    }
    loop_event_end(l);
}

static void keep_leftover(struct tcp_stream *t, const uv_buf_t *bufs, size_t count, size_t sent)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += bufs[i].len;
    struct leftover *left = t->leftover_bytes + total <= LEFTOVER_MAX_BYTES
                                ? mem_try(sizeof(*left) + total - sent)
                                : NULL;
    if (!left) {
        fail(t, UV_ENOBUFS);
        return;
    }
    *left = (struct leftover){ .stream = t };
    for (size_t i = 0; i < count; i++) {
        size_t skip = MIN(sent, bufs[i].len);
        sent -= skip;
        memcpy(left->data + left->len, bufs[i].base + skip, bufs[i].len - skip);
        left->len += (uint32_t)(bufs[i].len - skip);
    }
    left->request.data = left;
    uv_buf_t rest = uv_buf_init(left->data, left->len);
    int rc = uv_write(&left->request, (uv_stream_t *)&t->uv, &rest, 1, after_leftover);
    if (rc < 0) {
        mem_free(left);
        fail(t, rc);
        return;
    }
    t->leftover_bytes += left->len;
    if (!t->blocked) {
        t->blocked = true;
        t->base.handler->on_blocked(&t->base);
    }
}

/* The only place where bytes leave. */
static void send_bufs(struct tcp_stream *t, const uv_buf_t *bufs, size_t count)
{
    if (t->shut)
        return;
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += bufs[i].len;
    int n =
        t->leftover_bytes ? UV_EAGAIN : uv_try_write((uv_stream_t *)&t->uv, bufs, (unsigned)count);
    if (n < 0 && n != UV_EAGAIN)
        fail(t, n);
    else if (n < 0 || (size_t)n < total)
        keep_leftover(t, bufs, count, n < 0 ? 0 : (size_t)n);
}

static void tcp_flush(struct stream *s)
{
    struct loop_gather *out = &s->loop->output;
    if (out->owner != s)
        return;
    uv_buf_t buf = uv_buf_init(out->data, (unsigned)out->len);
    out->owner = NULL;
    out->len = 0;
    send_bufs(tcp_of(s), &buf, 1);
}

static void tcp_write(struct stream *s, struct slice bytes)
{
    struct loop_gather *out = &s->loop->output;
    if (tcp_of(s)->shut || tcp_of(s)->state != TCP_STREAM_OPEN || bytes.len == 0)
        return;
    if (out->owner && out->owner != s)
        stream_flush(out->owner);
    if (bytes.len >= DIRECT_WRITE_BYTES || bytes.len > out->size - out->len) {
        uv_buf_t bufs[2] = { uv_buf_init(out->data, (unsigned)out->len),
                             uv_buf_init((char *)bytes.data, (unsigned)bytes.len) };
        bool gathered = out->len > 0;
        out->owner = NULL;
        out->len = 0;
        send_bufs(tcp_of(s), gathered ? bufs : bufs + 1, gathered ? 2 : 1);
        return;
    }
    out->owner = s;
    memcpy(out->data + out->len, bytes.data, bytes.len);
    out->len += bytes.len;
}

/* ---- ending ---- */

static void tcp_shutdown(struct stream *s)
{
    struct tcp_stream *t = tcp_of(s);
    if (t->shut || t->state != TCP_STREAM_OPEN)
        return;
    tcp_flush(s);
    t->shut = true;
    if (t->leftover_bytes == 0)
        shutdown(t->uv.io_watcher.fd, SHUT_WR);
}

static void tcp_close(struct stream *s)
{
    struct tcp_stream *t = tcp_of(s);
    if (t->state >= TCP_STREAM_CLOSING)
        return;
    if (t->state == TCP_STREAM_OPEN)
        tcp_flush(s);
    bool failed = list_is_linked(&t->failure.node);
    if (t->leftover_bytes && !failed) {
        t->state = TCP_STREAM_CLOSING;
        uv_read_stop((uv_stream_t *)&t->uv);
        return;
    }
    close_now(t);
}

static void tcp_reset(struct stream *s)
{
    struct tcp_stream *t = tcp_of(s);
    if (t->state == TCP_STREAM_CLOSED)
        return;
    detach(t);
    if (uv_tcp_close_reset(&t->uv, on_uv_closed) < 0)
        uv_close((uv_handle_t *)&t->uv, on_uv_closed);
}

static uint64_t tcp_acknowledged(const struct stream *s)
{
    const struct tcp_stream *t = CONTAINER_OF(s, struct tcp_stream, base);
    return tcp_progress_acknowledged(t->uv.io_watcher.fd);
}

static struct address tcp_local_address(const struct stream *s)
{
    const struct tcp_stream *t = CONTAINER_OF(s, struct tcp_stream, base);
    struct sockaddr_storage name = { 0 };
    int len = sizeof(name);
    struct address a = { 0 };
    if (uv_tcp_getsockname(&t->uv, (struct sockaddr *)&name, &len) == 0)
        address_from_sockaddr(&a, (const struct sockaddr *)&name);
    return a;
}

static const struct stream_ops tcp_ops = {
    .write = tcp_write,
    .flush = tcp_flush,
    .pause = tcp_pause,
    .resume = tcp_resume,
    .shutdown = tcp_shutdown,
    .close = tcp_close,
    .reset = tcp_reset,
    .acknowledged = tcp_acknowledged,
    .local_address = tcp_local_address,
};

int tcp_stream_init(struct tcp_stream *t, struct loop *loop)
{
    *t = (struct tcp_stream){ .state = TCP_STREAM_OPEN };
    t->base.ops = &tcp_ops;
    t->base.loop = loop;
    defer_init(&t->failure, run_failure);
    defer_init(&t->turn, run_turn);
    int rc = uv_tcp_init(&loop->uv, &t->uv);
    t->uv.data = t;
    return rc;
}

static void on_connected(uv_connect_t *request, int status)
{
    struct tcp_stream *t = request->handle->data;
    struct loop *l = t->base.loop;
    if (t->state != TCP_STREAM_CONNECTING)
        return; /* closed meanwhile: libuv cancels the request */
    loop_event_begin(l);
    t->state = TCP_STREAM_OPEN;
    if (status < 0) {
        tell_end(t, status);
    } else {
        if (t->read_wanted)
            tcp_resume(&t->base);
        t->base.handler->on_open(&t->base);
    }
    loop_event_end(l);
}

/* The kernel settles the window's scale when it connects: options go before that. */
static int open_socket(struct tcp_stream *t, int family, struct tcp_bounds bounds)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return uv_translate_sys_error(errno);
    int one = 1, receive = (int)bounds.receive_bytes, unsent = (int)bounds.unsent_bytes;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (receive)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
    if (unsent)
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
    int rc = uv_tcp_open(&t->uv, fd);
    if (rc < 0)
        close(fd);
    return rc;
}

int tcp_stream_connect(struct tcp_stream *t, struct loop *loop, uv_connect_t *request,
                       const struct sockaddr *address, struct tcp_bounds bounds)
{
    int rc = tcp_stream_init(t, loop);
    if (rc < 0)
        return rc;
    t->state = TCP_STREAM_CONNECTING;
    rc = open_socket(t, address->sa_family, bounds);
    return rc < 0 ? rc : uv_tcp_connect(request, &t->uv, address, on_connected);
}
