#include "admin/admin.h"

#include "common/mem.h"
#include "http/reply.h"
#include "observe/prometheus.h"
#include "store/store_report.h"
#include "tls/tls_tickets_report.h"
#include "upstream/gate_report.h"

#include <unistd.h>

#define ADMIN_METRICS_BYTES (64ul * 1024 * 1024) /* far above what a full board gives */

#define TEXT SLICE("text/plain; charset=utf-8")

struct admin_listener {
    struct listener listener;
    struct http_listener http;
    char *address; /* owned */
};

/* ---- pages ---- */

static void health(struct admin *a, struct exchange *ex)
{
    (void)a;
    reply_text(ex, 200, TEXT, SLICE("ok\n"));
}

static void ready(struct admin *a, struct exchange *ex)
{
    if (board_state(a->board, BOARD_DRAINING))
        reply_text(ex, 503, TEXT, SLICE("draining\n"));
    else if (!board_state(a->board, BOARD_READY))
        reply_text(ex, 503, TEXT, SLICE("no worker takes connections\n"));
    else
        reply_text(ex, 200, TEXT, SLICE("ready\n"));
}

static void metrics(struct admin *a, struct exchange *ex)
{
    struct buf out;
    buf_init(&out, ADMIN_METRICS_BYTES);
    prometheus_write(a->board, a->version, &out);
    gate_report_prometheus(a->board, &out);
    store_report_prometheus(a->store, &out);
    tls_tickets_report_prometheus(board_ticket_section(a->board), &out);
    if (buf_ok(&out))
        reply_text(ex, 200, SLICE(PROMETHEUS_CONTENT_TYPE), buf_slice(&out));
    else
        reply_error(ex, ERROR_PAGE_UNAVAILABLE);
    buf_fini(&out);
}

static const struct {
    const char *path;
    void (*answer)(struct admin *a, struct exchange *ex);
} pages[] = {
    { "/health", health },
    { "/ready", ready },
    { "/metrics", metrics },
};

static void on_request(struct exchange *ex)
{
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (!slice_eq(ex->request.path, slice_str(pages[i].path)))
            continue;
        if (ex->request.method == HTTP_GET || ex->request.method == HTTP_HEAD)
            pages[i].answer(ex->handler_context, ex);
        else
            reply_error_with(ex, ERROR_PAGE_METHOD_NOT_ALLOWED, SLICE("Allow"), SLICE("GET, HEAD"));
        return;
    }
    reply_error(ex, ERROR_PAGE_NO_ROUTE);
}

/* Everything is answered at once: the other events say nothing of interest. */
static void on_body(struct exchange *ex, struct slice data)
{
    (void)ex, (void)data;
}

static void on_body_end(struct exchange *ex, const struct headers *trailers)
{
    (void)ex, (void)trailers;
}

static void on_event(struct exchange *ex)
{
    (void)ex;
}

static const struct exchange_handler admin_handler = {
    .on_request = on_request,
    .on_body = on_body,
    .on_body_end = on_body_end,
    .on_response = on_event,
    .on_blocked = on_event,
    .on_drained = on_event,
    .on_closed = on_event,
};

/* ---- the listener ---- */

static void on_connection(struct listener *l, void *user)
{
    struct admin_listener *al = user;
    http_conn_accept(l, &al->http);
}

static void on_listener_closed(struct listener *l)
{
    struct admin_listener *al = CONTAINER_OF(l, struct admin_listener, listener);
    mem_free(al->address);
    mem_free(al);
}

static void close_listener(struct admin *a)
{
    if (a->listener)
        listener_close(&a->listener->listener, on_listener_closed);
    a->listener = NULL;
}

static void open_listener(struct admin *a, const char *address, int fd)
{
    struct admin_listener *al = mem_new(sizeof(*al));
    al->address = mem_strdup(address);
    al->http = (struct http_listener){ .server = &a->server, .connections = &a->connections };
    int rc = listener_open(&al->listener, a->server.loop, fd, a->server.metrics, on_connection, al);
    if (rc < 0)
        log_write(LOG_ERROR, "cannot accept on %s: %s", address, uv_strerror(rc));
    a->listener = al;
}

void admin_init(struct admin *a, struct loop *loop, struct board *board, struct store_region *store,
                const char *version)
{
    *a = (struct admin){ .board = board, .store = store, .version = version };
    list_init(&a->connections);
    a->server = (struct http_server){ .loop = loop,
                                      .handler = &admin_handler,
                                      .handler_context = a,
                                      .metrics = board_metrics(board, BOARD_KEEPER) };
}

void admin_apply(struct admin *a, const struct config *config, int fd)
{
    a->server.limits = config->limits;
    a->server.timeouts = config->timeouts;
    const char *address = config->admin ? config->admin->text : NULL;
    if (a->listener && address && strcmp(a->listener->address, address) == 0) {
        if (fd >= 0)
            close(fd);
        return;
    }
    close_listener(a);
    if (address && fd >= 0)
        open_listener(a, address, fd);
    else if (fd >= 0)
        close(fd);
}

void admin_fini(struct admin *a)
{
    close_listener(a);
    LIST_FOREACH (node, &a->connections)
        http_conn_stop(http_conn_of(node));
}
