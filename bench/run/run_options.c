#include "bench/run/run_options.h"

#include "bench/measure/results.h"
#include "common/slice.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

const char run_options_help[] =
    "Usage: cong-bench run SCENARIO [OPTION]...\n"
    "\n"
    "Runs a scenario (a name that `cong-bench list` knows, or a YAML file) against a gateway that "
    "it\n"
    "starts for this purpose, with processing nodes behind it, and says whether the criteria of "
    "the\n"
    "scenario hold.\n"
    "\n"
    "  --scale F             all durations times F: 0.1 is a tenth of the time; the report says "
    "so\n"
    "  --users-scale F       all numbers of users times F\n"
    "  --target HOST:PORT    a gateway that runs already, in place of one of our own\n"
    "  --admin HOST:PORT     ... and where its metrics are\n"
    "  --journal FILE        ... and the journal of a node behind it, which begins empty; may be\n"
    "                        repeated. Without any it cannot be told whether dossiers were lost.\n"
    "  --node HOST:PORT      ... and the first address of the node behind it, whose others are "
    "the\n"
    "                        peers of the provinces, one after another: for scenarios that break "
    "them\n"
    "  --output DIR          where everything goes (default: build/bench/NAME-TIME)\n"
    "  --seed N              of all chance (default: the scenario's)\n"
    "  --generators N        generator processes (default: as many as the users need)\n"
    "  --plain-output        a line every ten seconds, as when the output is no terminal\n"
    "  --help\n"
    "\n"
    "Exit code: 0 PASS, 1 FAIL, 2 INVALID (nothing can be said), 3 usage or a faulty scenario, "
    "130\n"
    "interrupted; Ctrl-C ends the run early and still writes what there is.\n"
    "\n"
    "The shipped scenarios, in bench/scenarios, are meant to be copied. Mistakes are told with "
    "file,\n"
    "line and key.\n";

static int resolve(struct sockaddr_in *out, const char *option, const char *text, struct err *e)
{
    char host[256];
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    uint64_t port;
    if (len == 0 || len >= sizeof(host) || !slice_to_u64(slice_str(colon + 1), &port) ||
        port == 0 || port > 65535)
        return err_set(e, ERR_INVALID, "%s: \"%s\" is not HOST:PORT", option, text);
    memcpy(host, text, len);
    host[len] = '\0';
    struct addrinfo *found, hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
    int rc = getaddrinfo(host, NULL, &hints, &found);
    if (rc)
        return err_set(e, ERR_INVALID, "%s: cannot resolve \"%s\": %s", option, host,
                       gai_strerror(rc));
    memcpy(out, found->ai_addr, sizeof(*out));
    out->sin_port = htons((uint16_t)port);
    freeaddrinfo(found);
    return 0;
}

static int parse_factor(double *factor, const char *option, const char *text, struct err *e)
{
    char *end;
    *factor = strtod(text, &end);
    if (end == text || *end || !(*factor > 0 && *factor <= 1000))
        return err_set(e, ERR_INVALID, "%s: \"%s\" is not a factor above 0, up to 1000", option,
                       text);
    return 0;
}

static int parse_scale(struct run_options *o, const char *text, struct err *e)
{
    return parse_factor(&o->scale, "--scale", text, e);
}

static int parse_users_scale(struct run_options *o, const char *text, struct err *e)
{
    return parse_factor(&o->users_scale, "--users-scale", text, e);
}

static int parse_target(struct run_options *o, const char *text, struct err *e)
{
    char address[INET_ADDRSTRLEN];
    int rc = resolve(&o->target, "--target", text, e);
    if (rc)
        return rc;
    snprintf(o->target_name, sizeof(o->target_name), "%.*s", (int)strcspn(text, ":"), text);
    inet_ntop(AF_INET, &o->target.sin_addr, address, sizeof(address));
    snprintf(o->target_text, sizeof(o->target_text), "%s:%u", address, ntohs(o->target.sin_port));
    return 0;
}

static int parse_admin(struct run_options *o, const char *text, struct err *e)
{
    return resolve(&o->admin, "--admin", text, e);
}

static int parse_node(struct run_options *o, const char *text, struct err *e)
{
    return resolve(&o->node, "--node", text, e);
}

static int parse_journal(struct run_options *o, const char *text, struct err *e)
{
    if (o->journal_count == RUN_OPTIONS_JOURNALS)
        return err_set(e, ERR_LIMIT, "--journal may be given %d times at most",
                       RUN_OPTIONS_JOURNALS);
    o->journals[o->journal_count++] = text;
    return 0;
}

static int parse_output(struct run_options *o, const char *text, struct err *e)
{
    o->output = text;
    return text[0] ? 0 : err_set(e, ERR_INVALID, "--output needs the name of a folder");
}

static int parse_seed(struct run_options *o, const char *text, struct err *e)
{
    o->has_seed = slice_to_u64(slice_str(text), &o->seed);
    return o->has_seed ? 0 : err_set(e, ERR_INVALID, "--seed: \"%s\" is not a whole number", text);
}

static int parse_generators(struct run_options *o, const char *text, struct err *e)
{
    uint64_t count;
    if (!slice_to_u64(slice_str(text), &count) || count < 1 || count >= RESULTS_GENERATORS_MAX)
        return err_set(e, ERR_INVALID, "--generators: \"%s\" is not a number from 1 to %d", text,
                       RESULTS_GENERATORS_MAX - 1);
    o->generators = (uint32_t)count;
    return 0;
}

static const struct option {
    const char *name;
    int (*parse)(struct run_options *o, const char *text, struct err *e);
} options[] = {
    { "--scale", parse_scale },
    { "--users-scale", parse_users_scale },
    { "--target", parse_target },
    { "--admin", parse_admin },
    { "--output", parse_output },
    { "--seed", parse_seed },
    { "--generators", parse_generators },
    { "--journal", parse_journal },
    { "--node", parse_node },
};

static const struct option *find(const char *word, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (strlen(options[i].name) == len && memcmp(options[i].name, word, len) == 0)
            return &options[i];
    return NULL;
}

static int parse_scenario(struct run_options *o, const char *word, struct err *e)
{
    if (o->scenario)
        return err_set(e, ERR_INVALID, "one scenario at a time: \"%s\" or \"%s\"?", o->scenario,
                       word);
    o->scenario = word;
    return 1;
}

static int parse_flag(struct run_options *o, const char *word, struct err *e)
{
    if (strcmp(word, "--plain-output") == 0)
        o->plain_output = true;
    else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        o->wants_help = true;
    else
        return err_set(e, ERR_INVALID, "there is no option \"%s\"", word);
    return 1;
}

/* `argv` is at a word; NULL stands behind the last. Returns how many words it took. */
static int parse_word(struct run_options *o, char **argv, struct err *e)
{
    size_t len = strcspn(argv[0], "=");
    bool has_value = argv[0][len] == '=';
    const struct option *option = find(argv[0], len);
    if (argv[0][0] != '-')
        return parse_scenario(o, argv[0], e);
    if (!option)
        return parse_flag(o, argv[0], e);
    const char *value = has_value ? argv[0] + len + 1 : argv[1];
    if (!value)
        return err_set(e, ERR_INVALID, "%s needs a value", option->name);
    int rc = option->parse(o, value, e);
    return rc ? rc : has_value ? 1 : 2;
}

int run_options_parse(struct run_options *o, int argc, char **argv, struct err *e)
{
    *o = (struct run_options){ .scale = 1, .users_scale = 1 };
    for (int i = 1; i < argc && !o->wants_help;) {
        int taken = parse_word(o, argv + i, e);
        if (taken < 0)
            return taken;
        i += taken;
    }
    if (o->wants_help)
        return 0;
    if (!o->scenario)
        return err_set(e, ERR_INVALID, "which scenario? `cong-bench list` tells what there is");
    bool is_of_target = o->admin.sin_family || o->node.sin_family || o->journal_count > 0;
    if (is_of_target && !o->target.sin_family)
        return err_set(e, ERR_INVALID, "--admin, --journal and --node go with --target");
    return 0;
}
