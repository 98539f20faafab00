#!/usr/bin/python3
"""What the policies of `balance` cost the worker, a request, beside round robin.

    bench/cost/balancing.py [--peers 4] [--requests 20000] [--check]

Counted are the worker's own instructions, by callgrind, over plain connections: the same on a busy
machine, and less than half of what a request over TLS costs, so that nothing is hidden. --check
fails when P2C costs more than 1.03 times what round robin does. Needs `make`, and Debian's valgrind."""

import argparse
import sys

from worker import Worker, fresh_folder

from env import Node

POLICIES = {
    "round_robin": {},
    "p2c": {},
    "least_connections": {},
    "hash": {"hash": {"key": "header", "name": "Cookie"}},
}
LIMIT = 1.03  # of P2C
COOKIES = [f"who={number:08}" for number in range(100)]


def instructions(nodes, folder, policy, settings, requests):
    worker = Worker(nodes, folder, upstream={"balance": policy} | settings,
                    timeouts={"shutdown": "5s", "keep_alive": "1h"})
    try:
        return worker.instructions("/any?bytes=1000", COOKIES, requests)
    finally:
        worker.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", type=int, default=4)
    parser.add_argument("--requests", type=int, default=20000)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    folder, nodes = fresh_folder(), [Node(f"node-{n}") for n in range(options.peers)]
    try:
        costs = {policy: instructions(nodes, folder, policy, settings, options.requests)
                 for policy, settings in POLICIES.items()}
    finally:
        for node in nodes:
            node.kill()
    for policy, cost in costs.items():
        print(f"{policy:18} {cost:8.0f} instructions a request, "
              f"{cost / costs['round_robin']:.3f} times round robin's")
    return 1 if options.check and costs["p2c"] > LIMIT * costs["round_robin"] else 0


sys.exit(main())
