#include "config/route_syntax.h"

#include "config/text.h"

static const char methods[] = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS";

static bool is_alphanumeric(char c)
{
    c = ascii_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_label(struct slice label)
{
    for (size_t i = 0; i < label.len; i++)
        if (!is_alphanumeric(label.data[i]) && label.data[i] != '-' && label.data[i] != '_')
            return false;
    return label.len > 0 && label.len <= 63;
}

static bool is_host(struct slice host)
{
    if (host.len > ROUTE_SYNTAX_HOST_MAX)
        return false;
    for (;;) {
        size_t dot = slice_find(host, '.');
        if (!is_label(slice_of(host.data, dot)))
            return false;
        if (dot == host.len)
            return true;
        host = slice_from(host, dot + 1);
    }
}

static const char *why_not_host(struct slice host)
{
    if (slice_eq(host, SLICE("*")))
        return "leave the host out to match every host";
    if (host.data[0] == '*')
        return "a wildcard stands for whole labels at the front, as in *.example.vn";
    if (slice_find(host, ':') < host.len || slice_find(host, '/') < host.len)
        return "write the host alone, without scheme, port and path";
    for (size_t i = 0; i < host.len; i++)
        if ((unsigned char)host.data[i] >= 0x80)
            return "write it as DNS does (xn--...)";
    return "labels of letters, digits and '-', with dots between them";
}

int route_syntax_host(struct slice host, struct err *e)
{
    bool is_wildcard = slice_starts_with(host, SLICE("*."));
    if (is_host(is_wildcard ? slice_from(host, 2) : host))
        return 0;
    return err_set(e, ERR_INVALID, "%s is not a host name: %s", text_quote(host).text,
                   why_not_host(host));
}

/* What stands in a path without being encoded (pchar of RFC 3986 3.3). */
static bool is_path_character(char c)
{
    return is_alphanumeric(c) || (c != '\0' && strchr("/-._~!$&'()*+,;=:@", c));
}

static const char *wrong_character(struct slice path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.data[i] == '?' || path.data[i] == '#')
            return "only the path is matched, without '?' and '#'";
        if (!is_path_character(path.data[i]))
            return "letters, digits and -._~!$&'()*+,;=:@ only; nothing that needs %-encoding";
    }
    return NULL;
}

static const char *wrong_segment(struct slice path)
{
    struct slice rest = slice_from(path, 1);
    while (rest.len > 0) {
        size_t slash = slice_find(rest, '/');
        struct slice segment = slice_of(rest.data, slash);
        if (segment.len == 0)
            return "// stands for an empty segment; write a single slash";
        if (slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE("..")))
            return "no request has a . or .. segment left when it is matched";
        rest = slice_from(rest, MIN(slash + 1, rest.len));
    }
    return NULL;
}

int route_syntax_path(struct slice path, struct err *e)
{
    const char *why = NULL;
    if (path.len == 0 || path.data[0] != '/')
        why = "it must begin with /";
    if (!why)
        why = wrong_character(path);
    if (!why)
        why = wrong_segment(path);
    if (!why)
        return 0;
    return err_set(e, ERR_INVALID, "%s is not a canonical path: %s", text_quote(path).text, why);
}

static bool is_port(struct slice text)
{
    uint64_t port;
    return slice_to_u64(text, &port) && port > 0 && port <= 65535;
}

int route_syntax_redirect(struct slice url, struct err *e)
{
    struct slice scheme = SLICE("https://");
    if (!slice_starts_with(url, scheme))
        return err_set(e, ERR_INVALID, "%s does not begin with https://", text_quote(url).text);
    struct slice rest = slice_from(url, scheme.len);
    size_t slash = slice_find(rest, '/');
    struct slice authority = slice_of(rest.data, slash);
    size_t colon = slice_find(authority, ':');
    bool has_good_port =
        colon == authority.len || is_port(slice_from(authority, MIN(colon + 1, authority.len)));
    if (!is_host(slice_of(authority.data, colon)) || !has_good_port)
        return err_set(e, ERR_INVALID, "%s has no host such as dichvucong.gov.vn after https://",
                       text_quote(url).text);
    return slash == rest.len ? 0 : route_syntax_path(slice_from(rest, slash), e);
}

int route_syntax_method(struct slice method, uint32_t *bit, struct err *e)
{
    struct slice rest = slice_str(methods);
    *bit = 1;
    for (;;) {
        size_t bar = slice_find(rest, '|');
        if (slice_eq(method, slice_of(rest.data, bar)))
            return 0;
        if (bar == rest.len)
            break;
        rest = slice_from(rest, bar + 1);
        *bit <<= 1;
    }
    return err_set(e, ERR_INVALID, "%s is not one of %s", text_quote(method).text, methods);
}
