"""Few file descriptors: the gateway says so, takes what it can, and never spins or stalls."""

import resource

import pytest

from env import Gateway, RawClient, eventually

LIMIT = 200


def limited(soft, hard):
    return ["prlimit", f"--nofile={soft}:{hard}"]


def descriptor_limit(pid):
    return resource.prlimit(pid, resource.RLIMIT_NOFILE)


def test_soft_limit_is_raised_to_the_hard_one(node):
    with Gateway(node, prefix=limited(256, 4096)) as gateway:
        for process in gateway.processes().values():
            assert descriptor_limit(process["pid"]) == (4096, 4096)


def test_capacity_that_does_not_fit_is_said_at_the_start(node):
    with Gateway(node, prefix=limited(LIMIT, LIMIT), capacity={"users": 100000}) as gateway:
        assert gateway.log.matches(r" warn .*(descriptor|nofile|NOFILE)")
        assert gateway.request("GET", "/").status == 200


@pytest.fixture
def small(node):
    with Gateway(node, prefix=limited(LIMIT, LIMIT), workers=2) as gateway:
        yield gateway


def test_full_worker_leaves_new_connections_to_the_other(small):
    clients = []
    while not small.log.matches("is full: new connections go to the others"):
        clients.append(small.connect())
        clients[-1].request("GET", "/")
        assert len(clients) < 2 * LIMIT
    for _ in range(10):
        assert small.request("GET", "/").status == 200
    for client in clients:
        assert client.request("GET", "/").status == 200


def test_full_gateway_serves_again_when_somebody_leaves(small):
    clients = []
    while len(small.log.matches("is full")) < 2:
        clients.append(RawClient(small.address()))
        assert len(clients) < 10 * LIMIT
        eventually(lambda: open_connections(small) >= min(len(clients), 2 * LIMIT // 4)
                   or len(small.log.matches("is full")) == 2, "they are taken")
    assert small.admin("/health").status == 200
    for client in clients:
        client.close()
    small.log.wait_for("takes connections again", count=2)
    for _ in range(10):
        assert small.request("GET", "/").status == 200


def open_connections(gateway):
    return sum(p["connections_open"] for p in gateway.processes().values())
