/* How a submission's record is called in Redis: "cong:{id:<40 hex digits>}". The digits, the
 * beginning of its key, are also what people are told of it. */
#ifndef STORE_SUBMISSION_NAME_H
#define STORE_SUBMISSION_NAME_H

#include "common/digest.h"

#include <string.h>

#define SUBMISSION_ID_LEN 40
#define SUBMISSION_NAME_BEFORE "cong:{id:"

/* Not terminated. */
static inline void submission_id_of(const uint8_t key[DIGEST_BYTES], char out[SUBMISSION_ID_LEN])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SUBMISSION_ID_LEN; i++)
        out[i] = digits[(key[i / 2] >> (i % 2 ? 0 : 4)) & 15];
}

struct submission_name {
    char text[sizeof(SUBMISSION_NAME_BEFORE) + SUBMISSION_ID_LEN];
    size_t len;
};

static inline struct submission_name submission_name_of(const uint8_t key[DIGEST_BYTES])
{
    const size_t before = sizeof(SUBMISSION_NAME_BEFORE) - 1;
    struct submission_name name = { .text = SUBMISSION_NAME_BEFORE, .len = sizeof(name.text) };
    submission_id_of(key, name.text + before);
    name.text[before + SUBMISSION_ID_LEN] = '}';
    return name;
}

#endif
