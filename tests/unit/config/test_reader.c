#include "config/reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct diagnostics d;
    struct reader *r;
};

static void open_text(struct fixture *f, struct slice text)
{
    arena_init(&f->arena, NULL, 65536);
    diagnostics_init(&f->d);
    f->r = reader_new("dir/t.yaml", text, &f->arena, &f->d);
}

static void close_all(struct fixture *f)
{
    reader_free(&f->r);
    diagnostics_fini(&f->d);
    arena_fini(&f->arena);
}

static void assert_text(struct fixture *f, const char *expected)
{
    diagnostics_finish(&f->d);
    buf_append_char(&f->d.text, '\0');
    assert_string_equal(f->d.text.data, expected);
}

static void expect_refusal(struct slice text, const char *expected)
{
    struct fixture f;
    open_text(&f, text);
    assert_null(f.r);
    assert_text(&f, expected);
    close_all(&f);
}

static void nodes_know_their_names_and_places(void **state)
{
    (void)state;
    struct fixture f;
    open_text(&f, SLICE("a:\n  - b: 1\n    c: [ x, yy ]\n"));
    struct node a = reader_get(f.r, reader_root(f.r), "a");
    struct node item = reader_item(f.r, a, 0);
    struct node c = reader_get(f.r, item, "c");
    assert_int_equal(reader_kind(f.r, a), NODE_LIST);
    assert_int_equal(reader_kind(f.r, item), NODE_MAPPING);
    assert_int_equal(reader_count(f.r, c), 2);
    struct node yy = reader_item(f.r, c, 1);
    assert_true(slice_eq(reader_scalar(f.r, yy), SLICE("yy")));
    assert_string_equal(yy.name, "a[0].c[1]");
    assert_int_equal(reader_line(f.r, yy), 3);
    reader_problem(f.r, yy, "is %d", 7);
    reader_problem(f.r, reader_key(f.r, item, 1), "is a key");
    assert_text(&f, "dir/t.yaml:3:5: a[0].c: is a key\ndir/t.yaml:3:13: a[0].c[1]: is 7\n");
    close_all(&f);
}

static void what_is_not_there_is_absent(void **state)
{
    (void)state;
    struct fixture f;
    open_text(&f, SLICE("a: b"));
    struct node root = reader_root(f.r);
    struct node missing = reader_get(f.r, root, "b");
    assert_int_equal(missing.id, 0);
    assert_int_equal(reader_kind(f.r, missing), NODE_ABSENT);
    assert_int_equal(reader_count(f.r, missing), 0);
    assert_int_equal(reader_get(f.r, reader_get(f.r, root, "a"), "c").id, 0);
    assert_int_equal(reader_scalar(f.r, root).len, 0);
    close_all(&f);
}

static void an_alias_is_the_node_that_it_names(void **state)
{
    (void)state;
    struct fixture f;
    open_text(&f, SLICE("a: &x { k: v }\nb: *x\n"));
    struct node b = reader_get(f.r, reader_root(f.r), "b");
    struct node k = reader_get(f.r, b, "k");
    assert_true(slice_eq(reader_scalar(f.r, k), SLICE("v")));
    assert_string_equal(k.name, "b.k");
    close_all(&f);
}

static void tells_null_from_text(void **state)
{
    (void)state;
    struct fixture f;
    open_text(&f, SLICE("[ , ~, null, Null, 'null', '', nul ]"));
    close_all(&f);
    open_text(&f, SLICE("- \n- ~\n- null\n- NULL\n- 'null'\n- ''\n- nul\n"));
    struct node root = reader_root(f.r);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(reader_is_null(f.r, reader_item(f.r, root, i)), i < 4);
    close_all(&f);
}

static void resolves_names_from_the_files_folder(void **state)
{
    (void)state;
    struct fixture f;
    open_text(&f, SLICE("{}"));
    assert_string_equal(reader_resolve(f.r, SLICE("a.crt")).data, "dir/a.crt");
    assert_string_equal(reader_resolve(f.r, SLICE("../a.crt")).data, "dir/../a.crt");
    assert_string_equal(reader_resolve(f.r, SLICE("/etc/a.crt")).data, "/etc/a.crt");
    close_all(&f);
}

static void places_a_syntax_error(void **state)
{
    (void)state;
    expect_refusal(SLICE("a: 1\nb: [ 2\nc: 3\n"),
                   "dir/t.yaml:3:2: not valid YAML: did not find expected ',' or ']' (while "
                   "parsing a flow sequence, which begins on line 2)\n");
    expect_refusal(
        SLICE("a: 1\n\tb: 2\n"),
        "dir/t.yaml:2:1: not valid YAML: found a tab character that violates indentation "
        "(while scanning a plain scalar, which begins on line 1)\n");
    expect_refusal(SLICE("a: *b\n"), "dir/t.yaml:1:4: not valid YAML: found undefined alias\n");
}

static void places_bytes_that_are_not_utf8(void **state)
{
    (void)state;
    expect_refusal(SLICE("a: 1\nổ: \xff\n"),
                   "dir/t.yaml:2:4: not valid YAML: invalid leading UTF-8 octet\n");
}

static void rejects_an_empty_file(void **state)
{
    (void)state;
    expect_refusal(SLICE(""), "dir/t.yaml:1:1: the file is empty\n");
    expect_refusal(SLICE("# nothing\n"), "dir/t.yaml:1:1: the file is empty\n");
}

static void rejects_a_second_document(void **state)
{
    (void)state;
    expect_refusal(SLICE("a: 1\n---\nb: 1\n"),
                   "dir/t.yaml:3:1: a second document begins here; the file must hold exactly "
                   "one\n");
    expect_refusal(SLICE("a: 1\n---\n[\n"),
                   "dir/t.yaml:4:1: not valid YAML: did not find expected node content (while "
                   "parsing a flow node, which begins on line 4)\n");
}

static void rejects_tags_that_promise_something(void **state)
{
    (void)state;
    expect_refusal(SLICE("a: !include b.yaml\nb: !!str c\n"),
                   "dir/t.yaml:1:4: tags such as !name mean nothing here\n");
}

static void says_once_that_the_arena_is_full(void **state)
{
    (void)state;
    struct fixture f;
    open_text(&f, SLICE("a: 1"));
    assert_null(reader_alloc(f.r, 1000, 1000));
    assert_null(reader_alloc(f.r, 1000, 1000));
    assert_text(&f, "dir/t.yaml: the configuration is too large\n");
    close_all(&f);
}

static void shortens_keys_of_the_file_in_names(void **state)
{
    (void)state;
    struct fixture f;
    open_text(&f, SLICE("\"x\\n123456789 123456789 123456789 123456789 123456789 123456789\": 1"));
    reader_problem(f.r, reader_key(f.r, reader_root(f.r), 0), "is odd");
    assert_text(&f, "dir/t.yaml:1:1: x?123456789 123456789 123456789 123456789 123456…: is odd\n");
    close_all(&f);
}

static void shows_a_hundred_problems_and_counts_the_rest(void **state)
{
    (void)state;
    struct fixture f;
    open_text(&f, SLICE("a: 1"));
    for (int i = 0; i < 103; i++)
        reader_problem(f.r, reader_root(f.r), "number %d", i);
    assert_int_equal(f.d.count, 103);
    diagnostics_finish(&f.d);
    buf_append_char(&f.d.text, '\0');
    assert_non_null(strstr(f.d.text.data, "number 99\nand 3 more problems\n"));
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_know_their_names_and_places),
        cmocka_unit_test(what_is_not_there_is_absent),
        cmocka_unit_test(an_alias_is_the_node_that_it_names),
        cmocka_unit_test(tells_null_from_text),
        cmocka_unit_test(resolves_names_from_the_files_folder),
        cmocka_unit_test(places_a_syntax_error),
        cmocka_unit_test(places_bytes_that_are_not_utf8),
        cmocka_unit_test(rejects_an_empty_file),
        cmocka_unit_test(rejects_a_second_document),
        cmocka_unit_test(rejects_tags_that_promise_something),
        cmocka_unit_test(says_once_that_the_arena_is_full),
        cmocka_unit_test(shortens_keys_of_the_file_in_names),
        cmocka_unit_test(shows_a_hundred_problems_and_counts_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
