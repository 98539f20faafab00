#include "process/crew_events.h"

#include "common/log.h"

#include <sys/wait.h>
#include <unistd.h>

#define KILL_AGAIN_MS 1000
#define MESSAGES_A_TURN 16

static void on_message(struct child *c, const struct channel_message *message)
{
    char name[16];
    switch (message->kind) {
    case CHANNEL_APPLIED:
        if (c->state == CHILD_STARTING)
            log_write(LOG_INFO, "%s is ready", child_name(c, name));
        child_applied(c, message->generation);
        break;
    case CHANNEL_REJECTED:
        c->refused = message->generation;
        log_write(LOG_ERROR, "%s REJECTED configuration %u and goes on with %u: %s",
                  child_name(c, name), message->generation, c->generation, message->text);
        break;
    case CHANNEL_FULL:
    case CHANNEL_ROOM:
        c->full = message->kind == CHANNEL_FULL;
        log_write(c->full ? LOG_WARN : LOG_INFO, "%s %s", child_name(c, name),
                  c->full ? "is full: new connections go to the others"
                          : "takes connections again");
        break;
    case CHANNEL_DRAINED:
        log_write(LOG_INFO, "%s has finished its work", child_name(c, name));
        break;
    default:
        log_write(LOG_ERROR, "%s speaks nonsense, killing it", child_name(c, name));
        child_kill(c);
    }
}

/* A child may be compromised: it gets a few messages a turn, not our whole time. */
static enum channel_status read_messages(struct child *c)
{
    struct channel_message message;
    enum channel_status status = CHANNEL_MESSAGE;
    for (int i = 0; i < MESSAGES_A_TURN && status == CHANNEL_MESSAGE; i++) {
        status = channel_receive(c->channel, &message, NULL);
        if (status == CHANNEL_MESSAGE)
            on_message(c, &message);
    }
    return status;
}

static void listen_to(struct child *c)
{
    if (read_messages(c) != CHANNEL_CLOSED)
        return;
    close(c->channel);
    c->channel = -1;
    /* Who was told to leave is on its way out; anybody else can only be dying. SIGCHLD will tell.
     */
    if (c->state != CHILD_LEAVING)
        child_kill(c);
}

size_t crew_events_watch(const struct crew *crew, struct pollfd *out)
{
    size_t count = 0;
    for (uint32_t slot = 0; slot < CHILD_SLOTS; slot++)
        if (crew->children[slot].channel >= 0)
            out[count++] = (struct pollfd){ .fd = crew->children[slot].channel, .events = POLLIN };
    return count;
}

static struct child *child_of(struct crew *crew, int channel)
{
    for (uint32_t slot = 0; slot < CHILD_SLOTS; slot++)
        if (crew->children[slot].channel == channel)
            return &crew->children[slot];
    return NULL;
}

void crew_events_run(struct crew *crew, const struct pollfd *polled, size_t count)
{
    uint64_t live = crew_live_workers(crew);
    for (size_t i = 0; i < count; i++) {
        struct child *c = polled[i].revents ? child_of(crew, polled[i].fd) : NULL;
        if (c)
            listen_to(c);
    }
    if (crew_live_workers(crew) != live)
        crew_steer(crew);
}

static void bury(struct crew *crew, struct child *c, int wait_status, uint64_t now_ms)
{
    char name[16], how[64];
    bool was_wanted = child_is_wanted(c);
    pid_t pid = c->pid;
    c->pid = 0; /* the number may belong to somebody else by now */
    if (c->channel >= 0)
        read_messages(c);
    child_describe_status(wait_status, how, sizeof(how));
    child_died(c, now_ms);
    if (!was_wanted) {
        crew->unclean += wait_status != 0;
        log_write(wait_status == 0 ? LOG_INFO : LOG_WARN, "%s (process %d) has left: it %s",
                  child_name(c, name), (int)pid, how);
        crew_vacate(crew, c);
        return;
    }
    log_write(LOG_ERROR, "%s (process %d) %s; starting it again in %llu ms", child_name(c, name),
              (int)pid, how, (unsigned long long)(c->due_ms - now_ms));
    board_set_slot(crew->board, c->slot, BOARD_SLOT_DOWN);
    board_set_state(crew->board, BOARD_RESTARTS, board_state(crew->board, BOARD_RESTARTS) + 1);
}

void crew_events_reap(struct crew *crew, uint64_t now_ms)
{
    for (;;) {
        int wait_status;
        pid_t pid = waitpid(-1, &wait_status, WNOHANG);
        if (pid <= 0)
            break;
        for (uint32_t slot = 0; slot < CHILD_SLOTS; slot++)
            if (crew->children[slot].pid == pid)
                bury(crew, &crew->children[slot], wait_status, now_ms);
    }
    crew_fill(crew, now_ms);
}

static void kill_late(struct child *c, uint64_t now_ms)
{
    char name[16];
    const char *what = c->state == CHILD_STARTING ? "did not apply its first configuration in time"
                                                  : "did not finish in time";
    log_write(LOG_WARN, "%s %s, killing it", child_name(c, name), what);
    child_kill(c);
    c->due_ms = now_ms + KILL_AGAIN_MS;
}

static void act_on_due(struct crew *crew, struct child *c, uint64_t now_ms)
{
    switch (c->state) {
    case CHILD_WAITING:
        crew_start(crew, c, now_ms);
        break;
    case CHILD_RETIRING:
        child_drain(c, crew->generation->config->timeouts.shutdown_ms, now_ms);
        break;
    case CHILD_STARTING:
    case CHILD_LEAVING:
        kill_late(c, now_ms);
        break;
    case CHILD_ABSENT:
    case CHILD_RUNNING:
        break;
    }
}

/* With one worker there is nothing to choose. */
static bool needs_balance(const struct crew *crew)
{
    return crew->worker_count > 1 && !crew->leaving;
}

void crew_events_tick(struct crew *crew, uint64_t now_ms)
{
    bool acted = false;
    for (uint32_t slot = 0; slot < CHILD_SLOTS; slot++) {
        struct child *c = &crew->children[slot];
        if (c->due_ms == 0 || c->due_ms > now_ms)
            continue;
        act_on_due(crew, c, now_ms);
        acted = true;
    }
    if (acted)
        crew_steer(crew);
    if (needs_balance(crew) && now_ms >= crew->balance_due_ms)
        crew_balance(crew, now_ms);
}

uint64_t crew_events_due_ms(const struct crew *crew)
{
    uint64_t due_ms = needs_balance(crew) ? crew->balance_due_ms : UINT64_MAX;
    for (uint32_t slot = 0; slot < CHILD_SLOTS; slot++)
        if (crew->children[slot].due_ms != 0)
            due_ms = MIN(due_ms, crew->children[slot].due_ms);
    return due_ms;
}
