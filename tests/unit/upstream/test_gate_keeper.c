/* What workers count, what the keeper makes of it, and what is told of that. */
#include "upstream/gate_keeper.h"

#include "common/mem.h"
#include "observe/board_gates.h"
#include "upstream/gate_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct fixture {
    struct loop loop;
    struct board *board;
    struct gate_keeper *keeper;
    struct config_upstream upstream;
    struct config_system system;
    struct config config;
};

static struct fixture f;

static void begin(void)
{
    struct err e;
    f = (struct fixture){
        .upstream = { .name = "ha-noi", .isolation = { .max_inflight = 256, .breaker = true } },
        .system = { .name = "dan-cu", .max_inflight = 7 },
    };
    f.config.upstreams = &f.upstream;
    f.config.upstream_count = 1;
    f.config.systems = &f.system;
    f.config.system_count = 1;
    assert_int_equal(loop_init(&f.loop), 0);
    f.board = board_create(&e);
    assert_non_null(f.board);
    board_set_slot(f.board, 0, BOARD_SLOT_UP);
    board_set_slot(f.board, 1, BOARD_SLOT_UP);
    assert_int_equal(board_register(f.board, SERIES_UPSTREAM, SLICE("ha-noi")), 0);
    assert_int_equal(board_register(f.board, SERIES_SYSTEM, SLICE("dan-cu")), 0);
    f.keeper = gate_keeper_new(&f.loop, f.board);
    gate_keeper_apply(f.keeper, &f.config);
}

static void finish(void)
{
    gate_keeper_free(&f.keeper);
    board_free(&f.board);
    loop_fini(&f.loop);
}

static struct gate_cell *cell(uint32_t worker, enum gate_class class)
{
    return &board_gate_cells(f.board, board_upstream_gate(0, class))[worker];
}

static struct gate_state *state(enum gate_class class)
{
    return board_gate_state(f.board, board_upstream_gate(0, class));
}

/* Whoever applies a configuration looks at once. */
static void look_after(uint64_t ms)
{
    f.loop.uv.time += ms;
    gate_keeper_apply(f.keeper, &f.config);
}

static void expect_told(const char *expected)
{
    char text[GATE_REPORT_TEXT_BYTES];
    gate_report_upstream(f.board, 0, loop_now_ms(&f.loop), text);
    assert_string_equal(text, expected);
}

static void failures_of_all_workers_and_classes_open_the_breaker(void **unused)
{
    (void)unused;
    begin();
    counter_add(&cell(0, GATE_READ)->failures, 2);
    counter_add(&cell(1, GATE_READ)->failures, 2);
    look_after(250);
    assert_int_equal(gate_read32(&state(GATE_READ)->breaker), GATE_CLOSED);
    counter_add(&cell(1, GATE_SUBMIT)->failures, 1);
    counter_add(&cell(0, GATE_READ)->answers, 1);
    look_after(250);
    assert_int_equal(gate_read32(&state(GATE_READ)->breaker), GATE_OPEN);
    uint64_t reopens_ms = counter_read(&state(GATE_READ)->reopens_ms);
    assert_true(reopens_ms > loop_now_ms(&f.loop));
    f.loop.uv.time = reopens_ms - 500;
    expect_told("left alone: 5 of 6 requests failed within 10 s; tried again in 1 s");
    look_after(501);
    assert_int_equal(gate_read32(&state(GATE_READ)->breaker), GATE_HALF_OPEN);
    assert_int_equal(gate_read32(&state(GATE_READ)->trial), 1);
    expect_told("being tried: 5 of 6 requests had failed within 10 s");
    counter_add(&cell(0, GATE_READ)->answers, 1);
    look_after(250);
    assert_int_equal(gate_read32(&state(GATE_READ)->breaker), GATE_CLOSED);
    expect_told("0 of 256 reads in flight");
    finish();
}

static void another_keeper_goes_on_where_the_last_one_was(void **unused)
{
    (void)unused;
    begin();
    counter_add(&cell(0, GATE_READ)->failures, 60);
    look_after(1000);
    assert_int_equal(gate_read32(&state(GATE_READ)->limit), 230);
    gate_keeper_free(&f.keeper);
    f.keeper = gate_keeper_new(&f.loop, f.board);
    gate_keeper_apply(f.keeper, &f.config);
    assert_int_equal(gate_read32(&state(GATE_READ)->limit), 230);
    assert_int_equal(gate_read32(&state(GATE_READ)->breaker), GATE_HALF_OPEN);
    counter_add(&cell(0, GATE_READ)->answers, 1);
    look_after(250);
    assert_int_equal(gate_read32(&state(GATE_READ)->breaker), GATE_CLOSED);
    finish();
}

static void each_class_has_a_limit_of_its_own(void **unused)
{
    (void)unused;
    begin();
    assert_int_equal(gate_read32(&state(GATE_READ)->limit), 256);
    counter_add(&cell(0, GATE_SUBMIT)->answers, 90);
    counter_add(&cell(0, GATE_SUBMIT)->slow, 20);
    gate_set32(&cell(1, GATE_SUBMIT)->in_flight, 9);
    gate_set32(&cell(1, GATE_SUBMIT)->waiting, 3);
    look_after(1000);
    assert_int_equal(gate_read32(&state(GATE_READ)->limit), 256);
    assert_int_equal(gate_read32(&state(GATE_SUBMIT)->limit), 230);
    expect_told("9 of 230 submits in flight, 3 wait, fewer than usual: slow");
    finish();
}

static void a_breaker_that_is_switched_off_closes(void **unused)
{
    (void)unused;
    begin();
    counter_add(&cell(0, GATE_READ)->failures, 9);
    look_after(250);
    assert_int_equal(gate_read32(&state(GATE_READ)->breaker), GATE_OPEN);
    f.upstream.isolation.breaker = false;
    look_after(250);
    assert_int_equal(gate_read32(&state(GATE_READ)->breaker), GATE_CLOSED);
    finish();
}

static void budgets_of_systems_are_as_configured(void **unused)
{
    (void)unused;
    begin();
    char text[GATE_REPORT_TEXT_BYTES];
    gate_report_system(f.board, 0, text);
    assert_string_equal(text, "0 of 7 requests in flight");
    finish();
}

static void metrics_name_upstreams_classes_and_systems(void **unused)
{
    (void)unused;
    begin();
    struct buf out;
    counter_add(&cell(1, GATE_SUBMIT)->shed[GATE_SHED_LATE], 4);
    buf_init(&out, 65536);
    gate_report_prometheus(f.board, &out);
    buf_append_char(&out, '\0');
    assert_true(buf_ok(&out));
    static const char *const lines[] = {
        "\ncong_upstream_limit{upstream=\"ha-noi\",class=\"read\"} 256\n",
        "\ncong_upstream_shed_total{upstream=\"ha-noi\",class=\"submit\",reason=\"late\"} 4\n",
        "\ncong_upstream_breaker{upstream=\"ha-noi\"} 0\n",
        "\ncong_system_limit{system=\"dan-cu\"} 7\n",
        "\n# TYPE cong_system_shed_total counter\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_non_null(strstr(out.data, lines[i]));
    buf_fini(&out);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_of_all_workers_and_classes_open_the_breaker),
        cmocka_unit_test(another_keeper_goes_on_where_the_last_one_was),
        cmocka_unit_test(each_class_has_a_limit_of_its_own),
        cmocka_unit_test(a_breaker_that_is_switched_off_closes),
        cmocka_unit_test(budgets_of_systems_are_as_configured),
        cmocka_unit_test(metrics_name_upstreams_classes_and_systems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
