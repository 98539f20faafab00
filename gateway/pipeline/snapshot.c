#include "pipeline/snapshot.h"

#include "common/mem.h"

#include <netinet/in.h>

static uint16_t port_of(const struct config_address *a)
{
    if (a->sockaddr.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&a->sockaddr)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&a->sockaddr)->sin_port);
}

static uint16_t find_https_port(const struct config *config)
{
    for (size_t i = 0; i < config->listener_count; i++)
        if (config->listeners[i].tls)
            return port_of(&config->listeners[i].address);
    return 443;
}

struct snapshot *snapshot_new(struct config *config, struct peer_set *peers)
{
    struct snapshot *s = mem_new(sizeof(*s));
    s->references = 1;
    s->config = config;
    s->https_port = find_https_port(config);
    s->router = router_new(config);
    s->upstreams = mem_new_array(config->upstream_count, sizeof(*s->upstreams));
    for (size_t i = 0; i < config->upstream_count; i++)
        upstream_init(&s->upstreams[i], &config->upstreams[i], peers);
    s->routes = mem_new_array(config->route_count, sizeof(*s->routes));
    for (size_t i = 0; i < config->route_count; i++) {
        int index = board_find(peers->board, SERIES_ROUTE, slice_str(config->routes[i].name));
        s->routes[i] = board_series(peers->board, peers->slot, SERIES_ROUTE, index);
    }
    return s;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
    s->references++;
    return s;
}

void snapshot_unref(struct snapshot **pointer)
{
    struct snapshot *s = *pointer;
    *pointer = NULL;
    if (!s || --s->references > 0)
        return;
    for (size_t i = 0; i < s->config->upstream_count; i++)
        upstream_fini(&s->upstreams[i]);
    router_free(&s->router);
    mem_free(s->upstreams);
    mem_free(s->routes);
    config_free(&s->config);
    mem_free(s);
}
