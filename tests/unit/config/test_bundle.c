#include "config/bundle.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/cong-bundle-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_holds(struct bundle *b, const char *name, const char *text)
{
    struct slice data = { 0 };
    assert_int_equal(bundle_fetch(b, name, &data, NULL), 0);
    assert_string_equal(data.data, text); /* terminated */
    assert_int_equal(data.len, strlen(text));
}

static void remembers_what_a_file_held_when_fetched(void **state)
{
    (void)state;
    struct bundle *b = bundle_new();
    write_file("one");
    assert_holds(b, path, "one");
    write_file("two");
    assert_holds(b, path, "one");
    bundle_free(&b);
    assert_null(b);
}

static void refresh_tells_whether_the_file_differs(void **state)
{
    (void)state;
    bool changed = true;
    struct slice old;
    struct bundle *b = bundle_new();
    write_file("one");
    assert_int_equal(bundle_fetch(b, path, &old, NULL), 0);
    assert_int_equal(bundle_refresh(b, path, &changed, NULL), 0);
    assert_false(changed);
    write_file("three");
    assert_int_equal(bundle_refresh(b, path, &changed, NULL), 0);
    assert_true(changed);
    assert_holds(b, path, "three");
    assert_string_equal(old.data, "one"); /* still valid */
    bundle_free(&b);
}

static void a_failed_refresh_changes_nothing(void **state)
{
    (void)state;
    bool changed = true;
    struct err e;
    struct bundle *b = bundle_new();
    write_file("one");
    assert_holds(b, path, "one");
    unlink(path);
    assert_int_equal(bundle_refresh(b, path, &changed, &e), ERR_SYSTEM);
    assert_non_null(strstr(e.text, path));
    assert_false(changed);
    assert_holds(b, path, "one");
    bundle_free(&b);
}

static void refuses_what_is_not_a_regular_file(void **state)
{
    (void)state;
    struct err e;
    struct slice data;
    struct bundle *b = bundle_new();
    assert_int_equal(bundle_fetch(b, folder, &data, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "not a regular file"));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(bundle_fetch(b, path, &data, &e), ERR_INVALID); /* and does not wait */
    unlink(path);
    assert_int_equal(bundle_fetch(b, path, &data, &e), ERR_SYSTEM);
    assert_non_null(strstr(e.text, "No such file"));
    bundle_free(&b);
}

static void refuses_a_file_that_is_too_large(void **state)
{
    (void)state;
    struct err e;
    struct slice data;
    struct bundle *b = bundle_new();
    write_file("");
    assert_int_equal(truncate(path, BUNDLE_FILE_BYTES_MAX + 1), 0);
    assert_int_equal(bundle_fetch(b, path, &data, &e), ERR_LIMIT);
    assert_non_null(strstr(e.text, "larger than 16 MiB"));
    bundle_free(&b);
}

static struct bundle *through_a_descriptor(struct bundle **b)
{
    struct err e = { "" };
    int fd = bundle_seal(*b, &e);
    assert_true(fd >= 0);
    bundle_free(b);
    struct bundle *opened = bundle_open(fd, &e);
    assert_string_equal(e.text, "");
    assert_non_null(opened);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* taken over */
    return opened;
}

static void a_sealed_copy_holds_the_same_files(void **state)
{
    (void)state;
    bool changed;
    struct bundle *b = bundle_new();
    write_file("old");
    assert_holds(b, path, "old");
    write_file("new");
    assert_int_equal(bundle_refresh(b, path, &changed, NULL), 0);
    bundle_add(b, "a", SLICE("12345678"));
    bundle_add(b, "empty", SLICE(""));
    bundle_add(b, "binary", SLICE("\0\xff\0"));
    assert_false(bundle_is_sealed(b));

    b = through_a_descriptor(&b);
    assert_true(bundle_is_sealed(b));
    assert_holds(b, path, "new");
    assert_holds(b, "a", "12345678");
    assert_holds(b, "empty", "");
    struct slice binary;
    assert_int_equal(bundle_fetch(b, "binary", &binary, NULL), 0);
    assert_true(slice_eq(binary, SLICE("\0\xff\0")));
    bundle_free(&b);
}

static void a_sealed_bundle_reads_nothing_from_disk(void **state)
{
    (void)state;
    bool changed;
    struct slice data;
    struct bundle *b = bundle_new();
    write_file("there");
    b = through_a_descriptor(&b);
    assert_int_equal(bundle_fetch(b, path, &data, NULL), ERR_INVALID);
    assert_int_equal(bundle_refresh(b, path, &changed, NULL), ERR_INVALID);
    bundle_free(&b);
}

static void nobody_can_change_what_is_sealed(void **state)
{
    (void)state;
    struct bundle *b = bundle_new();
    bundle_add(b, "a", SLICE("1"));
    int fd = bundle_seal(b, NULL);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_ptr_equal(mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    close(fd);
    bundle_free(&b);
}

static int memfd_with(const void *data, size_t len, bool sealed)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(write(fd, data, len), len);
    if (sealed)
        assert_int_equal(
            fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL), 0);
    return fd;
}

static void refuses_a_descriptor_that_is_no_bundle(void **state)
{
    (void)state;
    struct err e;
    static const char zeros[64];
    assert_null(bundle_open(memfd_with(zeros, sizeof(zeros), false), &e));
    assert_string_equal(e.text, "the descriptor is not a sealed memory file");
    assert_null(bundle_open(memfd_with(zeros, sizeof(zeros), true), &e));
    assert_string_equal(e.text, "the descriptor is not a configuration bundle");
    assert_null(bundle_open(memfd_with("", 0, true), &e));
    assert_string_equal(e.text, "the configuration bundle is damaged");
}

/* A copy of a good bundle with one 64-bit word overwritten. */
static int damaged_copy(const struct bundle *b, size_t word, uint64_t value)
{
    uint64_t words[64];
    int good = bundle_seal(b, NULL);
    ssize_t len = pread(good, words, sizeof(words), 0);
    assert_true(len > 0);
    close(good);
    words[word] = value;
    return memfd_with(words, (size_t)len, true);
}

static void refuses_a_bundle_whose_sizes_are_wrong(void **state)
{
    (void)state;
    struct err e;
    struct bundle *b = bundle_new();
    static const uint64_t wrong[] = { 0, 1000, UINT64_MAX, UINT64_MAX - 16, 1ull << 63 };
    bundle_add(b, "a", SLICE("12345678"));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_null(bundle_open(damaged_copy(b, 2, wrong[i]), &e)); /* path */
        if (wrong[i])
            assert_null(bundle_open(damaged_copy(b, 3, wrong[i]), &e)); /* data */
    }
    assert_null(bundle_open(damaged_copy(b, 1, 2), &e)); /* count */
    bundle_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_what_a_file_held_when_fetched),
        cmocka_unit_test(refresh_tells_whether_the_file_differs),
        cmocka_unit_test(a_failed_refresh_changes_nothing),
        cmocka_unit_test(refuses_what_is_not_a_regular_file),
        cmocka_unit_test(refuses_a_file_that_is_too_large),
        cmocka_unit_test(a_sealed_copy_holds_the_same_files),
        cmocka_unit_test(a_sealed_bundle_reads_nothing_from_disk),
        cmocka_unit_test(nobody_can_change_what_is_sealed),
        cmocka_unit_test(refuses_a_descriptor_that_is_no_bundle),
        cmocka_unit_test(refuses_a_bundle_whose_sizes_are_wrong),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
