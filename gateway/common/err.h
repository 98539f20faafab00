/* Errors. The data path uses the codes alone; start-up and configuration fill a `struct err` with a
 * sentence that tells a person what to change. libuv's negative codes pass through functions that
 * say so; ours begin below them. */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#include "common/base.h"

enum {
    ERR_NO_MEMORY = -20001,
    ERR_LIMIT = -20002,   /* a configured cap was reached */
    ERR_INVALID = -20003, /* input that does not follow its specification */
    ERR_SYSTEM = -20004,  /* a system call failed; the text says which and why */
};

struct err {
    char text[512];
};

/* Writes the sentence and returns `code`, so that failing is one statement. `e` may be NULL. */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same for a failed system call: appends ": " and the text of errno. Returns ERR_SYSTEM. */
int err_system(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
