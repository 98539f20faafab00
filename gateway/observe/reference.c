#include "observe/reference.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static bool is_dash_place(size_t i)
{
    return i % 5 == 4;
}

void reference_make(struct random *random, char out[REFERENCE_LEN + 1])
{
    uint64_t bits = random_next(random);
    for (size_t i = 0; i < REFERENCE_LEN; i++) {
        if (is_dash_place(i)) {
            out[i] = '-';
            continue;
        }
        out[i] = alphabet[bits >> 59];
        bits <<= 5;
    }
    out[REFERENCE_LEN] = '\0';
}
