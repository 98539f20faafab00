#include "upstream/names.h"

#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"
#include "net/resolver.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define RETRY_MS 5000 /* after a failure, if the interval is not shorter */
#define PLACES_BYTES 512

struct names {
    struct loop *loop;         /* borrowed */
    struct board *board;       /* borrowed */
    struct resolver *resolver; /* owned; NULL: it could not be made */
    struct list watches;
    uint32_t interval_ms;
};

/* One peer with a name. */
struct watch {
    struct list node;
    struct names *names;
    char *name;                   /* owned: "upstream/host:port" */
    char *host;                   /* owned */
    struct peer_addresses *found; /* borrowed from the board */
    struct timer timer;           /* until it is asked for again */
    bool stays;                   /* in the configuration that is being applied */
};

/* --- answers -------------------------------------------------------------------------------- */

static void tell_where(const struct watch *w, const struct resolver_answer *answer)
{
    char places[PLACES_BYTES] = "", text[INET6_ADDRSTRLEN];
    size_t len = 0;
    for (uint32_t i = 0; i < answer->count; i++)
        len += (size_t)snprintf(places + len, sizeof(places) - len, "%s%s", i ? ", " : "",
                                peer_ip_text(&answer->ips[i], text));
    log_write(LOG_INFO, "peer %s is at %s", w->name, places);
}

static void take(struct watch *w, const struct resolver_answer *answer)
{
    bool failed_before = counter_read(&w->found->problem) != 0;
    if (peer_addresses_set(w->found, answer->ips, answer->count, clock_wall_ms()))
        tell_where(w, answer);
    else if (failed_before)
        log_write(LOG_INFO, "peer %s: its name can be looked up again", w->name);
}

static void note_failure(struct watch *w, int problem)
{
    bool is_new = counter_read(&w->found->problem) != (uint64_t)problem;
    peer_addresses_fail(w->found, (uint32_t)problem);
    if (is_new)
        log_write(LOG_WARN, "peer %s: its name cannot be looked up (%s); %s", w->name,
                  resolver_problem_text(problem),
                  counter_read(&w->found->turn) ? "it stays where it was last"
                                                : "it gets no requests");
}

/* Within a tenth of the time, so that names do not come to be asked for in step. */
static void set_timer(struct watch *w, uint32_t after_ms)
{
    uint32_t jitter_ms = random_below(&w->names->loop->random, after_ms / 5 + 1);
    timer_set(&w->names->loop->timers, &w->timer, after_ms - after_ms / 10 + jitter_ms);
}

static void on_answer(void *user, const struct resolver_answer *answer)
{
    struct watch *w = user;
    uint32_t interval_ms = w->names->interval_ms;
    if (answer->problem == 0)
        take(w, answer);
    else
        note_failure(w, answer->problem);
    set_timer(w, answer->problem ? MIN(interval_ms, RETRY_MS) : interval_ms);
}

/* Its timer is off until the answer comes. */
static void ask(struct watch *w)
{
    timer_stop(&w->timer);
    if (w->names->resolver)
        resolver_ask(w->names->resolver, w->host, on_answer, w);
}

/* What is known already can wait for its turn. */
static void begin(struct watch *w)
{
    if (counter_read(&w->found->attempts) == 0)
        ask(w);
    else
        timer_set(&w->names->loop->timers, &w->timer,
                  random_below(&w->names->loop->random, w->names->interval_ms));
}

static void on_timer(struct timer *t)
{
    ask(CONTAINER_OF(t, struct watch, timer));
}

/* --- who is watched ------------------------------------------------------------------------- */

static struct watch *find(const struct names *n, const char *name)
{
    LIST_FOREACH (node, &n->watches) {
        struct watch *w = CONTAINER_OF(node, struct watch, node);
        if (strcmp(w->name, name) == 0)
            return w;
    }
    return NULL;
}

static struct watch *watch_new(struct names *n, const char *name, const char *host)
{
    struct watch *w = mem_new(sizeof(*w));
    w->names = n;
    w->name = mem_strdup(name);
    w->host = mem_strdup(host);
    timer_init(&w->timer, on_timer);
    list_push_back(&n->watches, &w->node);
    return w;
}

static void watch_free(struct watch *w)
{
    timer_cancel(&w->timer);
    list_remove(&w->node);
    mem_free(w->name);
    mem_free(w->host);
    mem_free(w);
}

static void apply_peer(struct names *n, const struct config_upstream *upstream,
                       const struct config_peer *peer)
{
    char name[BOARD_NAME_MAX + 1];
    if (!peer->address.host)
        return;
    snprintf(name, sizeof(name), "%s/%s", upstream->name, peer->address.text);
    struct peer_addresses *found =
        board_peer_addresses(n->board, board_find(n->board, SERIES_PEER, slice_str(name)));
    if (!found)
        return; /* there was no room for its name: nobody would hear of the answer */
    struct watch *w = find(n, name);
    if (!w)
        w = watch_new(n, name, peer->address.host);
    w->found = found;
    w->stays = true;
}

static void open_resolver(struct names *n, const struct config_resolver *terms)
{
    struct err e;
    resolver_free(&n->resolver);
    n->interval_ms = terms->interval_ms;
    if (list_is_empty(&n->watches))
        return;
    n->resolver =
        resolver_new(n->loop, &(struct resolver_terms){ terms->servers, terms->timeout_ms }, &e);
    if (!n->resolver)
        log_write(LOG_ERROR, "%s", e.text);
}

struct names *names_new(struct loop *loop, struct board *board)
{
    struct names *n = mem_new(sizeof(*n));
    n->loop = loop;
    n->board = board;
    list_init(&n->watches);
    return n;
}

void names_apply(struct names *n, const struct config *config)
{
    LIST_FOREACH (node, &n->watches)
        CONTAINER_OF(node, struct watch, node)->stays = false;
    for (size_t i = 0; i < config->upstream_count; i++)
        for (size_t k = 0; k < config->upstreams[i].peer_count; k++)
            apply_peer(n, &config->upstreams[i], &config->upstreams[i].peers[k]);
    LIST_FOREACH (node, &n->watches) {
        struct watch *w = CONTAINER_OF(node, struct watch, node);
        if (!w->stays)
            watch_free(w);
    }
    /* After that nobody asks for an answer that is under way. */
    open_resolver(n, &config->resolver);
    LIST_FOREACH (node, &n->watches)
        begin(CONTAINER_OF(node, struct watch, node));
}

void names_free(struct names **n)
{
    if (!*n)
        return;
    resolver_free(&(*n)->resolver);
    LIST_FOREACH (node, &(*n)->watches)
        watch_free(CONTAINER_OF(node, struct watch, node));
    mem_free(*n);
    *n = NULL;
}
