/* The ways in which attackers of a scenario hold on to the gateway, and what becomes of each of
 * their connections. */
#ifndef BENCH_SCENARIO_ATTACK_H
#define BENCH_SCENARIO_ATTACK_H

/* KIND(id, name, what it does) */
#define ATTACK_KINDS(KIND)                                                                         \
    KIND(SLOW_HEAD, slow_head, "sends a request head byte by byte")                                \
    KIND(SLOW_BODY, slow_body, "declares a large body and sends it byte by byte")                  \
    KIND(SLOW_READ, slow_read, "asks for a large answer and hardly reads it")                      \
    KIND(RESET_FLOOD, reset_flood, "opens HTTP/2 streams and resets them, as fast as it can")

enum attack_kind {
#define KIND(id, name, text) ATTACK_##id,
    ATTACK_KINDS(KIND)
#undef KIND
        ATTACK_KIND_COUNT
};

/* OUTCOME(id, name, phrase). All but the last two: the gateway has sent it away. */
#define ATTACK_OUTCOMES(OUTCOME)                                                                   \
    OUTCOME(REFUSED, refused, "not let in")                                                        \
    OUTCOME(STATUS_408, status_408, "told 408")                                                    \
    OUTCOME(STATUS_OTHER, status_other, "told another status")                                     \
    OUTCOME(GOAWAY, goaway, "told GOAWAY")                                                         \
    OUTCOME(CLOSED, closed, "closed without a word")                                               \
    OUTCOME(HANGING, hanging, "still hanging")                                                     \
    OUTCOME(UNABLE, unable, "could not be started")

enum attack_outcome {
#define OUTCOME(id, name, text) ATTACK_##id,
    ATTACK_OUTCOMES(OUTCOME)
#undef OUTCOME
        ATTACK_OUTCOME_COUNT
};

const char *attack_kind_name(enum attack_kind kind);            /* "slow_head" */
const char *attack_outcome_name(enum attack_outcome outcome);   /* "status_408" */
const char *attack_outcome_phrase(enum attack_outcome outcome); /* "told 408" */

#endif
