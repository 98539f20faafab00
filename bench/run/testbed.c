#include "bench/run/testbed.h"

#include "bench/run/certificate.h"
#include "bench/run/http_get.h"
#include "bench/run/relay.h"
#include "bench/run/testbed_config.h"
#include "common/clock.h"
#include "common/random.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_BYTES 65536
#define START_MS 15000
#define STOP_MS 10000
#define LOOK_MS 20
#define NODE_ARGUMENTS 352 /* two for each address of a province's peer, and some more */
#define SECRET_BYTES 64
#define ADDRESS_BYTES 24
/* Below the range that the kernel takes the clients' own ports from. */
#define PORT_FIRST 24000
#define PORT_COUNT 1000

/* --- paths and ports ------------------------------------------------------------------------- */

static void path_in(const struct testbed *t, char out[PATH_MAX], const char *name)
{
    snprintf(out, PATH_MAX, "%s/%s", t->folder, name);
}

static bool nodes_share_journal(const struct testbed *t)
{
    return t->scenario->testbed.submissions == SUBMISSIONS_DEDUP;
}

uint32_t testbed_journal_count(const struct testbed *t)
{
    return nodes_share_journal(t) ? 1 : t->scenario->testbed.nodes;
}

void testbed_journal_path(const struct testbed *t, uint32_t index, char out[PATH_MAX])
{
    char name[32];
    snprintf(name, sizeof(name), "node-%u.journal", nodes_share_journal(t) ? 1 : index + 1);
    path_in(t, out, name);
}

static int find_programs(struct testbed *t, struct err *e)
{
    ssize_t len = readlink("/proc/self/exe", t->bench_path, sizeof(t->bench_path) - 1);
    if (len < 0)
        return err_system(e, "cannot find out where cong-bench is");
    t->bench_path[len] = '\0';
    int folder = (int)(strrchr(t->bench_path, '/') - t->bench_path);
    snprintf(t->gateway_path, sizeof(t->gateway_path), "%.*s/cong", folder, t->bench_path);
    return access(t->gateway_path, X_OK) == 0
               ? 0
               : err_system(e, "there is no gateway to test at %s", t->gateway_path);
}

static bool is_free(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static int choose_address(struct sockaddr_in *address, uint16_t *next, struct err *e)
{
    for (; *next < PORT_FIRST + PORT_COUNT; (*next)++) {
        *address = (struct sockaddr_in){ .sin_family = AF_INET,
                                         .sin_port = htons(*next),
                                         .sin_addr = { htonl(INADDR_LOOPBACK) } };
        if (is_free(address)) {
            (*next)++;
            return 0;
        }
    }
    return err_set(e, ERR_LIMIT, "there is no free port from %d to %d", PORT_FIRST,
                   PORT_FIRST + PORT_COUNT - 1);
}

/* Of all provinces, one after another, as the node's listeners are. */
static uint32_t peer_count(const struct testbed *t)
{
    return t->scenario->testbed.provinces * t->scenario->testbed.province_peers;
}

static struct sockaddr_in *peer_address(struct testbed *t, uint32_t index)
{
    uint32_t each = t->scenario->testbed.province_peers;
    return &t->peer_addresses[index / each][index % each];
}

static int choose_addresses(struct testbed *t, struct err *e)
{
    struct testbed_gateway *g = t->gateways;
    struct sockaddr_in *wanted[] = { &g[0].address, &g[0].admin,       &g[1].address,
                                     &g[1].admin,   &t->relay_address, &t->redis_address };
    uint16_t next = PORT_FIRST;
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(wanted) && rc == 0; i++)
        rc = choose_address(wanted[i], &next, e);
    for (uint32_t i = 0; i < t->scenario->testbed.nodes && rc == 0; i++)
        rc = choose_address(&t->node_addresses[i], &next, e);
    for (uint32_t i = 0; i < peer_count(t) && rc == 0; i++)
        rc = choose_address(peer_address(t, i), &next, e);
    return rc;
}

static int write_file(const char *path, struct slice data, struct err *e)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return err_system(e, "cannot write %s", path);
    bool written = fwrite(data.data, data.len, 1, file) == 1;
    return fclose(file) == 0 && written ? 0 : err_system(e, "cannot write %s", path);
}

static void gateway_name(uint32_t index, char out[16])
{
    snprintf(out, 16, index ? "gateway-%u" : "gateway", index + 1);
}

static int write_config(struct testbed *t, uint32_t index, struct err *e)
{
    char name[16], file[24];
    struct testbed_gateway *g = &t->gateways[index];
    buf_init(&g->config, CONFIG_BYTES);
    gateway_name(index, name);
    snprintf(file, sizeof(file), "%s.yaml", name);
    path_in(t, g->config_path, file);
    testbed_config_write(t, index, &g->config);
    return write_file(g->config_path, buf_slice(&g->config), e);
}

/* What gateways of a run share, and no other run has. */
static int write_secret(const struct testbed *t, struct err *e)
{
    char path[PATH_MAX], secret[SECRET_BYTES];
    path_in(t, path, "store.secret");
    random_bytes(secret, sizeof(secret));
    return write_file(path, slice_of(secret, sizeof(secret)), e);
}

int testbed_init(struct testbed *t, struct err *e)
{
    char key_path[PATH_MAX];
    path_in(t, t->certificate_path, "portal.crt");
    path_in(t, key_path, "portal.key");
    if (t->scenario->testbed.nodes > TESTBED_NODES_MAX ||
        t->scenario->testbed.gateways > TESTBED_GATEWAYS_MAX)
        return err_set(e, ERR_LIMIT, "a testbed has %d nodes and %d gateways at most",
                       TESTBED_NODES_MAX, TESTBED_GATEWAYS_MAX);
    int rc = find_programs(t, e);
    if (rc == 0)
        rc = choose_addresses(t, e);
    if (rc == 0)
        rc = certificate_make(TESTBED_HOST, t->certificate_path, key_path, e);
    if (rc == 0)
        rc = write_secret(t, e);
    for (uint32_t i = 0; i < t->scenario->testbed.gateways && rc == 0; i++)
        rc = write_config(t, i, e);
    return rc;
}

void testbed_fini(struct testbed *t)
{
    for (size_t i = 0; i < TESTBED_GATEWAYS_MAX; i++)
        buf_fini(&t->gateways[i].config);
}

/* --- programs -------------------------------------------------------------------------------- */

static int start(struct testbed *t, struct program *p, const char *name, enum process_role role,
                 struct program_launch how, struct err *e)
{
    char log_name[40], log_path[PATH_MAX];
    snprintf(log_name, sizeof(log_name), "%s.log", name);
    path_in(t, log_path, log_name);
    how.log_path = log_path;
    how.cores = &t->placement->gateway;
    int rc = program_start(p, name, &how, e);
    if (rc == 0)
        process_table_enrol(t->processes, p->pid, role);
    return rc;
}

/* Appends the words of `text`, cut apart in place. */
static size_t append_words(char **argv, size_t count, size_t max, char *text)
{
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word && count < max;
         word = strtok_r(NULL, " ", &rest))
        argv[count++] = word;
    return count;
}

int testbed_start_node(struct testbed *t, uint32_t index, struct err *e)
{
    char name[16], address[32], peers[PROVINCES_MAX * TESTBED_PEERS_MAX][ADDRESS_BYTES],
        journal[PATH_MAX], words[512];
    char node[] = "node", name_option[] = "--name", listen_option[] = "--listen",
         journal_option[] = "--journal", arrivals_option[] = "--arrivals",
         latency_option[] = "--latency", unique_option[] = "--unique", yes[] = "yes";
    const struct scenario_testbed *wanted = &t->scenario->testbed;
    snprintf(name, sizeof(name), "node-%u", index + 1);
    snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(t->node_addresses[index].sin_port));
    testbed_journal_path(t, index, journal);
    char *argv[NODE_ARGUMENTS + 1] = { t->bench_path,   node,    name_option,    name,
                                       listen_option,   address, journal_option, journal,
                                       arrivals_option, yes };
    size_t count = 10;
    for (uint32_t i = 0; i < peer_count(t); i++) {
        snprintf(peers[i], ADDRESS_BYTES, "127.0.0.1:%u", ntohs(peer_address(t, i)->sin_port));
        argv[count++] = listen_option;
        argv[count++] = peers[i];
    }
    if (wanted->node_latency && wanted->node_latency[0]) {
        argv[count++] = latency_option;
        argv[count++] = (char *)wanted->node_latency;
    }
    if (nodes_share_journal(t)) {
        argv[count++] = unique_option;
        argv[count++] = yes;
    }
    snprintf(words, sizeof(words), "%s", wanted->node_options ? wanted->node_options : "");
    append_words(argv, count, NODE_ARGUMENTS, words);
    struct program_launch how = { .argv = argv, .death_signal = SIGKILL };
    return start(t, &t->nodes[index], name, ROLE_NODE, how, e);
}

int testbed_start_redis(struct testbed *t, struct err *e)
{
    char path[] = "/usr/bin/redis-server", bind_option[] = "--bind", host[] = "127.0.0.1",
         port_option[] = "--port", port[8], save_option[] = "--save", never[] = "",
         append_option[] = "--appendonly", yes[] = "yes", sync_option[] = "--appendfsync",
         always[] = "always", dir_option[] = "--dir";
    snprintf(port, sizeof(port), "%u", ntohs(t->redis_address.sin_port));
    char *argv[] = {
        path,          bind_option, host,        port_option, port,       save_option,       never,
        append_option, yes,         sync_option, always,      dir_option, (char *)t->folder, NULL
    };
    struct program_launch how = { .argv = argv, .death_signal = SIGKILL };
    return start(t, &t->redis, "redis", ROLE_NODE, how, e);
}

int testbed_start_gateway(struct testbed *t, uint32_t index, struct err *e)
{
    struct testbed_gateway *g = &t->gateways[index];
    char run[] = "run", option[] = "-c", name[16];
    char *argv[] = { t->gateway_path, run, option, g->config_path, NULL };
    struct program_launch how = { .argv = argv, .death_signal = SIGQUIT };
    gateway_name(index, name);
    return start(t, &g->program, name, ROLE_GATEWAY, how, e);
}

static int reload_one(struct testbed *t, uint32_t index, struct err *e)
{
    char reload[] = "reload", option[] = "-c";
    char *argv[] = { t->gateway_path, reload, option, t->gateways[index].config_path, NULL };
    struct program_launch how = { .argv = argv, .death_signal = SIGKILL };
    program_stop(&t->commands[index], SIGTERM, 0);
    return start(t, &t->commands[index], "reload", ROLE_OURS, how, e);
}

int testbed_reload(struct testbed *t, struct err *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < t->scenario->testbed.gateways && rc == 0; i++)
        rc = reload_one(t, i, e);
    return rc;
}

static const struct scenario_fault *find_fault(const struct scenario *s,
                                               enum scenario_fault_action action)
{
    for (uint32_t i = 0; i < s->fault_count; i++)
        if (s->faults[i].action == action)
            return &s->faults[i];
    return NULL;
}

static int start_relay(struct testbed *t, struct err *e)
{
    const struct scenario_fault *drop = find_fault(t->scenario, FAULT_DROP_CONNECTIONS);
    if (!drop)
        return 0;
    struct relay_setup setup = { .listen = t->relay_address,
                                 .gateway = t->gateways[0].address,
                                 .drop_percent = MIN(drop->argument, 100) };
    struct program_launch how = { .call = relay_main, .argument = &setup, .death_signal = SIGKILL };
    return start(t, &t->relay, "relay", ROLE_OURS, how, e);
}

void testbed_entrance(const struct testbed *t, char *out, size_t size)
{
    struct buf list;
    buf_init(&list, size);
    for (uint32_t i = 0; i < t->scenario->testbed.gateways; i++) {
        const struct sockaddr_in *at = t->relay.pid ? &t->relay_address : &t->gateways[i].address;
        buf_printf(&list, "%s127.0.0.1:%u", i ? "," : "", ntohs(at->sin_port));
    }
    snprintf(out, size, "%.*s", SLICE_ARG(buf_slice(&list)));
    buf_fini(&list);
}

/* --- from nothing to ready ------------------------------------------------------------------- */

/* What it said last, which tells why it ended. */
static void last_line(const struct testbed *t, const char *name, char *out, size_t size)
{
    char path[PATH_MAX];
    out[0] = '\0';
    snprintf(path, sizeof(path), "%s/%s.log", t->folder, name);
    FILE *file = fopen(path, "re");
    while (file && fgets(out, (int)size, file)) {
    }
    out[strcspn(out, "\n")] = '\0';
    if (file)
        fclose(file);
}

static int wait_for(struct testbed *t, struct program *p, const struct sockaddr_in *address,
                    const char *path, struct err *e)
{
    char line[300], end[64];
    struct buf body;
    uint64_t deadline_ms = clock_now_ms() + START_MS;
    bool answers = false;
    buf_init(&body, CONFIG_BYTES);
    while (!answers && program_runs(p) && clock_now_ms() < deadline_ms &&
           !interrupt_wait(t->interrupt, LOOK_MS))
        answers = http_get(address, path, 1000, &body) == 200;
    buf_fini(&body);
    if (answers || t->interrupt->raised)
        return answers ? 0 : err_set(e, ERR_SYSTEM, "interrupted");
    program_describe_end(p, end, sizeof(end));
    last_line(t, p->name, line, sizeof(line));
    return err_set(e, ERR_SYSTEM, "%s%s: %s (all of it in %s/%s.log)", p->pid ? p->name : end,
                   p->pid ? " does not answer" : "", line, t->folder, p->name);
}

static int start_gateways(struct testbed *t, struct err *e)
{
    uint32_t count = t->scenario->testbed.gateways;
    int rc = 0;
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        testbed_config_forget(i);
        rc = testbed_start_gateway(t, i, e);
    }
    for (uint32_t i = 0; i < count && rc == 0; i++)
        rc = wait_for(t, &t->gateways[i].program, &t->gateways[i].admin, "/ready", e);
    return rc;
}

int testbed_start(struct testbed *t, struct err *e)
{
    uint32_t nodes = t->scenario->testbed.nodes;
    int rc = t->scenario->testbed.redis ? testbed_start_redis(t, e) : 0;
    for (uint32_t i = 0; i < nodes && rc == 0; i++)
        rc = testbed_start_node(t, i, e);
    for (uint32_t i = 0; i < nodes && rc == 0; i++)
        rc = wait_for(t, &t->nodes[i], &t->node_addresses[i], "/stats", e);
    if (rc == 0)
        rc = start_gateways(t, e);
    return rc ? rc : start_relay(t, e);
}

void testbed_stop(struct testbed *t)
{
    for (size_t i = 0; i < TESTBED_GATEWAYS_MAX; i++)
        program_stop(&t->commands[i], SIGTERM, 0);
    program_stop(&t->relay, SIGTERM, STOP_MS);
    for (size_t i = 0; i < TESTBED_GATEWAYS_MAX; i++)
        program_stop(&t->gateways[i].program, SIGTERM, STOP_MS);
    for (size_t i = 0; i < TESTBED_NODES_MAX; i++)
        program_stop(&t->nodes[i], SIGTERM, STOP_MS);
    program_stop(&t->redis, SIGTERM, STOP_MS);
}
