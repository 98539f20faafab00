#include "bench/load/tally.h"

#include <string.h>

void tally_init(struct tally *t, const struct scenario *s, struct results_generator *out)
{
    *t = (struct tally){ .scenario = s, .out = out };
    for (uint32_t i = 0; i < s->phase_count; i++) {
        struct results_phase *p = &out->phases[i];
        for (int class = 0; class < CLASS_COUNT; class ++) {
            hdr_init(&p->service[class]);
            hdr_init(&p->response[class]);
        }
        hdr_init(&p->slow_response);
        hdr_init(&p->handshake);
        hdr_init(&p->lag);
        for (int group = 0; group < GROUP_COUNT; group++)
            hdr_init(&p->groups[group].wait);
    }
}

void tally_start(struct tally *t, uint64_t start_us)
{
    uint64_t end_us = start_us;
    t->start_us = start_us;
    for (uint32_t i = 0; i < t->scenario->phase_count; i++) {
        end_us += t->scenario->phases[i].duration_ms * 1000;
        t->ends_us[i] = end_us;
    }
}

uint32_t tally_phase_at(const struct tally *t, uint64_t at_us)
{
    uint32_t phase = 0;
    while (phase + 1 < t->scenario->phase_count && at_us >= t->ends_us[phase])
        phase++;
    return phase;
}

static struct results_phase *phase_of(struct tally *t, uint64_t at_us)
{
    return &t->out->phases[tally_phase_at(t, at_us)];
}

static struct results_second *second_of(struct tally *t, uint64_t at_us)
{
    uint64_t since_us = at_us > t->start_us ? at_us - t->start_us : 0;
    return &t->out->seconds[MIN(since_us / 1000000, RESULTS_SECONDS_MAX - 1)];
}

static uint64_t from_to(uint64_t from_us, uint64_t to_us)
{
    return to_us > from_us ? to_us - from_us : 0;
}

void tally_lag(struct tally *t, uint64_t since_us, uint64_t now_us)
{
    t->lag[band_of(from_to(since_us, now_us))]++;
}

void tally_planned(struct tally *t, const struct tally_action *a)
{
    struct results_phase *p = phase_of(t, a->planned_us);
    p->planned++;
    p->groups[a->group].planned++;
    p->steps[a->step]++;
    second_of(t, a->planned_us)->planned++;
}

void tally_issued(struct tally *t, const struct tally_action *a, uint64_t lag_us)
{
    struct results_phase *p = phase_of(t, a->planned_us);
    p->issued++;
    p->sent_late += lag_us > TALLY_LATE_US;
    hdr_record(&p->lag, lag_us);
    second_of(t, a->planned_us)->issued++;
}

void tally_retried(struct tally *t, const struct tally_action *a)
{
    phase_of(t, a->planned_us)->retried++;
}

/* NULL for what is not the page of a procedure. */
static struct results_procedure *procedure_of(struct tally *t, const struct tally_action *a)
{
    bool is_told = a->step == STEP_PROCEDURE && a->procedure < RESULTS_PROCEDURES_MAX;
    return is_told ? &t->out->procedures[a->procedure] : NULL;
}

/* However it ended. */
static void record_wait(struct tally *t, const struct tally_action *a, uint64_t now_us)
{
    if (!a->is_slow)
        hdr_record(&phase_of(t, a->planned_us)->groups[a->group].wait,
                   from_to(a->planned_us, now_us));
}

static void record(struct tally *t, const struct tally_action *a, uint64_t now_us)
{
    struct results_phase *p = phase_of(t, a->planned_us);
    struct results_second *s = second_of(t, now_us);
    struct results_procedure *procedure = procedure_of(t, a);
    enum scenario_class class = scenario_step_class(a->step);
    uint64_t response_us = from_to(a->planned_us, now_us);
    if (a->is_slow) {
        hdr_record(&p->slow_response, response_us);
        return;
    }
    hdr_record(&p->response[class], response_us);
    hdr_record(&p->service[class], from_to(a->sent_us, now_us));
    s->response[band_of(response_us)]++;
    s->response_max_us = (uint32_t)MAX(s->response_max_us, MIN(response_us, UINT32_MAX));
    if (procedure)
        procedure->response[band_of(response_us)]++;
}

void tally_done(struct tally *t, const struct tally_action *a, uint64_t now_us)
{
    struct results_procedure *procedure = procedure_of(t, a);
    struct results_phase *p = phase_of(t, a->planned_us);
    p->done++;
    p->groups[a->group].done++;
    second_of(t, now_us)->done++;
    if (procedure)
        procedure->done++;
    record(t, a, now_us);
    record_wait(t, a, now_us);
}

void tally_failed(struct tally *t, const struct tally_action *a, enum results_error error,
                  uint64_t now_us)
{
    struct results_phase *p = phase_of(t, a->planned_us);
    struct results_procedure *procedure = procedure_of(t, a);
    p->errors[error]++;
    p->groups[a->group].errors++;
    p->step_errors[a->step]++;
    second_of(t, now_us)->errors++;
    if (procedure)
        procedure->errors++;
    record_wait(t, a, now_us);
}

void tally_unable(struct tally *t, uint64_t now_us)
{
    phase_of(t, now_us)->errors[RESULTS_ERROR_GENERATOR]++;
    second_of(t, now_us)->errors++;
}

void tally_connected(struct tally *t, uint64_t planned_us, uint64_t now_us, bool resumed)
{
    struct results_phase *p = phase_of(t, planned_us);
    hdr_record(&p->handshake, from_to(planned_us, now_us));
    p->handshakes_resumed += resumed;
    p->handshakes_full += !resumed;
    second_of(t, now_us)->connects++;
}

void tally_closed(struct tally *t, uint64_t now_us)
{
    second_of(t, now_us)->closes++;
}

void tally_traffic(struct tally *t, uint64_t sent, uint64_t received, uint64_t now_us)
{
    struct results_phase *p = phase_of(t, now_us);
    p->bytes_sent += sent;
    p->bytes_received += received;
}

void tally_second(struct tally *t, uint64_t second, uint32_t users, uint32_t alive)
{
    struct results_second *s = &t->out->seconds[MIN(second, RESULTS_SECONDS_MAX - 1)];
    s->users = users;
    s->alive = alive;
    s->response_p99_us = (uint32_t)band_quantile(s->response, 0.99);
    s->lag_p99_us = (uint32_t)band_quantile(t->lag, 0.99);
    memset(t->lag, 0, sizeof(t->lag));
}
