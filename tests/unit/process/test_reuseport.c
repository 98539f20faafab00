/* Real sockets on the loopback address: the mirror of the kernel's order cannot be faked. */
#include "process/reuseport.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define SOCKETS 4
#define CLIENTS 64

struct fixture {
    struct reuseport group;
    struct sockaddr_in address;
    int listeners[SOCKETS];
    int clients[CLIENTS];
    size_t client_count;
};

static void add_listener(struct fixture *f, uint32_t slot)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
    assert_int_equal(listen(fd, CLIENTS), 0);
    socklen_t len = sizeof(f->address);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&f->address, &len), 0);
    f->listeners[slot] = fd;
    reuseport_add(&f->group, fd, slot);
}

static void remove_listener(struct fixture *f, uint32_t slot)
{
    reuseport_remove(&f->group, slot);
    close(f->listeners[slot]);
    f->listeners[slot] = -1;
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){ .address.sin_family = AF_INET };
    fixture.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (uint32_t slot = 0; slot < SOCKETS; slot++)
        add_listener(&fixture, slot);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->client_count; i++)
        close(f->clients[i]);
    for (size_t slot = 0; slot < SOCKETS; slot++)
        if (f->listeners[slot] >= 0)
            close(f->listeners[slot]);
    return 0;
}

/* A connect() over loopback returns with the connection in the queue of its listener. */
static void connect_clients(struct fixture *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
        f->clients[f->client_count++] = fd;
    }
}

static size_t accept_all(struct fixture *f, uint32_t slot)
{
    size_t accepted = 0;
    int fd = accept(f->listeners[slot], NULL, NULL);
    while (fd >= 0) {
        accepted++;
        close(fd);
        fd = accept(f->listeners[slot], NULL, NULL);
    }
    return accepted;
}

static void weigh(struct fixture *f, const uint32_t weights[CONFIG_WORKERS_MAX])
{
    struct err e = { "" };
    assert_int_equal(reuseport_steer(&f->group, weights, &e), 0);
}

static void steer(struct fixture *f, uint64_t live_slots)
{
    uint32_t weights[CONFIG_WORKERS_MAX];
    for (uint32_t slot = 0; slot < CONFIG_WORKERS_MAX; slot++)
        weights[slot] = live_slots >> slot & 1;
    weigh(f, weights);
}

static void gives_an_excluded_socket_nothing(void **state)
{
    struct fixture *f = *state;
    for (uint32_t excluded = 0; excluded < SOCKETS; excluded++) {
        steer(f, 0xf & ~(1ull << excluded));
        connect_clients(f, CLIENTS / SOCKETS);
        assert_int_equal(accept_all(f, excluded), 0);
        size_t others = 0;
        for (uint32_t slot = 0; slot < SOCKETS; slot++)
            others += accept_all(f, slot);
        assert_int_equal(others, CLIENTS / SOCKETS);
    }
}

static void keeps_what_waits_in_an_excluded_queue(void **state)
{
    struct fixture *f = *state;
    steer(f, 1 << 2);
    connect_clients(f, 8);
    steer(f, 1 << 0 | 1 << 1 | 1 << 3);
    connect_clients(f, 8);
    assert_int_equal(accept_all(f, 2), 8);
}

static void gives_everything_to_the_only_live_socket(void **state)
{
    struct fixture *f = *state;
    steer(f, 1 << 3);
    connect_clients(f, CLIENTS);
    assert_int_equal(accept_all(f, 3), CLIENTS);
}

static void uses_every_live_socket(void **state)
{
    struct fixture *f = *state;
    steer(f, 1 << 1 | 1 << 2 | 1 << 3);
    connect_clients(f, CLIENTS);
    /* Each stays empty with a probability of (2/3)^64, five in 10^12. */
    for (uint32_t slot = 1; slot < SOCKETS; slot++)
        assert_true(accept_all(f, slot) > 0);
}

static void shares_out_by_weight(void **state)
{
    struct fixture *f = *state;
    uint32_t weights[CONFIG_WORKERS_MAX] = { 1, REUSEPORT_WEIGHT_MAX, 0, 1 };
    weigh(f, weights);
    connect_clients(f, CLIENTS);
    /* One connection in 33 million goes elsewhere. */
    assert_int_equal(accept_all(f, 2), 0);
    assert_int_equal(accept_all(f, 1), CLIENTS);
}

static void spreads_over_all_when_all_or_none_are_live(void **state)
{
    struct fixture *f = *state;
    for (uint64_t live_slots = 0; live_slots <= 0xf; live_slots += 0xf) {
        steer(f, 1 << 0);
        steer(f, live_slots);
        assert_false(f->group.steered);
        connect_clients(f, CLIENTS / 2);
        assert_true(accept_all(f, 0) < CLIENTS / 2);
    }
}

static void follows_the_order_of_the_kernel(void **state)
{
    struct fixture *f = *state;
    remove_listener(f, 0); /* the kernel's array: 3 1 2 */
    add_listener(f, 0);    /* 3 1 2 0 */
    remove_listener(f, 1); /* 3 0 2 */
    for (uint32_t slot = 0; slot < SOCKETS; slot++) {
        if (slot == 1)
            continue;
        steer(f, 1ull << slot);
        connect_clients(f, 8);
        assert_int_equal(accept_all(f, slot), 8);
    }
}

static void outlives_the_socket_it_was_attached_through(void **state)
{
    struct fixture *f = *state;
    steer(f, 1 << 3);
    remove_listener(f, 0); /* the kernel's array: 3 1 2; index 3 is gone until the next steering */
    steer(f, 1 << 3);
    connect_clients(f, 8);
    assert_int_equal(accept_all(f, 3), 8);
    steer(f, 0xf);
    assert_false(f->group.steered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_an_excluded_socket_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_what_waits_in_an_excluded_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_everything_to_the_only_live_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(uses_every_live_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(shares_out_by_weight, setup, teardown),
        cmocka_unit_test_setup_teardown(spreads_over_all_when_all_or_none_are_live, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(follows_the_order_of_the_kernel, setup, teardown),
        cmocka_unit_test_setup_teardown(outlives_the_socket_it_was_attached_through, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
