#include "process/worker.h"

#include "common/mem.h"
#include "http/http_conn.h"
#include "pipeline/pipeline.h"
#include "process/assignment.h"
#include "process/capacity.h"
#include "process/guard.h"
#include "process/room.h"
#include "process/shedding.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What the kernel has queued on a listening socket is taken in this time, before it is closed. */
#define WORKER_LAST_ACCEPT_MS 50

struct worker_listener {
    struct list node; /* in worker.listeners */
    struct worker *worker;
    char *address;      /* owned: as in the configuration, which tells listeners apart */
    struct timer timer; /* until it is closed, once it is leaving */
    bool leaving;       /* no longer configured */
    struct listener listener;
    struct http_listener http; /* its TLS context is counted */
};

struct worker {
    struct loop loop;
    struct board *board;
    struct store_region *region;
    struct store store;
    uint32_t slot;
    struct metrics *metrics;
    struct tls_engine engine;
    struct pacer pacer;
    struct http_server server;
    struct admission admission;
    struct pipeline pipeline;
    struct access_log *access_log;
    struct list listeners;
    struct list connections; /* struct http_conn */
    struct room room;
    struct guard guard;
    struct shedding shedding;
    int channel;
    uv_poll_t channel_poll;
    struct timer timer; /* drain: last accepts, then the deadline */
    uint32_t drain_deadline_ms;
    uint32_t flush_ms;          /* of the access log */
    uint32_t leaving_listeners; /* that the last configuration dropped, not closed yet */
    uint32_t generation;        /* of the last configuration */
    bool draining, listeners_closed, done;
    bool late;    /* the deadline is over */
    bool cut_off; /* requests were not finished by the deadline */
};

static void say(struct worker *w, enum channel_kind kind, uint32_t generation, const char *text)
{
    struct err e;
    if (channel_say(w->channel, kind, generation, text, &e) < 0)
        log_write(LOG_ERROR, "cannot tell the supervisor: %s", e.text);
}

/* ---- listeners ---- */

static void on_room(struct room *r)
{
    struct worker *w = CONTAINER_OF(r, struct worker, room);
    say(w, r->full ? CHANNEL_FULL : CHANNEL_ROOM, 0, NULL);
}

static void on_connection(struct listener *l, void *user)
{
    struct worker_listener *wl = user;
    struct room *room = &wl->worker->room;
    if (room_admits(room))
        http_conn_accept(l, &wl->http);
    else
        http_conn_refuse(l, &wl->http);
    room_taken(room);
}

static void on_pressure(struct guard *g)
{
    struct worker *w = CONTAINER_OF(g, struct worker, guard);
    shedding_step(&w->shedding, guard_keep_alive_level(g), guard_blocked_level(g));
    room_close(&w->room, guard_level(g) == PRESSURE_CRITICAL);
}

/* A configuration is in use when what it dropped is closed, too: its ports are free again. */
static void say_applied(struct worker *w)
{
    if (w->leaving_listeners == 0)
        say(w, CHANNEL_APPLIED, w->generation, NULL);
}

static void set_leaving(struct worker_listener *wl, bool leaving)
{
    if (wl->leaving == leaving)
        return;
    wl->leaving = leaving;
    if (leaving) {
        wl->worker->leaving_listeners++;
        listener_hurry(&wl->listener);
        timer_set(&wl->worker->loop.timers, &wl->timer, WORKER_LAST_ACCEPT_MS);
    } else {
        wl->worker->leaving_listeners--;
        timer_stop(&wl->timer);
    }
}

static void on_listener_closed(struct listener *l)
{
    struct worker_listener *wl = CONTAINER_OF(l, struct worker_listener, listener);
    if (wl->leaving) {
        set_leaving(wl, false);
        say_applied(wl->worker);
    }
    tls_context_unref(&wl->http.tls);
    mem_free(wl->address);
    mem_free(wl);
}

static void close_listener(struct worker_listener *wl)
{
    timer_cancel(&wl->timer);
    list_remove(&wl->node);
    listener_close(&wl->listener, on_listener_closed);
}

static void on_listener_timer(struct timer *t)
{
    close_listener(CONTAINER_OF(t, struct worker_listener, timer));
}

static struct worker_listener *find_listener(struct worker *w, const char *address)
{
    LIST_FOREACH (node, &w->listeners) {
        struct worker_listener *wl = CONTAINER_OF(node, struct worker_listener, node);
        if (strcmp(wl->address, address) == 0)
            return wl;
    }
    return NULL;
}

static struct worker_listener *open_listener(struct worker *w, const char *address, int fd)
{
    struct worker_listener *wl = mem_new(sizeof(*wl));
    wl->worker = w;
    wl->address = mem_strdup(address);
    timer_init(&wl->timer, on_listener_timer);
    int rc = listener_open(&wl->listener, &w->loop, fd, w->metrics, on_connection, wl);
    if (rc < 0)
        log_write(LOG_ERROR, "cannot accept on %s: %s", address, uv_strerror(rc));
    list_push_back(&w->listeners, &wl->node);
    return wl;
}

/* ---- configuration ---- */

/* All that can fail is made before anything is changed. */
struct proposal {
    struct config *config;
    struct tls_context *contexts[CONFIG_LISTENERS_MAX];
};

static void proposal_free(struct proposal *p)
{
    for (size_t i = 0; i < CONFIG_LISTENERS_MAX; i++)
        tls_context_unref(&p->contexts[i]);
    config_free(&p->config);
}

static int propose(struct worker *w, const struct channel_message *m, struct channel_files *files,
                   struct proposal *p, char problem[CHANNEL_TEXT_BYTES])
{
    struct err e;
    p->config = assignment_load(m, files, problem);
    if (!p->config)
        return ERR_INVALID;
    if (files->socket_count != p->config->listener_count) {
        snprintf(problem, CHANNEL_TEXT_BYTES, "%u sockets came for %zu listeners",
                 files->socket_count, p->config->listener_count);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < p->config->listener_count; i++) {
        const struct config_listener *l = &p->config->listeners[i];
        if (!l->tls)
            continue;
        p->contexts[i] =
            tls_context_new(l->tls, l->http2 ? TLS_CONTEXT_ALPN_HTTP2 : TLS_CONTEXT_ALPN_HTTP1,
                            board_ticket_section(w->board), &e);
        if (!p->contexts[i]) {
            snprintf(problem, CHANNEL_TEXT_BYTES, "%s", e.text);
            return ERR_INVALID;
        }
    }
    return 0;
}

static void take_logs(struct worker *w, struct channel_files *files)
{
    assignment_take_error_log(files);
    if (files->access_log < 0)
        access_log_close(&w->access_log);
    else if (w->access_log)
        access_log_reopen(w->access_log, files->access_log);
    else
        w->access_log = access_log_open(&w->loop.uv, files->access_log, w->flush_ms, w->metrics);
    w->pipeline.access_log = w->access_log;
    files->access_log = -1;
}

static void set_listener(struct worker *w, struct worker_listener *wl, const struct config *config,
                         const struct config_listener *l, struct tls_context **context)
{
    tls_context_unref(&wl->http.tls);
    wl->http = (struct http_listener){
        .server = &w->server,
        .engine = &w->engine,
        .tls = *context,
        .trusted = config->trusted_proxies,
        .trusted_count = config->trusted_proxy_count,
        .connections = &w->connections,
        .proxy_protocol = l->proxy_protocol,
        .redirect_https = l->redirect_https,
    };
    *context = NULL;
}

/* Listeners that stay keep their socket and its queue; what came for them again is closed with the
 * message. */
static void commit_listeners(struct worker *w, struct channel_files *files, struct proposal *p)
{
    for (size_t i = 0; i < p->config->listener_count; i++) {
        const struct config_listener *l = &p->config->listeners[i];
        struct worker_listener *wl = find_listener(w, l->address.text);
        if (!wl) {
            wl = open_listener(w, l->address.text, files->sockets[i]);
            files->sockets[i] = -1;
        }
        set_leaving(wl, false);
        wl->listener.pacer = &w->pacer;
        listener_bound_unsent(&wl->listener, p->config->limits.unsent_bytes);
        set_listener(w, wl, p->config, l, &p->contexts[i]);
    }
}

static bool is_configured(const struct config *config, const char *address)
{
    for (size_t i = 0; i < config->listener_count; i++)
        if (strcmp(config->listeners[i].address.text, address) == 0)
            return true;
    return false;
}

/* They go on for a moment, for the sake of who is in their queues. */
static void close_unconfigured(struct worker *w, const struct config *config)
{
    LIST_FOREACH (node, &w->listeners) {
        struct worker_listener *wl = CONTAINER_OF(node, struct worker_listener, node);
        if (is_configured(config, wl->address))
            continue;
        set_leaving(wl, true);
        /* What it borrows of the last configuration goes with that. */
        wl->http.trusted = config->trusted_proxies;
        wl->http.trusted_count = config->trusted_proxy_count;
    }
}

static void commit(struct worker *w, struct channel_files *files, struct proposal *p)
{
    struct config *config = p->config;
    w->flush_ms = config->access_log_flush_ms;
    take_logs(w, files);
    if (w->access_log)
        access_log_set_flush(w->access_log, w->flush_ms);
    log_set_level(config->log_level);
    close_unconfigured(w, config);
    commit_listeners(w, files, p);
    w->server.limits = config->limits;
    w->server.timeouts = config->timeouts;
    w->shedding.usual = config->timeouts;
    admission_apply(&w->admission, config);
    p->config = NULL;
    store_apply(&w->store, config); /* the last configuration may go with the pipeline's */
    pipeline_apply(&w->pipeline, config);
}

static void apply(struct worker *w, const struct channel_message *m, struct channel_files *files)
{
    struct proposal p = { 0 };
    char problem[CHANNEL_TEXT_BYTES] = "draining";
    if (w->draining || propose(w, m, files, &p, problem) < 0) {
        say(w, CHANNEL_REJECTED, m->generation, problem);
    } else {
        commit(w, files, &p);
        metrics_gauge_set(w->metrics, GAUGE_CONFIG_GENERATION, m->generation);
        metrics_add(w->metrics, COUNTER_RELOADS, 1);
        w->generation = m->generation;
        say_applied(w);
    }
    proposal_free(&p);
}

/* ---- draining ---- */

static void finish_if_empty(struct worker *w)
{
    if (w->done || !w->listeners_closed || !list_is_empty(&w->connections))
        return;
    /* Submissions may be waited for although their clients have left. */
    if (!w->late && metrics_gauge(w->metrics, GAUGE_REQUESTS_ACTIVE) > 0)
        return;
    w->done = true;
    access_log_close(&w->access_log);
    say(w, CHANNEL_DRAINED, 0, NULL);
    uv_stop(&w->loop.uv);
}

static void on_drain_timer(struct timer *t)
{
    struct worker *w = CONTAINER_OF(t, struct worker, timer);
    if (w->listeners_closed) {
        w->late = true;
        w->cut_off = metrics_gauge(w->metrics, GAUGE_REQUESTS_ACTIVE) > 0;
        LIST_FOREACH (node, &w->connections)
            http_conn_stop(http_conn_of(node));
        return;
    }
    w->listeners_closed = true;
    LIST_FOREACH (node, &w->listeners)
        close_listener(CONTAINER_OF(node, struct worker_listener, node));
    LIST_FOREACH (node, &w->connections)
        http_conn_drain(http_conn_of(node));
    timer_set(&w->loop.timers, t, w->drain_deadline_ms);
}

static void drain(struct worker *w, uint32_t deadline_ms)
{
    if (w->draining)
        return;
    w->draining = w->server.draining = true;
    w->drain_deadline_ms = deadline_ms;
    LIST_FOREACH (node, &w->listeners)
        listener_hurry(&CONTAINER_OF(node, struct worker_listener, node)->listener);
    timer_set(&w->loop.timers, &w->timer, WORKER_LAST_ACCEPT_MS);
}

/* ---- the channel ---- */

static void handle(struct worker *w, const struct channel_message *m, struct channel_files *files)
{
    switch (m->kind) {
    case CHANNEL_CONFIG:
        apply(w, m, files);
        break;
    case CHANNEL_REOPEN:
        take_logs(w, files);
        break;
    case CHANNEL_DRAIN:
        drain(w, m->deadline_ms);
        break;
    default:
        log_write(LOG_ERROR, "unknown message %u from the supervisor", m->kind);
    }
}

static void on_channel(uv_poll_t *poll, int status, int events)
{
    struct worker *w = poll->data;
    (void)status, (void)events;
    loop_event_begin(&w->loop);
    struct channel_message m;
    struct channel_files files;
    enum channel_status got;
    for (;;) {
        got = channel_receive(w->channel, &m, &files);
        if (got != CHANNEL_MESSAGE)
            break;
        handle(w, &m, &files);
        channel_files_close(&files);
    }
    if (got == CHANNEL_TRUNCATED)
        say(w, CHANNEL_REJECTED, m.generation, "no descriptors left for the listening sockets");
    if (got == CHANNEL_CLOSED) {
        log_write(LOG_ERROR, "the supervisor is gone; this worker stops");
        _exit(EXIT_FAILURE);
    }
    loop_event_end(&w->loop);
}

/* ---- life ---- */

static int attach(struct worker *w, int board_fd, int store_fd)
{
    struct err e;
    w->board = board_attach(board_fd, &e);
    if (w->board)
        w->region = store_region_attach(store_fd, &e);
    if (w->region)
        return 0;
    log_write(LOG_ERROR, "%s", e.text);
    return ERR_SYSTEM;
}

static int start(struct worker *w, int slot, int channel_fd, int board_fd, int store_fd)
{
    int status = attach(w, board_fd, store_fd);
    if (status < 0)
        return status;
    int rc = loop_init(&w->loop);
    if (rc < 0)
        return rc;
    w->slot = (uint32_t)slot;
    w->metrics = board_metrics(w->board, w->slot);
    struct capacity machine;
    capacity_measure(&machine, "");
    tls_engine_init(&w->engine);
    pacer_init(&w->pacer, &w->loop, w->metrics);
    list_init(&w->listeners);
    list_init(&w->connections);
    store_init(&w->store, &w->loop, w->region, w->slot, w->metrics);
    pipeline_init(&w->pipeline, &w->loop, w->board, w->slot, &w->store);
    w->pipeline.peers.engine = &w->engine;
    admission_init(&w->admission, w->board, w->slot, w->metrics);
    w->server = (struct http_server){ .loop = &w->loop,
                                      .handler = &pipeline_handler,
                                      .handler_context = &w->pipeline,
                                      .metrics = w->metrics,
                                      .pacer = &w->pacer,
                                      .admission = &w->admission };
    room_init(&w->room, &w->loop, w->metrics, (uint32_t)capacity_users_per_worker(&machine),
              on_room);
    w->shedding = (struct shedding){ .server = &w->server, .connections = &w->connections };
    guard_init(&w->guard, &w->loop, w->board, w->slot, machine.descriptors, on_pressure);
    timer_init(&w->timer, on_drain_timer);
    w->channel = channel_fd;
    w->channel_poll.data = w;
    rc = uv_poll_init(&w->loop.uv, &w->channel_poll, channel_fd);
    return rc < 0 ? rc : uv_poll_start(&w->channel_poll, UV_READABLE, on_channel);
}

/* Before each wait for events: what was closed in the last turn is gone by then. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct worker *w = prepare->data;
    if (w->draining)
        finish_if_empty(w);
}

int worker_main(int slot, int channel_fd, int board_fd, int store_fd)
{
    struct worker *w = mem_new(sizeof(*w));
    if (start(w, slot, channel_fd, board_fd, store_fd) < 0) {
        log_write(LOG_ERROR, "this worker cannot start");
        return EXIT_FAILURE;
    }
    uv_prepare_t prepare;
    uv_prepare_init(&w->loop.uv, &prepare);
    uv_unref((uv_handle_t *)&prepare);
    prepare.data = w;
    uv_prepare_start(&prepare, on_prepare);
    uv_run(&w->loop.uv, UV_RUN_DEFAULT);
    guard_fini(&w->guard);
    pipeline_fini(&w->pipeline);
    store_fini(&w->store);
    loop_fini(&w->loop);
    tls_engine_fini(&w->engine);
    store_region_free(&w->region);
    board_free(&w->board);
    close(w->channel);
    int status = w->cut_off ? EXIT_FAILURE : EXIT_SUCCESS;
    mem_free(w);
    return status;
}
