#include "bench/load/client_ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct client_ledger ledger;
static char path[64];
static char text[1 << 20];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/test_client_ledger.XXXXXX");
    close(mkstemp(path));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static size_t read_back(void)
{
    FILE *file = fopen(path, "r");
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
    return len;
}

static void acknowledge(const char *key)
{
    client_ledger_add(&ledger, &(struct ledger_line){ .event = LEDGER_ACK,
                                                      .key = slice_str(key),
                                                      .receipt = SLICE("713897YAFHXZ"),
                                                      .time_ms = 5 });
}

static void lines_reach_the_file_when_flushed(void **state)
{
    (void)state;
    assert_int_equal(client_ledger_open(&ledger, path, NULL), 0);
    acknowledge("0-1-0");
    assert_int_equal(read_back(), 0);
    client_ledger_flush(&ledger);
    read_back();
    assert_string_equal(text, "ack 0-1-0 713897YAFHXZ 5\n");
    client_ledger_close(&ledger);
}

static void closing_flushes(void **state)
{
    (void)state;
    assert_int_equal(client_ledger_open(&ledger, path, NULL), 0);
    acknowledge("0-1-0");
    client_ledger_close(&ledger);
    assert_true(read_back() > 0);
    assert_false(ledger.failed);
}

static void many_lines_leave_by_themselves_and_whole(void **state)
{
    (void)state;
    struct ledger_line line;
    size_t count = 0;
    assert_int_equal(client_ledger_open(&ledger, path, NULL), 0);
    for (int i = 0; i < 5000; i++)
        acknowledge("0-1-0");
    size_t before = read_back();
    assert_true(before > 0 && text[before - 1] == '\n');
    client_ledger_close(&ledger);
    read_back();
    for (char *at = text, *end; *at; at = end + 1) {
        end = strchr(at, '\n');
        assert_int_equal(ledger_parse(slice_of(at, (size_t)(end - at)), &line), 0);
        count++;
    }
    assert_int_equal(count, 5000);
}

static void without_a_path_nothing_is_written(void **state)
{
    (void)state;
    assert_int_equal(client_ledger_open(&ledger, NULL, NULL), 0);
    acknowledge("0-1-0");
    client_ledger_close(&ledger);
    assert_false(ledger.failed);
}

static void a_full_disk_is_remembered(void **state)
{
    (void)state;
    assert_int_equal(client_ledger_open(&ledger, "/dev/full", NULL), 0);
    acknowledge("0-1-0");
    client_ledger_close(&ledger);
    assert_true(ledger.failed);
}

static void a_folder_is_no_ledger(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(client_ledger_open(&ledger, "/", &e), ERR_SYSTEM);
    assert_non_null(strstr(e.text, "cannot open the ledger /"));
    client_ledger_close(&ledger);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_reach_the_file_when_flushed),
        TEST(closing_flushes),
        TEST(many_lines_leave_by_themselves_and_whole),
        TEST(without_a_path_nothing_is_written),
        TEST(a_full_disk_is_remembered),
        TEST(a_folder_is_no_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
