#include "upstream/balancer.h"

#include "common/mem.h"
#include "upstream/balancer_policy.h"
#include "upstream/ejection.h"

/* What a peer's last failure adds to the cost of a request, as long as it is to be avoided. */
#define PENALTY_US 5e6

/* ---- whom there is to choose from ---- */

static bool is_available(const struct balancer_place *place)
{
    return place->condition >= PEER_RAMPING;
}

static void look_at(const struct balancer *b, struct balancer_place *place, uint64_t now_ms)
{
    const struct peer_state *s = place->peer->state;
    uint32_t slow_start_ms = b->config->slow_start_ms;
    place->condition = peer_state_condition(s, place->peer->health, slow_start_ms, now_ms);
    /* Nobody tries a backup that nobody needs: it serves again when a trial would be due. */
    if (place->condition == PEER_EJECTED && place->backup && now_ms >= counter_read(&s->trial_ms))
        place->condition = PEER_SERVING;
    place->share = (uint64_t)place->weight * PEER_SHARE_FULL;
    if (place->condition == PEER_RAMPING)
        place->share = (uint64_t)place->weight * peer_state_share(s, slow_start_ms, now_ms);
}

static size_t count(const struct balancer *b, bool backup, enum peer_condition at_least)
{
    size_t found = 0;
    for (size_t i = 0; i < b->count; i++)
        found += b->places[i].backup == backup && b->places[i].condition >= at_least;
    return found;
}

static void use(struct balancer *b, bool backup, enum peer_condition at_least)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->places[i].backup == backup && b->places[i].condition >= at_least)
            b->usable[b->usable_count++] = &b->places[i];
}

bool balancer_would_panic(const struct config_upstream *config, size_t available, size_t primaries,
                          bool has_backups)
{
    bool backups_serve = available == 0 && has_backups;
    return !backups_serve && available * 100 < (size_t)config->panic_share * primaries;
}

/* The one place of this decision. */
static void choose_usable(struct balancer *b)
{
    size_t primaries = count(b, false, PEER_DOWN), available = count(b, false, PEER_RAMPING);
    bool backups = count(b, true, PEER_RAMPING) > 0;
    b->panics = balancer_would_panic(b->config, available, primaries, backups);
    b->usable_count = 0;
    if (b->panics)
        use(b, false, PEER_DOWN);
    else
        use(b, available == 0, PEER_RAMPING);
}

/* Leaves each one's latency as its cost, and returns what who has not answered yet is taken for:
 * as good as the others. */
static double read_latencies(struct balancer *b, uint64_t now_ms)
{
    double sum = 0;
    size_t known = 0;
    for (size_t i = 0; i < b->usable_count; i++) {
        struct balancer_place *place = b->usable[i];
        place->cost = peer_state_latency_us(place->peer->state, now_ms);
        sum += place->cost;
        known += place->cost > 0;
    }
    return known ? sum / (double)known : 1;
}

static void reckon(struct balancer *b, uint64_t now_ms)
{
    double usual_us = read_latencies(b, now_ms);
    uint64_t reach = 0;
    for (size_t i = 0; i < b->usable_count; i++) {
        struct balancer_place *place = b->usable[i];
        bool avoid = counter_read(&place->peer->state->avoid_until_ms) > now_ms;
        double request_us = place->cost > 0 ? place->cost : usual_us;
        place->cost = (request_us + (avoid ? PENALTY_US : 0)) / (double)place->share;
        reach += place->share;
        place->reach = reach;
    }
}

static void look(struct balancer *b)
{
    uint64_t now_us = b->set->loop->now_us, now_ms = now_us / 1000;
    b->look_us = now_us + BALANCER_LOOK_US;
    for (size_t i = 0; i < b->count; i++)
        look_at(b, &b->places[i], now_ms);
    b->awaits_trials = balancer_count_ejected(b) > 0;
    choose_usable(b);
    reckon(b, now_ms);
}

size_t balancer_count_ejected(const struct balancer *b)
{
    size_t ejected = 0;
    for (size_t i = 0; i < b->count; i++)
        ejected += !b->places[i].backup && peer_state_is_ejected(b->places[i].peer->state);
    return ejected;
}

size_t balancer_count_primaries(const struct balancer *b)
{
    return count(b, false, PEER_DOWN);
}

/* ---- a choice ---- */

static struct balancer_place *find_trial(struct balancer *b, const struct balancer_ask *ask)
{
    if (!b->awaits_trials || b->panics)
        return NULL;
    for (size_t i = 0; i < b->count; i++) {
        struct balancer_place *place = &b->places[i];
        if (place->condition == PEER_EJECTED && !place->backup &&
            balancer_place_can_take(place, ask) &&
            ejection_takes_trial(b, place->peer, ask->may_fail))
            return place;
    }
    return NULL;
}

/* Where all that are usable have as much to do as they may, a backup; and for what has failed at
 * the last of them anybody, for it cannot get worse. */
static struct balancer_place *find_other(struct balancer *b, const struct balancer_ask *ask)
{
    struct balancer_place *last = NULL;
    for (size_t i = 0; i < b->count; i++) {
        struct balancer_place *place = &b->places[i];
        if (!balancer_place_can_take(place, ask))
            continue;
        if (is_available(place))
            return place;
        if (ask->except)
            last = place;
    }
    return last;
}

static struct balancer_place *find(struct balancer *b, const struct balancer_ask *ask)
{
    struct balancer_place *place = find_trial(b, ask);
    if (!place)
        place = balancer_policy_pick(b, ask);
    return place ? place : find_other(b, ask);
}

/* Counted first, looked at then: of two workers that are after the last place at most one gets it.
 */
static bool claim(struct balancer_place *place)
{
    struct peer *p = place->peer;
    series_peer_begin(p->series);
    if (place->max_connections == 0)
        return true;
    atomic_thread_fence(memory_order_seq_cst);
    if (peer_in_flight(p) <= place->max_connections)
        return true;
    peer_let_go(p);
    return false;
}

struct peer *balancer_pick(struct balancer *b, const struct balancer_ask *ask)
{
    if (b->set->loop->now_us >= b->look_us)
        look(b);
    for (size_t tries = 0; tries <= b->count; tries++) {
        struct balancer_place *place = find(b, ask);
        if (!place)
            return NULL;
        if (claim(place))
            return place->peer;
    }
    return NULL;
}

/* ---- from start to end ---- */

static void begin_somewhere(struct balancer *b)
{
    struct random *random = &b->set->loop->random;
    struct balancer_ask nothing = { 0 };
    b->next = random_below(random, (uint32_t)b->count);
    look(b);
    for (uint32_t turns = random_below(random, (uint32_t)b->count); turns > 0; turns--)
        balancer_policy_pick(b, &nothing);
}

void balancer_init(struct balancer *b, const struct config_upstream *config, struct peer_set *set)
{
    *b = (struct balancer){ .config = config, .set = set, .count = config->peer_count };
    b->places = mem_new_array(b->count, sizeof(*b->places));
    b->usable = mem_new_array(b->count, sizeof(struct balancer_place *));
    for (size_t i = 0; i < b->count; i++) {
        struct balancer_place *place = &b->places[i];
        place->peer = peer_get(set, config, &config->peers[i]);
        place->weight = config->peers[i].weight;
        place->max_connections = config->peers[i].max_connections;
        place->backup = config->peers[i].backup;
        place->seed = balancer_policy_seed(place->peer->name);
    }
    if (b->count)
        begin_somewhere(b);
}

void balancer_fini(struct balancer *b)
{
    for (size_t i = 0; i < b->count; i++)
        peer_unref(&b->places[i].peer);
    mem_free(b->places);
    mem_free(b->usable);
    *b = (struct balancer){ 0 };
}
