/* Which address a person comes from: most have one of their own, the others sit behind shared ones,
 * 64 to 2,000 people each, as behind a mobile carrier or a commune's line. All lie in 127.0.0.0/8,
 * in a part of their own for each generator. */
#ifndef LOAD_SOURCE_H
#define LOAD_SOURCE_H

#include "common/random.h"

#define SOURCE_GROUP_MIN 64
#define SOURCE_GROUP_MAX 2000

struct source {
    uint32_t first, used; /* of this generator's part */
    uint32_t step;
    uint32_t group, group_left;
    uint32_t shared_percent;
};

void source_init(struct source *s, uint32_t slot, uint32_t shared_percent);
/* Nobody shares, and neighbours are in different networks. */
void source_init_scattered(struct source *s, uint32_t slot);
/* For the next person: an IPv4 address in host order. */
uint32_t source_next(struct source *s, struct random *r);

#endif
