#include "bench/scenario/scenario_settings.h"

#include "config/setting_rows.h"

#define USERS_RANGE "0..10000000"
#define PERCENT_RANGE "0..100"

#define OWNER struct scenario_top

static const struct setting top_rows[] = {
    VALUE(name, name, NAME, REQUIRED, "1..64", "the name to run it by"),
    VALUE(about, about, TEXT, REQUIRED, "1..200", "what it shows, in one sentence"),
    VALUE(not_available, not_available, TEXT, NONE, "1..200", "why it cannot run yet"),
    VALUE(seed, seed, COUNT, "1", "0..18446744073709551615", "of everything random"),
    VALUE(search, search, BOOL, "false", NULL,
          "whether to look for the largest multiple of the users that passes"),
    PART(phases, LIST, REQUIRED, "1" UP_TO(SCENARIO_PHASES_MAX), "what happens, one after another"),
    PART(load, MAPPING, NONE, NULL, "who the users are and what they do"),
    PART(faults, LIST, NONE, "0" UP_TO(SCENARIO_FAULTS_MAX), "what is broken meanwhile"),
    /* The reader adds three: no dossier lost, doubled or changed. */
    PART(criteria, LIST, REQUIRED, "1..45", "what must hold for a PASS"),
    PART(testbed, MAPPING, NONE, NULL, "the gateway and the nodes behind it"),
};
SECTION(scenario_settings_top, top_rows, "");

#undef OWNER
#define OWNER struct scenario_phase

static const struct setting phase_rows[] = {
    VALUE(name, name, NAME, REQUIRED, "1..32", "name for criteria and reports"),
    VALUE(duration, duration_ms, DURATION, REQUIRED, "1s..5h", "how long it lasts"),
    VALUE(users, users_to, COUNT, REQUIRED, USERS_RANGE,
          "connected users at its end, on a straight line from the end of the phase before"),
    VALUE(arrivals_per_s, arrivals_per_s, COUNT, "0", "0..100000",
          "further connections for one request each"),
    VALUE(think_median, think_median_ms, DURATION, "15s", "1ms..1h", "median pause of a user"),
    VALUE(think_mean, think_mean_ms, DURATION, "30s", "1ms..1h", "mean pause of a user"),
    VALUE(resumed_percent, resumed_percent, COUNT, NONE, PERCENT_RANGE,
          "handshakes that resume a session; as in load if not given"),
    PART(attackers, MAPPING, NONE, NULL, "who attacks meanwhile, for as long as the phase lasts"),
    VALUE(judged, judged, BOOL, "false", NULL, "whether criteria without a phase look at it"),
};
SECTION(scenario_settings_phase, phase_rows, "phases[]");

/* Each has an address of its own, and all are in one process, which steps back for the users'. */
static const struct setting attackers_rows[] = {
#define KIND(id, name, text)                                                                       \
    VALUE(name, attackers[ATTACK_##id], COUNT, "0", USERS_RANGE, "each " text),
    ATTACK_KINDS(KIND)
#undef KIND
};
SECTION(scenario_settings_attackers, attackers_rows, "phases[].attackers");

#undef OWNER
#define OWNER struct scenario_load

static const struct setting load_rows[] = {
    PART(users, MAPPING, NONE, NULL, "kinds of users"),
    VALUE(http2_percent, http2_percent, COUNT, "0", PERCENT_RANGE, "users that speak HTTP/2"),
    VALUE(resumed_percent, resumed_percent, COUNT, "30", PERCENT_RANGE,
          "handshakes that resume a session"),
    VALUE(slow_percent, slow_percent, COUNT, "10", PERCENT_RANGE, "users on a slow link"),
    VALUE(slow_rate_min, slow_bytes_per_s_min, SIZE, "8000B", "100B..1GiB",
          "the slowest link, a second"),
    VALUE(slow_rate_max, slow_bytes_per_s_max, SIZE, "64000B", "100B..1GiB",
          "the fastest of the slow links, a second"),
    VALUE(shared_address_percent, shared_address_percent, COUNT, "30", PERCENT_RANGE,
          "users who share an address with others"),
    VALUE(connects_per_s, connects_per_s, COUNT, "1000", "1..1000000",
          "most new users' connections a second"),
    VALUE(procedures, procedures, COUNT, "2000", "1..100000", "procedures of the catalogue"),
    VALUE(hot_procedures, hot_procedures, COUNT, "20", "1..100000", "those most asked for"),
    VALUE(hot_percent, hot_percent, COUNT, "70", PERCENT_RANGE, "requests that go to those"),
    VALUE(upload_min, upload_bytes_min, SIZE, "64KiB", "1B..1GiB", "the smallest attachment"),
    VALUE(upload_max, upload_bytes_max, SIZE, "5MiB", "1B..1GiB", "the largest attachment"),
    VALUE(login_percent, login_percent, COUNT, "3", PERCENT_RANGE,
          "actions that are a login, of users who may; 0: as their journey has it"),
    VALUE(submit_percent, submit_percent, COUNT, "1", PERCENT_RANGE,
          "actions that submit something, of users who may; 0: as their journey has it"),
    VALUE(probe_users, probe_users, COUNT, "200", "0..10000",
          "users with a fixed schedule, in a process of their own"),
    VALUE(probe_interval, probe_interval_ms, DURATION, "1s", "10ms..1h", "their pause"),
    VALUE(session_mean, session_mean_ms, DURATION, "10m", "0s..5h",
          "stay of a citizen before another comes on a new connection; 0s: nobody leaves"),
    VALUE(request_timeout, request_timeout_ms, DURATION, "30s", "10ms..1h",
          "a user gives up: an error"),
    VALUE(sessions, sessions, BOOL, "false", NULL,
          "whether logins make sessions that the gateway keeps"),
    VALUE(attack_pace, attack_pace_ms, DURATION, "3s", "10ms..1h",
          "slow attackers: a byte, or a few bytes read, after so long"),
    VALUE(attack_return, attack_return_ms, DURATION, "1s", "0s..1h",
          "attackers who are sent away come back after it; 0s: they stay away"),
    VALUE(retries, retries, COUNT, "0", "0..100",
          "how often a dossier is sent again, with the same key, when its answer was lost"),
};
SECTION(scenario_settings_load, load_rows, "load");

static const struct setting users_rows[] = {
    VALUE(citizen, user_percent[USER_CITIZEN], COUNT, "55", PERCENT_RANGE,
          "look up, sign in, file a dossier"),
    VALUE(follow_up, user_percent[USER_FOLLOW_UP], COUNT, "20", PERCENT_RANGE, "track a dossier"),
    VALUE(counter, user_percent[USER_COUNTER], COUNT, "15", PERCENT_RANGE, "file for others"),
    VALUE(official, user_percent[USER_OFFICIAL], COUNT, "7", PERCENT_RANGE,
          "work through dossiers"),
    VALUE(app, user_percent[USER_APP], COUNT, "3", PERCENT_RANGE, "take a number and poll it"),
    VALUE(uploader, user_percent[USER_UPLOADER], COUNT, "0", PERCENT_RANGE,
          "send one attachment after another, on slow links all of them"),
};
SECTION(scenario_settings_users, users_rows, "load.users");

#undef OWNER
#define OWNER struct scenario_fault

static const struct setting fault_rows[] = {
    VALUE(action, action, CHOICE, REQUIRED,
          "kill_node|stop_node|continue_node|start_node|reload|kill_worker|kill_redis|start_redis|"
          "drop_connections|lose_dossier|starve_generator|kill_gateway|start_gateway|"
          "hang|slow|reset|flap|mend",
          "what is done; the last five to the backends of a province"),
    PART(phase, SCALAR, REQUIRED, NULL, "name of the phase in which it is done"),
    VALUE(at, at_ms, DURATION, "0s", "0s..5h", "when, from the start of that phase"),
    VALUE(argument, argument, COUNT, "0", "0..1000000",
          "which node, gateway or worker (from 0), how many percent or loops"),
    PART(province, SCALAR, NONE, NULL,
         "whose backends hang, are slow, …; to mend: all if not given"),
    PART(system, SCALAR, NONE, NULL,
         "in place of a province: " SCENARIO_SYSTEM ", which every province asks"),
    VALUE(time, time_ms, DURATION, "0s", "0s..1h", "how slow; how long they are down, and up"),
};
SECTION(scenario_settings_fault, fault_rows, "faults[]");

#undef OWNER
#define OWNER struct scenario_testbed_row

static const struct setting testbed_rows[] = {
    VALUE(nodes, testbed.nodes, COUNT, "4", "1..16", "simulated nodes behind the gateway"),
    VALUE(gateway_workers, testbed.gateway_workers, COUNT, "8", "1..64", "its worker processes"),
    VALUE(node_latency, node_latency, TEXT, "lognormal:median=5ms,mean=8ms", "1..100",
          "how long a node takes, as cong-bench node has it"),
    VALUE(node_options, node_options, TEXT, NONE, "0..500", "further options of cong-bench node"),
    VALUE(gateway_timeouts, gateway_timeouts, TEXT, NONE, "0..200",
          "timeouts of the gateway, such as \"request_head: 1s, send: 5s\""),
    VALUE(gateway_settings, gateway_settings, TEXT, NONE, "0..1000",
          "further settings of the gateway, whole lines of its file"),
    /* One upstream for the whole country has the slots of many. */
    VALUE(gateway_upstream, gateway_upstream, TEXT,
          "balance: least_connections, isolation: { max_inflight: 1638 }", "0..500",
          "settings of every upstream, such as \"balance: round_robin, retries: 0\""),
    VALUE(gateway_route, gateway_route, TEXT, NONE, "0..500", "settings of every route"),
    VALUE(gateway_system_route, gateway_system_route, TEXT, NONE, "0..500",
          "settings of the routes that need " SCENARIO_SYSTEM),
    VALUE(provinces, testbed.provinces, COUNT, "0", "0..34",
          "provinces, each with an upstream and its share of the users; 0: none is told apart"),
    VALUE(province_peers, testbed.province_peers, COUNT, "2", "1..4", "peers of each"),
    VALUE(gateways, testbed.gateways, COUNT, "1", "1..2", "gateways, connected to in turn"),
    VALUE(submissions, testbed.submissions, CHOICE, "off", "off|none|dedup",
          "what nodes do with an idempotency key, and the gateway is told"),
    VALUE(redis, testbed.redis, BOOL, "false", NULL, "whether the gateway has a Redis"),
};
SECTION(scenario_settings_testbed, testbed_rows, "testbed");
