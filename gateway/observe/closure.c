#include "observe/closure.h"

#include <string.h>

#define READ_TRIES 4

static uint64_t load_turn(const struct closure *c)
{
    return atomic_load_explicit(&c->turn, memory_order_acquire);
}

static void copy(const struct closure *c, struct closure_view *out)
{
    uint64_t cause = counter_read(&c->cause);
    out->cause = cause <= CLOSURE_OPERATOR ? (enum closure_cause)cause : CLOSURE_OPERATOR;
    out->since_ms = counter_read(&c->since_ms);
    out->until_ms = counter_read(&c->until_ms);
    memcpy(out->message, c->message, CLOSURE_MESSAGE_BYTES);
    out->message[CLOSURE_MESSAGE_BYTES] = '\0';
}

bool closure_read(const struct closure *c, struct closure_view *out)
{
    for (int i = 0; i < READ_TRIES; i++) {
        uint64_t turn = load_turn(c);
        copy(c, out);
        atomic_thread_fence(memory_order_acquire);
        if (turn % 2 == 0 && load_turn(c) == turn)
            return out->cause != CLOSURE_NONE;
    }
    *out = (struct closure_view){ .cause = (enum closure_cause)closure_is_set(c) };
    return out->cause != CLOSURE_NONE;
}

static bool is_same(const struct closure_view *a, const struct closure_view *b)
{
    return a->cause == b->cause && a->since_ms == b->since_ms && a->until_ms == b->until_ms &&
           strcmp(a->message, b->message) == 0;
}

void closure_set(struct closure *c, const struct closure_view *view)
{
    struct closure_view now;
    uint64_t turn = load_turn(c) | 1;
    copy(c, &now);
    if (is_same(&now, view))
        return;
    atomic_store_explicit(&c->turn, turn, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    counter_set(&c->cause, view->cause);
    counter_set(&c->since_ms, view->since_ms);
    counter_set(&c->until_ms, view->until_ms);
    memcpy(c->message, view->message, sizeof(c->message));
    atomic_store_explicit(&c->turn, turn + 1, memory_order_release);
}

void closure_clear(struct closure *c)
{
    closure_set(c, &(struct closure_view){ 0 });
}

const char *closure_cause_name(enum closure_cause cause)
{
    static const char *const names[] = {
        [CLOSURE_NONE] = "nobody",
        [CLOSURE_CONFIGURATION] = "configuration",
        [CLOSURE_OPERATOR] = "operator",
    };
    return names[cause];
}
