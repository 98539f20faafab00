#include "bench/report/report.h"
#include "bench/report/result_read.h"
#include "bench/report/summary.h"

#include <string.h>

enum { EXIT_DONE = 0, EXIT_USAGE = 3 };

static const char help[] =
    "Usage: cong-bench report FILE [--output DIR]\n\n"
    "Makes report.html, seconds.csv, metrics.prom, junit.xml, response.hgrm and service.hgrm "
    "again\n"
    "from a result.json (FILE, or the folder that holds it), beside it unless DIR is given.\n";

struct report_options {
    const char *file, *output;
};

static bool parse(struct report_options *o, int argc, char **argv)
{
    *o = (struct report_options){ 0 };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--output") == 0 && i + 1 < argc)
            o->output = argv[++i];
        else if (argv[i][0] != '-' && !o->file)
            o->file = argv[i];
        else
            return false;
    }
    return o->file != NULL;
}

/* The folder of `file`, or `file` itself when it is one. */
static void folder_of(const char *file, char *out, size_t size)
{
    const char *slash = strrchr(file, '/');
    size_t len = strlen(file);
    bool is_file = len > 5 && strcmp(file + len - 5, ".json") == 0;
    if (!is_file)
        snprintf(out, size, "%s", file);
    else if (!slash)
        snprintf(out, size, ".");
    else
        snprintf(out, size, "%.*s", (int)(slash - file), file);
}

int report_main(int argc, char **argv)
{
    struct report_options o;
    char folder[4096];
    struct err e;
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return EXIT_DONE;
    }
    if (!parse(&o, argc, argv)) {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    struct result *r = result_read(o.file, &e);
    folder_of(o.file, folder, sizeof(folder));
    if (!r || report_render(r, o.output ? o.output : folder, &e) != 0) {
        fprintf(stderr, "cong-bench report: %s\n", e.text);
        result_free(&r);
        return EXIT_USAGE;
    }
    summary_print(r, o.output ? o.output : folder, stdout);
    result_free(&r);
    return EXIT_DONE;
}
