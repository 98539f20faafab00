#include "bench/measure/attacks.h"

void results_attack_add(struct results_attack *into, const struct results_attack *from)
{
    into->begun += from->begun;
    for (int i = 0; i < ATTACK_OUTCOME_COUNT; i++)
        into->outcomes[i] += from->outcomes[i];
    into->resets += from->resets;
    into->held_max_us = MAX(into->held_max_us, from->held_max_us);
}

void results_attacks_add(struct results_attacks *into, const struct results_attacks *from)
{
    for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++)
        results_attack_add(&into->kinds[kind], &from->kinds[kind]);
}

bool results_attack_any(const struct results_attack *a)
{
    uint64_t any = a->begun;
    for (int i = 0; i < ATTACK_OUTCOME_COUNT; i++)
        any |= a->outcomes[i];
    return any != 0;
}

bool results_attacks_any(const struct results_attacks *a)
{
    bool any = false;
    for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++)
        any = any || results_attack_any(&a->kinds[kind]);
    return any;
}

uint64_t results_attack_sent_away(const struct results_attack *a)
{
    uint64_t sum = 0;
    for (int i = 0; i < ATTACK_HANGING; i++)
        sum += a->outcomes[i];
    return sum;
}
