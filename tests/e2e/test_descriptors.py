"""Few file descriptors: the gateway says so, takes what it can, and never spins or stalls."""

import os
import resource
from itertools import count
from pathlib import Path

import pytest

from env import Gateway, Incomplete, RawClient, eventually

# A worker with few of them keeps half for itself and for connections to peers.
ROOM = 100
LIMIT = 2 * ROOM


def limited(soft, hard):
    return ["prlimit", f"--nofile={soft}:{hard}"]


@pytest.fixture
def small(node):
    with Gateway(node, prefix=limited(LIMIT, LIMIT), workers=2) as gateway:
        yield gateway


def crowd(gateway, full_workers):
    """Connects until so many workers have no room left; the clients that were served."""
    clients = []
    while len(gateway.log.matches("is full: new connections go to the others")) < full_workers:
        assert len(clients) < 2 * LIMIT
        try:
            client = gateway.connect()
            assert client.request("GET", "/").status == 200
            clients.append(client)
        except (OSError, Incomplete):
            pass  # just when the last one was full
    return clients


def test_soft_limit_is_raised_to_the_hard_one(node):
    with Gateway(node, prefix=limited(1024, 4096)) as gateway:
        for process in gateway.processes().values():
            assert resource.prlimit(process["pid"], resource.RLIMIT_NOFILE) == (4096, 4096)


def test_capacity_that_does_not_fit_is_said_at_the_start(node):
    with Gateway(node, prefix=limited(LIMIT, LIMIT), capacity={"users": 100000}) as gateway:
        gateway.log.wait_for(" warn .*capacity.users is 100000, but .*raise the hard limit")
        assert gateway.request("GET", "/").status == 200


def workers_of(gateway, clients):
    """{client: the name of the worker that holds the other end of its connection}"""
    holders = {link.readlink().name: name for name, pid in gateway.worker_pids().items()
               for link in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    links = {(row[1].split(":")[1], row[2].split(":")[1]): f"socket:[{row[9]}]" for row in rows}

    def port(address):
        return f"{address[1]:04X}"

    return {client: holders[links[port(client.socket.getpeername()),
                                  port(client.socket.getsockname())]] for client in clients}


def test_full_worker_leaves_new_connections_to_the_other(small):
    clients = workers_of(small, crowd(small, 2))
    for client, worker in clients.items():
        if worker == "worker 1":
            client.close()
    eventually(lambda: small.processes()["worker 1"]["state"] != "full", "worker 1 has room")
    assert small.processes()["worker 0"]["state"] == "full"
    for _ in range(20):
        assert small.request("GET", "/").status == 200
    for client, worker in clients.items():
        if worker == "worker 0":
            assert client.request("GET", "/").status == 200


def test_full_gateway_serves_whom_it_has_and_stays_reachable_for_its_operators(small):
    clients = crowd(small, 2)
    assert len(clients) >= 2 * ROOM - 10
    assert small.admin("/health").status == 200
    assert small.status()["state"] == "running"
    for client in clients:
        assert client.request("GET", "/").status == 200


def test_full_gateway_takes_connections_again_when_somebody_leaves(small):
    for client in crowd(small, 2):
        client.close()
    small.log.wait_for("takes connections again", count=2)
    for _ in range(20):
        assert small.request("GET", "/").status == 200


def test_idle_clients_cannot_take_the_descriptors_of_those_who_are_served(node):
    """With one worker there is no other: who does not fit is turned away at once."""
    with Gateway(node, prefix=limited(LIMIT, LIMIT)) as gateway:
        served = [gateway.connect() for _ in range(10)]
        for client in served:
            assert client.request("GET", "/any?close=end").status == 200
        for _ in range(LIMIT):
            come(gateway)
        assert come(gateway).has_ended()
        for client in served:
            client.send_request("GET", "/any?close=end&delay=10ms")
        for client in served:
            assert client.read_answer().status == 200
        gateway.reload()
        assert gateway.metrics()["cong_connections_refused_total"] >= LIMIT // 4


def lowest_free_descriptor(pid):
    used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    return next(number for number in count() if number not in used)


def test_without_any_descriptor_left_newcomers_wait_and_those_who_are_in_are_served(node):
    with Gateway(node) as gateway:
        inside = gateway.connect()
        assert inside.request("GET", "/").status == 200
        pid = gateway.worker_pids()["worker 0"]
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free_descriptor(pid), hard))
        newcomer = RawClient(gateway.address()).send_request("GET", "/")
        gateway.log.wait_for("cannot accept connections: too many open files")
        for _ in range(20):
            assert inside.request("GET", "/").status == 200
        assert gateway.admin("/health").status == 200
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert newcomer.read_answer().status == 200
        assert gateway.request("GET", "/").status == 200


def come(gateway):
    """A client that stays if it may; one that is turned away may see that already here."""
    while True:
        try:
            return RawClient(gateway.address())
        except ConnectionResetError:
            pass
