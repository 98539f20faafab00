/* Canonicalising is idempotent, without a copy the second time; nothing that two servers could read
 * differently is left in a path, and what its escapes stand for is text; a path that is spelled in
 * another way has the same canonical form; a host that was accepted is accepted again as it is. */
#include "fuzz/require_utf8.h"
#include "http/url.h"

#include <stdio.h>
#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define PATH_BYTES 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool contains(struct slice s, const char *text)
{
    return s.len > 0 && memmem(s.data, s.len, text, strlen(text)) != NULL;
}

static int hex_of(char c)
{
    const char *digits = "0123456789ABCDEF", *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The bytes that the path stands for; escapes are whole, and of upper case. */
static size_t decode(struct slice path, unsigned char out[PATH_BYTES])
{
    size_t len = 0;
    for (size_t i = 0; i < path.len; i++) {
        out[len] = (unsigned char)path.data[i];
        if (path.data[i] == '%') {
            REQUIRE(i + 2 < path.len && hex_of(path.data[i + 1]) >= 0);
            REQUIRE(hex_of(path.data[i + 2]) >= 0);
            out[len] = (unsigned char)(hex_of(path.data[i + 1]) * 16 + hex_of(path.data[i + 2]));
            REQUIRE(out[len] != '/');
            i += 2;
        }
        len++;
    }
    return len;
}

static void check_path(struct slice path)
{
    static const char *const never[] = { "//",  "/./", "/../", "\\",  "%2F",
                                         "%5C", "%00", "%2E",  "/..;" };
    static unsigned char decoded[PATH_BYTES];
    REQUIRE(path.len > 0 && path.data[0] == '/');
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        REQUIRE(!contains(path, never[i]));
    for (size_t i = 0; i < path.len; i++)
        REQUIRE(path.data[i] > ' ' && path.data[i] < 0x7f);
    REQUIRE(path.len < 2 || memcmp(path.data + path.len - 2, "/.", 2) != 0);
    REQUIRE(path.len < 3 || memcmp(path.data + path.len - 3, "/..", 3) != 0);
    require_utf8(decoded, decode(path, decoded));
}

static size_t put(char *out, const char *text)
{
    size_t len = strlen(text);
    memcpy(out, text, len);
    return len;
}

/* Letters as escapes, slashes twice, detours: whatever a client may do to walk around a rule. */
static size_t respell(struct slice path, unsigned how, char out[12 * PATH_BYTES])
{
    size_t len = 0;
    for (size_t i = 0; i < path.len; i++) {
        char c = path.data[i];
        bool is_letter = ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
        bool in_escape = (i > 0 && path.data[i - 1] == '%') || (i > 1 && path.data[i - 2] == '%');
        if (c == '/' && (how & 1))
            len += put(out + len, "/.");
        if (c == '/' && (how & 2))
            len += put(out + len, "/x/%2e%2E");
        if (c == '/' && (how & 4))
            out[len++] = '/';
        if (is_letter && !in_escape && (how & 8))
            len += (size_t)snprintf(out + len, 4, "%%%02x", (unsigned char)c);
        else
            out[len++] = in_escape && (how & 16) ? ascii_lower(c) : c;
    }
    return len;
}

static void check_spelling(const struct url *u, unsigned how, struct arena *arena)
{
    static char text[12 * PATH_BYTES];
    struct url other;
    struct slice spelled = slice_of(text, respell(u->path, how, text));
    REQUIRE(url_parse(&other, SLICE("GET"), spelled, arena) == 0);
    REQUIRE(other.path.len == u->path.len &&
            memcmp(other.path.data, u->path.data, u->path.len) == 0);
}

static void check_host(struct slice text, struct arena *arena)
{
    struct url_host h, again;
    if (url_host_parse(&h, text, arena))
        return;
    REQUIRE(h.name.len > 0 && h.name.len <= text.len);
    REQUIRE(url_host_parse(&again, h.name, arena) == 0);
    REQUIRE(again.name.data == h.name.data && again.name.len == h.name.len && again.port == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = { "GET", "OPTIONS", "CONNECT" };
    struct arena arena;
    struct url u, again;
    if (size == 0 || size > PATH_BYTES / 3)
        return 0;
    struct slice text = slice_of((const char *)data + 1, size - 1);
    arena_init(&arena, NULL, 1 << 22);
    check_host(text, &arena);
    if (url_parse(&u, slice_str(methods[data[0] % 3]), text, &arena) == 0) {
        bool has_path = u.form == URL_ORIGIN || u.form == URL_ABSOLUTE;
        if (has_path) {
            check_path(u.path);
            check_spelling(&u, data[0] / 3, &arena);
            REQUIRE(url_parse(&again, SLICE("GET"), u.target, &arena) == 0);
            REQUIRE(again.form == URL_ORIGIN);
            REQUIRE(again.target.data == u.target.data && again.target.len == u.target.len);
            REQUIRE(again.path.len == u.path.len && again.query.data == u.query.data);
        }
        REQUIRE((u.host.name.data != NULL) == (u.form != URL_ORIGIN) || u.form == URL_ASTERISK);
    }
    arena_fini(&arena);
    return 0;
}
