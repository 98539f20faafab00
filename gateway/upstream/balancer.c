#include "upstream/balancer.h"

#include "common/mem.h"

#include <math.h>

static bool is_out(const struct balancer *b, const struct balancer_place *place,
                   const struct peer *except)
{
    return place->peer == except || (!b->asks_all && peer_is_down(place->peer));
}

/* Smooth weighted round robin, as nginx made it known: everyone earns its weight, the richest is
 * chosen and pays the total. Weights 5,1,1 give a a b a c a a, not a a a a a b c. */
static struct peer *pick_round_robin(struct balancer *b, const struct peer *except)
{
    struct balancer_place *best = NULL;
    int64_t total = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct balancer_place *place = &b->places[i];
        if (is_out(b, place, except))
            continue;
        place->credit += place->weight;
        total += place->weight;
        if (!best || place->credit > best->credit)
            best = place;
    }
    if (!best)
        return NULL;
    best->credit -= total;
    return best->peer;
}

/* Fewest requests under way for its weight, counted over all workers. */
static struct peer *pick_least_connections(struct balancer *b, const struct peer *except)
{
    const struct balancer_place *best = NULL;
    uint64_t best_load = 0;
    b->next = b->count ? (b->next + 1) % (uint32_t)b->count : 0;
    for (size_t i = 0; i < b->count; i++) {
        const struct balancer_place *place = &b->places[(b->next + i) % b->count];
        if (is_out(b, place, except))
            continue;
        uint64_t load = peer_in_flight(place->peer) + 1ull;
        /* load / weight < best_load / best->weight without a division */
        if (!best || load * best->weight < best_load * place->weight) {
            best = place;
            best_load = load;
        }
    }
    return best ? best->peer : NULL;
}

/* FNV-1a: names of peers are the operator's, not a client's. */
static uint64_t seed_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3ull;
    return hash;
}

/* The finaliser of SplitMix64 (Steele, Lea and Flood, 2014). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

/* -weight / ln(u) for u uniform in (0, 1): the chance to be the greatest is the weight's share. */
static double score(const struct balancer_place *place, uint64_t key)
{
    double u = ((double)(mix(place->seed ^ key) >> 11) + 0.5) / 9007199254740992.0;
    return -(double)place->weight / log(u);
}

static struct peer *pick_for(const struct balancer *b, uint64_t key, const struct peer *except)
{
    struct peer *best = NULL;
    double best_score = 0;
    for (size_t i = 0; i < b->count; i++) {
        const struct balancer_place *place = &b->places[i];
        double s = is_out(b, place, except) ? 0 : score(place, key);
        if (s > best_score) {
            best = place->peer;
            best_score = s;
        }
    }
    return best;
}

/* Probes may be wrong about everybody at once: then all are asked. */
struct peer *balancer_pick(struct balancer *b, const struct peer *except)
{
    b->asks_all = false;
    struct peer *found = b->pick(b, except);
    if (found)
        return found;
    b->asks_all = true;
    return b->pick(b, except);
}

struct peer *balancer_pick_for(struct balancer *b, uint64_t key, const struct peer *except)
{
    b->asks_all = false;
    struct peer *found = pick_for(b, key, except);
    if (found)
        return found;
    b->asks_all = true;
    return pick_for(b, key, except);
}

void balancer_init(struct balancer *b, enum config_balance policy, struct balancer_place *places,
                   size_t count, struct random *random)
{
    static struct peer *(*const policies[])(struct balancer *, const struct peer *) = {
        [CONFIG_BALANCE_ROUND_ROBIN] = pick_round_robin,
        [CONFIG_BALANCE_LEAST_CONNECTIONS] = pick_least_connections,
    };
    *b = (struct balancer){ .places = places, .count = count, .pick = policies[policy] };
    for (size_t i = 0; i < count; i++)
        places[i].seed = seed_of(places[i].peer->name);
    if (count == 0)
        return;
    b->next = random_below(random, (uint32_t)count);
    for (uint32_t turns = random_below(random, (uint32_t)count); turns > 0; turns--)
        b->pick(b, NULL);
}

void balancer_fini(struct balancer *b)
{
    for (size_t i = 0; i < b->count; i++)
        peer_unref(&b->places[i].peer);
    mem_free(b->places);
    *b = (struct balancer){ 0 };
}
