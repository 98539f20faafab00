/* Keys of what one slow upstream may cost the others: see settings.c. */
#include "config/config.h"
#include "config/setting_rows.h"

#define OWNER struct config_isolation

static const struct setting isolation_rows[] = {
    VALUE(max_inflight, max_inflight, COUNT, "256", "1" UP_TO(CONFIG_IN_FLIGHT_MAX),
          "requests that may wait for the upstream, of reading and of submitting each: 503"),
    VALUE(slow, slow_ms, DURATION, "1s", "1ms..1h",
          "answers that come sooner are never counted as slow"),
    VALUE(breaker, breaker, BOOL, "true", NULL, "whether an upstream that fails is left alone"),
};
SECTION(settings_isolation, isolation_rows, "upstreams[].isolation");

#undef OWNER
#define OWNER struct config_system

static const struct setting system_rows[] = {
    VALUE(name, name, NAME, REQUIRED, "1..64", "name for routes, logs and metrics"),
    VALUE(max_inflight, max_inflight, COUNT, "64", "1" UP_TO(CONFIG_IN_FLIGHT_MAX),
          "requests under way on all routes that use it: 503"),
    VALUE(title, title.vi, TEXT, NONE, "1..128", "what citizens call it, for pages"),
    VALUE(title_en, title.en, TEXT, NONE, "1..128", "the same in English; title if not given"),
};
SECTION(settings_system, system_rows, "systems[]");
