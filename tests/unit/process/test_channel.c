#include "process/channel.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
    static int ends[2];
    struct err e;
    assert_int_equal(channel_pair(ends, &e), 0);
    *state = ends;
    return 0;
}

static int teardown(void **state)
{
    int *ends = *state;
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static int open_null(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static bool is_same_file(int a, int b)
{
    struct stat first, second;
    assert_int_equal(fstat(a, &first), 0);
    assert_int_equal(fstat(b, &second), 0);
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static void says_what_was_said(void **state)
{
    int *ends = *state;
    struct channel_message message;
    struct err e;
    assert_int_equal(channel_say(ends[0], CHANNEL_REJECTED, 7, "no such file", &e), 0);
    assert_int_equal(channel_receive(ends[1], &message, NULL), CHANNEL_MESSAGE);
    assert_int_equal(message.kind, CHANNEL_REJECTED);
    assert_int_equal(message.generation, 7);
    assert_string_equal(message.text, "no such file");
    assert_int_equal(channel_receive(ends[1], &message, NULL), CHANNEL_EMPTY);
}

static void carries_descriptors_in_their_places(void **state)
{
    int *ends = *state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    struct channel_message message = { .kind = CHANNEL_CONFIG };
    struct channel_files sent, received;
    channel_files_init(&sent);
    sent.bundle = open_null();
    sent.error_log = pipes[0];
    sent.socket_count = 2;
    sent.sockets[0] = pipes[1];
    sent.sockets[1] = dup(ends[0]);
    struct err e;
    assert_int_equal(channel_send(ends[0], &message, &sent, &e), 0);
    assert_int_equal(channel_receive(ends[1], &message, &received), CHANNEL_MESSAGE);
    assert_true(is_same_file(received.bundle, sent.bundle));
    assert_int_equal(received.access_log, -1);
    assert_true(is_same_file(received.error_log, sent.error_log));
    assert_int_equal(received.socket_count, 2);
    assert_true(is_same_file(received.sockets[0], sent.sockets[0]));
    assert_true(is_same_file(received.sockets[1], sent.sockets[1]));
    assert_true(fcntl(received.bundle, F_GETFD) & FD_CLOEXEC);
    channel_files_close(&sent);
    channel_files_close(&received);
}

static void carries_a_socket_for_every_listener(void **state)
{
    int *ends = *state;
    struct channel_message message = { .kind = CHANNEL_CONFIG };
    struct channel_files sent, received;
    struct err e;
    channel_files_init(&sent);
    sent.bundle = open_null();
    sent.access_log = open_null();
    sent.error_log = open_null();
    for (size_t i = 0; i < CONFIG_LISTENERS_MAX; i++)
        sent.sockets[sent.socket_count++] = open_null();
    assert_int_equal(channel_send(ends[0], &message, &sent, &e), 0);
    assert_int_equal(channel_receive(ends[1], &message, &received), CHANNEL_MESSAGE);
    assert_int_equal(received.socket_count, CONFIG_LISTENERS_MAX);
    channel_files_close(&sent);
    channel_files_close(&received);
}

static void tells_when_descriptors_do_not_fit(void **state)
{
    int *ends = *state;
    struct channel_message message = { .kind = CHANNEL_CONFIG, .generation = 3 };
    struct channel_files sent, received;
    struct err e;
    channel_files_init(&sent);
    sent.bundle = open_null();
    sent.error_log = open_null();
    assert_int_equal(channel_send(ends[0], &message, &sent, &e), 0);

    struct rlimit before, tight;
    int next = open_null();
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)next + 1; /* room for one of the two */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    assert_int_equal(channel_receive(ends[1], &message, &received), CHANNEL_TRUNCATED);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);

    assert_int_equal(message.generation, 3);
    int after = open_null();
    assert_int_equal(after, next); /* the one that fitted was closed */
    close(after);
    channel_files_close(&sent);
}

static void takes_no_descriptors_it_did_not_ask_for(void **state)
{
    int *ends = *state;
    struct channel_message message = { .kind = CHANNEL_APPLIED };
    struct channel_files sent;
    struct err e;
    int next = open_null();
    channel_files_init(&sent);
    sent.bundle = next;
    assert_int_equal(channel_send(ends[0], &message, &sent, &e), 0);
    channel_files_close(&sent);
    assert_int_equal(channel_receive(ends[1], &message, NULL), CHANNEL_MESSAGE);
    int after = open_null();
    assert_int_equal(after, next);
    close(after);
}

static void is_closed_when_the_other_side_is(void **state)
{
    int *ends = *state;
    struct channel_message message;
    struct err e;
    close(ends[0]);
    assert_int_equal(channel_receive(ends[1], &message, NULL), CHANNEL_CLOSED);
    assert_int_equal(channel_say(ends[1], CHANNEL_DRAINED, 0, NULL, &e), ERR_SYSTEM);
    ends[0] = -1;
}

static void takes_a_message_of_another_size_as_the_end(void **state)
{
    int *ends = *state;
    struct channel_message message;
    assert_int_equal(send(ends[0], "hello", 5, 0), 5);
    assert_int_equal(channel_receive(ends[1], &message, NULL), CHANNEL_CLOSED);
}

static void fails_instead_of_waiting_for_a_reader(void **state)
{
    int *ends = *state;
    struct err e;
    int status = 0;
    size_t sent = 0;
    while (status == 0 && sent < 10000) {
        status = channel_say(ends[0], CHANNEL_DRAIN, 0, NULL, &e);
        sent++;
    }
    assert_int_equal(status, ERR_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_what_was_said, setup, teardown),
        cmocka_unit_test_setup_teardown(carries_descriptors_in_their_places, setup, teardown),
        cmocka_unit_test_setup_teardown(carries_a_socket_for_every_listener, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_when_descriptors_do_not_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_no_descriptors_it_did_not_ask_for, setup, teardown),
        cmocka_unit_test_setup_teardown(is_closed_when_the_other_side_is, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_a_message_of_another_size_as_the_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(fails_instead_of_waiting_for_a_reader, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
