#include "process/status.h"

#include "common/json.h"
#include "process/guard_report.h"
#include "process/version.h"
#include "store/store_report.h"
#include "tls/tls_tickets_report.h"

#include <stdio.h>

#define PEER_NAME_BYTES (BOARD_NAME_MAX + 1)

static const char *const phase_names[] = {
    [SUPERVISOR_RUNNING] = "running",
    [SUPERVISOR_NOTICE] = "stopping soon",
    [SUPERVISOR_DRAINING] = "draining",
    [SUPERVISOR_FAREWELL] = "leaving",
};

static const char *state_name(const struct child *c)
{
    static const char *const names[] = {
        [CHILD_ABSENT] = "absent",   [CHILD_WAITING] = "waiting",   [CHILD_STARTING] = "starting",
        [CHILD_RUNNING] = "running", [CHILD_RETIRING] = "retiring", [CHILD_LEAVING] = "leaving",
    };
    return c->state == CHILD_RUNNING && c->full ? "full" : names[c->state];
}

static uint64_t age_ms(const struct child *c, uint64_t now_ms)
{
    return child_is_alive(c) ? now_ms - c->started_ms : 0;
}

static uint64_t gauge_of(const struct supervisor *s, const struct child *c, enum metric_gauge id)
{
    return metrics_gauge(board_metrics(s->board, c->slot), id);
}

struct peer_figures {
    uint64_t in_flight, requests, connects, failures;
};

static struct peer_figures figures_of(const struct supervisor *s,
                                      const struct config_upstream *upstream,
                                      const struct config_peer *peer)
{
    char name[PEER_NAME_BYTES];
    snprintf(name, sizeof(name), "%s/%s", upstream->name, peer->address.text);
    int index = board_find(s->board, SERIES_PEER, slice_str(name));
    if (index < 0)
        return (struct peer_figures){ 0 };
    struct series_peer_counts counts = board_peer_counts(s->board, (uint32_t)index);
    return (struct peer_figures){
        .in_flight = board_in_flight(s->board, index),
        .requests = counter_read(&counts.by_event[SERIES_PEER_REQUEST]),
        .connects = counter_read(&counts.by_event[SERIES_PEER_CONNECT]),
        .failures = counter_read(&counts.by_event[SERIES_PEER_FAILURE]),
    };
}

/* --- for people ----------------------------------------------------------------------------- */

/* The two largest units that matter: "3d4h", "12m30s", "45s". */
static const char *format_age(uint64_t ms, char out[24])
{
    unsigned long long seconds = ms / 1000;
    if (seconds >= 86400)
        snprintf(out, 24, "%llud%lluh", seconds / 86400, seconds % 86400 / 3600);
    else if (seconds >= 3600)
        snprintf(out, 24, "%lluh%llum", seconds / 3600, seconds % 3600 / 60);
    else if (seconds >= 60)
        snprintf(out, 24, "%llum%llus", seconds / 60, seconds % 60);
    else
        snprintf(out, 24, "%llus", seconds);
    return out;
}

static void write_head(const struct supervisor *s, uint64_t now_ms, struct buf *out)
{
    char age[24];
    const struct config *config = s->generation.config;
    buf_printf(out, "cong " CONG_VERSION ", %s for %s, configuration %u (%s)\n",
               phase_names[s->phase], format_age(now_ms - s->started_ms, age), s->generation.number,
               s->config_path);
    buf_printf(out, "%llu connections open of %llu users planned for, %llu requests active\n",
               (unsigned long long)board_gauge_sum(s->board, GAUGE_CONNECTIONS_OPEN),
               (unsigned long long)config->capacity_users,
               (unsigned long long)board_gauge_sum(s->board, GAUGE_REQUESTS_ACTIVE));
}

static void write_process(const struct supervisor *s, const struct child *c, uint64_t now_ms,
                          struct buf *out)
{
    char name[16], age[24];
    buf_printf(out, "%-10s %8d  %-9s %7s %9u %7u %12llu %9llu\n", child_name(c, name), (int)c->pid,
               state_name(c), format_age(age_ms(c, now_ms), age), c->restarts, c->generation,
               (unsigned long long)gauge_of(s, c, GAUGE_CONNECTIONS_OPEN),
               (unsigned long long)gauge_of(s, c, GAUGE_REQUESTS_ACTIVE));
}

static void write_peers(const struct supervisor *s, const struct config_upstream *upstream,
                        struct buf *out)
{
    for (size_t i = 0; i < upstream->peer_count; i++) {
        struct peer_figures f = figures_of(s, upstream, &upstream->peers[i]);
        buf_printf(out, "%-24s %-24s %9llu %12llu %12llu %9llu\n", upstream->name,
                   upstream->peers[i].address.text, (unsigned long long)f.in_flight,
                   (unsigned long long)f.requests, (unsigned long long)f.connects,
                   (unsigned long long)f.failures);
    }
}

void status_write_table(const struct supervisor *s, uint64_t now_ms, struct buf *out)
{
    const struct config *config = s->generation.config;
    write_head(s, now_ms, out);
    guard_report_table(s->board, out);
    tls_tickets_report_table(board_ticket_section(s->board), out);
    buf_printf(out, "\n%-10s %8s  %-9s %7s %9s %7s %12s %9s\n", "process", "pid", "state", "age",
               "restarts", "config", "connections", "requests");
    write_process(s, &s->crew.children[CHILD_KEEPER], now_ms, out);
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++)
        if (s->crew.children[slot].state != CHILD_ABSENT)
            write_process(s, &s->crew.children[slot], now_ms, out);
    buf_printf(out, "\n%-32s %s\n", "listener", "serves");
    for (size_t i = 0; i < config->listener_count; i++)
        buf_printf(out, "%-32s %s\n", config->listeners[i].address.text,
                   config->listeners[i].tls ? "https" : "http");
    if (config->admin)
        buf_printf(out, "%-32s %s\n", config->admin->text, "admin");
    buf_printf(out, "\n%-24s %-24s %9s %12s %12s %9s\n", "upstream", "peer", "in flight",
               "requests", "connects", "failures");
    for (size_t i = 0; i < config->upstream_count; i++)
        write_peers(s, &config->upstreams[i], out);
    store_report_table(s->store, out);
}

/* --- for machines --------------------------------------------------------------------------- */

static void json_text(struct json *j, const char *key, const char *text)
{
    json_string(j, key, slice_str(text));
}

static void json_process(const struct supervisor *s, const struct child *c, uint64_t now_ms,
                         struct json *j)
{
    char name[16];
    json_object(j, NULL);
    json_text(j, "name", child_name(c, name));
    json_u64(j, "slot", c->slot);
    json_u64(j, "pid", (uint64_t)c->pid);
    json_text(j, "state", state_name(c));
    json_u64(j, "age_ms", age_ms(c, now_ms));
    json_u64(j, "restarts", c->restarts);
    json_u64(j, "generation", c->generation);
    json_u64(j, "connections_open", gauge_of(s, c, GAUGE_CONNECTIONS_OPEN));
    json_u64(j, "requests_active", gauge_of(s, c, GAUGE_REQUESTS_ACTIVE));
    json_u64(j, "pressure", gauge_of(s, c, GAUGE_PRESSURE));
    json_end_object(j);
}

static void json_upstream(const struct supervisor *s, const struct config_upstream *upstream,
                          struct json *j)
{
    json_object(j, NULL);
    json_text(j, "name", upstream->name);
    json_array(j, "peers");
    for (size_t i = 0; i < upstream->peer_count; i++) {
        struct peer_figures f = figures_of(s, upstream, &upstream->peers[i]);
        json_object(j, NULL);
        json_text(j, "address", upstream->peers[i].address.text);
        json_u64(j, "in_flight", f.in_flight);
        json_u64(j, "requests", f.requests);
        json_u64(j, "connects", f.connects);
        json_u64(j, "failures", f.failures);
        json_end_object(j);
    }
    json_end_array(j);
    json_end_object(j);
}

static void json_listener(const char *address, const char *serves, struct json *j)
{
    json_object(j, NULL);
    json_text(j, "address", address);
    json_text(j, "serves", serves);
    json_end_object(j);
}

static void json_listeners(const struct config *config, struct json *j)
{
    json_array(j, "listeners");
    for (size_t i = 0; i < config->listener_count; i++)
        json_listener(config->listeners[i].address.text,
                      config->listeners[i].tls ? "https" : "http", j);
    if (config->admin)
        json_listener(config->admin->text, "admin", j);
    json_end_array(j);
}

void status_write_json(const struct supervisor *s, uint64_t now_ms, struct buf *out)
{
    struct json j;
    const struct config *config = s->generation.config;
    json_init(&j, out);
    json_object(&j, NULL);
    json_text(&j, "version", CONG_VERSION);
    json_text(&j, "state", phase_names[s->phase]);
    json_u64(&j, "uptime_ms", now_ms - s->started_ms);
    json_u64(&j, "generation", s->generation.number);
    json_text(&j, "config", s->config_path);
    json_u64(&j, "capacity_users", config->capacity_users);
    guard_report_json(s->board, &j);
    tls_tickets_report_json(board_ticket_section(s->board), &j);
    json_array(&j, "processes");
    json_process(s, &s->crew.children[CHILD_KEEPER], now_ms, &j);
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++)
        if (s->crew.children[slot].state != CHILD_ABSENT)
            json_process(s, &s->crew.children[slot], now_ms, &j);
    json_end_array(&j);
    json_listeners(config, &j);
    json_array(&j, "upstreams");
    for (size_t i = 0; i < config->upstream_count; i++)
        json_upstream(s, &config->upstreams[i], &j);
    json_end_array(&j);
    store_report_json(s->store, &j);
    json_end_object(&j);
    buf_append_char(out, '\n');
}
