#include "bench/run/list_command.h"

#include "bench/run/scenario_path.h"
#include "bench/run/schedule.h"

#include <glob.h>
#include <stdio.h>

enum { EXIT_OK = 0, EXIT_USAGE = 3 };

static void print_scenario(const struct scenario *s)
{
    char duration[32];
    schedule_describe(scenario_duration_ms(s), duration, sizeof(duration));
    printf("  %-16s %7u users  %-13s %s\n", s->name, scenario_users_max(s), duration, s->about);
    if (s->not_available)
        printf("  %-16s not yet available: %s\n", "", s->not_available);
}

static int list_file(const char *path)
{
    struct diagnostics problems;
    diagnostics_init(&problems);
    struct scenario *s = scenario_load(path, 1, 1, &problems);
    if (s)
        print_scenario(s);
    else
        fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&problems.text)));
    int code = s ? EXIT_OK : EXIT_USAGE;
    scenario_free(&s);
    diagnostics_fini(&problems);
    return code;
}

int list_command(int argc, char **argv)
{
    char folder[PATH_MAX], pattern[PATH_MAX + 8];
    struct err e;
    glob_t found;
    int code = EXIT_OK;
    (void)argv;
    if (argc > 1 || scenario_path_folder(folder, &e) != 0) {
        fprintf(stderr, "cong-bench list: %s\n", argc > 1 ? "it takes no arguments" : e.text);
        return EXIT_USAGE;
    }
    snprintf(pattern, sizeof(pattern), "%s/*.yaml", folder);
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            code = list_file(found.gl_pathv[i]) == EXIT_OK ? code : EXIT_USAGE;
    globfree(&found);
    return code;
}
