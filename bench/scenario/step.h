/* The kinds of requests that a user makes, and the classes by which their times are told apart. */
#ifndef BENCH_SCENARIO_STEP_H
#define BENCH_SCENARIO_STEP_H

/* STEP(id, name, class), with class READ, LOGIN, SUBMIT or UPLOAD. */
#define SCENARIO_STEPS(STEP)                                                                       \
    STEP(HOME, home, READ)                                                                         \
    STEP(CATALOGUE, catalogue, READ)                                                               \
    STEP(PROCEDURE, procedure, READ)                                                               \
    STEP(LOGIN, login, LOGIN)                                                                      \
    STEP(AUTOFILL, autofill, READ)                                                                 \
    STEP(UPLOAD, upload, UPLOAD)                                                                   \
    STEP(SUBMIT, submit, SUBMIT)                                                                   \
    STEP(TRACK, track, READ)                                                                       \
    STEP(INBOX, inbox, READ)                                                                       \
    STEP(DECIDE, decide, SUBMIT)                                                                   \
    STEP(QUEUE_NUMBER, queue_number, READ)                                                         \
    STEP(PROBE, probe, READ)

enum scenario_step {
#define STEP(id, name, class) STEP_##id,
    SCENARIO_STEPS(STEP)
#undef STEP
        STEP_COUNT
};

enum scenario_class { CLASS_READ, CLASS_LOGIN, CLASS_SUBMIT, CLASS_UPLOAD, CLASS_COUNT };

const char *scenario_step_name(enum scenario_step step);
enum scenario_class scenario_step_class(enum scenario_step step);
const char *scenario_class_name(enum scenario_class class);

#endif
