/* peer-client: the load of `make bench-peers` that wrk and h2load cannot make. It knows one
 * machine's loopback, TLS 1.3 and HTTP/1.1, verifies nobody, and prints one JSON object at its end.
 *
 *   full    new connections in a closed loop, one request each, which asks to close
 *   resume  the same with the tickets of earlier ones; the first of each slot is a full handshake
 *   idle    opens connections, asks one question on each, prints "ready", and does nothing until
 * its standard input ends: users who read. "held" says how many were not closed meanwhile rate kept
 * connections, a fixed number of requests a second; the times are from the moment at which a
 * request was due, so that a proxy's pause is not forgiven */
#include "bench/measure/histogram.h"
#include "bench/peers/connection.h"
#include "common/clock.h"
#include "common/mem.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define IDLE_OPENING 32   /* connections that idle opens at a time */
#define ERRORS_MAX 1000   /* then there is nothing to measure */
#define PAUSE_MS 100      /* longest sleep */
#define REQUEST_BYTES 512 /* room for it */
#define NUMBER_MAX 1000000

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
enum mode { MODE_FULL, MODE_RESUME, MODE_IDLE, MODE_RATE };

static const char *const mode_names[] = { "full", "resume", "idle", "rate" };

struct client {
    enum mode mode;
    unsigned long connection_count, seconds, rate, port;
    const char *target;

    struct connection_plan plan;
    char request[REQUEST_BYTES];
    struct connection *connections; /* owned */
    struct list spare;              /* with `rate`: connections that wait for a question */
    size_t begun;                   /* connections opened so far */
    uint64_t started_us, asked;
    uint64_t handshakes, resumed, answers, errors, held;
    struct hdr response;
};

/* --- what happens to connections -------------------------------------------------------------- */

static void on_lost(struct client *cl, struct connection *c);

static void open_one(struct client *cl, struct connection *c)
{
    c->due_us = clock_now_us();
    if (!connection_open(c, cl->begun++))
        on_lost(cl, c);
}

static void open_next(struct client *cl)
{
    if (cl->begun < cl->connection_count)
        open_one(cl, &cl->connections[cl->begun]);
}

static void on_lost(struct client *cl, struct connection *c)
{
    cl->held -= c->state == CONNECTION_AT_REST;
    cl->errors += c->state != CONNECTION_AT_REST;
    connection_close(c);
    if (cl->errors >= ERRORS_MAX)
        return;
    if (cl->mode == MODE_IDLE)
        open_next(cl);
    else
        open_one(cl, c);
}

static void ask(struct client *cl, struct connection *c)
{
    cl->asked++;
    if (!connection_ask(c))
        on_lost(cl, c);
}

static void on_ready(struct client *cl, struct connection *c)
{
    cl->handshakes++;
    cl->resumed += connection_is_resumed(c);
    if (cl->mode == MODE_RATE)
        list_push_front(&cl->spare, &c->spare);
    else
        ask(cl, c);
}

static void on_answered(struct client *cl, struct connection *c)
{
    cl->answers++;
    hdr_record(&cl->response, clock_now_us() - c->due_us);
    switch (cl->mode) {
    case MODE_FULL:
    case MODE_RESUME:
        connection_close(c);
        open_one(cl, c);
        break;
    case MODE_IDLE:
        connection_rest(c);
        cl->held++;
        open_next(cl);
        break;
    case MODE_RATE:
        c->is_answered = false; /* what comes unasked for is no answer */
        list_push_front(&cl->spare, &c->spare);
        break;
    }
}

static void on_event(struct client *cl, struct connection *c)
{
    switch (connection_advance(c)) {
    case CONNECTION_NOTHING:
        break;
    case CONNECTION_READY:
        on_ready(cl, c);
        break;
    case CONNECTION_ANSWERED:
        on_answered(cl, c);
        break;
    case CONNECTION_LOST:
        list_remove(&c->spare);
        on_lost(cl, c);
        break;
    }
}

/* --- the loop --------------------------------------------------------------------------------- */

/* The instant of the next request of the schedule, which begins when all connections are there. */
static uint64_t next_due_us(const struct client *cl)
{
    return cl->started_us + cl->asked * 1000000 / cl->rate;
}

static void keep_schedule(struct client *cl)
{
    if (cl->started_us == 0 && cl->handshakes < cl->connection_count)
        return;
    if (cl->started_us == 0)
        cl->started_us = clock_now_us();
    while (!list_is_empty(&cl->spare) && next_due_us(cl) <= clock_now_us()) {
        struct connection *c = CONTAINER_OF(cl->spare.next, struct connection, spare);
        list_remove(&c->spare);
        c->due_us = next_due_us(cl);
        ask(cl, c);
    }
}

static void wait_for_events(struct client *cl, uint64_t until_us)
{
    struct epoll_event events[EVENTS];
    uint64_t now_us = clock_now_us();
    uint64_t pause_us = MIN(until_us > now_us ? until_us - now_us : 0, PAUSE_MS * 1000U);
    struct timespec pause = { .tv_nsec = (long)pause_us * 1000 };
    int n = epoll_pwait2(cl->plan.epoll, events, EVENTS, &pause, NULL);
    for (int i = 0; i < n; i++)
        if (events[i].data.ptr)
            on_event(cl, events[i].data.ptr);
}

static void run_for_seconds(struct client *cl)
{
    uint64_t end_us = clock_now_us() + cl->seconds * 1000000;
    for (unsigned long i = 0; i < cl->connection_count; i++)
        open_one(cl, &cl->connections[i]);
    while (clock_now_us() < end_us && cl->errors < ERRORS_MAX) {
        bool has_work = cl->mode == MODE_RATE && cl->started_us && !list_is_empty(&cl->spare);
        wait_for_events(cl, has_work ? next_due_us(cl) : end_us);
        if (cl->mode == MODE_RATE)
            keep_schedule(cl);
    }
}

/* Watches what is at rest while nothing is to be read from standard input. */
static void hold(struct client *cl)
{
    struct epoll_event events[EVENTS], input = { .events = EPOLLIN };
    if (epoll_ctl(cl->plan.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0)
        return; /* a file: it has ended, so to speak */
    for (;;) {
        int n = epoll_wait(cl->plan.epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (!events[i].data.ptr)
                return;
            on_event(cl, events[i].data.ptr);
        }
    }
}

static void run_idle(struct client *cl)
{
    for (int i = 0; i < IDLE_OPENING; i++)
        open_next(cl);
    while (cl->answers + cl->errors < cl->connection_count && cl->errors < ERRORS_MAX)
        wait_for_events(cl, UINT64_MAX);
    puts("ready");
    fflush(stdout);
    hold(cl);
}

/* --- beginning and end ------------------------------------------------------------------------ */

static bool prepare(struct client *cl)
{
    bool closes = cl->mode == MODE_FULL || cl->mode == MODE_RESUME;
    int len =
        snprintf(cl->request, sizeof(cl->request), "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
                 cl->target, closes ? "Connection: close\r\n" : "");
    if (len < 0 || (size_t)len >= sizeof(cl->request)) {
        errno = ENAMETOOLONG;
        return false;
    }
    cl->plan = (struct connection_plan){ .tls = connection_tls(cl->mode == MODE_RESUME),
                                         .epoll = epoll_create1(EPOLL_CLOEXEC),
                                         .port = (uint16_t)cl->port,
                                         .request = cl->request,
                                         .request_len = (size_t)len,
                                         .closes = closes };
    cl->connections = mem_new_array(cl->connection_count, sizeof(*cl->connections));
    list_init(&cl->spare);
    for (unsigned long i = 0; i < cl->connection_count; i++)
        connection_init(&cl->connections[i], &cl->plan);
    hdr_init(&cl->response);
    return cl->plan.tls && cl->plan.epoll >= 0;
}

static void finish(struct client *cl)
{
    for (unsigned long i = 0; cl->connections && i < cl->connection_count; i++)
        connection_fini(&cl->connections[i]);
    mem_free(cl->connections);
    SSL_CTX_free(cl->plan.tls);
    close(cl->plan.epoll);
}

static void print_result(const struct client *cl)
{
    printf("{\"mode\":\"%s\",\"connections\":%lu,\"answers\":%llu,\"resumed\":%llu,"
           "\"errors\":%llu,\"held\":%llu,\"p50_us\":%llu,\"p99_us\":%llu}\n",
           mode_names[cl->mode], cl->connection_count, (unsigned long long)cl->answers,
           (unsigned long long)cl->resumed, (unsigned long long)cl->errors,
           (unsigned long long)cl->held, (unsigned long long)hdr_quantile(&cl->response, 0.5),
           (unsigned long long)hdr_quantile(&cl->response, 0.99));
}

static bool parse_number(const char *text, unsigned long *value)
{
    char *end;
    errno = 0;
    *value = strtoul(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *value > 0 && *value <= NUMBER_MAX;
}

static bool parse_mode(const char *text, enum mode *mode)
{
    for (size_t i = 0; i < ARRAY_LEN(mode_names); i++) {
        *mode = (enum mode)i;
        if (text && strcmp(text, mode_names[i]) == 0)
            return true;
    }
    return false;
}

static bool parse_options(struct client *cl, int argc, char **argv)
{
    static const struct option options[] = { { "port", required_argument, NULL, 'p' },
                                             { "connections", required_argument, NULL, 'c' },
                                             { "seconds", required_argument, NULL, 's' },
                                             { "rate", required_argument, NULL, 'r' },
                                             { "target", required_argument, NULL, 't' },
                                             { 0 } };
    bool ok = parse_mode(argv[1], &cl->mode);
    for (int o = getopt_long(argc, argv, "", options, NULL); o != -1 && ok;
         o = getopt_long(argc, argv, "", options, NULL)) {
        unsigned long *numbers[] = { ['p'] = &cl->port,
                                     ['c'] = &cl->connection_count,
                                     ['s'] = &cl->seconds,
                                     ['r'] = &cl->rate };
        if (o == 't')
            cl->target = optarg;
        else
            ok = o != '?' && parse_number(optarg, numbers[o]);
    }
    return ok && optind == argc - 1 && cl->port > 0 && cl->port <= UINT16_MAX;
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(struct client *cl)
{
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    if (!prepare(cl)) {
        fprintf(stderr, "peer-client: cannot begin: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    if (cl->mode == MODE_IDLE)
        run_idle(cl);
    else
        run_for_seconds(cl);
    print_result(cl);
    return cl->errors < ERRORS_MAX ? EXIT_OK : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct client *client = mem_new(sizeof(*client));
    *client = (struct client){
        .connection_count = 32, .seconds = 10, .rate = 1000, .target = "/any", .plan.epoll = -1
    };
    int status = EXIT_USAGE;
    if (argc >= 2 && parse_options(client, argc, argv))
        status = run(client);
    else
        fputs("Usage: peer-client full|resume|idle|rate --port N [--connections 32]\n"
              "                   [--seconds 10] [--rate 1000] [--target /any]\n",
              stderr);
    finish(client);
    mem_free(client);
    return status;
}
