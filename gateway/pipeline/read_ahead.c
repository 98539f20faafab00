#include "pipeline/read_ahead.h"

#include "pipeline/proxy.h"
#include "pipeline/spool.h"

/* Bodies of requests, which nobody could do without, keep the rest. */
#define QUOTA_PART 2

struct read_ahead {
    struct passage *passage; /* borrowed: we live in its arena */
    struct spool spool;
    struct defer more; /* the next piece, when this one has left */
    struct headers trailers;
    bool waits; /* bytes, or the end of the answer */
    bool ended;
    bool stalled;       /* the peer waits: for the disk ... */
    bool until_drained; /* ... or until the client has taken all there is */
};

/* Those who send these want them to reach the client one by one, or not at all. */
static bool is_flow(const struct headers *headers)
{
    struct slice type = headers_value(headers, HEADER_CONTENT_TYPE);
    const struct slice events = SLICE("text/event-stream");
    type.len = MIN(type.len, events.len);
    return slice_eq_nocase(type, events) ||
           slice_eq_nocase(headers_value(headers, HEADER_X_ACCEL_BUFFERING), SLICE("no"));
}

bool read_ahead_is_wanted(const struct passage *p)
{
    return p->route->response_buffering != CONFIG_RESPONSE_OFF &&
           !is_flow(&p->ex->response.headers);
}

bool read_ahead_is_stalled(const struct passage *p)
{
    return p->ahead && p->ahead->stalled;
}

/* ---- the peer ---- */

static void stall(struct passage *p)
{
    p->ahead->stalled = true;
    stream_pause(upstream_conn_stream(p->proxy.conn));
    timer_stop(&p->proxy.timer); /* it is not to blame */
}

static void go_on(struct passage *p)
{
    p->ahead->stalled = p->ahead->until_drained = false;
    if (!p->proxy.conn || p->proxy.held)
        return;
    stream_resume(upstream_conn_stream(p->proxy.conn));
    proxy_touch_answer(p);
}

/* ---- the client ---- */

static void give_up(struct passage *p, enum close_reason reason)
{
    proxy_drop_conn(p);
    exchange_abort(p->ex, reason);
}

static void drained(struct passage *p)
{
    struct read_ahead *a = p->ahead;
    a->waits = false;
    spool_reset(&a->spool);
    if (a->ended)
        exchange_send_end(p->ex, a->trailers.count ? &a->trailers : NULL);
    else if (a->stalled)
        go_on(p);
}

/* One piece an event: whether the client takes it is known when the event is over. */
static void pass_on(struct read_ahead *a)
{
    struct passage *p = a->passage;
    struct slice piece;
    if (!a->waits || p->proxy.client_blocked || p->ex->is_closed)
        return;
    switch (spool_read(&a->spool, &piece)) {
    case SPOOL_OK:
        exchange_send_body(p->ex, piece);
        loop_defer(p->ex->loop, &a->more);
        break;
    case SPOOL_WAIT:
        break;
    case SPOOL_END:
        drained(p);
        break;
    default:
        give_up(p, CLOSE_NO_MEMORY);
        break;
    }
}

static void run_more(struct defer *d)
{
    pass_on(CONTAINER_OF(d, struct read_ahead, more));
}

/* Not at once: the client's connection is telling all of its streams that there is room, and what
 * one of them sends now may take it. */
void read_ahead_go_on(struct passage *p)
{
    if (p->ahead && p->ahead->waits)
        loop_defer(p->ex->loop, &p->ahead->more);
}

static void on_spool_ready(struct spool *spool)
{
    struct read_ahead *a = CONTAINER_OF(spool, struct read_ahead, spool);
    if (a->stalled && !a->until_drained)
        go_on(a->passage);
    pass_on(a);
}

/* ---- the answer ---- */

/* One that cannot be there as a whole would keep the peer waiting all the same, and the disk busy.
 */
static uint64_t file_max(const struct passage *p)
{
    uint64_t most = p->snapshot->config->spool.answer_bytes;
    const struct response *r = &p->ex->response;
    bool may = p->route->response_buffering == CONFIG_RESPONSE_SPOOL &&
               !(r->has_content_length && r->content_length > most);
    return may ? most : 0;
}

static struct read_ahead *read_ahead_new(struct passage *p)
{
    struct read_ahead *a = arena_zalloc(&p->ex->arena, sizeof(*a));
    struct config_spool config = p->snapshot->config->spool;
    if (!a)
        return NULL;
    config.quota_bytes /= QUOTA_PART;
    a->passage = p;
    defer_init(&a->more, run_more);
    spool_init(&a->spool, &p->pipeline->spools, &config, file_max(p), on_spool_ready);
    return a;
}

static void keep(struct passage *p, struct slice data)
{
    p->ahead->waits = true;
    switch (spool_push(&p->ahead->spool, data)) {
    case SPOOL_OK:
        break;
    case SPOOL_WAIT:
        stall(p);
        break;
    case SPOOL_FULL:
        p->ahead->until_drained = true;
        stall(p);
        break;
    default:
        give_up(p, CLOSE_NO_MEMORY);
        break;
    }
}

void read_ahead_body(struct passage *p, struct slice data)
{
    bool waits = p->ahead && p->ahead->waits;
    if (!waits && p->proxy.client_blocked && p->proxy.reads_ahead) {
        if (!p->ahead)
            p->ahead = read_ahead_new(p);
        waits = p->ahead != NULL;
    }
    if (waits)
        keep(p, data);
    else
        exchange_send_body(p->ex, data);
}

void read_ahead_end(struct passage *p, const struct headers *trailers)
{
    struct read_ahead *a = p->ahead;
    if (!a || !a->waits) {
        exchange_send_end(p->ex, trailers);
        return;
    }
    a->ended = true;
    if (!trailers)
        return;
    a->trailers = *trailers;
    if (!headers_keep(&a->trailers, &p->ex->arena))
        a->trailers = (struct headers){ 0 }; /* an answer is complete without them */
}

void read_ahead_drop(struct passage *p)
{
    if (!p->ahead)
        return;
    list_remove(&p->ahead->more.node);
    spool_fini(&p->ahead->spool);
    p->ahead = NULL;
}
