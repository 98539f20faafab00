#include "bench/load/wire.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#define FLUSH_BYTES 65536
#define SLOW_PIECES_PER_S 10
#define SLOW_PIECE_MIN 512
#define SLOW_RECEIVE_BUFFER 8192 /* so that a slow reader's kernel does not read for it */
#define TRICKLE_BYTES 32
#define TRICKLE_RECEIVE_BUFFER 1 /* the least that there is */

/* --- writing ---------------------------------------------------------------------------------- */

/* Bytes that the socket did not take. */
struct rest {
    uv_write_t request;
    struct wire *wire; /* borrowed: libuv ends its writes before it is closed */
    uint32_t len;
    char data[];
};

static void on_written(uv_write_t *request, int status)
{
    struct rest *rest = CONTAINER_OF(request, struct rest, request);
    struct wire *w = rest->wire;
    w->queued_bytes -= rest->len;
    mem_free(rest);
    if (w->state == WIRE_CLOSING || w->queued_bytes)
        return;
    w->broken = w->broken || status < 0;
    if (!w->broken && w->state == WIRE_OPEN)
        w->hub->events->on_drained(w);
    if (w->state != WIRE_CLOSING)
        wire_flush(w);
}

static void queue(struct wire *w, struct slice bytes)
{
    struct rest *rest = mem_new(sizeof(*rest) + bytes.len);
    rest->wire = w;
    rest->len = (uint32_t)bytes.len;
    memcpy(rest->data, bytes.data, bytes.len);
    uv_buf_t part = uv_buf_init(rest->data, rest->len);
    if (uv_write(&rest->request, (uv_stream_t *)&w->tcp, &part, 1, on_written) < 0) {
        mem_free(rest);
        w->broken = true;
        return;
    }
    w->queued_bytes += (uint32_t)bytes.len;
}

void wire_flush(struct wire *w)
{
    struct wire_hub *hub = w->hub;
    struct slice bytes = buf_slice(&hub->tls.output);
    if (hub->writer != w)
        return;
    hub->writer = NULL;
    /* A broken connection is told by its reading side. */
    w->broken = w->broken || !buf_ok(&hub->tls.output);
    if (bytes.len && !w->broken) {
        uv_buf_t part = uv_buf_init((char *)bytes.data, (unsigned)bytes.len);
        int n = w->queued_bytes ? UV_EAGAIN : uv_try_write((uv_stream_t *)&w->tcp, &part, 1);
        hub->bytes_sent += bytes.len;
        if (n < 0 && n != UV_EAGAIN)
            w->broken = true;
        else if (n < 0 || (size_t)n < bytes.len)
            queue(w, slice_from(bytes, n < 0 ? 0 : (size_t)n));
    }
    buf_clear(&hub->tls.output);
}

/* What OpenSSL writes from now on is this wire's. */
static void become_writer(struct wire *w)
{
    struct wire_hub *hub = w->hub;
    if (hub->writer && hub->writer != w)
        wire_flush(hub->writer);
    hub->writer = w;
}

void wire_write(struct wire *w, struct slice bytes)
{
    become_writer(w);
    while (bytes.len && !w->broken) {
        size_t n = 0;
        ERR_clear_error();
        if (SSL_write_ex(w->ssl, bytes.data, bytes.len, &n) != 1) {
            w->broken = true;
            return;
        }
        bytes = slice_from(bytes, n);
    }
    if (w->hub->tls.output.len >= FLUSH_BYTES)
        wire_flush(w);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void tell_end(struct wire *w, enum wire_end end)
{
    if (w->state == WIRE_CLOSING)
        return;
    uv_read_stop((uv_stream_t *)&w->tcp);
    w->broken = w->broken || end != WIRE_END_ORDERLY;
    w->hub->events->on_end(w, end);
}

/* The first of many: a wrong name or authority makes all fail, and this says why. */
static void log_first_failure(struct wire_hub *hub)
{
    if (!hub->has_logged_failure)
        log_write(LOG_WARN, "a TLS handshake failed: %s",
                  ERR_reason_error_string(ERR_peek_error()));
    hub->has_logged_failure = true;
}

/* True when the handshake is complete and the wire still there. */
static bool handshake(struct wire *w)
{
    become_writer(w);
    ERR_clear_error();
    int rc = SSL_do_handshake(w->ssl);
    if (rc == 1) {
        w->state = WIRE_OPEN;
        w->hub->events->on_open(w);
        return w->state == WIRE_OPEN;
    }
    if (SSL_get_error(w->ssl, rc) == SSL_ERROR_WANT_READ)
        return false;
    log_first_failure(w->hub);
    tell_end(w, WIRE_END_HANDSHAKE);
    return false;
}

static void decrypt(struct wire *w)
{
    struct wire_hub *hub = w->hub;
    while (w->state == WIRE_OPEN) {
        size_t n = 0;
        ERR_clear_error();
        if (SSL_read_ex(w->ssl, hub->plain, sizeof(hub->plain), &n) == 1) {
            hub->events->on_data(w, slice_of(hub->plain, n));
            continue;
        }
        int error = SSL_get_error(w->ssl, 0);
        if (error == SSL_ERROR_ZERO_RETURN)
            tell_end(w, WIRE_END_ORDERLY);
        else if (error != SSL_ERROR_WANT_READ)
            tell_end(w, WIRE_END_BROKEN);
        return;
    }
}

static bool trickles(const struct wire *w)
{
    return w->trickle_us && w->state == WIRE_OPEN;
}

static size_t piece_bytes(const struct wire *w)
{
    if (trickles(w))
        return TRICKLE_BYTES;
    if (w->bytes_per_s == 0)
        return WIRE_READ_BYTES;
    return MIN(MAX(w->bytes_per_s / SLOW_PIECES_PER_S, SLOW_PIECE_MIN), WIRE_READ_BYTES);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct wire *w = handle->data;
    (void)suggested;
    *buf = uv_buf_init(w->hub->read_buffer, (unsigned)piece_bytes(w));
}

/* A slow link is busy with what came for so long. */
static void occupy_link(struct wire *w, size_t bytes)
{
    uv_read_stop((uv_stream_t *)&w->tcp);
    uint64_t busy_us = trickles(w) ? w->trickle_us : bytes * 1000000 / w->bytes_per_s;
    agenda_set(w->hub->agenda, &w->pause, agenda_after(w->pause.due_us, busy_us, clock_now_us()));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct wire *w = stream->data;
    struct wire_hub *hub = w->hub;
    if (n == 0)
        return;
    if (n < 0) {
        enum wire_end end = n == UV_EOF ? WIRE_END_ORDERLY : WIRE_END_BROKEN;
        tell_end(w, w->state == WIRE_OPEN ? end : WIRE_END_HANDSHAKE);
        return;
    }
    hub->bytes_received += (uint64_t)n;
    if (w->bytes_per_s || trickles(w))
        occupy_link(w, (size_t)n);
    hub->tls.input = slice_of(buf->base, (size_t)n);
    if (w->state == WIRE_OPEN || handshake(w))
        decrypt(w);
    if (w->state != WIRE_CLOSING)
        wire_flush(w);
}

/* Who reads a few bytes now and then would see the end only behind all that came before it. */
static bool has_ended(const struct wire *w)
{
    struct pollfd at = { .fd = -1, .events = POLLRDHUP };
    uv_fileno((const uv_handle_t *)&w->tcp, &at.fd);
    return poll(&at, 1, 0) == 1;
}

static void on_pause_over(struct agenda_item *item)
{
    struct wire *w = CONTAINER_OF(item, struct wire, pause);
    if (trickles(w) && has_ended(w)) {
        tell_end(w, WIRE_END_BROKEN);
        return;
    }
    uv_read_start((uv_stream_t *)&w->tcp, on_alloc, on_read);
}

/* --- beginning and end ------------------------------------------------------------------------ */

static void begin_tls(struct wire *w)
{
    struct wire_hub *hub = w->hub;
    w->state = WIRE_HANDSHAKE;
    w->ssl = client_tls_new(&hub->tls, &(struct client_tls_wish){ .server_name = hub->server_name,
                                                                  .http2 = w->wants_http2,
                                                                  .resume = w->wants_resumption });
    hub->tls.input = (struct slice){ 0 };
    handshake(w);
    if (w->state == WIRE_CLOSING)
        return;
    wire_flush(w);
    uv_read_start((uv_stream_t *)&w->tcp, on_alloc, on_read);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct wire *w = request->data;
    mem_free(request);
    if (w->state == WIRE_CLOSING)
        return;
    if (status < 0)
        tell_end(w, WIRE_END_CONNECT);
    else
        begin_tls(w);
}

/* The port is chosen when the connection is made, so that one address serves many thousands. */
static int bind_source(int fd, uint32_t source)
{
    int yes = 1;
    struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(source) };
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
    return bind(fd, (struct sockaddr *)&from, sizeof(from));
}

static int begin_connect(struct wire *w, const struct wire_wish *wish)
{
    int fd = -1, bytes = wish->trickle_us ? TRICKLE_RECEIVE_BUFFER : SLOW_RECEIVE_BUFFER;
    uv_fileno((uv_handle_t *)&w->tcp, &fd);
    if (w->hub->binds_sources && bind_source(fd, wish->source) != 0)
        return -1;
    if (wish->bytes_per_s || wish->trickle_us)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    uv_tcp_nodelay(&w->tcp, 1);
    uv_connect_t *request = mem_new(sizeof(*request));
    request->data = w;
    const struct sockaddr_in *target =
        &w->hub->targets[w->hub->next_target++ % w->hub->target_count];
    int rc = uv_tcp_connect(request, &w->tcp, (const struct sockaddr *)target, on_connected);
    if (rc < 0)
        mem_free(request);
    return rc;
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void release(struct wire *w)
{
    w->state = WIRE_CLOSING;
    w->owner = NULL;
    client_tls_free(&w->ssl);
    agenda_cancel(w->hub->agenda, &w->pause);
    uv_close((uv_handle_t *)&w->tcp, on_closed);
}

struct wire *wire_open(struct wire_hub *hub, const struct wire_wish *wish, void *owner)
{
    struct wire *w = mem_new(sizeof(*w));
    *w = (struct wire){ .hub = hub,
                        .owner = owner,
                        .pause = { .on_due = on_pause_over },
                        .bytes_per_s = wish->bytes_per_s,
                        .trickle_us = wish->trickle_us,
                        .wants_http2 = wish->http2,
                        .wants_resumption = wish->resume };
    if (uv_tcp_init_ex(hub->loop, &w->tcp, AF_INET) < 0) {
        mem_free(w);
        return NULL;
    }
    w->tcp.data = w;
    if (begin_connect(w, wish) == 0)
        return w;
    release(w);
    return NULL;
}

void wire_close(struct wire **wire)
{
    struct wire *w = *wire;
    *wire = NULL;
    if (!w)
        return;
    if (w->state == WIRE_OPEN && !w->broken) {
        become_writer(w);
        ERR_clear_error();
        SSL_shutdown(w->ssl);
        wire_flush(w);
    }
    if (w->hub->writer == w) {
        w->hub->writer = NULL;
        buf_clear(&w->hub->tls.output);
    }
    release(w);
}

bool wire_is_resumed(const struct wire *w)
{
    return SSL_session_reused(w->ssl) == 1;
}

bool wire_speaks_http2(const struct wire *w)
{
    const unsigned char *name;
    unsigned len;
    SSL_get0_alpn_selected(w->ssl, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}
