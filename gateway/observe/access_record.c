#include "observe/access_record.h"

#include "common/json.h"

/* Longest texts, in bytes of the line. */
enum {
    MAX_WORD = 32, /* reference, method, scheme, protocol, TLS version, session, submission, reasons
                      of a refusal and of an abort */
    MAX_ADDRESS = 64, /* and the name of a rate limit */
    MAX_NAME = 255,   /* host, route, upstream */
    MAX_TARGET = 1536,
    MAX_USER_AGENT = 512,
    MAX_REST = 640, /* keys, numbers, time */
};

#define MARK "\xe2\x80\xa6" /* … */
#define MARK_LEN (sizeof(MARK) - 1)
/* One byte of input becomes at most six of output: \u001f. */
#define ESCAPE_FACTOR 6

_Static_assert(8 * MAX_WORD + 4 * MAX_ADDRESS + 3 * MAX_NAME + MAX_TARGET + MAX_USER_AGENT +
                       MAX_REST <=
                   ACCESS_LINE_MAX,
               "the longest line has room");

static inline char *put(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

/* For literals: the compiler turns a copy of known length into a few moves. */
#define PUT(at, literal) put(at, literal, sizeof(literal) - 1)

#define HIGH_BITS (EACH_BYTE * 0x80)

/* Not 0 if one of eight bytes is zero: a borrow only ever starts at such a byte. */
static inline uint64_t zero_bytes(uint64_t word)
{
    return (word - EACH_BYTE) & ~word & HIGH_BITS;
}

/* Whether JSON or a terminal would mind one of these eight bytes: controls, '"', '\\', DEL, and all
 * that is not ASCII and has to be checked as UTF-8. */
static inline bool needs_care(uint64_t word)
{
    uint64_t control = (word - EACH_BYTE * 0x20) & ~word;
    uint64_t quote = zero_bytes(word ^ EACH_BYTE * '"');
    uint64_t backslash = zero_bytes(word ^ EACH_BYTE * '\\');
    uint64_t high_or_delete = word | (word + EACH_BYTE);
    return ((control | high_or_delete) & HIGH_BITS) | quote | backslash;
}

static inline bool byte_needs_care(unsigned char c)
{
    return c < 0x20 || c > 0x7e || c == '"' || c == '\\';
}

/* Copies plain text; returns false, having written at most text.len bytes, when it is not plain.
 * The last eight bytes of a longer text overlap those before them. */
static inline bool copy_plain(char *at, struct slice text)
{
    if (text.len < 8) {
        for (size_t i = 0; i < text.len; i++) {
            if (byte_needs_care((unsigned char)text.data[i]))
                return false;
            at[i] = text.data[i];
        }
        return true;
    }
    uint64_t word;
    for (size_t i = 0; i < text.len; i += 8) {
        size_t from = MIN(i, text.len - 8);
        memcpy(&word, text.data + from, 8);
        if (needs_care(word))
            return false;
        memcpy(at + from, &word, 8);
    }
    return true;
}

/* How many bytes the character or the escape at the start of checked, escaped text has. */
static size_t unit_len(const char *text)
{
    unsigned char c = (unsigned char)text[0];
    if (c == '\\')
        return text[1] == 'u' ? 6 : 2;
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Text that is not plain or too long. Of a text that is far too long only the beginning is
 * looked at; cutting it there may split a character, but that lies beyond what is kept. */
static char *put_with_care(char *at, struct slice text, size_t max)
{
    char escaped[ESCAPE_FACTOR * (MAX_TARGET + 4) + 1];
    struct buf b = { .data = escaped, .size = sizeof(escaped), .cap = sizeof(escaped) };
    text.len = MIN(text.len, max + 4);
    json_escape(&b, text);
    if (b.len <= max)
        return put(at, escaped, b.len);
    size_t len = 0;
    while (len + unit_len(escaped + len) <= max - MARK_LEN)
        len += unit_len(escaped + len);
    at = put(at, escaped, len);
    return PUT(at, MARK);
}

static inline char *put_text(char *at, const char *key, size_t key_len, struct slice text,
                             size_t max)
{
    if (text.len == 0)
        return at;
    at = put(at, key, key_len);
    if (LIKELY(text.len <= max && copy_plain(at, text)))
        at += text.len;
    else
        at = put_with_care(at, text, max);
    *at = '"';
    return at + 1;
}

#define PUT_TEXT(at, key, text, max) put_text(at, ",\"" key "\":\"", sizeof(key) + 4, text, max)

static inline char *put_number(char *at, const char *key, size_t key_len, uint64_t value)
{
    at = put(at, key, key_len);
    return at + format_u64(at, value);
}

#define PUT_NUMBER(at, key, value) put_number(at, ",\"" key "\":", sizeof(key) + 3, value)

static char *put_ms(char *at, const char *key, size_t key_len, int64_t us)
{
    if (us < 0)
        return at;
    at = put_number(at, key, key_len, (uint64_t)us / 1000);
    uint32_t rest = (uint32_t)(us % 1000);
    at[0] = '.';
    at[1] = (char)('0' + rest / 100);
    at[2] = (char)('0' + rest / 10 % 10);
    at[3] = (char)('0' + rest % 10);
    return at + 4;
}

#define PUT_MS(at, key, us) put_ms(at, ",\"" key "\":", sizeof(key) + 3, us)

static inline char *put_bool(char *at, const char *key, size_t key_len, bool value)
{
    at = put(at, key, key_len);
    return value ? PUT(at, "true") : PUT(at, "false");
}

#define PUT_BOOL(at, key, value) put_bool(at, ",\"" key "\":", sizeof(key) + 3, value)

/* The date is made once a second; of each line only the milliseconds are. */
static char *put_time(char *at, struct access_clock *clock, uint64_t wall_ms)
{
    uint64_t second = wall_ms / 1000;
    uint32_t ms = (uint32_t)(wall_ms % 1000);
    if (clock->second != second || !clock->text[0]) {
        clock_format_iso(clock->text, second * 1000);
        clock->second = second;
    }
    at = PUT(at, "{\"time\":\"");
    at = put(at, clock->text, CLOCK_ISO_LEN);
    at[-4] = (char)('0' + ms / 100);
    at[-3] = (char)('0' + ms / 10 % 10);
    at[-2] = (char)('0' + ms % 10);
    return PUT(at, "\"");
}

static char *put_request(char *at, const struct access_record *r)
{
    at = PUT_TEXT(at, "ref", r->reference, MAX_WORD);
    at = PUT_TEXT(at, "client", r->client, MAX_ADDRESS);
    if (r->port)
        at = PUT_NUMBER(at, "port", r->port);
    at = PUT_TEXT(at, "proxy", r->proxy, MAX_ADDRESS);
    at = PUT_TEXT(at, "method", r->method, MAX_WORD);
    at = PUT_TEXT(at, "scheme", r->scheme, MAX_WORD);
    at = PUT_TEXT(at, "host", r->host, MAX_NAME);
    at = PUT_TEXT(at, "target", r->target, MAX_TARGET);
    return PUT_TEXT(at, "protocol", r->protocol, MAX_WORD);
}

static char *put_outcome(char *at, const struct access_record *r)
{
    at = PUT_TEXT(at, "route", r->route, MAX_NAME);
    at = PUT_TEXT(at, "upstream", r->upstream, MAX_NAME);
    at = PUT_TEXT(at, "session", r->session, MAX_WORD);
    at = PUT_TEXT(at, "peer", r->peer, MAX_ADDRESS);
    if (r->status)
        at = PUT_NUMBER(at, "status", r->status);
    at = PUT_TEXT(at, "limit", r->limit, MAX_ADDRESS);
    at = PUT_TEXT(at, "shed", r->shed, MAX_WORD);
    at = PUT_TEXT(at, "submission", r->submission, MAX_WORD);
    at = PUT_NUMBER(at, "bytes_in", r->bytes_in);
    at = PUT_NUMBER(at, "bytes_out", r->bytes_out);
    at = PUT_MS(at, "duration_ms", r->duration_us);
    at = PUT_MS(at, "connect_ms", r->connect_us);
    at = PUT_MS(at, "response_ms", r->response_us);
    if (r->peer.len) {
        at = PUT_NUMBER(at, "retries", r->retries);
        at = PUT_BOOL(at, "reused", r->reused);
    }
    return at;
}

size_t access_record_format(const struct access_record *r, struct access_clock *clock,
                            char out[ACCESS_LINE_MAX])
{
    char *at = put_time(out, clock, r->wall_ms);
    at = put_request(at, r);
    at = put_outcome(at, r);
    at = PUT_TEXT(at, "tls", r->tls, MAX_WORD);
    if (r->tls.len)
        at = PUT_BOOL(at, "tls_resumed", r->tls_resumed);
    at = PUT_TEXT(at, "user_agent", r->user_agent, MAX_USER_AGENT);
    at = PUT_TEXT(at, "abort", r->abort_reason, MAX_WORD);
    at = PUT(at, "}\n");
    assert((size_t)(at - out) <= ACCESS_LINE_MAX);
    return (size_t)(at - out);
}
