#include "bench/measure/result_sums.h"

#include "common/mem.h"

#include <string.h>

void results_phase_init(struct results_phase *p)
{
    for (int i = 0; i < CLASS_COUNT; i++) {
        hdr_init(&p->service[i]);
        hdr_init(&p->response[i]);
    }
    hdr_init(&p->slow_response);
    hdr_init(&p->handshake);
    hdr_init(&p->lag);
    for (int i = 0; i < GROUP_COUNT; i++)
        hdr_init(&p->groups[i].wait);
}

static void group_add(struct results_group *into, const struct results_group *from)
{
    into->planned += from->planned;
    into->done += from->done;
    into->errors += from->errors;
    hdr_merge(&into->wait, &from->wait);
}

void results_phase_add(struct results_phase *into, const struct results_phase *from)
{
    for (int i = 0; i < CLASS_COUNT; i++) {
        hdr_merge(&into->service[i], &from->service[i]);
        hdr_merge(&into->response[i], &from->response[i]);
    }
    hdr_merge(&into->slow_response, &from->slow_response);
    hdr_merge(&into->handshake, &from->handshake);
    hdr_merge(&into->lag, &from->lag);
    into->planned += from->planned;
    into->issued += from->issued;
    into->done += from->done;
    into->sent_late += from->sent_late;
    into->retried += from->retried;
    for (int i = 0; i < RESULTS_ERROR_COUNT; i++)
        into->errors[i] += from->errors[i];
    for (int i = 0; i < STEP_COUNT; i++) {
        into->steps[i] += from->steps[i];
        into->step_errors[i] += from->step_errors[i];
    }
    into->handshakes_full += from->handshakes_full;
    into->handshakes_resumed += from->handshakes_resumed;
    into->bytes_sent += from->bytes_sent;
    into->bytes_received += from->bytes_received;
    for (int i = 0; i < GROUP_COUNT; i++)
        group_add(&into->groups[i], &from->groups[i]);
}

uint64_t results_phase_errors(const struct results_phase *p)
{
    uint64_t errors = 0;
    for (int i = 0; i < RESULTS_ERROR_COUNT; i++)
        errors += p->errors[i];
    return errors;
}

static void second_add(struct results_second *into, const struct results_second *from)
{
    into->users += from->users;
    into->alive += from->alive;
    into->planned += from->planned;
    into->issued += from->issued;
    into->done += from->done;
    into->errors += from->errors;
    into->connects += from->connects;
    into->closes += from->closes;
    into->response_max_us = MAX(into->response_max_us, from->response_max_us);
    into->response_p99_us = MAX(into->response_p99_us, from->response_p99_us);
    into->lag_p99_us = MAX(into->lag_p99_us, from->lag_p99_us);
    band_merge(into->response, from->response);
}

static void machine_add(struct results_machine *into, const struct results_machine *from)
{
    for (size_t i = 0; i < ARRAY_LEN(into->core_busy); i++)
        into->core_busy[i] = MAX(into->core_busy[i], from->core_busy[i]);
    into->steal = MAX(into->steal, from->steal);
    into->foreign = MAX(into->foreign, from->foreign);
    into->pressure = MAX(into->pressure, from->pressure);
    into->gateway_cpu = MAX(into->gateway_cpu, from->gateway_cpu);
    into->nodes_cpu = MAX(into->nodes_cpu, from->nodes_cpu);
    into->attackers_cpu = MAX(into->attackers_cpu, from->attackers_cpu);
    into->generators_cpu += from->generators_cpu;
    into->gateway_pss = MAX(into->gateway_pss, from->gateway_pss);
    into->gateway_rss = MAX(into->gateway_rss, from->gateway_rss);
    into->gateway_allocated = MAX(into->gateway_allocated, from->gateway_allocated);
    into->gateway_in_use = MAX(into->gateway_in_use, from->gateway_in_use);
    into->generators_pss += from->generators_pss;
    into->kernel_slab += from->kernel_slab;
    into->tcp_memory += from->tcp_memory;
    into->kernel_sockets += from->kernel_sockets;
    into->gateway_connections = MAX(into->gateway_connections, from->gateway_connections);
    into->gateway_fds = MAX(into->gateway_fds, from->gateway_fds);
    into->listen_drops = MAX(into->listen_drops, from->listen_drops);
}

static void generator_append(struct result *r, struct result_generator g)
{
    if (r->generator_count < ARRAY_LEN(r->generators))
        r->generators[r->generator_count++] = g;
}

static void phases_add(struct results_phase *into, const struct results_phase *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        results_phase_add(&into[i], &from[i]);
}

static void attacks_add(struct results_attacks *into, const struct results_attacks *from,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        results_attacks_add(&into[i], &from[i]);
}

static void procedures_collect(struct result *r, const struct results_generator *g)
{
    for (uint32_t i = 0; i < r->procedure_count; i++) {
        r->procedures[i].done += g->procedures[i].done;
        r->procedures[i].errors += g->procedures[i].errors;
        band_merge(r->procedures[i].response, g->procedures[i].response);
    }
}

static void procedures_init(struct result *r)
{
    r->procedure_count = MIN(r->scenario->load.procedures, (uint32_t)RESULTS_PROCEDURES_MAX);
    r->procedures = mem_new_array(r->procedure_count, sizeof(*r->procedures));
    for (uint32_t i = 0; i < r->procedure_count; i++)
        r->procedures[i].number = i;
}

void result_collect(struct result *r, const struct results_board *board)
{
    uint32_t phase_count = r->scenario->phase_count;
    procedures_init(r);
    for (uint32_t i = 0; i < board->generator_count; i++) {
        const struct results_generator *g = &board->generators[i];
        bool is_of_users = results_is_of_users(g);
        attacks_add(r->attacks, g->attacks, phase_count);
        if (!g->is_attackers)
            phases_add(g->is_probe ? r->probe_phases : r->phases, g->phases, phase_count);
        for (uint32_t second = 0; second < r->second_count && is_of_users; second++)
            second_add(&r->seconds[second], &g->seconds[second]);
        procedures_collect(r, g);
        generator_append(r, (struct result_generator){ .users = g->users,
                                                       .is_probe = g->is_probe != 0,
                                                       .is_attackers = g->is_attackers != 0,
                                                       .pss_bytes = g->pss_bytes,
                                                       .cpu_us = g->cpu_us });
    }
}

static void ledger_add(struct result_ledger *into, const struct result_ledger *from)
{
    into->kept = into->kept || from->kept;
    into->sent += from->sent;
    into->acknowledged += from->acknowledged;
    into->stored += from->stored;
    into->lost += from->lost;
    into->doubled += from->doubled;
    into->unacknowledged += from->unacknowledged;
    into->wrong_content += from->wrong_content;
    into->doubted += from->doubted;
    into->resent += from->resent;
    into->untold += from->untold;
}

static void procedures_add(struct result *r, const struct result *other)
{
    uint32_t count = MIN(r->procedure_count, other->procedure_count);
    for (uint32_t i = 0; i < count; i++) {
        r->procedures[i].done += other->procedures[i].done;
        r->procedures[i].errors += other->procedures[i].errors;
        band_merge(r->procedures[i].response, other->procedures[i].response);
    }
}

/* The same nodes, whoever asked them. */
static void nodes_add(struct results_nodes *into, const struct results_nodes *from)
{
    if (from->requests > into->requests)
        *into = *from;
}

void result_add(struct result *r, const struct result *other)
{
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        nodes_add(&r->nodes[i], &other->nodes[i]);
    phases_add(r->phases, other->phases, r->scenario->phase_count);
    phases_add(r->probe_phases, other->probe_phases, r->scenario->phase_count);
    attacks_add(r->attacks, other->attacks, r->scenario->phase_count);
    r->second_count = MIN(r->second_count, other->second_count);
    for (uint32_t i = 0; i < r->second_count; i++) {
        second_add(&r->seconds[i], &other->seconds[i]);
        machine_add(&r->machine[i], &other->machine[i]);
    }
    machine_add(&r->before, &other->before);
    for (uint32_t i = 0; i < other->generator_count; i++)
        generator_append(r, other->generators[i]);
    procedures_add(r, other);
    ledger_add(&r->ledger, &other->ledger);
    r->interrupted = r->interrupted || other->interrupted;
    r->machines += other->machines;
}

static bool phase_counts(const struct result *r, uint32_t index, int phase)
{
    return phase < 0 ? r->scenario->phases[index].judged : (uint32_t)phase == index;
}

void result_clocks(const struct result *r, int phase, int class, struct result_clocks *out)
{
    memset(out, 0, sizeof(*out));
    hdr_init(&out->response);
    hdr_init(&out->service);
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        if (!phase_counts(r, i, phase))
            continue;
        for (int c = 0; c < CLASS_COUNT; c++) {
            if (class >= 0 && c != class)
                continue;
            hdr_merge(&out->response, &r->phases[i].response[c]);
            hdr_merge(&out->service, &r->phases[i].service[c]);
        }
    }
}

void result_phase_sum(const struct result *r, int phase, struct results_phase *into)
{
    memset(into, 0, sizeof(*into));
    results_phase_init(into);
    for (uint32_t i = 0; i < r->scenario->phase_count; i++)
        if (phase_counts(r, i, phase))
            results_phase_add(into, &r->phases[i]);
}

static uint32_t first_judged(const struct scenario *s)
{
    uint32_t phase = 0;
    while (phase < s->phase_count && !s->phases[phase].judged)
        phase++;
    return phase;
}

static struct result_span phase_span(const struct result *r, uint32_t phase)
{
    const struct scenario *s = r->scenario;
    uint64_t start_ms = 0;
    for (uint32_t i = 0; i < phase; i++)
        start_ms += s->phases[i].duration_ms;
    uint64_t from = (start_ms + 999) / 1000;
    uint64_t to = MIN((start_ms + s->phases[phase].duration_ms) / 1000, r->second_count);
    return (struct result_span){ (uint32_t)MIN(from, to), (uint32_t)to };
}

struct result_span result_phase_span(const struct result *r, uint32_t phase)
{
    struct result_span span = phase_span(r, phase);
    if (phase == first_judged(r->scenario))
        span.from = MIN(span.from + r->warm_up_s, span.to);
    return span;
}

static uint64_t above(uint64_t value, uint64_t base)
{
    return value > base ? value - base : 0;
}

static void memory_look(const struct result *r, uint32_t second, struct result_memory *m)
{
    const struct results_machine *machine = &r->machine[second];
    m->users = MAX(m->users, r->seconds[second].users);
    m->gateway = MAX(m->gateway, machine->gateway_pss);
    m->generators = MAX(m->generators, machine->generators_pss);
    m->kernel = MAX(m->kernel, above(machine->kernel_slab, r->before.kernel_slab));
    m->tcp = MAX(m->tcp, above(machine->tcp_memory, r->before.tcp_memory));
}

struct result_memory result_memory(const struct result *r, int phase)
{
    struct result_memory m = { 0 };
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        if (!phase_counts(r, i, phase))
            continue;
        struct result_span span = result_phase_span(r, i);
        for (uint32_t second = span.from; second < span.to; second++)
            memory_look(r, second, &m);
    }
    return m;
}

double result_cpu_us_per_request(const struct result *r, int phase)
{
    double cpu_us = 0;
    uint64_t done = 0;
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        if (!phase_counts(r, i, phase))
            continue;
        struct result_span span = phase_span(r, i);
        for (uint32_t second = span.from; second < span.to; second++)
            cpu_us += r->machine[second].gateway_cpu * 10000.0; /* 1% of one second */
        done += r->phases[i].done + r->probe_phases[i].done;
    }
    return done ? cpu_us / (double)done : 0;
}
