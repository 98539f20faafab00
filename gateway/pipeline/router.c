/* Two kinds of tree, of nodes that are found by (parent, label) in one hash table:
 *
 *   hosts, label by label from the right         paths, segment by segment from the left
 *
 *        root -- vn -+- example -- www                root -- tinh -+- ha-noi
 *                    `- gov -- dichvucong                           `- hue
 *
 * A node answers in two ways: `here` for the name that ends in it, `below` for whatever continues
 * after one more separator. In the tree of hosts the answers are groups: `here` of "example" holds
 * the routes of example.vn, `below` those of *.example.vn, and `below` of the root those without
 * hosts. In a group's tree of paths they are sets: `here` of "tinh" holds the routes of /tinh,
 * which serve all that is below it too, `below` those of "/tinh/", and `below` of the root those of
 * "/".
 *
 * A walk goes down until a label is unknown and remembers the last answer that it passed. The keys
 * are fixed by the configuration, so nobody can make the probes of the hash table longer. */
#include "pipeline/router.h"

#include "common/buf.h"
#include "common/mem.h"
#include "config/config.h"

#define NONE UINT32_MAX
#define HOST_ROOT 0
#define NO_NODE HOST_ROOT /* the root is nobody's child */
#define ALLOW_BYTES_MAX 65536

struct node {
    struct slice label; /* borrowed from the configuration */
    uint32_t hash;      /* of parent and label */
    uint32_t parent;
    uint32_t here, below; /* a group or a set, or NONE */
};

struct group {
    uint32_t path_root; /* node */
    uint32_t host_node;
    uint32_t fallback; /* the next less specific group, or NONE */
};

/* The routes that have host and path in common. */
struct set {
    uint32_t first_choice; /* in the order of the file, or NONE */
    uint32_t any_route;    /* the route without a list of methods, or NONE */
    char *allow;           /* owned; NULL where any method is served */
};

struct choice {
    struct slice method; /* borrowed from the configuration */
    uint32_t route;
    uint32_t next; /* choice, or NONE */
};

struct router {
    struct node *nodes;
    struct group *groups;
    struct set *sets;
    struct choice *choices;
    uint32_t *slots; /* open addressing: node, or NO_NODE */
    uint32_t slot_mask;
    uint32_t node_count, group_count, set_count, choice_count;
};

/* FNV-1a. A label is hashed in the direction in which its tree is walked, while its end is
 * sought. */
static uint32_t hash_seed(uint32_t parent)
{
    return 2166136261u ^ (parent * 2654435761u);
}

static uint32_t hash_byte(uint32_t hash, char c)
{
    return (hash ^ (unsigned char)c) * 16777619u;
}

/* The label of a host that ends at `*end`, which moves to the label's start. */
static struct slice previous_label(struct slice host, size_t *end, uint32_t *hash)
{
    size_t start = *end;
    uint32_t h = *hash;
    while (start > 0 && host.data[start - 1] != '.')
        h = hash_byte(h, host.data[--start]);
    struct slice label = slice_of(host.data + start, *end - start);
    *end = start;
    *hash = h;
    return label;
}

/* The segment of a path that starts at `*start`, which moves to the segment's end. */
static struct slice next_segment(struct slice path, size_t *start, uint32_t *hash)
{
    size_t end = *start;
    uint32_t h = *hash;
    while (end < path.len && path.data[end] != '/')
        h = hash_byte(h, path.data[end++]);
    struct slice segment = slice_of(path.data + *start, end - *start);
    *start = end;
    *hash = h;
    return segment;
}

/* The slot that holds this child, or the free one where it belongs. */
static uint32_t *find_slot(const struct router *r, uint32_t parent, struct slice label,
                           uint32_t hash)
{
    for (uint32_t i = hash ^ (hash >> 16);; i++) {
        uint32_t *slot = &r->slots[i & r->slot_mask];
        const struct node *node = &r->nodes[*slot];
        if (*slot == NO_NODE ||
            (node->hash == hash && node->parent == parent && slice_eq(node->label, label)))
            return slot;
    }
}

/* ---- looking up ---- */

static uint32_t find_group(const struct router *r, struct slice host)
{
    uint32_t node = HOST_ROOT, best = r->nodes[HOST_ROOT].below;
    size_t at = host.len;
    for (;;) {
        uint32_t hash = hash_seed(node);
        struct slice label = previous_label(host, &at, &hash);
        node = *find_slot(r, node, label, hash);
        if (node == NO_NODE)
            return best;
        if (at == 0)
            return r->nodes[node].here != NONE ? r->nodes[node].here : best;
        at--; /* the dot: a wildcard wants something before it */
        if (at > 0 && r->nodes[node].below != NONE)
            best = r->nodes[node].below;
    }
}

static uint32_t find_set(const struct router *r, uint32_t path_root, struct slice path)
{
    uint32_t node = path_root, best = NONE;
    size_t at = 0;
    while (at < path.len) {
        at++; /* the slash */
        if (r->nodes[node].below != NONE)
            best = r->nodes[node].below;
        uint32_t hash = hash_seed(node);
        struct slice segment = next_segment(path, &at, &hash);
        node = *find_slot(r, node, segment, hash);
        if (node == NO_NODE)
            return best;
        if (r->nodes[node].here != NONE)
            best = r->nodes[node].here;
    }
    return best;
}

static uint32_t find_choice(const struct router *r, const struct set *set, struct slice method)
{
    uint32_t choice = set->first_choice;
    while (choice != NONE && !slice_eq(r->choices[choice].method, method))
        choice = r->choices[choice].next;
    return choice;
}

static enum router_verdict choose(const struct router *r, const struct set *set,
                                  struct slice method, struct router_match *match)
{
    uint32_t choice = find_choice(r, set, method);
    uint32_t route = choice != NONE ? r->choices[choice].route : set->any_route;
    if (route != NONE) {
        match->route = route;
        return ROUTER_FOUND;
    }
    match->allow = slice_str(set->allow);
    return ROUTER_METHOD_NOT_ALLOWED;
}

enum router_verdict router_find(const struct router *r, struct slice host, struct slice path,
                                struct slice method, struct router_match *match)
{
    *match = (struct router_match){ .route = CONFIG_NONE };
    if (path.len == 0 || path.data[0] != '/')
        return ROUTER_NO_ROUTE;
    for (uint32_t group = find_group(r, host); group != NONE; group = r->groups[group].fallback) {
        uint32_t set = find_set(r, r->groups[group].path_root, path);
        if (set != NONE)
            return choose(r, &r->sets[set], method, match);
    }
    return ROUTER_NO_ROUTE;
}

/* ---- building ---- */

static uint32_t add_node(struct router *r, uint32_t parent, struct slice label, uint32_t hash)
{
    r->nodes[r->node_count] = (struct node){
        .label = label, .hash = hash, .parent = parent, .here = NONE, .below = NONE
    };
    return r->node_count++;
}

static uint32_t find_or_add_node(struct router *r, uint32_t parent, struct slice label,
                                 uint32_t hash)
{
    uint32_t *slot = find_slot(r, parent, label, hash);
    if (*slot == NO_NODE)
        *slot = add_node(r, parent, label, hash);
    return *slot;
}

static uint32_t add_group(struct router *r, uint32_t host_node)
{
    r->groups[r->group_count] = (struct group){
        .path_root = add_node(r, NO_NODE, (struct slice){ 0 }, 0),
        .host_node = host_node,
        .fallback = NONE,
    };
    return r->group_count++;
}

static uint32_t group_of(struct router *r, struct slice host)
{
    bool is_wildcard = slice_starts_with(host, SLICE("*."));
    if (is_wildcard)
        host = slice_from(host, 2);
    uint32_t node = HOST_ROOT;
    size_t at = host.len;
    for (;;) {
        uint32_t hash = hash_seed(node);
        struct slice label = previous_label(host, &at, &hash);
        node = find_or_add_node(r, node, label, hash);
        if (at == 0)
            break;
        at--;
    }
    uint32_t *group = is_wildcard ? &r->nodes[node].below : &r->nodes[node].here;
    if (*group == NONE)
        *group = add_group(r, node);
    return *group;
}

static struct set *set_of(struct router *r, uint32_t group, struct slice path)
{
    assert(path.len > 0 && path.data[0] == '/');
    uint32_t node = r->groups[group].path_root;
    size_t at = 1;
    while (at < path.len) {
        uint32_t hash = hash_seed(node);
        struct slice segment = next_segment(path, &at, &hash);
        node = find_or_add_node(r, node, segment, hash);
        at++;
    }
    bool ends_in_slash = path.data[path.len - 1] == '/';
    uint32_t *set = ends_in_slash ? &r->nodes[node].below : &r->nodes[node].here;
    if (*set == NONE) {
        r->sets[r->set_count] = (struct set){ .first_choice = NONE, .any_route = NONE };
        *set = r->set_count++;
    }
    return &r->sets[*set];
}

static void add_choice(struct router *r, struct set *set, struct slice method, uint32_t route)
{
    uint32_t *link = &set->first_choice;
    while (*link != NONE) {
        if (slice_eq(r->choices[*link].method, method))
            return; /* the first in the file wins */
        link = &r->choices[*link].next;
    }
    *link = r->choice_count++;
    r->choices[*link] = (struct choice){ .method = method, .route = route, .next = NONE };
}

static void add_route(struct router *r, uint32_t group, const struct config_route *route,
                      uint32_t index)
{
    struct set *set = set_of(r, group, route->path);
    for (size_t i = 0; i < route->method_count; i++)
        add_choice(r, set, route->methods[i], index);
    if (route->method_count == 0 && set->any_route == NONE)
        set->any_route = index;
}

static void finish_set(struct router *r, struct set *set)
{
    uint32_t get = find_choice(r, set, SLICE("GET"));
    if (get != NONE)
        add_choice(r, set, SLICE("HEAD"), r->choices[get].route);
    if (set->any_route != NONE)
        return;
    struct buf allow;
    buf_init(&allow, ALLOW_BYTES_MAX);
    for (uint32_t i = set->first_choice; i != NONE; i = r->choices[i].next) {
        buf_append_str(&allow, allow.len ? ", " : "");
        buf_append_slice(&allow, r->choices[i].method);
    }
    set->allow = mem_strndup(allow.data, allow.len);
    buf_fini(&allow);
}

/* The nearest wildcard above the host; at the latest the root's, the routes without hosts. */
static uint32_t fallback_of(const struct router *r, uint32_t host_node)
{
    uint32_t node = r->nodes[host_node].parent;
    while (r->nodes[node].below == NONE)
        node = r->nodes[node].parent;
    return r->nodes[node].below;
}

static size_t count_labels(struct slice s, char separator)
{
    size_t count = 1;
    for (size_t i = 0; i < s.len; i++)
        count += s.data[i] == separator;
    return count;
}

/* Room for the case that no two routes have anything in common. */
static void make_room(struct router *r, const struct config *config)
{
    size_t nodes = 2, groups = 1, sets = 0, choices = 0;
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        size_t copies = MAX(route->host_count, (size_t)1);
        nodes += copies * (1 + count_labels(route->path, '/'));
        for (size_t h = 0; h < route->host_count; h++)
            nodes += count_labels(route->hosts[h], '.');
        groups += route->host_count;
        sets += copies;
        choices += copies * (route->method_count + 1); /* HEAD where there is GET */
    }
    size_t slots = 16;
    while (slots < 2 * nodes)
        slots *= 2;
    assert(slots < NONE && choices < NONE);
    r->nodes = mem_new_array(nodes, sizeof(*r->nodes));
    r->groups = mem_new_array(groups, sizeof(*r->groups));
    r->sets = mem_new_array(sets, sizeof(*r->sets));
    r->choices = mem_new_array(choices, sizeof(*r->choices));
    r->slots = mem_new_array(slots, sizeof(*r->slots));
    r->slot_mask = (uint32_t)(slots - 1);
}

struct router *router_new(const struct config *config)
{
    struct router *r = mem_new(sizeof(*r));
    make_room(r, config);
    uint32_t host_root = add_node(r, NO_NODE, (struct slice){ 0 }, 0);
    uint32_t any_host = add_group(r, host_root);
    r->nodes[host_root].below = any_host;

    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        if (route->host_count == 0)
            add_route(r, any_host, route, (uint32_t)i);
        for (size_t h = 0; h < route->host_count; h++)
            add_route(r, group_of(r, route->hosts[h]), route, (uint32_t)i);
    }
    for (uint32_t i = 0; i < r->set_count; i++)
        finish_set(r, &r->sets[i]);
    for (uint32_t i = 0; i < r->group_count; i++)
        if (i != any_host)
            r->groups[i].fallback = fallback_of(r, r->groups[i].host_node);
    return r;
}

void router_free(struct router **r)
{
    if (!*r)
        return;
    for (uint32_t i = 0; i < (*r)->set_count; i++)
        mem_free((*r)->sets[i].allow);
    mem_free((*r)->nodes);
    mem_free((*r)->groups);
    mem_free((*r)->sets);
    mem_free((*r)->choices);
    mem_free((*r)->slots);
    mem_free(*r);
    *r = NULL;
}
