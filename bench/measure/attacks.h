/* What became of the attackers of one phase; never mixed with what users met. */
#ifndef BENCH_MEASURE_ATTACKS_H
#define BENCH_MEASURE_ATTACKS_H

#include "bench/scenario/attack.h"
#include "common/base.h"

/* Of one kind. A connection is begun in one phase, and may end in a later one. */
struct results_attack {
    uint64_t begun;
    uint64_t outcomes[ATTACK_OUTCOME_COUNT];
    uint64_t resets;      /* streams opened and reset */
    uint64_t held_max_us; /* the longest that one was let stay, from its handshake */
};

struct results_attacks {
    struct results_attack kinds[ATTACK_KIND_COUNT];
};

void results_attack_add(struct results_attack *into, const struct results_attack *from);
void results_attacks_add(struct results_attacks *into, const struct results_attacks *from);
/* Was there anything at all? */
bool results_attack_any(const struct results_attack *a);
bool results_attacks_any(const struct results_attacks *a);
/* Connections of attackers that the gateway ended, or did not let in. */
uint64_t results_attack_sent_away(const struct results_attack *a);

#endif
