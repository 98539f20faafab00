#!/usr/bin/python3
"""Puts Cổng, nginx and HAProxy, one after another, in front of the same 34 provinces, breaks four of
them and the database that all share (the scenario `provinces`), and prints what users met.

    bench/peers/faults.py [--users-scale 0.25] [--scale 1] [--proxies cong,nginx,haproxy]

That takes eleven minutes for all three. Needs `make` and, once, `scripts/setup peers`. It compares
what users of the others notice, not speed: each proxy is measured against its own quiet phase."""

import argparse
import fcntl
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from proxies import HERE, ROOT, Failure, Program, Proxy, certificates, limits, wait_for_port

SLUGS = """an-giang bac-ninh ca-mau can-tho cao-bang da-nang dak-lak dien-bien dong-nai dong-thap
gia-lai ha-noi ha-tinh hai-phong ho-chi-minh hue hung-yen khanh-hoa lai-chau lam-dong lang-son lao-cai
nghe-an ninh-binh phu-tho quang-ngai quang-ninh quang-tri son-la tay-ninh thai-nguyen thanh-hoa
tuyen-quang vinh-long""".split()
PEERS = 2  # of each province, as the scenario has it
CORE = 0  # of proxy and node; cong-bench keeps its users on the other
VERDICTS = {0: "PASS", 1: "FAIL", 2: "INVALID"}


def cong(upstreams):
    provinces = {name: peers for name, peers in upstreams.items() if name != "portal"}
    return {
        "PORTAL": upstreams["portal"][0],
        "UPSTREAMS": "".join(
            f"  - {{ name: {name}, timeouts: *deadlines, health: *probes, peers: ["
            + ", ".join(f'{{ address: "{peer}" }}' for peer in peers) + " ] }\n"
            for name, peers in provinces.items()),
        "ROUTES": "".join(
            f"  - {{ path: {_path(name)}, upstream: {name}, rewrite: / }}\n"
            f"  - {{ path: {_path(name)}/dan-cu, upstream: {name}, rewrite: /dan-cu, "
            "uses: [ dan-cu ] }\n" for name in provinces)}


def nginx(upstreams):
    return {
        "UPSTREAMS": "".join(
            f"    upstream {name} {{ zone {name} 64k; least_conn; keepalive 32; "
            + "".join(f"server {peer} max_fails=3 fail_timeout=10s; " for peer in peers) + "}\n"
            for name, peers in upstreams.items()),
        "ROUTES": "".join(
            f"        location {_path(name).rstrip('/')}/ {{ proxy_pass http://{name}/; }}\n"
            for name in upstreams)}


def haproxy(upstreams):
    provinces = [name for name in upstreams if name != "portal"]
    return {
        "ROUTES": "".join(f"    use_backend {name} if {{ path_beg {_path(name)}/ }}\n"
                          for name in provinces) + "    default_backend portal\n",
        "UPSTREAMS": "".join(
            f"backend {name}\n    balance leastconn\n"
            + ("" if name == "portal"
               else f"    http-request replace-path {_path(name)}(/.*) \\1\n")
            + "".join(f"    server peer-{number} {peer}\n" for number, peer in enumerate(peers))
            for name, peers in upstreams.items())}


WRITERS = {"cong": cong, "nginx": nginx, "haproxy": haproxy}


def _path(upstream):
    return "/" if upstream == "portal" else f"/tinh/{upstream}"


class Node:
    """One process with an address for the portal and those of all provinces behind it."""

    def __init__(self, build, port, folder):
        self.address = f"127.0.0.1:{port}"
        self.journal = folder / "node.journal"
        listens = [f"127.0.0.1:{port + i}" for i in range(1 + PEERS * len(SLUGS))]
        self.upstreams = {"portal": listens[:1]}
        for number, slug in enumerate(SLUGS):
            self.upstreams[slug] = listens[1 + number * PEERS:][:PEERS]
        self.program = Program(
            [build / "cong-bench", "node", "--journal", self.journal,
             "--latency", "lognormal:median=5ms,mean=8ms",
             *(word for listen in listens for word in ("--listen", listen))],
            folder / "node.log", CORE)
        wait_for_port(port, self.program)


def _wait_for_other_runs():
    """There is one at a time on a machine."""
    with open("/tmp/cong-bench.lock", "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def run(name, options, folder):
    """The proxy's version, and what its users met: the result of the scenario."""
    folder.mkdir()
    folder.chmod(0o755)
    build = ROOT / "build/release"
    node = Node(build, options.port, folder)
    proxy = None
    try:
        values = {"BUILD": build, **limits(), **certificates(folder), **WRITERS[name](node.upstreams)}
        proxy_port = options.port + 1 + PEERS * len(SLUGS)
        proxy = Proxy(name, proxy_port, folder, CORE, values, HERE / "faults")
        proxy.start()
        _wait_for_other_runs()
        done = subprocess.run(
            [build / "cong-bench", "run", options.scenario, "--plain-output",
             "--target", f"localhost:{proxy_port}", "--node", node.address,
             "--journal", node.journal, "--output", folder / "result",
             "--scale", str(options.scale), "--users-scale", str(options.users_scale)],
            cwd=ROOT, stdout=sys.stderr, check=False)
        if done.returncode not in VERDICTS:
            raise Failure(f"cong-bench run ended with {done.returncode}")
        return proxy.version(), json.loads((folder / "result/result.json").read_text())
    finally:
        if proxy:
            proxy.stop()
        node.program.stop()


# --- what is printed ---

def group(result, phase, name):
    """The figures of a group of users in a phase."""
    names = [p["name"] for p in result["scenario"]["phases"]]
    return result["phases"][names.index(phase)]["groups"][name]


def errors(figures):
    return f"{100 * figures['errors'] / max(figures['planned'], 1):.2f} %"


def wait(figures, quantile):
    us = figures["wait"].get(quantile)
    if us is None:
        return "–"
    return f"{us / 1e6:.2f} s" if us >= 1e6 else f"{us / 1e3:.0f} ms"


def drift(before, after):
    quiet, faults = before["wait"].get("p99_us"), after["wait"].get("p99_us")
    return f"{faults / quiet:.2f}" if quiet and faults else "–"


def disturbances(result):
    """What cong-bench has found that hurts the figures."""
    return [finding["text"] for finding in result["findings"] if finding["gravity"] > 0]


def row(name, version, result):
    mark = " ¹" if disturbances(result) else ""
    quiet, faults = group(result, "quiet", "healthy"), group(result, "faults", "healthy")
    broken, after = group(result, "faults", "broken"), group(result, "after", "broken")
    nodes = result["nodes"][[p["name"] for p in result["scenario"]["phases"]].index("faults")]
    repeated = 100 * nodes["repeats"] / max(nodes["requests"], 1)
    return [f"{name} {version}{mark}", errors(faults), wait(quiet, "p99_us"), wait(faults, "p99_us"),
            drift(quiet, faults), errors(broken), wait(broken, "p50_us"), wait(broken, "p90_us"),
            f"{repeated:.1f} %", errors(after)]


HEADS = ["proxy", "others: errors", "p99 quiet", "p99 faults", "times", "broken: errors", "p50", "p90",
         "sent again", "errors after"]


def table(rows):
    lines = [HEADS, ["---"] * len(HEADS), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def notes(results):
    """What the table is of, and for which of its rows the machine had too much else to do."""
    result = results[-1]
    at = [p["name"] for p in result["scenario"]["phases"]].index("quiet")
    phase = result["scenario"]["phases"][at]
    per_s = result["phases"][at]["planned"] * 1000 / phase["duration_ms"]
    lines = [f"{phase['users_to']:,} users, {per_s:.0f} requests/s; times and errors of the phases "
             "quiet, faults and after; – is too few to tell"]
    if any(map(disturbances, results)):
        lines.append("¹ disturbed, as cong-bench says above")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--proxies", default="cong,nginx,haproxy")
    parser.add_argument("--scenario", default="provinces")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--users-scale", type=float, default=0.25)
    parser.add_argument("--port", type=int, default=26000, help="the first of 70 that are free")
    options = parser.parse_args()
    rows, results = [], []
    with tempfile.TemporaryDirectory(prefix="cong-faults-") as folder:
        Path(folder).chmod(0o755)
        for name in options.proxies.split(","):
            version, result = run(name, options, Path(folder) / name)
            rows.append(row(name, version, result))
            results.append(result)
    print("", table(rows), "", *notes(results), sep="\n")


try:
    main()
except Failure as failure:
    sys.exit(f"faults.py: {failure}")
