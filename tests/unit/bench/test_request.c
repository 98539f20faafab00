#include "bench/load/request.h"

#include "bench/node/seed.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct request request;
static struct payload payload;
static struct random randomness;
static struct request_person person;

static int set_up(void **state)
{
    (void)state;
    seed_random(&randomness, 4);
    payload_init(&payload, 1, 100000, 200000);
    person = (struct request_person){ .kind = USER_COUNTER, .receipt = "", .key = "0-1-2" };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    payload_fini(&payload);
    return 0;
}

static void make(enum scenario_step step)
{
    request_make(&request, step, &person, &payload, &randomness);
}

static struct slice field(const char *name)
{
    static char digits[20];
    struct request_field fields[REQUEST_FIELDS_MAX];
    size_t count = request_fields(&request, fields, digits);
    assert_true(count <= REQUEST_FIELDS_MAX);
    for (size_t i = 0; i < count; i++)
        if (slice_eq(fields[i].name, slice_str(name)))
            return fields[i].value;
    return (struct slice){ 0 };
}

static void every_step_has_a_method_and_a_target(void **state)
{
    (void)state;
    for (int step = 0; step < STEP_COUNT; step++) {
        make((enum scenario_step)step);
        assert_non_null(request.method);
        assert_int_equal(request.target[0], '/');
        assert_true(strlen(request.target) + 1 < REQUEST_TARGET_BYTES);
        assert_int_equal(request.content_type != NULL, request.body_bytes > 0);
        assert_non_null(field("user-agent").data);
    }
}

static void a_page_has_no_body_and_no_key(void **state)
{
    (void)state;
    person.procedure = 41;
    make(STEP_PROCEDURE);
    assert_string_equal(request.method, "GET");
    assert_string_equal(request.target, "/thu-tuc/42");
    assert_true(request_is_sent(&request));
    assert_false(request_files(&request));
    assert_null(field("content-length").data);
    assert_null(field("idempotency-key").data);
    assert_null(field("cookie").data);
}

static void a_province_comes_first_in_the_path(void **state)
{
    (void)state;
    person.province = "ho-chi-minh";
    for (int step = 0; step < STEP_COUNT; step++) {
        make((enum scenario_step)step);
        assert_memory_equal(request.target, "/tinh/ho-chi-minh/", 18);
        assert_true(strlen(request.target) + 1 < REQUEST_TARGET_BYTES);
    }
    make(STEP_AUTOFILL);
    assert_string_equal(request.target, "/tinh/ho-chi-minh/dan-cu/ho-so");
}

static void cookies_are_sent_back(void **state)
{
    (void)state;
    person.cookies = "phien=4f";
    make(STEP_AUTOFILL);
    assert_true(slice_eq(field("cookie"), SLICE("phien=4f")));
}

static void a_login_may_be_kept_by_the_gateway(void **state)
{
    (void)state;
    person.session = 79000000012;
    make(STEP_LOGIN);
    assert_non_null(strstr(request.target, "?header=Set-Cookie:%20phien="));
    person.signs_in = true;
    make(STEP_LOGIN);
    assert_string_equal(request.target, "/dang-nhap?header=X-Cong-Session:%20create;%20"
                                        "uid=79000000012;%20level=1");
}

static void a_dossier_that_is_sent_again_is_the_same(void **state)
{
    (void)state;
    char first[REQUEST_TEXT_BYTES];
    make(STEP_SUBMIT);
    request.allowed_bytes = UINT64_MAX;
    struct slice body = request_next_piece(&request, 100000);
    memcpy(first, body.data, body.len);
    request_rewind(&request, "phien=5");
    assert_false(request_is_sent(&request));
    assert_int_equal(request_next_piece(&request, 100000).len, 0);
    request.allowed_bytes = UINT64_MAX;
    assert_true(slice_eq(request_next_piece(&request, 100000), slice_of(first, body.len)));
    assert_true(slice_eq(field("idempotency-key"), SLICE("0-1-2")));
    assert_true(slice_eq(field("cookie"), SLICE("phien=5")));
}

static void a_dossier_carries_its_key_and_the_hash_of_its_body(void **state)
{
    (void)state;
    struct node_digest digest;
    make(STEP_SUBMIT);
    assert_true(request_files(&request));
    assert_true(slice_eq(field("idempotency-key"), SLICE("0-1-2")));
    request.allowed_bytes = UINT64_MAX;
    struct slice body = request_next_piece(&request, 100000);
    assert_int_equal(body.len, request.body_bytes);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    EVP_DigestUpdate(context, body.data, body.len);
    node_digest_finish(&digest, context);
    EVP_MD_CTX_free(context);
    assert_string_equal(request.digest.hex, digest.hex);
    assert_true(request_is_sent(&request));
}

static void two_dossiers_never_have_the_same_body(void **state)
{
    (void)state;
    char first[NODE_DIGEST_LEN + 1];
    make(STEP_SUBMIT);
    memcpy(first, request.digest.hex, sizeof(first));
    person.key = "0-1-3";
    make(STEP_SUBMIT);
    assert_string_not_equal(request.digest.hex, first);
}

static void an_upload_leaves_as_fast_as_it_is_allowed(void **state)
{
    (void)state;
    make(STEP_UPLOAD);
    assert_true(request.body_bytes >= 100000);
    assert_int_equal(request_next_piece(&request, 1000).len, 0);
    request.allowed_bytes = 1500;
    assert_int_equal(request_next_piece(&request, 1000).len, 1000);
    assert_int_equal(request_next_piece(&request, 1000).len, 500);
    assert_int_equal(request_next_piece(&request, 1000).len, 0);
    request.allowed_bytes = UINT64_MAX;
    while (!request_is_sent(&request))
        assert_true(request_next_piece(&request, SIZE_MAX).len > 0);
    assert_int_equal(request_next_piece(&request, 1000).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_step_has_a_method_and_a_target, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_has_no_body_and_no_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_province_comes_first_in_the_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cookies_are_sent_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_login_may_be_kept_by_the_gateway, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dossier_that_is_sent_again_is_the_same, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_dossier_carries_its_key_and_the_hash_of_its_body, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(two_dossiers_never_have_the_same_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_leaves_as_fast_as_it_is_allowed, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
