/* A listener with real sockets: what the kernel says when descriptors run out is the point. */
#include "net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define CLIENTS 8

struct scene {
    struct loop loop;
    uv_async_t alive; /* a loop without handles does not turn */
    struct metrics metrics;
    struct pacer pacer;
    struct listener listener;
    struct sockaddr_in address;
    int clients[CLIENTS];
    uv_tcp_t accepted[CLIENTS];
    unsigned count;
    uint64_t costs_us; /* of a connection */
    bool closed;
};

static struct scene s;

static void on_connection(struct listener *l, void *user)
{
    assert_ptr_equal(user, &s);
    assert_int_equal(l->peer.family, AF_INET);
    assert_true(s.count < CLIENTS);
    assert_int_equal(uv_tcp_init(&s.loop.uv, &s.accepted[s.count]), 0);
    assert_int_equal(listener_accept(l, &s.accepted[s.count]), 0);
    s.count++;
    if (l->pacer)
        pacer_charge(l->pacer, s.costs_us);
}

static void refuse(struct listener *l, void *user)
{
    (void)l, (void)user;
    s.count++;
}

static void on_async(uv_async_t *async)
{
    (void)async;
}

static void begin(listener_fn on)
{
    socklen_t len = sizeof(s.address);
    s = (struct scene){ .address = { .sin_family = AF_INET,
                                     .sin_addr = { htonl(INADDR_LOOPBACK) } } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&s.address, len), 0);
    assert_int_equal(listen(fd, CLIENTS), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&s.address, &len), 0);
    assert_int_equal(loop_init(&s.loop), 0);
    assert_int_equal(uv_async_init(&s.loop.uv, &s.alive, on_async), 0);
    pacer_init(&s.pacer, &s.loop, &s.metrics);
    assert_int_equal(listener_open(&s.listener, &s.loop, fd, &s.metrics, on, &s), 0);
}

/* In the kernel's queue when this returns. */
static void connect_clients(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        s.clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(s.clients[i], (struct sockaddr *)&s.address, sizeof(s.address)),
                         0);
    }
}

static void on_closed(struct listener *l)
{
    assert_ptr_equal(l, &s.listener);
    s.closed = true;
}

static void end(void)
{
    listener_close(&s.listener, on_closed);
    loop_fini(&s.loop);
    assert_true(s.closed);
    for (int i = 0; i < CLIENTS; i++)
        close(s.clients[i]);
}

static void takes_all_who_wait(void **state)
{
    (void)state;
    begin(on_connection);
    connect_clients();
    uv_run(&s.loop.uv, UV_RUN_ONCE);
    assert_int_equal(s.count, CLIENTS);
    end();
}

static void who_is_not_taken_is_closed(void **state)
{
    (void)state;
    char byte;
    begin(refuse);
    connect_clients();
    uv_run(&s.loop.uv, UV_RUN_ONCE);
    assert_int_equal(s.count, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(recv(s.clients[i], &byte, 1, 0), 0);
    end();
}

static void with_a_pacer_only_so_many_are_taken_in_a_turn(void **state)
{
    (void)state;
    begin(on_connection);
    s.listener.pacer = &s.pacer;
    s.costs_us = PACER_TURN_US;
    connect_clients();
    for (unsigned i = 1; i <= CLIENTS; i++) {
        uv_run(&s.loop.uv, UV_RUN_NOWAIT);
        assert_int_equal(s.count, i);
    }
    end();
}

static int option(const uv_tcp_t *tcp, int name)
{
    int value = 0;
    socklen_t len = sizeof(value);
    assert_int_equal(getsockopt(tcp->io_watcher.fd, IPPROTO_TCP, name, &value, &len), 0);
    return value;
}

static void who_is_accepted_inherits_what_was_set(void **state)
{
    (void)state;
    begin(on_connection);
    listener_bound_unsent(&s.listener, 12345);
    connect_clients();
    uv_run(&s.loop.uv, UV_RUN_ONCE);
    assert_int_equal(option(&s.accepted[0], TCP_NOTSENT_LOWAT), 12345);
    assert_int_equal(option(&s.accepted[0], TCP_NODELAY), 1);
    end();
}

static void in_a_hurry_all_who_wait_are_taken(void **state)
{
    (void)state;
    begin(on_connection);
    s.listener.pacer = &s.pacer;
    s.costs_us = PACER_TURN_US;
    connect_clients();
    uv_run(&s.loop.uv, UV_RUN_NOWAIT);
    assert_int_equal(s.count, 1);
    loop_event_begin(&s.loop);
    listener_hurry(&s.listener);
    loop_event_end(&s.loop);
    assert_int_equal(s.count, CLIENTS);
    end();
}

/* A descriptor more than these cannot be had. */
static void allow_only_what_is_open(struct rlimit *before)
{
    int free_fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
    assert_true(free_fd >= 0);
    close(free_fd);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
    struct rlimit now = { (rlim_t)free_fd, before->rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
}

static void without_descriptors_it_rests_and_goes_on_when_there_are_some(void **state)
{
    (void)state;
    struct rlimit before;
    begin(on_connection);
    connect_clients();
    allow_only_what_is_open(&before);
    uv_run(&s.loop.uv, UV_RUN_ONCE);
    for (int i = 0; i < 100; i++)
        uv_run(&s.loop.uv, UV_RUN_NOWAIT);
    assert_int_equal(s.count, 0);
    /* The kernel has not been asked again in each of those turns. */
    assert_false(s.listener.watching);
    assert_true(metrics_counter(&s.metrics, COUNTER_ACCEPT_FAILURES) < 100);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (s.count < CLIENTS)
        uv_run(&s.loop.uv, UV_RUN_ONCE);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_all_who_wait),
        cmocka_unit_test(who_is_not_taken_is_closed),
        cmocka_unit_test(with_a_pacer_only_so_many_are_taken_in_a_turn),
        cmocka_unit_test(who_is_accepted_inherits_what_was_set),
        cmocka_unit_test(in_a_hurry_all_who_wait_are_taken),
        cmocka_unit_test(without_descriptors_it_rests_and_goes_on_when_there_are_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
