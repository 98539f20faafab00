#!/usr/bin/python3
"""What a request, a handshake and an idle user cost in Cong, nginx and HAProxy, side by side.

One worker of each proxy on one core, the node and the load on another; blocks of ABBA in random
order, mixed with pairs of a proxy with itself (A/A). A difference is claimed only where its 95 %
interval excludes 1 and it exceeds what A/A shows. Writes a table, results.json and peers.svg."""

import argparse
import fcntl
import json
import os
import random
import resource
import secrets
import signal
import sys
from datetime import datetime, timezone
from http.client import HTTPException
from pathlib import Path
from statistics import median

import chart
import inference
import machine
import present
import schedule
from figures import FIGURES, Timing, count_system_calls
from proxies import KINDS, ROOT, Failure, Stage

EXIT_OK, EXIT_INVALID, EXIT_USAGE, EXIT_INTERRUPTED = 0, 2, 3, 130
OURS = "cong"
INTERRUPT = "an interrupt"
LOCK = "/tmp/cong-bench.lock"
VERSION = 1  # of results.json
IDLE_USERS = 15000
FILES_TO_SPARE = 2000
CORES = sorted(os.sched_getaffinity(0))[:2]  # that of the proxies, that of node and load

THOROUGH = Timing(seconds=20, dropped_s=5, patience_s=60, idle_users=IDLE_USERS, settle_s=8,
                  give_back_s=60)
QUICK = Timing(seconds=3, dropped_s=1, patience_s=3, idle_users=2000, settle_s=2, give_back_s=5)
QUICK_PAIRS = 2


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        prepare_machine()
        lock = take_lock()
        results = run(options)
        lock.close()
    except Failure as failure:
        print(f"compare: {failure}", file=sys.stderr)
        return EXIT_USAGE
    write(results, options.output)
    print(f"\n{options.output}/results.json, {options.output}/peers.svg")
    if results["stopped_by"]:
        print(f"compare: stopped by {results['stopped_by']}", file=sys.stderr)
        return EXIT_INTERRUPTED if results["stopped_by"] == INTERRUPT else EXIT_INVALID
    verdicts = {figure["verdict"] for figure in results["figures"].values()}
    return EXIT_INVALID if "INVALID" in verdicts else EXIT_OK


# --- before --------------------------------------------------------------------------------------


def names_of(known):
    def parse(text):
        names = text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return names
    return parse


def parse_options():
    peers = [name for name in KINDS if name != OURS]
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = lambda message: parser.exit(EXIT_USAGE, f"compare: {message}\n")
    parser.add_argument("--figures", type=names_of(FIGURES), default=list(FIGURES), metavar="A,B",
                        help=f"of {','.join(FIGURES)} (default: all)")
    parser.add_argument("--peers", type=names_of(peers), default=peers, metavar="A,B",
                        help=f"of {','.join(peers)} (default: all)")
    parser.add_argument("--pairs", type=int, default=inference.MIN_PAIRS,
                        help="of each comparison (default and least for a claim: %(default)s)")
    parser.add_argument("--seconds", type=int, choices=range(4, 61), metavar="4..60",
                        default=THOROUGH.seconds,
                        help="of each block, a quarter of which is dropped (%(default)s)")
    parser.add_argument("--quick", action="store_true",
                        help=f"to try it out: {QUICK_PAIRS} pairs of {QUICK.seconds} s, no claims")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32),
                        help="of the order and of the intervals' resampling")
    parser.add_argument("--port", type=int, default=26000, help="first of four (%(default)s)")
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--output", type=Path, metavar="FOLDER", default=ROOT / "build/bench" /
                        f"peers-{datetime.now():%Y%m%d-%H%M%S}")
    options = parser.parse_args()
    options.build, options.output = options.build.resolve(), options.output.resolve()
    options.pairs = QUICK_PAIRS if options.quick else options.pairs
    return options


def prepare_machine():
    """As many files as allowed, for us and all whom we start; and the load's core for ourselves."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if len(CORES) < 2:
        raise Failure("two cores are needed, one for the proxies and one for the load")
    os.sched_setaffinity(0, {CORES[1]})


def take_lock():
    """One measurement a machine at a time."""
    lock = open(LOCK, "a", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Failure(f"another measurement is running on this machine ({LOCK})") from None
    return lock


# --- measuring -----------------------------------------------------------------------------------


def run(options):
    """Measures everything, or until interrupted; what there is by then is in the results."""
    timing = QUICK if options.quick else THOROUGH._replace(seconds=options.seconds,
                                                           dropped_s=options.seconds / 4)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    timing = timing._replace(idle_users=min(timing.idle_users, files - FILES_TO_SPARE))
    order = random.Random(options.seed)
    plans = {name: schedule.make(OURS, options.peers, options.pairs, order)
             for name in options.figures}
    seconds = sum(4 * len(plan) * FIGURES[name].block_seconds(timing)
                  for name, plan in plans.items())
    print(f"{', '.join(plans)}: {options.pairs} pairs each, about {seconds / 60:.0f} minutes",
          flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    results = {"version": VERSION, "started": datetime.now(timezone.utc).isoformat("T", "seconds"),
               "seed": options.seed, "quick": options.quick, "stopped_by": None,
               "timing": timing._asdict(), "machine": machine.describe(), "figures": {}}
    progress = present.Progress(seconds)
    try:
        with Stage([OURS, *options.peers], options.build, options.port, options.output,
                   CORES) as stage:
            results["proxies"] = {name: {"version": proxy.version(),
                                         "configuration": proxy.configuration}
                                  for name, proxy in stage.proxies.items()}
            measure(stage, plans, timing, results, progress, order)
    except KeyboardInterrupt:
        results["stopped_by"] = INTERRUPT
    except (Failure, OSError, HTTPException) as error:
        if not results["figures"]:
            raise Failure(error) from error
        results["stopped_by"] = str(error)  # hours of other figures are not lost for it
    progress.close()
    return results


def measure(stage, plans, timing, results, progress, order):
    for name, plan in plans.items():
        figure = FIGURES[name]
        lacking = [p.name for p in stage.proxies.values() if figure.needs_h2 and not p.offers_h2]
        if lacking:
            results["figures"][name] = skipped(figure, f"{', '.join(lacking)} offers no HTTP/2")
            continue
        quads = []  # [(quad, its blocks)], the last of which may be cut short
        try:
            for quad in plan:
                quads.append((quad, []))
                measure_quad(stage, figure, timing, quads, len(plan), progress)
        finally:
            results["figures"][name] = judge(figure, quads, order)
    measure_apart(stage, plans, timing, results, progress)


def measure_quad(stage, figure, timing, quads, quad_count, progress):
    quad, blocks = quads[-1]
    for name in quad.blocks:
        block = figure.measure(stage, stage.proxies[name], timing)
        blocks.append({"proxy": name, **block})
        remarks = "; ".join([*block["disturbances"], *block["failures"]])
        done = 4 * (len(quads) - 1) + len(blocks)
        progress.say(f"{figure.name} {done}/{4 * quad_count}  {name} "
                     f"{present.number(block['value'])} {figure.unit}  {remarks}")


def measure_apart(stage, plans, timing, results, progress):
    """What needs no statistics."""
    if "h1" in plans:
        results["system_calls"] = {}
        for name, proxy in stage.proxies.items():
            progress.say(f"system calls of {name}")
            results["system_calls"][name] = count_system_calls(stage, proxy, timing)
    if "idle" in plans:
        results["given_back"] = {}
        for name, proxy in stage.proxies.items():
            progress.say(f"memory that {name} gives back")
            results["given_back"][name] = FIGURES["idle"].measure_given_back(stage, proxy, timing)


# --- judging -------------------------------------------------------------------------------------


def skipped(figure, reason):
    return {"name": figure.name, "title": figure.title, "unit": figure.unit, "verdict": "SKIPPED",
            "reasons": [reason], "proxies": {}, "comparisons": [], "blocks": []}


def judge(figure, quads, order):
    """A figure's part of the results. Quads that an interrupt cut short are left out."""
    whole = [(quad, blocks) for quad, blocks in quads
             if len(blocks) == len(quad.blocks) and all(b["value"] for b in blocks)]
    pairs = {}
    for quad, blocks in whole:
        sides = "same" if quad.is_same else quad.sides
        pairs.setdefault(sides, []).extend(quad.pairs([block["value"] for block in blocks]))
    same = pairs.pop("same", None)
    noise = inference.noise_of(inference.ratio_of(same, order)) if same else None
    blocks = [block for _, blocks in quads for block in blocks]
    comparisons = [comparison((OURS, peer), pairs[OURS, peer], noise, order) for peer in KINDS
                   if (OURS, peer) in pairs]
    result = {"name": figure.name, "title": figure.title, "unit": figure.unit, "noise": noise,
              "proxies": summaries(blocks, order), "comparisons": comparisons, "blocks": blocks}
    return {**result, **verdict(noise, blocks, comparisons)}


def comparison(sides, values, noise, order):
    found = inference.compare(values, noise if noise is not None else float("inf"), order)
    return {"ours": sides[0], "theirs": sides[1], **found._asdict(), "ratio": found.ratio._asdict(),
            "values": values}


def verdict(noise, blocks, comparisons):
    disturbed = sum(1 for block in blocks if block["disturbances"])
    failed = sum(1 for block in blocks if block["failures"])
    few = not comparisons or any(c["pairs"] < inference.MIN_PAIRS for c in comparisons)
    reasons = inference.objections(noise or 0, len(blocks), disturbed, failed)
    for found in comparisons if reasons else []:
        found["claim"] = "none"
    if reasons:
        return {"verdict": "INVALID", "reasons": reasons, "disturbed_blocks": disturbed}
    if few or noise is None:
        return {"verdict": "TRY-OUT", "disturbed_blocks": disturbed,
                "reasons": [f"fewer than {inference.MIN_PAIRS} pairs: no claims"]}
    return {"verdict": "VALID", "reasons": [], "disturbed_blocks": disturbed}


def summaries(blocks, order):
    """Each proxy's own figure over all its blocks, and the medians of what else was seen."""
    found = {}
    for name in KINDS:
        mine = [block for block in blocks if block["proxy"] == name and block["value"]]
        if not mine:
            continue
        values = inference.bootstrap_median([block["value"] for block in mine], order)
        found[name] = {"value": values._asdict(), "blocks": len(mine)}
        for key in ("requests_per_s", "proxy_core_percent", "load_core_percent", "p50_us",
                    "p99_us"):
            seen = [block[key] for block in mine if key in block]
            if seen:
                found[name][key] = median(seen)
    return found


def write(results, folder):
    text = present.table(results)
    print(text)
    (folder / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (folder / "results.txt").write_text(text + "\n")
    (folder / "peers.svg").write_text(chart.draw(results))


if __name__ == "__main__":
    sys.exit(main())
