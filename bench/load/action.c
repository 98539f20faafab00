#include "bench/load/action.h"

#include "common/mem.h"

#define SPARE_MAX 512

void action_pool_init(struct action_pool *p)
{
    list_init(&p->spare);
    p->count = 0;
}

static void action_free(struct action *a)
{
    answer_fini(&a->answer);
    mem_free(a);
}

void action_pool_fini(struct action_pool *p)
{
    LIST_FOREACH (link, &p->spare)
        action_free(CONTAINER_OF(link, struct action, link));
    action_pool_init(p);
}

struct action *action_take(struct action_pool *p)
{
    struct action *a;
    if (list_is_empty(&p->spare)) {
        a = mem_new(sizeof(*a));
        list_init(&a->link);
        return a;
    }
    a = CONTAINER_OF(p->spare.next, struct action, link);
    list_remove(&a->link);
    p->count--;
    return a;
}

void action_give(struct action_pool *p, struct action **action)
{
    struct action *a = *action;
    *action = NULL;
    if (!a)
        return;
    assert(!agenda_has(&a->timeout) && !agenda_has(&a->pace));
    if (p->count >= SPARE_MAX) {
        action_free(a);
        return;
    }
    list_push_front(&p->spare, &a->link);
    p->count++;
}
