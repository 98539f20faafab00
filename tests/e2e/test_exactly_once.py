"""Clients file dossiers, and file them again when no answer comes, while workers, nodes, gateways and
Redis are killed at random: what they were told is held against what the nodes have stored.

    scripts/run_e2e tests/e2e/test_exactly_once.py --dossiers 20000 -o faulthandler_timeout=0

The load is cong-bench's, and so is the ledger; its verdict on the machine is not asked for. A failed
run is repeated, deaths and all, with the seed that it printed: CONG_SEED=…"""

import os
import random

import pytest
import yaml

from env.bench import INVALID, USAGE, run_bench

USERS = 40
DOSSIERS_PER_S = 80  # of these users, on a small machine
THINK = {"think_median": "150ms", "think_mean": "220ms"}
PAUSE_S = 0.8  # between two deaths, about
DEATHS_MAX = 30
NODES, WORKERS = 2, 2
LOAD = {
    "users": {"citizen": 0, "follow_up": 0, "counter": 100, "official": 0, "app": 0},
    "login_percent": 0, "submit_percent": 100, "slow_percent": 0, "session_mean": "0s",
    "upload_min": "1KiB", "upload_max": "4KiB", "probe_users": 0, "request_timeout": "5s",
    "retries": 100,
}


def ms(seconds):
    return f"{int(seconds * 1000)}ms"


class Deaths:
    """Faults at random instants; what was killed is started again before it can be killed once more,
    and everything is there again at the end."""

    def __init__(self, seconds, kinds, gateways, chance):
        self.faults = []
        self._free_at = {}
        self._counts = {"node": NODES, "gateway": gateways, "redis": 1}
        count = min(int(seconds / PAUSE_S), DEATHS_MAX)
        instants = sorted(chance.uniform(0.5, seconds - 2) for _ in range(count))
        for at in instants:
            self._kill(at, chance.choice(kinds), chance)

    def _kill(self, at, kind, chance):
        if kind == "worker":
            self._add("kill_worker", at, chance.randrange(WORKERS))
            return
        index = chance.randrange(self._counts[kind])
        if at < self._free_at.get((kind, index), 0):
            return
        back = at + chance.uniform(0.2, 1.5)
        self._free_at[kind, index] = back + 1
        self._add(f"kill_{kind}", at, index)
        self._add(f"start_{kind}", back, index)

    def _add(self, action, at, argument):
        self.faults.append({"action": action, "phase": "all", "at": ms(at), "argument": argument})


def file_dossiers(folder, dossiers, kinds, **testbed):
    seed = int(os.environ.get("CONG_SEED", random.randrange(1 << 32)))
    print(f"CONG_SEED={seed}")
    seconds = max(dossiers / DOSSIERS_PER_S, 6)
    scenario = {
        "name": "exactly-once",
        "about": "dossiers are filed while things die",
        "seed": seed,
        "phases": [{"name": "ramp", "duration": "1s", "users": USERS, **THINK},
                   {"name": "all", "duration": ms(seconds), "users": USERS, "judged": True, **THINK},
                   # nothing dies any more: who has no answer yet gets one
                   {"name": "rest", "duration": "7s", "users": USERS, "think_median": "20s",
                    "think_mean": "30s"}],
        "load": LOAD,
        "faults": Deaths(seconds, kinds, testbed.get("gateways", 1), random.Random(seed)).faults,
        "criteria": ["error_percent at most 100%"],
        "testbed": {"nodes": NODES, "gateway_workers": WORKERS, "node_latency": "20ms"} | testbed,
    }
    path = folder / "exactly-once.yaml"
    path.write_text(yaml.safe_dump(scenario, sort_keys=False))
    done = run_bench(path, folder=folder / "result", timeout_s=300 + 4 * seconds)
    assert done.code != USAGE
    assert done.result["run"]["interrupted"] is False
    return done


def tell(done):
    """The figures, for who runs this with -s."""
    ledger = done.result["ledger"]
    retried = sum(phase["retried"] for phase in done.result["phases"])
    print(f"{len(done.marks)} marks, {retried} sent again; {ledger}")
    return ledger


def assert_no_dossier_is_lost_or_doubled(done, dossiers):
    ledger = tell(done)
    assert ledger["sent"] >= dossiers * 0.25
    assert (ledger["lost"], ledger["doubled"], ledger["wrong_content"]) == (0, 0, 0)
    assert "run was ended" not in done.output
    return ledger


EMBEDDED = ("worker", "node", "gateway")
WITH_REDIS = EMBEDDED + ("redis",)


@pytest.fixture
def dossiers(request):
    return request.config.getoption("--dossiers")


def test_nodes_that_store_a_key_once_store_every_dossier_once(tmp_path, dossiers):
    done = file_dossiers(tmp_path, dossiers, EMBEDDED, submissions="dedup")
    ledger = assert_no_dossier_is_lost_or_doubled(done, dossiers)
    assert ledger["untold"] <= USERS


def test_the_same_with_redis_and_two_gateways(tmp_path, dossiers):
    done = file_dossiers(tmp_path, dossiers, WITH_REDIS, submissions="dedup", redis=True,
                         gateways=2)
    ledger = assert_no_dossier_is_lost_or_doubled(done, dossiers)
    assert ledger["untold"] <= USERS


def test_nodes_that_store_whatever_comes_store_nothing_twice(tmp_path, dossiers):
    done = file_dossiers(tmp_path, dossiers, EMBEDDED, submissions="none")
    ledger = assert_no_dossier_is_lost_or_doubled(done, dossiers)
    assert ledger["untold"] <= USERS


def test_the_same_with_a_redis_that_forgets_nothing(tmp_path, dossiers):
    done = file_dossiers(tmp_path, dossiers, WITH_REDIS, submissions="none", redis=True, gateways=2)
    ledger = assert_no_dossier_is_lost_or_doubled(done, dossiers)
    assert ledger["untold"] <= USERS


def test_without_any_of_this_the_ledger_finds_dossiers_twice(tmp_path, dossiers):
    """So that the above means something."""
    done = file_dossiers(tmp_path, dossiers, ("node",), submissions="off",
                         node_options="--reset-rate 0.1")
    assert tell(done)["doubled"] > 0
    assert done.code != INVALID or done.missed
