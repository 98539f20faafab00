#include "bench/scenario/attack.h"

const char *attack_kind_name(enum attack_kind kind)
{
    static const char *const names[] = {
#define KIND(id, name, text) #name,
        ATTACK_KINDS(KIND)
#undef KIND
    };
    return names[kind];
}

const char *attack_outcome_name(enum attack_outcome outcome)
{
    static const char *const names[] = {
#define OUTCOME(id, name, text) #name,
        ATTACK_OUTCOMES(OUTCOME)
#undef OUTCOME
    };
    return names[outcome];
}

const char *attack_outcome_phrase(enum attack_outcome outcome)
{
    static const char *const phrases[] = {
#define OUTCOME(id, name, text) text,
        ATTACK_OUTCOMES(OUTCOME)
#undef OUTCOME
    };
    return phrases[outcome];
}
