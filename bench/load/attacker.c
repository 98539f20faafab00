#include "bench/load/attacker.h"

#include "common/clock.h"

#define FLOOD_PAUSE_US 1000 /* between two batches, for others to have their turn */

static struct results_attack *counts_of(struct attacker *a, uint32_t phase)
{
    return &a->engine->tally.out->attacks[phase].kinds[a->kind];
}

static struct results_attack *counts_now(struct attacker *a)
{
    return counts_of(a, tally_phase_at(&a->engine->tally, clock_now_us()));
}

static void on_next(struct agenda_item *item);

void attacker_init(struct attacker *a, struct engine *engine, enum attack_kind kind)
{
    *a = (struct attacker){ .engine = engine,
                            .next = { .on_due = on_next },
                            .address = source_next(&engine->source, &engine->random),
                            .kind = (uint8_t)kind };
    list_init(&a->link);
}

/* --- beginning and end of a connection -------------------------------------------------------- */

static void wait(struct attacker *a)
{
    a->state = ATTACKER_WAITING;
    list_push_back(&a->engine->waiting, &a->link);
}

void attacker_come(struct attacker *a)
{
    wait(a);
}

static void let_go(struct attacker *a)
{
    agenda_cancel(&a->engine->agenda, &a->next);
    a->engine->users -= a->open_us > 0;
    wire_close(&a->wire);
    attack_talk_fini(&a->talk);
}

static void count_end(struct attacker *a, enum attack_outcome outcome,
                      struct results_attack *counts)
{
    counts->outcomes[outcome]++;
    if (a->open_us)
        counts->held_max_us = MAX(counts->held_max_us, clock_now_us() - a->open_us);
}

/* The connection has come to nothing more: back after a rest. */
static void end(struct attacker *a, enum attack_outcome outcome)
{
    uint64_t rest_us = a->engine->scenario->load.attack_return_ms * 1000ull;
    count_end(a, outcome, counts_now(a));
    let_go(a);
    a->state = ATTACKER_RESTING;
    if (rest_us)
        agenda_set(&a->engine->agenda, &a->next, clock_now_us() + rest_us);
}

void attacker_connect(struct attacker *a)
{
    struct engine *e = a->engine;
    struct results_attack *counts = counts_now(a);
    bool trickles = a->kind == ATTACK_SLOW_READ;
    struct wire_wish wish = { .source = a->address,
                              .trickle_us = trickles ? e->scenario->load.attack_pace_ms * 1000 : 0,
                              .http2 = a->kind == ATTACK_RESET_FLOOD };
    list_remove(&a->link);
    a->state = ATTACKER_AT_WORK;
    a->open_us = 0;
    attack_talk_init(&a->talk, (enum attack_kind)a->kind);
    a->wire = wire_open(&e->hub, &wish, a);
    counts->begun++;
    if (!a->wire)
        end(a, ATTACK_UNABLE);
}

void attacker_call_off(struct attacker *a, uint32_t phase)
{
    if (a->state == ATTACKER_AT_WORK) {
        count_end(a, ATTACK_HANGING, counts_of(a, phase));
        let_go(a);
    }
    agenda_cancel(&a->engine->agenda, &a->next);
    list_remove(&a->link);
    a->state = ATTACKER_ABSENT;
}

/* --- at work ---------------------------------------------------------------------------------- */

static uint64_t pause_us(const struct attacker *a)
{
    return a->kind == ATTACK_RESET_FLOOD ? FLOOD_PAUSE_US
                                         : a->engine->scenario->load.attack_pace_ms * 1000ull;
}

/* Who is blocked is as fast as the gateway allows; on_drained() goes on. */
static void send_piece(struct attacker *a, uint64_t due_us)
{
    struct engine *e = a->engine;
    if (wire_is_blocked(a->wire))
        return;
    buf_clear(&e->scratch);
    counts_now(a)->resets += attack_talk_write(&a->talk, e->host, &e->scratch);
    wire_write(a->wire, buf_slice(&e->scratch));
    wire_flush(a->wire);
    agenda_set(&e->agenda, &a->next, agenda_after(due_us, pause_us(a), clock_now_us()));
}

static void on_next(struct agenda_item *item)
{
    struct attacker *a = CONTAINER_OF(item, struct attacker, next);
    if (a->state == ATTACKER_RESTING)
        wait(a);
    else
        send_piece(a, item->due_us);
}

static void on_open(struct wire *w)
{
    struct attacker *a = w->owner;
    a->open_us = clock_now_us();
    a->engine->users++;
    if (a->kind == ATTACK_RESET_FLOOD && !wire_speaks_http2(w))
        end(a, ATTACK_REFUSED);
    else
        agenda_set(&a->engine->agenda, &a->next, a->open_us);
}

static void on_data(struct wire *w, struct slice bytes)
{
    struct attacker *a = w->owner;
    enum attack_outcome outcome = attack_talk_read(&a->talk, bytes);
    if (outcome != ATTACK_TALK_GOES_ON)
        end(a, outcome);
}

static void on_drained(struct wire *w)
{
    struct attacker *a = w->owner;
    agenda_set(&a->engine->agenda, &a->next, clock_now_us() + FLOOD_PAUSE_US);
}

static void on_end(struct wire *w, enum wire_end how)
{
    bool was_let_in = how == WIRE_END_ORDERLY || how == WIRE_END_BROKEN;
    end(w->owner, was_let_in ? ATTACK_CLOSED : ATTACK_REFUSED);
}

const struct wire_events attacker_wire_events = {
    .on_open = on_open,
    .on_data = on_data,
    .on_drained = on_drained,
    .on_end = on_end,
};
