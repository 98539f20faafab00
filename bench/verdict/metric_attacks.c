/* What became of attackers. */
#include "bench/verdict/metric_kinds.h"

static struct results_attack sum(const struct metric_scope *scope)
{
    struct results_attacks all = { 0 };
    struct results_attack s = { 0 };
    for (uint32_t i = 0; i < scope->result->scenario->phase_count; i++)
        if (metric_takes_phase(scope, i))
            results_attacks_add(&all, &scope->result->attacks[i]);
    for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++)
        results_attack_add(&s, &all.kinds[kind]);
    return s;
}

struct metric_value metric_attackers_sent_away(const struct metric *m,
                                               const struct metric_scope *scope)
{
    struct results_attack s = sum(scope);
    (void)m;
    return metric_exactly((double)results_attack_sent_away(&s));
}

struct metric_value metric_attackers_hanging(const struct metric *m,
                                             const struct metric_scope *scope)
{
    (void)m;
    return metric_exactly((double)sum(scope).outcomes[ATTACK_HANGING]);
}

struct metric_value metric_attack_held_max(const struct metric *m, const struct metric_scope *scope)
{
    (void)m;
    return metric_exactly((double)sum(scope).held_max_us / 1000);
}
