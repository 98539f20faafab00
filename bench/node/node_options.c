#include "bench/node/node_options.h"

#include "config/units.h"

#include <stdlib.h>
#include <uv.h>

const char node_options_help[] =
    "Usage: cong-bench node --listen ADDR:PORT [OPTION]...\n"
    "\n"
    "A simulated processing node: an HTTP/1.1 server to put behind a gateway. It prints one line\n"
    "for each address when it is ready, and runs until SIGTERM or SIGINT. SIGUSR1 makes it lose "
    "the\n"
    "next dossier: a receipt is given, but no line goes to the journal.\n"
    "\n"
    "  --listen ADDR:PORT  127.0.0.1:9001 or [::1]:9001; port 0 takes a free one; may be repeated\n"
    "  --name NAME         letters, digits, \".\", \"_\", \"-\" (default: node); sent as X-Node\n"
    "  --journal FILE      append a JSON line to FILE for each dossier stored\n"
    "  --unique yes        store one dossier for each Idempotency-Key, and give its receipt "
    "again;\n"
    "                      nodes may share the FILE then\n"
    "  --arrivals yes      one more line as soon as a dossier with an Idempotency-Key comes\n"
    "  --latency DIST      0 (default), 20ms, uniform:5ms-50ms, lognormal:median=15ms,mean=30ms\n"
    "  --body BYTES        body of the answer on any unknown path, 4096 or 64KiB (default: 1024)\n"
    "  --unsent BYTES      of an answer, that the kernel takes beyond what it can send (default: "
    "as\n"
    "                      it likes, up to megabytes)\n"
    "  --error-rate P      share of requests answered with 500, 0 to 1; nothing is stored\n"
    "  --hang-rate P       share of requests never answered; nothing is stored\n"
    "  --reset-rate P      share of requests whose work is done and connection then reset\n"
    "  --seed N            of the chance above and of the content of bodies (default: 1)\n"
    "  --help\n"
    "\n"
    "Paths\n"
    "  /                   a page that names the node; any unknown path: --body bytes of text\n"
    "  /echo               any method: the request as JSON; ?body=1: its body (up to 16 MiB)\n"
    "  POST /dossiers      stores a dossier: 201, X-Receipt, {receipt, sha256, bytes, node}\n"
    "  GET /dossiers/R     whether receipt R is stored: 200 or 404, {receipt, stored, node}\n"
    "  GET /keys/K         with --unique: what Idempotency-Key K has led to, 200 or 404\n"
    "  PUT,POST /upload    takes a body of any size: {bytes, sha256, node}\n"
    "  GET /download       ?bytes=N of content that repeats itself from run to run, X-SHA256\n"
    "  GET /events         server-sent events, ?count=10 (0: without end), ?interval=100ms\n"
    "  GET /ws             WebSocket echo, messages up to 1 MiB\n"
    "  GET /stats          counters as JSON; POST /stats/reset; neither counts, delays or fails\n"
    "  POST /outages       ?kind=hang, slow, reset or flap breaks the node; &time=3s: how slow, "
    "how\n"
    "                      long down and up; &listener=2: at one --listen, from 0; "
    "&path=/dan-cu/:\n"
    "                      only what begins so; kind=none mends it. Does not count or fail "
    "itself.\n"
    "\n"
    "Query parameters of any request\n"
    "  delay=200ms  status=503  bytes=100000  chunked=1  trailer=1  rate=64KiB (a second)\n"
    "  interim=103         an interim answer first\n"
    "  header=Name:Value   a header line, %-decoded and then sent as it is; may be repeated\n"
    "  hang=1              no answer\n"
    "  close=head          the work is done, but the connection closed instead of an answer\n"
    "  close=body          ... in the middle of the body, close=mid-chunk of a chunk\n"
    "  close=end           no length: the body ends with the connection\n"
    "  expect=417          refuses a request that expects 100-continue\n"
    "A status of 400 or more on POST /dossiers, and hang=1, store nothing.\n";

static int parse_listen(struct node_options *o, const char *text, struct err *e)
{
    char host[64];
    uint64_t port;
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    bool bracketed = len > 2 && text[0] == '[' && colon[-1] == ']';
    struct slice name = bracketed ? slice_of(text + 1, len - 2) : slice_of(text, len);
    if (o->listen_count == NODE_LISTENS)
        return err_set(e, ERR_LIMIT, "--listen may be given %d times at most", NODE_LISTENS);
    if (!colon || !slice_to_u64(slice_str(colon + 1), &port) || port > 65535 ||
        name.len >= sizeof(host))
        return err_set(e, ERR_INVALID,
                       "--listen: \"%s\" is not an address and port such as 127.0.0.1:9001", text);
    memcpy(host, name.data, name.len);
    host[name.len] = '\0';
    void *to = &o->listens[o->listen_count++];
    int rc = bracketed ? uv_ip6_addr(host, (int)port, to) : uv_ip4_addr(host, (int)port, to);
    return rc ? err_set(e, ERR_INVALID, "--listen: \"%s\" is not an IP address", host) : 0;
}

static int parse_name(struct node_options *o, const char *text, struct err *e)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strlen(text);
    if (len == 0 || len > NODE_NAME_LEN || strspn(text, allowed) != len)
        return err_set(e, ERR_INVALID,
                       "--name: \"%s\" is not up to %d letters, digits, \".\", \"_\" and \"-\"",
                       text, NODE_NAME_LEN);
    memcpy(o->name, text, len + 1);
    return 0;
}

static int parse_journal(struct node_options *o, const char *text, struct err *e)
{
    o->journal = text;
    return text[0] ? 0 : err_set(e, ERR_INVALID, "--journal needs the name of a file");
}

static int parse_yes(bool *is_yes, const char *option, const char *text, struct err *e)
{
    *is_yes = strcmp(text, "yes") == 0;
    if (*is_yes || strcmp(text, "no") == 0)
        return 0;
    return err_set(e, ERR_INVALID, "%s: \"%s\" is neither yes nor no", option, text);
}

static int parse_unique(struct node_options *o, const char *text, struct err *e)
{
    return parse_yes(&o->unique, "--unique", text, e);
}

static int parse_arrivals(struct node_options *o, const char *text, struct err *e)
{
    return parse_yes(&o->arrivals, "--arrivals", text, e);
}

static int parse_latency(struct node_options *o, const char *text, struct err *e)
{
    struct err why;
    int rc = latency_parse(&o->latency, slice_str(text), &why);
    return rc ? err_set(e, rc, "--latency: %s", why.text) : 0;
}

static int parse_size(uint64_t *bytes, const char *option, const char *text, struct err *e)
{
    struct err why;
    if (slice_to_u64(slice_str(text), bytes))
        return 0;
    int rc = units_parse(UNIT_SIZE, slice_str(text), bytes, &why);
    return rc ? err_set(e, rc, "%s: %s", option, why.text) : 0;
}

static int parse_body(struct node_options *o, const char *text, struct err *e)
{
    return parse_size(&o->body_bytes, "--body", text, e);
}

static int parse_unsent(struct node_options *o, const char *text, struct err *e)
{
    return parse_size(&o->unsent_bytes, "--unsent", text, e);
}

static int parse_rate(double *rate, const char *option, const char *text, struct err *e)
{
    char *end;
    *rate = strtod(text, &end);
    if (end == text || *end || !(*rate >= 0 && *rate <= 1))
        return err_set(e, ERR_INVALID, "%s: \"%s\" is not a share between 0 and 1", option, text);
    return 0;
}

static int parse_error_rate(struct node_options *o, const char *text, struct err *e)
{
    return parse_rate(&o->error_rate, "--error-rate", text, e);
}

static int parse_hang_rate(struct node_options *o, const char *text, struct err *e)
{
    return parse_rate(&o->hang_rate, "--hang-rate", text, e);
}

static int parse_reset_rate(struct node_options *o, const char *text, struct err *e)
{
    return parse_rate(&o->reset_rate, "--reset-rate", text, e);
}

static int parse_seed(struct node_options *o, const char *text, struct err *e)
{
    if (!slice_to_u64(slice_str(text), &o->seed))
        return err_set(e, ERR_INVALID, "--seed: \"%s\" is not a whole number", text);
    return 0;
}

static const struct option {
    const char *name;
    int (*parse)(struct node_options *o, const char *text, struct err *e);
} options[] = {
    { "--listen", parse_listen },       { "--name", parse_name },
    { "--journal", parse_journal },     { "--latency", parse_latency },
    { "--body", parse_body },           { "--error-rate", parse_error_rate },
    { "--hang-rate", parse_hang_rate }, { "--reset-rate", parse_reset_rate },
    { "--seed", parse_seed },           { "--unique", parse_unique },
    { "--arrivals", parse_arrivals },   { "--unsent", parse_unsent },
};

static const struct option *find(const char *word, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (strlen(options[i].name) == len && memcmp(options[i].name, word, len) == 0)
            return &options[i];
    return NULL;
}

/* `argv` is at an option; NULL stands behind the last. Returns how many words it took. */
static int parse_option(struct node_options *o, char **argv, struct err *e)
{
    size_t len = strcspn(argv[0], "=");
    bool has_value = argv[0][len] == '=';
    const struct option *option = find(argv[0], len);
    if (!option)
        return err_set(e, ERR_INVALID, "there is no option \"%s\"", argv[0]);
    const char *value = has_value ? argv[0] + len + 1 : argv[1];
    if (!value)
        return err_set(e, ERR_INVALID, "%s needs a value", option->name);
    int rc = option->parse(o, value, e);
    return rc ? rc : has_value ? 1 : 2;
}

int node_options_parse(struct node_options *o, int argc, char **argv, struct err *e)
{
    *o = (struct node_options){ .name = "node", .body_bytes = 1024, .seed = 1 };
    for (int i = 1; i < argc;) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            o->wants_help = true;
            return 0;
        }
        int taken = parse_option(o, argv + i, e);
        if (taken < 0)
            return taken;
        i += taken;
    }
    if (o->listen_count == 0)
        return err_set(e, ERR_INVALID, "--listen ADDR:PORT is needed");
    if (o->error_rate + o->hang_rate + o->reset_rate > 1)
        return err_set(e, ERR_INVALID, "the error, hang and reset rates are more than 1 together");
    return 0;
}
