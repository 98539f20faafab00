#include "process/privileges.h"

#include "common/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void reads_what_it_wrote(void **state)
{
    (void)state;
    struct privileges in = { .uid = 65534, .gid = 4294967294u }, out;
    char text[PRIVILEGES_TEXT_BYTES];
    privileges_format(&in, text);
    assert_string_equal(text, "65534:4294967294");
    assert_int_equal(privileges_parse(&out, text), 0);
    assert_int_equal(out.uid, in.uid);
    assert_int_equal(out.gid, in.gid);
}

static void rejects_what_is_no_pair_of_numbers(void **state)
{
    (void)state;
    static const char *const texts[] = { "",     ":",           "1",   "1:",           ":1",
                                         "-1:1", "1:2:3",       "a:b", "1:4294967295", " 1:1",
                                         "1: 1", "4294967295:1" };
    struct privileges p;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_not_equal(privileges_parse(&p, texts[i]), 0);
}

static void stays_who_it_is_without_a_user(void **state)
{
    (void)state;
    struct privileges p;
    struct err e;
    assert_int_equal(privileges_find(&p, NULL, &e), 0);
    assert_int_equal(p.uid, geteuid());
    assert_int_equal(p.gid, getegid());
}

static void needs_a_user_that_exists(void **state)
{
    (void)state;
    struct privileges p;
    struct err e;
    if (geteuid() != 0)
        skip();
    assert_int_equal(privileges_find(&p, "no-such-user", &e), ERR_INVALID);
    assert_string_equal(e.text, "user: there is no user \"no-such-user\" on this machine");
}

/* What a process that has dropped to `p` finds: 0 when all is well. */
static int look_around(const struct privileges *p)
{
    struct err e;
    gid_t groups[4];
    if (privileges_drop(p, &e) < 0)
        return 1;
    if (geteuid() != p->uid || getuid() != p->uid || getegid() != p->gid)
        return 2;
    if (getgroups(ARRAY_LEN(groups), groups) != 1 || groups[0] != p->gid)
        return 3;
    if (setuid(0) == 0 || setgid(0) == 0)
        return 4;
    return access("/etc/shadow", R_OK) == 0 ? 5 : 0;
}

static void cannot_return_after_dropping(void **state)
{
    (void)state;
    struct privileges p = { .uid = 65534, .gid = 65534 };
    int status;
    if (geteuid() != 0)
        skip();
    pid_t pid = fork();
    if (pid == 0)
        _exit(look_around(&p));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(rejects_what_is_no_pair_of_numbers),
        cmocka_unit_test(stays_who_it_is_without_a_user),
        cmocka_unit_test(needs_a_user_that_exists),
        cmocka_unit_test(cannot_return_after_dropping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
