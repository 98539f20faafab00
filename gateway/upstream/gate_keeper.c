#include "upstream/gate_keeper.h"

#include "common/log.h"
#include "common/mem.h"
#include "observe/board_gates.h"
#include "upstream/adaptive_limit.h"
#include "upstream/breaker.h"

#define LOOK_MS 250

/* An upstream of the configuration, found on the board. */
struct watched {
    int index;
    uint32_t max;
    bool has_breaker;
};

/* What is remembered of an upstream from one look to the next, by its index on the board. */
struct memory {
    struct adaptive_limit limits[GATE_CLASSES];
    struct breaker breaker;
    uint64_t seen; /* sum of all that was counted: less means that it is another one's by now */
};

struct gate_keeper {
    struct loop *loop;   /* borrowed */
    struct board *board; /* borrowed */
    struct timer timer;
    struct watched *watched; /* owned */
    size_t watched_count;
    struct memory memories[BOARD_UPSTREAMS_MAX];
};

/* What all workers have counted at one gate. */
static struct adaptive_counts counts_of(struct gate_keeper *k, int gate, uint32_t *in_flight)
{
    const struct gate_cell *cells = board_gate_cells(k->board, gate);
    struct adaptive_counts sum = { 0 };
    *in_flight = 0;
    for (uint32_t slot = 0, end = board_workers_end(k->board); slot < end; slot++) {
        sum.answers += counter_read(&cells[slot].answers);
        sum.slow += counter_read(&cells[slot].slow);
        sum.failures += counter_read(&cells[slot].failures);
        sum.pressed += counter_read(&cells[slot].pressed);
        *in_flight += gate_read32(&cells[slot].in_flight);
    }
    return sum;
}

/* ---- the breaker ---- */

static void publish_breaker(struct gate_state *state, const struct breaker *b)
{
    gate_set32(&state->failures, b->window_failures);
    gate_set32(&state->answers, b->window_answers);
    counter_set(&state->reopens_ms, b->reopens_ms);
    gate_set32(&state->trial, b->trial);
    gate_set32(&state->breaker, b->state);
}

static void tell(struct gate_keeper *k, const struct watched *w, enum gate_breaker before,
                 const struct breaker *b)
{
    char name[BOARD_NAME_MAX + 1] = "";
    board_name(k->board, SERIES_UPSTREAM, (uint32_t)w->index, name);
    if (before == GATE_CLOSED && b->state == GATE_OPEN)
        log_write(
            LOG_WARN,
            "upstream %s: %u of %u requests failed within %d s; its users are told so at once "
            "until it answers again",
            name, b->window_failures, b->window_failures + b->window_answers,
            BREAKER_WINDOW_SECONDS);
    else if (before != GATE_CLOSED && b->state == GATE_CLOSED)
        log_write(LOG_INFO, "upstream %s: it answers again", name);
}

static void look_at_breaker(struct gate_keeper *k, const struct watched *w,
                            const struct adaptive_counts counts[GATE_CLASSES], bool is_tried)
{
    struct breaker *b = &k->memories[w->index].breaker;
    enum gate_breaker before = b->state;
    struct breaker_counts sum = { .is_tried = is_tried };
    for (size_t i = 0; i < GATE_CLASSES; i++) {
        sum.answers += counts[i].answers;
        sum.failures += counts[i].failures;
    }
    if (w->has_breaker)
        breaker_look(b, &sum, loop_now_ms(k->loop), &k->loop->random);
    else
        *b =
            (struct breaker){ .answers = sum.answers, .failures = sum.failures, .trial = b->trial };
    publish_breaker(board_gate_state(k->board, board_upstream_gate(w->index, GATE_READ)), b);
    tell(k, w, before, b);
}

/* ---- all of it ---- */

/* What was said before, by a keeper that is gone, or of an upstream that had this place. */
static void recall(struct gate_keeper *k, int index,
                   const struct adaptive_counts counts[GATE_CLASSES])
{
    struct memory *m = &k->memories[index];
    *m = (struct memory){ 0 };
    for (int i = 0; i < (int)GATE_CLASSES; i++) {
        const struct gate_state *state =
            board_gate_state(k->board, board_upstream_gate(index, (enum gate_class)i));
        m->limits[i].limit = gate_read32(&state->limit);
        m->limits[i].before = counts[i];
        m->limits[i].window_began_ms = loop_now_ms(k->loop);
        m->breaker.answers += counts[i].answers;
        m->breaker.failures += counts[i].failures;
    }
    const struct gate_state *first =
        board_gate_state(k->board, board_upstream_gate(index, GATE_READ));
    m->breaker.trial = gate_read32(&first->trial);
    m->breaker.second = loop_now_ms(k->loop) / 1000;
    if (gate_read32(&first->breaker) != GATE_CLOSED) {
        m->breaker.state = GATE_OPEN;
        m->breaker.pause_ms = BREAKER_PAUSE_MS;
        m->breaker.reopens_ms = loop_now_ms(k->loop);
    }
}

static void look_at(struct gate_keeper *k, const struct watched *w)
{
    struct memory *m = &k->memories[w->index];
    struct adaptive_counts counts[GATE_CLASSES];
    uint32_t in_flight[GATE_CLASSES];
    uint64_t seen = 1;
    for (int i = 0; i < (int)GATE_CLASSES; i++) {
        counts[i] = counts_of(k, board_upstream_gate(w->index, (enum gate_class)i), &in_flight[i]);
        seen += counts[i].answers + counts[i].failures;
    }
    if (m->seen == 0 || seen < m->seen)
        recall(k, w->index, counts);
    m->seen = seen;
    for (int i = 0; i < (int)GATE_CLASSES; i++) {
        uint32_t limit = adaptive_limit_look(&m->limits[i], &counts[i], in_flight[i], w->max,
                                             loop_now_ms(k->loop));
        gate_set32(
            &board_gate_state(k->board, board_upstream_gate(w->index, (enum gate_class)i))->limit,
            limit);
    }
    look_at_breaker(k, w, counts, in_flight[GATE_READ] > 0);
}

static void look(struct gate_keeper *k)
{
    for (size_t i = 0; i < k->watched_count; i++)
        look_at(k, &k->watched[i]);
}

static void on_timer(struct timer *t)
{
    struct gate_keeper *k = CONTAINER_OF(t, struct gate_keeper, timer);
    look(k);
    timer_set(&k->loop->timers, &k->timer, LOOK_MS);
}

struct gate_keeper *gate_keeper_new(struct loop *loop, struct board *board)
{
    struct gate_keeper *k = mem_new(sizeof(*k));
    k->loop = loop;
    k->board = board;
    timer_init(&k->timer, on_timer);
    timer_set(&loop->timers, &k->timer, LOOK_MS);
    return k;
}

void gate_keeper_apply(struct gate_keeper *k, const struct config *config)
{
    mem_free(k->watched);
    k->watched = mem_new_array(config->upstream_count, sizeof(*k->watched));
    k->watched_count = 0;
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct config_upstream *u = &config->upstreams[i];
        int index = board_find(k->board, SERIES_UPSTREAM, slice_str(u->name));
        if (index >= 0)
            k->watched[k->watched_count++] =
                (struct watched){ index, u->isolation.max_inflight, u->isolation.breaker };
    }
    /* Budgets of shared systems are what their operators allow, and do not adapt. */
    for (size_t i = 0; i < config->system_count; i++) {
        const struct config_system *s = &config->systems[i];
        int gate = board_system_gate(board_find(k->board, SERIES_SYSTEM, slice_str(s->name)));
        if (gate >= 0)
            gate_set32(&board_gate_state(k->board, gate)->limit, s->max_inflight);
    }
    look(k); /* what comes from now on counts */
}

void gate_keeper_free(struct gate_keeper **pointer)
{
    struct gate_keeper *k = *pointer;
    *pointer = NULL;
    if (!k)
        return;
    timer_cancel(&k->timer);
    mem_free(k->watched);
    mem_free(k);
}
