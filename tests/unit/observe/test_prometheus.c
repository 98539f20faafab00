#include "observe/prometheus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
    struct board *board;
    struct buf out;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct err e;
    f.board = board_create(&e);
    buf_init(&f.out, 4 << 20);
    *state = &f;
    return f.board ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    board_free(&f->board);
    buf_fini(&f->out);
    return 0;
}

static void write_out(struct fixture *f)
{
    buf_clear(&f->out);
    prometheus_write(f->board, "1.2.3", &f->out);
    assert_true(buf_ok(&f->out));
    buf_append_char(&f->out, '\0');
}

static bool has_line(const struct fixture *f, const char *line)
{
    size_t len = strlen(line);
    const char *at = strstr(f->out.data, line);
    while (at) {
        if ((at == f->out.data || at[-1] == '\n') && at[len] == '\n')
            return true;
        at = strstr(at + 1, line);
    }
    return false;
}

static void expect_line(const struct fixture *f, const char *line)
{
    if (!has_line(f, line))
        fail_msg("no line \"%s\" in\n%s", line, f->out.data);
}

static void fill(struct board *b)
{
    board_set_slot(b, 0, BOARD_SLOT_UP);
    board_set_slot(b, 2, BOARD_SLOT_DOWN);
    board_set_slot(b, 3, BOARD_SLOT_RETIRED);
    board_set_slot(b, BOARD_KEEPER, BOARD_SLOT_UP);
    board_set_state(b, BOARD_USERS_CAPACITY, 120000);
    board_set_state(b, BOARD_READY, 1);
    int route = board_register(b, SERIES_ROUTE, SLICE("ha-noi"));
    int upstream = board_register(b, SERIES_UPSTREAM, SLICE("portal"));
    int peer = board_register(b, SERIES_PEER, SLICE("portal/127.0.0.1:9001"));
    for (uint32_t slot = 0; slot < 4; slot += 2) {
        metrics_add(board_metrics(b, slot), COUNTER_REQUESTS, 5);
        metrics_gauge_set(board_metrics(b, slot), GAUGE_CONNECTIONS_OPEN, 3);
        series_record(board_series(b, slot, SERIES_ROUTE, route), SERIES_2XX, 10, 1000, 800);
        series_record(board_series(b, slot, SERIES_ROUTE, route), SERIES_ABORTED, 1, 0, 2000000);
        series_record(board_series(b, slot, SERIES_UPSTREAM, upstream), SERIES_5XX, 0, 7, 90000000);
        series_peer_begin(board_peer(b, slot, peer));
    }
}

static void tells_the_sums_over_all_workers(void **state)
{
    struct fixture *f = *state;
    fill(f->board);
    write_out(f);
    expect_line(f, "# HELP cong_requests_total Requests whose head was complete.");
    expect_line(f, "# TYPE cong_requests_total counter");
    expect_line(f, "cong_requests_total 10");
    expect_line(f, "# TYPE cong_connections_open gauge");
    expect_line(f, "cong_connections_open 6");
    expect_line(f, "cong_users_capacity 120000");
    expect_line(f, "cong_ready 1");
    expect_line(f, "cong_build_info{version=\"1.2.3\"} 1");
    expect_line(f, "cong_route_responses_total{route=\"ha-noi\",class=\"2xx\"} 2");
    expect_line(f, "cong_route_responses_total{route=\"ha-noi\",class=\"5xx\"} 0");
    expect_line(f, "cong_route_responses_total{route=\"ha-noi\",class=\"aborted\"} 2");
    expect_line(f, "cong_route_bytes_in_total{route=\"ha-noi\"} 22");
    expect_line(f, "cong_route_bytes_out_total{route=\"ha-noi\"} 2000");
    expect_line(f, "cong_upstream_responses_total{upstream=\"portal\",class=\"5xx\"} 2");
    expect_line(f, "cong_peer_in_flight{upstream=\"portal\",peer=\"127.0.0.1:9001\"} 2");
    expect_line(f, "cong_peer_requests_total{upstream=\"portal\",peer=\"127.0.0.1:9001\"} 2");
}

static void tells_which_workers_are_up(void **state)
{
    struct fixture *f = *state;
    fill(f->board);
    write_out(f);
    expect_line(f, "cong_worker_up{worker=\"0\"} 1");
    expect_line(f, "cong_worker_up{worker=\"2\"} 0");
    assert_null(strstr(f->out.data, "worker=\"1\""));
    assert_null(strstr(f->out.data, "worker=\"3\""));
    assert_null(strstr(f->out.data, "worker=\"64\""));
}

static void buckets_are_cumulative_and_end_in_the_count(void **state)
{
    struct fixture *f = *state;
    fill(f->board);
    write_out(f);
    expect_line(f, "# TYPE cong_route_duration_seconds histogram");
    expect_line(f, "cong_route_duration_seconds_bucket{route=\"ha-noi\",le=\"0.001\"} 2");
    expect_line(f, "cong_route_duration_seconds_bucket{route=\"ha-noi\",le=\"1\"} 2");
    expect_line(f, "cong_route_duration_seconds_bucket{route=\"ha-noi\",le=\"2.5\"} 4");
    expect_line(f, "cong_route_duration_seconds_bucket{route=\"ha-noi\",le=\"+Inf\"} 4");
    expect_line(f, "cong_route_duration_seconds_sum{route=\"ha-noi\"} 4.001600");
    expect_line(f, "cong_route_duration_seconds_count{route=\"ha-noi\"} 4");
    expect_line(f, "cong_upstream_duration_seconds_bucket{upstream=\"portal\",le=\"60\"} 0");
    expect_line(f, "cong_upstream_duration_seconds_bucket{upstream=\"portal\",le=\"+Inf\"} 2");
    expect_line(f, "cong_upstream_duration_seconds_sum{upstream=\"portal\"} 180.000000");
}

static void label_values_are_escaped(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(board_register(f->board, SERIES_ROUTE, SLICE("a\"b\\c\nd Hà Nội")), 0);
    write_out(f);
    expect_line(f, "cong_route_bytes_in_total{route=\"a\\\"b\\\\c\\nd Hà Nội\"} 0");
}

static void the_longest_name_fits(void **state)
{
    struct fixture *f = *state;
    char name[BOARD_NAME_MAX];
    memset(name, '"', sizeof(name));
    assert_int_equal(board_register(f->board, SERIES_ROUTE, slice_of(name, sizeof(name))), 0);
    name[0] = '/';
    assert_int_equal(board_register(f->board, SERIES_PEER, slice_of(name, sizeof(name))), 0);
    write_out(f);
}

static void forgotten_series_are_left_out(void **state)
{
    struct fixture *f = *state;
    fill(f->board);
    board_forget_unused(f->board);
    board_forget_unused(f->board);
    write_out(f);
    assert_null(strstr(f->out.data, "ha-noi"));
    assert_null(strstr(f->out.data, "portal"));
}

/* ---- the whole text, line by line ---- */

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Checks `cong_name{label="value",...} 12.5` and returns the length of all before the value. */
static size_t check_sample(const char *line, const char *family)
{
    const char *at = line;
    assert_memory_equal(line, family, strlen(family));
    while (is_name_byte(*at))
        at++;
    if (*at == '{') {
        do {
            at++;
            while (is_name_byte(*at))
                at++;
            assert_memory_equal(at, "=\"", 2);
            for (at += 2; *at != '"'; at++) {
                assert_int_not_equal(*at, '\n');
                at += *at == '\\';
            }
            at++;
        } while (*at == ',');
        assert_int_equal(*at, '}');
        at++;
    }
    assert_int_equal(*at, ' ');
    char *end;
    strtod(at + 1, &end);
    assert_true(end > at + 1 && *end == '\n');
    return (size_t)(at - line);
}

static int compare_slices(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    int order = memcmp(x->data, y->data, MIN(x->len, y->len));
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void expect_no_doubles(struct slice *items, size_t count)
{
    qsort(items, count, sizeof(items[0]), compare_slices);
    for (size_t i = 1; i < count; i++)
        if (slice_eq(items[i - 1], items[i]))
            fail_msg("twice: %.*s", SLICE_ARG(items[i]));
}

static void register_a_portal(struct board *b)
{
    for (int i = 0; i < 100; i++) {
        char name[32];
        int len = snprintf(name, sizeof(name), "route-%d", i);
        assert_int_equal(board_register(b, SERIES_ROUTE, slice_of(name, (size_t)len)), i);
        len = snprintf(name, sizeof(name), "upstream-%d", i);
        assert_int_equal(board_register(b, SERIES_UPSTREAM, slice_of(name, (size_t)len)), i);
        len = snprintf(name, sizeof(name), "upstream-%d/[::1]:%d", i / 3, 9000 + i);
        assert_int_equal(board_register(b, SERIES_PEER, slice_of(name, (size_t)len)), i);
    }
}

static void every_line_is_well_formed_and_no_series_comes_twice(void **state)
{
    struct fixture *f = *state;
    static struct slice series[10000], families[200];
    size_t series_count = 0, family_count = 0;
    char family[64] = "";
    register_a_portal(f->board);
    fill(f->board);
    write_out(f);

    for (const char *line = f->out.data; *line; line = strchr(line, '\n') + 1) {
        assert_non_null(strchr(line, '\n'));
        if (strncmp(line, "# HELP ", 7) == 0) {
            assert_int_equal(sscanf(line, "# HELP %63s ", family), 1);
            families[family_count++] = slice_of(line + 7, strlen(family));
        } else if (line[0] == '#') {
            char name[64], type[16];
            assert_int_equal(sscanf(line, "# TYPE %63s %15s", name, type), 2);
            assert_string_equal(name, family);
        } else {
            series[series_count++] = slice_of(line, check_sample(line, family));
        }
    }
    assert_in_range(series_count, 5000, 9999);
    expect_no_doubles(series, series_count);
    expect_no_doubles(families, family_count);
}

#define PROMETHEUS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMETHEUS_TEST(tells_the_sums_over_all_workers),
        PROMETHEUS_TEST(tells_which_workers_are_up),
        PROMETHEUS_TEST(buckets_are_cumulative_and_end_in_the_count),
        PROMETHEUS_TEST(label_values_are_escaped),
        PROMETHEUS_TEST(the_longest_name_fits),
        PROMETHEUS_TEST(forgotten_series_are_left_out),
        PROMETHEUS_TEST(every_line_is_well_formed_and_no_series_comes_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
