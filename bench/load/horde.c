#include "bench/load/horde.h"

#include "common/clock.h"
#include "common/mem.h"

#include <math.h>

#define TICK_US 20000

void horde_init(struct horde *h, struct engine *engine)
{
    *h = (struct horde){ .engine = engine };
    for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++) {
        h->first[kind] = h->count;
        h->count += scenario_attackers_max(engine->scenario, (enum attack_kind)kind);
    }
    h->attackers = mem_new_array(h->count + 1, sizeof(*h->attackers));
    for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++) {
        uint32_t end = kind + 1 < ATTACK_KIND_COUNT ? h->first[kind + 1] : h->count;
        for (uint32_t i = h->first[kind]; i < end; i++)
            attacker_init(&h->attackers[i], engine, (enum attack_kind)kind);
    }
}

void horde_fini(struct horde *h)
{
    mem_free(h->attackers);
    h->attackers = NULL;
}

/* Those who have been here for the phase before and are not for this one go first. */
static void muster(struct horde *h, uint32_t phase)
{
    const uint32_t *wanted = h->engine->scenario->phases[phase].attackers;
    for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++) {
        struct attacker *attackers = &h->attackers[h->first[kind]];
        while (h->present[kind] > wanted[kind])
            attacker_call_off(&attackers[--h->present[kind]], h->phase);
        while (h->present[kind] < wanted[kind])
            attacker_come(&attackers[h->present[kind]++]);
    }
    h->phase = phase;
}

static void let_connect(struct horde *h)
{
    struct list *waiting = &h->engine->waiting;
    double per_tick = (double)h->engine->scenario->load.connects_per_s * TICK_US / 1e6;
    h->connects_left = fmin(h->connects_left + per_tick, per_tick + 1);
    while (h->connects_left >= 1 && !list_is_empty(waiting)) {
        attacker_connect(CONTAINER_OF(waiting->next, struct attacker, link));
        h->connects_left--;
    }
}

static void on_tick(struct agenda_item *item)
{
    struct horde *h = CONTAINER_OF(item, struct horde, tick);
    struct engine *e = h->engine;
    muster(h, tally_phase_at(&e->tally, item->due_us));
    let_connect(h);
    agenda_set(&e->agenda, item, agenda_after(item->due_us, TICK_US, clock_now_us()));
}

void horde_begin(struct horde *h)
{
    h->tick.on_due = on_tick;
    agenda_set(&h->engine->agenda, &h->tick, h->engine->tally.start_us);
}

void horde_end(struct horde *h)
{
    agenda_cancel(&h->engine->agenda, &h->tick);
    for (uint32_t i = 0; i < h->count; i++)
        attacker_call_off(&h->attackers[i], h->phase);
}
