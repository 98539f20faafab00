/* The answer's direction of a stream: what an exchange tells its transport.
 *
 * A small body is gathered and leaves with the head when the event is over. A large block goes into
 * DATA frames at once, without a copy, as far as the client's windows and socket reach; the rest
 * waits in `pending`, and its source is told to stop. */
#include "http/h2_stream.h"

/* From this size on a block is not gathered. */
#define DIRECT_BYTES (8 * 1024)
/* One event's input of a backend, as often as a source may go on before it is told to stop. */
#define PENDING_MAX_BYTES (4 * 1024 * 1024)
/* Whose windows are as wide as this does not make us wait. */
#define PROGRESS_BYTES 4096
/* What a client takes of a stream that it has read to the end, unless it says otherwise (RFC 9113
 * 6.9.2). It is about what one event brings. */
#define ROOM_BYTES 65535
/* A larger buffer is not kept empty. */
#define SPARE_BYTES (16 * 1024)

static struct h2_stream *stream_of(struct exchange *ex)
{
    return ex->connection;
}

static size_t pending_bytes(const struct h2_stream *st)
{
    return st->pending.len - st->pending_at + st->direct.len;
}

static void count_unread(struct h2_stream *st, int64_t change)
{
    st->h->unread_bytes = (uint32_t)(st->h->unread_bytes + change);
    st->h->server->http2_unread_bytes += (uint64_t)change;
}

void h2_answer_drop(struct h2_stream *st)
{
    count_unread(st, -(int64_t)(st->pending.len - st->pending_at));
    buf_fini(&st->pending);
    st->pending_at = 0;
}

/* ---- fields ---- */

/* A list of fields for nghttp2, in the loop's scratch buffer. It copies them, in lower case. */
struct fields {
    nghttp2_nv *items;
    size_t count, size;
};

static struct fields fields_in(struct h2_stream *st)
{
    return (struct fields){ .items = (nghttp2_nv *)(void *)st->ex->loop->scratch,
                            .size = LOOP_SCRATCH_BYTES / sizeof(nghttp2_nv) };
}

static void add(struct fields *f, struct slice name, struct slice value, uint8_t flags)
{
    if (f->count == f->size)
        return; /* more than any limit on heads allows */
    f->items[f->count++] = (nghttp2_nv){ .name = (uint8_t *)name.data,
                                         .value = (uint8_t *)value.data,
                                         .namelen = name.len,
                                         .valuelen = value.len,
                                         .flags = flags };
}

static void add_headers(struct fields *f, const struct headers *hs, unsigned without)
{
    for (uint32_t i = 0; hs && i < hs->count; i++)
        if (!(hs->items[i].flags & without))
            add(f, header_name(&hs->items[i]), header_value(&hs->items[i]), 0);
}

static struct slice status_text(uint16_t status, char text[3])
{
    text[0] = (char)('0' + status / 100);
    text[1] = (char)('0' + status / 10 % 10);
    text[2] = (char)('0' + status % 10);
    return slice_of(text, 3);
}

/* ---- heads ---- */

static void submit_interim(struct h2_stream *st, uint16_t status, const struct headers *headers)
{
    char text[3];
    struct fields f = fields_in(st);
    add(&f, SLICE(":status"), status_text(status, text), 0);
    add_headers(&f, headers, HEADER_HOP | HEADER_FRAMING | HEADER_OURS);
    nghttp2_submit_headers(st->h->session, NGHTTP2_FLAG_NONE, st->id, NULL, f.items, f.count, NULL);
    h2_server_schedule(st->h);
}

void h2_stream_continue(struct h2_stream *st)
{
    if (!st->continue_due || st->body_paused || st->ex->response_begun)
        return;
    st->continue_due = false;
    submit_interim(st, 100, NULL);
}

static void send_interim(struct exchange *ex, uint16_t status, const struct headers *headers)
{
    if (!ex->is_closed && !ex->response_begun)
        submit_interim(stream_of(ex), status, headers);
}

static bool has_content(const struct exchange *ex)
{
    const struct response *r = &ex->response;
    return ex->tunnel || (ex->request.method != HTTP_HEAD && r->status >= 200 && r->status != 204 &&
                          r->status != 304 && !(r->has_content_length && r->content_length == 0));
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                         uint32_t *flags, nghttp2_data_source *source, void *user);

static int submit_head(struct h2_stream *st, uint16_t status)
{
    struct exchange *ex = st->ex;
    const struct response *r = &ex->response;
    char text[3], digits[20];
    struct fields f = fields_in(st);
    nghttp2_data_provider body = { .read_callback = read_body };
    add(&f, SLICE(":status"), status_text(status, text), 0);
    add_headers(&f, &r->headers, HEADER_HOP | HEADER_FRAMING | HEADER_OURS);
    /* Each is seen once: it would only push others out of the client's table. */
    add(&f, SLICE("x-request-id"), slice_of(ex->reference, REFERENCE_LEN),
        NGHTTP2_NV_FLAG_NO_INDEX);
    if (!headers_find(&r->headers, HEADER_DATE))
        add(&f, SLICE("date"), http_server_date(st->h->server), 0);
    if (r->has_content_length && status >= 200 && status != 204 && !ex->tunnel)
        add(&f, SLICE("content-length"), slice_of(digits, format_u64(digits, r->content_length)),
            0);
    return nghttp2_submit_response(st->h->session, st->id, f.items, f.count,
                                   st->has_body ? &body : NULL);
}

/* Where HTTP/1.1 switches protocols, HTTP/2 answers an extended CONNECT with 200 (RFC 8441 5). */
static void begin_tunnel(struct h2_stream *st)
{
    struct exchange *ex = st->ex;
    headers_remove(&ex->response.headers, SLICE("sec-websocket-accept"));
    ex->tunnel = true;
    ex->request_complete = false; /* from here on the client's direction is the tunnel's */
    loop_defer(ex->loop, &st->proceed);
}

/* Any answer with 2xx would say that the tunnel is there (RFC 8441 5): what a backend that does not
 * switch protocols says is none. */
static uint16_t answer_status(struct h2_stream *st)
{
    struct exchange *ex = st->ex;
    if (ex->response.status == 101) {
        begin_tunnel(st);
        return 200;
    }
    if (ex->request.wants_upgrade && ex->response.status / 100 == 2)
        ex->response.status = 502;
    return ex->response.status;
}

static void send_head(struct exchange *ex)
{
    struct h2_stream *st = stream_of(ex);
    if (ex->is_closed)
        return;
    uint16_t status = answer_status(st);
    st->has_body = has_content(ex);
    st->continue_due = false;
    if (submit_head(st, status) < 0) {
        h2_stream_reset(st, NGHTTP2_INTERNAL_ERROR, CLOSE_NO_MEMORY);
        return;
    }
    ex->response_begun = true;
    h2_stream_watch(st);
    h2_server_schedule(st->h);
}

/* ---- the body ---- */

static bool submit_trailers(struct h2_stream *st)
{
    struct fields f = fields_in(st);
    add_headers(&f, &st->answer_trailers, 0);
    return nghttp2_submit_trailer(st->h->session, st->id, f.items, f.count) == 0;
}

/* How much nghttp2 may make a frame of; the bytes stay where they are until h2_answer_write(). */
static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)buf, (void)source, (void)user;
    struct h2_stream *st = nghttp2_session_get_stream_user_data(session, id);
    if (!st)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    /* A frame is of one piece. */
    size_t pending = st->pending.len - st->pending_at;
    size_t len = MIN(length, pending ? pending : st->direct.len);
    if (len == 0 && !st->answer_ended)
        return NGHTTP2_ERR_DEFERRED;
    *flags = NGHTTP2_DATA_FLAG_NO_COPY;
    if (st->answer_ended && len == pending_bytes(st)) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (st->answer_trailers.count && submit_trailers(st))
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
    return (ssize_t)len;
}

static void took(struct h2_stream *st, size_t len)
{
    if (st->pending.len > st->pending_at) {
        st->pending_at += len;
        count_unread(st, -(int64_t)len);
        if (st->pending_at == st->pending.len) {
            st->pending_at = 0;
            if (st->pending.size > SPARE_BYTES)
                buf_fini(&st->pending);
            else
                buf_clear(&st->pending);
        }
    } else {
        st->direct = slice_from(st->direct, len);
    }
    st->taken_bytes += (uint32_t)len;
    st->h->taken_bytes += (uint32_t)len;
}

void h2_answer_write(struct h2_stream *st, const uint8_t *frame_head, size_t len)
{
    struct stream *s = st->h->stream;
    const char *from = st->pending.len ? st->pending.data + st->pending_at : st->direct.data;
    stream_write(s, slice_of((const char *)frame_head, 9));
    if (len == 0)
        return;
    stream_write(s, slice_of(from, len));
    took(st, len);
}

static void keep(struct h2_stream *st, struct slice data)
{
    if (st->pending.cap == 0)
        buf_init(&st->pending, PENDING_MAX_BYTES);
    if (st->pending_at) {
        buf_consume(&st->pending, st->pending_at);
        st->pending_at = 0;
    }
    size_t before = st->pending.len;
    buf_append_slice(&st->pending, data);
    count_unread(st, (int64_t)(st->pending.len - before));
    if (!list_is_linked(&st->queue))
        list_push_back(&st->h->queued, &st->queue);
}

static void send_body(struct exchange *ex, struct slice data)
{
    struct h2_stream *st = stream_of(ex);
    if (ex->is_closed || data.len == 0 || !st->has_body || st->answer_ended)
        return;
    struct h2_server *h = st->h;
    ex->bytes_out += data.len;
    bool at_once = data.len >= DIRECT_BYTES && !h->busy && !h->settling && !h->blocked;
    if (at_once)
        st->direct = data;
    else
        keep(st, data);
    nghttp2_session_resume_data(h->session, st->id);
    if (!at_once) {
        h2_server_schedule(h);
    } else {
        h2_server_pump(h);
        struct slice rest = st->direct;
        st->direct = (struct slice){ 0 };
        if (!ex->is_closed && rest.len)
            keep(st, rest);
    }
    if (ex->is_closed)
        return;
    if (st->pending.cap && !buf_ok(&st->pending))
        h2_stream_reset(st, NGHTTP2_INTERNAL_ERROR, CLOSE_NO_MEMORY);
    else if (pending_bytes(st) >= (at_once ? 1 : DIRECT_BYTES))
        h2_answer_settle(h); /* now: the turn may bring more of it */
}

/* They are written behind the last of the body, which may be later. */
static void keep_trailers(struct h2_stream *st, const struct headers *trailers)
{
    const unsigned without = HEADER_HOP | HEADER_FRAMING | HEADER_OURS | HEADER_NO_TRAILER;
    struct arena *arena = &st->ex->arena;
    for (uint32_t i = 0; i < trailers->count; i++) {
        const struct header *h = &trailers->items[i];
        struct slice name = { 0 }, value = { 0 };
        if (h->flags & without)
            continue;
        name = arena_copy(arena, header_name(h));
        value = arena_copy(arena, header_value(h));
        if (!name.data || !value.data || !headers_add(&st->answer_trailers, arena, name, value))
            return; /* an answer is complete without them */
    }
}

static void send_end(struct exchange *ex, const struct headers *trailers)
{
    struct h2_stream *st = stream_of(ex);
    if (ex->is_closed || st->answer_ended)
        return;
    st->answer_ended = true;
    if (!st->has_body) {
        if (st->end_sent) /* the head was the end, and has left before */
            h2_stream_finish(st, CLOSE_NONE);
        return;
    }
    if (trailers && !ex->tunnel)
        keep_trailers(st, trailers);
    nghttp2_session_resume_data(st->h->session, st->id);
    h2_server_schedule(st->h);
}

/* ---- back-pressure ---- */

static bool takes(const struct h2_stream *st, int32_t bytes)
{
    nghttp2_session *session = st->h->session;
    return nghttp2_session_get_remote_window_size(session) >= bytes &&
           nghttp2_session_get_stream_remote_window_size(session, st->id) >= bytes;
}

bool h2_answer_is_held_back(const struct h2_stream *st)
{
    return pending_bytes(st) == 0 && takes(st, PROGRESS_BYTES);
}

static bool has_to_stop(const struct h2_stream *st)
{
    const struct h2_server *h = st->h;
    if (pending_bytes(st))
        return true;
    return h->scarce && st->head_complete && (h->blocked || !takes(st, ROOM_BYTES));
}

static void settle(struct h2_stream *st)
{
    bool stop = has_to_stop(st);
    if (pending_bytes(st) == 0)
        list_remove(&st->queue);
    if (stop == st->blocked)
        return;
    st->blocked = stop;
    h2_stream_watch(st);
    if (st->answer_ended)
        return; /* its source has gone */
    if (stop)
        st->ex->handler->on_blocked(st->ex);
    else
        st->ex->handler->on_drained(st->ex);
}

/* With some distance between the two, so that streams do not stop and go all the time. */
static bool is_scarce(const struct h2_server *h)
{
    if (h->server->http2_unread_bytes >= H2_UNREAD_WORKER_BYTES)
        return h->unread_bytes > 0;
    return h->unread_bytes >= (h->scarce ? H2_UNREAD_BYTES / 2 : H2_UNREAD_BYTES);
}

static struct h2_stream *of_all(struct list *node)
{
    return CONTAINER_OF(node, struct h2_stream, node);
}

static struct h2_stream *of_queued(struct list *node)
{
    return CONTAINER_OF(node, struct h2_stream, queue);
}

/* Whoever is told may end his stream or another: each is taken from those who are still to come
 * before it is looked at, so that none is looked at who has gone. */
static void settle_each(struct list *streams, struct h2_stream *(*of)(struct list *node))
{
    struct list rest;
    list_init(&rest);
    list_splice(&rest, streams);
    while (!list_is_empty(&rest)) {
        struct list *node = rest.next;
        list_remove(node);
        list_push_back(streams, node);
        settle(of(node));
    }
}

void h2_answer_settle(struct h2_server *h)
{
    if (h->settling)
        return; /* it comes to all of them */
    bool was_scarce = h->scarce;
    h->settling = true;
    h->scarce = is_scarce(h);
    if (h->scarce || was_scarce)
        settle_each(&h->streams, of_all);
    else
        settle_each(&h->queued, of_queued);
    h->settling = false;
}

static void pause_body(struct exchange *ex)
{
    if (ex->is_closed)
        return;
    stream_of(ex)->body_paused = true;
    body_pace_stop(&ex->pace, ex->loop->now_us);
    h2_stream_watch(stream_of(ex));
}

static void resume_body(struct exchange *ex)
{
    struct h2_stream *st = stream_of(ex);
    if (ex->is_closed || !st->body_paused)
        return;
    st->body_paused = false;
    body_pace_go_on(&ex->pace, ex->loop->now_us);
    h2_stream_watch(st);
    h2_stream_continue(st);
    loop_defer(ex->loop, &st->proceed);
}

static void abort_answer(struct exchange *ex, enum close_reason reason)
{
    if (!ex->is_closed)
        h2_stream_reset(stream_of(ex), NGHTTP2_INTERNAL_ERROR, reason);
}

static struct address local_address(const struct exchange *ex)
{
    const struct h2_stream *st = ex->connection;
    return stream_local_address(st->h->stream);
}

const struct exchange_transport h2_transport = {
    .send_interim = send_interim,
    .send_head = send_head,
    .send_body = send_body,
    .send_end = send_end,
    .pause_body = pause_body,
    .resume_body = resume_body,
    .abort = abort_answer,
    .local_address = local_address,
};
