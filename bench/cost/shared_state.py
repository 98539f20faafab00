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
import statistics
import sys
from pathlib import Path

from worker import Worker, fresh_folder

from env import Certs, Node, Redis

LIMITS = {"embedded": 1.10, "redis": 1.15}
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


def measure(node, redis, options, folder):
    secret = Path(folder) / "store.secret"
    secret.write_bytes(os.urandom(64))
    tls = None if options.plain else Certs(folder).tls
    costs = {}
    # A worker under callgrind is late by itself, and more so on a busy machine.
    patient = redis.settings | {"timeouts": {"command": "5s"}}
    for name, store in (("embedded", {}), ("redis", {"redis": patient, "secret": str(secret)})):
        cost = Worker([node], folder, tls, options.time, **SETTINGS, store=store)
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
    with Node() as node, Redis() as redis:
        costs = measure(node, redis, options, fresh_folder())
    missed = False
    for name, limit in LIMITS.items():
        without, ratio = costs[f"{name}, without"], costs[name] / costs[f"{name}, without"]
        missed |= ratio > limit
        unit = "ns of the processor" if options.time else "instructions"
        print(f"{name:9} {without:8.0f} {unit} a request without sessions and limits, "
              f"{costs[name]:8.0f} with: {ratio:.3f} times (at most {limit:.2f})")
    return 1 if missed and options.check else 0


sys.exit(main())
