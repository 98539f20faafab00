#include "bench/run/testbed_config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

/* Short enough for a socket's name; the run lock's. */
#define RUNTIME_DIR "/tmp/cong-bench.run"

/* Idle users keep their connection however long they think, and all of them come from a handful of
 * addresses. The access log is formatted and written, but to nowhere: ten minutes of it are a
 * gigabyte. */
static void write_head(const struct scenario *s, struct buf *out)
{
    const char *settings = s->testbed.gateway_settings;
    const char *timeouts = s->testbed.gateway_timeouts;
    bool has_more = timeouts && timeouts[0];
    buf_printf(out,
               "access_log: { file: /dev/null }\n"
               "limits: { connections_per_address: 10000000,\n"
               "          handshakes_per_address: 10000000 }\n"
               "timeouts: { keep_alive: 1d, shutdown: 5s%s%s }\n"
               "tls_tickets: { rotation: 1d }\n",
               has_more ? ", " : "", has_more ? timeouts : "");
    if (settings && settings[0])
        buf_printf(out, "%s\n", settings);
}

/* Nobody is to meet them: what they cost is looked at, and thousands share an address. */
static const char limits[] = "rate_limits:\n"
                             "  - { name: person, key: session, limit: 600000, period: 1m }\n"
                             "  - { name: network, key: address, limit: 600000, period: 1m }\n";

static const char *suffix(uint32_t index)
{
    return index ? "-2" : "";
}

static void write_store(const struct testbed *t, uint32_t index, struct buf *out)
{
    buf_printf(out,
               "store:\n"
               "  journal: journal-%u\n"
               "  secret: store.secret\n",
               index + 1);
    if (t->scenario->testbed.redis)
        buf_printf(out, "  redis: { servers: [ 127.0.0.1:%u ] }\n",
                   ntohs(t->redis_address.sin_port));
}

/* ", " and the settings, to be put into a mapping; nothing without any. */
static void write_more(struct buf *out, const char *settings)
{
    if (settings && settings[0])
        buf_printf(out, ", %s", settings);
}

static void write_upstream(const struct testbed *t, const char *name,
                           const struct sockaddr_in *peers, uint32_t count, struct buf *out)
{
    buf_printf(out, "  - { name: %s", name);
    write_more(out, t->scenario->testbed.gateway_upstream);
    buf_append_str(out, ",\n      peers: [");
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, "%s { address: 127.0.0.1:%u }", i ? "," : "", ntohs(peers[i].sin_port));
    buf_append_str(out, " ] }\n");
}

static void write_upstreams(const struct testbed *t, struct buf *out)
{
    const struct scenario_testbed *wanted = &t->scenario->testbed;
    buf_append_str(out, "upstreams:\n");
    write_upstream(t, "nodes", t->node_addresses, wanted->nodes, out);
    for (uint32_t p = 0; p < wanted->provinces; p++)
        write_upstream(t, province_name(p), t->peer_addresses[p], wanted->province_peers, out);
}

/* A province has its own pages, and those that ask the shared system on the way. */
static void write_province_routes(const struct testbed *t, uint32_t province, struct buf *out)
{
    const char *name = province_name(province);
    const struct scenario_testbed *wanted = &t->scenario->testbed;
    buf_printf(out, "  - { path: /tinh/%s, rewrite: /, upstream: %s", name, name);
    write_more(out, wanted->gateway_route);
    buf_printf(out,
               " }\n  - { path: /tinh/%s/" SCENARIO_SYSTEM ", rewrite: /" SCENARIO_SYSTEM
               ", upstream: %s",
               name, name);
    write_more(out, wanted->gateway_route);
    write_more(out, wanted->gateway_system_route);
    buf_append_str(out, " }\n");
}

/* Only where journeys alone decide does everybody sign in before they file. */
static const char *session_of_signed_in(const struct scenario_load *load)
{
    if (!load->sessions)
        return "";
    return load->login_percent || load->submit_percent
               ? ", session: optional, rate_limits: [ person, network ]"
               : ", session: required, rate_limits: [ person, network ]";
}

static void write_routes(const struct testbed *t, struct buf *out)
{
    static const char *const backends[] = {
        [SUBMISSIONS_NONE] = "none", [SUBMISSIONS_DEDUP] = "dedup"
    };
    const struct scenario *s = t->scenario;
    const char *signed_in = session_of_signed_in(&s->load);
    buf_append_str(out, "routes:\n");
    if (s->load.sessions)
        buf_printf(out,
                   "  - { path: /dan-cu, upstream: nodes%s }\n"
                   "  - { path: /hop-thu, upstream: nodes%s }\n",
                   signed_in, signed_in);
    if (s->testbed.submissions != SUBMISSIONS_OFF)
        buf_printf(out,
                   "  - { path: /dossiers, methods: [ POST ], upstream: nodes%s,\n"
                   "      submission: { backend: %s } }\n",
                   signed_in, backends[s->testbed.submissions]);
    for (uint32_t p = 0; p < s->testbed.provinces; p++)
        write_province_routes(t, p, out);
    buf_printf(out, "  - { path: /, upstream: nodes, body_limit: 64MiB%s",
               s->load.sessions ? ", session: optional, rate_limits: [ person, network ]" : "");
    write_more(out, s->testbed.gateway_route);
    buf_append_str(out, " }\n");
}

void testbed_config_write(const struct testbed *t, uint32_t index, struct buf *out)
{
    const struct scenario *s = t->scenario;
    const struct testbed_gateway *g = &t->gateways[index];
    buf_clear(out);
    buf_append_str(out, "# Written by cong-bench for this run.\n");
    buf_printf(out, "runtime_dir: " RUNTIME_DIR "%s\n", suffix(index));
    if (s->testbed.gateway_workers > 0)
        buf_printf(out, "workers: %u\n", s->testbed.gateway_workers);
    /* Attackers take room, too. */
    uint32_t connections = scenario_users_max(s) + scenario_attackers_all(s);
    buf_printf(out, "capacity: { users: %u }\n", MAX(connections, 1));
    write_head(s, out);
    if (s->load.sessions || s->testbed.submissions != SUBMISSIONS_OFF || s->testbed.redis)
        write_store(t, index, out);
    if (s->load.sessions)
        buf_append_str(out, limits);
    buf_printf(out,
               "listeners:\n"
               "  - address: 127.0.0.1:%u\n"
               "    tls: { certificates: [ { cert: portal.crt, key: portal.key } ] }\n"
               "admin: { address: 127.0.0.1:%u }\n",
               ntohs(g->address.sin_port), ntohs(g->admin.sin_port));
    write_upstreams(t, out);
    write_routes(t, out);
}

void testbed_config_forget(uint32_t index)
{
    char path[64];
    snprintf(path, sizeof(path), RUNTIME_DIR "%s/store", suffix(index));
    unlink(path);
}
