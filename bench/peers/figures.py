"""What is measured. A figure drives one proxy for one block and returns what it cost: less is
better for all of them."""

import json
import math
import re
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import machine
from proxies import Program

IDLE_WARM_UP = 64  # users who come and go before memory is read for the first time
MIN_RESUMED = 0.99
SCRIPT = 'wrk.method = "POST"\nwrk.body = string.rep("x", 1048576)\n'


class Timing(NamedTuple):
    seconds: float  # of a block
    dropped_s: float  # at its beginning
    patience_s: float  # how long to wait for a quiet machine
    idle_users: int
    settle_s: float  # from the last user's arrival to the reading of memory
    give_back_s: float  # from their leaving to the second reading


# --- processor time ------------------------------------------------------------------------------


class Traffic:
    """CPU microseconds a request: the time that all processes of the proxy used in the window, over
    the requests that arrived at the node in it."""

    unit = "µs CPU"

    def __init__(self, name, title, load, parse, needs_h2=False):
        self.name, self.title, self.needs_h2 = name, title, needs_h2
        self.load, self._parse = load, parse

    def block_seconds(self, timing):
        return timing.seconds + 2

    def measure(self, stage, proxy, timing):
        machine.wait_until_quiet(stage.pids(), timing.patience_s)
        load = start_load(self.load, stage, proxy, timing.seconds)
        try:
            time.sleep(timing.dropped_s)
            block = self._watch(stage, proxy, load, timing.seconds - timing.dropped_s)
            output = load.popen.communicate()[0]
        finally:
            load.stop()
        load_says, failures = self._parse(output)
        block["failures"] += failures
        return {**block, **load_says}

    def _watch(self, stage, proxy, load, seconds):
        pids, ours = proxy.pids(), [*stage.pids(), load.pid]
        began, requests, used = machine.sample(ours), stage.node.requests(), _used(pids)
        time.sleep(seconds)
        ended = machine.sample(ours)
        requests = stage.node.requests() - requests
        used = _used(pids) - used
        span = machine.span(began, ended)
        failures = [] if proxy.pids() == pids else ["a process of the proxy was replaced"]
        if not requests or not used:
            failures.append("no requests arrived")
        return {"value": 1e6 * used / requests if requests else None, "requests": requests,
                "requests_per_s": requests / span.seconds,
                "proxy_core_percent": span.busy_percent[stage.proxy_core],
                "load_core_percent": span.busy_percent[stage.load_core],
                "foreign_percent": span.foreign_percent, "steal_percent": span.steal_percent,
                "disturbances": span.disturbances(), "failures": failures}


def _used(pids):
    return machine.processor_seconds(pids)


def start_load(load, stage, proxy, seconds):
    command = load(stage, proxy.port, math.ceil(seconds))
    return Program(command, stage.folder / "load.log", stage.load_core, stdout=subprocess.PIPE,
                   stderr=subprocess.STDOUT, text=True)


def wrk(connections, target, posts=False):
    def command(stage, port, seconds):
        script = stage.folder / "upload.lua"
        script.write_text(SCRIPT)
        return ["wrk", "--latency", "--timeout", "10s", "-t", 1, "-c", connections,
                "-d", f"{seconds + 1}s", *(["-s", script] if posts else []),
                f"https://127.0.0.1:{port}{target}"]
    return command


def h2load(connections, streams, target):
    def command(_, port, seconds):
        return ["h2load", "-t", 1, "-c", connections, "-m", streams, "-D", seconds + 1,
                f"https://127.0.0.1:{port}{target}"]
    return command


def peer_client(mode, connections, *options):
    def command(stage, port, seconds):
        return [stage.build / "peer-client", mode, "--port", port, "--connections", connections,
                "--seconds", seconds + 1, *options]
    return command


def parse_wrk(output):
    says = {}
    for share, key in ((50, "p50_us"), (99, "p99_us")):
        found = re.search(rf"^ +{share}% +([\d.]+)(us|ms|s|m)$", output, re.M)
        if found:
            says[key] = float(found[1]) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}[found[2]]
    failures = re.findall(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", output)
    return says, failures if says else [f"wrk: {output.strip()[-200:]}"]


def parse_h2load(output):
    found = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", output)
    if not found or not int(found[1]):
        return {}, [f"h2load: {output.strip()[-200:]}"]
    return {}, [f"h2load: {found[0]}"] if int(found[2]) + int(found[4]) else []


def parse_client(output):
    try:
        says = json.loads(output)
    except ValueError:
        return {}, [f"peer-client: {output.strip()[-200:]}"]
    failures = [f"{says['errors']} errors"] if says["errors"] else []
    expected = max(0, says["answers"] - says["connections"])  # the first of each has no ticket yet
    if says["mode"] == "resume" and says["resumed"] < MIN_RESUMED * expected:
        failures.append(f"{says['resumed']} of {expected} handshakes were resumed")
    return {"p50_us": says["p50_us"], "p99_us": says["p99_us"]}, failures


# --- memory --------------------------------------------------------------------------------------


class Idle:
    """KiB of the proxy's memory (PSS) for each user who is connected and does nothing. The proxy is
    started afresh: what earlier load made it take would hide what users take."""

    name, needs_h2 = "idle", False
    title = "an idle user, HTTP/1.1 over TLS"
    unit = "KiB PSS"

    def block_seconds(self, timing):
        return timing.settle_s + timing.idle_users / 1000 + 4

    def measure(self, stage, proxy, timing):
        memory = _Crowd(stage, proxy, timing).visit()
        return {"value": memory["held_kib"] / memory["users"], **memory}

    def measure_given_back(self, stage, proxy, timing):
        """Share of the crowd's memory that the proxy has returned some time after it left."""
        crowd = _Crowd(stage, proxy, timing)
        memory = crowd.visit()
        time.sleep(timing.give_back_s)
        left_kib = machine.pss_kib(proxy.pids()) - crowd.empty_kib
        return {"after_s": timing.give_back_s, "held_kib": memory["held_kib"],
                "left_kib": left_kib, "share": 1 - left_kib / memory["held_kib"]}


class _Crowd:
    def __init__(self, stage, proxy, timing):
        self._stage, self._proxy, self._timing = stage, proxy, timing
        self.empty_kib = 0

    def visit(self):
        self._proxy.restart()
        self._connect(IDLE_WARM_UP, 0)
        time.sleep(0.5)
        self.empty_kib = machine.pss_kib(self._proxy.pids())
        wanted = self._timing.idle_users
        full_kib, held = self._connect(wanted, self._timing.settle_s)
        failures = [] if held == wanted else [f"{held} of {wanted} users were still connected"]
        return {"users": wanted, "held_kib": full_kib - self.empty_kib, "failures": failures,
                "disturbances": []}

    def _connect(self, users, settle_s):
        """The proxy's memory while they are connected, and how many still were at the end."""
        command = [self._stage.build / "peer-client", "idle", "--port", self._proxy.port,
                   "--connections", users]
        client = Program(command, self._stage.folder / "load.log", self._stage.load_core,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            client.popen.stdout.readline()
            time.sleep(settle_s)
            kib = machine.pss_kib(self._proxy.pids())
            output = client.popen.communicate("")[0]
        finally:
            client.stop()
        return kib, json.loads(output)["held"] if output else 0


# --- system calls --------------------------------------------------------------------------------


def count_system_calls(stage, proxy, timing):
    """System calls of the proxy a request, by name, from a run of their own: strace makes
    everything several times slower."""
    load = start_load(TRAFFIC["h1"].load, stage, proxy, timing.seconds)
    table = stage.folder / "strace"
    try:
        time.sleep(timing.dropped_s)
        pids = [word for pid in proxy.pids() for word in ("-p", pid)]
        tracer = Program(["strace", "-c", "-f", "-o", table, *pids], stage.folder / "strace.log",
                         stage.load_core, stderr=subprocess.PIPE, text=True)
        for _ in proxy.pids():
            tracer.popen.stderr.readline()
        before = stage.node.requests()
        time.sleep(timing.seconds - timing.dropped_s - 0.5)
        requests = stage.node.requests() - before
        tracer.popen.send_signal(subprocess.signal.SIGINT)
        tracer.popen.communicate(timeout=10)
        load.popen.communicate()
    finally:
        tracer.stop()
        load.stop()
    calls = parse_strace(Path(table).read_text())
    return {"requests": requests,
            "per_request": {name: count / requests for name, count in calls.items()}}


def parse_strace(text):
    """{name: calls} of the table of strace -c, without its total."""
    rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", text, re.M)
    return {name: int(calls) for calls, name in rows if name != "total"}


TRAFFIC = {figure.name: figure for figure in (
    Traffic("h1", "1 KiB answers, 64 connections", wrk(64, "/any"), parse_wrk),
    Traffic("big", "64 KiB answers, 64 connections", wrk(64, "/any?bytes=65536"), parse_wrk),
    Traffic("upload", "1 MiB uploads, 16 connections", wrk(16, "/any", posts=True), parse_wrk),
    Traffic("rate", "1 KiB answers, 5,000 a second", peer_client("rate", 64, "--rate", 5000),
            parse_client),
    Traffic("full", "full handshake, request, close", peer_client("full", 32), parse_client),
    Traffic("resume", "resumed handshake, request, close", peer_client("resume", 32), parse_client),
    Traffic("h2", "HTTP/2, 64 x 10 streams, 1 KiB", h2load(64, 10, "/any"), parse_h2load,
            needs_h2=True),
)}
FIGURES = {**TRAFFIC, "idle": Idle()}
