#include "store/redis_cluster.h"

#include "common/mem.h"
#include "store/redis_reply.h"

#define REFRESH_MS 60000
#define REFRESH_SOON_MS 1000 /* at most once in so long */

struct redis_cluster {
    struct redis_setup *setup;                /* borrowed */
    const struct redis_node_handler *handler; /* borrowed */
    void *user;
    struct redis_node *nodes[REDIS_CLUSTER_NODES_MAX];   /* owned; NULL: free place */
    struct redis_node *retired[REDIS_CLUSTER_NODES_MAX]; /* owned; freed in the next event */
    size_t retired_count;
    struct timer refresh;
    uint64_t asked_ms; /* when the map was last asked for; 0: never */
    bool has_map, refreshes_soon;
    uint16_t slots[REDIS_SLOTS]; /* 1 + place among the nodes; 0: nobody */
};

/* --- nodes ------------------------------------------------------------------------------------ */

static bool is_same(const struct address *a, const struct address *b)
{
    return a->family == b->family && a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* Its place; a free one when it is not there; -1 when there is no place left. */
static int place_of(const struct redis_cluster *c, const struct address *address)
{
    int vacant = -1;
    for (int i = REDIS_CLUSTER_NODES_MAX - 1; i >= 0; i--) {
        if (!c->nodes[i])
            vacant = i;
        else if (is_same(&c->nodes[i]->address, address))
            return i;
    }
    return vacant;
}

static int add_node(struct redis_cluster *c, const struct address *address)
{
    int place = place_of(c, address);
    if (place < 0 || c->nodes[place])
        return place;
    c->nodes[place] = redis_node_new(c->setup, address, c->handler, c->user);
    c->nodes[place]->any_role = true; /* the map says who is a master */
    redis_node_connect(c->nodes[place]);
    return place;
}

static void add_servers(struct redis_cluster *c)
{
    for (size_t i = 0; i < c->setup->config->server_count; i++) {
        struct address server = redis_setup_server(c->setup, i);
        add_node(c, &server);
    }
}

/* Not freed here: it may be the one that is being heard. */
static void retire_nodes(struct redis_cluster *c, const bool *is_used)
{
    for (size_t i = 0; i < REDIS_CLUSTER_NODES_MAX; i++) {
        if (!c->nodes[i] || is_used[i] || c->retired_count == REDIS_CLUSTER_NODES_MAX)
            continue;
        struct redis_node *n = c->nodes[i];
        c->nodes[i] = NULL;
        c->retired[c->retired_count++] = n;
        redis_node_rest(n);
    }
}

static void free_retired(struct redis_cluster *c)
{
    while (c->retired_count)
        redis_node_free(&c->retired[--c->retired_count]);
}

struct redis_node *redis_cluster_node(const struct redis_cluster *c, int32_t slot)
{
    if (slot >= 0)
        return c->slots[slot] ? c->nodes[c->slots[slot] - 1] : NULL;
    for (size_t i = 0; i < REDIS_CLUSTER_NODES_MAX; i++)
        if (redis_node_is_up(c->nodes[i]))
            return c->nodes[i];
    return NULL;
}

struct redis_node *redis_cluster_node_at(struct redis_cluster *c, const struct address *address)
{
    int place = add_node(c, address);
    return place < 0 ? NULL : c->nodes[place];
}

/* --- the map ---------------------------------------------------------------------------------- */

static void refresh_soon(struct redis_cluster *c)
{
    uint64_t since = loop_now_ms(c->setup->loop) - c->asked_ms;
    uint64_t after_ms = since < REFRESH_SOON_MS ? REFRESH_SOON_MS - since : 0;
    if (c->refreshes_soon)
        return;
    c->refreshes_soon = true;
    if (c->has_map)
        after_ms += random_below(&c->setup->loop->random, REFRESH_SOON_MS / 4);
    timer_set(&c->setup->loop->timers, &c->refresh, after_ms);
}

static bool is_whole(const struct redis_cluster *c)
{
    for (size_t i = 0; i < REDIS_SLOTS; i++)
        if (!redis_node_is_up(redis_cluster_node(c, (int32_t)i)))
            return false;
    return c->has_map;
}

static struct redis_node *random_node(struct redis_cluster *c)
{
    uint32_t first = random_below(&c->setup->loop->random, REDIS_CLUSTER_NODES_MAX);
    for (uint32_t i = 0; i < REDIS_CLUSTER_NODES_MAX; i++) {
        struct redis_node *n = c->nodes[(first + i) % REDIS_CLUSTER_NODES_MAX];
        if (redis_node_is_up(n))
            return n;
    }
    return NULL;
}

static void on_refresh(struct timer *t)
{
    struct redis_cluster *c = CONTAINER_OF(t, struct redis_cluster, refresh);
    const struct slice command[] = { SLICE("CLUSTER"), SLICE("SLOTS") };
    free_retired(c);
    struct redis_node *n = random_node(c);
    if (!n)
        add_servers(c); /* all that we knew of are gone */
    else if (redis_node_say(n, REDIS_AWAIT_TOPOLOGY, command, ARRAY_LEN(command)))
        n = NULL;
    c->refreshes_soon = false;
    c->asked_ms = loop_now_ms(c->setup->loop);
    if (n && is_whole(c))
        timer_set(&c->setup->loop->timers, &c->refresh, REFRESH_MS);
    else
        refresh_soon(c);
}

void redis_cluster_changed(struct redis_cluster *c)
{
    if (!is_whole(c))
        refresh_soon(c);
}

void redis_cluster_doubt(struct redis_cluster *c)
{
    refresh_soon(c);
}

/* An unknown or empty host is that of the node which says so. */
static bool parse_endpoint(struct slice host, uint64_t port, const struct address *said_by,
                           struct address *out)
{
    if (host.len == 0 || slice_eq(host, SLICE("?")))
        *out = *said_by;
    else if (!address_parse(out, host))
        return false;
    out->port = (uint16_t)port;
    return port > 0 && port <= UINT16_MAX;
}

bool redis_cluster_parse_redirection(struct slice text, const struct address *said_by,
                                     uint16_t *slot, struct address *target)
{
    struct slice rest = slice_from(text, MIN(slice_find(text, ' ') + 1, text.len));
    size_t space = slice_find(rest, ' ');
    uint64_t number, port;
    if (!slice_to_u64(slice_of(rest.data, space), &number) || number >= REDIS_SLOTS)
        return false;
    rest = slice_from(rest, MIN(space + 1, rest.len));
    size_t colon = rest.len;
    while (colon > 0 && rest.data[colon - 1] != ':')
        colon--;
    *slot = (uint16_t)number;
    return colon > 0 && slice_to_u64(slice_from(rest, colon), &port) &&
           parse_endpoint(slice_of(rest.data, colon - 1), port, said_by, target);
}

void redis_cluster_move_slot(struct redis_cluster *c, uint16_t slot, const struct address *address)
{
    int place = add_node(c, address);
    if (place >= 0)
        c->slots[slot] = (uint16_t)(place + 1);
    refresh_soon(c);
}

/* One range of CLUSTER SLOTS: first slot, last slot, the master, its replicas. */
static bool take_range(struct redis_cluster *c, const struct address *said_by,
                       const struct redisReply *range, bool *is_used)
{
    const struct redisReply *master = redis_reply_at(range, 2);
    int64_t first, last, port;
    struct address address;
    if (!redis_reply_integer(redis_reply_at(range, 0), &first) ||
        !redis_reply_integer(redis_reply_at(range, 1), &last) ||
        !redis_reply_integer(redis_reply_at(master, 1), &port) || first < 0 || first > last ||
        last >= REDIS_SLOTS || port < 0)
        return false;
    if (!parse_endpoint(redis_reply_text(redis_reply_at(master, 0)), (uint64_t)port, said_by,
                        &address))
        return false;
    int place = add_node(c, &address);
    if (place < 0)
        return false;
    is_used[place] = true;
    for (int64_t i = first; i <= last; i++)
        c->slots[i] = (uint16_t)(place + 1);
    return true;
}

void redis_cluster_take_map(struct redis_cluster *c, struct redis_node *from,
                            const struct redisReply *r)
{
    bool is_used[REDIS_CLUSTER_NODES_MAX] = { false };
    bool is_ok = redis_reply_count(r) > 0;
    if (!is_ok)
        return;
    memset(c->slots, 0, sizeof(c->slots));
    for (size_t i = 0; i < redis_reply_count(r); i++)
        is_ok = take_range(c, &from->address, redis_reply_at(r, i), is_used) && is_ok;
    c->has_map = true;
    if (is_ok)
        retire_nodes(c, is_used);
    redis_cluster_changed(c);
}

/* --- the whole -------------------------------------------------------------------------------- */

bool redis_cluster_is_up(const struct redis_cluster *c)
{
    return c->has_map && redis_cluster_node(c, -1) != NULL;
}

const char *redis_cluster_problem(const struct redis_cluster *c)
{
    for (size_t i = 0; i < REDIS_CLUSTER_NODES_MAX; i++)
        if (c->nodes[i] && !redis_node_is_up(c->nodes[i]))
            return c->nodes[i]->problem;
    return c->has_map ? "" : "Redis: the Cluster's map of slots is not known yet";
}

struct redis_cluster *redis_cluster_new(struct redis_setup *setup,
                                        const struct redis_node_handler *handler, void *user)
{
    struct redis_cluster *c = mem_new(sizeof(*c));
    c->setup = setup;
    c->handler = handler;
    c->user = user;
    timer_init(&c->refresh, on_refresh);
    add_servers(c);
    return c;
}

void redis_cluster_free(struct redis_cluster **pointer)
{
    struct redis_cluster *c = *pointer;
    *pointer = NULL;
    if (!c)
        return;
    timer_cancel(&c->refresh);
    free_retired(c);
    for (size_t i = 0; i < REDIS_CLUSTER_NODES_MAX; i++)
        redis_node_free(&c->nodes[i]);
    mem_free(c);
}
