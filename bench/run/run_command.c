#include "bench/run/run_command.h"

#include "bench/report/report.h"
#include "bench/report/summary.h"
#include "bench/run/coordinator.h"
#include "bench/run/faults.h"
#include "bench/run/run_lock.h"
#include "bench/run/scenario_path.h"
#include "bench/run/schedule.h"
#include "bench/run/search.h"
#include "bench/scenario/describe.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HELP_BYTES 65536
#define TRIALS_USUAL 12

enum { EXIT_INVALID = 2, EXIT_USAGE = 3, EXIT_INTERRUPTED = 130 };

static int refuse(const char *sentence)
{
    fprintf(stderr, "cong-bench run: %s\n", sentence);
    return EXIT_USAGE;
}

/* --- the scenario ---------------------------------------------------------------------------- */

static struct scenario *load(const char *path, const struct run_options *o)
{
    struct diagnostics problems;
    diagnostics_init(&problems);
    struct scenario *s = scenario_load(path, o->scale, o->users_scale, &problems);
    if (!s)
        fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&problems.text)));
    if (s && o->has_seed)
        s->seed = o->seed;
    diagnostics_fini(&problems);
    return s;
}

static int refuse_unavailable(const struct scenario *s)
{
    fprintf(stderr, "cong-bench run: %s is not available yet: %s\n", s->name, s->not_available);
    return EXIT_USAGE;
}

/* Why it cannot be run; NULL when it can. */
static const char *objection(const struct scenario *s, const struct run_options *o)
{
    if (o->target.sin_family && faults_need_testbed(s, o->node.sin_family != 0))
        return "this scenario breaks things on purpose, which it does only to a gateway of its own "
               "(leave out --target), or to provinces of a node (--node)";
    if (scenario_duration_ms(s) / 1000 > RESULTS_SECONDS_MAX)
        return "this is longer than a run can be; --scale shortens it";
    return NULL;
}

/* --- the folder ------------------------------------------------------------------------------ */

static int make_folders(const char *path, struct err *e)
{
    char part[PATH_MAX];
    snprintf(part, sizeof(part), "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(part, 0755);
        *slash = '/';
    }
    return mkdir(part, 0755) == 0 || errno == EEXIST ? 0 : err_system(e, "cannot make %s", path);
}

/* What an earlier run left would be taken for this one's: nodes add to their journals. */
static void remove_earlier(const char *folder)
{
    static const char *const patterns[] = { "/*.journal", "/*.ledger", "/*.log" };
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        char pattern[PATH_MAX + 16];
        glob_t found;
        snprintf(pattern, sizeof(pattern), "%s%s", folder, patterns[i]);
        if (glob(pattern, 0, NULL, &found) == 0)
            for (size_t k = 0; k < found.gl_pathc; k++)
                unlink(found.gl_pathv[k]);
        globfree(&found);
    }
}

/* An absolute name, for the gateway resolves those in its configuration by themselves. */
static int make_output(const struct run_options *o, const struct scenario *s, char out[PATH_MAX],
                       struct err *e)
{
    char name[PATH_MAX], when[32];
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &local);
    snprintf(name, sizeof(name), "build/bench/%s-%s", s->name, when);
    const char *wanted = o->output ? o->output : name;
    int rc = make_folders(wanted, e);
    if (rc)
        return rc;
    if (!realpath(wanted, out))
        return err_system(e, "cannot use %s", wanted);
    remove_earlier(out);
    return 0;
}

/* --- what is said beforehand ------------------------------------------------------------------ */

static void announce(const struct scenario *s, const struct run_options *o, const char *folder)
{
    char text[32];
    uint64_t duration_ms = scenario_duration_ms(s);
    time_t end = time(NULL) + (time_t)(duration_ms / 1000) * (s->search ? TRIALS_USUAL : 1);
    struct tm local;
    schedule_describe(duration_ms, text, sizeof(text));
    printf("%s: %s\n", s->name, s->about);
    if (o->scale != 1 || o->users_scale != 1)
        printf("scaled: %g of its time, %g of its users\n", o->scale, o->users_scale);
    printf("%s%u users, %s", s->search ? "trials of " : "", scenario_users_max(s), text);
    for (uint32_t i = 0; i < s->phase_count; i++) {
        schedule_describe(s->phases[i].duration_ms, text, sizeof(text));
        printf("%s%s %s", i ? ", " : " (", s->phases[i].name, text);
    }
    localtime_r(&end, &local);
    strftime(text, sizeof(text), "%H:%M:%S", &local);
    printf("%s, until about %s\n", s->search ? ") each, with ever other numbers of users" : ")",
           text);
    printf("everything goes to %s\n", folder);
    fflush(stdout);
}

static void join(int argc, char **argv, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "cong-bench");
    for (int i = 0; i < argc && len < size; i++)
        len += (size_t)snprintf(out + len, size - len, " %s", argv[i]);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void report(const struct result *r, const char *folder)
{
    struct err e;
    if (report_write_all(r, folder, &e) != 0) {
        fprintf(stderr, "cong-bench run: %s\n", e.text);
        folder = NULL;
    }
    putchar('\n');
    summary_print(r, folder, stdout);
}

static int run(const struct coordinator_setup *setup)
{
    struct err e = { "" };
    struct scenario *found = NULL;
    struct result *r =
        setup->scenario->search ? search_run(setup, &found, &e) : coordinator_run(setup, &e);
    int code = r ? (int)r->verdict : EXIT_INVALID;
    if (r)
        report(r, setup->folder);
    else
        fprintf(stderr, "cong-bench run: nothing was measured: %s\n", e.text);
    if (setup->interrupt->raised)
        code = EXIT_INTERRUPTED;
    result_free(&r);
    scenario_free(&found);
    return code;
}

static int run_locked(const struct run_options *o, const struct scenario *s, int argc, char **argv)
{
    char folder[PATH_MAX], command[1024];
    struct interrupt interrupt;
    struct err e;
    int lock = run_lock_take(&e);
    if (lock < 0)
        return refuse(e.text);
    join(argc, argv, command, sizeof(command));
    struct coordinator_setup setup = { .options = o,
                                       .scenario = s,
                                       .users_scale = o->users_scale,
                                       .folder = folder,
                                       .interrupt = &interrupt,
                                       .command = command };
    int code;
    if (interrupt_open(&interrupt, &e) != 0 || make_output(o, s, folder, &e) != 0) {
        code = refuse(e.text);
    } else {
        announce(s, o, folder);
        code = run(&setup);
    }
    interrupt_close(&interrupt);
    close(lock);
    return code;
}

static void print_help(void)
{
    struct buf scenarios;
    buf_init(&scenarios, HELP_BYTES);
    scenario_describe(&scenarios);
    printf("%s\n%.*s", run_options_help, SLICE_ARG(buf_slice(&scenarios)));
    buf_fini(&scenarios);
}

int run_command(int argc, char **argv)
{
    struct run_options options;
    char path[PATH_MAX];
    struct err e;
    if (run_options_parse(&options, argc, argv, &e) != 0)
        return refuse(e.text);
    if (options.wants_help) {
        print_help();
        return EXIT_SUCCESS;
    }
    if (scenario_path_find(options.scenario, path, &e) != 0)
        return refuse(e.text);
    struct scenario *s = load(path, &options);
    if (!s)
        return EXIT_USAGE;
    const char *why_not = objection(s, &options);
    int code;
    if (s->not_available)
        code = refuse_unavailable(s);
    else
        code = why_not ? refuse(why_not) : run_locked(&options, s, argc, argv);
    scenario_free(&s);
    return code;
}
