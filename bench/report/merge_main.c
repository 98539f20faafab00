#include "bench/report/merge.h"
#include "bench/report/report.h"
#include "bench/report/result_read.h"
#include "bench/report/summary.h"
#include "bench/verdict/verdict.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_DONE = 0, EXIT_USAGE = 3 };

#define RESULTS_MAX 64

static const char help[] =
    "Usage: cong-bench merge A B [C...] --output DIR\n\n"
    "Makes one result out of those of several load machines that drove one gateway at the same\n"
    "time with the same scenario: A, B... are the folders of their runs or their result.json. The\n"
    "whole is judged anew and written to DIR; the exit code is that of the verdict.\n";

struct merge_options {
    const char *paths[RESULTS_MAX];
    int count;
    const char *output;
};

static bool parse(struct merge_options *o, int argc, char **argv)
{
    *o = (struct merge_options){ 0 };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--output") == 0 && i + 1 < argc)
            o->output = argv[++i];
        else if (argv[i][0] != '-' && o->count < RESULTS_MAX)
            o->paths[o->count++] = argv[i];
        else
            return false;
    }
    return o->count >= 2 && o->output;
}

static struct result *merge_all(const struct merge_options *o, struct err *e)
{
    struct result *r = result_read(o->paths[0], e);
    for (int i = 1; r && i < o->count; i++) {
        struct result *other = result_read(o->paths[i], e);
        if (!other || merge_result(r, other, o->paths[i], e) != 0)
            result_free(&r);
        result_free(&other);
    }
    return r;
}

int merge_main(int argc, char **argv)
{
    struct merge_options o;
    struct err e;
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return EXIT_DONE;
    }
    if (!parse(&o, argc, argv)) {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    struct result *r = merge_all(&o, &e);
    if (r)
        verdict_judge(r);
    if (!r || report_write_all(r, o.output, &e) != 0) {
        fprintf(stderr, "cong-bench merge: %s\n", e.text);
        result_free(&r);
        return EXIT_USAGE;
    }
    summary_print(r, o.output, stdout);
    int rc = (int)r->verdict;
    result_free(&r);
    return rc;
}
