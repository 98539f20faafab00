"""What the kernel counts: processor time, memory, and whether somebody else is at work."""

import os
import time
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
# Beyond these, in percent of the whole machine, a block counts as disturbed.
FOREIGN_MAX, STEAL_MAX = 3.0, 2.0


def _fields(pid):
    """/proc/PID/stat from the state on, or None when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def tree(pid):
    """A process and all that descend from it."""
    children = {}
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _fields(entry.name)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


def processor_seconds(pids):
    """What living processes have used, user and system, in steps of a tick (10 ms)."""
    fields = filter(None, map(_fields, pids))
    return sum(int(f[11]) + int(f[12]) for f in fields) / TICKS


def pss_kib(pids):
    """Memory: what is shared counts by its share."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


class Sample(NamedTuple):
    """One moment; two of them make a span."""
    at_s: float
    idle_s: dict  # of each core
    steal_s: float
    ours_s: float  # processor time of the processes that belong to the measurement


class Span(NamedTuple):
    seconds: float
    busy_percent: dict  # of each core
    foreign_percent: float  # of the machine
    steal_percent: float

    def disturbances(self):
        found = []
        if self.foreign_percent > FOREIGN_MAX:
            found.append(f"{self.foreign_percent:.0f} % of the machine used by others")
        if self.steal_percent > STEAL_MAX:
            found.append(f"{self.steal_percent:.0f} % of the machine stolen by its host")
        return found


def sample(our_pids):
    idle, steal = {}, 0.0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name != "cpu":
            idle[int(name[3:])] = (int(ticks[3]) + int(ticks[4])) / TICKS
            steal += int(ticks[7]) / TICKS
    return Sample(time.monotonic(), idle, steal, processor_seconds(our_pids))


def span(a, b):
    seconds = b.at_s - a.at_s
    idle = {core: b.idle_s[core] - a.idle_s[core] for core in b.idle_s}
    capacity = seconds * len(idle)
    steal = b.steal_s - a.steal_s
    busy = capacity - sum(idle.values()) - steal
    foreign = busy - (b.ours_s - a.ours_s)
    return Span(seconds, {core: _percent(seconds - i, seconds) for core, i in idle.items()},
                _percent(foreign, capacity), _percent(steal, capacity))


def wait_until_quiet(our_pids, patience_s, look_s=0.5):
    """Returns when nobody else was at work for `look_s`, or patience ends: then the block that
    follows will show it."""
    end = time.monotonic() + patience_s
    before = sample(our_pids)
    while True:
        time.sleep(look_s)
        after = sample(our_pids)
        if not span(before, after).disturbances() or time.monotonic() > end:
            return
        before = after


def describe():
    """What a reader needs to know of the machine."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = Path("/proc/meminfo").read_text().split("MemTotal:", 1)[1].split()[0]
    return {"processor": model[0] if model else "unknown", "cores": os.cpu_count(),
            "memory_gib": round(int(memory) / 2**20, 1), "kernel": os.uname().release}


def _percent(part, whole):
    return max(0.0, 100 * part / whole)
