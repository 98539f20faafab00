#include "process/listen_sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ADDRESSES 3

/* Addresses with ports that were free a moment ago. */
struct fixture {
    struct config_address addresses[ADDRESSES];
    struct config_listener listeners[ADDRESSES];
    struct config config;
    struct listen_sockets sockets;
};

static int open_any(struct sockaddr_in *address)
{
    socklen_t len = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    *address = (struct sockaddr_in){ .sin_family = AF_INET };
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){ .config = { .listeners = fixture.listeners } };
    int fds[ADDRESSES];
    for (size_t i = 0; i < ADDRESSES; i++) {
        fds[i] = open_any((struct sockaddr_in *)&fixture.addresses[i].sockaddr);
        fixture.addresses[i].len = sizeof(struct sockaddr_in);
        fixture.addresses[i].text = "here";
    }
    for (size_t i = 0; i < ADDRESSES; i++)
        close(fds[i]);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    listen_sockets_close(&f->sockets);
    return 0;
}

/* Listeners on addresses[first .. first + count - 1]. */
static int apply(struct fixture *f, size_t first, size_t count, uint64_t slots, struct err *e)
{
    struct listen_sockets next;
    f->config.listener_count = count;
    for (size_t i = 0; i < count; i++)
        f->listeners[i].address = f->addresses[first + i];
    int status = listen_sockets_prepare(&next, &f->sockets, &f->config, slots, e);
    if (status == 0)
        listen_sockets_commit(&f->sockets, &next);
    return status;
}

static bool is_listening(const struct fixture *f, size_t i)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int status =
        connect(fd, (const struct sockaddr *)&f->addresses[i].sockaddr, f->addresses[i].len);
    close(fd);
    return status == 0;
}

static struct channel_files lent(const struct fixture *f, uint32_t slot)
{
    struct channel_files files;
    channel_files_init(&files);
    listen_sockets_lend(&f->sockets, slot, &files);
    return files;
}

static void opens_a_socket_for_every_worker_and_listener(void **state)
{
    struct fixture *f = *state;
    struct err e;
    assert_int_equal(apply(f, 0, 2, 0x5, &e), 0);
    struct channel_files zero = lent(f, 0), two = lent(f, 2);
    assert_int_equal(zero.socket_count, 2);
    assert_true(zero.sockets[0] >= 0 && zero.sockets[1] >= 0);
    assert_true(two.sockets[0] >= 0 && two.sockets[1] >= 0);
    assert_int_not_equal(zero.sockets[0], two.sockets[0]);
    assert_int_equal(lent(f, 1).sockets[0], -1);
    assert_true(is_listening(f, 0));
    assert_true(is_listening(f, 1));
}

static void keeps_the_sockets_of_an_address_that_stays(void **state)
{
    struct fixture *f = *state;
    struct err e;
    assert_int_equal(apply(f, 0, 2, 0x3, &e), 0);
    int kept = lent(f, 1).sockets[1];
    assert_int_equal(apply(f, 1, 2, 0x3, &e), 0);
    assert_int_equal(lent(f, 1).sockets[0], kept);
    assert_false(is_listening(f, 0));
    assert_true(is_listening(f, 1));
    assert_true(is_listening(f, 2));
}

static void changes_nothing_when_an_address_cannot_be_had(void **state)
{
    struct fixture *f = *state;
    struct err e;
    assert_int_equal(apply(f, 0, 1, 0x3, &e), 0);
    int kept = lent(f, 0).sockets[0];
    int other = open_any((struct sockaddr_in *)&f->addresses[2].sockaddr);
    assert_int_equal(listen(other, 1), 0);
    assert_int_equal(apply(f, 0, 3, 0x3, &e), ERR_SYSTEM);
    assert_string_equal(e.text, "cannot listen on here: Address already in use");
    assert_int_equal(f->sockets.count, 1);
    assert_int_equal(lent(f, 0).sockets[0], kept);
    assert_true(is_listening(f, 0));
    assert_false(is_listening(f, 1));
    close(other);
}

static void does_not_join_a_stranger_that_shares_its_port(void **state)
{
    struct fixture *f = *state;
    struct err e;
    int on = 1;
    int stranger = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(stranger, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
    assert_int_equal(
        bind(stranger, (struct sockaddr *)&f->addresses[0].sockaddr, f->addresses[0].len), 0);
    assert_int_equal(listen(stranger, 1), 0);
    assert_int_equal(apply(f, 0, 1, 0x1, &e), ERR_SYSTEM);
    close(stranger);
}

static void moves_from_one_address_to_all_on_the_same_port(void **state)
{
    struct fixture *f = *state;
    struct err e;
    f->addresses[1] = f->addresses[0];
    ((struct sockaddr_in *)&f->addresses[1].sockaddr)->sin_addr.s_addr = htonl(INADDR_ANY);
    assert_int_equal(apply(f, 0, 1, 0x1, &e), 0);
    assert_int_equal(apply(f, 1, 1, 0x1, &e), 0);
    assert_true(is_listening(f, 0));
}

static void gives_a_new_worker_what_it_lacks(void **state)
{
    struct fixture *f = *state;
    struct err e;
    assert_int_equal(apply(f, 0, 2, 0x1, &e), 0);
    assert_int_equal(listen_sockets_add(&f->sockets, 5, &e), 0);
    struct channel_files five = lent(f, 5);
    assert_true(five.sockets[0] >= 0 && five.sockets[1] >= 0);
    assert_int_equal(listen_sockets_add(&f->sockets, 5, &e), 0);
    assert_int_equal(lent(f, 5).sockets[0], five.sockets[0]);
    listen_sockets_remove(&f->sockets, 5);
    assert_int_equal(lent(f, 5).sockets[0], -1);
    assert_true(is_listening(f, 0));
}

static void steers_every_listener(void **state)
{
    struct fixture *f = *state;
    struct err e;
    assert_int_equal(apply(f, 0, 2, 0x7, &e), 0);
    assert_int_equal(
        listen_sockets_steer(&f->sockets, (uint32_t[CONFIG_WORKERS_MAX]){ [1] = 1 }, &e), 0);
    struct channel_files one = lent(f, 1);
    for (size_t i = 0; i < 2; i++) {
        assert_true(is_listening(f, i));
        int fd = accept(one.sockets[i], NULL, NULL);
        assert_true(fd >= 0);
        close(fd);
    }
}

static void keeps_the_admin_socket_apart(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct channel_files files;
    f->config.admin = &f->addresses[2];
    assert_int_equal(apply(f, 0, 1, 0x1, &e), 0);
    assert_true(is_listening(f, 2));
    channel_files_init(&files);
    listen_sockets_lend_admin(&f->sockets, &files);
    assert_int_equal(files.socket_count, 1);
    int kept = files.sockets[0];
    assert_int_equal(apply(f, 1, 1, 0x1, &e), 0);
    channel_files_init(&files);
    listen_sockets_lend_admin(&f->sockets, &files);
    assert_int_equal(files.sockets[0], kept);
    f->config.admin = NULL;
    assert_int_equal(apply(f, 1, 1, 0x1, &e), 0);
    assert_false(is_listening(f, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opens_a_socket_for_every_worker_and_listener, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(keeps_the_sockets_of_an_address_that_stays, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(changes_nothing_when_an_address_cannot_be_had, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(does_not_join_a_stranger_that_shares_its_port, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(moves_from_one_address_to_all_on_the_same_port, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(gives_a_new_worker_what_it_lacks, setup, teardown),
        cmocka_unit_test_setup_teardown(steers_every_listener, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_the_admin_socket_apart, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
