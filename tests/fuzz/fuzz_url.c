/* Canonicalising is idempotent, without a copy the second time; nothing that two servers could read
 * differently is left in a path; a host that was accepted is accepted again as it is. */
#include "http/url.h"

#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool contains(struct slice s, const char *text)
{
    return s.len > 0 && memmem(s.data, s.len, text, strlen(text)) != NULL;
}

static void check_path(struct slice path)
{
    static const char *const never[] = { "//",  "/./", "/../", "\\",  "%2F",
                                         "%5C", "%00", "%2E",  "/..;" };
    REQUIRE(path.len > 0 && path.data[0] == '/');
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        REQUIRE(!contains(path, never[i]));
    for (size_t i = 0; i < path.len; i++)
        REQUIRE(path.data[i] > ' ' && path.data[i] < 0x7f);
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
    if (size == 0)
        return 0;
    struct slice text = slice_of((const char *)data + 1, size - 1);
    arena_init(&arena, NULL, 1 << 20);
    check_host(text, &arena);
    if (url_parse(&u, slice_str(methods[data[0] % 3]), text, &arena) == 0) {
        bool has_path = u.form == URL_ORIGIN || u.form == URL_ABSOLUTE;
        if (has_path) {
            check_path(u.path);
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
