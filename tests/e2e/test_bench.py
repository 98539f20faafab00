"""cong-bench run judges rightly: what is well passes, and each fault that it can be shown is seen.

All loads are tiny, and nothing here depends on the machine's being quiet: where it is too busy to
tell, INVALID is the right verdict, and then the tests look at what was measured alone."""

import json
import re
import signal
import subprocess

import pytest
import yaml

from env import Process, eventually, program
from env.bench import (
    BUSY, FAIL, INTERRUPTED, INVALID, PASS, USAGE, BenchRun, bench_command, run_bench, wait_for_lock)
from env.process import ROOT

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


@pytest.fixture
def tiny(tmp_path):
    """tiny(criteria=…) runs the scenario with these changes."""
    def start(**changes):
        return run_bench(scenario(tmp_path, **changes), folder=tmp_path / "result")
    return start


def scenario(folder, **changes):
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY | changes, sort_keys=False))
    return path


def fault(action, argument=0, at="500ms"):
    return {"action": action, "phase": "all", "at": at, "argument": argument}


# --- verdicts ---

def test_smoke_passes(tmp_path):
    smoke = run_bench("smoke", folder=tmp_path)
    smoke.assert_verdict(PASS)
    assert [text for text in smoke.missed if not text.startswith("response_")] == []
    assert re.match(r"smoke: .*\n50 users, 20 s \(ramp 2 s, all 18 s\), until about", smoke.output)
    assert re.search(r"^all .* 0:10/0:20  \d+/50 users  .* req/s  p99 .* 0 errors  .* so far  lag",
                     smoke.output, re.M)
    written = {path.name for path in tmp_path.iterdir()}
    assert written >= {"result.json", "report.html", "seconds.csv", "metrics.prom", "junit.xml",
                       "generator-1.ledger", "node-1.journal", "gateway.yaml", "gateway.log"}


def test_a_lost_dossier_fails(tiny):
    lost = tiny(faults=[fault("lose_dossier")])
    lost.assert_verdict(FAIL)
    assert lost.result["ledger"]["lost"] == 1
    assert lost.missed == ["lost at most 0"]
    assert lost.marks == ["node-1 loses a dossier"]


def test_one_percent_of_dropped_connections_fails(tiny):
    phases = [phase | {"users": 200, "think_median": "400ms", "think_mean": "500ms"}
              for phase in TINY["phases"]]
    dropped = tiny(phases=phases, faults=[fault("drop_connections", 1)])
    dropped.assert_verdict(FAIL)
    assert dropped.missed == ["error_count at most 0"]


def test_a_slow_node_fails(tiny):
    slow = tiny(testbed=TINY["testbed"] | {"node_latency": "600ms"},
                criteria=["response_p50 of read at most 300ms"])
    slow.assert_verdict(FAIL)
    assert len(slow.missed) == 1


def test_a_starved_generator_is_invalid(tiny):
    starved = tiny(faults=[fault("starve_generator", 8)])
    starved.assert_verdict(INVALID)
    assert re.search(r"load not delivered: all: .* of the actions were sent within 50 ms",
                     starved.output)


def test_reloads_and_a_node_that_comes_back_are_survived(tiny):
    survived = tiny(faults=[fault("reload"), fault("stop_node", 1, "1s"),
                            fault("continue_node", 1, "1500ms"), fault("reload", 0, "2s"),
                            fault("kill_node", 1, "2500ms"), fault("start_node", 1, "2600ms")],
                    criteria=["error_percent at most 50%"])
    survived.assert_verdict(PASS)
    assert survived.missed == []
    assert survived.marks == [
        "the gateway reloads its configuration", "node-2 is stopped", "node-2 goes on",
        "the gateway reloads its configuration", "node-2 is killed", "node-2 is started again"]


def test_dossiers_without_an_answer_are_sent_again(tiny):
    """... and these nodes store whatever comes, which the ledger sees."""
    again = tiny(load=TINY["load"] | {"submit_percent": 60, "retries": 20},
                 testbed=TINY["testbed"] | {"node_options": "--reset-rate 0.2"},
                 criteria=["error_percent at most 50%"])
    again.assert_verdict(FAIL)
    assert again.missed == ["doubled at most 0"]
    assert again.result["phases"][1]["retried"] > 0


def test_two_gateways_share_sessions_through_redis(tiny):
    """Each user's connections go to both in turn; who is not signed in would get 401."""
    load = TINY["load"] | {"sessions": True, "session_mean": "1s"}
    shared = tiny(load=load, testbed=TINY["testbed"] | {"redis": True, "gateways": 2})
    shared.assert_verdict(PASS)
    assert shared.missed == []


def test_redis_may_die_and_come_back(tiny):
    load = TINY["load"] | {"sessions": True, "retries": 20}
    died = tiny(load=load, testbed=TINY["testbed"] | {"redis": True},
                faults=[fault("kill_redis"), fault("start_redis", at="2s")],
                criteria=["error_count of read at most 0", "status_4xx_errors at most 0"])
    died.assert_verdict(PASS)
    assert died.marks == ["Redis is killed", "Redis is started again"]


# --- provinces ---

def test_users_of_a_broken_province_are_told_apart(tiny):
    """The others, and all of them when it is mended, meet no error."""
    phases = [TINY["phases"][0], TINY["phases"][1] | {"name": "quiet", "duration": "1s"},
              TINY["phases"][1] | {"name": "faults", "duration": "2s"},
              TINY["phases"][1] | {"name": "mended", "duration": "1s", "judged": False},
              TINY["phases"][1] | {"name": "after", "duration": "2s"}]
    broken = [{"action": "hang", "province": "bac-ninh", "phase": "faults"},
              {"action": "slow", "system": "dan-cu", "time": "50ms", "phase": "faults"},
              {"action": "mend", "phase": "mended"}]
    users = {"citizen": 0, "follow_up": 50, "counter": 0, "official": 0, "app": 50}
    missed = ["error_count of broken in faults at most 0"]
    provinces = tiny(
        phases=phases, faults=broken,
        load=TINY["load"] | {"users": users, "session_mean": "0s"},
        criteria=["error_count of healthy at most 0", "error_count of broken in after at most 0",
                  "timeout_errors at most 0", "peer_share_min in after at least 1%", *missed],
        testbed={"provinces": 4, "nodes": 1, "gateway_workers": 1,
                 # The gateway is not to remember for seconds what has failed.
                 "gateway_upstream": "timeouts: { response: 100ms }, isolation: { breaker: false }, "
                                     "ejection: { failures: 0, rate: 0 }"})
    provinces.assert_verdict(FAIL)
    assert provinces.missed == missed
    assert provinces.marks == ["bac-ninh hangs", "dan-cu takes 0.05 s", "everything is mended"]
    groups = provinces.result["phases"][2]["groups"]
    assert 0 < groups["broken"]["planned"] < groups["healthy"]["planned"]
    assert re.search(r"^broken +faults +\d", provinces.output, re.M)
    report = (provinces.folder / "report.html").read_text()
    assert "Who is concerned, and who should not be" in report
    assert "What the nodes counted" in report


def test_a_province_that_does_not_exist_is_told_with_line_and_key(tmp_path):
    faults = [{"action": "hang", "province": "can-to", "phase": "all"}]
    path = scenario(tmp_path, faults=faults, testbed={"provinces": 34, "nodes": 1})
    result = BenchRun(path)
    assert result.code == USAGE
    assert 'faults[0].province: there is no province "can-to"; did you mean can-tho?' \
        in result.output


# --- attackers ---

# They come once, and the gateway has no patience with them.
ATTACKERS = {"slow_head": 6, "slow_body": 6, "slow_read": 6, "reset_flood": 2}
SIEGE = {
    "phases": [TINY["phases"][0] | {"judged": True},
               TINY["phases"][1] | {"duration": "12s", "attackers": ATTACKERS}],
    "load": TINY["load"] | {"attack_pace": "3s", "attack_return": "0s"},
    "testbed": TINY["testbed"] | {
        "gateway_timeouts": "request_head: 1s, request_body: 1s, send: 1s"},
}


def outcomes(run, phase=1):
    """What became of each kind of attackers: {kind: {outcome: count}} without zeros."""
    named = run.result["attacks"][phase]
    return {kind: {name: count for name, count in attack.items()
                   if count and name not in ("begun", "resets", "held_max_us")}
            for kind, attack in named.items()}


def test_attackers_are_sent_away_and_users_do_not_notice(tiny):
    siege = tiny(**SIEGE, criteria=["error_count at most 0", "attackers_hanging at most 0",
                                    "attackers_sent_away at least 20"])
    siege.assert_verdict(PASS)
    assert siege.missed == []
    assert outcomes(siege, phase=0) == {kind: {} for kind in ATTACKERS}
    assert outcomes(siege) == {"slow_head": {"status_408": 6}, "slow_body": {"status_408": 6},
                               "slow_read": {"closed": 6}, "reset_flood": {"goaway": 2}}
    assert siege.result["attacks"][1]["reset_flood"]["resets"] > 0
    assert [g["is_attackers"] for g in siege.result["generators"]] == [False, False, True]
    assert re.search(r"^slow_head +all +6 ", siege.output, re.M)
    assert "What became of the attackers" in (siege.folder / "report.html").read_text()


def test_attackers_who_are_let_stay_fail(tiny):
    """Nobody's patience ends within this run, and that of those who flood is not asked for."""
    patient = {"gateway_timeouts": "request_head: 5m, request_body: 5m, send: 5m"}
    phases = [SIEGE["phases"][0], SIEGE["phases"][1] | {
        "duration": "2s", "attackers": ATTACKERS | {"reset_flood": 0}}]
    siege = tiny(**SIEGE | {"testbed": TINY["testbed"] | patient, "phases": phases},
                 criteria=["error_count at most 0", "attackers_hanging at most 0"])
    siege.assert_verdict(FAIL)
    assert siege.missed == ["attackers_hanging at most 0"]
    assert outcomes(siege)["slow_head"] == {"hanging": 6}


# --- usage ---

def test_all_shipped_scenarios_are_listed():
    listed = subprocess.run([program("cong-bench"), "list"], cwd=ROOT, text=True, check=True,
                            capture_output=True).stdout
    names = {line.split()[0] for line in listed.splitlines()}
    assert names >= {path.stem for path in (ROOT / "bench/scenarios").glob("*.yaml")}
    assert len(listed.splitlines()) >= 15


def test_a_typo_is_told_with_file_line_and_key(tmp_path):
    path = scenario(tmp_path)
    path.write_text(path.read_text().replace("judged: true", "judgd: true"))
    line = 1 + path.read_text().splitlines().index("  judgd: true")
    result = BenchRun(path)
    assert result.code == USAGE
    assert f"{path}:{line}:3: phases[1].judgd: unknown key; did you mean judged?" in result.output


def test_a_typo_among_the_attackers_is_told_with_line_and_key(tmp_path):
    phases = [TINY["phases"][0], TINY["phases"][1] | {"attackers": {"slow_heads": 3}}]
    path = scenario(tmp_path, phases=phases)
    line = 1 + path.read_text().splitlines().index("    slow_heads: 3")
    result = BenchRun(path)
    assert result.code == USAGE
    assert (f"{path}:{line}:5: phases[1].attackers.slow_heads: unknown key; did you mean slow_head?"
            in result.output)


def test_an_unknown_metric_is_a_usage_error(tmp_path):
    result = BenchRun(scenario(tmp_path, criteria=["response_p98 of read at most 1s"]))
    assert result.code == USAGE
    assert 'criteria[0]: there is no metric "response_p98"' in result.output


@pytest.mark.parametrize("words, because", [
    ([], "which scenario?"),
    (["nonsense"], 'there is no scenario "nonsense"'),
    (["smoke", "--fast"], 'there is no option "--fast"'),
    (["reload", "--target", "127.0.0.1:1"], "only to a gateway of its own"),
])
def test_what_cannot_be_run_is_a_usage_error(words, because):
    result = BenchRun(*words)
    assert result.code == USAGE
    assert because in result.output


def test_a_scenario_that_is_not_available_says_why(tmp_path):
    result = BenchRun(scenario(tmp_path, not_available="a part is missing"))
    assert result.code == USAGE
    assert "tiny is not available yet: a part is missing" in result.output


# --- the end of a run before its time ---

@pytest.fixture
def under_way(tmp_path):
    """A run that would take an hour, once its users are at work, and where its result will be."""
    phases = [TINY["phases"][0], TINY["phases"][1] | {"duration": "1h"}]
    path = scenario(tmp_path, phases=phases, faults=[fault("reload")])
    begun = None
    while begun != "the gateway reloads":
        wait_for_lock()
        process = Process("bench", bench_command(path, "--output", tmp_path / "result"), cwd=ROOT)
        begun = process.log.wait_for(f"the gateway reloads|{BUSY}")[0]
    yield process
    process.kill()


def test_ctrl_c_writes_everything_and_leaves_no_process(under_way, tmp_path):
    assert len(under_way.left_behind()) >= 6
    under_way.signal(signal.SIGINT)
    assert under_way.wait() == INTERRUPTED
    assert under_way.left_behind() == []
    result = json.loads((tmp_path / "result" / "result.json").read_text())
    assert result["run"]["interrupted"] is True
    assert "interrupted" in under_way.log.lines[-1]
    assert (tmp_path / "result" / "report.html").exists()


def test_what_was_started_dies_with_the_coordinator(under_way):
    assert len(under_way.left_behind()) >= 6
    under_way.signal(signal.SIGKILL)
    eventually(lambda: not under_way.left_behind(), "all that it has started is gone")


def test_a_second_run_is_refused(under_way):
    result = BenchRun("smoke")
    assert result.code == USAGE
    assert f"{BUSY} on this machine (process {under_way.pid})" in result.output
