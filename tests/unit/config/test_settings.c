/* The table itself: a row that contradicts itself would only be found when somebody needs it. */
#include "config/config.h"
#include "config/setting_value.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct section *const sections[] = {
    &settings_top,
    &settings_capacity,
    &settings_guard,
    &settings_log,
    &settings_access_log,
    &settings_limits,
    &settings_timeouts,
    &settings_tls_tickets,
    &settings_sessions,
    &settings_listener,
    &settings_admin,
    &settings_tls,
    &settings_certificate,
    &settings_rate_limit,
    &settings_upstream,
    &settings_peer,
    &settings_upstream_timeouts,
    &settings_keep_alive,
    &settings_upstream_hash,
    &settings_ejection,
    &settings_isolation,
    &settings_system,
    &settings_route,
    &settings_health,
    &settings_resolver,
    &settings_maintenance,
    &settings_route_timeouts,
    &settings_route_headers,
    &settings_response_headers,
    &settings_spool,
    &settings_upstream_tls,
    &settings_peer_tls,
    &settings_submission,
    &settings_store,
    &settings_redis,
    &settings_redis_timeouts,
    &settings_redis_tls,
};

union any_section {
    struct config top;
    struct config_listener listener;
    struct config_tls tls;
    struct config_certificate certificate;
    struct config_rate_limit rate_limit;
    struct config_upstream upstream;
    struct config_peer peer;
    struct config_health health;
    struct config_resolver resolver;
    struct config_maintenance maintenance;
    struct config_isolation isolation;
    struct config_system system;
    struct config_upstream_tls upstream_tls;
    struct config_route route;
    struct config_submission submission;
    struct config_redis redis;
};

/* `check` sees each row; the reader is there because texts are copied into its arena. */
static void each_row(void (*check)(struct reader *, const struct section *, const struct setting *))
{
    struct arena arena;
    struct diagnostics d;
    arena_init(&arena, NULL, 65536);
    diagnostics_init(&d);
    struct reader *r = reader_new("t.yaml", SLICE("{}"), &arena, &d);
    for (size_t i = 0; i < ARRAY_LEN(sections); i++)
        for (size_t k = 0; k < sections[i]->count; k++)
            check(r, sections[i], &sections[i]->rows[k]);
    reader_free(&r);
    diagnostics_fini(&d);
    arena_fini(&arena);
}

static void check_default(struct reader *r, const struct section *section,
                          const struct setting *row)
{
    struct err e;
    static union any_section owner;
    if (setting_is_part(row->type) || !row->fallback || !row->fallback[0])
        return;
    if (setting_value_store(r, row, slice_str(row->fallback), &owner, &e))
        fail_msg("%s.%s: %s", section->where, row->key, e.text);
}

static void every_default_is_allowed(void **state)
{
    (void)state;
    each_row(check_default);
}

static void check_doc(struct reader *r, const struct section *section, const struct setting *row)
{
    (void)r;
    if (!row->doc || strlen(row->doc) < 8)
        fail_msg("%s.%s has no doc", section->where, row->key);
}

static void every_key_is_explained(void **state)
{
    (void)state;
    each_row(check_doc);
}

static void check_doubled(struct reader *r, const struct section *section,
                          const struct setting *row)
{
    (void)r;
    for (const struct setting *other = section->rows; other < row; other++)
        if (strcmp(other->key, row->key) == 0)
            fail_msg("%s.%s is listed twice", section->where, row->key);
}

static void no_key_is_listed_twice(void **state)
{
    (void)state;
    each_row(check_doubled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_allowed),
        cmocka_unit_test(every_key_is_explained),
        cmocka_unit_test(no_key_is_listed_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
