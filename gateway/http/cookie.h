/* Cookies (RFC 6265), as far as the gateway has one of its own among those of the backends.
 *
 * Ours is HttpOnly, Secure, SameSite=Lax and for the whole host, as the prefix "__Host-" of its
 * name demands. Backends do not get it: whoever holds it is the citizen. */
#ifndef HTTP_COOKIE_H
#define HTTP_COOKIE_H

#include "http/headers.h"

/* Takes every cookie of that name out of what is forwarded. *value is the first one's, as it came;
 * its data is NULL when there is none. False when memory is out. */
bool cookie_take(struct headers *hs, struct arena *arena, struct slice name,
                 struct slice *value) MUST_CHECK;

/* The first cookie's value of that name, which stays where it is; data NULL: none. */
struct slice cookie_find(const struct headers *hs, struct slice name);

/* Drops every Set-Cookie for that name: a backend that set ours could put a citizen into somebody
 * else's session. */
void cookie_unset(struct headers *hs, struct slice name);

/* Appends Set-Cookie; an empty value makes the client forget the cookie. False when memory is
 * out. */
bool cookie_set(struct headers *hs, struct arena *arena, struct slice name,
                struct slice value) MUST_CHECK;

#endif
