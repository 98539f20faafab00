/* The cookies that one person's browser keeps for the portal, as the value of its Cookie header:
 * "phien=4f2a; ngon-ngu=vi". One owned string; a person without cookies owns nothing.
 *
 * Everybody talks to one host over TLS, so Path, Domain and Secure decide nothing and are not
 * looked at; Max-Age=0 and an empty value take a cookie away (RFC 6265 5.3). Beyond COOKIES_BYTES
 * in all a new cookie is not kept. */
#ifndef LOAD_COOKIES_H
#define LOAD_COOKIES_H

#include "common/slice.h"

#define COOKIES_BYTES 1024

/* `value` is that of a Set-Cookie header; *cookies is NULL or owned. */
void cookies_set(char **cookies, struct slice value);
void cookies_clear(char **cookies);

#endif
