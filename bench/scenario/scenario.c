#include "bench/scenario/scenario.h"

#include "bench/scenario/scenario_read.h"
#include "common/mem.h"
#include "config/bundle.h"

#define SCENARIO_BYTES_MAX (4u << 20)

static struct scenario *new_scenario(const char *path, double scale)
{
    struct scenario *s = mem_new(sizeof(*s));
    arena_init(&s->arena, NULL, SCENARIO_BYTES_MAX);
    s->file = arena_printf(&s->arena, "%s", path);
    s->scale = scale;
    return s;
}

struct scenario *scenario_load(const char *path, double scale, double users_scale,
                               struct diagnostics *d)
{
    struct err e;
    struct slice text = { 0 };
    struct scenario *s = new_scenario(path, scale);
    struct bundle *files = bundle_new();
    if (bundle_fetch(files, path, &text, &e))
        diagnostics_add(d, path, 0, 0, "", e.text);
    else
        scenario_read(s, text, users_scale, d);
    bundle_free(&files);
    diagnostics_finish(d);
    if (d->count > 0)
        scenario_free(&s);
    return s;
}

void scenario_free(struct scenario **s)
{
    if (!*s)
        return;
    struct arena arena = (*s)->arena;
    arena_fini(&arena);
    mem_free(*s);
    *s = NULL;
}

const char *scenario_group_name(enum scenario_group group)
{
    static const char *const names[GROUP_COUNT] = {
        [GROUP_ANY] = "any", [GROUP_HEALTHY] = "healthy", [GROUP_BROKEN] = "broken"
    };
    return names[group];
}

enum scenario_group scenario_group_of(const struct scenario *s, uint32_t province,
                                      enum scenario_step step)
{
    bool is_broken =
        (s->broken_provinces >> province & 1) || (s->is_system_broken && step == STEP_AUTOFILL);
    return is_broken ? GROUP_BROKEN : GROUP_HEALTHY;
}

uint32_t scenario_users_max(const struct scenario *s)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < s->phase_count; i++)
        most = MAX(most, MAX(s->phases[i].users_from, s->phases[i].users_to));
    return most;
}

uint32_t scenario_attackers_max(const struct scenario *s, enum attack_kind kind)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < s->phase_count; i++)
        most = MAX(most, s->phases[i].attackers[kind]);
    return most;
}

uint32_t scenario_attackers_all(const struct scenario *s)
{
    uint32_t all = 0;
    for (int kind = 0; kind < ATTACK_KIND_COUNT; kind++)
        all += scenario_attackers_max(s, (enum attack_kind)kind);
    return all;
}

uint64_t scenario_duration_ms(const struct scenario *s)
{
    uint64_t sum_ms = 0;
    for (uint32_t i = 0; i < s->phase_count; i++)
        sum_ms += s->phases[i].duration_ms;
    return sum_ms;
}
