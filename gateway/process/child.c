#include "process/child.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FREE_FD 6

#define SHORT_LIFE_MS 10000
#define LONG_LIFE_MS 60000
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000

void child_init(struct child *c, uint32_t slot)
{
    *c = (struct child){ .slot = slot, .state = CHILD_ABSENT, .channel = -1 };
}

const char *child_name(const struct child *c, char out[16])
{
    if (child_is_worker(c))
        snprintf(out, 16, "worker %u", c->slot);
    else
        snprintf(out, 16, "keeper");
    return out;
}

/* Terminal and operators' signals are meant for the supervisor, also when a whole process group
 * gets them (Ctrl-C, some service managers); children leave when their channel tells them. */
static void reset_signals(void)
{
    static const int ignored[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE };
    sigset_t none;
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Copies first, because a source may sit where the other one goes. */
static bool place_descriptors(int channel, const struct child_launch *how)
{
    const struct {
        int from, to;
    } places[] = { { channel, CHILD_CHANNEL_FD },
                   { how->board_fd, CHILD_BOARD_FD },
                   { how->store_fd, CHILD_STORE_FD } };
    int copies[ARRAY_LEN(places)];
    bool placed = true;
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        copies[i] = fcntl(places[i].from, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    /* Ours close on exec anyhow; whoever started us may have left others open. */
    close_range(FIRST_FREE_FD, ~0U, CLOSE_RANGE_CLOEXEC);
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        placed = placed && copies[i] >= 0 && dup2(copies[i], places[i].to) >= 0;
    return placed;
}

/* Runs in the forked process. */
static void execute(const struct child *c, int channel, const struct child_launch *how)
{
    char name[16], title[32], slot[16], user[PRIVILEGES_TEXT_BYTES];
    char command_worker[] = "_worker", command_keeper[] = "_keeper";
    snprintf(title, sizeof(title), "cong: %s", child_name(c, name));
    snprintf(slot, sizeof(slot), "%u", c->slot);
    privileges_format(&how->privileges, user);
    char *argv[] = { title, child_is_worker(c) ? command_worker : command_keeper, slot, user,
                     NULL };
    reset_signals();
    /* A service manager may have given us the right to bind low ports; children need none. */
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (place_descriptors(channel, how))
        execv("/proc/self/exe", argv);
    log_write(LOG_ERROR, "cannot execute %s: %s", name, strerror(errno));
    _exit(127);
}

int child_start(struct child *c, const struct child_launch *how, uint64_t now_ms, struct err *e)
{
    int ends[2];
    int status = channel_pair(ends, e);
    if (status < 0)
        return status;
    pid_t pid = fork();
    if (pid == 0)
        execute(c, ends[1], how);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return err_system(e, "cannot fork");
    }
    c->state = CHILD_STARTING;
    c->pid = pid;
    c->channel = ends[0];
    c->full = false;
    c->generation = c->refused = 0;
    c->started_ms = now_ms;
    c->due_ms = now_ms + CHILD_START_MS;
    return 0;
}

static uint64_t next_backoff(struct child *c, uint64_t lived_ms)
{
    if (lived_ms >= LONG_LIFE_MS)
        c->backoff_ms = 0;
    uint64_t delay_ms = c->backoff_ms;
    if (lived_ms < SHORT_LIFE_MS)
        c->backoff_ms = MIN(MAX(2 * delay_ms, BACKOFF_MIN_MS), BACKOFF_MAX_MS);
    return delay_ms;
}

void child_died(struct child *c, uint64_t now_ms)
{
    uint64_t lived_ms = now_ms - c->started_ms;
    if (c->channel >= 0)
        close(c->channel);
    c->channel = -1;
    c->pid = 0;
    if (!child_is_wanted(c) && c->state != CHILD_ABSENT) {
        child_init(c, c->slot);
        return;
    }
    c->state = CHILD_WAITING;
    c->due_ms = now_ms + next_backoff(c, lived_ms);
    c->restarts++;
}

void child_applied(struct child *c, uint32_t generation)
{
    c->generation = generation;
    if (c->state != CHILD_STARTING)
        return;
    c->state = CHILD_RUNNING;
    c->due_ms = 0;
}

void child_retire(struct child *c, uint64_t now_ms)
{
    if (c->state == CHILD_WAITING)
        child_init(c, c->slot);
    if (c->state != CHILD_STARTING && c->state != CHILD_RUNNING)
        return;
    c->state = CHILD_RETIRING;
    c->due_ms = now_ms + CHILD_RETIRE_MS;
}

void child_drain(struct child *c, uint32_t deadline_ms, uint64_t now_ms)
{
    struct channel_message message = { .kind = CHANNEL_DRAIN, .deadline_ms = deadline_ms };
    struct err e;
    child_retire(c, now_ms);
    if (c->state != CHILD_RETIRING)
        return;
    c->state = CHILD_LEAVING;
    c->due_ms = now_ms + deadline_ms + CHILD_LATE_MS;
    if (channel_send(c->channel, &message, NULL, &e) < 0)
        child_kill(c);
}

void child_kill(struct child *c)
{
    if (c->pid)
        kill(c->pid, SIGKILL);
}

void child_describe_status(int wait_status, char *out, size_t size)
{
    const char *name = WIFSIGNALED(wait_status) ? sigabbrev_np(WTERMSIG(wait_status)) : NULL;
    if (name)
        snprintf(out, size, "was killed by SIG%s%s", name,
                 WCOREDUMP(wait_status) ? " (core dumped)" : "");
    else if (WIFSIGNALED(wait_status))
        snprintf(out, size, "was killed by signal %d", WTERMSIG(wait_status));
    else
        snprintf(out, size, "exited with status %d", WEXITSTATUS(wait_status));
}
