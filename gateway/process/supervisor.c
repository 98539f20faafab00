#include "process/supervisor.h"

#include "common/clock.h"
#include "common/log.h"
#include "process/crew_events.h"
#include "process/journal_folder.h"
#include "process/reload.h"
#include "process/status.h"
#include "tls/tls_tickets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define UMASK 027 /* logs and sockets are nobody else's business */
#define TEXT_BYTES_MAX (4 * 1024 * 1024)
#define WATCHED_MAX (1 + 1 + CONTROL_CLIENTS_MAX + CHILD_SLOTS)

/* --- stopping ------------------------------------------------------------------------------- */

static void leave_at_once(struct supervisor *s, uint64_t now_ms)
{
    s->phase = SUPERVISOR_FAREWELL;
    crew_drain(&s->crew, 0, now_ms);
    crew_drain_keeper(&s->crew, now_ms);
    crew_kill(&s->crew);
}

void supervisor_stop(struct supervisor *s, uint64_t now_ms)
{
    if (s->phase != SUPERVISOR_RUNNING) {
        log_write(LOG_WARN, "stopping at once");
        leave_at_once(s, now_ms);
        return;
    }
    uint32_t notice_ms = s->generation.config->timeouts.drain_notice_ms;
    s->phase = SUPERVISOR_NOTICE;
    s->notice_due_ms = now_ms + notice_ms;
    log_write(LOG_INFO, "stopping: not ready any more; listeners close in %u ms", notice_ms);
}

static void begin_draining(struct supervisor *s, uint64_t now_ms)
{
    uint32_t deadline_ms = s->generation.config->timeouts.shutdown_ms;
    s->phase = SUPERVISOR_DRAINING;
    crew_drain(&s->crew, deadline_ms, now_ms);
    log_write(LOG_INFO, "draining: requests under way have %u ms", deadline_ms);
}

static void step_phase(struct supervisor *s, uint64_t now_ms)
{
    if (s->phase == SUPERVISOR_NOTICE && now_ms >= s->notice_due_ms)
        begin_draining(s, now_ms);
    if (s->phase == SUPERVISOR_DRAINING && !crew_has_workers(&s->crew)) {
        s->phase = SUPERVISOR_FAREWELL;
        crew_drain_keeper(&s->crew, now_ms);
    }
    bool is_running = s->phase == SUPERVISOR_RUNNING;
    board_set_state(s->board, BOARD_DRAINING, !is_running);
    board_set_state(s->board, BOARD_READY, is_running && crew_live_workers(&s->crew) != 0);
}

static bool is_over(const struct supervisor *s)
{
    return s->phase == SUPERVISOR_FAREWELL && crew_is_empty(&s->crew);
}

/* --- commands ------------------------------------------------------------------------------- */

static void answer_status(struct supervisor *s, struct control_client *client, bool for_machines)
{
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    if (for_machines)
        status_write_json(s, clock_now_ms(), &text);
    else
        status_write_table(s, clock_now_ms(), &text);
    control_answer(client, true, buf_slice(&text));
    buf_fini(&text);
}

static void on_reload(struct supervisor *s, struct control_client *client)
{
    control_wait(client, reload_request(s));
}

static void on_reopen(struct supervisor *s, struct control_client *client)
{
    struct err e;
    if (reload_logs(s, &e) == 0) {
        control_answer(client, true, SLICE("log files opened anew\n"));
        return;
    }
    log_write(LOG_ERROR, "%s", e.text);
    control_answer(client, false, slice_str(e.text));
}

/* A command that comes twice is no hurry: somebody else asked as well. */
static void on_stop(struct supervisor *s, struct control_client *client)
{
    control_wait(client, SUPERVISOR_STOPPED);
    if (s->phase == SUPERVISOR_RUNNING)
        supervisor_stop(s, clock_now_ms());
}

static void on_status(struct supervisor *s, struct control_client *client)
{
    answer_status(s, client, false);
}

static void on_status_json(struct supervisor *s, struct control_client *client)
{
    answer_status(s, client, true);
}

static void on_maintenance(struct supervisor *s, struct control_client *client, struct slice what)
{
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    int status = maintenance_command(&s->maintenance, s->generation.config, s->board, what, &text);
    control_answer(client, status == 0, buf_slice(&text));
    buf_fini(&text);
}

static void on_command(void *user, struct control_client *client, struct slice command)
{
    static const struct {
        const char *name;
        void (*run)(struct supervisor *s, struct control_client *client);
    } commands[] = {
        { "reload", on_reload }, { "reopen", on_reopen }, { "drain", on_stop },
        { "stop", on_stop },     { "status", on_status }, { "status --json", on_status_json },
    };
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (slice_eq(command, slice_str(commands[i].name))) {
            commands[i].run(user, client);
            return;
        }
    }
    struct slice maintenance = SLICE("maintenance\n");
    if (slice_starts_with(command, maintenance)) {
        on_maintenance(user, client, slice_from(command, maintenance.len));
        return;
    }
    control_answer(client, false, SLICE("the running gateway does not know this command\n"));
}

/* --- signals -------------------------------------------------------------------------------- */

static void on_signal(struct supervisor *s, int number, uint64_t now_ms)
{
    struct err e;
    switch (number) {
    case SIGCHLD:
        crew_events_reap(&s->crew, now_ms);
        break;
    case SIGHUP:
        reload_request(s);
        break;
    case SIGUSR1:
        if (reload_logs(s, &e) < 0)
            log_write(LOG_ERROR, "%s", e.text);
        break;
    case SIGINT:
    case SIGTERM:
        supervisor_stop(s, now_ms);
        break;
    case SIGQUIT:
        log_write(LOG_WARN, "stopping at once");
        leave_at_once(s, now_ms);
        break;
    default:
        break;
    }
}

static void read_signals(struct supervisor *s, uint64_t now_ms)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        on_signal(s, (int)info.ssi_signo, now_ms);
}

static int open_signals(struct supervisor *s, struct err *e)
{
    static const int numbers[] = { SIGCHLD, SIGHUP, SIGUSR1, SIGINT, SIGTERM, SIGQUIT };
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        sigaddset(&set, numbers[i]);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR2, SIG_IGN); /* meant for the upgrade, which there is not yet: no reason to die */
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_system(e, "cannot block signals");
    s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return s->signal_fd < 0 ? err_system(e, "cannot watch signals") : 0;
}

/* --- the loop ------------------------------------------------------------------------------- */

static int wait_ms(const struct supervisor *s, uint64_t now_ms)
{
    uint64_t due_ms = MIN(crew_events_due_ms(&s->crew), control_due_ms(s->control));
    due_ms = MIN(due_ms, reload_due_ms(s, now_ms));
    if (s->phase == SUPERVISOR_NOTICE)
        due_ms = MIN(due_ms, s->notice_due_ms);
    if (due_ms == UINT64_MAX)
        return -1;
    return due_ms <= now_ms ? 0 : (int)MIN(due_ms - now_ms, INT_MAX);
}

static void turn(struct supervisor *s)
{
    struct pollfd watched[WATCHED_MAX] = { { .fd = s->signal_fd, .events = POLLIN } };
    struct pollfd *control = watched + 1;
    size_t control_count = control_watch(s->control, control);
    struct pollfd *crew = control + control_count;
    size_t crew_count = crew_events_watch(&s->crew, crew);
    int ready = poll(watched, 1 + control_count + crew_count, wait_ms(s, clock_now_ms()));
    uint64_t now_ms = clock_now_ms();
    if (ready > 0) {
        crew_events_run(&s->crew, crew, crew_count);
        control_run(s->control, control, control_count, now_ms);
        read_signals(s, now_ms);
    } else {
        control_run(s->control, control, 0, now_ms);
    }
    crew_events_tick(&s->crew, now_ms);
    reload_step(s, now_ms);
    step_phase(s, now_ms);
}

/* --- from start to end ---------------------------------------------------------------------- */

/* Whoever started us may have closed them; no file of ours shall take their place. */
static void occupy_standard_files(void)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR);
    if (fd >= 0)
        close(fd);
}

static int open_sockets(struct supervisor *s, struct err *e)
{
    const struct config *config = s->generation.config;
    const struct listen_sockets none = { 0 };
    uint32_t workers = capacity_workers(&s->capacity, config->workers, config->capacity_users);
    return listen_sockets_prepare(&s->crew.sockets, &none, config, UINT64_MAX >> (64 - workers), e);
}

static int open_store(struct supervisor *s, const struct config *config,
                      const struct privileges *privileges, struct err *e)
{
    char path[PATH_MAX];
    bool anew = false;
    snprintf(path, sizeof(path), "%s/store", config->runtime_dir);
    s->store = store_region_open(path, &config->store, &anew, e);
    if (!s->store)
        return ERR_SYSTEM;
    log_write(LOG_INFO, anew ? "store: %s is new and empty" : "store: going on with %s", path);
    if (store_region_is_on_disk(s->store))
        log_write(LOG_INFO, "store: %s is on a disk; runtime_dir is faster on a tmpfs", path);
    int status = journal_folder_replay(config, s->store, e);
    return status < 0 ? status : journal_folder_prepare(config, privileges, e);
}

static int start(struct supervisor *s, struct err *e)
{
    const struct config *config = s->generation.config;
    struct privileges privileges;
    struct log_files logs;
    int status = privileges_find(&privileges, config->user, e);
    if (status == 0)
        status = runtime_dir_open(&s->runtime_dir, config->runtime_dir, e);
    if (status == 0)
        status = log_files_open(&logs, config, e);
    if (status < 0)
        return status;
    log_files_replace(&s->logs, &logs);
    status = open_store(s, config, &privileges, e);
    if (status < 0)
        return status;
    s->board = board_create(e);
    if (!s->board)
        return ERR_SYSTEM;
    status = maintenance_open(&s->maintenance, config->runtime_dir, e);
    if (status < 0)
        return status;
    tls_tickets_init(board_ticket_section(s->board));
    crew_init(&s->crew, s->board, &s->generation, &s->logs,
              (struct child_launch){ .board_fd = board_fd(s->board),
                                     .store_fd = store_region_fd(s->store),
                                     .privileges = privileges });
    status = open_sockets(s, e);
    if (status == 0)
        status = open_signals(s, e);
    if (status < 0)
        return status;
    s->control = control_open(config->runtime_dir, on_command, s, e);
    return s->control ? 0 : ERR_SYSTEM;
}

static void finish(struct supervisor *s)
{
    char text[128];
    bool clean = s->crew.unclean == 0;
    snprintf(text, sizeof(text),
             clean ? "stopped\n"
                   : "stopped; %u processes cut off what was not finished by the deadline\n",
             s->crew.unclean);
    if (s->control)
        control_answer_waiting(s->control, SUPERVISOR_STOPPED, clean, slice_str(text));
    control_close(&s->control);
    crew_fini(&s->crew);
    board_free(&s->board);
    store_region_free(&s->store);
    maintenance_fini(&s->maintenance);
    runtime_dir_close(&s->runtime_dir);
    log_files_close(&s->logs);
    generation_fini(&s->generation);
    if (s->signal_fd >= 0)
        close(s->signal_fd);
}

static int run(struct supervisor *s)
{
    struct err e;
    int status = start(s, &e);
    if (status < 0) {
        log_write(LOG_ERROR, "cannot start: %s", e.text);
        return 1;
    }
    log_write(LOG_INFO, "started with %s", s->config_path);
    reload_hand_out(s, s->started_ms);
    while (!is_over(s))
        turn(s);
    log_write(LOG_INFO, "stopped");
    return 0;
}

int supervisor_run(const char *config_path)
{
    struct supervisor s = { .config_path = config_path,
                            .signal_fd = -1,
                            .logs = { .error = -1, .access = -1 } };
    struct buf problems;
    occupy_standard_files();
    log_set_process("supervisor");
    umask(UMASK);
    s.started_ms = clock_now_ms();
    capacity_measure(&s.capacity, "");
    buf_init(&problems, TEXT_BYTES_MAX);
    int status = generation_load(&s.generation, config_path, 1, &problems);
    if (status < 0)
        fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&problems)));
    buf_fini(&problems);
    status = status < 0 ? 1 : run(&s);
    finish(&s);
    return status;
}
