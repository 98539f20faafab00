#include "process/maintenance.h"

#include "common/log.h"
#include "config/load.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define UNTIL_MS 1795388400000 /* 2026-11-23T06:00+07:00 */

struct scene {
    char folder[40], file[64], next[80];
    struct config_upstream upstreams[2];
    struct config config;
    struct board *board;
    struct maintenance m;
    struct buf said;
};

static int begin(void **state)
{
    struct err e;
    struct scene *s = calloc(1, sizeof(*s));
    log_set_fd(open("/dev/null", O_WRONLY));
    snprintf(s->folder, sizeof(s->folder), "/tmp/test_maintenance.XXXXXX");
    s->upstreams[0].name = "ha-noi";
    s->upstreams[1].name = "hue";
    s->config.upstreams = s->upstreams;
    s->config.upstream_count = 2;
    s->board = board_create(&e);
    *state = s;
    if (!s->board || !mkdtemp(s->folder))
        return -1;
    snprintf(s->file, sizeof(s->file), "%s/maintenance", s->folder);
    snprintf(s->next, sizeof(s->next), "%s.new", s->file);
    for (size_t i = 0; i < 2; i++)
        if (board_register(s->board, SERIES_UPSTREAM, slice_str(s->upstreams[i].name)) < 0)
            return -1;
    buf_init(&s->said, 65536);
    return maintenance_open(&s->m, s->folder, &e);
}

static int end(void **state)
{
    struct scene *s = *state;
    unlink(s->file);
    rmdir(s->next);
    unlink(s->next);
    maintenance_fini(&s->m);
    board_free(&s->board);
    buf_fini(&s->said);
    int status = rmdir(s->folder);
    free(s);
    return status;
}

static int tell(struct scene *s, const char *command)
{
    buf_clear(&s->said);
    int status = maintenance_command(&s->m, &s->config, s->board, slice_str(command), &s->said);
    buf_append_char(&s->said, '\0');
    return status;
}

static void restart(struct scene *s)
{
    struct err e;
    maintenance_fini(&s->m);
    assert_int_equal(maintenance_open(&s->m, s->folder, &e), 0);
}

static bool is_closed(struct scene *s, const char *name, struct closure_view *view)
{
    int index = board_find(s->board, SERIES_UPSTREAM, slice_str(name));
    return closure_read(board_closure(s->board, index), view);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void what_is_closed_stays_so_across_a_restart(void **state)
{
    struct scene *s = *state;
    struct closure_view v;
    struct stat st;
    assert_int_equal(tell(s, "close\nha-noi\n2026-11-23T06:00\nNâng cấp"), 0);
    assert_true(is_closed(s, "ha-noi", &v));
    assert_false(is_closed(s, "hue", &v));
    assert_int_equal(stat(s->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_not_equal(stat(s->next, &st), 0);

    closure_clear(board_closure(s->board, board_find(s->board, SERIES_UPSTREAM, SLICE("ha-noi"))));
    restart(s);
    maintenance_apply(&s->m, &s->config, s->board);
    assert_true(is_closed(s, "ha-noi", &v));
    assert_int_equal(v.cause, CLOSURE_OPERATOR);
    assert_int_equal(v.until_ms, UNTIL_MS);
    assert_string_equal(v.message, "Nâng cấp");

    assert_int_equal(tell(s, "open\nha-noi"), 0);
    assert_false(is_closed(s, "ha-noi", &v));
    restart(s);
    assert_int_equal(s->m.count, 0);
}

static void closing_again_changes_what_is_said(void **state)
{
    struct scene *s = *state;
    struct closure_view before, after;
    tell(s, "close\nhue\n\n");
    assert_true(is_closed(s, "hue", &before));
    assert_int_equal(tell(s, "close\nhue\n2026-11-23T06:00\nlâu hơn"), 0);
    assert_true(is_closed(s, "hue", &after));
    assert_int_equal(after.since_ms, before.since_ms);
    assert_int_equal(after.until_ms, UNTIL_MS);
    assert_int_equal(s->m.count, 1);
}

static void what_cannot_be_written_changes_nothing(void **state)
{
    struct scene *s = *state;
    struct closure_view v;
    assert_int_equal(mkdir(s->next, 0700), 0); /* in the way of the new file */
    assert_true(tell(s, "close\nhue\n\n") < 0);
    assert_non_null(strstr(s->said.data, "nothing was changed"));
    assert_false(is_closed(s, "hue", &v));
    assert_int_equal(s->m.count, 0);
    rmdir(s->next);
    tell(s, "close\nhue\n\n");
    assert_int_equal(mkdir(s->next, 0700), 0);
    assert_true(tell(s, "open\nhue") < 0);
    assert_true(is_closed(s, "hue", &v));
    assert_int_equal(s->m.count, 1);
}

static void commands_that_make_no_sense_are_refused(void **state)
{
    struct scene *s = *state;
    assert_true(tell(s, "close\nha-nol\n\n") < 0);
    assert_string_equal(s->said.data, "there is no upstream \"ha-nol\"; did you mean ha-noi?\n");
    assert_true(tell(s, "open\nnowhere") < 0);
    assert_true(tell(s, "close\nhue\nsoon\n") < 0);
    assert_true(tell(s, "close\nhue\n\ntwo\nlines") < 0);
    assert_true(tell(s, "stop") < 0);
    assert_true(tell(s, "") < 0);
    assert_int_equal(tell(s, "open\nhue"), 0); /* which it is */
    assert_int_equal(s->m.count, 0);
}

static void the_configuration_closes_what_no_command_opens(void **state)
{
    struct scene *s = *state;
    struct closure_view v;
    struct config_maintenance work = { .until_ms = UNTIL_MS, .message = SLICE("bảo trì") };
    s->upstreams[1].maintenance = &work;
    maintenance_apply(&s->m, &s->config, s->board);
    assert_true(is_closed(s, "hue", &v));
    assert_int_equal(v.cause, CLOSURE_CONFIGURATION);
    assert_true(tell(s, "open\nhue") < 0);
    assert_non_null(strstr(s->said.data, "take maintenance out"));
    tell(s, "close\nhue\n\nkhẩn cấp");
    assert_true(is_closed(s, "hue", &v));
    assert_string_equal(v.message, "khẩn cấp");
    assert_true(tell(s, "open\nhue") < 0);
    assert_true(is_closed(s, "hue", &v));
    assert_string_equal(v.message, "bảo trì");
    s->upstreams[1].maintenance = NULL;
    maintenance_apply(&s->m, &s->config, s->board);
    assert_false(is_closed(s, "hue", &v));
}

static void lists_what_is_closed_also_what_is_configured_no_more(void **state)
{
    struct scene *s = *state;
    tell(s, "close\nhue\n\n");
    tell(s, "close\nha-noi\n\nNâng cấp");
    s->config.upstream_count = 1;
    assert_int_equal(tell(s, "list"), 0);
    assert_non_null(strstr(s->said.data, "Nâng cấp"));
    assert_non_null(strstr(s->said.data, "operator, not in use"));
    assert_int_equal(tell(s, "open\nhue"), 0);
}

static void a_damaged_file_loses_only_its_damaged_lines(void **state)
{
    struct scene *s = *state;
    write_text(s->file, "cong-maintenance 1\n"
                        "ha-noi 5 9 a b\n"
                        "hue x 9 c\n"
                        "ha-noi 5 9 again\n"
                        " 5 9 nameless\n"
                        "hue 7 0 \n"
                        "hanoi 5");
    restart(s);
    assert_int_equal(s->m.count, 2);
    assert_string_equal(maintenance_find(&s->m, SLICE("ha-noi"))->view.message, "a b");
    assert_string_equal(maintenance_find(&s->m, SLICE("hue"))->view.message, "");
    write_text(s->file, "something else\n");
    restart(s);
    assert_int_equal(s->m.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_closed_stays_so_across_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(closing_again_changes_what_is_said, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_written_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(commands_that_make_no_sense_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(the_configuration_closes_what_no_command_opens, begin, end),
        cmocka_unit_test_setup_teardown(lists_what_is_closed_also_what_is_configured_no_more, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_damaged_file_loses_only_its_damaged_lines, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
