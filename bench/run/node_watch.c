#include "bench/run/node_watch.h"

#include "bench/run/http_get.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ASK_MS 300
#define ANSWER_BYTES 65536
#define LISTENERS_MAX 256

void node_watch_init(struct node_watch *w, const struct scenario *s,
                     const struct sockaddr_in *nodes, uint32_t count)
{
    *w = (struct node_watch){ .scenario = s,
                              .count = MIN(count, (uint32_t)NODE_WATCH_MAX),
                              .phase = s->phase_count };
    memcpy(w->nodes, nodes, w->count * sizeof(*nodes));
}

/* --- what they have counted ------------------------------------------------------------------- */

struct counted {
    uint64_t requests, repeats, peak;
    uint64_t listeners[LISTENERS_MAX];
    size_t listener_count;
};

/* Where the value of a member begins; NULL when it is not there. A node's names and values are
 * plain, so that no parser is needed. */
static const char *value_of(const char *answer, const char *key)
{
    const char *at = strstr(answer, key);
    return at ? at + strlen(key) : NULL;
}

static uint64_t number_of(const char *answer, const char *key)
{
    const char *value = value_of(answer, key);
    return value ? strtoull(value, NULL, 10) : 0;
}

static void read_listeners(struct counted *c, const char *answer)
{
    const char *at = value_of(answer, "\"listeners\":[");
    char *end = NULL;
    while (at && *at != ']' && c->listener_count < LISTENERS_MAX) {
        c->listeners[c->listener_count++] = strtoull(at, &end, 10);
        at = end == at ? NULL : end + (*end == ',');
    }
}

static bool ask(const struct sockaddr_in *node, struct counted *c)
{
    struct buf answer;
    buf_init(&answer, ANSWER_BYTES);
    bool ok = http_get(node, "/stats", ASK_MS, &answer) == 200;
    buf_append_char(&answer, '\0');
    ok = ok && buf_ok(&answer);
    *c = (struct counted){ 0 };
    if (ok) {
        c->requests = number_of(answer.data, "\"requests\":");
        c->repeats = number_of(answer.data, "\"repeats\":");
        c->peak = number_of(answer.data, "\"peak\":");
        read_listeners(c, answer.data);
    }
    buf_fini(&answer);
    return ok;
}

/* Of the peers of one upstream: what the one with the fewest had, in percent of an equal share. */
static double least_share(const uint64_t *requests, uint32_t count)
{
    uint64_t sum = 0, least = UINT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        sum += requests[i];
        least = MIN(least, requests[i]);
    }
    return sum > 0 ? 100 * (double)least * count / (double)sum : NAN;
}

static double least_share_of_provinces(const struct scenario *s, const struct counted *node)
{
    double least = NAN;
    for (uint32_t p = 0; p < s->testbed.provinces; p++) {
        uint32_t first = node_watch_listener(s, p, 0);
        if (first + s->testbed.province_peers <= node->listener_count)
            least = fmin(least, least_share(&node->listeners[first], s->testbed.province_peers));
    }
    return least;
}

static void take(const struct node_watch *w, struct results_nodes *out)
{
    uint64_t requests[NODE_WATCH_MAX] = { 0 };
    uint32_t answered = 0;
    struct counted c;
    for (uint32_t i = 0; i < w->count; i++) {
        if (!ask(&w->nodes[i], &c))
            continue;
        answered++;
        requests[i] = c.requests;
        out->requests += c.requests;
        out->repeats += c.repeats;
        out->connections_max = MAX(out->connections_max, (uint32_t)c.peak);
        if (w->scenario->testbed.provinces > 0)
            out->share_min = least_share_of_provinces(w->scenario, &c);
    }
    if (w->scenario->testbed.provinces == 0 && answered == w->count)
        out->share_min = least_share(requests, w->count);
}

void node_watch_phase(struct node_watch *w, uint32_t phase, struct result *r)
{
    struct buf answer;
    if (phase == w->phase || w->count == 0)
        return;
    if (w->phase < w->scenario->phase_count)
        take(w, &r->nodes[w->phase]);
    w->phase = phase;
    buf_init(&answer, ANSWER_BYTES);
    for (uint32_t i = 0; i < w->count && phase < w->scenario->phase_count; i++)
        (void)http_post(&w->nodes[i], "/stats/reset", ASK_MS, &answer);
    buf_fini(&answer);
}

/* --- outages ---------------------------------------------------------------------------------- */

uint32_t node_watch_listener(const struct scenario *s, uint32_t province, uint32_t peer)
{
    return 1 + province * s->testbed.province_peers + peer;
}

static const char *kind_of(enum scenario_fault_action action)
{
    switch (action) {
    case FAULT_HANG:
        return "hang";
    case FAULT_SLOW:
        return "slow";
    case FAULT_RESET:
        return "reset";
    case FAULT_FLAP:
        return "flap";
    default:
        return "none";
    }
}

/* `listener` may be FAULT_EVERYWHERE. */
static int order(const struct node_watch *w, const struct scenario_fault *f, uint32_t listener,
                 struct err *e)
{
    char path[160], at[32] = "", time[32] = "";
    struct buf answer;
    if (listener != FAULT_EVERYWHERE)
        snprintf(at, sizeof(at), "&listener=%u", (unsigned)listener);
    if (f->time_ms > 0)
        snprintf(time, sizeof(time), "&time=%llums", (unsigned long long)f->time_ms);
    snprintf(path, sizeof(path), "/outages?kind=%s%s%s%s", kind_of(f->action), time, at,
             f->of_system ? "&path=/" SCENARIO_SYSTEM "/" : "");
    buf_init(&answer, ANSWER_BYTES);
    int status = http_post(&w->nodes[0], path, ASK_MS, &answer);
    buf_fini(&answer);
    return status == 200 ? 0 : err_set(e, ERR_SYSTEM, "the node answers %d to %s", status, path);
}

int node_watch_break(const struct node_watch *w, const struct scenario_fault *f, struct err *e)
{
    int rc = 0;
    if (w->count == 0)
        return err_set(e, ERR_INVALID, "there is no node");
    if (f->province == FAULT_EVERYWHERE)
        return order(w, f, FAULT_EVERYWHERE, e);
    for (uint32_t k = 0; k < w->scenario->testbed.province_peers && rc == 0; k++)
        rc = order(w, f, node_watch_listener(w->scenario, f->province, k), e);
    return rc;
}
