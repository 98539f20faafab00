#include "net/tcp_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

/* A stream to a socket of the test's own, over real TCP: what the kernel says of failures is the
 * point. The peer acts inside on_open, so that it has acted before anything else happens. */
struct scene {
    struct loop loop;
    struct tcp_stream stream;
    uv_connect_t request;
    int listening, peer;
    void (*act)(struct scene *s);
    char received[64];
    size_t received_len;
    unsigned ends;
    int status;
    bool closed;
};

static struct scene scene;
static const struct tcp_bounds bounds = { .receive_bytes = 20000, .unsent_bytes = 12345 };

static void on_open(struct stream *s)
{
    (void)s;
    scene.peer = accept(scene.listening, NULL, NULL);
    stream_resume(&scene.stream.base);
    scene.act(&scene);
}

static void on_data(struct stream *s, char *data, size_t len)
{
    (void)s;
    assert_true(len <= sizeof(scene.received) - scene.received_len);
    memcpy(scene.received + scene.received_len, data, len);
    scene.received_len += len;
}

static void on_end(struct stream *s, int status)
{
    scene.ends++;
    scene.status = status;
    stream_close(s);
}

static void on_flow(struct stream *s)
{
    (void)s;
}

static void on_closed(struct stream *s)
{
    (void)s;
    scene.closed = true;
}

static const struct stream_handler handler = {
    .on_open = on_open,
    .on_data = on_data,
    .on_end = on_end,
    .on_blocked = on_flow,
    .on_drained = on_flow,
    .on_closed = on_closed,
};

static void play(void (*act)(struct scene *s))
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(address);
    scene = (struct scene){ .act = act, .peer = -1 };
    scene.listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(scene.listening, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(scene.listening, 1), 0);
    assert_int_equal(getsockname(scene.listening, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(loop_init(&scene.loop), 0);
    assert_int_equal(tcp_stream_connect(&scene.stream, &scene.loop, &scene.request,
                                        (struct sockaddr *)&address, bounds),
                     0);
    stream_set_handler(&scene.stream.base, &handler, NULL);
    uv_run(&scene.loop.uv, UV_RUN_DEFAULT);
    assert_true(scene.closed);
    loop_fini(&scene.loop);
    close(scene.listening);
}

static void say(struct scene *s, const char *text)
{
    assert_int_equal(send(s->peer, text, strlen(text), 0), strlen(text));
}

static void reset(struct scene *s)
{
    struct linger at_once = { .l_onoff = 1 };
    setsockopt(s->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(s->peer);
}

static void say_and_close(struct scene *s)
{
    say(s, "all there is");
    close(s->peer);
}

static void say_and_reset_before_a_write(struct scene *s)
{
    say(s, "half of");
    reset(s);
    stream_write(&s->stream.base, SLICE("too late"));
    stream_flush(&s->stream.base);
}

static void an_orderly_end_is_told_as_such(void **state)
{
    (void)state;
    play(say_and_close);
    assert_true(slice_eq(slice_of(scene.received, scene.received_len), SLICE("all there is")));
    assert_int_equal(scene.ends, 1);
    assert_int_equal(scene.status, 0);
}

/* The write takes the kernel's error with it, and reading finds a plain end: without the memory of
 * that error an answer that was cut off would look complete. */
static void after_a_failed_write_what_was_said_is_read_and_the_end_is_a_failure(void **state)
{
    (void)state;
    play(say_and_reset_before_a_write);
    assert_true(slice_eq(slice_of(scene.received, scene.received_len), SLICE("half of")));
    assert_int_equal(scene.ends, 1);
    assert_true(scene.status < 0);
}

static int option(const struct scene *s, int level, int name)
{
    int value = 0;
    socklen_t len = sizeof(value);
    assert_int_equal(getsockopt(s->stream.uv.io_watcher.fd, level, name, &value, &len), 0);
    return value;
}

static void look_at_options(struct scene *s)
{
    /* Linux counts its own bookkeeping, and takes twice the value. */
    assert_int_equal(option(s, SOL_SOCKET, SO_RCVBUF), 2 * bounds.receive_bytes);
    assert_int_equal(option(s, IPPROTO_TCP, TCP_NOTSENT_LOWAT), bounds.unsent_bytes);
    assert_int_equal(option(s, IPPROTO_TCP, TCP_NODELAY), 1);
    close(s->peer);
}

static void what_the_kernel_keeps_is_bounded(void **state)
{
    (void)state;
    play(look_at_options);
}

/* ---- much at once ---- */

#define TURN_BYTES (8 * LOOP_READ_BYTES)

static struct {
    uv_prepare_t turn;
    size_t taken, taken_in_turn, most_in_turn;
} glutton;

static void on_turn(uv_prepare_t *turn)
{
    (void)turn;
    glutton.taken_in_turn = 0;
}

static void on_much(struct stream *s, char *data, size_t len)
{
    (void)s, (void)data;
    glutton.taken += len;
    glutton.taken_in_turn += len;
    glutton.most_in_turn = MAX(glutton.most_in_turn, glutton.taken_in_turn);
}

static const struct stream_handler much_handler = {
    .on_open = on_open,
    .on_data = on_much,
    .on_end = on_end,
    .on_blocked = on_flow,
    .on_drained = on_flow,
    .on_closed = on_closed,
};

/* As much as the kernel takes of us at once. */
static void say_much(struct scene *s)
{
    static char much[16 * LOOP_READ_BYTES];
    int bytes = sizeof(much);
    stream_set_handler(&s->stream.base, &much_handler, NULL);
    setsockopt(s->stream.uv.io_watcher.fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    setsockopt(s->peer, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    uv_prepare_init(&s->loop.uv, &glutton.turn);
    uv_prepare_start(&glutton.turn, on_turn);
    uv_unref((uv_handle_t *)&glutton.turn);
    assert_true(send(s->peer, much, sizeof(much), MSG_DONTWAIT) > TURN_BYTES);
    close(s->peer);
}

static void who_has_much_to_say_gives_others_a_turn(void **state)
{
    (void)state;
    play(say_much);
    assert_true(glutton.taken > TURN_BYTES);
    assert_true(glutton.most_in_turn <= TURN_BYTES);
}

/* ---- with a pacer ---- */

/* Uses all time of newcomers up, again and again, before the stream in the queue. */
struct hog {
    struct defer turn;
    struct pacer pacer;
    struct metrics metrics;
    unsigned rounds;
    unsigned stream_waited; /* rounds in which it did, with bytes to read */
};

static struct hog hog;

static void run_hog(struct defer *d)
{
    hog.stream_waited += list_is_linked(&scene.stream.turn.node) && scene.received_len == 0;
    pacer_charge(&hog.pacer, PACER_TURN_US);
    if (--hog.rounds > 0)
        pacer_wait(&hog.pacer, d, PACER_HANDSHAKES);
}

static void begin_hog(struct scene *s, unsigned rounds)
{
    hog = (struct hog){ .rounds = rounds };
    pacer_init(&hog.pacer, &s->loop, &hog.metrics);
    defer_init(&hog.turn, run_hog);
    pacer_wait(&hog.pacer, &hog.turn, PACER_HANDSHAKES);
    s->stream.pacer = &hog.pacer;
}

static void say_and_close_while_others_shake_hands(struct scene *s)
{
    begin_hog(s, 5);
    say_and_close(s);
}

static void a_newcomer_reads_when_its_turn_has_come(void **state)
{
    (void)state;
    play(say_and_close_while_others_shake_hands);
    assert_true(slice_eq(slice_of(scene.received, scene.received_len), SLICE("all there is")));
    assert_int_equal(scene.ends, 1);
    assert_int_equal(scene.status, 0);
    assert_true(hog.stream_waited > 0);
}

static void run_reset(struct defer *d)
{
    assert_true(list_is_linked(&scene.stream.turn.node));
    stream_reset(&scene.stream.base);
    (void)d;
}

/* In the first turn the stream comes to wait; in the second one it is reset. */
static void run_hog_then_reset(struct defer *d)
{
    pacer_charge(&hog.pacer, PACER_TURN_US);
    d->run = run_reset;
    pacer_wait(&hog.pacer, d, PACER_HANDSHAKES);
}

static void say_and_be_reset_while_others_shake_hands(struct scene *s)
{
    begin_hog(s, 1);
    hog.turn.run = run_hog_then_reset;
    say(s, "all there is");
}

static void a_newcomer_that_waits_may_be_reset(void **state)
{
    (void)state;
    play(say_and_be_reset_while_others_shake_hands);
    assert_int_equal(scene.received_len, 0);
    assert_int_equal(scene.ends, 0);
    close(scene.peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_orderly_end_is_told_as_such),
        cmocka_unit_test(after_a_failed_write_what_was_said_is_read_and_the_end_is_a_failure),
        cmocka_unit_test(what_the_kernel_keeps_is_bounded),
        cmocka_unit_test(who_has_much_to_say_gives_others_a_turn),
        cmocka_unit_test(a_newcomer_reads_when_its_turn_has_come),
        cmocka_unit_test(a_newcomer_that_waits_may_be_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
