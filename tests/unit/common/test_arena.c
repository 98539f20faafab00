#include "common/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void gives_aligned_memory_that_does_not_overlap(void **state)
{
    (void)state;
    struct arena a;
    char *blocks[200];
    arena_init(&a, NULL, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        blocks[i] = arena_alloc(&a, i * 37 % 5000);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        memset(blocks[i], (int)i, i * 37 % 5000);
    }
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        for (size_t k = 0; k < i * 37 % 5000; k++)
            assert_int_equal((unsigned char)blocks[i][k], i & 0xff);
    arena_fini(&a);
}

static void refuses_what_is_beyond_its_cap(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL, 3 * ARENA_CHUNK_BYTES);
    assert_null(arena_alloc(&a, 4 * ARENA_CHUNK_BYTES));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_non_null(arena_alloc(&a, 100));
    assert_non_null(arena_alloc(&a, ARENA_CHUNK_BYTES));
    assert_null(arena_alloc(&a, ARENA_CHUNK_BYTES));
    assert_non_null(arena_alloc(&a, 100));
    arena_fini(&a);
}

static void chunks_rest_in_the_cache_up_to_its_limit(void **state)
{
    (void)state;
    struct arena_cache cache = { .max = 2 };
    struct arena a[4];
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        arena_init(&a[i], &cache, 1 << 20);
        assert_non_null(arena_alloc(&a[i], 10));
    }
    for (size_t i = 0; i < ARRAY_LEN(a); i++)
        arena_fini(&a[i]);
    assert_int_equal(cache.count, 2);
    arena_init(&a[0], &cache, 1 << 20);
    assert_non_null(arena_alloc(&a[0], 10));
    assert_int_equal(cache.count, 1);
    arena_fini(&a[0]);
    arena_cache_fini(&cache);
    assert_int_equal(cache.count, 0);
}

static void chunks_that_nobody_needs_leave_the_cache(void **state)
{
    (void)state;
    struct arena_cache cache = { .max = 100 };
    struct arena burst, usual;
    arena_init(&burst, &cache, 1 << 20);
    for (size_t i = 0; i < 32; i++)
        assert_non_null(arena_alloc(&burst, ARENA_CHUNK_BYTES / 2 - 32));
    arena_fini(&burst);
    arena_cache_trim(&cache); /* until now all of them were needed */
    assert_int_equal(cache.count, 16);
    for (size_t i = 0; i < 40; i++) {
        arena_init(&usual, &cache, 1 << 20);
        assert_non_null(arena_alloc(&usual, 10));
        arena_fini(&usual);
        arena_cache_trim(&cache);
    }
    assert_int_equal(cache.count, 1);
    arena_cache_fini(&cache);
    assert_int_equal(cache.count, 0);
}

static void copies_and_formats_text(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, NULL, 1 << 20);
    struct slice copy = arena_copy(&a, slice_of("abc", 2));
    assert_string_equal(copy.data, "ab");
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_aligned_memory_that_does_not_overlap),
        cmocka_unit_test(refuses_what_is_beyond_its_cap),
        cmocka_unit_test(chunks_rest_in_the_cache_up_to_its_limit),
        cmocka_unit_test(chunks_that_nobody_needs_leave_the_cache),
        cmocka_unit_test(copies_and_formats_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
