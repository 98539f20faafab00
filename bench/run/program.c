#include "bench/run/program.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_US 5000

static void restore_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
}

static bool redirect_output(const char *log_path)
{
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int log = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    return input >= 0 && log >= 0 && dup2(input, STDIN_FILENO) >= 0 &&
           dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0;
}

/* In the forked process; never returns. */
static void become(const char *name, const struct program_launch *how, pid_t parent)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, how->death_signal);
    if (getppid() != parent)
        _exit(127); /* the coordinator died before the kernel was told */
    restore_signals();
    if (how->cores)
        sched_setaffinity(0, sizeof(*how->cores), how->cores);
    if (!redirect_output(how->log_path))
        _exit(127);
    if (how->call) {
        prctl(PR_SET_NAME, name);
        int code = how->call(how->argument);
        fflush(NULL);
        _exit(code);
    }
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    execv(how->argv[0], how->argv);
    fprintf(stderr, "cannot execute %s: %s\n", how->argv[0], strerror(errno));
    fflush(stderr);
    _exit(127);
}

int program_start(struct program *p, const char *name, const struct program_launch *how,
                  struct err *e)
{
    pid_t parent = getpid();
    *p = (struct program){ .pid = 0 };
    snprintf(p->name, sizeof(p->name), "%s", name);
    fflush(NULL); /* or the child would write it once more */
    pid_t pid = fork();
    if (pid == 0)
        become(name, how, parent);
    if (pid < 0)
        return err_system(e, "cannot start %s", name);
    p->pid = pid;
    return 0;
}

void program_signal(const struct program *p, int number)
{
    if (p->pid)
        kill(p->pid, number);
}

static void wait_for(struct program *p, int flags)
{
    pid_t ended;
    do
        ended = waitpid(p->pid, &p->wait_status, flags);
    while (ended < 0 && errno == EINTR);
    if (ended != 0)
        p->pid = 0;
}

bool program_runs(struct program *p)
{
    if (p->pid)
        wait_for(p, WNOHANG);
    return p->pid != 0;
}

void program_stop(struct program *p, int number, uint32_t patience_ms)
{
    uint64_t deadline_ms = clock_now_ms() + patience_ms;
    program_signal(p, number);
    program_signal(p, SIGCONT); /* a fault may have stopped it */
    while (program_runs(p) && clock_now_ms() < deadline_ms)
        usleep(LOOK_US);
    if (!p->pid)
        return;
    program_signal(p, SIGKILL);
    wait_for(p, 0);
}

void program_describe_end(const struct program *p, char *out, size_t size)
{
    int status = p->wait_status;
    if (WIFSIGNALED(status))
        snprintf(out, size, "%s was killed by SIG%s", p->name, sigabbrev_np(WTERMSIG(status)));
    else
        snprintf(out, size, "%s exited with status %d", p->name, WEXITSTATUS(status));
}
