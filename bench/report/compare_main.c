#include "bench/report/compare.h"
#include "bench/report/result_read.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_SAME = 0, EXIT_WORSE = 1, EXIT_USAGE = 3 };

#define RESULTS_MAX 32
#define TABLE_MAX_BYTES (1U << 20)

static const char help[] =
    "Usage: cong-bench compare A B [C...] [--force]\n\n"
    "Compares B, and each after it, with A: folders of runs or their result.json. Prints each\n"
    "metric's change and its 95% interval, \"~\" where that takes in no change. Exits with 1 when\n"
    "something got worse by 5% or more and not by chance. Refuses (3) other machines, other\n"
    "scenarios and INVALID runs; --force compares them nevertheless.\n";

struct compare_options {
    const char *paths[RESULTS_MAX];
    int count;
    bool is_forced;
};

static bool parse(struct compare_options *o, int argc, char **argv)
{
    *o = (struct compare_options){ 0 };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--force") == 0)
            o->is_forced = true;
        else if (argv[i][0] != '-' && o->count < RESULTS_MAX)
            o->paths[o->count++] = argv[i];
        else
            return false;
    }
    return o->count >= 2;
}

static int refuse(const char *path, const struct err *e)
{
    fprintf(stderr, "cong-bench compare: %s: %s\n", path, e->text);
    return EXIT_USAGE;
}

static int compare_two(const struct compare_options *o, const struct result *from, const char *path)
{
    struct err e;
    struct result *to = result_read(path, &e);
    if (!to) {
        fprintf(stderr, "cong-bench compare: %s\n", e.text);
        return EXIT_USAGE;
    }
    if (compare_check(from, to, &e) != 0) {
        if (!o->is_forced) {
            result_free(&to);
            return refuse(path, &e);
        }
        printf("Beware: %s.\n", e.text);
    }
    struct buf table;
    buf_init(&table, TABLE_MAX_BYTES);
    uint32_t worse = compare_write(from, to, &table);
    printf("%s against %s\n\n%.*s\n", path, o->paths[0], SLICE_ARG(buf_slice(&table)));
    buf_fini(&table);
    result_free(&to);
    return worse ? EXIT_WORSE : EXIT_SAME;
}

int compare_main(int argc, char **argv)
{
    struct compare_options o;
    struct err e;
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return EXIT_SAME;
    }
    if (!parse(&o, argc, argv)) {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    struct result *from = result_read(o.paths[0], &e);
    if (!from) {
        fprintf(stderr, "cong-bench compare: %s\n", e.text);
        return EXIT_USAGE;
    }
    int rc = EXIT_SAME;
    for (int i = 1; i < o.count && rc != EXIT_USAGE; i++) {
        int found = compare_two(&o, from, o.paths[i]);
        rc = MAX(rc, found);
    }
    result_free(&from);
    return rc;
}
