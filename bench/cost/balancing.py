#!/usr/bin/python3
"""What the policies of `balance` cost the worker, a request, and what it costs that one slow province
does not hang the others.

    bench/cost/balancing.py [--peers 4] [--requests 20000] [--check]

Counted are the worker's own instructions, by callgrind, over plain connections: the same on a busy
machine, and less than half of what a request over TLS costs, so that nothing is hidden.

Two things are compared with `balance: round_robin`: each policy in the same program; and P2C, as it is
by default, with round robin in a gateway that has no slots, breakers or ejection at all
(build/release/cong-bare, which is linked with tests/bare in their place). Settings that switch
these off would not do: much would still be counted, for status and metrics. --check fails when P2C
costs more than 1.03 times either. Needs `make all build/release/cong-bare`, and Debian's valgrind."""

import argparse
import sys

from worker import Worker, fresh_folder

from env import Gateway, Node

POLICIES = {
    "round_robin": {},
    "p2c": {},
    "least_connections": {},
    "hash": {"hash": {"key": "header", "name": "Cookie"}},
}
LIMIT = 1.03  # of P2C
COOKIES = [f"who={number:08}" for number in range(100)]


class BareGateway(Gateway):
    PROGRAM = "cong-bare"


def instructions(nodes, folder, policy, settings, requests, program=Gateway):
    worker = Worker(nodes, folder, program=program, upstream={"balance": policy} | settings,
                    timeouts={"shutdown": "5s", "keep_alive": "1h"})
    try:
        return worker.instructions("/any?bytes=1000", COOKIES, requests)
    finally:
        worker.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--peers", type=int, default=4)
    parser.add_argument("--requests", type=int, default=20000)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    folder, nodes = fresh_folder(), [Node(f"node-{n}") for n in range(options.peers)]
    try:
        bare = instructions(nodes, folder, "round_robin", {}, options.requests, BareGateway)
        costs = {policy: instructions(nodes, folder, policy, settings, options.requests)
                 for policy, settings in POLICIES.items()}
    finally:
        for node in nodes:
            node.kill()
    for policy, cost in costs.items():
        print(f"{policy:18} {cost:8.0f} instructions a request, "
              f"{cost / costs['round_robin']:.3f} times round robin's")
    print(f"p2c, slots, breaker and ejection: {costs['p2c'] / bare:.3f} times round robin without "
          f"them ({bare:.0f}; at most {LIMIT})")
    return 1 if options.check and costs["p2c"] > LIMIT * min(bare, costs["round_robin"]) else 0


sys.exit(main())
