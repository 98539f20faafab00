#include "bench/load/user.h"

#include "bench/load/cookies.h"
#include "bench/load/user_talk.h"
#include "bench/node/seed.h"
#include "bench/scenario/province.h"
#include "common/clock.h"
#include "common/mem.h"

#include <math.h>
#include <stdio.h>

#define FINE RESULTS_ERROR_COUNT
#define RETRY_PAUSE_US 100000ull
#define RETRY_PAUSE_MAX_US 8000000ull

static void set_state(struct user *u, enum user_state state)
{
    struct engine *e = u->engine;
    bool was_acting = u->state == USER_ACTING, acts = state == USER_ACTING;
    assert(u->state != state || state == USER_THINKING);
    assert(u->state != USER_ABSENT || !acts);
    e->actions_in_flight += (uint32_t)acts - (uint32_t)was_acting;
    u->state = (uint8_t)state;
}

/* Brings the counts of who is connected and alive up to date. */
static void recount(struct user *u)
{
    struct engine *e = u->engine;
    bool connected = u->wire && u->wire->state == WIRE_OPEN;
    bool alive = connected && u->was_answered;
    e->users += (uint32_t)connected - (uint32_t)u->is_counted;
    e->alive += (uint32_t)alive - (uint32_t)u->is_counted_alive;
    u->is_counted = connected;
    u->is_counted_alive = alive;
}

void user_init(struct user *u, struct engine *engine)
{
    *u = (struct user){ .engine = engine };
    list_init(&u->link);
}

/* --- the connection --------------------------------------------------------------------------- */

static bool open_wire(struct user *u, uint64_t planned_us)
{
    struct engine *e = u->engine;
    const struct scenario_phase *phase =
        &e->scenario->phases[tally_phase_at(&e->tally, planned_us)];
    struct wire_wish wish = { .source = u->address,
                              .bytes_per_s = u->link_bytes_per_s,
                              .http2 = u->http2,
                              .resume = seed_fraction(&e->random) * 100 < phase->resumed_percent };
    u->connect_us = planned_us;
    u->wire = wire_open(&e->hub, &wish, u);
    return u->wire != NULL;
}

static void lose_wire(struct user *u)
{
    bool was_open = u->wire && u->wire->state == WIRE_OPEN;
    if (was_open && !u->engine->is_over)
        tally_closed(&u->engine->tally, clock_now_us());
    h2_client_free(&u->h2);
    wire_close(&u->wire);
    recount(u);
}

static void wait_for_connection(struct user *u)
{
    if (!u->is_guest && !u->engine->is_over && !list_is_linked(&u->link))
        list_push_back(&u->engine->waiting, &u->link);
}

void user_connect(struct user *u)
{
    uint64_t now_us = clock_now_us();
    list_remove(&u->link);
    if (u->wire || open_wire(u, now_us))
        return;
    tally_unable(&u->engine->tally, now_us);
    wait_for_connection(u);
}

/* --- coming and going ------------------------------------------------------------------------- */

static void become_somebody(struct user *u, uint64_t now_us)
{
    struct engine *e = u->engine;
    double mean_us = e->scenario->load.session_mean_ms * 1000.0;
    bool stays = u->kind == USER_COUNTER || u->kind == USER_OFFICIAL || u->is_probe;
    cookies_clear(&u->cookies);
    u->receipt[0] = '\0';
    u->journey = (struct journey){ 0 };
    u->was_answered = false;
    u->leaves_us = 0;
    if (mean_us > 0 && !stays)
        u->leaves_us = now_us + (uint64_t)(-log(1 - seed_fraction(&e->random)) * mean_us);
}

static void on_next(struct agenda_item *item);

void user_join(struct user *u, uint64_t planned_us)
{
    u->is_leaving = false;
    if (u->state != USER_ABSENT)
        return; /* was about to leave, and stays */
    become_somebody(u, planned_us);
    u->is_new = true;
    set_state(u, USER_THINKING);
    u->next.on_due = on_next;
    u->ready_us = 0;
    agenda_set(&u->engine->agenda, &u->next, planned_us);
}

static void go(struct user *u)
{
    agenda_cancel(&u->engine->agenda, &u->next);
    list_remove(&u->link);
    lose_wire(u);
    cookies_clear(&u->cookies);
    set_state(u, USER_ABSENT);
    if (u->is_guest)
        mem_free(u);
}

void user_settle(struct user *u)
{
    if (u->state == USER_THINKING)
        agenda_cancel(&u->engine->agenda, &u->next);
}

void user_leave(struct user *u)
{
    u->is_leaving = true;
    if (u->state == USER_THINKING)
        go(u);
}

/* --- actions ---------------------------------------------------------------------------------- */

static void give_action_back(struct user *u)
{
    struct engine *e = u->engine;
    agenda_cancel(&e->agenda, &u->action->timeout);
    agenda_cancel(&e->agenda, &u->action->pace);
    if (u->h2)
        h2_client_forget(u->h2);
    action_give(&e->actions, &u->action);
}

/* What a probe should have begun, had it ever been free again. */
static void count_missed(struct user *u, uint64_t next_us)
{
    struct tally_action missed = { .step = STEP_PROBE, .planned_us = next_us };
    for (; u->interval_us && missed.planned_us < u->engine->end_us;
         missed.planned_us += u->interval_us)
        tally_planned(&u->engine->tally, &missed);
}

void user_drop(struct user *u)
{
    if (u->state == USER_ABSENT)
        return;
    if (u->state == USER_ACTING) {
        count_missed(u, u->action->counted.planned_us + u->interval_us);
        give_action_back(u);
        set_state(u, USER_THINKING);
    }
    go(u);
}

/* A crowd that has just come is met as if it had been there for long: with fresh pauses from a long
 * tail it would ask more often at first, and reach the rate that its think time promises only after
 * minutes, in scaled runs never. */
static uint64_t think_us(struct user *u, uint64_t now_us)
{
    struct engine *e = u->engine;
    const struct latency *think = &e->thinks[tally_phase_at(&e->tally, now_us)];
    bool is_new = u->is_new;
    u->is_new = false;
    if (latency_is_zero(think))
        return 0;
    uint64_t ms =
        is_new ? latency_draw_rest_ms(think, &e->random) : latency_draw_ms(think, &e->random);
    return ms * 1000 + random_below(&e->random, 1000);
}

/* A probe keeps to its schedule, however long the last answer took. */
static void plan_next(struct user *u, uint64_t planned_us, uint64_t now_us)
{
    uint64_t next_us = u->interval_us ? planned_us + u->interval_us : now_us + think_us(u, now_us);
    if (u->engine->is_over)
        count_missed(u, next_us);
    else if (next_us < u->engine->end_us)
        agenda_set(&u->engine->agenda, &u->next, next_us);
}

void user_change_pace(struct user *u, uint64_t now_us)
{
    bool pauses = u->state == USER_THINKING && u->ready_us && agenda_has(&u->next);
    if (!pauses || u->interval_us)
        return;
    u->is_new = true;
    plan_next(u, now_us, now_us);
}

/* What follows an action; a guest is gone after it. */
static void go_on(struct user *u, uint64_t planned_us, uint64_t now_us)
{
    set_state(u, USER_THINKING);
    u->ready_us = now_us;
    if (u->is_guest || u->is_leaving) {
        go(u);
        return;
    }
    if (u->leaves_us && now_us >= u->leaves_us && !u->engine->is_over) {
        lose_wire(u);
        become_somebody(u, now_us);
        agenda_set(&u->engine->agenda, &u->next, now_us);
        return;
    }
    plan_next(u, planned_us, now_us);
    if (!u->wire)
        wait_for_connection(u);
}

static void note_in_ledger(struct user *u, enum ledger_event event, uint64_t now_us)
{
    struct engine *e = u->engine;
    const struct action *a = u->action;
    if (event == LEDGER_ACK)
        snprintf(u->receipt, sizeof(u->receipt), "%.*s", USER_RECEIPT_BYTES, a->answer.receipt);
    client_ledger_add(&e->ledger,
                      &(struct ledger_line){ .event = event,
                                             .key = slice_str(a->request.key),
                                             .receipt = slice_str(a->answer.receipt),
                                             .time_ms = (now_us - e->tally.start_us) / 1000 });
}

/* A dossier whose fate is not known, or that was turned away for now; what was planned for the end
 * of the scenario is not begun again after it. */
static bool is_tried_again(const struct user *u, enum results_error error)
{
    const struct action *a = u->action;
    const struct engine *e = u->engine;
    return request_files(&a->request) && answer_may_change(&a->answer, error) &&
           a->retries < e->scenario->load.retries && !e->is_over && !u->is_leaving;
}

static void on_retry(struct agenda_item *item);

/* The same dossier under the same key, after a pause that doubles, on a new connection. */
static void try_again(struct user *u, uint64_t now_us)
{
    struct engine *e = u->engine;
    struct action *a = u->action;
    uint64_t pause_us = MIN(RETRY_PAUSE_US << MIN(a->retries, 7), RETRY_PAUSE_MAX_US);
    a->retries++;
    tally_retried(&e->tally, &a->counted);
    agenda_cancel(&e->agenda, &a->timeout);
    agenda_cancel(&e->agenda, &a->pace);
    lose_wire(u);
    request_rewind(&a->request, u->cookies);
    answer_reset(&a->answer, a->answer.cookies);
    u->next.on_due = on_retry;
    agenda_set(&e->agenda, &u->next,
               now_us + pause_us / 2 + random_below(&e->random, (uint32_t)pause_us));
}

/* Who is not signed in, or not any more, begins anew. */
static void reconsider(struct user *u)
{
    const struct action *a = u->action;
    if (a->answer.status == 401) {
        cookies_clear(&u->cookies);
        u->journey = (struct journey){ 0 };
    } else if (a->request.step == STEP_LOGIN) {
        journey_refuse_login(&u->journey, &u->engine->scenario->load);
    }
}

/* The only way out of an action; the user may be gone afterwards. */
static void finish(struct user *u, enum results_error error, bool keeps_wire)
{
    struct tally *t = &u->engine->tally;
    const struct action *a = u->action;
    uint64_t planned_us = a->counted.planned_us, now_us = clock_now_us();
    if (error != FINE && is_tried_again(u, error)) {
        try_again(u, now_us);
        return;
    }
    if (error == FINE)
        tally_done(t, &a->counted, now_us);
    else
        tally_failed(t, &a->counted, error, now_us);
    if (error == FINE && request_files(&a->request))
        note_in_ledger(u, LEDGER_ACK, now_us);
    if (error == RESULTS_ERROR_DOUBT)
        note_in_ledger(u, LEDGER_DOUBT, now_us);
    if (error != FINE)
        reconsider(u);
    give_action_back(u);
    u->was_answered = error == FINE;
    if (keeps_wire)
        recount(u);
    else
        lose_wire(u);
    go_on(u, planned_us, now_us);
}

static void on_timeout(struct agenda_item *item)
{
    finish(CONTAINER_OF(item, struct action, timeout)->user, RESULTS_ERROR_TIMEOUT, false);
}

static enum scenario_step next_step(struct user *u)
{
    struct engine *e = u->engine;
    if (u->is_probe)
        return STEP_PROBE;
    enum scenario_step step =
        journey_next(&u->journey, (enum scenario_user)u->kind, &e->scenario->load, &e->random);
    if (step == STEP_PROCEDURE)
        u->procedure = popularity_draw(&e->popularity, &e->random);
    return step;
}

/* Neighbours in number are in different ones; the probe and guests ask the portal itself. */
static uint32_t province_of(const struct user *u)
{
    uint32_t count = u->engine->scenario->testbed.provinces;
    return count && !u->is_probe && !u->is_guest ? u->number % count : PROVINCES_MAX;
}

static void make_request(struct user *u)
{
    uint32_t province = province_of(u);
    struct engine *e = u->engine;
    char key[LEDGER_KEY_MAX + 1];
    snprintf(key, sizeof(key), "%04u-%08u-%06u", e->slot, u->number, u->dossiers);
    const struct request_person person = { .kind = (enum scenario_user)u->kind,
                                           .cookies = u->cookies,
                                           .receipt = u->receipt,
                                           .key = key,
                                           .session = random_next(&e->random),
                                           .signs_in = e->scenario->load.sessions,
                                           .procedure = u->procedure,
                                           .province = province < PROVINCES_MAX
                                                           ? province_name(province)
                                                           : NULL };
    request_make(&u->action->request, next_step(u), &person, &e->payload, &e->random);
    answer_reset(&u->action->answer, u->kind == USER_APP ? NULL : &u->cookies);
    u->dossiers += request_files(&u->action->request);
}

static void take_action(struct user *u, uint64_t planned_us)
{
    struct action *a = u->action = action_take(&u->engine->actions);
    a->user = u;
    a->retries = 0;
    a->timeout.on_due = on_timeout;
    set_state(u, USER_ACTING);
    if (!u->is_guest)
        list_remove(&u->link); /* an action makes its connection itself */
    make_request(u);
    a->counted = (struct tally_action){ .step = a->request.step,
                                        .procedure = u->procedure,
                                        .is_slow = u->link_bytes_per_s != 0,
                                        .group = scenario_group_of(u->engine->scenario,
                                                                   province_of(u), a->request.step),
                                        .planned_us = planned_us };
}

/* Sends on the wire that stands, or as soon as it does. */
static void launch(struct user *u, uint64_t now_us)
{
    struct engine *e = u->engine;
    uint64_t patience_us = e->scenario->load.request_timeout_ms * 1000ull + user_talk_body_us(u);
    agenda_set(&e->agenda, &u->action->timeout, now_us + patience_us);
    if (u->wire->state == WIRE_OPEN)
        user_talk_send(u);
}

static void on_retry(struct agenda_item *item)
{
    struct user *u = CONTAINER_OF(item, struct user, next);
    uint64_t now_us = clock_now_us();
    u->next.on_due = on_next;
    if (open_wire(u, now_us))
        launch(u, now_us);
    else
        finish(u, RESULTS_ERROR_GENERATOR, false);
}

static void on_next(struct agenda_item *item)
{
    struct user *u = CONTAINER_OF(item, struct user, next);
    struct engine *e = u->engine;
    uint64_t planned_us = item->due_us, now_us = clock_now_us();
    uint64_t since_us = MAX(planned_us, u->ready_us);
    take_action(u, planned_us);
    tally_lag(&e->tally, since_us, now_us);
    tally_planned(&e->tally, &u->action->counted);
    if (!u->wire && !open_wire(u, since_us)) {
        finish(u, RESULTS_ERROR_GENERATOR, false);
        return;
    }
    tally_issued(&e->tally, &u->action->counted, now_us - since_us);
    launch(u, now_us);
}

/* --- what the wire tells ---------------------------------------------------------------------- */

static void on_open(struct wire *w)
{
    struct user *u = w->owner;
    tally_connected(&u->engine->tally, u->connect_us, clock_now_us(), wire_is_resumed(w));
    user_talk_open(u);
    recount(u);
    if (u->action)
        user_talk_send(u);
}

static void complete(struct user *u, bool keeps_wire)
{
    struct action *a = u->action;
    enum results_error error = answer_judge(&a->answer, &a->request);
    finish(u, error, keeps_wire && request_is_sent(&a->request));
}

static enum results_error cut_error(const struct user *u)
{
    return u->action->answer.began ? RESULTS_ERROR_CUT : RESULTS_ERROR_CLOSED;
}

static void lose_idle_wire(struct user *u)
{
    lose_wire(u);
    wait_for_connection(u);
}

static void on_data(struct wire *w, struct slice bytes)
{
    struct user *u = w->owner;
    enum answer_progress progress = user_talk_read(u, bytes);
    if (progress == ANSWER_MORE)
        return;
    if (!u->action)
        lose_idle_wire(u);
    else if (progress == ANSWER_BAD)
        finish(u, RESULTS_ERROR_INVALID, false);
    else if (progress == ANSWER_CUT)
        finish(u, cut_error(u), false);
    else
        complete(u, progress == ANSWER_DONE);
}

static void on_drained(struct wire *w)
{
    user_talk_proceed(w->owner);
}

static void lose_action(struct user *u, enum wire_end end)
{
    if (end == WIRE_END_CONNECT)
        finish(u, RESULTS_ERROR_CONNECT, false);
    else if (end == WIRE_END_HANDSHAKE)
        finish(u, RESULTS_ERROR_HANDSHAKE, false);
    else if (end == WIRE_END_ORDERLY && user_talk_end(u) == ANSWER_LAST)
        complete(u, false);
    else
        finish(u, cut_error(u), false);
}

static void on_end(struct wire *w, enum wire_end end)
{
    struct user *u = w->owner;
    if (u->action)
        lose_action(u, end);
    else
        lose_idle_wire(u); /* no error: nothing was asked for, and the next action will tell */
}

const struct wire_events user_wire_events = {
    .on_open = on_open,
    .on_data = on_data,
    .on_drained = on_drained,
    .on_end = on_end,
};
