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

static void init_systems(struct snapshot *s, struct peer_set *peers)
{
    const struct config *config = s->config;
    s->systems = mem_new_array(config->system_count, sizeof(*s->systems));
    for (size_t i = 0; i < config->system_count; i++) {
        const struct config_system *system = &config->systems[i];
        int index = board_find(peers->board, SERIES_SYSTEM, slice_str(system->name));
        gate_init(&s->systems[i], peers->loop, peers->board, peers->slot, board_system_gate(index),
                  -1, system->max_inflight);
    }
}

static void init_route(struct snapshot *s, size_t route, struct peer_set *peers)
{
    const struct config_route *config = &s->config->routes[route];
    struct route_flow *flow = &s->routes[route];
    int index = board_find(peers->board, SERIES_ROUTE, slice_str(config->name));
    flow->series = board_series(peers->board, peers->slot, SERIES_ROUTE, index);
    if (config->upstream == CONFIG_NONE)
        return;
    flow->gate_count = (uint8_t)(1 + config->use_count);
    for (size_t class = 0; class < GATE_CLASSES; class ++) {
        flow->gates[class][0] = &s->upstreams[config->upstream].gates[class];
        for (size_t i = 0; i < config->use_count; i++)
            flow->gates[class][1 + i] = &s->systems[config->uses[i]];
    }
}

_Static_assert(GATES_OF_ROUTE_MAX == 1 + CONFIG_ROUTE_SYSTEMS_MAX, "room for all of them");

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
    init_systems(s, peers);
    for (size_t i = 0; i < config->route_count; i++)
        init_route(s, i, peers);
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
    for (size_t i = 0; i < s->config->system_count; i++)
        gate_fini(&s->systems[i]);
    router_free(&s->router);
    mem_free(s->systems);
    mem_free(s->upstreams);
    mem_free(s->routes);
    config_free(&s->config);
    mem_free(s);
}
