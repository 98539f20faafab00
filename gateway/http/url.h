/* The request target (RFC 9112 3.2) and the Host field (RFC 9110 7.2), read strictly.
 *
 * A path has one canonical form, which is matched against routes and forwarded, so that no rule
 * can be walked around by spelling a path differently:
 *   - escapes of unreserved characters are decoded, all others kept with upper-case digits
 *   - | ^ [ ], which browsers send raw, are escaped
 *   - after that, "." and ".." segments are resolved and repeated slashes merged (RFC 3986 6.2.2)
 * Refused: climbing above the root; a backslash, %5C, %2F; control characters, raw or escaped;
 * escapes that are not UTF-8 (overlong forms too); invalid escapes; raw bytes beyond ASCII; dot
 * segments with parameters ("/..;/", which some servers take for ".."); a fragment. The query is
 * kept byte for byte and must be printable ASCII. Lengths are the caller's to limit.
 *
 * A target that is canonical already is returned as slices of the input, without a copy; otherwise
 * the result is in the arena. Errors: ERR_INVALID (answer 400), ERR_NO_MEMORY (the arena's cap). */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include "common/arena.h"
#include "common/err.h"
#include "common/slice.h"

struct url_host {
    struct slice name; /* lower case, no trailing dot; an IPv6 address keeps its brackets */
    uint16_t port;     /* 0: none given */
};

enum url_form {
    URL_ORIGIN,    /* "/path?query" */
    URL_ABSOLUTE,  /* "http://host/path?query": url.host takes the place of the Host field */
    URL_ASTERISK,  /* "*", with OPTIONS only; also "http://host" there, which is to go on as "*" */
    URL_AUTHORITY, /* "host:port", with CONNECT only: no target for a gateway, to be refused */
};

struct url {
    enum url_form form;
    struct slice target;  /* path, "?" and query in one run, as it is to be forwarded */
    struct slice path;    /* the canonical path: the first part of target */
    struct slice query;   /* without "?"; data NULL when there is none, which "/a?" is not */
    struct slice scheme;  /* "http" or "https"; data NULL unless the target named it */
    struct url_host host; /* name.data NULL unless the target named it */
};

/* `method` decides which forms are allowed. */
int url_parse(struct url *u, struct slice method, struct slice target,
              struct arena *arena) MUST_CHECK;

/* A Host field value: a DNS name (RFC 1123, and "_"), IPv4 or [IPv6], and an optional port of 1 to
 * 65535. No user info, no escapes, no empty labels, nothing that looks like IPv4 but is not. The
 * name is copied into the arena only when it has upper-case letters. */
int url_host_parse(struct url_host *h, struct slice text, struct arena *arena) MUST_CHECK;

#endif
