"""A gateway whose only worker runs under callgrind, and what a request costs it."""

import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from env import Gateway, request_bytes  # noqa: E402

# The supervisor starts its children from /proc/self/exe, which under valgrind is valgrind; so it runs
# by itself, and this, preloaded, puts callgrind before its workers alone.
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int execv(const char *path, char *const argv[])
{
    static char exe[4096];
    int (*next)(const char *, char *const[]) = dlsym(RTLD_NEXT, "execv");
    if (!argv[1] || strcmp(argv[1], "_worker") != 0 || readlink(path, exe, sizeof(exe) - 1) < 0)
        return next(path, argv);
    char *out = getenv("CALLGRIND_OUT"), *all[32] = { "valgrind", "--tool=callgrind", "-q", out, exe };
    unsetenv("LD_PRELOAD");
    for (int i = 1; argv[i] && i < 26; i++)
        all[4 + i] = argv[i];
    return next("/usr/bin/valgrind", all);
}
"""
CONNECTIONS = 20


def fresh_folder():
    """A folder for what callgrind writes, and in it the shim."""
    folder = ROOT / "build" / "cost"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(["gcc", "-shared", "-fPIC", "-xc", "-", "-o", folder / "shim.so"], input=SHIM,
                   text=True, check=True)
    return str(folder)


class Worker:
    """One gateway, whose only worker runs under callgrind unless it is `native`."""

    def __init__(self, nodes, folder, tls=None, native=False, program=Gateway, **settings):
        self.folder = folder
        prefix = [] if native else ["env", f"LD_PRELOAD={folder}/shim.so",
                                    f"CALLGRIND_OUT=--callgrind-out-file={folder}/out.%p"]
        self.gateway = program(*nodes, prefix=prefix, listeners=[{"tls": tls} if tls else {}],
                               **settings)
        self.pid = self.gateway.worker_pids()["worker 0"]
        self.clients = [self.gateway.connect() for _ in range(CONNECTIONS)]

    def sign_in(self, count):
        """Cookies of so many sessions."""
        return [self._sign_in(number) for number in range(count)]

    def _sign_in(self, number):
        order = f"/login?header=X-Cong-Session:%20create;%20uid=u{number};%20level=1"
        client = self.clients[number % CONNECTIONS]
        answer = client.request("GET", order)
        assert answer.status == 200, answer
        return answer.headers.get("Set-Cookie").partition(";")[0]

    def instructions(self, target, cookies, requests):
        """A request, on the average of so many."""
        self._warm_up(target, cookies)
        self._control("--zero")
        self._ask(target, cookies, requests)
        before = set(Path(self.folder).iterdir())
        self._control("--dump")
        (dump,) = set(Path(self.folder).iterdir()) - before
        total = re.search(r"^(?:summary|totals): (\d+)", dump.read_text(), re.M)
        return int(total[1]) / requests

    def times(self, targets, requests, rounds=10):
        """Nanoseconds a request, for each of the targets, round by round."""
        for target, cookies in targets:
            self._warm_up(target, cookies)
        return [[self._time(target, cookies, requests // rounds) for target, cookies in targets]
                for _ in range(rounds)]

    def _time(self, target, cookies, requests):
        before = self._processor_ns()
        self._ask(target, cookies, requests)
        return (self._processor_ns() - before) / requests

    def _processor_ns(self):
        """Of the worker's first thread, which does all but write the access log."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0])

    def _warm_up(self, target, cookies):
        """Everybody has been here before: people ask for many pages in one session."""
        self._ask_in_turn(target, cookies)

    def _ask(self, target, cookies, requests):
        chance = random.Random(1)
        self._ask_in_turn(target, [chance.choice(cookies) for _ in range(requests)])

    def _ask_in_turn(self, target, cookies):
        for at in range(0, len(cookies), CONNECTIONS):
            asking = list(zip(self.clients, cookies[at:at + CONNECTIONS]))
            for client, cookie in asking:
                client.send(request_bytes("GET", target, [("Cookie", cookie)]))
            for client, _ in asking:
                assert client.read_answer().status == 200

    def _control(self, order):
        subprocess.run(["callgrind_control", order, str(self.pid)], check=True,
                       stdout=subprocess.DEVNULL)

    def close(self):
        for client in self.clients:
            client.close()
        self.gateway.kill()
        shutil.rmtree(self.gateway.folder, ignore_errors=True)
