#include "process/upstream_report.h"

#include "common/clock.h"
#include "net/resolver.h"
#include "upstream/balancer.h"
#include "upstream/gate_report.h"

#include <netinet/in.h>
#include <stdio.h>

#define PEER_NAME_BYTES (BOARD_NAME_MAX + 1)

struct peer_figures {
    uint64_t in_flight, requests, connects, failures;
    enum peer_condition condition;
    const struct peer_state *state; /* NULL: there was no room for it on the board */
    uint32_t latency_us;            /* 0: not known */
    bool is_full;                   /* as many requests as it may have */
    struct health_view health;
    const struct peer_addresses *found; /* NULL: it has no name */
};

static struct peer_figures figures_of(const struct board *b, const struct config_upstream *upstream,
                                      const struct config_peer *peer)
{
    char name[PEER_NAME_BYTES];
    snprintf(name, sizeof(name), "%s/%s", upstream->name, peer->address.text);
    int index = board_find(b, SERIES_PEER, slice_str(name));
    if (index < 0)
        return (struct peer_figures){ .condition = PEER_SERVING };
    struct series_peer_counts counts = board_peer_counts(b, (uint32_t)index);
    const struct peer_state *state = board_peer_state(b, index);
    uint64_t in_flight = board_in_flight(b, index), now_ms = clock_now_ms();
    return (struct peer_figures){
        .in_flight = in_flight,
        .condition = peer_state_condition(state, board_peer_health(b, index),
                                          upstream->slow_start_ms, now_ms),
        .state = state,
        .latency_us = (uint32_t)peer_state_latency_us(state, now_ms),
        .is_full = peer->max_connections && in_flight >= peer->max_connections,
        .requests = counter_read(&counts.by_event[SERIES_PEER_REQUEST]),
        .connects = counter_read(&counts.by_event[SERIES_PEER_CONNECT]),
        .failures = counter_read(&counts.by_event[SERIES_PEER_FAILURE]),
        .health = peer_health_view(board_peer_health(b, index)),
        .found = peer->address.host ? board_peer_addresses(b, index) : NULL,
    };
}

static bool is_found(const struct peer_figures *f)
{
    return !f->found || counter_read(&f->found->turn) != 0;
}

/* Its balancers' word, but for one that nobody can connect to. */
static const char *state_of(const struct peer_figures *f)
{
    return is_found(f) ? peer_condition_name(f->condition) : "unresolved";
}

/* The upstream as a whole. */
struct sum {
    struct peer_figures all;
    size_t available, primaries;
    bool has_backups, panics;
};

static struct sum sum_of(const struct board *b, const struct config_upstream *upstream)
{
    struct sum s = { 0 };
    for (size_t i = 0; i < upstream->peer_count; i++) {
        struct peer_figures f = figures_of(b, upstream, &upstream->peers[i]);
        bool available = f.condition >= PEER_RAMPING, backup = upstream->peers[i].backup;
        s.all.in_flight += f.in_flight;
        s.all.requests += f.requests;
        s.all.connects += f.connects;
        s.all.failures += f.failures;
        s.primaries += !backup;
        s.available += available && !backup;
        s.has_backups |= available && backup;
    }
    s.panics = balancer_would_panic(upstream, s.available, s.primaries, s.has_backups);
    return s;
}

static int upstream_index(const struct board *b, const struct config_upstream *upstream)
{
    return board_find(b, SERIES_UPSTREAM, slice_str(upstream->name));
}

static bool is_closed(const struct board *b, const struct config_upstream *upstream,
                      struct closure_view *view)
{
    const struct closure *c = board_closure(b, upstream_index(b, upstream));
    return c && closure_read(c, view);
}

/* What its slots and its breaker are about; empty when the board has no room for it. */
static const char *describe_gate(struct board *b, const struct config_upstream *upstream,
                                 char text[GATE_REPORT_TEXT_BYTES])
{
    int index = upstream_index(b, upstream);
    text[0] = '\0';
    if (index >= 0)
        gate_report_upstream(b, (uint32_t)index, clock_now_ms(), text);
    return text;
}

static const char *describe_system(struct board *b, const char *name,
                                   char text[GATE_REPORT_TEXT_BYTES])
{
    int index = board_find(b, SERIES_SYSTEM, slice_str(name));
    text[0] = '\0';
    if (index >= 0)
        gate_report_system(b, (uint32_t)index, text);
    return text;
}

/* --- for people ----------------------------------------------------------------------------- */

static const char *age_since(uint64_t wall_ms, char out[CLOCK_AGE_BYTES])
{
    uint64_t now_ms = clock_wall_ms();
    return clock_format_age(now_ms > wall_ms ? now_ms - wall_ms : 0, out);
}

/* "probes: down for 2m3s, 12 failed, it did not answer in time". */
static void write_health(const struct health_view *v, struct buf *out)
{
    char age[CLOCK_AGE_BYTES], text[HEALTH_TEXT_BYTES];
    if (v->streak == 0)
        return;
    buf_printf(out, "; probes: %s", health_state_name(v->state));
    if (v->state != HEALTH_UNPROBED)
        buf_printf(out, " for %s", age_since(v->since_ms, age));
    if (v->last.result != HEALTH_PASSED)
        buf_printf(out, ", %u failed, it %s", v->streak, health_report_text(&v->last, text));
}

static void write_places(const struct peer_addresses *found, struct buf *out)
{
    struct peer_ip ips[PEER_ADDRESSES_MAX];
    char text[INET6_ADDRSTRLEN];
    uint32_t count = 0;
    int problem = (int)counter_read(&found->problem);
    if (peer_addresses_read(found, ips, &count) == 0)
        buf_append_str(out, "; its name has not been found yet");
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, "%s%s", i ? ", " : "; at ", peer_ip_text(&ips[i], text));
    if (problem)
        buf_printf(out, "; its name cannot be looked up now: %s", resolver_problem_text(problem));
}

static void write_closure(const struct closure_view *v, struct buf *out)
{
    char age[CLOCK_AGE_BYTES], until[CLOCK_ISO_LEN + 1];
    buf_printf(out, "closed for work by the %s for %s", closure_cause_name(v->cause),
               age_since(v->since_ms, age));
    clock_format_iso(until, v->until_ms);
    if (v->until_ms)
        buf_printf(out, ", expected back %s%s", until,
                   v->until_ms < clock_wall_ms() ? " (overdue)" : "");
    buf_printf(out, "%s%s", v->message[0] ? ": " : "", v->message);
}

static void write_figures(const char *upstream, const char *peer, const struct peer_figures *f,
                          struct buf *out)
{
    buf_printf(out, "%-24s %-24s %9llu %12llu %12llu %9llu  ", upstream, peer,
               (unsigned long long)f->in_flight, (unsigned long long)f->requests,
               (unsigned long long)f->connects, (unsigned long long)f->failures);
}

static void write_state(const struct peer_figures *f, const struct config_upstream *upstream,
                        const struct config_peer *peer, struct buf *out)
{
    char text[PEER_STATE_TEXT_BYTES] = "";
    if (f->state)
        peer_state_explain(f->state, upstream->slow_start_ms, clock_now_ms(), text);
    /* Who is ejected, or ramping, has an explanation that says so. */
    bool says_all = text[0] && f->condition != PEER_DOWN && is_found(f);
    buf_append_str(out, says_all ? text : state_of(f));
    if (text[0] && !says_all)
        buf_printf(out, "; %s", text);
    if (f->is_full)
        buf_printf(out, "; full, it may have %u requests", peer->max_connections);
    if (peer->backup)
        buf_append_str(out, "; backup");
    if (f->latency_us)
        buf_printf(out, "; answers in %u.%u ms", f->latency_us / 1000, f->latency_us / 100 % 10);
    write_health(&f->health, out);
}

static void write_all(struct board *b, const struct config_upstream *upstream, struct buf *out)
{
    char text[GATE_REPORT_TEXT_BYTES];
    struct closure_view closure;
    struct sum sum = sum_of(b, upstream);
    write_figures(upstream->name, "all", &sum.all, out);
    if (is_closed(b, upstream, &closure))
        write_closure(&closure, out);
    else
        buf_append_str(out, describe_gate(b, upstream, text));
    if (sum.panics)
        buf_printf(out, "; panic: %zu of %zu peers are well, so all are used", sum.available,
                   sum.primaries);
    buf_append_char(out, '\n');
}

static void write_upstream(struct board *b, const struct config_upstream *upstream, struct buf *out)
{
    write_all(b, upstream, out);
    for (size_t i = 0; i < upstream->peer_count; i++) {
        struct peer_figures f = figures_of(b, upstream, &upstream->peers[i]);
        write_figures(upstream->name, upstream->peers[i].address.text, &f, out);
        write_state(&f, upstream, &upstream->peers[i], out);
        if (f.found)
            write_places(f.found, out);
        buf_append_char(out, '\n');
    }
}

static void write_systems(struct board *b, const struct config *config, struct buf *out)
{
    char text[GATE_REPORT_TEXT_BYTES];
    if (config->system_count)
        buf_printf(out, "\n%-24s %s\n", "system", "state");
    for (size_t i = 0; i < config->system_count; i++)
        buf_printf(out, "%-24s %s\n", config->systems[i].name,
                   describe_system(b, config->systems[i].name, text));
}

void upstream_report_table(struct board *b, const struct config *config, struct buf *out)
{
    buf_printf(out, "\n%-24s %-24s %9s %12s %12s %9s  %s\n", "upstream", "peer", "in flight",
               "requests", "connects", "failures", "state");
    for (size_t i = 0; i < config->upstream_count; i++)
        write_upstream(b, &config->upstreams[i], out);
    write_systems(b, config, out);
}

/* --- for machines --------------------------------------------------------------------------- */

static void json_text(struct json *j, const char *key, const char *text)
{
    json_string(j, key, slice_str(text));
}

static void json_time(struct json *j, const char *key, uint64_t wall_ms)
{
    char text[CLOCK_ISO_LEN + 1];
    clock_format_iso(text, wall_ms);
    if (wall_ms)
        json_string(j, key, slice_of(text, CLOCK_ISO_LEN));
}

static void json_health(const struct health_view *v, struct json *j)
{
    char text[HEALTH_TEXT_BYTES];
    json_text(j, "probes", health_state_name(v->state));
    json_time(j, "since", v->since_ms);
    if (v->streak && v->last.result != HEALTH_PASSED)
        json_text(j, "why", health_report_text(&v->last, text));
    json_u64(j, "probes_passed", v->passed);
    json_u64(j, "probes_failed", v->failed);
}

static void json_places(const struct peer_addresses *found, struct json *j)
{
    struct peer_ip ips[PEER_ADDRESSES_MAX];
    char text[INET6_ADDRSTRLEN];
    uint32_t count = 0;
    int problem = (int)counter_read(&found->problem);
    json_array(j, "ips");
    if (peer_addresses_read(found, ips, &count))
        for (uint32_t i = 0; i < count; i++)
            json_text(j, NULL, peer_ip_text(&ips[i], text));
    json_end_array(j);
    json_time(j, "found", counter_read(&found->good_ms));
    if (problem)
        json_text(j, "name_problem", resolver_problem_text(problem));
}

static void json_last_failure(const struct peer_state *state, struct json *j)
{
    char text[HEALTH_TEXT_BYTES];
    if (!state)
        return;
    struct health_report how = peer_state_last_failure(state);
    if (how.result != HEALTH_PASSED)
        json_text(j, "last_failure", health_report_text(&how, text));
}

static void json_peer(const struct peer_figures *f, const struct config_upstream *upstream,
                      const struct config_peer *peer, struct json *j)
{
    char text[PEER_STATE_TEXT_BYTES];
    json_object(j, NULL);
    json_text(j, "address", peer->address.text);
    json_text(j, "state", state_of(f));
    if (f->state)
        json_text(j, "detail",
                  peer_state_explain(f->state, upstream->slow_start_ms, clock_now_ms(), text));
    json_last_failure(f->state, j);
    json_bool(j, "full", f->is_full);
    json_bool(j, "backup", peer->backup);
    json_u64(j, "latency_us", f->latency_us);
    json_u64(j, "in_flight", f->in_flight);
    json_u64(j, "requests", f->requests);
    json_u64(j, "connects", f->connects);
    json_u64(j, "failures", f->failures);
    json_health(&f->health, j);
    if (f->found)
        json_places(f->found, j);
    json_end_object(j);
}

static void json_closure(const struct closure_view *v, struct json *j)
{
    json_object(j, "maintenance");
    json_text(j, "by", closure_cause_name(v->cause));
    json_time(j, "since", v->since_ms);
    json_time(j, "until", v->until_ms);
    json_text(j, "message", v->message);
    json_end_object(j);
}

static void json_upstream(struct board *b, const struct config_upstream *upstream, struct json *j)
{
    char text[GATE_REPORT_TEXT_BYTES];
    struct closure_view closure;
    bool closed = is_closed(b, upstream, &closure);
    int index = upstream_index(b, upstream);
    json_object(j, NULL);
    json_text(j, "name", upstream->name);
    json_text(j, "state", closed ? "closed" : "open");
    json_text(j, "detail", describe_gate(b, upstream, text));
    if (index >= 0)
        json_text(j, "breaker", gate_report_breaker(b, (uint32_t)index));
    json_bool(j, "panic", sum_of(b, upstream).panics);
    if (closed)
        json_closure(&closure, j);
    json_array(j, "peers");
    for (size_t i = 0; i < upstream->peer_count; i++) {
        struct peer_figures f = figures_of(b, upstream, &upstream->peers[i]);
        json_peer(&f, upstream, &upstream->peers[i], j);
    }
    json_end_array(j);
    json_end_object(j);
}

void upstream_report_json(struct board *b, const struct config *config, struct json *j)
{
    char text[GATE_REPORT_TEXT_BYTES];
    json_array(j, "upstreams");
    for (size_t i = 0; i < config->upstream_count; i++)
        json_upstream(b, &config->upstreams[i], j);
    json_end_array(j);
    json_array(j, "systems");
    for (size_t i = 0; i < config->system_count; i++) {
        json_object(j, NULL);
        json_text(j, "name", config->systems[i].name);
        json_text(j, "detail", describe_system(b, config->systems[i].name, text));
        json_end_object(j);
    }
    json_end_array(j);
}
