#include "observe/access_log.h"

#include "common/buf.h"
#include "common/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FOREVER_MS 3600000
#define LINES_OF_MANY_BUFFERS 5000

struct fixture {
    uv_loop_t loop;
    struct metrics metrics;
    struct access_log *log;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){ 0 };
    *state = &f;
    return uv_loop_init(&f.loop);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    access_log_close(&f->log);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&f->loop);
}

static int make_file(void)
{
    int fd = memfd_create("access.log", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
    return fd;
}

static void open_log(struct fixture *f, int fd, uint32_t flush_ms)
{
    f->log = access_log_open(&f->loop, fd, flush_ms, &f->metrics);
}

/* A line whose target is its number and whose length varies. */
static void append(struct access_log *log, uint64_t number)
{
    char target[24], agent[400];
    memset(agent, 'a', sizeof(agent));
    struct access_record r = {
        .target = slice_of(target, format_u64(target, number)),
        .user_agent = slice_of(agent, number * 31 % sizeof(agent)),
        .duration_us = ACCESS_UNKNOWN,
        .connect_us = ACCESS_UNKNOWN,
        .response_us = ACCESS_UNKNOWN,
    };
    access_log_append(log, &r);
}

static void append_many(struct access_log *log, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        append(log, i);
}

static uint64_t number_of(const char *line, size_t len)
{
    static const char head[] = "{\"time\":\"1970-01-01T00:00:00.000Z\",\"target\":\"";
    assert_true(len > sizeof(head) && line[len - 1] == '}');
    assert_memory_equal(line, head, sizeof(head) - 1);
    return strtoull(line + sizeof(head) - 1, NULL, 10);
}

/* Checks that `text` is whole lines, and counts in `seen` how often each comes. */
static void count_lines(struct slice text, unsigned char *seen, size_t size)
{
    while (text.len) {
        size_t len = slice_find(text, '\n');
        assert_true(len < text.len);
        uint64_t number = number_of(text.data, len);
        assert_true(number < size);
        seen[number]++;
        text = slice_from(text, len + 1);
    }
}

static void read_file(int fd, struct buf *out)
{
    char piece[65536];
    off_t at = 0;
    buf_init(out, 64 << 20);
    ssize_t n = pread(fd, piece, sizeof(piece), at);
    while (n > 0) {
        buf_append(out, piece, (size_t)n);
        at += n;
        n = pread(fd, piece, sizeof(piece), at);
    }
    assert_true(n == 0 && buf_ok(out));
}

static void count_lines_of_file(int fd, unsigned char *seen, size_t size)
{
    struct buf text;
    read_file(fd, &text);
    count_lines(buf_slice(&text), seen, size);
    buf_fini(&text);
}

static void expect_each_once(const unsigned char *seen, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (seen[i] != 1)
            fail_msg("line %zu comes %d times", i, seen[i]);
}

static void closing_writes_every_line_in_order(void **state)
{
    struct fixture *f = *state;
    int file = make_file();
    open_log(f, dup(file), FOREVER_MS);
    for (uint64_t i = 0; i < 300; i++)
        append(f->log, i);
    access_log_close(&f->log);
    assert_null(f->log);

    struct buf text;
    read_file(file, &text);
    struct slice rest = buf_slice(&text);
    for (uint64_t i = 0; i < 300; i++) {
        size_t len = slice_find(rest, '\n');
        assert_int_equal(number_of(rest.data, len), i);
        rest = slice_from(rest, len + 1);
    }
    assert_int_equal(rest.len, 0);
    buf_fini(&text);
    close(file);
}

static void on_idle(uv_idle_t *idle)
{
    uv_close((uv_handle_t *)idle, NULL);
}

static void a_line_leaves_when_its_time_has_come(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    open_log(f, ends[1], 0);
    append(f->log, 7);
    assert_false(uv_loop_alive(&f->loop)); /* the log alone does not keep it running */
    uv_idle_t idle;
    uv_idle_init(&f->loop, &idle);
    uv_idle_start(&idle, on_idle);
    uv_run(&f->loop, UV_RUN_DEFAULT);

    char line[ACCESS_LINE_MAX];
    ssize_t n = read(ends[0], line, sizeof(line));
    assert_true(n > 0);
    assert_int_equal(number_of(line, (size_t)n - 1), 7);
    close(ends[0]);
}

static void a_pipe_gets_whole_lines_in_each_write(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    /* In packet mode a read returns what one write wrote. */
    assert_int_equal(pipe2(ends, O_DIRECT), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) > 0);
    unsigned char seen[300] = { 0 };
    open_log(f, ends[1], FOREVER_MS);
    append_many(f->log, 0, 300);
    access_log_close(&f->log);

    char packet[PIPE_BUF];
    size_t packets = 0;
    ssize_t n = read(ends[0], packet, sizeof(packet));
    for (; n > 0; n = read(ends[0], packet, sizeof(packet))) {
        count_lines(slice_of(packet, (size_t)n), seen, sizeof(seen));
        packets++;
    }
    expect_each_once(seen, 300);
    assert_in_range(packets, 20, 100);
    close(ends[0]);
}

/* Reads lines until end of file. */
struct reader {
    int fd;
    struct buf text;
};

static void read_to_the_end(void *arg)
{
    struct reader *r = arg;
    char piece[4096];
    ssize_t n = read(r->fd, piece, sizeof(piece));
    for (; n > 0; n = read(r->fd, piece, sizeof(piece)))
        buf_append(&r->text, piece, (size_t)n);
}

static void lines_are_dropped_and_counted_when_nothing_is_taken(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    static unsigned char seen[LINES_OF_MANY_BUFFERS];
    memset(seen, 0, sizeof(seen));
    open_log(f, ends[1], FOREVER_MS);
    append_many(f->log, 0, LINES_OF_MANY_BUFFERS);
    uint64_t dropped = metrics_counter(&f->metrics, COUNTER_ACCESS_LOG_DROPPED);
    assert_in_range(dropped, 1, LINES_OF_MANY_BUFFERS - 500);

    struct reader reader = { .fd = ends[0] };
    uv_thread_t thread;
    buf_init(&reader.text, 64 << 20);
    assert_int_equal(uv_thread_create(&thread, read_to_the_end, &reader), 0);
    access_log_close(&f->log);
    uv_thread_join(&thread);
    count_lines(buf_slice(&reader.text), seen, sizeof(seen));
    size_t written = 0;
    for (size_t i = 0; i < sizeof(seen); i++) {
        assert_true(seen[i] <= 1);
        written += seen[i];
    }
    assert_int_equal(metrics_counter(&f->metrics, COUNTER_ACCESS_LOG_DROPPED), dropped);
    assert_int_equal(written + dropped, LINES_OF_MANY_BUFFERS);
    buf_fini(&reader.text);
    close(ends[0]);
}

static void append_unless_full(struct fixture *f, uint64_t number)
{
    uint64_t before = metrics_counter(&f->metrics, COUNTER_ACCESS_LOG_DROPPED);
    append(f->log, number);
    while (metrics_counter(&f->metrics, COUNTER_ACCESS_LOG_DROPPED) != before) {
        before = metrics_counter(&f->metrics, COUNTER_ACCESS_LOG_DROPPED);
        append(f->log, number);
    }
}

static void changing_files_loses_and_doubles_no_line(void **state)
{
    struct fixture *f = *state;
    static unsigned char seen[LINES_OF_MANY_BUFFERS];
    memset(seen, 0, sizeof(seen));
    int files[] = { make_file(), make_file(), make_file() };
    open_log(f, dup(files[0]), FOREVER_MS);
    for (uint64_t i = 0; i < LINES_OF_MANY_BUFFERS; i++) {
        append_unless_full(f, i);
        if (i % 50 == 0)
            access_log_reopen(f->log, dup(files[i / 50 % ARRAY_LEN(files)]));
        if (i % 70 == 0)
            access_log_flush(f->log);
    }
    access_log_close(&f->log);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        count_lines_of_file(files[i], seen, sizeof(seen));
        close(files[i]);
    }
    expect_each_once(seen, LINES_OF_MANY_BUFFERS);
}

static void lines_that_failed_go_to_the_next_file(void **state)
{
    struct fixture *f = *state;
    unsigned char seen[10] = { 0 };
    int file = make_file();
    open_log(f, open("/dev/full", O_WRONLY | O_CLOEXEC), FOREVER_MS);
    append_many(f->log, 0, 5);
    access_log_flush(f->log);
    append_many(f->log, 5, 10);
    access_log_reopen(f->log, dup(file));
    access_log_close(&f->log);
    count_lines_of_file(file, seen, sizeof(seen));
    expect_each_once(seen, 10);
    assert_int_equal(metrics_counter(&f->metrics, COUNTER_ACCESS_LOG_DROPPED), 0);
    close(file);
}

static void lines_that_cannot_be_written_are_counted_when_it_closes(void **state)
{
    struct fixture *f = *state;
    open_log(f, open("/dev/full", O_WRONLY | O_CLOEXEC), FOREVER_MS);
    append_many(f->log, 0, 5);
    access_log_flush(f->log);
    append_many(f->log, 5, 12);
    access_log_close(&f->log);
    assert_int_equal(metrics_counter(&f->metrics, COUNTER_ACCESS_LOG_DROPPED), 12);
}

static void a_pipe_without_a_reader_harms_nobody(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    open_log(f, ends[1], FOREVER_MS);
    append_many(f->log, 0, 3);
    access_log_close(&f->log);
    assert_int_equal(metrics_counter(&f->metrics, COUNTER_ACCESS_LOG_DROPPED), 3);
}

static void several_processes_share_a_file_without_tearing_lines(void **state)
{
    struct fixture *f = *state;
    static unsigned char seen[4 * LINES_OF_MANY_BUFFERS];
    memset(seen, 0, sizeof(seen));
    int file = make_file();
    for (uint64_t child = 0; child < 4; child++) {
        if (fork() > 0)
            continue;
        uv_loop_fork(&f->loop);
        open_log(f, file, FOREVER_MS);
        for (uint64_t i = 0; i < LINES_OF_MANY_BUFFERS; i++)
            append_unless_full(f, child * LINES_OF_MANY_BUFFERS + i);
        access_log_close(&f->log);
        _exit(0);
    }
    for (int child = 0; child < 4; child++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    count_lines_of_file(file, seen, sizeof(seen));
    expect_each_once(seen, sizeof(seen));
    close(file);
}

static void no_log_takes_any_record(void **state)
{
    (void)state;
    struct access_log *none = NULL;
    append(none, 1);
    access_log_close(&none);
}

#define LOG_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(closing_writes_every_line_in_order),
        LOG_TEST(a_line_leaves_when_its_time_has_come),
        LOG_TEST(a_pipe_gets_whole_lines_in_each_write),
        LOG_TEST(lines_are_dropped_and_counted_when_nothing_is_taken),
        LOG_TEST(changing_files_loses_and_doubles_no_line),
        LOG_TEST(lines_that_failed_go_to_the_next_file),
        LOG_TEST(lines_that_cannot_be_written_are_counted_when_it_closes),
        LOG_TEST(a_pipe_without_a_reader_harms_nobody),
        LOG_TEST(several_processes_share_a_file_without_tearing_lines),
        LOG_TEST(no_log_takes_any_record),
    };
    /* What the log says of its troubles is expected here. */
    log_set_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
