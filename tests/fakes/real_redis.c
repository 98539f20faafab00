#include "fakes/real_redis.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define ARGUMENTS_MAX (REAL_REDIS_OPTIONS_MAX + 20)
#define ATTEMPTS 2000
#define PAUSE_MS 10
#define PORT_FIRST 10000 /* up to where net.ipv4.ip_local_port_range begins */
#define PORT_COUNT 22000

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

static bool is_free(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_ok = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return is_ok;
}

/* Not one that the kernel may give to an outgoing connection before a server has bound it: of this
 * test, of others beside it, or of who asks whether the server accepts and is connected to itself.
 */
uint16_t real_redis_free_port(void)
{
    static unsigned next;
    if (next == 0)
        next = (unsigned)getpid() * 131; /* tests that run side by side begin far apart */
    for (int i = 0; i < ATTEMPTS; i++) {
        uint16_t port = (uint16_t)(PORT_FIRST + next++ % PORT_COUNT);
        if (is_free(port))
            return port;
    }
    abort();
}

static bool accepts(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_ok = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return is_ok;
}

static const char *write_config(const struct real_redis *r)
{
    static char path[96];
    snprintf(path, sizeof(path), "%s/sentinel.conf", r->folder);
    FILE *f = fopen(path, "w");
    REQUIRE(f && fputs(r->sentinel, f) >= 0 && fclose(f) == 0);
    return path;
}

static void run(const struct real_redis *r)
{
    static const char *const stores[] = {
        "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"
    };
    const char *argv[ARGUMENTS_MAX] = { "redis-server" };
    size_t count = 1;
    char port[16];
    snprintf(port, sizeof(port), "%u", r->port);
    if (r->sentinel)
        argv[count++] = write_config(r);
    const char *const common[] = { "--port", port,      "--bind",    "127.0.0.1",
                                   "--dir",  r->folder, "--logfile", "redis.log" };
    for (size_t i = 0; i < ARRAY_LEN(common); i++)
        argv[count++] = common[i];
    if (r->sentinel)
        argv[count++] = "--sentinel";
    for (size_t i = 0; i < ARRAY_LEN(stores) && !r->sentinel; i++)
        argv[count++] = stores[i];
    for (size_t i = 0; r->options[i]; i++)
        argv[count++] = r->options[i];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[0], (char **)argv);
    _exit(127);
}

void real_redis_restart(struct real_redis *r)
{
    r->pid = fork();
    REQUIRE(r->pid >= 0);
    if (r->pid == 0)
        run(r);
    for (int i = 0; !accepts(r->port); i++) {
        REQUIRE(i < ATTEMPTS && waitpid(r->pid, NULL, WNOHANG) == 0);
        poll(NULL, 0, PAUSE_MS);
    }
}

void real_redis_start(struct real_redis *r)
{
    snprintf(r->folder, sizeof(r->folder), "/tmp/cong-redis-XXXXXX");
    REQUIRE(mkdtemp(r->folder));
    r->port = real_redis_free_port();
    real_redis_restart(r);
}

void real_redis_signal(struct real_redis *r, int number)
{
    REQUIRE(kill(r->pid, number) == 0);
}

void real_redis_kill(struct real_redis *r)
{
    if (r->pid == 0)
        return;
    kill(r->pid, SIGKILL);
    REQUIRE(waitpid(r->pid, NULL, 0) == r->pid);
    r->pid = 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

void real_redis_stop(struct real_redis *r)
{
    real_redis_kill(r);
    if (r->folder[0])
        nftw(r->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    r->folder[0] = '\0';
}
