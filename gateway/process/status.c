#include "process/status.h"

#include "common/clock.h"
#include "common/json.h"
#include "process/guard_report.h"
#include "process/upstream_report.h"
#include "process/version.h"
#include "store/store_report.h"
#include "tls/tls_tickets_report.h"

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

/* --- for people ----------------------------------------------------------------------------- */

static void write_head(const struct supervisor *s, uint64_t now_ms, struct buf *out)
{
    char age[CLOCK_AGE_BYTES];
    const struct config *config = s->generation.config;
    buf_printf(out, "cong " CONG_VERSION ", %s for %s, configuration %u (%s)\n",
               phase_names[s->phase], clock_format_age(now_ms - s->started_ms, age),
               s->generation.number, s->config_path);
    buf_printf(out, "%llu connections open of %llu users planned for, %llu requests active\n",
               (unsigned long long)board_gauge_sum(s->board, GAUGE_CONNECTIONS_OPEN),
               (unsigned long long)config->capacity_users,
               (unsigned long long)board_gauge_sum(s->board, GAUGE_REQUESTS_ACTIVE));
}

static void write_process(const struct supervisor *s, const struct child *c, uint64_t now_ms,
                          struct buf *out)
{
    char name[16], age[CLOCK_AGE_BYTES];
    buf_printf(out, "%-10s %8d  %-9s %7s %9u %7u %12llu %9llu\n", child_name(c, name), (int)c->pid,
               state_name(c), clock_format_age(age_ms(c, now_ms), age), c->restarts, c->generation,
               (unsigned long long)gauge_of(s, c, GAUGE_CONNECTIONS_OPEN),
               (unsigned long long)gauge_of(s, c, GAUGE_REQUESTS_ACTIVE));
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
    upstream_report_table(s->board, config, out);
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
    upstream_report_json(s->board, config, &j);
    store_report_json(s->store, &j);
    json_end_object(&j);
    buf_append_char(out, '\n');
}
