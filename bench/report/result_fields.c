#include "bench/report/result_fields.h"

/* clang-format off */
#define TYPE_OF(member)                                                                            \
    _Generic((member), uint32_t: FIELD_U32, uint64_t: FIELD_U64, int: FIELD_INT,                   \
             double: FIELD_DOUBLE, bool: FIELD_BOOL, const char *: FIELD_STRING)
/* clang-format on */
#define FIELD_AS(tag, member, name)                                                                \
    {                                                                                              \
        name, TYPE_OF(((struct tag *)0)->member), offsetof(struct tag, member)                     \
    }
#define FIELD(tag, member) FIELD_AS(tag, member, #member)
#define TABLE(table, tag, list)                                                                    \
    const struct field_table table = { sizeof(struct tag), ARRAY_LEN(list), list }

static const struct field scenario[] = {
    FIELD(scenario, name),   FIELD(scenario, about), FIELD(scenario, file),
    FIELD(scenario, search), FIELD(scenario, scale), FIELD(scenario, seed),
};
TABLE(fields_scenario, scenario, scenario);

static const struct field phase[] = { FIELD(scenario_phase, name),
                                      FIELD(scenario_phase, duration_ms),
                                      FIELD(scenario_phase, users_from),
                                      FIELD(scenario_phase, users_to),
                                      FIELD(scenario_phase, arrivals_per_s),
                                      FIELD(scenario_phase, think_median_ms),
                                      FIELD(scenario_phase, think_mean_ms),
                                      FIELD(scenario_phase, judged),
                                      FIELD(scenario_phase, resumed_percent),
#define KIND(id, name, text) FIELD_AS(scenario_phase, attackers[ATTACK_##id], #name "_attackers"),
                                      ATTACK_KINDS(KIND)
#undef KIND
};
TABLE(fields_phase, scenario_phase, phase);

static const struct field load[] = {
    FIELD_AS(scenario_load, user_percent[USER_CITIZEN], "citizen_percent"),
    FIELD_AS(scenario_load, user_percent[USER_FOLLOW_UP], "follow_up_percent"),
    FIELD_AS(scenario_load, user_percent[USER_COUNTER], "counter_percent"),
    FIELD_AS(scenario_load, user_percent[USER_OFFICIAL], "official_percent"),
    FIELD_AS(scenario_load, user_percent[USER_APP], "app_percent"),
    FIELD_AS(scenario_load, user_percent[USER_UPLOADER], "uploader_percent"),
    FIELD(scenario_load, http2_percent),
    FIELD(scenario_load, resumed_percent),
    FIELD(scenario_load, slow_percent),
    FIELD(scenario_load, shared_address_percent),
    FIELD(scenario_load, slow_bytes_per_s_min),
    FIELD(scenario_load, slow_bytes_per_s_max),
    FIELD(scenario_load, connects_per_s),
    FIELD(scenario_load, procedures),
    FIELD(scenario_load, hot_procedures),
    FIELD(scenario_load, hot_percent),
    FIELD(scenario_load, upload_bytes_min),
    FIELD(scenario_load, upload_bytes_max),
    FIELD(scenario_load, login_percent),
    FIELD(scenario_load, submit_percent),
    FIELD(scenario_load, probe_users),
    FIELD(scenario_load, probe_interval_ms),
    FIELD(scenario_load, session_mean_ms),
    FIELD(scenario_load, request_timeout_ms),
    FIELD(scenario_load, retries),
    FIELD(scenario_load, sessions),
    FIELD(scenario_load, attack_pace_ms),
    FIELD(scenario_load, attack_return_ms),
};
TABLE(fields_load, scenario_load, load);

static const struct field fault[] = {
    FIELD(scenario_fault, action),    FIELD(scenario_fault, phase),
    FIELD(scenario_fault, at_ms),     FIELD(scenario_fault, argument),
    FIELD(scenario_fault, line),      FIELD(scenario_fault, province),
    FIELD(scenario_fault, of_system), FIELD(scenario_fault, time_ms),
};
TABLE(fields_fault, scenario_fault, fault);

static const struct field criterion[] = {
    FIELD(scenario_criterion, metric), FIELD(scenario_criterion, class),
    FIELD(scenario_criterion, phase),  FIELD(scenario_criterion, at_least),
    FIELD(scenario_criterion, limit),  FIELD(scenario_criterion, text),
    FIELD(scenario_criterion, line),   FIELD(scenario_criterion, group),
};
TABLE(fields_criterion, scenario_criterion, criterion);

static const struct field testbed[] = {
    FIELD(scenario_testbed, nodes),        FIELD(scenario_testbed, gateway_workers),
    FIELD(scenario_testbed, node_latency), FIELD(scenario_testbed, node_options),
    FIELD(scenario_testbed, redis),        FIELD(scenario_testbed, gateways),
    FIELD(scenario_testbed, submissions),  FIELD(scenario_testbed, gateway_timeouts),
    FIELD(scenario_testbed, provinces),    FIELD(scenario_testbed, province_peers),
};
TABLE(fields_testbed, scenario_testbed, testbed);

static const struct field second[] = {
    FIELD(results_second, users),
    FIELD(results_second, alive),
    FIELD(results_second, planned),
    FIELD(results_second, issued),
    FIELD(results_second, done),
    FIELD(results_second, errors),
    FIELD(results_second, connects),
    FIELD(results_second, closes),
    FIELD(results_second, response_max_us),
    FIELD(results_second, response_p99_us),
    FIELD(results_second, lag_p99_us),
};
TABLE(fields_second, results_second, second);

static const struct field machine[] = {
    FIELD_AS(results_machine, core_busy[0], "core0_busy"),
    FIELD_AS(results_machine, core_busy[1], "core1_busy"),
    FIELD(results_machine, steal),
    FIELD(results_machine, foreign),
    FIELD(results_machine, gateway_cpu),
    FIELD(results_machine, generators_cpu),
    FIELD(results_machine, nodes_cpu),
    FIELD(results_machine, attackers_cpu),
    FIELD(results_machine, gateway_pss),
    FIELD(results_machine, gateway_rss),
    FIELD(results_machine, gateway_allocated),
    FIELD(results_machine, gateway_in_use),
    FIELD(results_machine, generators_pss),
    FIELD(results_machine, kernel_slab),
    FIELD(results_machine, tcp_memory),
    FIELD(results_machine, kernel_sockets),
    FIELD(results_machine, gateway_connections),
    FIELD(results_machine, gateway_fds),
    FIELD(results_machine, listen_drops),
    FIELD(results_machine, pressure),
};
TABLE(fields_machine, results_machine, machine);

static const struct field counters[] = {
    FIELD(results_phase, planned),
    FIELD(results_phase, issued),
    FIELD(results_phase, done),
    FIELD(results_phase, sent_late),
    FIELD(results_phase, retried),
    FIELD(results_phase, handshakes_full),
    FIELD(results_phase, handshakes_resumed),
    FIELD(results_phase, bytes_sent),
    FIELD(results_phase, bytes_received),
};
TABLE(fields_counters, results_phase, counters);

static const struct field group[] = {
    FIELD(results_group, planned),
    FIELD(results_group, done),
    FIELD(results_group, errors),
};
TABLE(fields_group, results_group, group);

static const struct field nodes[] = {
    FIELD(results_nodes, requests),
    FIELD(results_nodes, repeats),
    FIELD(results_nodes, connections_max),
    FIELD(results_nodes, share_min),
};
TABLE(fields_nodes, results_nodes, nodes);

static const struct field attack[] = {
    FIELD(results_attack, begun),
#define OUTCOME(id, name, text) FIELD_AS(results_attack, outcomes[ATTACK_##id], #name),
    ATTACK_OUTCOMES(OUTCOME)
#undef OUTCOME
        FIELD(results_attack, resets),
    FIELD(results_attack, held_max_us),
};
TABLE(fields_attack, results_attack, attack);

static const struct field generator[] = {
    FIELD(result_generator, users),        FIELD(result_generator, is_probe),
    FIELD(result_generator, is_attackers), FIELD(result_generator, pss_bytes),
    FIELD(result_generator, cpu_us),
};
TABLE(fields_generator, result_generator, generator);

static const struct field ledger[] = {
    FIELD(result_ledger, kept),    FIELD(result_ledger, sent),
    FIELD(result_ledger, stored),  FIELD(result_ledger, acknowledged),
    FIELD(result_ledger, lost),    FIELD(result_ledger, unacknowledged),
    FIELD(result_ledger, doubled), FIELD(result_ledger, wrong_content),
    FIELD(result_ledger, doubted), FIELD(result_ledger, untold),
    FIELD(result_ledger, resent),
};
TABLE(fields_ledger, result_ledger, ledger);

static const struct field fact[] = {
    FIELD(result_fact, name),
    FIELD(result_fact, value),
    FIELD(result_fact, is_machine),
};
TABLE(fields_fact, result_fact, fact);

static const struct field mark[] = { FIELD(result_mark, at_ms), FIELD(result_mark, text) };
TABLE(fields_mark, result_mark, mark);

static const struct field trial[] = {
    FIELD(result_trial, users),
    FIELD(result_trial, done_per_s),
    FIELD(result_trial, response_p99_us),
    FIELD(result_trial, verdict),
};
TABLE(fields_trial, result_trial, trial);

static const struct field outcome[] = {
    FIELD(result_outcome, text),  FIELD(result_outcome, unit),   FIELD(result_outcome, at_least),
    FIELD(result_outcome, limit), FIELD(result_outcome, value),  FIELD(result_outcome, low),
    FIELD(result_outcome, high),  FIELD(result_outcome, margin), FIELD(result_outcome, measured),
    FIELD(result_outcome, ok),
};
TABLE(fields_outcome, result_outcome, outcome);

static const struct field finding[] = {
    FIELD(result_finding, gravity),
    FIELD(result_finding, text),
};
TABLE(fields_finding, result_finding, finding);

static const struct field run[] = {
    FIELD(result, command),  FIELD(result, started_unix_s), FIELD(result, interrupted),
    FIELD(result, machines), FIELD(result, warm_up_s),      FIELD(result, verdict),
    FIELD(result, reason),   FIELD(result, scenario_text),  FIELD(result, gateway_config),
};
TABLE(fields_run, result, run);
