#include "bench/measure/result_sums.h"
#include "common/mem.h"
#include "fakes/fake_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>

#include <cmocka.h>

static struct result *make(void)
{
    const struct fake_result f = {
        .hold_s = 100, .users = 1000, .requests_per_s = 100, .slowness = 1, .seed = 4
    };
    return fake_result_new(&f);
}

static void the_probe_is_kept_apart(void **state)
{
    (void)state;
    struct result *of = make();
    struct results_board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(board, MAP_FAILED);
    board->generator_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        struct results_generator *g = &board->generators[i];
        g->is_probe = i == 2;
        g->users = 10;
        g->phases[1].planned = 100;
        results_phase_init(&g->phases[1]);
        hdr_record(&g->phases[1].response[CLASS_READ], 5000);
        g->procedures[3].done = 4;
        g->seconds[7] = (struct results_second){ .users = 10, .alive = 9, .lag_p99_us = i };
    }
    struct result *r = result_new(of->scenario, 10);
    result_collect(r, board);
    assert_int_equal(r->phases[1].planned, 200);
    assert_int_equal(r->probe_phases[1].planned, 100);
    assert_int_equal(r->phases[1].response[CLASS_READ].count, 2);
    assert_int_equal(r->seconds[7].users, 20);
    assert_int_equal(r->seconds[7].alive, 18);
    assert_int_equal(r->seconds[7].lag_p99_us, 1);
    assert_int_equal(r->generator_count, 3);
    assert_int_equal(r->procedure_count, 2000);
    assert_int_equal(r->procedures[3].done, 12);
    assert_int_equal(r->procedures[3].number, 3);
    assert_true(r->generators[2].is_probe);
    munmap(board, sizeof(*board));
    result_free(&r);
    result_free(&of);
}

static void attackers_are_kept_apart(void **state)
{
    (void)state;
    struct result *of = make();
    struct results_board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(board, MAP_FAILED);
    board->generator_count = 2;
    board->generators[0].seconds[7].users = 10;
    struct results_generator *g = &board->generators[1];
    g->is_attackers = 1;
    g->users = 30;
    g->seconds[7].users = 30;
    struct results_attack *a = &g->attacks[2].kinds[ATTACK_SLOW_READ];
    a->begun = 31;
    a->outcomes[ATTACK_CLOSED] = 1;
    a->held_max_us = 5000;
    struct result *r = result_new(of->scenario, 10);
    result_collect(r, board);
    assert_int_equal(r->seconds[7].users, 10);
    assert_true(r->generators[1].is_attackers);
    struct result *other = result_new(of->scenario, 10);
    result_collect(other, board);
    result_add(r, other);
    a = &r->attacks[2].kinds[ATTACK_SLOW_READ];
    assert_int_equal(a->begun, 62);
    assert_int_equal(a->outcomes[ATTACK_CLOSED], 2);
    assert_int_equal(results_attack_sent_away(a), 2);
    assert_int_equal(a->held_max_us, 5000);
    munmap(board, sizeof(*board));
    result_free(&other);
    result_free(&r);
    result_free(&of);
}

static void only_judged_phases_count_unless_one_is_named(void **state)
{
    (void)state;
    struct result *r = make();
    struct result_clocks *clocks = mem_new(sizeof(*clocks));
    result_clocks(r, -1, CLASS_READ, clocks);
    assert_int_equal(clocks->response.count, r->phases[2].response[CLASS_READ].count);
    result_clocks(r, 0, -1, clocks);
    assert_int_equal(clocks->service.count, r->phases[0].done);
    mem_free(clocks);
    result_free(&r);
}

static void warm_up_is_cut_from_the_first_judged_phase_alone(void **state)
{
    (void)state;
    struct result *r = make();
    r->warm_up_s = 15;
    assert_int_equal(result_phase_span(r, 1).from, 240);
    assert_int_equal(result_phase_span(r, 1).to, 300);
    assert_int_equal(result_phase_span(r, 2).from, 315);
    assert_int_equal(result_phase_span(r, 2).to, 400);
    r->second_count = 310; /* the run ended early */
    assert_int_equal(result_phase_span(r, 2).to, 310);
    assert_int_equal(result_phase_span(r, 2).from, 310);
    result_free(&r);
}

static void memory_is_the_most_there_was(void **state)
{
    (void)state;
    struct result *r = make();
    r->machine[350].gateway_pss = 7ULL << 30;
    r->machine[100].gateway_pss = 9ULL << 30; /* in no judged phase */
    struct result_memory m = result_memory(r, -1);
    assert_int_equal(m.gateway, 7ULL << 30);
    assert_int_equal(m.users, 1000);
    assert_int_equal(m.kernel, 1000 * 11800);
    result_free(&r);
}

static void cpu_is_shared_out_among_users_and_probe(void **state)
{
    (void)state;
    struct result *r = make();
    for (uint32_t i = 0; i < r->second_count; i++)
        r->machine[i].gateway_cpu = 50;
    r->phases[2].done = 9000;
    r->probe_phases[2].done = 1000;
    assert_true(result_cpu_us_per_request(r, -1) == 5000); /* 50 s for 10,000 */
    r->phases[2].done = r->probe_phases[2].done = 0;
    assert_true(result_cpu_us_per_request(r, -1) == 0);
    result_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_probe_is_kept_apart),
        cmocka_unit_test(attackers_are_kept_apart),
        cmocka_unit_test(only_judged_phases_count_unless_one_is_named),
        cmocka_unit_test(warm_up_is_cut_from_the_first_judged_phase_alone),
        cmocka_unit_test(memory_is_the_most_there_was),
        cmocka_unit_test(cpu_is_shared_out_among_users_and_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
