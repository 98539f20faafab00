#include "bench/node/node.h"

#include "bench/node/node_conn.h"
#include "bench/node/node_route.h"
#include "bench/node/seed.h"
#include "common/mem.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#define BACKLOG 4096

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

static void on_connection(uv_stream_t *listener, int status)
{
    if (status == 0)
        node_conn_accept(listener->data, listener);
}

struct address_text {
    char text[80];
};

static struct address_text address_write(const struct sockaddr_storage *address)
{
    struct address_text out;
    char host[64] = "";
    bool v6 = address->ss_family == AF_INET6;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)address;
    if (v6)
        uv_ip6_name(in6, host, sizeof(host));
    else
        uv_ip4_name(in4, host, sizeof(host));
    unsigned port = ntohs(v6 ? in6->sin6_port : in4->sin_port);
    snprintf(out.text, sizeof(out.text), v6 ? "[%s]:%u" : "%s:%u", host, port);
    return out;
}

static int listen_at(struct node *node, size_t i, struct err *e)
{
    uv_tcp_t *listener = &node->listeners[i];
    const struct sockaddr_storage *address = &node->options->listens[i];
    uv_tcp_init(&node->loop, listener);
    listener->data = node;
    int rc = uv_tcp_bind(listener, (const struct sockaddr *)address, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)listener, BACKLOG, on_connection);
    return rc ? err_set(e, ERR_SYSTEM, "cannot listen at %s: %s", address_write(address).text,
                        uv_strerror(rc))
              : 0;
}

static void announce(const struct node *node, size_t i)
{
    struct sockaddr_storage address;
    int len = sizeof(address);
    uv_tcp_getsockname(&node->listeners[i], (struct sockaddr *)&address, &len);
    printf("node %s listening on %s\n", node->options->name, address_write(&address).text);
    fflush(stdout);
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
        int rc = listen_at(node, i, e);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < options->listen_count; i++)
        announce(node, i);
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
