#include "store/session_record.h"

#include "common/digest.h"

#include <inttypes.h>
#include <stdio.h>

uint64_t session_record_end(const struct session *s, uint64_t seen_ms, uint32_t idle_ms)
{
    return MIN(seen_ms + idle_ms, s->absolute_ms);
}

void session_record_hex(const uint8_t hash[SESSION_HASH_BYTES], char out[SESSION_HEX_LEN])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SESSION_HASH_BYTES; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool session_record_unhex(struct slice text, uint8_t hash[SESSION_HASH_BYTES])
{
    if (text.len != SESSION_HEX_LEN)
        return false;
    for (size_t i = 0; i < SESSION_HASH_BYTES; i++) {
        int high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static struct slice name(char kind, const uint8_t hash[SESSION_HASH_BYTES],
                         char out[SESSION_KEY_MAX])
{
    char hex[SESSION_HEX_LEN];
    session_record_hex(hash, hex);
    int len = snprintf(out, SESSION_KEY_MAX, "cong:{%c:%.*s}", kind, SESSION_HEX_LEN, hex);
    return slice_of(out, (size_t)len);
}

struct slice session_record_name(const uint8_t hash[SESSION_HASH_BYTES], char out[SESSION_KEY_MAX])
{
    return name('s', hash, out);
}

void session_record_user_hash(const char *uid, uint8_t hash[SESSION_HASH_BYTES])
{
    uint8_t digest[DIGEST_BYTES];
    struct slice part = slice_str(uid);
    digest_sha256(&part, 1, digest);
    memcpy(hash, digest, SESSION_HASH_BYTES);
}

struct slice session_record_user_name(const uint8_t user_hash[SESSION_HASH_BYTES],
                                      char out[SESSION_KEY_MAX])
{
    return name('u', user_hash, out);
}

struct slice session_record_write(const struct session *s, char out[SESSION_TEXT_MAX])
{
    int len = snprintf(out, SESSION_TEXT_MAX,
                       "L %u %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s %s",
                       s->level, s->revision, s->created_ms, s->absolute_ms, s->affinity,
                       s->user_stamp, s->uid, s->roles);
    assert(len > 0 && len < SESSION_TEXT_MAX);
    return slice_of(out, (size_t)len);
}

struct slice session_record_write_alias(const uint8_t successor[SESSION_HASH_BYTES],
                                        uint64_t until_ms, char out[SESSION_TEXT_MAX])
{
    char hex[SESSION_HEX_LEN];
    session_record_hex(successor, hex);
    int len = snprintf(out, SESSION_TEXT_MAX, "A %" PRIu64 " %.*s", until_ms, SESSION_HEX_LEN, hex);
    return slice_of(out, (size_t)len);
}

static struct slice next_word(struct slice *rest)
{
    size_t end = slice_find(*rest, ' ');
    struct slice word = slice_of(rest->data, end);
    *rest = slice_from(*rest, MIN(end + 1, rest->len));
    return word;
}

static bool next_number(struct slice *rest, uint64_t max, uint64_t *value)
{
    return slice_to_u64(next_word(rest), value) && *value <= max;
}

static bool is_word_character(char c)
{
    char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._~@:+/=-", c));
}

bool session_record_is_words(struct slice s, bool may_have_spaces)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_word_character(s.data[i]) && !(may_have_spaces && s.data[i] == ' '))
            return false;
    return true;
}

static bool take_text(struct slice text, size_t min, size_t max, char *out)
{
    if (text.len < min || text.len > max || !session_record_is_words(text, true))
        return false;
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return true;
}

static bool read_live(struct slice rest, struct session *s)
{
    uint64_t level, revision;
    *s = (struct session){ 0 };
    if (!next_number(&rest, UINT8_MAX, &level) || !next_number(&rest, UINT32_MAX, &revision) ||
        !next_number(&rest, UINT64_MAX, &s->created_ms) ||
        !next_number(&rest, UINT64_MAX, &s->absolute_ms) ||
        !next_number(&rest, UINT64_MAX, &s->affinity) ||
        !next_number(&rest, UINT64_MAX, &s->user_stamp))
        return false;
    s->level = (uint8_t)level;
    s->revision = (uint32_t)revision;
    return take_text(next_word(&rest), 1, SESSION_UID_MAX, s->uid) &&
           take_text(rest, 0, SESSION_ROLES_MAX, s->roles);
}

enum session_kind session_record_read(struct slice text, uint64_t now_ms, struct session *s,
                                      uint8_t successor[SESSION_HASH_BYTES])
{
    struct slice kind = next_word(&text);
    uint64_t until_ms;
    if (slice_eq(kind, SLICE("X")))
        return SESSION_KIND_ABSENT;
    if (slice_eq(kind, SLICE("L")) && read_live(text, s))
        return now_ms < s->absolute_ms ? SESSION_KIND_LIVE : SESSION_KIND_ABSENT;
    if (slice_eq(kind, SLICE("A")) && next_number(&text, UINT64_MAX, &until_ms) &&
        session_record_unhex(text, successor))
        return now_ms < until_ms ? SESSION_KIND_ALIAS : SESSION_KIND_ABSENT;
    return SESSION_KIND_NOTHING;
}
