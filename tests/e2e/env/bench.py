"""cong-bench run, one at a time on this machine."""

import fcntl
import json
import re
import subprocess

from .process import ROOT, program

PASS, FAIL, INVALID, USAGE, INTERRUPTED = 0, 1, 2, 3, 130
NAMES = ["PASS", "FAIL", "INVALID"]
# What a busy machine does to a run, and nothing else.
DISTURBANCE = re.compile("of the actions were sent within 50 ms of their plan|the generators were late by"
                         "|core was .* idle|of the processor was taken by|it did not become steady")
TIMEOUT_S = 120
BUSY = "another run is under way"


class BenchRun:
    def __init__(self, *arguments, folder=None, timeout_s=TIMEOUT_S):
        self.folder = folder
        if folder:
            arguments += ("--output", folder)
        done = subprocess.run(bench_command(*arguments), cwd=ROOT, text=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout_s)
        self.code, self.output = done.returncode, done.stdout
        print(self.output)

    @property
    def result(self):
        return json.loads((self.folder / "result.json").read_text())

    @property
    def marks(self):
        return [mark["text"] for mark in self.result["marks"]]

    @property
    def missed(self):
        return [outcome["text"] for outcome in self.result["outcomes"] if not outcome["ok"]]

    def assert_verdict(self, verdict):
        """This one, unless the machine was too busy to tell."""
        disturbed = any(DISTURBANCE.search(finding["text"]) for finding in self.result["findings"])
        assert self.code == verdict or self.code == INVALID and disturbed
        last_line = self.output.splitlines()[-1]
        assert last_line.startswith(f"{NAMES[self.code]} {self.result['scenario']['name']} users=")


def bench_command(*arguments):
    return [program("cong-bench"), "run", *map(str, arguments)]


def wait_for_lock():
    with open("/tmp/cong-bench.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def run_bench(*arguments, **how):
    """When no other run is under way on this machine."""
    while True:
        wait_for_lock()
        result = BenchRun(*arguments, **how)
        if result.code != USAGE or BUSY not in result.output:
            return result
