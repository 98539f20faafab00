"""What is done before memory or descriptors run out, step by step, and that it ends by itself."""

import os
import ssl
from contextlib import suppress

import pytest

from env import Ended, Gateway, H2Client, Incomplete, RawClient, WebSocket, eventually

CALM, TIGHT, SCARCE, CRITICAL = range(4)
LIMIT = 200  # of descriptors
# In the middle of each level, so many of them are open.
OPEN = {TIGHT: 165, SCARCE: 183, CRITICAL: 193}


@pytest.fixture
def gateway(node, certs):
    with Gateway(node, prefix=["prlimit", f"--nofile={LIMIT}:{LIMIT}"],
                 listeners=[{}, {"tls": certs.tls}],
                 timeouts={"keep_alive": "10s", "request_head": "1s"}) as gateway:
        for value in ("cong_memory_bytes", "cong_descriptors_open"):  # keeper and worker
            eventually(lambda value=value: gateway.metrics()[value] > 0, "all has been measured")
        yield gateway


def level(gateway):
    """What the worker acts upon."""
    return gateway.processes()["worker 0"]["pressure"]


def crowd(gateway, wanted):
    """Tunnels, which take two descriptors each, until the worker is at this level."""
    pid = gateway.worker_pids()["worker 0"]
    tunnels = []
    while descriptors(pid) < OPEN[wanted] and level(gateway) < CRITICAL:
        try:
            tunnels.append(WebSocket(gateway.connect()))
        except (OSError, Incomplete):
            pass  # the first one to be refused
    eventually(lambda: level(gateway) == wanted, f"the worker is at level {wanted}")
    return tunnels


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def disperse(gateway, tunnels):
    for tunnel in tunnels:
        tunnel.close()
    eventually(lambda: level(gateway) == CALM, "all is calm again")


def test_all_is_calm_at_first(gateway):
    pressure = gateway.status()["pressure"]
    assert (pressure["level"], pressure["name"]) == (CALM, "calm")
    assert 0 < pressure["memory_bytes"] < pressure["memory_limit_bytes"]
    assert pressure["descriptors_open"] > 0
    assert "pressure: calm; " in gateway.command("status").stdout


def test_memory_of_the_node_is_that_of_its_processes(gateway):
    pids = [process["pid"] for process in gateway.processes().values()]
    metrics = gateway.metrics()
    resident = [resident_bytes(pid) for pid in [gateway.pid, *pids]]
    assert max(resident) <= metrics["cong_memory_bytes"] * 1.25
    assert metrics["cong_memory_bytes"] <= sum(resident) * 1.25


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * 4096


def test_tight_idle_connections_are_closed_early(gateway):
    idle = [gateway.connect(listener) for listener in (0, 1)]
    for client in idle:
        assert client.request("GET", "/").status == 200
    tunnels = crowd(gateway, TIGHT)
    for client in idle:
        assert client.has_ended()
        assert not client.was_reset
    client = gateway.connect()
    for _ in range(3):
        assert "Connection" not in client.request("GET", "/").headers
    assert gateway.metrics()["cong_connections_shed_total"] > 0
    disperse(gateway, tunnels)


def test_tight_idle_connections_of_http2_are_closed_early(gateway):
    idle = H2Client(gateway.address(1))
    assert idle.answer(idle.request()).status == 200
    crowd(gateway, TIGHT)
    with pytest.raises(Ended) as end:
        idle.read_to_end()
    assert end.value.goaway.error_code == 0


def test_scarce_connections_end_with_their_answer(gateway):
    tunnels = crowd(gateway, SCARCE)
    for listener in (0, 1):
        client = gateway.connect(listener)
        answer = client.request("GET", "/any?bytes=5")
        assert (answer.status, answer.headers.get("Connection")) == (200, "close")
        assert client.has_ended()
    disperse(gateway, tunnels)
    client = gateway.connect()
    for _ in range(3):
        assert "Connection" not in client.request("GET", "/").headers


def test_scarce_connections_of_http2_go_away_after_their_answer(gateway):
    crowd(gateway, SCARCE)
    client = H2Client(gateway.address(1))
    stream = client.request()
    with pytest.raises(Ended) as end:
        client.read_to_end()
    assert client.answers[stream].status == 200
    assert end.value.goaway.error_code == 0


def test_critical_nobody_is_let_in_and_those_who_are_in_are_served(gateway):
    tunnels = crowd(gateway, CRITICAL)
    gateway.log.wait_for("worker 0 is full")
    assert gateway.status()["pressure"]["descriptors"] == CRITICAL
    for listener in (0, 1):
        assert is_refused(gateway, listener)
    for tunnel in tunnels:
        assert tunnel.echo("still here") == "still here"
    assert gateway.admin("/health").status == 200
    assert gateway.admin("/ready").status == 503  # load balancers may try another node
    assert gateway.metrics()["cong_connections_refused_total"] > 0
    disperse(gateway, tunnels)
    gateway.log.wait_for("descriptors are calm")
    gateway.log.wait_for("worker 0 takes connections again")
    assert gateway.admin("/ready").status == 200
    assert gateway.request("GET", "/").status == 200


def is_refused(gateway, listener):
    try:
        return RawClient(gateway.address(listener)).has_ended()
    except ConnectionResetError:
        return True


def test_memory_above_its_limit_closes_the_door_until_there_is_more(gateway):
    tunnel = WebSocket(gateway.connect())
    inside = gateway.connect().send_request("GET", "/any?delay=1s")
    used = gateway.metrics()["cong_memory_bytes"]
    gateway.change(guard={"memory": f"{int(used / 2)}B"})
    eventually(lambda: level(gateway) == CRITICAL, "the limit has its effect")
    pressure = gateway.status()["pressure"]
    assert (pressure["name"], pressure["memory"]) == ("critical", CRITICAL)
    assert "pressure: critical memory; " in gateway.command("status").stdout
    gateway.log.wait_for("memory is critical")
    assert is_refused(gateway, 0)
    assert tunnel.echo("still here") == "still here"
    assert inside.read_answer().status == 200
    gateway.change(guard={"memory": "auto"})
    gateway.log.wait_for("memory is calm")
    gateway.log.wait_for("worker 0 takes connections again")
    assert gateway.request("GET", "/").status == 200


def test_memory_that_slow_readers_hold_in_the_kernel_counts(node):
    """They are sent away before their time, and who reads is served."""
    with Gateway(node, timeouts={"send": "20s"}, limits={"unsent": "1MiB"}) as gateway:
        used = eventually(lambda: gateway.metrics()["cong_memory_bytes"], "memory is measured")
        used += gateway.metrics()["cong_memory_sockets_bytes"]
        gateway.change(guard={"memory": f"{int(used) + (40 << 20)}B"})
        inside, readers = gateway.connect(), []
        assert inside.request("GET", "/").status == 200
        while not gateway.log.matches("memory is (tight|scarce|critical): .* the kernel's for sock"):
            with suppress(OSError, Incomplete):  # the first one to be refused
                readers.append(gateway.connect(narrow=True))
                readers[-1].send_request("GET", f"/any?bytes={20 << 20}").read_answer_head()
        assert gateway.status()["pressure"]["socket_memory_bytes"] > 10 << 20
        eventually(lambda: gateway.metrics()["cong_requests_active"] == 0, "they have been cut off")
        assert inside.request("GET", "/").status == 200


def test_memory_that_a_crowd_took_is_given_back_when_it_has_left(node, certs):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with Gateway(node, listeners=[{"tls": certs.tls}], trusted_proxies=["127.0.0.1"],
                 timeouts={"request_head": "5m"}) as gateway:
        used = eventually(lambda: gateway.metrics()["cong_memory_bytes"], "memory is measured")
        gateway.change(guard={"memory": f"{int(used) + (10 << 20)}B"})
        inside = gateway.connect(context=context)
        silent = []
        while not gateway.log.matches("memory is critical"):
            try:
                silent.append(gateway.connect(context=context))
            except OSError:
                pass  # the first one to be refused
        assert inside.request("GET", "/").status == 200
        for client in silent:
            client.close()
        if gateway.metrics()["cong_memory_in_use_bytes"]:  # the sanitizer's allocator keeps it
            gateway.log.wait_for("memory is calm")
            # the keeper says so; the worker follows at its next look
            eventually(lambda: gateway.metrics()["cong_pressure"] == 0, "the worker is calm")
            assert gateway.request("GET", "/").status == 200


def test_memory_of_a_crowd_goes_back_to_the_system_though_nobody_needs_it(node, certs):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def held():
        return gateway.metrics()["cong_memory_private_bytes"]

    tls = certs.tls | {"record_layer": "openssl"}  # with ours 600 clients are nothing to be seen
    with Gateway(node, listeners=[{"tls": tls}], trusted_proxies=["127.0.0.1"]) as gateway:
        alone = eventually(held, "memory is measured")
        crowd = [gateway.connect(context=context) for _ in range(600)]
        eventually(lambda: held() > alone + (6 << 20), "the crowd takes memory")
        crowded = held()
        for client in crowd:
            client.close()
        eventually(lambda: gateway.metrics()["cong_connections_open"] == 0, "the crowd has left")
        if gateway.metrics()["cong_memory_in_use_bytes"]:  # the sanitizer's allocator keeps it
            eventually(lambda: held() < alone + (crowded - alone) / 2, "it has gone back")
