#include "bench/run/environment.h"

#include "bench/run/proc_file.h"
#include "common/slice.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <uv.h>

#define TEXT_BYTES 4096
#define MIB (1024ull * 1024)

static void add(struct result *r, bool is_machine, const char *name, const char *value)
{
    char *copy = arena_printf(&r->arena, "%s", value);
    if (copy && r->fact_count < RESULT_FACTS_MAX)
        r->facts[r->fact_count++] = (struct result_fact){ name, copy, is_machine };
}

/* What stands behind `label` and a colon in a line of the file. */
static void add_line(struct result *r, const char *name, const char *path, const char *label)
{
    char text[TEXT_BYTES];
    proc_file_read(path, text, sizeof(text));
    const char *at = strstr(text, label);
    at = at ? strchr(at, ':') : NULL;
    struct slice rest = slice_str(at ? at + 1 : "unknown");
    char value[256];
    rest.len = slice_find(rest, '\n');
    snprintf(value, sizeof(value), "%.*s", SLICE_ARG(slice_trim(rest)));
    add(r, true, name, value);
}

static void add_kernel_setting(struct result *r, const char *name, const char *path)
{
    char text[128];
    proc_file_read(path, text, sizeof(text));
    for (char *c = text; *c; c++)
        *c = *c == '\t' ? ' ' : *c;
    text[strcspn(text, "\n")] = '\0';
    add(r, true, name, text);
}

static void add_number(struct result *r, const char *name, uint64_t value, const char *unit)
{
    char text[64];
    snprintf(text, sizeof(text), "%llu%s", (unsigned long long)value, unit);
    add(r, true, name, text);
}

static void add_cores(struct result *r, const char *name, const cpu_set_t *set)
{
    char text[256] = "";
    size_t len = 0;
    for (size_t core = 0; core < CPU_SETSIZE && len + 8 < sizeof(text); core++)
        if (CPU_ISSET(core, set))
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%zu", len ? "," : "", core);
    add(r, false, name, text);
}

static void add_machine(struct result *r)
{
    struct utsname system;
    struct rlimit files = { .rlim_max = 0 };
    char text[512];
    uname(&system);
    getrlimit(RLIMIT_NOFILE, &files);
    snprintf(text, sizeof(text), "%s %s %s", system.sysname, system.release, system.machine);
    add(r, true, "kernel", text);
    add_line(r, "processor", "/proc/cpuinfo", "model name");
    add_number(r, "cores", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), "");
    add_number(r, "memory",
               (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / MIB, " MiB");
    add_number(r, "open files a process", files.rlim_max, "");
    add_kernel_setting(r, "listen queue", "/proc/sys/net/core/somaxconn");
    add_kernel_setting(r, "TCP memory pages", "/proc/sys/net/ipv4/tcp_mem");
    add_kernel_setting(r, "clients' ports", "/proc/sys/net/ipv4/ip_local_port_range");
}

/* The sources that this is of, when they lie in a git checkout around the program. */
static void add_commit(struct result *r)
{
    char program[1024], command[1200], text[128] = "";
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (len < 0)
        return;
    program[len] = '\0';
    *strrchr(program, '/') = '\0';
    if (strchr(program, '\'')) /* no quoting of quotes */
        return;
    snprintf(command, sizeof(command),
             "git -C '%s' describe --always --dirty --abbrev=12 2>/dev/null", program);
    FILE *git = popen(command, "re"); /* NOLINT(cert-env33-c): the command is ours, see above */
    if (git && fgets(text, sizeof(text), git))
        add(r, false, "commit", strtok_r(text, "\n", &(char *){ NULL }));
    if (git)
        pclose(git);
}

void environment_add(struct result *r, const struct placement *p)
{
    add_machine(r);
    add_cores(r, "gateway's and nodes' cores", &p->gateway);
    add_cores(r, "generators' cores", &p->generators);
    add(r, false, "cong", CONG_VERSION);
    add(r, false, "compiler", __VERSION__);
    add(r, false, "OpenSSL", OpenSSL_version(OPENSSL_VERSION));
    add(r, false, "libuv", uv_version_string());
    add_commit(r);
}
