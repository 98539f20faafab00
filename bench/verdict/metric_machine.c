/* Memory, processor and growth, as the coordinator saw them second by second. */
#include "bench/verdict/metric_kinds.h"
#include "bench/verdict/series.h"
#include "common/mem.h"

#include <math.h>

/* --- memory ----------------------------------------------------------------------------------- */

/* What a user adds: what a process holds before the first one comes is not the user's. */
static struct metric_value per_user(uint64_t bytes, uint64_t before, uint32_t users)
{
    if (bytes == 0 || users == 0)
        return metric_unknown();
    return metric_exactly(bytes > before ? (double)(bytes - before) / users : 0);
}

struct metric_value metric_gateway_memory_max(const struct metric *m,
                                              const struct metric_scope *scope)
{
    uint64_t bytes = result_memory(scope->result, scope->phase).gateway;
    (void)m;
    return bytes > 0 ? metric_exactly((double)bytes) : metric_unknown();
}

struct metric_value metric_gateway_memory(const struct metric *m, const struct metric_scope *scope)
{
    struct result_memory memory = result_memory(scope->result, scope->phase);
    (void)m;
    return per_user(memory.gateway, scope->result->before.gateway_pss, memory.users);
}

struct metric_value metric_generator_memory(const struct metric *m,
                                            const struct metric_scope *scope)
{
    struct result_memory memory = result_memory(scope->result, scope->phase);
    (void)m;
    return per_user(memory.generators, scope->result->before.generators_pss, memory.users);
}

struct metric_value metric_kernel_memory(const struct metric *m, const struct metric_scope *scope)
{
    struct result_memory memory = result_memory(scope->result, scope->phase);
    (void)m;
    return per_user(memory.kernel, 0, memory.users);
}

struct metric_value metric_tcp_memory(const struct metric *m, const struct metric_scope *scope)
{
    (void)m;
    return metric_exactly((double)result_memory(scope->result, scope->phase).tcp);
}

/* --- processor and listeners ------------------------------------------------------------------ */

struct metric_value metric_cpu_per_request(const struct metric *m, const struct metric_scope *scope)
{
    double us = result_cpu_us_per_request(scope->result, scope->phase);
    (void)m;
    return us > 0 ? metric_exactly(us) : metric_unknown();
}

/* All of the gateway's time, so for phases that do little else. */
struct metric_value metric_cpu_per_handshake(const struct metric *m,
                                             const struct metric_scope *scope)
{
    const struct result *r = scope->result;
    double cpu_us = 0, handshakes = 0;
    (void)m;
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        struct result_span span = metric_span(r, i);
        if (!metric_takes_phase(scope, i))
            continue;
        for (uint32_t at = span.from; at < span.to; at++)
            cpu_us += r->machine[at].gateway_cpu * 1e4; /* percent of a second */
        handshakes += (double)(r->phases[i].handshakes_full + r->phases[i].handshakes_resumed);
    }
    return cpu_us > 0 && handshakes > 0 ? metric_exactly(cpu_us / handshakes) : metric_unknown();
}

/* The counter runs from the start of the run. */
struct metric_value metric_listen_drops(const struct metric *m, const struct metric_scope *scope)
{
    const struct result *r = scope->result;
    double drops = 0;
    (void)m;
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        struct result_span span = metric_span(r, i);
        if (!metric_takes_phase(scope, i) || span.from == span.to)
            continue;
        uint64_t before = span.from > 0 ? r->machine[span.from - 1].listen_drops : 0;
        uint64_t after = r->machine[span.to - 1].listen_drops;
        drops += after > before ? (double)(after - before) : 0;
    }
    return metric_exactly(drops);
}

/* --- growth ----------------------------------------------------------------------------------- */

/* The resident set, since it is cheap enough to be read each second: a figure that stands still for
 * a minute says nothing of chance. It is the mark of the highest tide: a gateway that keeps what
 * was freed for who comes next, goes up with each burst that was greater than those before, and
 * never down. Whether a gateway leaks is told by what it has allocated and by the pages that this
 * takes.
 */
static double gateway_rss(const struct result *r, uint32_t second)
{
    return (double)r->machine[second].gateway_rss;
}

static double gateway_in_use(const struct result *r, uint32_t second)
{
    return (double)r->machine[second].gateway_in_use;
}

static double gateway_allocated(const struct result *r, uint32_t second)
{
    return (double)r->machine[second].gateway_allocated;
}

static double gateway_fds(const struct result *r, uint32_t second)
{
    return r->machine[second].gateway_fds;
}

static double response_p99(const struct result *r, uint32_t second)
{
    return r->seconds[second].response_p99_us / 1000.0;
}

static double done(const struct result *r, uint32_t second)
{
    return r->seconds[second].done;
}

/* A minute's growth, or 0 when its 95% interval takes in 0: then there is no telling it from
 * chance. Each series has a warm-up of its own: an allocator goes on taking memory long after the
 * response times have become steady. What grows for good grows in any half, and is found. */
static struct metric_value growth(const struct metric_scope *scope,
                                  double (*value)(const struct result *r, uint32_t second))
{
    const struct result *r = scope->result;
    struct series_slope line;
    uint32_t *seconds = mem_new_array(r->second_count, sizeof(*seconds));
    size_t count = metric_steady_seconds(scope, seconds);
    double *values = mem_new_array(count, sizeof(*values));
    for (size_t i = 0; i < count; i++)
        values[i] = value(r, seconds[i]);
    size_t warm_up = series_warm_up(values, count);
    bool is_known = series_slope(values + warm_up, count - warm_up, &line);
    mem_free(values);
    mem_free(seconds);
    if (!is_known)
        return metric_unknown();
    bool is_chance = line.low <= 0 && line.high >= 0;
    return (struct metric_value){ .is_known = true,
                                  .value = is_chance ? 0 : line.slope * 60,
                                  .low = line.low * 60,
                                  .high = line.high * 60 };
}

struct metric_value metric_memory_growth(const struct metric *m, const struct metric_scope *scope)
{
    (void)m;
    return growth(scope, gateway_rss);
}

/* Of what the gateway says of itself. 0: it says nothing. */
static struct metric_value growth_if_said(const struct metric_scope *scope,
                                          double (*value)(const struct result *r, uint32_t second))
{
    const struct result *r = scope->result;
    bool is_said = r->second_count && value(r, r->second_count - 1) > 0;
    return is_said ? growth(scope, value) : metric_unknown();
}

struct metric_value metric_in_use_growth(const struct metric *m, const struct metric_scope *scope)
{
    (void)m;
    return growth_if_said(scope, gateway_in_use);
}

struct metric_value metric_allocated_growth(const struct metric *m,
                                            const struct metric_scope *scope)
{
    (void)m;
    return growth_if_said(scope, gateway_allocated);
}

struct metric_value metric_fds_growth(const struct metric *m, const struct metric_scope *scope)
{
    (void)m;
    return growth(scope, gateway_fds);
}

struct metric_value metric_p99_growth(const struct metric *m, const struct metric_scope *scope)
{
    (void)m;
    return growth(scope, response_p99);
}

struct metric_value metric_done_growth(const struct metric *m, const struct metric_scope *scope)
{
    (void)m;
    return growth(scope, done);
}
