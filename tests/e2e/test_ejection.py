"""Peers whose answers fail get trials alone, and come back by them; all workers know it."""

import os
import re
import signal
import time

import pytest

from env import Gateway, Patient, ScriptedBackend, eventually, free_address

NO_TRIALS = {"time": "1h", "max_time": "1h"}
MANY_TRIALS = {"time": "50ms", "max_time": "100ms"}
EJECTED = "peer portal/{} gets trials alone"


def in_turn(*peers, ejection=None, workers=1, **upstream):
    """A few requests meet everybody; who fails is not asked again elsewhere."""
    terms = {"balance": "round_robin", "slow_start": "0s", "retries": 0,
             "isolation": {"breaker": False}, "ejection": ejection or NO_TRIALS} | upstream
    return Gateway(*peers, upstream=terms, workers=workers)


def who_answers(client, count=12):
    answers = [client.request("GET", "/") for _ in range(count)]
    return {answer.headers.get("X-Node") for answer in answers}


def make_ill(gateway, patient, work=(503, b"")):
    patient.change_work(work)
    client = gateway.connect()
    eventually(lambda: client.request("GET", "/") and gateway.log.matches(
        EJECTED.format(patient.address)), "it is ejected")


def test_five_failures_in_a_row_and_others_serve():
    ill, well = Patient("ill"), Patient("well")
    ill.change_work((503, b""))
    with in_turn(ill, well) as gateway:
        client = gateway.connect()
        statuses = [client.request("GET", "/").status for _ in range(30)]
        assert statuses.count(503) == 5
        assert set(statuses[10:]) == {200}
        assert len(gateway.log.matches(EJECTED.format(ill.address))) == 1
        assert ill.seen["requests"] == 5


@pytest.mark.parametrize("work, timeouts", [((502, b""), {}), ((504, b""), {}),
                                            (b"SSH-2.0-OpenSSH\r\n\r\n", {}), (b"", {}),
                                            (None, {"response": "50ms"})],
                         ids=["502", "504", "nonsense", "end", "silence"])
def test_every_kind_of_failure_counts(work, timeouts):
    ill, well = Patient("ill"), Patient("well")
    with in_turn(ill, well, timeouts=timeouts) as gateway:
        make_ill(gateway, ill, work)
        assert who_answers(gateway.connect()) == {"well"}


@pytest.mark.parametrize("work, why", [((503, b""), "answered 503"), (b"", "broke off before the "
                                       "answer's end"), (b"SSH-2.0-OpenSSH\r\n\r\n",
                                                         "did not answer in HTTP/1.1")],
                         ids=["503", "end", "nonsense"])
def test_status_and_metrics_tell_who_is_ejected_and_why(work, why):
    ill, well = Patient("ill"), Patient("well")
    with in_turn(ill, well) as gateway:
        make_ill(gateway, ill, work)
        peer, other = gateway.status()["upstreams"][0]["peers"]
        assert (peer["state"], peer["last_failure"]) == ("ejected", why)
        assert other["state"] == "serving" and "last_failure" not in other
        assert re.search(rf"portal +{ill.address} .*  ejected for \d+ s \(1 times\), at last it {why}; "
                         r"0 good trials, next in \d+ s", gateway.command("status").stdout)
        labels = f'upstream="portal",peer="{ill.address}"'
        metrics = gateway.metrics()
        assert metrics[f"cong_peer_ejected{{{labels}}}"] == 1
        assert metrics[f'cong_peer_problem{{{labels},part="answers",why="{why}"}}'] == 1


def test_refused_connections_count():
    well = Patient("well")
    gone = free_address()
    with in_turn({"address": gone}, well) as gateway:
        client = gateway.connect()
        assert [client.request("GET", "/").status for _ in range(30)].count(502) == 5
        gateway.log.wait_for(EJECTED.format(gone))


def test_an_error_of_the_application_is_no_failure():
    one, other = Patient("one"), Patient("other")
    one.change_work((500, b""))
    with in_turn(one, other) as gateway:
        assert who_answers(gateway.connect(), 40) == {"one", "other"}
        assert gateway.log.matches("gets trials alone") == []


def test_it_comes_back_by_a_trial():
    ill, well = Patient("ill"), Patient("well")
    with in_turn(ill, well, ejection=MANY_TRIALS, retries=1) as gateway:
        make_ill(gateway, ill)
        ill.change_work((200, b""))
        client = gateway.connect()
        eventually(lambda: client.request("GET", "/").status == 200 and gateway.log.matches(
            f"peer portal/{ill.address} is back after"), "a trial goes well")
        assert who_answers(client) == {"ill", "well"}


def test_trials_cost_no_failed_request_where_another_peer_can_be_asked():
    ill, well = Patient("ill"), Patient("well")
    with in_turn(ill, well, ejection=MANY_TRIALS, retries=1,
                 timeouts={"response": "30ms"}) as gateway:
        ill.change_work(None)
        client = gateway.connect()
        before = ill.seen["requests"]
        eventually(lambda: client.request("GET", "/").status == 200 and
                   ill.seen["requests"] >= before + 9, "there were some trials")


def test_workers_learn_it_from_each_other():
    ill, well = Patient("ill"), Patient("well")
    with in_turn(ill, well, workers=2) as gateway:
        one, other = gateway.connect_to("worker 0"), gateway.connect_to("worker 1")
        ill.change_work((503, b""))
        eventually(lambda: one.request("GET", "/") and gateway.log.matches("gets trials alone"),
                   "the first worker ejects it")
        eventually(lambda: who_answers(other) == {"well"}, "the other one knows")
        before = ill.seen["requests"]
        who_answers(other)
        who_answers(one)
        assert ill.seen["requests"] == before


def test_a_reload_and_a_killed_worker_leave_it_as_it_is():
    ill, well = Patient("ill"), Patient("well")
    with in_turn(ill, well) as gateway:
        gateway.allow("was killed by SIGKILL")
        make_ill(gateway, ill)
        portal = gateway.settings["upstreams"][0]
        gateway.change(upstreams=[portal | {"peers": [ill, {"address": well.address, "weight": 2}]}])
        before = ill.seen["requests"]
        assert who_answers(gateway.connect()) == {"well"}
        os.kill(gateway.worker_pids()["worker 0"], signal.SIGKILL)
        gateway.log.wait_for(r"worker 0 is ready", count=2)
        assert who_answers(gateway.connect()) == {"well"}
        assert ill.seen["requests"] == before


def test_half_of_them_at_most_are_ejected():
    nodes = [Patient(f"node {n}") for n in range(4)]
    with in_turn(*nodes) as gateway:
        for node in nodes:
            node.change_work((503, b""))
        client = gateway.connect()
        for _ in range(100):
            assert client.request("GET", "/").status == 503
        assert len(gateway.log.matches("gets trials alone")) == 2


def test_all_are_used_while_fewer_than_half_are_well():
    """Probes take two of three out; the third alone would be buried."""
    nodes = [Patient("one"), Patient("two"), Patient("three")]
    health = {"path": "/tot", "interval": "100ms", "timeout": "100ms", "fall": 1}
    with in_turn(*nodes, health=health) as gateway:
        nodes[0].change((500, b""))
        gateway.log.wait_for(f"peer portal/{nodes[0].address} is down")
        eventually(lambda: who_answers(gateway.connect()) == {"two", "three"}, "one is left out")
        nodes[1].change((500, b""))
        gateway.log.wait_for(f"peer portal/{nodes[1].address} is down")
        eventually(lambda: who_answers(gateway.connect()) == {"one", "two", "three"},
                   "they are all used")


def one_each(gateway, backend):
    """Two clients, of which one waits for the backend, and its connection there."""
    clients = [gateway.connect().send_request("GET", "/") for _ in range(2)]
    connection = backend.accept()
    connection.read_request()
    return clients, connection


def test_a_gateway_that_was_late_itself_ejects_nobody():
    """The answer had come, but time was up when the worker looked again."""
    backend, other = ScriptedBackend(), Patient("other")
    with in_turn(backend, other, timeouts={"response": "500ms"},
                 ejection=NO_TRIALS | {"failures": 1}) as gateway:
        worker = gateway.worker_pids()["worker 0"]
        clients, connection = one_each(gateway, backend)
        os.kill(worker, signal.SIGSTOP)
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        resume_at = time.monotonic() + 1  # long after the timeout
        eventually(lambda: time.monotonic() > resume_at, "time has passed")
        os.kill(worker, signal.SIGCONT)
        for client in clients:
            assert client.read_answer().status in (200, 504)
        assert gateway.log.matches("gets trials alone") == []


def test_a_change_of_weights_disturbs_no_request_under_way():
    backend, node = ScriptedBackend(), Patient("node")
    with in_turn(backend, node) as gateway:
        clients, connection = one_each(gateway, backend)
        portal = gateway.settings["upstreams"][0]
        gateway.change(upstreams=[portal | {"peers": [
            {"address": backend.address, "weight": 9}, {"address": node.address, "weight": 1}]}])
        gateway.change(upstreams=[portal | {"peers": [node]}])
        connection.answer(body=b"from before")
        assert sorted(client.read_answer().body for client in clients) == [b"", b"from before"]
        eventually(lambda: gateway.metrics()["cong_requests_active"] == 0, "all are done")
