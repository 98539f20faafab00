#include "process/keeper.h"

#include "admin/admin.h"
#include "common/log.h"
#include "net/loop.h"
#include "observe/board.h"
#include "process/assignment.h"
#include "process/guard.h"
#include "process/version.h"
#include "store/store_keeper.h"
#include "upstream/gate_keeper.h"
#include "upstream/names.h"
#include "upstream/prober.h"

#include <unistd.h>

struct keeper {
    struct loop loop;
    uv_poll_t watch;             /* of the channel */
    int channel;                 /* owned */
    struct board *board;         /* owned */
    struct store_region *region; /* owned */
    struct store_keeper *store;  /* owned */
    struct names *names;         /* owned */
    struct prober *prober;       /* owned */
    struct gate_keeper *gates;   /* owned */
    struct config *config;       /* owned; NULL before the first CONFIG */
    struct admin admin;
    struct guard guard;
    int exit_code;
};

static void leave(struct keeper *k, int exit_code)
{
    k->exit_code = exit_code;
    uv_stop(&k->loop.uv);
}

/* --- messages ------------------------------------------------------------------------------- */

static void say(struct keeper *k, enum channel_kind kind, uint32_t generation, const char *text)
{
    struct err e;
    if (channel_say(k->channel, kind, generation, text, &e) < 0)
        leave(k, 1);
}

/* Everything that a configuration changes; takes over both. */
static void apply(struct keeper *k, struct config *config, int admin_socket, uint32_t generation)
{
    struct metrics *metrics = board_metrics(k->board, BOARD_KEEPER);
    store_keeper_apply(k->store, config);
    names_apply(k->names, config);
    prober_apply(k->prober, config);
    gate_keeper_apply(k->gates, config);
    config_free(&k->config);
    k->config = config;
    log_set_level(config->log_level);
    admin_apply(&k->admin, config, admin_socket);
    metrics_gauge_set(metrics, GAUGE_CONFIG_GENERATION, generation);
    metrics_add(metrics, COUNTER_RELOADS, 1);
}

static void on_config(struct keeper *k, const struct channel_message *message,
                      struct channel_files *files)
{
    char problem[CHANNEL_TEXT_BYTES];
    struct config *config = assignment_load(message, files, problem);
    if (!config) {
        say(k, CHANNEL_REJECTED, message->generation, problem);
        return;
    }
    assignment_take_error_log(files);
    int admin_socket = files->socket_count ? files->sockets[0] : -1;
    if (files->socket_count)
        files->sockets[0] = -1;
    apply(k, config, admin_socket, message->generation);
    say(k, CHANNEL_APPLIED, message->generation, NULL);
}

static void on_message(struct keeper *k, const struct channel_message *message,
                       struct channel_files *files)
{
    switch (message->kind) {
    case CHANNEL_CONFIG:
        on_config(k, message, files);
        break;
    case CHANNEL_REOPEN:
        assignment_take_error_log(files);
        break;
    case CHANNEL_DRAIN:
        say(k, CHANNEL_DRAINED, 0, NULL);
        leave(k, 0);
        break;
    default:
        break;
    }
}

static void on_readable(uv_poll_t *watch, int status, int events)
{
    struct keeper *k = watch->data;
    struct channel_message message;
    struct channel_files files;
    (void)status, (void)events;
    loop_event_begin(&k->loop);
    switch (channel_receive(k->channel, &message, &files)) {
    case CHANNEL_MESSAGE:
        on_message(k, &message, &files);
        break;
    case CHANNEL_TRUNCATED:
        say(k, CHANNEL_REJECTED, message.generation, "too few descriptors are left");
        break;
    case CHANNEL_CLOSED:
        leave(k, 1);
        break;
    case CHANNEL_EMPTY:
        break;
    }
    channel_files_close(&files);
    loop_event_end(&k->loop);
}

/* --- from start to end ---------------------------------------------------------------------- */

static int start(struct keeper *k, int channel_fd)
{
    int rc = loop_init(&k->loop);
    if (rc < 0)
        return rc;
    admin_init(&k->admin, &k->loop, k->board, k->region, CONG_VERSION);
    k->store = store_keeper_new(&k->loop, k->region, board_metrics(k->board, BOARD_KEEPER),
                                board_ticket_section(k->board));
    k->names = names_new(&k->loop, k->board);
    k->prober = prober_new(&k->loop, k->board);
    k->gates = gate_keeper_new(&k->loop, k->board);
    guard_init(&k->guard, &k->loop, k->board, BOARD_KEEPER, 0, NULL);
    k->channel = channel_fd;
    k->watch.data = k;
    rc = uv_poll_init(&k->loop.uv, &k->watch, channel_fd);
    return rc < 0 ? rc : uv_poll_start(&k->watch, UV_READABLE, on_readable);
}

static void finish(struct keeper *k)
{
    admin_fini(&k->admin);
    guard_fini(&k->guard);
    prober_free(&k->prober);
    names_free(&k->names);
    store_keeper_free(&k->store);
    gate_keeper_free(&k->gates);
    loop_fini(&k->loop);
    close(k->channel);
    config_free(&k->config);
    store_region_free(&k->region);
    board_free(&k->board);
}

int keeper_main(int channel_fd, int board_fd, int store_fd)
{
    struct keeper k = { .exit_code = 1 };
    struct err e;
    k.board = board_attach(board_fd, &e);
    if (k.board)
        k.region = store_region_attach(store_fd, &e);
    if (!k.region) {
        log_write(LOG_ERROR, "%s", e.text);
        return 1;
    }
    int rc = start(&k, channel_fd);
    if (rc < 0) {
        log_write(LOG_ERROR, "cannot start the loop: %s", uv_strerror(rc));
        return 1;
    }
    uv_run(&k.loop.uv, UV_RUN_DEFAULT);
    finish(&k);
    return k.exit_code;
}
