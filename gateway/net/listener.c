#include "net/listener.h"

#include "common/clock.h"
#include "common/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* That accepting fails is logged once in this time. */
#define LISTENER_TELL_MS 10000

static void on_waiting(uv_poll_t *uv, int status, int events);

static void watch(struct listener *l, bool wanted)
{
    if (l->watching == wanted)
        return;
    l->watching = wanted;
    if (wanted)
        uv_poll_start(&l->uv, UV_READABLE, on_waiting);
    else
        uv_poll_stop(&l->uv);
}

/* The kernel goes on telling of those who wait, whom we cannot take. */
static void rest(struct listener *l, int code)
{
    uint64_t now_ms = clock_now_ms();
    metrics_add(l->metrics, COUNTER_ACCEPT_FAILURES, 1);
    if (l->told_ms == 0 || now_ms - l->told_ms >= LISTENER_TELL_MS) {
        l->told_ms = now_ms;
        log_write(LOG_WARN, "cannot accept connections: %s; trying again every %d ms",
                  uv_strerror(uv_translate_sys_error(code)), LISTENER_REST_MS);
    }
    watch(l, false);
    timer_set(&l->loop->timers, &l->rest, LISTENER_REST_MS);
}

static void hand_over(struct listener *l, int fd, const struct sockaddr_storage *from)
{
    struct pacer *pacer = l->pacer;
    loop_event_begin(l->loop);
    l->accepted = fd;
    address_from_sockaddr(&l->peer, (const struct sockaddr *)from);
    l->on_connection(l, l->user);
    if (l->accepted >= 0)
        close(l->accepted);
    l->accepted = -1;
    loop_event_end(l->loop);
    if (pacer)
        pacer_charge(pacer, clock_now_us() - l->loop->now_us);
}

static bool is_shortage(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

/* Takes connections until none waits, or newcomers have had their time. */
static void take(struct listener *l)
{
    while (l->fd >= 0) {
        if (l->pacer && !pacer_admits(l->pacer)) {
            watch(l, false);
            pacer_wait(l->pacer, &l->turn, PACER_ACCEPTS);
            return;
        }
        struct sockaddr_storage from;
        socklen_t len = sizeof(from);
        int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            hand_over(l, fd, &from);
        } else if (errno == EAGAIN) {
            watch(l, true);
            return;
        } else if (is_shortage(errno) || errno == EBADF || errno == EINVAL) {
            rest(l, errno);
            return;
        } /* any other failure is that of one connection, which has gone */
    }
}

static void on_waiting(uv_poll_t *uv, int status, int events)
{
    struct listener *l = uv->data;
    (void)events;
    if (status == 0) {
        take(l);
        return;
    }
    l->watching = false; /* libuv has stopped it */
    rest(l, -status);
}

static void run_turn(struct defer *d)
{
    take(CONTAINER_OF(d, struct listener, turn));
}

static void on_rested(struct timer *t)
{
    watch(CONTAINER_OF(t, struct listener, rest), true);
}

int listener_open(struct listener *l, struct loop *loop, int fd, struct metrics *metrics,
                  listener_fn on_connection, void *user)
{
    *l = (struct listener){ .loop = loop,
                            .fd = fd,
                            .accepted = -1,
                            .metrics = metrics,
                            .on_connection = on_connection,
                            .user = user };
    defer_init(&l->turn, run_turn);
    timer_init(&l->rest, on_rested);
    int one = 1; /* inherited by who is accepted: a system call a connection less */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    int rc = uv_poll_init(&loop->uv, &l->uv, fd);
    l->uv.data = l;
    if (rc == 0) {
        watch(l, true);
        return 0;
    }
    close(fd);
    l->fd = -1;
    return rc;
}

void listener_bound_unsent(struct listener *l, uint32_t bytes)
{
    int value = (int)bytes;
    setsockopt(l->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, sizeof(value));
}

int listener_accept(struct listener *l, uv_tcp_t *into)
{
    int rc = uv_tcp_open(into, l->accepted);
    if (rc == 0)
        l->accepted = -1;
    return rc;
}

void listener_hurry(struct listener *l)
{
    l->pacer = NULL;
    list_remove(&l->turn.node);
    loop_defer(l->loop, &l->turn);
}

static void on_uv_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    l->on_closed(l);
}

static void run_closed(struct defer *d)
{
    struct listener *l = CONTAINER_OF(d, struct listener, turn);
    l->on_closed(l);
}

void listener_close(struct listener *l, void (*on_closed)(struct listener *l))
{
    l->on_closed = on_closed;
    list_remove(&l->turn.node);
    timer_cancel(&l->rest);
    if (l->fd < 0) { /* it was never opened */
        defer_init(&l->turn, run_closed);
        loop_defer(l->loop, &l->turn);
        return;
    }
    uv_close((uv_handle_t *)&l->uv, on_uv_closed); /* before the descriptor: libuv leaves epoll */
    close(l->fd);
    l->fd = -1;
}
