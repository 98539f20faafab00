/* Values of fields that the gateway reads itself, and texts of clients that it writes elsewhere:
 * addresses, lists, Accept, Idempotency-Key, form keys and tokens; logs and pages. What is accepted
 * means one thing and is written back as such; what is not ours is never taken for it; whatever is
 * escaped stays within its place. */
#include "common/json.h"
#include "fuzz/require_utf8.h"
#include "http/error_page.h"
#include "net/address.h"
#include "pipeline/submission_key.h"

#include <ctype.h>
#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define IN_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t secret[32] = "fuzzers do not know what this is";

static void check_address(struct slice text)
{
    struct address a, again;
    char out[ADDRESS_TEXT_BYTES];
    if (!address_parse(&a, text)) {
        REQUIRE(a.family == AF_UNSPEC);
        return;
    }
    struct slice written = slice_of(out, address_format(&a, out));
    REQUIRE(address_parse(&again, written));
    REQUIRE(again.family == a.family && memcmp(again.ip, a.ip, sizeof(a.ip)) == 0);
    REQUIRE(a.port == 0 && (a.family == AF_INET || a.family == AF_INET6));
}

/* The elements, put together again, are the list; none has a comma or spaces at its ends. */
static void check_list(struct slice text)
{
    struct slice rest = text, element;
    size_t letters = 0, count = 0, expected = 0, commas = 0;
    for (size_t i = 0; i < text.len; i++)
        commas += text.data[i] == ',';
    while (slice_next_element(&rest, &element)) {
        REQUIRE(slice_find(element, ',') == element.len);
        REQUIRE(slice_trim(element).len == element.len);
        letters += element.len;
        count++;
        check_address(element);
    }
    for (size_t from = 0, i = 0; text.data && i <= text.len; i++)
        if (i == text.len || text.data[i] == ',') {
            expected += slice_trim(slice_of(text.data + from, i - from)).len;
            from = i + 1;
        }
    REQUIRE(letters == expected && (!text.data || count == commas + 1));
}

/* Behind any text, a timeout is at most what is said last. */
static void check_keep_alive(struct slice text)
{
    struct header fields[2] = {
        { .name = "Keep-Alive",
          .name_len = 10,
          .value = text.data,
          .value_len = (uint32_t)text.len },
        { .name = "keep-alive", .name_len = 10, .value = "timeout=9", .value_len = 9 },
    };
    struct headers hs = { .items = fields, .count = 1 };
    header_identify(&fields[0]);
    header_identify(&fields[1]);
    uint32_t alone = headers_keep_alive_s(&hs);
    hs.count = 2;
    REQUIRE(headers_keep_alive_s(&hs) == (alone < 9 ? alone : 9));
}

static void check_key(struct slice text)
{
    struct arena arena;
    struct headers hs = { 0 };
    struct slice key;
    uint8_t hash[DIGEST_BYTES];
    arena_init(&arena, NULL, 1 << 20);
    REQUIRE(headers_add(&hs, &arena, SLICE("idempotency-key"), text));
    if (submission_key_of_header(&hs, &key) == SUBMISSION_KEY_GOOD) {
        REQUIRE(key.len > 0 && key.len <= SUBMISSION_KEY_MAX);
        for (size_t i = 0; i < key.len; i++) /* it stands between quotation marks elsewhere */
            REQUIRE(key.data[i] > ' ' && key.data[i] < 0x7f && key.data[i] != '"' &&
                    key.data[i] != '\\');
    }
    REQUIRE(headers_add(&hs, &arena, SLICE("Idempotency-Key"), text));
    REQUIRE(submission_key_of_header(&hs, &key) == SUBMISSION_KEY_BAD);
    /* unless HMAC-SHA256 is broken */
    REQUIRE(!submission_key_is_ours(secret, text, 1, UINT64_MAX / 2));
    REQUIRE(!submission_key_read_token(secret, text, hash));
    arena_fini(&arena);
}

static void check_base64(struct slice text)
{
    uint8_t bytes[64];
    char out[DIGEST_BASE64_LEN(sizeof(bytes))];
    int len = digest_unbase64(text, bytes, sizeof(bytes));
    REQUIRE(len <= (int)sizeof(bytes));
    if (len >= 0)
        REQUIRE(slice_eq(slice_of(out, digest_base64(bytes, (size_t)len, out)), text));
}

/* How long the JSON string at the beginning of `s` is, with its quotation marks (RFC 8259 7). */
static size_t json_string_len(struct slice s)
{
    size_t i = 1;
    REQUIRE(s.len >= 2 && s.data[0] == '"');
    for (; i < s.len && s.data[i] != '"'; i++) {
        if (s.data[i] != '\\')
            continue;
        i++;
        REQUIRE(i + 1 < s.len && strchr("\"\\/bfnrtu", s.data[i]) && s.data[i]);
        for (size_t k = 1; s.data[i] == 'u' && k <= 4; k++)
            REQUIRE(i + k < s.len && isxdigit((unsigned char)s.data[i + k]));
        REQUIRE(i + 1 < s.len);
    }
    REQUIRE(i < s.len);
    return i + 1;
}

/* As in the access log: one line, whatever it is, and JSON. */
static void check_json(struct slice text)
{
    struct buf line;
    struct json j;
    buf_init(&line, 8 * IN_BYTES);
    json_init(&j, &line);
    json_object(&j, NULL);
    json_string(&j, "a", text);
    json_end_object(&j);
    REQUIRE(buf_ok(&line));
    require_utf8((const unsigned char *)line.data, line.len);
    struct slice value = slice_from(buf_slice(&line), sizeof("{\"a\":") - 1);
    REQUIRE(json_string_len(value) == value.len - 1 && value.data[value.len - 1] == '}');
    buf_fini(&line);
}

static size_t count_of(struct slice s, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += s.data[i] == c;
    return count;
}

/* Whatever stands in a page's link, the page has the tags that it has with another one. */
static void check_page(struct slice text)
{
    static const char markup[] = "<>\"'";
    struct buf page, usual;
    struct error_page_input input = { .reason = ERROR_PAGE_UPSTREAM_CLOSED, .link = text };
    struct error_page_input other = { .reason = ERROR_PAGE_UPSTREAM_CLOSED, .link = SLICE("/a") };
    buf_init(&page, 1 << 20);
    buf_init(&usual, 1 << 20);
    error_page_write(&page, &input);
    error_page_write(&usual, &other);
    for (size_t i = 0; text.len && i < sizeof(markup) - 1; i++)
        REQUIRE(count_of(buf_slice(&page), markup[i]) == count_of(buf_slice(&usual), markup[i]));
    buf_fini(&page);
    buf_fini(&usual);
}

/* A wish for JSON stays one when what nobody asks about is added. */
static void check_accept(struct slice text)
{
    char more[IN_BYTES + 16];
    static const struct slice tail = { ", image/png", 11 };
    if (text.len)
        memcpy(more, text.data, text.len);
    memcpy(more + text.len, tail.data, tail.len);
    REQUIRE(error_page_wants_json(text) ==
            error_page_wants_json(slice_of(more, text.len + tail.len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > IN_BYTES)
        return 0;
    struct slice text = slice_of((const char *)data, size);
    check_address(text);
    check_keep_alive(text);
    check_list(text);
    check_key(text);
    check_base64(text);
    check_json(text);
    check_page(text);
    check_accept(text);
    return 0;
}
