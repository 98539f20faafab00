/* What a node remembers of one key of one rate limit: the record of STORE_LIMITS. Its times are
 * nanoseconds of the machine's monotonic clock, which all processes share. */
#ifndef STORE_LIMIT_RECORD_H
#define STORE_LIMIT_RECORD_H

#include "common/base.h"

struct limit_record {
    uint64_t tat_ns; /* of what this node let through; the whole truth where there is no Redis */
    /* Of mode lease (limit_lease.h), but for the first also of mode strict: */
    uint64_t shared_tat_ns; /* of what all nodes let through, as Redis last told */
    uint64_t free_tat_ns;   /* of what was let through ahead of asking */
    uint64_t lease_end_ns;
    uint64_t asked_ns;    /* when Redis was last asked for a lease */
    uint32_t lease;       /* what is left of it */
    uint32_t lease_full;  /* as it was granted */
    uint32_t untold;      /* let through ahead of asking, and not yet told to Redis */
    uint32_t used;        /* let through since Redis was last asked */
    bool asking;          /* the answer has not come */
    bool granted_in_part; /* the last answer: all nodes together are at the limit */
};

#endif
