#include "common/base.h"

#include <stdio.h>
#include <stdlib.h>

void base_bad_magic(const char *type)
{
    fprintf(stderr, "cong: a pointer is not what it should be (%s); stopping this process\n", type);
    abort();
}
