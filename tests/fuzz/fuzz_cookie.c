/* A cookie that is found is the one that is taken; taken, it is not there any more, and neither is
 * anything else lost; orders about sessions and ids are read without harm, and what is accepted
 * keeps within its bounds; an id is good as it was minted, and in no other form. */
#include "http/cookie.h"
#include "pipeline/session_id.h"
#include "pipeline/session_order.h"
#include "store/session_record.h"

#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define NOW_MS 86400000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_letters(struct slice s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += s.data[i] != ';' && s.data[i] != ' ' && s.data[i] != '\t';
    return count;
}

static void take(struct slice text)
{
    struct arena arena;
    struct headers hs = { 0 };
    struct slice value;
    arena_init(&arena, NULL, 1 << 20);
    REQUIRE(headers_add(&hs, &arena, SLICE("cookie"), text));
    struct slice found = cookie_find(&hs, SLICE("sid"));
    REQUIRE(cookie_take(&hs, &arena, SLICE("sid"), &value));
    REQUIRE(found.data == value.data && found.len == value.len);
    struct slice left = header_value(&hs.items[0]);
    REQUIRE(left.len <= text.len && (value.data || slice_eq(left, text)));
    REQUIRE(count_letters(left) + (value.data ? count_letters(value) + 4 : 0) <=
            count_letters(text));
    REQUIRE(cookie_take(&hs, &arena, SLICE("sid"), &value));
    REQUIRE(!value.data);
    REQUIRE(headers_add(&hs, &arena, SLICE("set-cookie"), text));
    cookie_unset(&hs, SLICE("sid"));
    arena_fini(&arena);
}

static void read_others(struct slice text)
{
    struct session_order o;
    struct session s;
    uint8_t hash[SESSION_HASH_BYTES];
    struct session_keys keys;
    if (session_order_parse(&o, text))
        REQUIRE(o.uid.len <= SESSION_UID_MAX && o.roles.len <= SESSION_ROLES_MAX);
    if (session_record_read(text, 0, &s, hash) == SESSION_KIND_LIVE) {
        char out[SESSION_TEXT_MAX];
        struct session again;
        REQUIRE(session_record_read(session_record_write(&s, out), 0, &again, hash) ==
                SESSION_KIND_LIVE);
        REQUIRE(strcmp(s.uid, again.uid) == 0 && strcmp(s.roles, again.roles) == 0);
    }
    session_keys_init(&keys, (const uint8_t *)"0123456789abcdef0123456789abcdef", 1);
    REQUIRE(!session_id_check(&keys, text, NOW_MS, hash)); /* unless SHA-256 is broken */
    session_keys_fini(&keys);
}

/* An id of ours that somebody has changed, however little, is none. Under a key of its own:
 * libFuzzer learns the id by watching what it is compared with. */
static void check_changed(struct slice text)
{
    static struct session_keys keys;
    static char id[SESSION_ID_TEXT_MAX];
    static size_t len;
    char changed[SESSION_ID_TEXT_MAX];
    uint8_t hash[SESSION_HASH_BYTES];
    if (len == 0) {
        session_keys_init(&keys, (const uint8_t *)"another secret than the one above", 1);
        len = session_id_mint(&keys, NOW_MS, id, hash);
    }
    memcpy(changed, id, len);
    for (size_t i = 0; i < text.len; i++)
        changed[i % len] = (char)(changed[i % len] ^ text.data[i]);
    REQUIRE(session_id_check(&keys, slice_of(changed, len), NOW_MS, hash) ==
            (memcmp(changed, id, len) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size);
    take(text);
    read_others(text);
    check_changed(text);
    return 0;
}
