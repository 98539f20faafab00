/* Whatever a server that should be Redis says: in pieces it is what it is at once, replies are
 * bounded, and what is read out of them (numbers, redirections, leases, sessions, ticket keys)
 * keeps within its bounds, or is nothing. */
#include "store/limit_ask.h"
#include "store/redis_client.h"
#include "store/redis_cluster.h"
#include "store/redis_reader.h"
#include "store/redis_reply.h"
#include "store/redis_setup.h"
#include "store/session_record.h"
#include "tls/tls_tickets.h"

#include <stdio.h>
#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define REPLIES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct saying {
    redisReply *replies[REPLIES_MAX]; /* owned */
    size_t count;
    bool failed;
};

static void hear(struct saying *s, struct slice input, size_t step)
{
    struct redis_reader *reader = redis_reader_new();
    REQUIRE(reader != NULL);
    *s = (struct saying){ .count = 0 };
    while (input.len && !s->failed && s->count < REPLIES_MAX) {
        size_t len = MIN(step, input.len);
        const char *why = redis_reader_feed(reader, slice_of(input.data, len));
        redisReply *reply = why ? NULL : redis_reader_next(reader, &why);
        for (; reply && s->count < REPLIES_MAX; reply = redis_reader_next(reader, &why))
            s->replies[s->count++] = reply;
        if (reply)
            freeReplyObject(reply);
        s->failed = why != NULL;
        input = slice_from(input, len);
    }
    redis_reader_free(&reader);
    REQUIRE(!reader);
}

static bool is_same(const redisReply *a, const redisReply *b)
{
    if (a->type != b->type || a->integer != b->integer || a->elements != b->elements ||
        !slice_eq(redis_reply_text(a), redis_reply_text(b)))
        return false;
    for (size_t i = 0; i < redis_reply_count(a); i++)
        if (!is_same(a->element[i], b->element[i]))
            return false;
    return true;
}

/* ---- what is read out of them ---- */

static void check_number(const redisReply *r)
{
    int64_t value;
    if (redis_reply_integer(r, &value) && r->type == REDIS_REPLY_STRING) {
        char text[24];
        int len = snprintf(text, sizeof(text), "%lld", (long long)value);
        REQUIRE(r->len >= (size_t)len);
    }
}

static void check_redirection(const redisReply *r)
{
    static const uint8_t ip[4] = { 192, 0, 2, 1 };
    const struct address said_by = address_ipv4(ip, 6379);
    struct address target, again;
    uint16_t slot;
    char name[ADDRESS_TEXT_BYTES];
    if (!redis_cluster_parse_redirection(redis_reply_text(r), &said_by, &slot, &target))
        return;
    REQUIRE(slot < REDIS_SLOTS && target.port > 0);
    REQUIRE(address_parse(&again, slice_of(name, address_format(&target, name))));
    REQUIRE(again.family == target.family && memcmp(again.ip, target.ip, sizeof(again.ip)) == 0);
}

static void check_lease(const redisReply *r)
{
    static const struct gcra whole = { 1000000, 60000000 };
    const struct limit_ask ask = { .whole = &whole, .question = { 7, 3 } };
    struct limit_answer answer;
    if (limit_ask_read(REDIS_ANSWERED, r, &ask, &answer))
        REQUIRE(answer.granted <= 7 && answer.shared_ns <= whole.tolerance_ns);
}

static void check_session(const redisReply *r)
{
    struct session s, again;
    uint8_t successor[SESSION_HASH_BYTES];
    char out[SESSION_TEXT_MAX];
    if (session_record_read(redis_reply_text(r), 1, &s, successor) != SESSION_KIND_LIVE)
        return;
    REQUIRE(strlen(s.uid) > 0 && strlen(s.uid) <= SESSION_UID_MAX);
    REQUIRE(strlen(s.roles) <= SESSION_ROLES_MAX);
    struct slice written = session_record_write(&s, out);
    REQUIRE(session_record_read(written, 1, &again, successor) == SESSION_KIND_LIVE);
    REQUIRE(again.level == s.level && again.revision == s.revision &&
            again.user_stamp == s.user_stamp && again.absolute_ms == s.absolute_ms &&
            strcmp(again.uid, s.uid) == 0 && strcmp(again.roles, s.roles) == 0);
}

static void check_keys(const redisReply *r)
{
    static const uint8_t key[32] = "nobody knows what this key is..";
    struct tls_ticket_keys keys;
    /* unless AES-GCM is broken */
    REQUIRE(!tls_ticket_keys_unseal(&keys, key, SLICE("1"), redis_reply_text(r)));
}

static void check(const redisReply *r)
{
    check_number(r);
    check_lease(r);
    if (r->type == REDIS_REPLY_ERROR)
        check_redirection(r);
    if (r->type == REDIS_REPLY_STRING) {
        check_session(r);
        check_keys(r);
    }
    REQUIRE(!redis_reply_at(r, redis_reply_count(r)));
    for (size_t i = 0; i < redis_reply_count(r); i++)
        check(redis_reply_at(r, i));
}

static void forget(struct saying *s)
{
    for (size_t i = 0; i < s->count; i++)
        freeReplyObject(s->replies[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct saying whole, pieces;
    if (size > 16384)
        return 0;
    struct slice input = slice_of((const char *)data, size);
    hear(&whole, input, size ? size : 1);
    hear(&pieces, input, 1);
    REQUIRE(whole.count == pieces.count);
    REQUIRE(whole.failed == pieces.failed || whole.count == REPLIES_MAX);
    for (size_t i = 0; i < whole.count; i++) {
        REQUIRE(is_same(whole.replies[i], pieces.replies[i]));
        check(whole.replies[i]);
    }
    forget(&whole);
    forget(&pieces);
    return 0;
}
