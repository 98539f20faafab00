#include "bench/load/cookies.h"

#include "common/buf.h"
#include "common/mem.h"

/* Cuts "name=value" off a list separated by semicolons. */
static bool next_pair(struct slice *rest, struct slice *pair)
{
    if (rest->len == 0)
        return false;
    size_t end = slice_find(*rest, ';');
    *pair = slice_trim(slice_of(rest->data, end));
    *rest = slice_from(*rest, MIN(end + 1, rest->len));
    return true;
}

static struct slice name_of(struct slice pair)
{
    return slice_trim(slice_of(pair.data, slice_find(pair, '=')));
}

static bool takes_away(struct slice pair, struct slice attributes)
{
    struct slice attribute;
    if (slice_find(pair, '=') + 1 >= pair.len)
        return true;
    while (next_pair(&attributes, &attribute))
        if (slice_eq_nocase(attribute, SLICE("max-age=0")))
            return true;
    return false;
}

static void append_pair(struct buf *list, struct slice pair)
{
    if (list->len)
        buf_append_str(list, "; ");
    buf_append_slice(list, pair);
}

void cookies_set(char **cookies, struct slice value)
{
    struct slice pair, old, kept = slice_str(*cookies);
    if (!next_pair(&value, &pair) || name_of(pair).len == 0)
        return;
    struct buf list;
    buf_init(&list, COOKIES_BYTES);
    while (next_pair(&kept, &old))
        if (!slice_eq(name_of(old), name_of(pair)))
            append_pair(&list, old);
    if (!takes_away(pair, value))
        append_pair(&list, pair);
    if (buf_ok(&list)) {
        char *copy = list.len ? mem_strndup(list.data, list.len) : NULL;
        cookies_clear(cookies);
        *cookies = copy;
    }
    buf_fini(&list);
}

void cookies_clear(char **cookies)
{
    mem_free(*cookies);
    *cookies = NULL;
}
