/* A person with one connection to the portal: thinks, acts, thinks.
 *
 *     ABSENT -> THINKING <-> ACTING
 *        ^---------'------------'
 *
 * The connection has a life of its own: it is made when the first action needs it, and again, once
 * the crowd lets it, when the server has closed it while the person was thinking. An action that
 * falls due without a connection makes one itself, and that time counts.
 *
 * At rest a user owns this struct, its wire and perhaps a line of cookies. */
#ifndef LOAD_USER_H
#define LOAD_USER_H

#include "bench/load/engine.h"
#include "bench/load/h2_client.h"
#include "bench/load/journey.h"

enum user_state { USER_ABSENT, USER_THINKING, USER_ACTING };

#define USER_RECEIPT_BYTES 20

struct user {
    struct engine *engine;     /* borrowed */
    struct wire *wire;         /* owned; NULL: not connected */
    struct h2_client *h2;      /* owned; NULL unless the wire speaks it */
    struct action *action;     /* owned while ACTING */
    struct agenda_item next;   /* the end of thinking: the planned instant */
    struct list link;          /* in engine->waiting, or with the other guests */
    char *cookies;             /* owned; NULL: none */
    uint64_t ready_us;         /* the last action ended: the next cannot begin earlier */
    uint64_t connect_us;       /* when the connection was to be made */
    uint64_t leaves_us;        /* another person takes the place; 0: never */
    uint64_t interval_us;      /* a probe's; 0: thinks */
    uint32_t number;           /* within this generator */
    uint32_t address;          /* IPv4, host order */
    uint32_t link_bytes_per_s; /* 0: a good link */
    uint32_t dossiers;         /* filed so far */
    uint32_t procedure;        /* looked at last */
    struct journey journey;
    char receipt[USER_RECEIPT_BYTES + 1];
    uint8_t kind, state; /* enum scenario_user, enum user_state */
    bool http2, is_probe;
    bool is_guest; /* came for one action; freed at its end */
    bool is_leaving, was_answered;
    bool is_new; /* its first pause is the rest of one */
    bool is_counted, is_counted_alive;
};

_Static_assert(sizeof(struct user) <= 300, "a person at rest must stay small");

extern const struct wire_events user_wire_events;

/* Zero-initialises; who the person is, the caller fills in. */
void user_init(struct user *u, struct engine *engine);
/* Comes, and acts at `planned_us` for the first time. */
void user_join(struct user *u, uint64_t planned_us);
/* People's pace has changed: a pause under way becomes the rest of one at the new pace. */
void user_change_pace(struct user *u, uint64_t now_us);
/* As soon as nothing is in flight any more. */
void user_leave(struct user *u);
/* Connects again while thinking; taken off engine->waiting. */
void user_connect(struct user *u);
/* Begins nothing any more; what is in flight, or about to be tried again, goes on. */
void user_settle(struct user *u);
/* At once, whatever is in flight: counted neither as done nor as failed. Frees a guest. */
void user_drop(struct user *u);

#endif
