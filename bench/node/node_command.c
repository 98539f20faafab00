#include "bench/node/node_command.h"

#include "bench/node/node.h"
#include "common/log.h"

#include <stdio.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int node_command(int argc, char **argv)
{
    struct node_options options;
    struct err e;
    if (node_options_parse(&options, argc, argv, &e) != 0) {
        fprintf(stderr, "cong-bench node: %s; try `cong-bench node --help`\n", e.text);
        return EXIT_USAGE;
    }
    if (options.wants_help) {
        fputs(node_options_help, stdout);
        return EXIT_OK;
    }
    log_set_process(options.name);
    if (node_run(&options, &e) != 0) {
        fprintf(stderr, "cong-bench node: %s\n", e.text);
        return EXIT_FAILED;
    }
    return EXIT_OK;
}
