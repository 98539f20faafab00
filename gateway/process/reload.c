#include "process/reload.h"

#include "common/log.h"
#include "process/guard.h"
#include "process/journal_folder.h"

#include <stdio.h>
#include <string.h>

#define ROLL_OUT_MS 30000
#define NAMES_MS 3000    /* workers wait so long for names of peers to be looked up */
#define NAMES_LOOK_MS 20 /* the board tells nobody that it has changed */
#define PROBLEMS_BYTES_MAX (256 * 1024)

static void log_lines(enum log_level level, const struct buf *text)
{
    struct slice rest = buf_slice(text);
    while (rest.len > 0) {
        struct slice line = slice_of(rest.data, slice_find(rest, '\n'));
        log_write(level, "%.*s", SLICE_ARG(line));
        rest = slice_from(rest, MIN(line.len + 1, rest.len));
    }
}

/* --- what the board learns ------------------------------------------------------------------ */

static void register_name(struct board *board, enum series_kind kind, const char *name)
{
    if (board_register(board, kind, slice_str(name)) < 0)
        log_write(LOG_WARN, "no room to count \"%s\": there are more names than the %u kept", name,
                  board_limit(kind));
}

static void register_names(struct board *board, const struct config *config)
{
    char name[BOARD_NAME_MAX + 1];
    for (size_t i = 0; i < config->route_count; i++)
        register_name(board, SERIES_ROUTE, config->routes[i].name);
    for (size_t i = 0; i < config->system_count; i++)
        register_name(board, SERIES_SYSTEM, config->systems[i].name);
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct config_upstream *upstream = &config->upstreams[i];
        register_name(board, SERIES_UPSTREAM, upstream->name);
        for (size_t k = 0; k < upstream->peer_count; k++) {
            snprintf(name, sizeof(name), "%s/%s", upstream->name, upstream->peers[k].address.text);
            register_name(board, SERIES_PEER, name);
        }
    }
}

static void announce(struct supervisor *s, uint64_t now_ms)
{
    const struct config *config = s->generation.config;
    struct buf advice;
    s->crew.worker_count = capacity_workers(&s->capacity, config->workers, config->capacity_users);
    s->reload.refresh_due_ms = now_ms + config->ocsp_refresh_ms;
    log_set_level(config->log_level);
    register_names(s->board, config);
    maintenance_apply(&s->maintenance, config, s->board);
    board_set_state(s->board, BOARD_USERS_CAPACITY, config->capacity_users);
    board_set_state(s->board, BOARD_CONFIG_WANTED, s->generation.number);
    board_set_state(s->board, BOARD_MEMORY_LIMIT,
                    guard_memory_limit(&s->capacity, config, s->crew.worker_count));
    buf_init(&advice, PROBLEMS_BYTES_MAX);
    capacity_advise(&s->capacity, s->crew.worker_count, config, &advice);
    log_lines(LOG_WARN, &advice);
    buf_fini(&advice);
}

/* --- from one generation to the next -------------------------------------------------------- */

static bool is_looked_up(const struct supervisor *s, const struct config_upstream *upstream,
                         const struct config_peer *peer)
{
    char name[BOARD_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%s/%s", upstream->name, peer->address.text);
    const struct peer_addresses *found =
        board_peer_addresses(s->board, board_find(s->board, SERIES_PEER, slice_str(name)));
    return !peer->address.host || !found || counter_read(&found->attempts) > 0;
}

static bool names_are_looked_up(const struct supervisor *s)
{
    const struct config *config = s->generation.config;
    for (size_t i = 0; i < config->upstream_count; i++)
        for (size_t k = 0; k < config->upstreams[i].peer_count; k++)
            if (!is_looked_up(s, &config->upstreams[i], &config->upstreams[i].peers[k]))
                return false;
    return true;
}

static void serve_workers(struct supervisor *s, uint64_t now_ms)
{
    if (s->reload.names_due_ms == 0 || (now_ms < s->reload.names_due_ms && !names_are_looked_up(s)))
        return;
    s->reload.names_due_ms = 0;
    if (s->crew.leaving)
        return;
    crew_configure_workers(&s->crew);
    crew_fill(&s->crew, now_ms);
}

void reload_hand_out(struct supervisor *s, uint64_t now_ms)
{
    announce(s, now_ms);
    crew_configure_keeper(&s->crew, now_ms);
    s->reload.names_due_ms = now_ms + NAMES_MS;
    serve_workers(s, now_ms);
}

static void roll_out(struct supervisor *s, uint64_t now_ms)
{
    s->reload.rolling_out = true;
    s->reload.due_ms = now_ms + ROLL_OUT_MS;
    reload_hand_out(s, now_ms);
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void warn_about_fixed(const struct supervisor *s, const struct config *after)
{
    const struct config *before = s->generation.config;
    if (!is_same(before->user, after->user))
        log_write(LOG_WARN, "user has changed, which takes effect at the next start");
    if (!is_same(before->runtime_dir, after->runtime_dir))
        log_write(LOG_WARN, "runtime_dir has changed, which takes effect at the next start");
    if (!is_same(before->store.journal_dir, after->store.journal_dir))
        log_write(LOG_WARN, "store.journal has changed, which takes effect at the next start: the "
                            "files of the former folder belong into the new one then");
    if (store_region_differs(s->store, &after->store))
        log_write(LOG_WARN,
                  "the sizes of store have changed, which takes effect at the next start");
}

/* Everything that can fail. */
static int prepare(struct supervisor *s, struct generation *next, struct log_files *logs,
                   struct listen_sockets *sockets, struct buf *problems)
{
    struct err e;
    int status = generation_load(next, s->config_path, s->generation.number + 1, problems);
    if (status < 0)
        return status;
    status = journal_folder_prepare(next->config, &s->crew.launch.privileges, &e);
    if (status == 0)
        status = log_files_open(logs, next->config, &e);
    if (status == 0) {
        status = listen_sockets_prepare(sockets, &s->crew.sockets, next->config,
                                        crew_workers(&s->crew), &e);
        if (status < 0)
            log_files_close(logs);
    }
    if (status < 0) {
        buf_printf(problems, "%s: %s\n", s->config_path, e.text);
        generation_fini(next);
    }
    return status;
}

static int replace_generation(struct supervisor *s, uint64_t now_ms, struct buf *problems)
{
    struct generation next;
    struct log_files logs;
    struct listen_sockets sockets;
    if (s->phase != SUPERVISOR_RUNNING) {
        buf_append_str(problems, "the gateway is stopping\n");
        return ERR_INVALID;
    }
    int status = prepare(s, &next, &logs, &sockets, problems);
    if (status < 0)
        return status;
    warn_about_fixed(s, next.config);
    log_files_replace(&s->logs, &logs);
    listen_sockets_commit(&s->crew.sockets, &sockets);
    generation_fini(&s->generation);
    s->generation = next;
    roll_out(s, now_ms);
    return 0;
}

static void begin(struct supervisor *s, uint64_t now_ms)
{
    struct buf problems;
    s->reload.wanted = false;
    s->reload.number++;
    buf_init(&problems, PROBLEMS_BYTES_MAX);
    if (replace_generation(s, now_ms, &problems) == 0) {
        log_write(LOG_INFO, "%s: configuration %u is good, handing it out", s->config_path,
                  s->generation.number);
    } else {
        buf_printf(&problems, "nothing was reloaded; configuration %u stays in use\n",
                   s->generation.number);
        log_lines(LOG_ERROR, &problems);
        control_answer_waiting(s->control, s->reload.number, false, buf_slice(&problems));
    }
    buf_fini(&problems);
}

static void refresh(struct supervisor *s, uint64_t now_ms)
{
    struct buf problems;
    s->reload.refresh_due_ms = now_ms + s->generation.config->ocsp_refresh_ms;
    buf_init(&problems, PROBLEMS_BYTES_MAX);
    if (generation_refresh(&s->generation, &problems) == 1) {
        log_write(LOG_INFO,
                  "OCSP answers or ticket keys have changed: handing out configuration %u",
                  s->generation.number);
        s->reload.number++;
        roll_out(s, now_ms);
    }
    log_lines(LOG_WARN, &problems);
    buf_fini(&problems);
}

static void end(struct supervisor *s, struct buf *problems)
{
    bool done = problems->len == 0;
    s->reload.rolling_out = false;
    if (done) {
        board_forget_unused(s->board);
        buf_printf(problems, "configuration %u is in use\n", s->generation.number);
    } else {
        buf_printf(problems, "configuration %u is not in use everywhere\n", s->generation.number);
    }
    log_lines(done ? LOG_INFO : LOG_ERROR, problems);
    control_answer_waiting(s->control, s->reload.number, done, buf_slice(problems));
}

static void check_roll_out(struct supervisor *s, uint64_t now_ms)
{
    struct buf problems;
    buf_init(&problems, PROBLEMS_BYTES_MAX);
    if (crew_has_settled(&s->crew, &problems) || now_ms >= s->reload.due_ms)
        end(s, &problems);
    buf_fini(&problems);
}

uint64_t reload_request(struct supervisor *s)
{
    s->reload.wanted = true;
    return s->reload.number + 1;
}

void reload_step(struct supervisor *s, uint64_t now_ms)
{
    serve_workers(s, now_ms);
    if (s->reload.rolling_out)
        check_roll_out(s, now_ms);
    if (s->reload.rolling_out)
        return;
    if (s->reload.wanted)
        begin(s, now_ms);
    else if (now_ms >= s->reload.refresh_due_ms && s->phase == SUPERVISOR_RUNNING)
        refresh(s, now_ms);
}

uint64_t reload_due_ms(const struct supervisor *s, uint64_t now_ms)
{
    if (s->reload.names_due_ms)
        return now_ms + NAMES_LOOK_MS;
    if (s->phase != SUPERVISOR_RUNNING && !s->reload.rolling_out)
        return UINT64_MAX;
    return s->reload.rolling_out ? s->reload.due_ms : s->reload.refresh_due_ms;
}

int reload_logs(struct supervisor *s, struct err *e)
{
    struct log_files logs;
    int status = log_files_open(&logs, s->generation.config, e);
    if (status < 0)
        return status;
    log_files_replace(&s->logs, &logs);
    crew_reopen_logs(&s->crew);
    log_write(LOG_INFO, "log files opened anew");
    return 0;
}
