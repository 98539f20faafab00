/* The reference code that every answer carries and a citizen can read out on the telephone:
 * XXXX-XXXX-XXXX, 60 random bits in Crockford's base 32 (no I, L, O, U). It names a request in
 * pages, logs and headers; it is not a secret. */
#ifndef OBSERVE_REFERENCE_H
#define OBSERVE_REFERENCE_H

#include "common/random.h"

#define REFERENCE_LEN 14

/* Writes REFERENCE_LEN characters and a terminator. */
void reference_make(struct random *random, char out[REFERENCE_LEN + 1]);

#endif
