#include "http/form_reader.h"

#include "common/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MULTIPART "multipart/form-data; boundary=xYz"

static struct buf content;

static void note(void *user, struct slice piece)
{
    (void)user;
    buf_append_slice(&content, piece);
}

/* In pieces of `step` bytes; the value, or NULL. */
static const char *read_form(const char *type, const char *form, size_t step)
{
    static char value[FORM_VALUE_MAX + 1];
    struct form_reader f;
    struct slice rest = slice_str(form);
    buf_fini(&content);
    buf_init(&content, 1 << 20);
    form_reader_init(&f, slice_str(type), SLICE("key"), note, NULL);
    while (rest.len) {
        size_t len = MIN(step, rest.len);
        form_reader_feed(&f, slice_of(rest.data, len));
        rest = slice_from(rest, len);
    }
    form_reader_finish(&f);
    struct slice found = form_reader_value(&f);
    if (!found.data)
        return NULL;
    snprintf(value, sizeof(value), "%.*s", SLICE_ARG(found));
    return value;
}

static void expect(const char *type, const char *form, const char *expected)
{
    for (size_t step = 1; step < 80; step++) {
        const char *value = read_form(type, form, step);
        if (!expected)
            assert_null(value);
        else
            assert_string_equal(value ? value : "nothing", expected);
    }
}

static void finds_the_field_of_an_urlencoded_form(void **state)
{
    (void)state;
    const char *type = "application/x-www-form-urlencoded; charset=utf-8";
    expect(type, "key=v", "v");
    expect(type, "a=1&key=v&b=2", "v");
    expect(type, "a=key&key=v", "v");
    expect(type, "key=", "");
    expect(type, "key", "");
    expect(type, "key&a=1", "");
    expect(type, "a=1&b=2", NULL);
    expect(type, "keys=v&ke=v&akey=v", NULL);
    expect(type, "", NULL);
    expect(type, "key=v&key=v", NULL);
}

static void does_not_keep_what_is_too_long(void **state)
{
    (void)state;
    char form[FORM_VALUE_MAX + 8];
    memset(form, 'v', sizeof(form));
    memcpy(form, "key=", 4);
    form[sizeof(form) - 1] = '\0';
    expect("application/x-www-form-urlencoded", form, NULL);
}

#define PART(head, body) "--xYz\r\n" head "\r\n\r\n" body "\r\n"
#define NAMED(name) "Content-Disposition: form-data; name=\"" name "\""

static void finds_the_field_of_a_multipart_form(void **state)
{
    (void)state;
    expect(MULTIPART, PART(NAMED("key"), "v") "--xYz--\r\n", "v");
    expect("Multipart/Form-Data; Boundary=\"xYz\"", PART(NAMED("key"), "v") "--xYz--", "v");
    expect(MULTIPART, PART(NAMED("a"), "1") PART(NAMED("key"), "v") "--xYz--\r\n", "v");
    expect(MULTIPART, PART("content-disposition:form-data;name=\"key\"", "v") "--xYz--\r\n", "v");
    expect(MULTIPART, "preamble\r\n" PART("X: 1\r\n" NAMED("key"), "v") "--xYz--\r\nend", "v");
    expect(MULTIPART, PART(NAMED("key"), "") "--xYz--\r\n", "");
    expect(MULTIPART, PART(NAMED("key"), "a\r\n--xY\r\n-b") "--xYz--\r\n", "a\r\n--xY\r\n-b");
}

static void is_not_misled_by_other_fields(void **state)
{
    (void)state;
    expect(MULTIPART, PART(NAMED("a") "; filename=\"key\"", "v") "--xYz--\r\n", NULL);
    expect(MULTIPART, PART("X: form-data; name=\"key\"", "v") "--xYz--\r\n", NULL);
    expect(MULTIPART, PART(NAMED("keys"), "v") "--xYz--\r\n", NULL);
    expect(MULTIPART, PART(NAMED("a"), NAMED("key") "\r\n\r\nv") "--xYz--\r\n", NULL);
    expect(MULTIPART, PART(NAMED("key"), "v") PART(NAMED("key"), "w") "--xYz--\r\n", NULL);
}

static void boundary_makes_no_difference_to_the_content(void **state)
{
    (void)state;
    static const char first[] = PART(NAMED("key"), "v") PART(NAMED("f"), "\r\n--x\r") "--xYz--\r\n";
    static const char second[] = "--other0\r\n" NAMED("key") "\r\n\r\nv\r\n--other0\r\n" NAMED(
        "f") "\r\n\r\n\r\n--x\r\r\n--other0--\r\n";
    read_form(MULTIPART, first, 7);
    struct buf one = content;
    content = (struct buf){ 0 };
    read_form("multipart/form-data; boundary=other0", second, 11);
    assert_true(slice_eq(buf_slice(&one), buf_slice(&content)));
    read_form(MULTIPART, PART(NAMED("key"), "w"), 7);
    assert_false(slice_eq(buf_slice(&one), buf_slice(&content)));
    buf_fini(&one);
}

static void anything_else_is_handed_on_as_it_is(void **state)
{
    (void)state;
    expect("application/json", "key=v", NULL);
    assert_true(slice_eq(buf_slice(&content), SLICE("key=v")));
    expect("", "key=v", NULL);
    expect("multipart/form-data", PART(NAMED("key"), "v") "--xYz--\r\n", NULL);
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&content);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_field_of_an_urlencoded_form),
        cmocka_unit_test(does_not_keep_what_is_too_long),
        cmocka_unit_test(finds_the_field_of_a_multipart_form),
        cmocka_unit_test(is_not_misled_by_other_fields),
        cmocka_unit_test(boundary_makes_no_difference_to_the_content),
        cmocka_unit_test(anything_else_is_handed_on_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
