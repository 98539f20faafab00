/* The command line of the gateway. */
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "config/load.h"
#include "process/affected_command.h"
#include "process/child.h"
#include "process/control.h"
#include "process/control_client.h"
#include "process/generation.h"
#include "process/keeper.h"
#include "process/name_check.h"
#include "process/runtime_dir.h"
#include "process/supervisor.h"
#include "process/version.h"
#include "process/worker.h"
#include "tls/tls_memory.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define EXIT_USAGE 2
#define PROBLEMS_BYTES_MAX (1024 * 1024)

#define WORDS_MAX 2 /* beside options */

/* Read by jemalloc before main() begins: freed memory stays with the process until its guard gives
 * it back (process/guard.c). */
extern const char *malloc_conf;
const char *malloc_conf = "dirty_decay_ms:-1";

struct options {
    const char *config;
    const char *runtime_dir;
    bool json;
    const char *until, *message;
    const char *words[WORDS_MAX];
    size_t word_count;
};

struct command {
    const char *name;
    int (*run)(const struct command *command, const struct options *options);
    const char *arguments;
    const char *summary;
    const char *details;
    bool takes_config, needs_config, takes_runtime_dir, takes_json, takes_words;
};

/* --- commands of the gateway itself --------------------------------------------------------- */

static int run_gateway(const struct command *command, const struct options *options)
{
    (void)command;
    if (strlen(options->config) >= CHANNEL_TEXT_BYTES) {
        fputs("cong: the path of the configuration is too long\n", stderr);
        return EXIT_FAILURE;
    }
    return supervisor_run(options->config);
}

static int run_check(const struct command *command, const struct options *options)
{
    struct generation generation;
    struct buf problems;
    (void)command;
    buf_init(&problems, PROBLEMS_BYTES_MAX);
    int status = generation_load(&generation, options->config, 1, &problems);
    if (status == 0)
        name_check(generation.config, &problems);
    printf("%.*s", SLICE_ARG(buf_slice(&problems)));
    if (status == 0)
        printf("%s: ok\n", options->config);
    generation_fini(&generation);
    buf_fini(&problems);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_affected(const struct command *command, const struct options *options)
{
    (void)command;
    return affected_command_run(options->config, options->json);
}

static int run_version(const struct command *command, const struct options *options)
{
    (void)command, (void)options;
    puts("cong " CONG_VERSION);
    return EXIT_SUCCESS;
}

/* --- commands for a gateway that runs ------------------------------------------------------- */

static int tell(const struct options *options, const char *text)
{
    struct diagnostics diagnostics;
    if (!options->config)
        return control_client_run(options->runtime_dir ? options->runtime_dir : RUNTIME_DIR_DEFAULT,
                                  text);
    struct bundle *bundle = bundle_new();
    diagnostics_init(&diagnostics);
    char *runtime_dir = config_load_runtime_dir(bundle, options->config, &diagnostics);
    int status = EXIT_FAILURE;
    if (runtime_dir)
        status = control_client_run(runtime_dir, text);
    else
        fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&diagnostics.text)));
    mem_free(runtime_dir);
    diagnostics_fini(&diagnostics);
    bundle_free(&bundle);
    return status;
}

static int run_control(const struct command *command, const struct options *options)
{
    char text[64];
    snprintf(text, sizeof(text), "%s%s", command->name, options->json ? " --json" : "");
    return tell(options, text);
}

static int usage_error(const struct command *command, const char *what);

static int run_maintenance(const struct command *command, const struct options *options)
{
    char text[CONTROL_COMMAND_BYTES];
    const char *verb = options->word_count ? options->words[0] : "";
    bool closes = strcmp(verb, "close") == 0;
    size_t wanted = closes || strcmp(verb, "open") == 0 ? 2 : 1;
    if (wanted == 1 && strcmp(verb, "list") != 0)
        return usage_error(command, "say close, open or list");
    if (options->word_count != wanted)
        return usage_error(command, wanted == 2 ? "the name of one upstream is missing"
                                                : "there are too many arguments");
    if (!closes && (options->until || options->message))
        return usage_error(command, "--until and --message belong to close");
    int len = snprintf(text, sizeof(text), "maintenance\n%s\n%s\n%s\n%s", verb,
                       wanted == 2 ? options->words[1] : "", options->until ? options->until : "",
                       options->message ? options->message : "");
    if (len < 0 || (size_t)len >= sizeof(text))
        return usage_error(command, "the message is too long");
    return tell(options, text);
}

/* --- the table ------------------------------------------------------------------------------ */

#define RUNNING "[-c FILE | --runtime-dir DIR]"

static int run_help(const struct command *command, const struct options *options);

static const struct command commands[] = {
    { .name = "run",
      .run = run_gateway,
      .arguments = "-c FILE",
      .summary = "run the gateway in the foreground",
      .details = "Logs go to standard error unless log.file says otherwise. Signals:\n"
                 "  HUP         reload, as `cong reload` does\n"
                 "  USR1        open the log files anew, as `cong reopen` does\n"
                 "  TERM, INT   stop when requests are finished, as `cong stop` does; the second\n"
                 "              time at once\n"
                 "  QUIT        stop at once\n",
      .takes_config = true,
      .needs_config = true },
    { .name = "check",
      .run = run_check,
      .arguments = "-c FILE",
      .summary = "check a configuration and all files that it names",
      .details = "Prints every problem as file:line:column: key: sentence, and exits with 1; or\n"
                 "\"FILE: ok\" and 0. Names of peers are looked up: those that cannot be found at\n"
                 "this moment are told of, and are no problem.\n",
      .takes_config = true,
      .needs_config = true },
    { .name = "reload",
      .run = run_control,
      .arguments = RUNNING,
      .summary = "put a changed configuration to use without closing a connection",
      .details =
          "Returns when all processes use it, or prints why nothing was changed and exits\n"
          "with 1. user, runtime_dir and the sizes of store take effect at the next start.\n",
      .takes_config = true,
      .takes_runtime_dir = true },
    { .name = "reopen",
      .run = run_control,
      .arguments = RUNNING,
      .summary = "open the log files anew, after they were moved",
      .details = "",
      .takes_config = true,
      .takes_runtime_dir = true },
    { .name = "drain",
      .run = run_control,
      .arguments = RUNNING,
      .summary = "make /ready red, finish requests under way, and stop",
      .details =
          "Listeners close after timeouts.drain_notice; requests have timeouts.shutdown\n"
          "from then on. Returns when the gateway has stopped; exits with 1 if a process did\n"
          "not end by itself and had to be killed, or when requests were cut off.\n",
      .takes_config = true,
      .takes_runtime_dir = true },
    { .name = "stop",
      .run = run_control,
      .arguments = RUNNING,
      .summary = "the same as drain",
      .details = "",
      .takes_config = true,
      .takes_runtime_dir = true },
    { .name = "status",
      .run = run_control,
      .arguments = "[--json] " RUNNING,
      .summary = "show processes, listeners and peers",
      .details = "With --json one object for machines.\n",
      .takes_config = true,
      .takes_runtime_dir = true,
      .takes_json = true },
    { .name = "maintenance",
      .run = run_maintenance,
      .arguments = "close NAME [--until TIME] [--message TEXT] | open NAME | list  " RUNNING,
      .summary = "close an upstream for work, open it again, or show what is closed",
      .details =
          "All routes of a closed upstream answer 503 with a page that tells when it is\n"
          "expected back (TIME, such as " CLOCK_ISO_EXAMPLE ") and what operators have to\n"
          "say. Everything else goes on, and so do requests under way. It stays closed until\n"
          "it is opened, also across restarts.\n",
      .takes_config = true,
      .takes_runtime_dir = true,
      .takes_words = true },
    { .name = "affected",
      .run = run_affected,
      .arguments = "[--json] -c FILE",
      .summary = "list submissions whose record Redis had lost",
      .details =
          "After a failover, or another loss of data, of the Redis that nodes share: what this\n"
          "node had sent and Redis did not know any more. \"put_back\": it knows it again, and\n"
          "nobody has sent it twice through this Redis. \"sent_again\": another node has; look it\n"
          "up at the backend. Each node has its own list, the file \"affected\" in store.journal;\n"
          "delete it when all have been dealt with. The gateway need not run.\n",
      .takes_config = true,
      .needs_config = true,
      .takes_json = true },
    { .name = "version",
      .run = run_version,
      .arguments = "",
      .summary = "show the version",
      .details = "" },
    { .name = "help", .run = run_help, .arguments = "", .summary = "show this", .details = "" },
};

static void print_help(FILE *out)
{
    fputs("Usage: cong COMMAND [OPTIONS]\n\n", out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].summary);
    fputs("\nOptions:\n"
          "  -c, --config FILE      the configuration (YAML)\n"
          "      --runtime-dir DIR  where the running gateway has its control socket, if not\n"
          "                         " RUNTIME_DIR_DEFAULT "; with -c, what the configuration says\n"
          "  -h, --help             explain one command\n\n"
          "Exit codes: 0 done, 1 failed, 2 wrong usage.\n",
          out);
}

static int run_help(const struct command *command, const struct options *options)
{
    (void)command, (void)options;
    print_help(stdout);
    return EXIT_SUCCESS;
}

static void print_command_help(const struct command *command)
{
    printf("Usage: cong %s %s\n\n%s.\n%s", command->name, command->arguments, command->summary,
           command->details);
}

/* --- the command line ----------------------------------------------------------------------- */

static int usage_error(const struct command *command, const char *what)
{
    fprintf(stderr, "cong: %s\nUsage: cong %s %s\n", what, command->name, command->arguments);
    return EXIT_USAGE;
}

enum { PARSE_GO_ON = -1 }; /* otherwise the exit code */

static int check_options(const struct command *command, const struct options *options)
{
    if ((options->config && !command->takes_config) ||
        (options->runtime_dir && !command->takes_runtime_dir) ||
        (options->json && !command->takes_json) ||
        ((options->until || options->message) && !command->takes_words))
        return usage_error(command, "this command does not take that option");
    if (options->config && options->runtime_dir)
        return usage_error(command, "-c and --runtime-dir say the same thing: give one");
    if (!options->config && command->needs_config)
        return usage_error(command, "-c FILE is missing");
    return PARSE_GO_ON;
}

static int take_words(const struct command *command, struct options *options, char **words,
                      size_t count)
{
    if (count > (command->takes_words ? WORDS_MAX : 0))
        return usage_error(command, "there are too many arguments");
    for (size_t i = 0; i < count; i++)
        options->words[i] = words[i];
    options->word_count = count;
    return check_options(command, options);
}

static int parse_options(const struct command *command, struct options *options, int argc,
                         char **argv)
{
    enum { OPTION_RUNTIME_DIR = 256, OPTION_JSON, OPTION_UNTIL, OPTION_MESSAGE };
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR },
        { "json", no_argument, NULL, OPTION_JSON },
        { "until", required_argument, NULL, OPTION_UNTIL },
        { "message", required_argument, NULL, OPTION_MESSAGE },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    opterr = 0;
    for (;;) {
        switch (getopt_long(argc, argv, "c:h", known, NULL)) {
        case -1:
            return take_words(command, options, argv + optind, (size_t)(argc - optind));
        case 'c':
            options->config = optarg;
            break;
        case OPTION_RUNTIME_DIR:
            options->runtime_dir = optarg;
            break;
        case OPTION_JSON:
            options->json = true;
            break;
        case OPTION_UNTIL:
            options->until = optarg;
            break;
        case OPTION_MESSAGE:
            options->message = optarg;
            break;
        case 'h':
            print_command_help(command);
            return EXIT_SUCCESS;
        default:
            return usage_error(command, "there is an unknown option, or one without its value");
        }
    }
}

static const struct command *find_command(const char *name)
{
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static int run_command(int argc, char **argv)
{
    struct options options = { 0 };
    const struct command *command = find_command(argv[0]);
    if (!command) {
        fprintf(stderr, "cong: there is no command \"%s\"\n\n", argv[0]);
        print_help(stderr);
        return EXIT_USAGE;
    }
    int status = parse_options(command, &options, argc, argv);
    return status == PARSE_GO_ON ? command->run(command, &options) : status;
}

/* --- children: "_worker SLOT UID:GID", started by the supervisor alone ----------------------- */

static int run_child(char **argv)
{
    struct privileges privileges;
    struct err e;
    char name[] = "cong worker 00";
    int slot = (int)strtol(argv[1], NULL, 10);
    bool is_worker = strcmp(argv[0], "_worker") == 0;
    if (is_worker)
        snprintf(name, sizeof(name), "cong worker %d", slot);
    else
        snprintf(name, sizeof(name), "cong keeper");
    prctl(PR_SET_NAME, name); /* for top and pkill, which would see "exe" */
    log_set_process(name + strlen("cong "));
    if (privileges_parse(&privileges, argv[2]) < 0)
        return EXIT_USAGE;
    if (privileges_drop(&privileges, &e) < 0) {
        log_write(LOG_ERROR, "%s", e.text);
        return EXIT_FAILURE;
    }
    return is_worker ? worker_main(slot, CHILD_CHANNEL_FD, CHILD_BOARD_FD, CHILD_STORE_FD)
                     : keeper_main(CHILD_CHANNEL_FD, CHILD_BOARD_FD, CHILD_STORE_FD);
}

int main(int argc, char **argv)
{
    tls_memory_init();
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (argc == 4 && argv[1][0] == '_')
        return run_child(argv + 1);
    return run_command(argc - 1, argv + 1);
}
