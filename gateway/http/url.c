#include "http/url.h"

#include <arpa/inet.h>

#define NAME_MAX_BYTES 253 /* of a DNS name, RFC 1035 2.3.4 */
#define LABEL_MAX_BYTES 63
#define UNIT_MAX_BYTES 12 /* one character of a path: at most four escapes */

enum {
    PLAIN = 1,      /* stands for itself in a path (pchar of RFC 3986 3.3, without escapes) */
    UNRESERVED = 2, /* an escape of it means the same (RFC 3986 2.3) */
    RAW = 4,        /* no pchar, but browsers send it unescaped */
    HOST = 8,       /* allowed in a DNS name */
    HEX = 16,
};

static const uint8_t char_class[256] = {
    ['A' ... 'F'] = PLAIN | UNRESERVED | HOST | HEX,
    ['G' ... 'Z'] = PLAIN | UNRESERVED | HOST,
    ['a' ... 'f'] = PLAIN | UNRESERVED | HOST | HEX,
    ['g' ... 'z'] = PLAIN | UNRESERVED | HOST,
    ['0' ... '9'] = PLAIN | UNRESERVED | HOST | HEX,
    ['-'] = PLAIN | UNRESERVED | HOST,
    ['_'] = PLAIN | UNRESERVED | HOST,
    ['.'] = PLAIN | UNRESERVED,
    ['~'] = PLAIN | UNRESERVED,
    ['!'] = PLAIN,
    ['$'] = PLAIN,
    ['&' ... ','] = PLAIN, /* & ' ( ) * + , */
    [';'] = PLAIN,
    ['='] = PLAIN,
    [':'] = PLAIN,
    ['@'] = PLAIN,
    ['|'] = RAW,
    ['^'] = RAW,
    ['['] = RAW,
    [']'] = RAW,
};

static bool is_class(char c, unsigned class)
{
    return (char_class[(unsigned char)c] & class) != 0;
}

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

/* --- one character of a path ------------------------------------------------------------------ */

static size_t put_escape(char *out, unsigned byte)
{
    out[0] = '%';
    out[1] = "0123456789ABCDEF"[byte >> 4];
    out[2] = "0123456789ABCDEF"[byte & 0xf];
    return 3;
}

/* The byte that the escape at in[at] stands for; -1 when there is no valid escape. */
static int escape_value(struct slice in, size_t at)
{
    if (at + 3 > in.len || in.data[at] != '%')
        return -1;
    if (!is_class(in.data[at + 1], HEX) || !is_class(in.data[at + 2], HEX))
        return -1;
    return (int)(hex_value(in.data[at + 1]) << 4 | hex_value(in.data[at + 2]));
}

/* Whether `second` may follow `first` (RFC 3629 4): this is where overlong forms, surrogates and
 * what lies beyond U+10FFFF end. */
static bool utf8_second_is_valid(int first, int second)
{
    int low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    int high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

/* A character beyond ASCII: all its bytes must be escapes. */
static size_t utf8_unit(struct slice in, size_t at, char *out)
{
    int first = escape_value(in, at);
    size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size_t len = put_escape(out, (unsigned)first);
    for (size_t i = 1; i < bytes; i++) {
        int next = escape_value(in, at + 3 * i);
        if (i == 1 ? !utf8_second_is_valid(first, next) : next < 0x80 || next > 0xbf)
            return 0;
        len += put_escape(out + len, (unsigned)next);
    }
    return len;
}

/* Reads one character at in[at] and writes its canonical form; returns how many bytes of the input
 * it took, 0 when it is not allowed. A slash is not this function's business. */
static size_t path_unit(struct slice in, size_t at, char out[UNIT_MAX_BYTES], size_t *out_len)
{
    char c = in.data[at];
    if (c != '%') {
        out[0] = c;
        *out_len = is_class(c, RAW) ? put_escape(out, (unsigned char)c) : 1;
        return is_class(c, PLAIN | RAW) ? 1 : 0;
    }
    int value = escape_value(in, at);
    if (value >= 0x80) {
        *out_len = utf8_unit(in, at, out);
        return *out_len;
    }
    if (value < 0x20 || value == 0x7f || value == '/' || value == '\\')
        return 0;
    out[0] = (char)value;
    *out_len = is_class((char)value, UNRESERVED) ? 1 : put_escape(out, (unsigned)value);
    return 3;
}

/* --- the path --------------------------------------------------------------------------------- */

enum segment { SEGMENT_NAME, SEGMENT_EMPTY, SEGMENT_DOT, SEGMENT_DOT_DOT, SEGMENT_TRAP };

/* The kind of the segment that `rest` begins with; a slash or the end of `rest` ends it. */
static enum segment segment_kind(struct slice rest)
{
    size_t dots = 0;
    while (dots < rest.len && dots < 2 && rest.data[dots] == '.')
        dots++;
    struct slice after = slice_from(rest, dots);
    bool ends = after.len == 0 || after.data[0] == '/';
    if (dots == 0)
        return ends ? SEGMENT_EMPTY : SEGMENT_NAME;
    if (ends)
        return dots == 1 ? SEGMENT_DOT : SEGMENT_DOT_DOT;
    bool has_parameter = after.data[0] == ';' || slice_starts_with(after, SLICE("%3B"));
    return has_parameter ? SEGMENT_TRAP : SEGMENT_NAME;
}

/* False also for what canonicalising will refuse. */
static bool path_is_canonical(struct slice path)
{
    char unit[UNIT_MAX_BYTES];
    size_t unit_len, taken;
    if (path.len == 0)
        return false;
    for (size_t at = 0; at < path.len; at += taken) {
        char c = path.data[at];
        taken = 1;
        if (c == '/') {
            enum segment kind = segment_kind(slice_from(path, at + 1));
            bool is_last = at + 1 == path.len;
            if (kind != SEGMENT_NAME && !(kind == SEGMENT_EMPTY && is_last))
                return false;
        } else if (UNLIKELY(!is_class(c, PLAIN))) {
            taken = path_unit(path, at, unit, &unit_len);
            if (taken == 0 || taken != unit_len || memcmp(unit, path.data + at, taken) != 0)
                return false;
        }
    }
    return true;
}

/* A path being written. It always begins with a slash; `segment` is where the last one begins. */
struct path_out {
    char *data;
    size_t len, segment;
};

static int path_close_segment(struct path_out *out, bool is_last)
{
    struct slice segment = slice_of(out->data + out->segment, out->len - out->segment);
    switch (segment_kind(segment)) {
    case SEGMENT_TRAP:
        return ERR_INVALID;
    case SEGMENT_EMPTY:
        return 0;
    case SEGMENT_DOT:
        out->len = out->segment;
        return 0;
    case SEGMENT_DOT_DOT:
        if (out->segment == 1)
            return ERR_INVALID; /* above the root */
        out->len = out->segment - 1;
        while (out->data[out->len - 1] != '/')
            out->len--;
        break;
    case SEGMENT_NAME:
        if (!is_last)
            out->data[out->len++] = '/';
        break;
    }
    out->segment = out->len;
    return 0;
}

/* Writes the canonical form of `in`, which is empty or begins with a slash. */
static int path_canonicalise(struct path_out *out, struct slice in)
{
    size_t unit_len, taken;
    out->data[0] = '/';
    out->len = out->segment = 1;
    for (size_t at = 1; at < in.len; at += taken) {
        taken = 1;
        if (in.data[at] == '/') {
            int rc = path_close_segment(out, false);
            if (rc)
                return rc;
            continue;
        }
        taken = path_unit(in, at, out->data + out->len, &unit_len);
        if (taken == 0)
            return ERR_INVALID;
        out->len += unit_len;
    }
    return path_close_segment(out, true);
}

/* --- targets ---------------------------------------------------------------------------------- */

static void set_target(struct url *u, struct slice target, size_t path_len)
{
    u->target = target;
    u->path = slice_of(target.data, path_len);
    if (path_len < target.len)
        u->query = slice_from(target, path_len + 1);
}

/* How much room canonicalising may need: only the raw characters grow, and an empty path. */
static size_t canonical_room(struct slice path)
{
    size_t room = path.len + 1;
    for (size_t i = 0; i < path.len; i++)
        if (is_class(path.data[i], RAW))
            room += 2;
    return room;
}

static int canonical_target(struct url *u, struct slice path, struct slice query,
                            struct arena *arena)
{
    struct path_out out = { .data = arena_alloc(arena, canonical_room(path) + query.len) };
    if (!out.data)
        return ERR_NO_MEMORY;
    int rc = path_canonicalise(&out, path);
    if (rc)
        return rc;
    if (query.len)
        memcpy(out.data + out.len, query.data, query.len);
    set_target(u, slice_of(out.data, out.len + query.len), out.len);
    return 0;
}

/* A fragment never reaches a server (RFC 9110 7.1); one that does is an attempt at confusion. */
static bool query_is_valid(struct slice query)
{
    for (size_t i = 0; i < query.len; i++)
        if (query.data[i] <= ' ' || query.data[i] > '~' || query.data[i] == '#')
            return false;
    return true;
}

static int parse_path_and_query(struct url *u, struct slice text, struct arena *arena)
{
    struct slice path = slice_of(text.data, slice_find(text, '?'));
    struct slice query = slice_from(text, path.len); /* with its "?" */
    if (!query_is_valid(query))
        return ERR_INVALID;
    if (UNLIKELY(!path_is_canonical(path)))
        return canonical_target(u, path, query, arena);
    set_target(u, text, path.len);
    return 0;
}

/* Cuts the scheme and "://" off. */
static bool cut_scheme(struct slice *text, struct slice *scheme)
{
    static const struct slice schemes[] = { { "http", 4 }, { "https", 5 } };
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        size_t len = schemes[i].len;
        if (text->len < len + 3 || !slice_eq_nocase(slice_of(text->data, len), schemes[i]))
            continue;
        if (!slice_starts_with(slice_from(*text, len), SLICE("://")))
            continue;
        *scheme = schemes[i];
        *text = slice_from(*text, len + 3);
        return true;
    }
    return false;
}

static void set_asterisk(struct url *u)
{
    u->form = URL_ASTERISK;
    u->target = u->path = SLICE("*");
}

static int parse_absolute(struct url *u, bool is_options, struct slice text, struct arena *arena)
{
    u->form = URL_ABSOLUTE;
    if (!cut_scheme(&text, &u->scheme))
        return ERR_INVALID;
    size_t end = MIN(slice_find(text, '/'), slice_find(text, '?'));
    int rc = url_host_parse(&u->host, slice_of(text.data, end), arena);
    if (rc)
        return rc;
    if (is_options && end == text.len) {
        set_asterisk(u); /* RFC 9112 3.2.4 */
        return 0;
    }
    return parse_path_and_query(u, slice_from(text, end), arena);
}

static int parse_authority(struct url *u, struct slice text, struct arena *arena)
{
    u->form = URL_AUTHORITY;
    u->target = text;
    int rc = url_host_parse(&u->host, text, arena);
    if (rc)
        return rc;
    return u->host.port ? 0 : ERR_INVALID;
}

int url_parse(struct url *u, struct slice method, struct slice target, struct arena *arena)
{
    *u = (struct url){ 0 };
    if (UNLIKELY(slice_eq(method, SLICE("CONNECT"))))
        return parse_authority(u, target, arena);
    if (LIKELY(target.len > 0 && target.data[0] == '/'))
        return parse_path_and_query(u, target, arena);
    bool is_options = slice_eq(method, SLICE("OPTIONS"));
    if (is_options && slice_eq(target, SLICE("*"))) {
        set_asterisk(u);
        return 0;
    }
    return parse_absolute(u, is_options, target, arena);
}

/* --- hosts ------------------------------------------------------------------------------------ */

/* Nothing, or ":" and 1 to 65535 without leading zeros. */
static bool parse_port(struct slice text, uint16_t *port)
{
    uint64_t value;
    *port = 0;
    if (text.len == 0)
        return true;
    if (text.len < 2 || text.data[0] != ':' || text.data[1] == '0')
        return false;
    if (!slice_to_u64(slice_from(text, 1), &value) || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

static bool is_ip(int family, struct slice text)
{
    char terminated[INET6_ADDRSTRLEN];
    uint8_t ip[16];
    if (text.len >= sizeof(terminated) || slice_find(text, '\0') < text.len)
        return false;
    if (text.len)
        memcpy(terminated, text.data, text.len);
    terminated[text.len] = '\0';
    return inet_pton(family, terminated, ip) == 1;
}

static bool name_is_valid(struct slice name)
{
    size_t label_len = 0;
    bool is_number = true;
    if (name.len == 0 || name.len > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if (c == '.' ? label_len == 0 : !is_class(c, HOST))
            return false;
        is_number = c == '.' || (is_number && c >= '0' && c <= '9');
        label_len = c == '.' ? 0 : label_len + 1;
        if (label_len > LABEL_MAX_BYTES)
            return false;
    }
    if (label_len == 0)
        return false;
    return !is_number || is_ip(AF_INET, name); /* a last label of digits is IPv4, or it is wrong */
}

static int lower_case(struct slice *text, struct arena *arena)
{
    size_t i = 0;
    while (i < text->len && ascii_lower(text->data[i]) == text->data[i])
        i++;
    if (LIKELY(i == text->len))
        return 0;
    char *copy = arena_alloc(arena, text->len);
    if (!copy)
        return ERR_NO_MEMORY;
    for (i = 0; i < text->len; i++)
        copy[i] = ascii_lower(text->data[i]);
    text->data = copy;
    return 0;
}

/* How long the name is: up to the colon, or with its brackets; 0 when it is not valid. */
static size_t name_length(struct slice text)
{
    if (text.len > 0 && text.data[0] == '[') {
        size_t end = slice_find(text, ']');
        bool is_valid = end < text.len && is_ip(AF_INET6, slice_of(text.data + 1, end - 1));
        return is_valid ? end + 1 : 0;
    }
    return slice_find(text, ':');
}

int url_host_parse(struct url_host *h, struct slice text, struct arena *arena)
{
    size_t len = name_length(text);
    *h = (struct url_host){ 0 };
    if (len == 0 || !parse_port(slice_from(text, len), &h->port))
        return ERR_INVALID;
    struct slice name = slice_of(text.data, len);
    if (name.data[0] != '[') {
        if (name.data[len - 1] == '.')
            name.len--;
        if (!name_is_valid(name))
            return ERR_INVALID;
    }
    h->name = name;
    return lower_case(&h->name, arena);
}
