"""Results for people at a terminal: progress while it runs, a table at the end."""

import sys
import time

SIGNS = {"less": "less", "more": "MORE", "none": "~"}


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line for each block."""

    def __init__(self, seconds_left, out=sys.stderr):
        self._out = out
        self._end = time.monotonic() + seconds_left

    def say(self, text):
        left = max(0, self._end - time.monotonic())
        line = f"{text}  ({left / 60:.0f} min left)"
        if self._out.isatty():
            self._out.write(f"\r\x1b[K{line[:100]}")
        else:
            self._out.write(line + "\n")
        self._out.flush()

    def close(self):
        if self._out.isatty():
            self._out.write("\r\x1b[K")


def number(value):
    """Three digits that mean something."""
    if value is None:
        return "?"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(results):
    """The whole result as lines of text."""
    lines = []
    for figure in results["figures"].values():
        lines += _figure(figure)
    lines += _system_calls(results.get("system_calls", {}))
    lines += _given_back(results.get("given_back", {}))
    return "\n".join(lines)


def _figure(figure):
    noise = figure.get("noise")
    known = f"   A/A ±{noise:.1%}" if noise is not None else ""
    lines = ["", f"{figure['name']}: {figure['title']} ({figure['unit']}){known}"
                 f"   {figure['verdict']}"]
    lines += [f"    {reason}" for reason in figure["reasons"]]
    for name, proxy in figure["proxies"].items():
        lines.append("    " + _proxy(name, proxy))
    for comparison in figure["comparisons"]:
        lines.append("    " + _comparison(comparison))
    return lines


def _proxy(name, proxy):
    middle, low, high = (number(proxy["value"][key]) for key in ("middle", "low", "high"))
    text = f"{name:8} {middle:>7}  [{low}, {high}]"
    if "requests_per_s" in proxy:
        text += (f"   {proxy['requests_per_s']:,.0f}/s; busy: its core"
                 f" {proxy['proxy_core_percent']:.0f} %, the load's"
                 f" {proxy['load_core_percent']:.0f} %")
    if "p99_us" in proxy:
        text += f"; p50 {number(proxy['p50_us'] / 1000)}, p99 {number(proxy['p99_us'] / 1000)} ms"
    return text


def _comparison(comparison):
    ratio = comparison["ratio"]
    pair = f"{comparison['ours']} / {comparison['theirs']}"
    return (f"{pair:17} {ratio['middle']:.2f}  [{ratio['low']:.2f}, {ratio['high']:.2f}]"
            f"  {SIGNS[comparison['claim']]:4}  {comparison['pairs']} pairs")


def _system_calls(counts):
    if not counts:
        return []
    lines = ["", "system calls a request (h1, under strace)"]
    for name, count in counts.items():
        calls = sorted(count["per_request"].items(), key=lambda item: -item[1])
        parts = ", ".join(f"{call} {number(share)}" for call, share in calls if share >= 0.05)
        lines.append(f"    {name:8} {sum(count['per_request'].values()):7.2f}  {parts}")
    return lines


def _given_back(shares):
    if not shares:
        return []
    after_s = next(iter(shares.values()))["after_s"]
    lines = ["", f"memory given back {after_s:.0f} s after all idle users have left"]
    for name, memory in shares.items():
        lines.append(f"    {name:8} {memory['share']:7.0%}  of {memory['held_kib'] / 1024:.0f} MiB")
    return lines
