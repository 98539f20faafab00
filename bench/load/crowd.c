#include "bench/load/crowd.h"

#include "bench/node/seed.h"
#include "common/clock.h"
#include "common/mem.h"

#include <math.h>

#define TICK_US 10000
#define CALM_TICK_US 100000 /* while nobody is to come or go */
#define KIND_STEP 61 /* no divisor of 100: any hundred users in a row hold every kind's share */

/* --- how many --------------------------------------------------------------------------------- */

uint32_t crowd_share_of(const struct crowd_share *share, uint32_t total)
{
    uint64_t before = (uint64_t)total * share->index / share->of;
    uint64_t after = (uint64_t)total * (share->index + 1) / share->of;
    return (uint32_t)(after - before);
}

uint32_t crowd_target(const struct scenario *s, uint64_t at_us)
{
    uint64_t from_us = 0;
    uint32_t i = 0;
    while (i + 1 < s->phase_count && at_us >= from_us + s->phases[i].duration_ms * 1000)
        from_us += s->phases[i++].duration_ms * 1000;
    const struct scenario_phase *p = &s->phases[i];
    double done = (double)(at_us - from_us) / ((double)p->duration_ms * 1000);
    double users = p->users_from + ((double)p->users_to - p->users_from) * fmin(done, 1);
    return (uint32_t)(users + 0.5);
}

static uint32_t most_users(const struct crowd *c)
{
    const struct scenario *s = c->engine->scenario;
    uint32_t most = 0;
    if (c->share.is_probe)
        return s->load.probe_users;
    for (uint32_t i = 0; i < s->phase_count; i++) {
        most = MAX(most, crowd_share_of(&c->share, s->phases[i].users_from));
        most = MAX(most, crowd_share_of(&c->share, s->phases[i].users_to));
    }
    return most + 1; /* in between, rounding may ask for one more */
}

/* --- who -------------------------------------------------------------------------------------- */

static enum scenario_user kind_of(const struct scenario_load *load, uint32_t number)
{
    uint32_t place = number * KIND_STEP % 100, until = 0;
    for (int kind = 0; kind < USER_KINDS; kind++) {
        until += load->user_percent[kind];
        if (place < until)
            return (enum scenario_user)kind;
    }
    return USER_CITIZEN;
}

static bool chance(struct random *r, uint32_t percent)
{
    return seed_fraction(r) * 100 < percent;
}

/* Only people with phones have slow links; by the logarithm, as links are. */
static uint32_t draw_link(const struct scenario_load *load, enum scenario_user kind,
                          struct random *r)
{
    uint32_t percent = kind == USER_UPLOADER ? 100 : load->slow_percent;
    if (load->slow_bytes_per_s_min == 0 || !chance(r, percent))
        return 0;
    double ratio = (double)load->slow_bytes_per_s_max / load->slow_bytes_per_s_min;
    return (uint32_t)(load->slow_bytes_per_s_min * pow(fmax(ratio, 1), seed_fraction(r)));
}

static void make_person(struct engine *e, struct user *u, uint32_t number)
{
    const struct scenario_load *load = &e->scenario->load;
    user_init(u, e);
    u->number = number;
    u->kind = (uint8_t)kind_of(load, number);
    u->http2 = chance(&e->random, load->http2_percent);
    u->link_bytes_per_s = draw_link(load, (enum scenario_user)u->kind, &e->random);
    u->address = source_next(&e->source, &e->random);
}

static void make_probe(struct engine *e, struct user *u, uint32_t number)
{
    user_init(u, e);
    u->number = number;
    u->is_probe = true;
    u->interval_us = e->scenario->load.probe_interval_ms * 1000ull;
    u->address = source_next(&e->source, &e->random);
}

void crowd_init(struct crowd *c, struct engine *engine, struct crowd_share share)
{
    *c = (struct crowd){ .engine = engine, .share = share };
    list_init(&c->guests);
    c->user_count = most_users(c);
    c->users = mem_new_array(c->user_count + 1, sizeof(*c->users));
    for (uint32_t i = 0; i < c->user_count; i++) {
        if (share.is_probe)
            make_probe(engine, &c->users[i], i);
        else
            make_person(engine, &c->users[i], i);
    }
}

void crowd_fini(struct crowd *c)
{
    mem_free(c->users);
    c->users = NULL;
}

/* --- coming and going ------------------------------------------------------------------------- */

/* How many may connect in a tick. */
static double connects_max(const struct crowd *c)
{
    uint32_t ceiling = c->engine->scenario->load.connects_per_s;
    return ceiling ? (double)ceiling / c->share.of * TICK_US / 1e6 : (double)c->user_count;
}

static void let_connect(struct crowd *c, uint64_t planned_us, uint32_t target)
{
    struct list *waiting = &c->engine->waiting;
    c->connects_left = fmin(c->connects_left + connects_max(c), connects_max(c) + 1);
    while (c->connects_left >= 1 && c->present < target) {
        user_join(&c->users[c->present++], planned_us);
        c->connects_left--;
    }
    while (c->connects_left >= 1 && !list_is_empty(waiting)) {
        user_connect(CONTAINER_OF(waiting->next, struct user, link));
        c->connects_left--;
    }
}

/* Pauses have long tails: of those begun at a slow pace many would last until a short busy phase
 * is over. */
static void follow_pace(struct crowd *c, uint64_t at_us)
{
    const struct engine *e = c->engine;
    uint32_t phase = tally_phase_at(&e->tally, at_us);
    const struct scenario_phase *old = &e->scenario->phases[c->phase];
    const struct scenario_phase *new = &e->scenario->phases[phase];
    bool is_same =
        old->think_median_ms == new->think_median_ms && old->think_mean_ms == new->think_mean_ms;
    c->phase = phase;
    for (uint32_t i = 0; i < c->present && !is_same; i++)
        user_change_pace(&c->users[i], at_us);
}

static bool is_calm(const struct crowd *c, uint64_t at_us, uint32_t target)
{
    const struct engine *e = c->engine;
    const struct scenario_phase *p = &e->scenario->phases[tally_phase_at(&e->tally, at_us)];
    return p->users_from == p->users_to && c->present == target && list_is_empty(&e->waiting);
}

static void on_tick(struct agenda_item *item)
{
    struct crowd *c = CONTAINER_OF(item, struct crowd, tick);
    const struct engine *e = c->engine;
    uint64_t planned_us = item->due_us;
    uint32_t total = crowd_target(e->scenario, planned_us - e->tally.start_us);
    uint32_t target = MIN(crowd_share_of(&c->share, total), c->user_count);
    follow_pace(c, planned_us);
    let_connect(c, planned_us, target);
    while (c->present > target)
        user_leave(&c->users[--c->present]);
    uint64_t pause_us = is_calm(c, planned_us, target) ? CALM_TICK_US : TICK_US;
    agenda_set(&c->engine->agenda, item, planned_us + pause_us);
}

/* --- guests ----------------------------------------------------------------------------------- */

static uint32_t arrivals_per_s(const struct crowd *c, uint64_t at_us)
{
    const struct engine *e = c->engine;
    return e->scenario->phases[tally_phase_at(&e->tally, at_us)].arrivals_per_s;
}

/* Poisson: what is left of the wait says nothing about how long it was. */
static void plan_arrival(struct crowd *c, uint64_t after_us)
{
    struct engine *e = c->engine;
    double per_us = (double)arrivals_per_s(c, after_us) / c->share.of / 1e6;
    if (per_us <= 0) { /* look again when the next phase may have some */
        uint64_t ends_us = e->tally.ends_us[tally_phase_at(&e->tally, after_us)];
        if (ends_us < e->end_us)
            agenda_set(&e->agenda, &c->arrival, ends_us);
        return;
    }
    double wait_us = -log(1 - seed_fraction(&e->random)) / per_us;
    if (after_us + (uint64_t)wait_us < e->end_us)
        agenda_set(&e->agenda, &c->arrival, after_us + (uint64_t)wait_us);
}

static void on_arrival(struct agenda_item *item)
{
    struct crowd *c = CONTAINER_OF(item, struct crowd, arrival);
    uint64_t planned_us = item->due_us;
    if (arrivals_per_s(c, planned_us)) {
        struct user *u = mem_new(sizeof(*u));
        make_person(c->engine, u, c->user_count);
        u->kind = USER_CITIZEN;
        u->is_guest = true;
        list_push_back(&c->guests, &u->link);
        user_join(u, planned_us);
    }
    plan_arrival(c, planned_us);
}

/* --- beginning and end ------------------------------------------------------------------------ */

static void begin_probe(struct crowd *c)
{
    struct engine *e = c->engine;
    for (; c->present < c->user_count; c->present++) {
        struct user *u = &c->users[c->present];
        user_join(u, e->tally.start_us + u->interval_us * c->present / c->user_count);
    }
}

void crowd_begin(struct crowd *c)
{
    struct engine *e = c->engine;
    if (c->share.is_probe) {
        begin_probe(c);
        return;
    }
    c->tick.on_due = on_tick;
    c->arrival.on_due = on_arrival;
    /* The generators take turns within a tick. */
    uint64_t offset_us = (uint64_t)TICK_US * c->share.index / c->share.of;
    agenda_set(&e->agenda, &c->tick, e->tally.start_us + offset_us);
    plan_arrival(c, e->tally.start_us);
}

void crowd_settle(struct crowd *c)
{
    struct engine *e = c->engine;
    e->is_over = true;
    agenda_cancel(&e->agenda, &c->tick);
    agenda_cancel(&e->agenda, &c->arrival);
    for (uint32_t i = 0; i < c->user_count; i++) {
        user_settle(&c->users[i]);
        list_remove(&c->users[i].link);
    }
}

void crowd_disperse(struct crowd *c)
{
    crowd_settle(c);
    for (uint32_t i = 0; i < c->user_count; i++)
        user_drop(&c->users[i]);
    LIST_FOREACH (link, &c->guests)
        user_drop(CONTAINER_OF(link, struct user, link));
}
