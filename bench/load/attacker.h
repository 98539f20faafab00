/* One attacker with one connection, which it begins, keeps as its kind does, and begins again when
 * it was sent away.
 *
 *     ABSENT -> WAITING -> AT_WORK        WAITING: for the horde to let it connect
 *        ^---------'----------'  '-> RESTING -> WAITING
 *
 * What becomes of each connection is counted in the phase in which it ends. */
#ifndef LOAD_ATTACKER_H
#define LOAD_ATTACKER_H

#include "bench/load/attack_talk.h"
#include "bench/load/engine.h"

enum attacker_state { ATTACKER_ABSENT, ATTACKER_WAITING, ATTACKER_AT_WORK, ATTACKER_RESTING };

struct attacker {
    struct engine *engine; /* borrowed */
    struct wire *wire;     /* owned while AT_WORK */
    struct attack_talk talk;
    struct agenda_item next; /* AT_WORK: the next piece; RESTING: the end of it */
    struct list link;        /* WAITING: in engine->waiting */
    uint64_t open_us;        /* let in; 0: not yet */
    uint32_t address;        /* IPv4, host order */
    uint8_t kind, state;     /* enum attack_kind, enum attacker_state */
};

extern const struct wire_events attacker_wire_events;

void attacker_init(struct attacker *a, struct engine *engine, enum attack_kind kind);
/* From ABSENT: wants to connect. */
void attacker_come(struct attacker *a);
/* From WAITING; takes it off engine->waiting. */
void attacker_connect(struct attacker *a);
/* Is to go: what it holds now is still hanging at the end of `phase`. */
void attacker_call_off(struct attacker *a, uint32_t phase);

#endif
