/* The answering side of h1_server: what an exchange tells its transport. */
#include "http/h1_server.h"
#include "http/h1_write.h"

/* A rest of the body up to this size is read and dropped to keep the connection; for a larger one
 * a new connection is cheaper. */
#define DISCARD_BYTES (64 * 1024)

static struct h1_server *server_of(struct exchange *ex)
{
    return ex->connection;
}

static bool is_ours(const struct exchange *ex)
{
    return !ex->is_closed;
}

void h1_server_continue(struct h1_server *h)
{
    struct exchange *ex = h->ex;
    if (!h->continue_due || h->body_paused || ex->response_begun)
        return;
    h->continue_due = false;
    stream_write(h->stream, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void send_interim(struct exchange *ex, uint16_t status, const struct headers *headers)
{
    struct h1_server *h = server_of(ex);
    if (!is_ours(ex) || ex->request.version_minor == 0 || ex->response_begun)
        return;
    char *out = h->stream->loop->scratch;
    size_t len = h1_write_interim_head(out, LOOP_SCRATCH_BYTES, status, headers);
    stream_write(h->stream, slice_of(out, len));
}

/* Can the connection go on although the body has not been read to its end? */
static bool rest_is_small(const struct h1_server *h)
{
    const struct h1_parser *p = &h->ex->parser;
    if (h->ex->request_complete || h->ex->request.body == BODY_NONE)
        return true;
    return h->ex->request.body == BODY_LENGTH && p->body_left <= DISCARD_BYTES && !h->continue_due;
}

static bool has_content(const struct exchange *ex)
{
    uint16_t status = ex->response.status;
    return ex->request.method != HTTP_HEAD && status >= 200 && status != 204 && status != 304;
}

static void send_head(struct exchange *ex)
{
    struct h1_server *h = server_of(ex);
    if (!is_ours(ex))
        return;
    bool unknown_length = ex->response.body == BODY_CHUNKED;
    h->chunked = unknown_length && ex->request.version_minor >= 1 && has_content(ex);
    if ((unknown_length && ex->request.version_minor == 0 && has_content(ex)) || !rest_is_small(h))
        h->closing_after = true;
    bool upgrade = ex->response.status == 101;
    enum h1_connection connection = upgrade            ? H1_UPGRADE
                                    : h->closing_after ? H1_CLOSE
                                                       : H1_KEEP_ALIVE;
    char *out = h->stream->loop->scratch;
    size_t len =
        h1_write_response_head(out, LOOP_SCRATCH_BYTES, ex, connection,
                               unknown_length && ex->request.version_minor >= 1 &&
                                   ex->response.status != 204 && ex->response.status != 304,
                               http_server_date(h->server));
    if (len == 0) {
        h1_server_close(h, CLOSE_NO_MEMORY, true);
        return;
    }
    ex->response_begun = true;
    h->continue_due = false;
    stream_write(h->stream, slice_of(out, len));
    if (h->blocked) /* since before the answer: the handler has not been told */
        ex->handler->on_blocked(ex);
    if (upgrade) {
        ex->tunnel = true;
        ex->request_complete = false; /* from here on the client's direction is the tunnel's */
        h1_server_enter(h, H1_TUNNEL);
        h1_server_proceed(h);
    }
}

static void send_body(struct exchange *ex, struct slice data)
{
    struct h1_server *h = server_of(ex);
    if (!is_ours(ex) || data.len == 0 || (!ex->tunnel && !has_content(ex)))
        return;
    ex->bytes_out += data.len;
    if (!h->chunked) {
        stream_write(h->stream, data);
        return;
    }
    char head[H1_CHUNK_HEAD_BYTES];
    stream_write(h->stream, slice_of(head, h1_write_chunk_head(head, data.len)));
    stream_write(h->stream, data);
    stream_write(h->stream, SLICE("\r\n"));
}

static void send_end(struct exchange *ex, const struct headers *trailers)
{
    struct h1_server *h = server_of(ex);
    if (!is_ours(ex) || ex->response_complete)
        return;
    if (h->chunked) {
        char *out = h->stream->loop->scratch;
        size_t len = h1_write_last_chunk(out, LOOP_SCRATCH_BYTES, trailers);
        if (len == 0)
            len = h1_write_last_chunk(out, LOOP_SCRATCH_BYTES, NULL);
        stream_write(h->stream, slice_of(out, len));
        h->chunked = false;
    }
    ex->response_complete = true;
    if (ex->tunnel) {
        h->closing_after = true;
        ex->request_complete = true;
    }
    h1_server_answered(h);
}

static void pause_body(struct exchange *ex)
{
    if (!is_ours(ex))
        return;
    server_of(ex)->body_paused = true;
    body_pace_stop(&ex->pace, ex->loop->now_us);
}

static void resume_body(struct exchange *ex)
{
    struct h1_server *h = server_of(ex);
    if (!is_ours(ex) || !h->body_paused)
        return;
    h->body_paused = false;
    body_pace_go_on(&ex->pace, ex->loop->now_us);
    h1_server_continue(h);
    h1_server_proceed(h);
}

static void abort_answer(struct exchange *ex, enum close_reason reason)
{
    if (is_ours(ex))
        h1_server_close(server_of(ex), reason, true);
}

static struct address local_address(const struct exchange *ex)
{
    const struct h1_server *h = ex->connection;
    return stream_local_address(h->stream);
}

const struct exchange_transport h1_transport = {
    .send_interim = send_interim,
    .send_head = send_head,
    .send_body = send_body,
    .send_end = send_end,
    .pause_body = pause_body,
    .resume_body = resume_body,
    .abort = abort_answer,
    .local_address = local_address,
};
