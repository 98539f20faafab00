"""cong-bench run judges rightly: what is well passes, and each fault that it can be shown is seen.

All loads are tiny. A machine that is busy with other things cannot make a good run fail; but it makes
a bad one INVALID, with the reason that it was disturbed, where the fault might be the disturbance."""

import fcntl
import json
import re
import signal
import subprocess

import pytest
import yaml

from env import Process, eventually, program
from env.process import ROOT

PASS, FAIL, INVALID, USAGE, INTERRUPTED = 0, 1, 2, 3, 130
TIMEOUT_S = 120
BUSY = "another run is under way"
THINK = {"think_median": "100ms", "think_mean": "150ms"}
TINY = {
    "name": "tiny",
    "about": "a test of the judge",
    "phases": [{"name": "ramp", "duration": "1s", "users": 40, **THINK},
               {"name": "all", "duration": "4s", "users": 40, "judged": True, **THINK}],
    # Who files dossiers, mostly.
    "load": {"users": {"citizen": 0, "follow_up": 0, "counter": 100, "official": 0, "app": 0},
             "login_percent": 0, "submit_percent": 0, "upload_max": "64KiB", "probe_users": 2},
    "criteria": ["error_count at most 0"],
    "testbed": {"nodes": 2, "gateway_workers": 1},
}


class Run:
    def __init__(self, *arguments):
        done = subprocess.run(command(*arguments), cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S,
                              check=False)
        self.code, self.output = done.returncode, done.stdout
        print(self.output)

    @property
    def last_line(self):
        return self.output.splitlines()[-1]


def command(*arguments):
    return [program("cong-bench"), "run", *map(str, arguments)]


def wait_for_lock():
    with open("/tmp/cong-bench.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def run(*arguments):
    """When no other run is under way on this machine."""
    while True:
        wait_for_lock()
        result = Run(*arguments)
        if result.code != USAGE or BUSY not in result.output:
            return result


@pytest.fixture
def tiny(tmp_path):
    """tiny(criteria=…) runs the scenario with these changes."""
    def start(**changes):
        return run(scenario(tmp_path, **changes), "--output", tmp_path / "result")
    return start


def scenario(folder, **changes):
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY | changes, sort_keys=False))
    return path


def fault(action, argument=0, at="500ms"):
    return {"action": action, "phase": "all", "at": at, "argument": argument}


def assert_missed(result, criterion):
    """It failed, unless the machine was too busy to blame the gateway."""
    assert f"missed: {criterion}" in result.output
    if result.code != FAIL:
        assert result.code == INVALID
        assert "; but the run was disturbed: " in result.output


def result_of(folder):
    return json.loads((folder / "result" / "result.json").read_text())


# --- verdicts ---

def test_smoke_passes(tmp_path):
    result = run("smoke", "--output", tmp_path)
    assert result.code == PASS
    assert re.match(r"smoke: .*\n50 users, 20 s \(ramp 2 s, all 18 s\), until about", result.output)
    assert re.search(r"^all .* 0:10/0:20  50/50 users  .* req/s  p99 .* 0 errors  PASS so far  lag",
                     result.output, re.M)
    assert result.last_line.startswith("PASS smoke users=50 ")
    written = {path.name for path in tmp_path.iterdir()}
    assert written >= {"result.json", "report.html", "seconds.csv", "metrics.prom", "junit.xml",
                       "generator-1.ledger", "node-1.journal", "gateway.yaml", "gateway.log"}


def test_a_lost_dossier_fails(tiny, tmp_path):
    result = tiny(faults=[fault("lose_dossier")])
    assert result.code == FAIL
    assert "of the dossiers, 1 were lost, 0 stored twice and 0 changed" in result.output
    assert result.last_line.startswith("FAIL tiny ")
    assert "node-1 loses a dossier" in [mark["text"] for mark in result_of(tmp_path)["marks"]]


def test_one_percent_of_dropped_connections_fails(tiny):
    phases = [phase | {"users": 200, "think_median": "400ms", "think_mean": "500ms"}
              for phase in TINY["phases"]]
    result = tiny(phases=phases, faults=[fault("drop_connections", 1)])
    assert_missed(result, "error_count at most 0")


def test_a_slow_node_fails(tiny):
    result = tiny(testbed=TINY["testbed"] | {"node_latency": "600ms"},
                  criteria=["response_p50 of read at most 300ms"])
    assert_missed(result, "response_p50 of read at most 300ms")


def test_a_starved_generator_is_invalid(tiny):
    result = tiny(faults=[fault("starve_generator", 8)])
    assert result.code == INVALID
    assert re.search(r"load not delivered: all: .* of the actions were sent within 50 ms",
                     result.output)


def test_reloads_and_a_node_that_comes_back_are_survived(tiny, tmp_path):
    result = tiny(faults=[fault("reload"), fault("stop_node", 1, "1s"),
                          fault("continue_node", 1, "1500ms"), fault("reload", 0, "2s"),
                          fault("kill_node", 1, "2500ms"), fault("start_node", 1, "2600ms")],
                  criteria=["error_percent at most 50%"])
    assert result.code == PASS
    assert [mark["text"] for mark in result_of(tmp_path)["marks"]] == [
        "the gateway reloads its configuration", "node-2 is stopped", "node-2 goes on",
        "the gateway reloads its configuration", "node-2 is killed", "node-2 is started again"]


# --- usage ---

def test_all_shipped_scenarios_are_listed():
    listed = subprocess.run([program("cong-bench"), "list"], cwd=ROOT, text=True, check=True,
                            capture_output=True).stdout
    names = {line.split()[0] for line in listed.splitlines()}
    assert names >= {path.stem for path in (ROOT / "bench/scenarios").glob("*.yaml")}
    assert len(listed.splitlines()) >= 14


def test_a_typo_is_told_with_file_line_and_key(tmp_path):
    path = scenario(tmp_path)
    path.write_text(path.read_text().replace("judged: true", "judgd: true"))
    line = 1 + path.read_text().splitlines().index("  judgd: true")
    result = Run(path)
    assert result.code == USAGE
    assert f"{path}:{line}:3: phases[1].judgd: unknown key; did you mean judged?" in result.output


def test_an_unknown_metric_is_a_usage_error(tmp_path):
    result = Run(scenario(tmp_path, criteria=["response_p98 of read at most 1s"]))
    assert result.code == USAGE
    assert 'criteria[0]: there is no metric "response_p98"' in result.output


@pytest.mark.parametrize("words, because", [
    ([], "which scenario?"),
    (["nonsense"], 'there is no scenario "nonsense"'),
    (["smoke", "--fast"], 'there is no option "--fast"'),
    (["redis-death"], "redis-death is not available yet: "),
    (["reload", "--target", "127.0.0.1:1"], "only to a gateway of its own"),
])
def test_what_cannot_be_run_is_a_usage_error(words, because):
    result = Run(*words)
    assert result.code == USAGE
    assert because in result.output


# --- the end of a run before its time ---

@pytest.fixture
def under_way(tmp_path):
    """A run that would take an hour, once its users are at work, and where its result will be."""
    phases = [TINY["phases"][0], TINY["phases"][1] | {"duration": "1h"}]
    path = scenario(tmp_path, phases=phases, faults=[fault("reload")])
    wait_for_lock()
    process = Process("bench", command(path, "--output", tmp_path / "result"), cwd=ROOT)
    process.log.wait_for("the gateway reloads")
    yield process
    process.kill()


def test_ctrl_c_writes_everything_and_leaves_no_process(under_way, tmp_path):
    assert len(under_way.left_behind()) >= 6
    under_way.signal(signal.SIGINT)
    assert under_way.wait() == INTERRUPTED
    assert under_way.left_behind() == []
    result = result_of(tmp_path)
    assert result["run"]["interrupted"] is True
    assert "interrupted" in under_way.log.lines[-1]
    assert (tmp_path / "result" / "report.html").exists()


def test_what_was_started_dies_with_the_coordinator(under_way):
    assert len(under_way.left_behind()) >= 6
    under_way.signal(signal.SIGKILL)
    eventually(lambda: not under_way.left_behind(), "all that it has started is gone")


def test_a_second_run_is_refused(under_way):
    result = Run("smoke")
    assert result.code == USAGE
    assert f"{BUSY} on this machine (process {under_way.pid})" in result.output
