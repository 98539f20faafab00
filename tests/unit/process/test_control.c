#include "process/control.h"

#include "common/buf.h"
#include "common/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG_ANSWER (200 * 1024)

static char dir[] = "/tmp/test_control.XXXXXX";

/* "wait" waits for event 5, "long" has an answer of many packets, all else is echoed. */
static void on_command(void *user, struct control_client *client, struct slice command)
{
    (void)user;
    if (slice_eq(command, SLICE("wait"))) {
        control_wait(client, 5);
        return;
    }
    if (!slice_eq(command, SLICE("long"))) {
        control_answer(client, !slice_eq(command, SLICE("bad")), command);
        return;
    }
    char *text = malloc(LONG_ANSWER);
    assert_non_null(text);
    for (size_t i = 0; i < LONG_ANSWER; i++)
        text[i] = (char)('a' + i % 26);
    control_answer(client, true, slice_of(text, LONG_ANSWER));
    free(text);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

static int setup(void **state)
{
    struct err e;
    *state = control_open(dir, on_command, NULL, &e);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    struct control *c = *state;
    control_close(&c);
    return 0;
}

static int connect_client(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", dir);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Lets the server do all it can at a time. */
static void serve_at(struct control *c, uint64_t now_ms)
{
    int ready = 1;
    for (int turns = 0; turns < 100 && ready > 0; turns++) {
        struct pollfd watched[1 + CONTROL_CLIENTS_MAX];
        size_t count = control_watch(c, watched);
        ready = poll(watched, count, 0);
        control_run(c, watched, count, now_ms);
    }
}

static void serve(struct control *c)
{
    serve_at(c, clock_now_ms());
}

static void ask(int fd, const char *command)
{
    assert_int_equal(send(fd, command, strlen(command), 0), strlen(command));
}

/* One packet, or "" when the connection is closed, or "-" when nothing came. */
static const char *packet(int fd)
{
    static char text[CONTROL_PACKET_BYTES + 1];
    ssize_t got = recv(fd, text, CONTROL_PACKET_BYTES, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN ? "-" : "";
    text[got] = '\0';
    return text;
}

static void answers_and_closes(void **state)
{
    int fd = connect_client();
    serve(*state);
    ask(fd, "hello");
    serve(*state);
    assert_string_equal(packet(fd), "0hello");
    assert_string_equal(packet(fd), "");
    close(fd);
}

static void tells_failure_apart(void **state)
{
    int fd = connect_client();
    ask(fd, "bad");
    serve(*state);
    assert_string_equal(packet(fd), "1bad");
    close(fd);
}

static void is_for_its_user_only(void **state)
{
    (void)state;
    char path[64];
    struct stat st;
    snprintf(path, sizeof(path), "%s/control.sock", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* The fixture's own server plays the dead one. */
static void replaces_the_socket_of_a_dead_gateway(void **state)
{
    (void)state;
    struct err e;
    struct control *second = control_open(dir, on_command, NULL, &e);
    assert_non_null(second);
    int fd = connect_client();
    ask(fd, "hello");
    serve(second);
    assert_string_equal(packet(fd), "0hello");
    close(fd);
    control_close(&second);
}

static void answers_who_waits_for_the_event(void **state)
{
    int fd = connect_client();
    ask(fd, "wait");
    serve(*state);
    control_answer_waiting(*state, 4, true, SLICE("not yours"));
    assert_string_equal(packet(fd), "-");
    serve_at(*state, clock_now_ms() + 10 * CONTROL_PATIENCE_MS); /* waiting is no fault */
    control_answer_waiting(*state, 5, false, SLICE("yours"));
    assert_string_equal(packet(fd), "1yours");
    close(fd);
}

static void forgets_who_went_away_waiting(void **state)
{
    int fd = connect_client();
    ask(fd, "wait");
    serve(*state);
    close(fd);
    serve(*state);
    struct pollfd watched[1 + CONTROL_CLIENTS_MAX];
    assert_int_equal(control_watch(*state, watched), 1);
}

static void sends_a_long_answer_as_the_client_takes_it(void **state)
{
    struct buf all;
    buf_init(&all, 2 * LONG_ANSWER);
    int fd = connect_client();
    ask(fd, "long");
    const char *text = "-";
    while (text[0] == '-' || text[0] == CONTROL_MORE) {
        serve(*state);
        text = packet(fd);
        if (text[0] != '-')
            buf_append_str(&all, text + 1);
    }
    assert_int_equal(text[0], CONTROL_DONE);
    assert_int_equal(all.len, LONG_ANSWER);
    for (size_t i = 0; i < all.len; i++)
        assert_int_equal(all.data[i], 'a' + i % 26);
    buf_fini(&all);
    close(fd);
}

static void drops_who_does_not_take_the_answer(void **state)
{
    int fd = connect_client();
    ask(fd, "long");
    serve(*state);
    struct pollfd watched[1 + CONTROL_CLIENTS_MAX];
    assert_int_equal(control_watch(*state, watched), 2);
    serve_at(*state, control_due_ms(*state));
    assert_int_equal(control_watch(*state, watched), 1);
    close(fd);
}

static void drops_who_says_nothing(void **state)
{
    int fd = connect_client();
    serve(*state);
    assert_string_equal(packet(fd), "-");
    assert_true(control_due_ms(*state) < UINT64_MAX);
    serve_at(*state, control_due_ms(*state));
    assert_string_equal(packet(fd), "");
    assert_true(control_due_ms(*state) == UINT64_MAX);
    close(fd);
}

static void serves_the_next_when_a_place_is_free(void **state)
{
    int idle[CONTROL_CLIENTS_MAX];
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        idle[i] = connect_client();
    serve(*state);
    int fd = connect_client();
    ask(fd, "hello");
    serve(*state);
    assert_string_equal(packet(fd), "-");
    close(idle[3]);
    serve(*state);
    assert_string_equal(packet(fd), "0hello");
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (i != 3)
            close(idle[i]);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_and_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_failure_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(is_for_its_user_only, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_who_waits_for_the_event, setup, teardown),
        cmocka_unit_test_setup_teardown(forgets_who_went_away_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(sends_a_long_answer_as_the_client_takes_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(drops_who_does_not_take_the_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(drops_who_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(serves_the_next_when_a_place_is_free, setup, teardown),
        cmocka_unit_test_setup_teardown(replaces_the_socket_of_a_dead_gateway, setup, teardown),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
