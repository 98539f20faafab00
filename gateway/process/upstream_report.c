#include "process/upstream_report.h"

#include "common/clock.h"

#include <stdio.h>

#define PEER_NAME_BYTES (BOARD_NAME_MAX + 1)

struct peer_figures {
    uint64_t in_flight, requests, connects, failures;
    struct health_view health;
};

static struct peer_figures figures_of(const struct board *b, const struct config_upstream *upstream,
                                      const struct config_peer *peer)
{
    char name[PEER_NAME_BYTES];
    snprintf(name, sizeof(name), "%s/%s", upstream->name, peer->address.text);
    int index = board_find(b, SERIES_PEER, slice_str(name));
    if (index < 0)
        return (struct peer_figures){ 0 };
    struct series_peer_counts counts = board_peer_counts(b, (uint32_t)index);
    return (struct peer_figures){
        .in_flight = board_in_flight(b, index),
        .requests = counter_read(&counts.by_event[SERIES_PEER_REQUEST]),
        .connects = counter_read(&counts.by_event[SERIES_PEER_CONNECT]),
        .failures = counter_read(&counts.by_event[SERIES_PEER_FAILURE]),
        .health = peer_health_view(board_peer_health(b, index)),
    };
}

static bool is_closed(const struct board *b, const struct config_upstream *upstream,
                      struct closure_view *view)
{
    int index = board_find(b, SERIES_UPSTREAM, slice_str(upstream->name));
    const struct closure *c = board_closure(b, index);
    return c && closure_read(c, view);
}

/* --- for people ----------------------------------------------------------------------------- */

static const char *age_since(uint64_t wall_ms, char out[CLOCK_AGE_BYTES])
{
    uint64_t now_ms = clock_wall_ms();
    return clock_format_age(now_ms > wall_ms ? now_ms - wall_ms : 0, out);
}

/* "down for 2m3s, it did not answer in time"; what is worth a second look says why. */
static void write_state(const struct health_view *v, struct buf *out)
{
    char age[CLOCK_AGE_BYTES], text[HEALTH_TEXT_BYTES];
    buf_append_str(out, health_state_name(v->state));
    if (v->state != HEALTH_UNPROBED)
        buf_printf(out, " for %s", age_since(v->since_ms, age));
    if (v->streak && v->last.result != HEALTH_PASSED)
        buf_printf(out, ", %u probes failed: it %s", v->streak, health_report_text(&v->last, text));
}

static void write_closure(const struct config_upstream *upstream, const struct closure_view *v,
                          struct buf *out)
{
    char age[CLOCK_AGE_BYTES], until[CLOCK_ISO_LEN + 1];
    buf_printf(out, "%-24s closed for work by the %s for %s", upstream->name,
               closure_cause_name(v->cause), age_since(v->since_ms, age));
    clock_format_iso(until, v->until_ms);
    if (v->until_ms)
        buf_printf(out, ", expected back %s%s", until,
                   v->until_ms < clock_wall_ms() ? " (overdue)" : "");
    buf_printf(out, "%s%s\n", v->message[0] ? ": " : "", v->message);
}

static void write_upstream(const struct board *b, const struct config_upstream *upstream,
                           struct buf *out)
{
    struct closure_view closure;
    if (is_closed(b, upstream, &closure))
        write_closure(upstream, &closure, out);
    for (size_t i = 0; i < upstream->peer_count; i++) {
        struct peer_figures f = figures_of(b, upstream, &upstream->peers[i]);
        buf_printf(out, "%-24s %-24s %9llu %12llu %12llu %9llu  ", upstream->name,
                   upstream->peers[i].address.text, (unsigned long long)f.in_flight,
                   (unsigned long long)f.requests, (unsigned long long)f.connects,
                   (unsigned long long)f.failures);
        write_state(&f.health, out);
        buf_append_char(out, '\n');
    }
}

void upstream_report_table(const struct board *b, const struct config *config, struct buf *out)
{
    buf_printf(out, "\n%-24s %-24s %9s %12s %12s %9s  %s\n", "upstream", "peer", "in flight",
               "requests", "connects", "failures", "state");
    for (size_t i = 0; i < config->upstream_count; i++)
        write_upstream(b, &config->upstreams[i], out);
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
    json_text(j, "state", health_state_name(v->state));
    json_time(j, "since", v->since_ms);
    if (v->streak && v->last.result != HEALTH_PASSED)
        json_text(j, "why", health_report_text(&v->last, text));
    json_u64(j, "probes_passed", v->passed);
    json_u64(j, "probes_failed", v->failed);
}

static void json_peer(const struct peer_figures *f, const char *address, struct json *j)
{
    json_object(j, NULL);
    json_text(j, "address", address);
    json_u64(j, "in_flight", f->in_flight);
    json_u64(j, "requests", f->requests);
    json_u64(j, "connects", f->connects);
    json_u64(j, "failures", f->failures);
    json_health(&f->health, j);
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

static void json_upstream(const struct board *b, const struct config_upstream *upstream,
                          struct json *j)
{
    struct closure_view closure;
    bool closed = is_closed(b, upstream, &closure);
    json_object(j, NULL);
    json_text(j, "name", upstream->name);
    json_text(j, "state", closed ? "closed" : "open");
    if (closed)
        json_closure(&closure, j);
    json_array(j, "peers");
    for (size_t i = 0; i < upstream->peer_count; i++) {
        struct peer_figures f = figures_of(b, upstream, &upstream->peers[i]);
        json_peer(&f, upstream->peers[i].address.text, j);
    }
    json_end_array(j);
    json_end_object(j);
}

void upstream_report_json(const struct board *b, const struct config *config, struct json *j)
{
    json_array(j, "upstreams");
    for (size_t i = 0; i < config->upstream_count; i++)
        json_upstream(b, &config->upstreams[i], j);
    json_end_array(j);
}
