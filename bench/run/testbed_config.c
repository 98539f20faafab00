#include "bench/run/testbed_config.h"

#include <arpa/inet.h>

#define RUNTIME_DIR "/tmp/cong-bench.run" /* short enough for a socket's name; the run lock's */

/* Idle users keep their connection however long they think. The access log is formatted and
 * written, but to nowhere: ten minutes of it are a gigabyte. */
static const char head[] = "runtime_dir: " RUNTIME_DIR "\n"
                           "access_log: { file: /dev/null }\n"
                           "timeouts: { keep_alive: 1d, shutdown: 5s }\n"
                           "tls_tickets: { rotation: 1d }\n";

static void write_peers(struct testbed *t)
{
    for (uint32_t i = 0; i < t->scenario->testbed.nodes; i++)
        buf_printf(&t->config, "      - { address: 127.0.0.1:%u }\n",
                   ntohs(t->node_addresses[i].sin_port));
}

void testbed_config_write(struct testbed *t)
{
    struct buf *out = &t->config;
    uint32_t workers = t->scenario->testbed.gateway_workers;
    buf_clear(out);
    buf_append_str(out, "# Written by cong-bench for this run.\n");
    if (workers > 0)
        buf_printf(out, "workers: %u\n", workers);
    buf_printf(out, "capacity: { users: %u }\n", MAX(scenario_users_max(t->scenario), 1));
    buf_append_str(out, head);
    buf_printf(out,
               "listeners:\n"
               "  - address: 127.0.0.1:%u\n"
               "    tls: { certificates: [ { cert: portal.crt, key: portal.key } ] }\n"
               "admin: { address: 127.0.0.1:%u }\n"
               "upstreams:\n"
               "  - name: nodes\n"
               "    balance: least_connections\n"
               "    peers:\n",
               ntohs(t->gateway_address.sin_port), ntohs(t->admin_address.sin_port));
    write_peers(t);
    buf_append_str(out, "routes:\n"
                        "  - { path: /, upstream: nodes, body_limit: 64MiB }\n");
}
