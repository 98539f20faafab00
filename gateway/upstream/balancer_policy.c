#include "upstream/balancer_policy.h"

#include <math.h>

/* A peer may have a quarter more than its share before its keys go elsewhere. */
#define HASH_BOUND_PERCENT 125

/* ---- in turn ---- */

/* Smooth weighted round robin, as nginx made it known: everyone earns its share, the richest is
 * chosen and pays the total. Shares 5,1,1 give a a b a c a a, not a a a a a b c. */
static struct balancer_place *pick_round_robin(struct balancer *b, const struct balancer_ask *ask)
{
    struct balancer_place *best = NULL;
    int64_t total = 0;
    for (size_t i = 0; i < b->usable_count; i++) {
        struct balancer_place *place = b->usable[i];
        if (!balancer_place_can_take(place, ask))
            continue;
        place->credit += (int64_t)place->share;
        total += (int64_t)place->share;
        if (!best || place->credit > best->credit)
            best = place;
    }
    if (best)
        best->credit -= total;
    return best;
}

/* ---- who has least to do ---- */

static struct balancer_place *pick_least_connections(struct balancer *b,
                                                     const struct balancer_ask *ask)
{
    struct balancer_place *best = NULL;
    uint64_t best_load = 0;
    b->next = b->usable_count ? (b->next + 1) % (uint32_t)b->usable_count : 0;
    for (size_t i = 0; i < b->usable_count; i++) {
        struct balancer_place *place = b->usable[(b->next + i) % b->usable_count];
        if (!balancer_place_can_take(place, ask))
            continue;
        uint64_t load = peer_in_flight(place->peer) + 1ull;
        /* load / share < best_load / best->share without a division */
        if (!best || load * best->share < best_load * place->share) {
            best = place;
            best_load = load;
        }
    }
    return best;
}

/* ---- the better of two ---- */

static double load_of(const struct balancer_place *place)
{
    return place->cost * (peer_in_flight(place->peer) + 1.0);
}

/* The place at `x` when all shares are laid out one after the other. */
static size_t place_at(const struct balancer *b, uint64_t x)
{
    size_t low = 0, high = b->usable_count - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (x < b->usable[middle]->reach)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static uint64_t below(uint64_t bound, uint32_t chance)
{
    return (uint64_t)chance * bound >> 32;
}

static struct balancer_place *pick_least_cost(struct balancer *b, const struct balancer_ask *ask)
{
    struct balancer_place *best = NULL;
    double best_load = 0;
    for (size_t i = 0; i < b->usable_count; i++) {
        struct balancer_place *place = b->usable[i];
        if (!balancer_place_can_take(place, ask))
            continue;
        double load = load_of(place);
        if (!best || load < best_load) {
            best = place;
            best_load = load;
        }
    }
    return best;
}

/* Power of two choices (Mitzenmacher, 2001): two at random by their shares, and of these the one
 * where a request costs less time, given those that are under way there. */
static struct balancer_place *pick_p2c(struct balancer *b, const struct balancer_ask *ask)
{
    if (b->usable_count < 2)
        return pick_least_cost(b, ask);
    uint64_t chance = random_next(&b->set->loop->random);
    uint64_t total = b->usable[b->usable_count - 1]->reach;
    size_t first = place_at(b, below(total, (uint32_t)chance));
    uint64_t share = b->usable[first]->share;
    uint64_t at = below(total - share, (uint32_t)(chance >> 32));
    if (at >= b->usable[first]->reach - share)
        at += share;
    struct balancer_place *one = b->usable[first], *other = b->usable[place_at(b, at)];
    if (!balancer_place_can_take(one, ask))
        return balancer_place_can_take(other, ask) ? other : pick_least_cost(b, ask);
    if (!balancer_place_can_take(other, ask))
        return one;
    return load_of(other) < load_of(one) ? other : one;
}

/* ---- by a key ---- */

/* FNV-1a: names of peers are the operator's, not a client's. */
uint64_t balancer_policy_seed(const char *name)
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

/* -share / ln(u) for u uniform in (0, 1): the chance to be the greatest is the share's part. */
static double score(const struct balancer_place *place, uint64_t key)
{
    double u = ((double)(mix(place->seed ^ key) >> 11) + 0.5) / 9007199254740992.0;
    return -(double)place->share / log(u);
}

static bool has_less_than(const struct balancer_place *place, double bound_per_share)
{
    return peer_in_flight(place->peer) < ceil(bound_per_share * (double)place->share);
}

/* Rendezvous hashing (Thaler and Ravishankar, 1998): each peer has its share of the keys, and when
 * peers come and go only keys of theirs move. Bounded: who has that much goes without (Mirrokni,
 * Thorup and Zadimoghaddam, 2018). */
static struct balancer_place *pick_by_key(struct balancer *b, const struct balancer_ask *ask,
                                          double bound_per_share)
{
    struct balancer_place *best = NULL;
    double best_score = 0;
    for (size_t i = 0; i < b->usable_count; i++) {
        struct balancer_place *place = b->usable[i];
        if (!balancer_place_can_take(place, ask) || !has_less_than(place, bound_per_share))
            continue;
        double s = score(place, ask->key);
        if (s > best_score) {
            best = place;
            best_score = s;
        }
    }
    return best;
}

static struct balancer_place *pick_hash(struct balancer *b, const struct balancer_ask *ask)
{
    if (ask->key == 0 || b->usable_count == 0)
        return pick_p2c(b, ask);
    uint64_t under_way = 1;
    for (size_t i = 0; i < b->usable_count; i++)
        under_way += peer_in_flight(b->usable[i]->peer);
    double bound = (double)under_way * HASH_BOUND_PERCENT / 100;
    struct balancer_place *place =
        pick_by_key(b, ask, bound / (double)b->usable[b->usable_count - 1]->reach);
    return place ? place : pick_least_cost(b, ask);
}

struct balancer_place *balancer_policy_pick(struct balancer *b, const struct balancer_ask *ask)
{
    static struct balancer_place *(*const policies[])(struct balancer *,
                                                      const struct balancer_ask *) = {
        [CONFIG_BALANCE_P2C] = pick_p2c,
        [CONFIG_BALANCE_ROUND_ROBIN] = pick_round_robin,
        [CONFIG_BALANCE_LEAST_CONNECTIONS] = pick_least_connections,
        [CONFIG_BALANCE_HASH] = pick_hash,
    };
    if (ask->key && ask->key_binds)
        return pick_by_key(b, ask, INFINITY);
    return policies[b->config->balance](b, ask);
}
