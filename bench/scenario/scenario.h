/* What a run does, as read from bench/scenarios/NAME.yaml: who comes, when, what they do, what is
 * broken meanwhile, and what has to hold for a PASS. Immutable; lives in one arena. */
#ifndef BENCH_SCENARIO_SCENARIO_H
#define BENCH_SCENARIO_SCENARIO_H

#include "bench/scenario/attack.h"
#include "bench/scenario/scenario_fault.h"
#include "bench/scenario/scenario_testbed.h"
#include "bench/scenario/step.h"
#include "common/arena.h"
#include "config/diagnostics.h"

#define SCENARIO_PHASES_MAX 12
#define SCENARIO_CRITERIA_MAX 48
#define SCENARIO_FAULTS_MAX 64
#define SCENARIO_SYSTEM "dan-cu" /* the shared one, which every province asks */

/* Who is connected, and on top of that who does nothing but send attachments over a slow link;
 * shares in percent add up to 100. */
enum scenario_user {
    USER_CITIZEN,
    USER_FOLLOW_UP,
    USER_COUNTER,
    USER_OFFICIAL,
    USER_APP,
    USER_UPLOADER,
    USER_KINDS
};

struct scenario_phase {
    const char *name;
    uint64_t duration_ms;
    uint32_t users_from, users_to; /* connected users, linear in between */
    uint32_t arrivals_per_s; /* open arrivals of new connections: one request, then gone; 0: none */
    uint32_t think_median_ms, think_mean_ms; /* log-normal; mean > median */
    uint32_t resumed_percent; /* of the handshakes; load.resumed_percent if not given */
    uint32_t attackers[ATTACK_KIND_COUNT]; /* there for the whole phase */
    bool judged; /* criteria without a phase look at the judged phases only */
};

struct scenario_load {
    uint32_t user_percent[USER_KINDS];
    uint32_t http2_percent, resumed_percent, slow_percent, shared_address_percent;
    uint32_t slow_bytes_per_s_min, slow_bytes_per_s_max;
    uint32_t connects_per_s;                          /* ceiling on new users' connections */
    uint32_t procedures, hot_procedures, hot_percent; /* 2,000, 20, 70; Zipf (s 1.1) in each part */
    uint64_t upload_bytes_min, upload_bytes_max;
    /* Of the actions of users who may do that; 0: journeys decide. */
    uint32_t login_percent, submit_percent;
    uint32_t probe_users, probe_interval_ms;
    /* A citizen stays about so long, then another takes the place on a new connection; 0: nobody
     * leaves. */
    uint32_t session_mean_ms;
    uint32_t request_timeout_ms; /* a user gives up: an error of its own kind */
    bool sessions;               /* who logs in gets a session of the gateway's */
    uint32_t retries; /* of a dossier whose answer was lost, with the same key; 0: none */
    /* Attackers: between two bytes, and from being sent away to coming back (0: they do not). */
    uint32_t attack_pace_ms, attack_return_ms;
};

/* Users by what the scenario breaks: an action is of GROUP_BROKEN when it needs a province, or the
 * shared system, that a fault names. */
enum scenario_group { GROUP_ANY, GROUP_HEALTHY, GROUP_BROKEN, GROUP_COUNT };

/* "response_p99 of class read in phase hold at most 250ms". Names of metrics:
 * verdict/metric_table.c. */
struct scenario_criterion {
    const char *metric;
    int class;        /* enum scenario_class, or -1: all */
    int phase;        /* index, or -1: the judged ones together */
    int group;        /* enum scenario_group, or GROUP_ANY */
    bool at_least;    /* else at most */
    double limit;     /* in the metric's unit; scaled where it counts users */
    const char *text; /* as written, for the table */
    uint32_t line;
};

struct scenario {
    struct arena arena;
    const char *name, *about, *file;
    const char *not_available; /* why: a part of the gateway is missing; NULL: it can run */
    struct scenario_phase phases[SCENARIO_PHASES_MAX];
    uint32_t phase_count;
    struct scenario_load load;
    struct scenario_fault faults[SCENARIO_FAULTS_MAX];
    uint32_t fault_count;
    uint64_t broken_provinces; /* a bit each: named by a fault */
    bool is_system_broken;
    struct scenario_criterion criteria[SCENARIO_CRITERIA_MAX];
    uint32_t criterion_count;
    struct scenario_testbed testbed;
    bool search;  /* capacity: the users of the phases are scaled up and down */
    double scale; /* --scale; 1 */
    uint64_t seed;
};

/* NULL with every problem (file:line:col: key: sentence) in `d`. scale shortens durations and
 * `users_scale` multiplies users, both 1 for the scenario as written. */
struct scenario *scenario_load(const char *path, double scale, double users_scale,
                               struct diagnostics *d) MUST_CHECK;
void scenario_free(struct scenario **s);

const char *scenario_group_name(enum scenario_group group); /* "healthy" */
/* Of an action of somebody in this province. */
enum scenario_group scenario_group_of(const struct scenario *s, uint32_t province,
                                      enum scenario_step step);

uint32_t scenario_users_max(const struct scenario *s);
/* The most of one kind that any phase has. */
uint32_t scenario_attackers_max(const struct scenario *s, enum attack_kind kind);
/* ... of all kinds together. */
uint32_t scenario_attackers_all(const struct scenario *s);
uint64_t scenario_duration_ms(const struct scenario *s);

#endif
