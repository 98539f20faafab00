/* The command line of `cong-bench node`. */
#ifndef NODE_OPTIONS_H
#define NODE_OPTIONS_H

#include "bench/node/latency.h"

#include <sys/socket.h>

#define NODE_LISTENS 160 /* provinces, with a few peers each */
#define NODE_NAME_LEN 64

struct node_options {
    struct sockaddr_storage listens[NODE_LISTENS];
    size_t listen_count;
    char name[NODE_NAME_LEN + 1];
    const char *journal; /* borrowed from argv; NULL: none */
    bool unique;         /* one dossier for each idempotency key */
    bool arrivals;       /* a line in the journal as soon as a dossier comes */
    struct latency latency;
    uint64_t body_bytes;
    uint64_t unsent_bytes; /* that the kernel takes of answers; 0: as it likes */
    double error_rate, hang_rate, reset_rate;
    uint64_t seed;
    bool wants_help;
};

/* argv[0] is skipped. Negative ERR_* with a sentence in `e`. */
int node_options_parse(struct node_options *o, int argc, char **argv, struct err *e) MUST_CHECK;

extern const char node_options_help[];

#endif
