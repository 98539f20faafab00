#include "http/exchange.h"

const char *close_reason_text(enum close_reason reason)
{
    static const char *const texts[] = {
#define REASON(id, text) [CLOSE_##id] = text,
        CLOSE_REASONS(REASON)
#undef REASON
    };
    return texts[reason];
}

static void run_closed(struct defer *d)
{
    struct exchange *ex = CONTAINER_OF(d, struct exchange, closed);
    if (ex->handler)
        ex->handler->on_closed(ex);
    struct arena arena = ex->arena; /* the exchange itself lies in it */
    arena_fini(&arena);
}

struct exchange *exchange_new(struct loop *loop, size_t arena_bytes)
{
    struct arena arena;
    arena_init(&arena, &loop->arenas, arena_bytes);
    struct exchange *ex = arena_alloc(&arena, sizeof(*ex));
    if (!ex)
        return NULL;
    *ex = (struct exchange){ .loop = loop };
    ex->arena = arena;
    defer_init(&ex->closed, run_closed);
    return ex;
}

/* The connection is about to go; a handler that goes on still asks who it was. */
static void keep_client(struct exchange *ex)
{
    static const struct client_info nobody;
    struct client_info *copy = arena_alloc(&ex->arena, sizeof(*copy));
    if (copy)
        *copy = *ex->client;
    ex->client = copy ? copy : &nobody;
    ex->connection = NULL;
}

void exchange_close(struct exchange *ex, enum close_reason reason)
{
    if (ex->is_closed)
        return;
    ex->is_closed = true;
    ex->close_reason = reason;
    if (ex->is_held)
        keep_client(ex);
    else
        loop_defer(ex->loop, &ex->closed);
}

void exchange_hold(struct exchange *ex)
{
    ex->is_held = true;
}

void exchange_let_go(struct exchange *ex)
{
    if (!ex->is_held)
        return;
    ex->is_held = false;
    if (ex->is_closed)
        loop_defer(ex->loop, &ex->closed);
}
