"""A process that dies takes its own connections with it, and nothing else."""

import os
import signal

import pytest

from env import Gateway, Load, Node, eventually, free_address

KILLED = "was killed by SIGKILL"


@pytest.fixture
def gateway(node, certs):
    with Gateway(node, workers=2, listeners=[{}, {"tls": certs.tls}]) as gateway:
        gateway.allow(KILLED)
        yield gateway


def kill(gateway, name):
    """kill -9; returns when the process runs again."""
    pid = gateway.processes()[name]["pid"]
    mark = gateway.log.mark()
    os.kill(pid, signal.SIGKILL)
    gateway.log.wait_for(rf"{name} \(process {pid}\) {KILLED}; starting it again in", mark)
    gateway.log.wait_for(f"{name} is ready", mark)
    assert gateway.processes()[name]["pid"] != pid


@pytest.mark.parametrize("listener", [0, 1], ids=["plain", "tls"])
def test_connections_of_the_other_worker_are_unharmed(gateway, listener):
    mine = [gateway.connect_to("worker 0", listener=listener) for _ in range(5)]
    others = [gateway.connect_to("worker 1", listener=listener) for _ in range(5)]
    kill(gateway, "worker 0")
    for client in others:
        assert client.request("GET", "/").status == 200
    for client in mine:
        assert client.has_ended()


def test_killed_worker_costs_a_load_only_its_own_connections(gateway):
    def open_at_workers():
        return [process["connections_open"] for name, process in sorted(gateway.processes().items())
                if name.startswith("worker")]

    with Load(gateway.connect, clients=6) as load:
        hit = eventually(lambda: sum(open_at_workers()) == 6 and open_at_workers(), "all are in")[0]
        kill(gateway, "worker 0")
        load.wait_for(100)
    assert len(load.failures) <= hit
    processes = gateway.processes()
    assert processes["worker 0"]["restarts"] == 1
    assert processes["worker 1"]["restarts"] == 0


def test_new_connections_never_fail_while_a_worker_is_away(gateway):
    def connect_anew():
        client = gateway.connect()
        client.send_request("GET", "/")
        return client

    kill(gateway, "worker 1")  # the second death is followed by a pause
    pid = gateway.processes()["worker 1"]["pid"]
    mark = gateway.log.mark()
    os.kill(pid, signal.SIGKILL)
    gateway.log.wait_for(KILLED, mark)
    for client in [connect_anew() for _ in range(30)]:
        assert client.read_answer().status == 200
    gateway.log.wait_for("worker 1 is ready", mark)


def test_worker_that_keeps_dying_is_started_with_a_growing_pause(gateway):
    for _ in range(4):
        kill(gateway, "worker 0")
    pauses = [int(line.rpartition("again in ")[2].split()[0])
              for line in gateway.log.matches("starting it again in")]
    assert pauses == sorted(pauses)
    assert pauses[0] == 0 and pauses[-1] > 0


def test_keeper_that_dies_is_noticed_by_nobody(gateway):
    with Load(gateway.connect) as load:
        kill(gateway, "keeper")
        load.wait_for(50)
    assert load.failures == []
    assert eventually(gateway.is_ready, "the admin listener is back")
    assert gateway.metrics()["cong_requests_total"] >= load.answers


def test_counts_outlive_the_worker_that_made_them(gateway):
    for _ in range(20):
        gateway.request("GET", "/")
    before = gateway.metrics()
    kill(gateway, "worker 0")
    after = gateway.metrics()
    assert after["cong_requests_total"] == before["cong_requests_total"] == 20
    assert after["cong_process_restarts_total"] == 1


def test_requests_of_a_dead_worker_are_no_longer_in_flight():
    with Node("hanging") as node, Gateway(node, workers=2) as gateway:
        gateway.allow(KILLED)
        for _ in range(8):
            gateway.connect().send_request("GET", "/any?hang=1")
        eventually(lambda: node.stats()["requests"] == 8, "all requests are at the node")
        peer = gateway.status()["upstreams"][0]["peers"][0]
        assert peer["in_flight"] == 8
        left = gateway.processes()["worker 1"]["requests_active"]
        kill(gateway, "worker 0")
        assert gateway.status()["upstreams"][0]["peers"][0]["in_flight"] == left
        assert gateway.metrics()["cong_requests_active"] == left
        eventually(lambda: node.stats()["connections"]["open"] == left, "the node is rid of them")


def test_node_that_dies_under_load_costs_only_its_own_requests(certs):
    with Node("one") as one, Node("two") as two, Gateway(one, two) as gateway:
        one.allow(".")
        with Load(gateway.connect) as load:
            one.signal(signal.SIGKILL)
            one.wait()
            load.wait_for(200)
        assert load.failures == []  # GETs, so each is tried on the other peer


def test_children_leave_when_the_supervisor_is_killed(gateway):
    gateway.signal(signal.SIGKILL)
    assert gateway.wait() == -signal.SIGKILL
    eventually(lambda: not gateway.left_behind(), "no process is left")


def test_killed_gateway_can_be_started_again_at_once(node):
    addresses = {"listeners": [{"address": free_address()}], "admin": {"address": free_address()}}
    with Gateway(node, **addresses) as first:
        first.signal(signal.SIGKILL)
        first.wait()
        eventually(lambda: not first.left_behind(), "no process is left")
        with Gateway(node, runtime_dir=first.folder / "run", **addresses) as second:
            assert second.request("GET", "/").status == 200


def test_second_gateway_on_the_same_runtime_folder_is_refused(node, gateway):
    result = gateway.command("run")
    assert result.returncode == 1
    assert "run" in result.stderr
    assert gateway.request("GET", "/").status == 200
    assert gateway.status()["state"] == "running"
