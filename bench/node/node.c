#include "bench/node/node.h"

#include "bench/node/node_conn.h"
#include "bench/node/node_route.h"
#include "bench/node/seed.h"
#include "common/mem.h"

#include <signal.h>
#include <sys/resource.h>

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct node *node = handle->data;
    (void)number;
    node_conn_close_all(node);
    uv_walk(&node->loop, close_handle, NULL);
}

static void on_lose_signal(uv_signal_t *handle, int number)
{
    struct node *node = handle->data;
    (void)number;
    node_journal_lose_next(node->journal);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void start_signals(struct node *node)
{
    static const int numbers[] = { SIGTERM, SIGINT };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        uv_signal_init(&node->loop, &node->signals[i]);
        node->signals[i].data = node;
        uv_signal_start(&node->signals[i], on_signal, numbers[i]);
    }
    uv_signal_init(&node->loop, &node->lose_signal);
    node->lose_signal.data = node;
    uv_signal_start(&node->lose_signal, on_lose_signal, SIGUSR1);
    signal(SIGPIPE, SIG_IGN);
}

static struct node *node_new(const struct node_options *options)
{
    struct node *node = mem_new(sizeof(*node));
    node->options = options;
    node->chance = (struct node_chance){ .latency = options->latency,
                                         .error_rate = options->error_rate,
                                         .hang_rate = options->hang_rate,
                                         .reset_rate = options->reset_rate };
    seed_random(&node->chance.random, options->seed);
    node->is_calm = node_chance_is_calm(&node->chance);
    node->content = node_content_new(options->seed);
    node_canned_init(&node->canned, options->name);
    node_out_init(&node->out);
    node_pool_init(&node->pool);
    list_init(&node->conns);
    uv_loop_init(&node->loop);
    return node;
}

static void node_free(struct node **n)
{
    struct node *node = *n;
    uv_walk(&node->loop, close_handle, NULL);
    uv_run(&node->loop, UV_RUN_DEFAULT);
    uv_loop_close(&node->loop);
    node_journal_close(&node->journal);
    node_content_free(&node->content);
    node_canned_fini(&node->canned);
    node_pool_fini(&node->pool);
    node_seen_fini(&node->refs);
    node_out_fini(&node->out);
    mem_free(node);
    *n = NULL;
}

static int start(struct node *node, struct err *e)
{
    const struct node_options *options = node->options;
    node->journal = node_journal_open(options->journal, options->unique, e);
    if (!node->journal)
        return ERR_SYSTEM;
    raise_descriptor_limit();
    node_route_prepare(node);
    start_signals(node);
    for (size_t i = 0; i < options->listen_count; i++) {
        int rc =
            node_listener_open(&node->listeners[i], node, (uint32_t)i, &options->listens[i], e);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < options->listen_count; i++)
        node_listener_announce(&node->listeners[i], options->name);
    return 0;
}

int node_run(const struct node_options *options, struct err *e)
{
    struct node *node = node_new(options);
    int rc = start(node, e);
    if (rc == 0)
        uv_run(&node->loop, UV_RUN_DEFAULT);
    node_free(&node);
    return rc;
}
