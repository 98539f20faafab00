#include "upstream/breaker.h"

#include <string.h>

static void forget_until(struct breaker *b, uint64_t second)
{
    uint64_t passed = MIN(second - b->second, BREAKER_WINDOW_SECONDS);
    for (uint64_t i = 0; i < passed; i++)
        memset(&b->seconds[(second - i) % BREAKER_WINDOW_SECONDS], 0, sizeof(b->seconds[0]));
    b->second = second;
}

static void add_up(struct breaker *b)
{
    b->window_answers = b->window_failures = 0;
    for (size_t i = 0; i < BREAKER_WINDOW_SECONDS; i++) {
        b->window_answers += b->seconds[i].answers;
        b->window_failures += b->seconds[i].failures;
    }
}

/* Nodes and upstreams that failed together are not tried together. */
static void open_for(struct breaker *b, uint32_t pause_ms, uint64_t now_ms, struct random *random)
{
    b->state = GATE_OPEN;
    b->pause_ms = MIN(pause_ms, BREAKER_PAUSE_MAX_MS);
    b->reopens_ms = now_ms + b->pause_ms + random_below(random, b->pause_ms / 5 + 1);
}

static void try_it(struct breaker *b, enum gate_breaker state, uint64_t now_ms)
{
    b->state = state;
    b->trial++;
    b->reopens_ms = now_ms + BREAKER_PAUSE_MS;
}

static void close_again(struct breaker *b)
{
    b->state = GATE_CLOSED;
    memset(b->seconds, 0, sizeof(b->seconds));
}

static void look_at_trial(struct breaker *b, uint32_t answered, uint32_t failed, bool is_tried,
                          uint64_t now_ms, struct random *random)
{
    if (failed)
        open_for(b, b->pause_ms * 2, now_ms, random);
    else if (answered)
        close_again(b);
    else if (now_ms >= b->reopens_ms) /* it hangs, or its client has left: another one */
        try_it(b, is_tried ? b->state : GATE_HALF_OPEN_ALL, now_ms);
}

void breaker_look(struct breaker *b, const struct breaker_counts *counts, uint64_t now_ms,
                  struct random *random)
{
    uint32_t answered = (uint32_t)(counts->answers - b->answers);
    uint32_t failed = (uint32_t)(counts->failures - b->failures);
    b->answers = counts->answers;
    b->failures = counts->failures;
    forget_until(b, now_ms / 1000);
    b->seconds[b->second % BREAKER_WINDOW_SECONDS].answers += answered;
    b->seconds[b->second % BREAKER_WINDOW_SECONDS].failures += failed;
    switch (b->state) {
    case GATE_CLOSED:
        add_up(b);
        if (b->window_failures >= BREAKER_FAILURES &&
            b->window_failures >= b->window_answers * BREAKER_FAILURES_PER_ANSWER)
            open_for(b, BREAKER_PAUSE_MS, now_ms, random);
        break;
    case GATE_OPEN: /* what still comes was sent before */
        if (answered && !failed)
            close_again(b);
        else if (now_ms >= b->reopens_ms)
            try_it(b, GATE_HALF_OPEN, now_ms);
        break;
    case GATE_HALF_OPEN:
    case GATE_HALF_OPEN_ALL:
        look_at_trial(b, answered, failed, counts->is_tried, now_ms, random);
        break;
    }
}
