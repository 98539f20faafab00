/* The command line of `cong-bench run`. */
#ifndef RUN_RUN_OPTIONS_H
#define RUN_RUN_OPTIONS_H

#include "common/err.h"

#include <netinet/in.h>

#define RUN_OPTIONS_JOURNALS 16

struct run_options {
    const char *scenario; /* a name or a file; borrowed from argv, like all strings here */
    const char *output;   /* NULL: a folder of its own in build/bench */
    struct sockaddr_in target, admin, node; /* family 0: a testbed; no metrics */
    char target_text[64];                   /* address and port, as numbers */
    char target_name[256];                  /* the host as given */
    double scale, users_scale;
    uint64_t seed;
    bool has_seed;
    uint32_t generators;                        /* 0: as many as are needed */
    const char *journals[RUN_OPTIONS_JOURNALS]; /* of the target's nodes */
    uint32_t journal_count;
    bool plain_output, wants_help;
};

/* argv[0] is skipped. Negative ERR_* with a sentence in `e`. */
int run_options_parse(struct run_options *o, int argc, char **argv, struct err *e) MUST_CHECK;

extern const char run_options_help[];

#endif
