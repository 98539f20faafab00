#!/usr/bin/python3
"""What sessions and two rate limits cost the worker, a request: of a route without them, with them
embedded, and with them and a Redis.

    bench/cost/shared_state.py [--sessions 10000] [--requests 20000] [--time] [--plain] [--check]

Counted are instructions, by callgrind: some fifty times slower, and the same on a busy machine. That is
too much where the processor has instructions for SHA-256, which valgrind does not know, and leaves out
what the kernel does. --time takes the worker's processor time instead, kernel and all, in rounds that
change off, and tells the median of their ratios; it wants a quiet machine.

Requests go over TLS 1.3, for a session's cookie goes no other way; where there are no sessions they
carry a cookie of another name that is as long. --plain leaves TLS out, and with it the sessions.
--check fails when a ratio is above its limit (1.10 and 1.15). Needs `make`, and Debian's valgrind and
redis-server."""

import argparse
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from env import Certs, Gateway, Node, RawClient, Redis, request_bytes  # noqa: E402

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
LIMITS = {"embedded": 1.10, "redis": 1.15}
CONNECTIONS = 20
RATES = [{"name": "person", "key": "session", "limit": 1000000, "period": "1m"},
         {"name": "network", "key": "address", "limit": 1000000, "period": "1m"}]
WITH = {"session": "required", "rate_limits": ["person", "network"]}
SETTINGS = {
    "rate_limits": RATES,
    "timeouts": {"shutdown": "5s", "keep_alive": "1h"},
    "routes": [{"path": "/without", "upstream": "portal"},
               {"path": "/login", "upstream": "portal", "session": "optional"},
               {"path": "/with", "upstream": "portal"} | WITH],
}


class Cost:
    """One gateway, whose only worker runs under callgrind unless it is `native`."""

    def __init__(self, node, folder, tls, native, **settings):
        self.folder = folder
        prefix = [] if native else ["env", f"LD_PRELOAD={folder}/shim.so",
                                    f"CALLGRIND_OUT=--callgrind-out-file={folder}/out.%p"]
        self.gateway = Gateway(node, prefix=prefix, listeners=[{"tls": tls} if tls else {}],
                               **(SETTINGS | settings))
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


def measure(node, redis, options, folder):
    secret = Path(folder) / "store.secret"
    secret.write_bytes(os.urandom(64))
    tls = None if options.plain else Certs(folder).tls
    costs = {}
    # A worker under callgrind is late by itself, and more so on a busy machine.
    patient = redis.settings | {"timeouts": {"command": "5s"}}
    for name, store in (("embedded", {}), ("redis", {"redis": patient, "secret": str(secret)})):
        cost = Cost(node, folder, tls, options.time, store=store)
        try:
            cookies = cost.sign_in(options.sessions)
            others = ["khac=" + cookie.partition("=")[2] for cookie in cookies]
            if options.time:
                rounds = cost.times([("/without", others), ("/with", cookies)], options.requests)
                costs[f"{name}, without"] = statistics.median(one for one, _ in rounds)
                costs[name] = costs[f"{name}, without"] * statistics.median(
                    both / one for one, both in rounds)
                continue
            costs[f"{name}, without"] = cost.instructions("/without", others, options.requests)
            if name == "redis":
                redis.reset_stats()
            costs[name] = cost.instructions("/with", cookies, options.requests)
            if name == "redis":
                print("Redis was sent meanwhile:", redis.commandstats())
        finally:
            cost.close()
    return costs


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=10000)
    parser.add_argument("--requests", type=int, default=20000)
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    folder = ROOT / "build" / "cost"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(["gcc", "-shared", "-fPIC", "-xc", "-", "-o", folder / "shim.so"], input=SHIM,
                   text=True, check=True)
    with Node() as node, Redis() as redis:
        costs = measure(node, redis, options, str(folder))
    missed = False
    for name, limit in LIMITS.items():
        without, ratio = costs[f"{name}, without"], costs[name] / costs[f"{name}, without"]
        missed |= ratio > limit
        unit = "ns of the processor" if options.time else "instructions"
        print(f"{name:9} {without:8.0f} {unit} a request without sessions and limits, "
              f"{costs[name]:8.0f} with: {ratio:.3f} times (at most {limit:.2f})")
    return 1 if missed and options.check else 0


sys.exit(main())
