"""Probes: one process asks the peers whether they are well, and who is not gets no requests."""

import os
import re
import signal
import time

import pytest

from env import PROBE_PATH, Gateway, Node, Patient, ScriptedBackend, eventually

HEALTH = {"path": PROBE_PATH, "interval": "300ms", "timeout": "300ms", "rise": 2, "fall": 2}


def probed(*peers, health=None, **settings):
    turns = {"balance": "round_robin", "slow_start": "0s"}  # so that a few requests meet everybody
    return Gateway(*peers, upstream=turns | {"health": HEALTH | (health or {})}, **settings)


def peer_of(gateway, backend):
    peers = gateway.status()["upstreams"][0]["peers"]
    return next(p for p in peers if p["address"] == backend.address)


def wait_for_state(gateway, backend, state):
    return eventually(lambda: (p := peer_of(gateway, backend))["probes"] == state and p,
                      f"{backend.address} is {state}")


def who_answers(gateway, count=8):
    client = gateway.connect()
    return {client.request("GET", "/").headers.get("X-Node") for _ in range(count)}


ILLNESSES = [
    ("status", (503, b"tot"), {}, "answered 503"),
    ("another status", (200, b"tot"), {"status": 204}, "answered 200"),
    ("content", (200, b"hong"), {"body": "tot"}, "answered without the expected text"),
    ("silence", None, {}, "did not answer in time"),
    ("nonsense", b"SSH-2.0-OpenSSH\r\n\r\n", {}, "did not answer in HTTP/1.1"),
    ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\ntot", {},
     "did not answer in HTTP/1.1"),
    ("a short content", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nt", {"body": "tot"},
     "broke off before the answer's end"),
]


@pytest.mark.parametrize("answer, health, why", [row[1:] for row in ILLNESSES],
                         ids=[row[0] for row in ILLNESSES])
def test_who_is_ill_gets_no_requests_until_it_is_well(answer, health, why):
    ill, well = Patient("ill"), Patient("well")
    good = (health.get("status", 200), b"tot" if health.get("status") != 204 else b"")
    well.change(good)
    ill.change(good)
    with probed(ill, well, health=health) as gateway:
        wait_for_state(gateway, ill, "up")
        wait_for_state(gateway, well, "up")
        assert who_answers(gateway) == {"ill", "well"}
        ill.change(answer)
        assert wait_for_state(gateway, ill, "down")["why"] == why
        gateway.log.wait_for(f"peer portal/{ill.address} is down: .* {why}")
        assert who_answers(gateway) == {"well"}
        ill.change(good)
        wait_for_state(gateway, ill, "up")
        assert who_answers(gateway) == {"ill", "well"}


def test_a_killed_node_costs_nobody_anything_and_is_used_again_when_it_is_back():
    gone, well = Patient("gone"), Patient("well")
    with probed(gone, well) as gateway:
        wait_for_state(gateway, gone, "up")
        gone.close()
        peer = wait_for_state(gateway, gone, "down")
        assert peer["why"] == "could not be connected to"
        before = peer["connects"]
        assert who_answers(gateway) == {"well"}
        assert peer_of(gateway, gone)["connects"] == before
        gone.start()
        wait_for_state(gateway, gone, "up")
        assert who_answers(gateway) == {"gone", "well"}


def test_tcp_asks_for_a_connection_and_no_more():
    backend, well = ScriptedBackend(), Patient("well")
    with Gateway(backend, well, upstream={"health": {"kind": "tcp", "interval": "200ms",
                                                     "timeout": "200ms", "fall": 2}}) as gateway:
        connection = backend.accept()
        assert connection.has_ended()
        wait_for_state(gateway, backend, "up")
        backend.close()
        wait_for_state(gateway, backend, "down")


def test_a_probe_is_a_plain_request_of_its_own():
    patient = Patient()
    with probed(patient, health={"host": "suc-khoe.noi-bo.vn"}):
        patient.wait_for_probe()
    line, fields = patient.probe_heads[0]
    assert line == f"GET {PROBE_PATH} HTTP/1.1"
    assert fields == {"Host": "suc-khoe.noi-bo.vn", "User-Agent": "cong-probe", "Accept": "*/*",
                      "Connection": "close"}


def test_nobody_is_probed_where_that_is_not_configured():
    patient = Patient()
    with Gateway(patient) as gateway:
        assert who_answers(gateway) == {"patient"}
        assert peer_of(gateway, patient)["probes"] == "unprobed"
    assert patient.seen["probes"] == 0


def test_probes_come_from_the_keeper_alone():
    """However many workers there are, the node sees as many probes as the keeper has counted."""
    patient = Patient()
    with probed(patient, workers=3) as gateway:
        eventually(lambda: patient.seen["probes"] >= 8, "some probes have come")
        os.kill(gateway.processes()["keeper"]["pid"], signal.SIGSTOP)
        peer = peer_of(gateway, patient)
        assert 0 <= patient.seen["probes"] - peer["probes_passed"] <= 1  # one may be under way
        os.kill(gateway.processes()["keeper"]["pid"], signal.SIGCONT)


def test_a_keeper_that_was_late_itself_judges_nobody():
    patient = Patient()
    with probed(patient, health={"fall": 1}) as gateway:
        wait_for_state(gateway, patient, "up")
        keeper = gateway.processes()["keeper"]["pid"]
        patient.change(None)
        patient.wait_for_probe()
        os.kill(keeper, signal.SIGSTOP)
        patient.change((200, b"tot"))
        resume_at = time.monotonic() + 1  # long after the timeout
        eventually(lambda: time.monotonic() > resume_at, "time has passed")
        os.kill(keeper, signal.SIGCONT)
        patient.wait_for_probe()
        patient.wait_for_probe()
        assert peer_of(gateway, patient)["probes_failed"] == 0


def test_the_keeper_that_follows_on_a_killed_one_goes_on_with_its_verdicts():
    ill, well = Patient("ill"), Patient("well")
    ill.change((500, b""))
    with probed(ill, well) as gateway:
        gateway.allow("was killed by SIGKILL")
        before = wait_for_state(gateway, ill, "down")
        mark = gateway.log.mark()
        os.kill(gateway.processes()["keeper"]["pid"], signal.SIGKILL)
        assert who_answers(gateway) == {"well"}
        gateway.log.wait_for("keeper is ready", mark)
        ill.wait_for_probe()
        after = peer_of(gateway, ill)
        assert (after["probes"], after["since"]) == ("down", before["since"])
        assert who_answers(gateway) == {"well"}
        ill.change((200, b"tot"))
        wait_for_state(gateway, ill, "up")


def test_a_reload_keeps_the_verdicts_of_peers_that_stay():
    ill, well, new = Patient("ill"), Patient("well"), Patient("new")
    ill.change((500, b""))
    with probed(ill, well) as gateway:
        before = wait_for_state(gateway, ill, "down")
        portal = gateway.settings["upstreams"][0]
        gateway.change(upstreams=[portal | {"peers": [ill, well, new]}])
        assert peer_of(gateway, ill)["since"] == before["since"]
        assert "ill" not in who_answers(gateway)
        wait_for_state(gateway, new, "up")
        ill.change((200, b"tot"))
        wait_for_state(gateway, ill, "up")


def test_who_is_not_probed_any_more_is_not_down():
    ill, well = Patient("ill"), Patient("well")
    ill.change((500, b""))
    with probed(ill, well) as gateway:
        wait_for_state(gateway, ill, "down")
        portal = {k: v for k, v in gateway.settings["upstreams"][0].items() if k != "health"}
        gateway.change(upstreams=[portal])
        wait_for_state(gateway, ill, "unprobed")
        # Workers look at their peers every 10 ms, and for eight requests less may do.
        eventually(lambda: who_answers(gateway) == {"ill", "well"}, "both are asked")


def test_when_all_are_ill_they_are_asked_all_the_same():
    """Probes may be wrong about everybody at once; refusing all would help nobody."""
    ill, sick = Patient("ill"), Patient("sick")
    ill.change((500, b""))
    sick.change((500, b""))
    with probed(ill, sick) as gateway:
        wait_for_state(gateway, ill, "down")
        wait_for_state(gateway, sick, "down")
        assert who_answers(gateway) == {"ill", "sick"}
        assert gateway.status()["upstreams"][0]["panic"]
        assert "; panic: 0 of 2 peers are well, so all are used" in gateway.command("status").stdout
        ill.change((200, b"tot"))
        wait_for_state(gateway, ill, "up")
        assert not gateway.status()["upstreams"][0]["panic"]


def test_status_and_metrics_tell_who_is_down_and_why():
    ill, node = Patient("ill"), Patient("well")
    ill.change((500, b""))
    with probed(ill, node) as gateway:
        wait_for_state(gateway, ill, "down")
        wait_for_state(gateway, node, "up")
        text = gateway.command("status").stdout
        assert re.search(rf"portal +{ill.address} .*  down; probes: down for \d+s, \d+ failed, "
                         r"it answered 500$", text, re.M)
        assert re.search(rf"portal +{node.address} .*  serving; probes: up for \d+s$", text, re.M)
        assert peer_of(gateway, ill)["state"] == "down"
        assert peer_of(gateway, node)["state"] == "serving"
        metrics = gateway.metrics()
        labels = f'upstream="portal",peer="{ill.address}"'
        assert metrics[f"cong_peer_up{{{labels}}}"] == 0
        assert metrics[f'cong_peer_problem{{{labels},part="probes",why="answered 500"}}'] == 1
        assert metrics[f'cong_peer_probes_total{{{labels},result="failed"}}'] >= 2
        assert metrics[f'cong_peer_up{{upstream="portal",peer="{node.address}"}}'] == 1


def test_the_simulated_node_is_probed_too():
    with Node() as node, probed(node, health={"path": "/"}) as gateway:
        wait_for_state(gateway, node, "up")
        node.stop()
        wait_for_state(gateway, node, "down")
