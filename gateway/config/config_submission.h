/* The part of the configuration that says which requests are submissions: to be dispatched once
 * (see config.h). */
#ifndef CONFIG_CONFIG_SUBMISSION_H
#define CONFIG_CONFIG_SUBMISSION_H

#include "common/base.h"
#include "common/slice.h"

/* What the backend does with Idempotency-Key. */
enum config_submission_backend {
    CONFIG_SUBMISSION_NONE,   /* nothing: what is in doubt is never sent again */
    CONFIG_SUBMISSION_LOOKUP, /* it can be asked whether it has stored a key */
    CONFIG_SUBMISSION_DEDUP,  /* stores a key once, however often it comes */
};

enum config_submission_key {
    CONFIG_SUBMISSION_HEADER, /* the client's Idempotency-Key */
    CONFIG_SUBMISSION_FORM,   /* a field of the form, with a value that the gateway has signed */
};

struct config_submission {
    enum config_submission_backend backend;
    enum config_submission_key key;
    bool required;            /* without a key: 400; else such requests are not submissions */
    const char *field;        /* of the form */
    struct slice lookup;      /* path to ask at; data NULL unless the backend can be asked */
    uint32_t keep_ms;         /* how long an answer is known */
    uint32_t keep_unknown_ms; /* how long a dispatch is known of which nobody knows the end */
};

/* Where bodies wait: those of requests that are taken whole, and of answers to slow clients. */
struct config_spool {
    const char *dir;       /* of files without a name */
    uint32_t memory_bytes; /* of a body, before the rest goes to a file */
    uint64_t answer_bytes; /* a longer answer does not go to a file */
    uint64_t quota_bytes;  /* of all bodies of the node: 503 */
};

#endif
