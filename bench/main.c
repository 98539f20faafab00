/* cong-bench: what surrounds the gateway in tests and proofs. One subcommand a row. */
#include "bench/node/node_command.h"
#include "bench/report/compare.h"
#include "bench/report/merge.h"
#include "bench/report/report.h"
#include "bench/run/list_command.h"
#include "bench/run/run_command.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_OK = 0, EXIT_USAGE = 3 };

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand; returns the exit code */
};

static int run_help(int argc, char **argv);
static int run_version(int argc, char **argv);

static const struct command commands[] = {
    { "node", "a simulated processing node (see `cong-bench node --help`)", node_command },
    { "run", "a scenario, and its verdict (see `cong-bench run --help`)", run_command },
    { "list", "the scenarios that there are", list_command },
    { "compare", "two results or more: A B [C...]", compare_main },
    { "merge", "results of several load machines into one: A B [C...]", merge_main },
    { "report", "made again from a result.json", report_main },
    { "help", "this text", run_help },
    { "version", "the version", run_version },
};

static void print_usage(FILE *out)
{
    fputs("Usage: cong-bench COMMAND [OPTION]...\n\n", out);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
}

static const struct command *find(const char *name)
{
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static int run_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    print_usage(stdout);
    return EXIT_OK;
}

static int run_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("cong-bench " CONG_VERSION);
    return EXIT_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    const struct command *command = find(argv[1]);
    if (!command) {
        fprintf(stderr, "cong-bench: there is no command \"%s\"; try `cong-bench help`\n", argv[1]);
        return EXIT_USAGE;
    }
    return command->run(argc - 1, argv + 1);
}
