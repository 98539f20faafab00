#include "upstream/peer.h"

#include "common/mem.h"
#include "upstream/upstream_conn.h"

#include <stdio.h>

void peer_set_init(struct peer_set *set, struct loop *loop, struct board *board, uint32_t slot)
{
    *set = (struct peer_set){ .loop = loop, .board = board, .slot = slot };
    list_init(&set->peers);
    list_init(&set->link_contexts);
}

static struct peer *find(const struct peer_set *set, const char *name)
{
    LIST_FOREACH (node, &set->peers) {
        struct peer *p = CONTAINER_OF(node, struct peer, node);
        if (strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

static char *make_name(const struct config_upstream *upstream, const struct config_peer *config)
{
    size_t size = strlen(upstream->name) + strlen(config->address.text) + 2;
    char *name = mem_new(size);
    snprintf(name, size, "%s/%s", upstream->name, config->address.text);
    return name;
}

static struct peer *peer_new(struct peer_set *set, char *name)
{
    struct peer *p = mem_new(sizeof(*p));
    p->set = set;
    p->name = name;
    p->address_text = strrchr(name, '/') + 1;
    list_init(&p->idle);
    list_push_back(&set->peers, &p->node);
    return p;
}

struct peer *peer_get(struct peer_set *set, const struct config_upstream *upstream,
                      const struct config_peer *config)
{
    char *name = make_name(upstream, config);
    struct peer *p = find(set, name);
    if (p)
        mem_free(name);
    else
        p = peer_new(set, name);
    p->board_index = board_find(set->board, SERIES_PEER, slice_str(p->name));
    p->series = board_peer(set->board, set->slot, p->board_index);
    peer_address_apply(&p->where, &config->address,
                       board_peer_addresses(set->board, p->board_index));
    p->health = board_peer_health(set->board, p->board_index);
    p->state = board_peer_state(set->board, p->board_index);
    if (!p->state)
        p->state = &p->own_state;
    if (peer_link_apply(&p->link, &set->link_contexts, upstream, config))
        upstream_conn_close_idle(p);
    p->idle_max = upstream->keep_alive_connections;
    p->idle_timeout_ms = upstream->keep_alive_timeout_ms;
    p->receive_buffer_bytes = upstream->receive_buffer_bytes;
    return peer_ref(p);
}

struct peer *peer_ref(struct peer *p)
{
    p->references++;
    return p;
}

void peer_unref(struct peer **pointer)
{
    struct peer *p = *pointer;
    *pointer = NULL;
    if (!p)
        return;
    /* Idle connections hold no reference; those that are closing or lent do. */
    if (p->references == 1)
        upstream_conn_close_idle(p);
    if (--p->references > 0)
        return;
    list_remove(&p->node);
    peer_link_fini(&p->link);
    mem_free(p->name);
    mem_free(p);
}

void peer_refresh_address(struct peer *p)
{
    if (peer_address_refresh(&p->where))
        upstream_conn_close_idle(p);
}

uint32_t peer_in_flight(const struct peer *p)
{
    return board_in_flight(p->set->board, p->board_index);
}
