"""No address and no network gets all of the gateway: limits of connections and of handshakes."""

import os
import signal

import pytest

from env import Gateway, Incomplete, eventually

ATTACKER, NEIGHBOUR, PROXY = "127.0.0.5", "127.0.0.6", "127.0.0.2"
PLAIN, TLS, PROXIED, PROXIED_TLS = range(4)
LIMITS = {"connections_per_address": 3, "connections_per_network": 5, "handshakes_per_address": 6,
          "handshakes_per_network": 9}


@pytest.fixture
def gateway(node, certs):
    with Gateway(node, workers=2, limits=LIMITS, trusted_proxies=[PROXY],
                 listeners=[{}, {"tls": certs.tls}, {"proxy_protocol": True},
                            {"proxy_protocol": True, "tls": certs.tls}]) as gateway:
        yield gateway


def enter(gateway, listener=PLAIN, source=ATTACKER, told=None):
    """A client that is served, or None when it was refused. `told`: by a proxy in front of it."""
    header = f"PROXY TCP{'6' if told and ':' in told else '4'} {told} {told} 5555 443\r\n"
    try:
        client = gateway.connect(listener, source=PROXY if told else source,
                                 preamble=header.encode() if told else b"")
        return client if client.request("GET", "/").status == 200 else None
    except (OSError, Incomplete):
        return None


def enter_all(gateway, count, **who):
    clients = [enter(gateway, **who) for _ in range(count)]
    assert all(clients)
    return clients


def refused(gateway, what):
    return gateway.metrics()[f"cong_refused_{what}_total"]


# --- connections ----------------------------------------------------------------------------------

@pytest.mark.parametrize("listener", [PLAIN, TLS], ids=["plain", "tls"])
def test_address_with_as_many_connections_as_it_may_gets_no_more(gateway, listener):
    """They are on several workers, which count together."""
    enter_all(gateway, 3, listener=listener)
    assert enter(gateway, listener) is None
    assert enter(gateway, listener, source=NEIGHBOUR)
    metrics = gateway.metrics()
    assert metrics["cong_refused_address_connections_total"] == 1
    assert metrics["cong_connections_refused_total"] == 1
    gateway.log.wait_for(rf"a connection of {ATTACKER} is refused: 3 connections are open from its "
                         r"address, all that limits.connections_per_address allows")


def test_refused_connection_never_sees_tls(gateway):
    enter_all(gateway, 3, listener=TLS)
    begun = gateway.metrics()["cong_tls_handshakes_failed_total"]
    assert enter(gateway, TLS) is None
    assert gateway.metrics()["cong_tls_handshakes_failed_total"] == begun


def test_silent_connections_count(gateway):
    silent = [gateway.connect(source=ATTACKER) for _ in range(3)]
    eventually(lambda: gateway.metrics()["cong_connections_open"] == 3, "they are open")
    assert enter(gateway) is None
    for client in silent:
        client.close()


def test_who_leaves_makes_room(gateway):
    clients = enter_all(gateway, 3)
    for client in clients[:2]:
        client.close()
    eventually(lambda: enter(gateway), "there is room for one")
    eventually(lambda: enter(gateway), "and for another")
    assert enter(gateway) is None


def test_log_tells_of_a_flood_once_a_second(gateway):
    enter_all(gateway, 3)
    for _ in range(200):
        assert enter(gateway) is None
    told = len(gateway.log.matches("is refused"))
    assert 1 <= told < 100
    assert refused(gateway, "address_connections") == 200


def test_limits_change_with_a_reload(gateway):
    enter_all(gateway, 3)
    assert enter(gateway) is None
    gateway.change(limits=LIMITS | {"connections_per_address": 5})
    enter_all(gateway, 2)
    assert enter(gateway) is None


def test_ipv6_addresses_of_one_64_count_together(gateway):
    for number in range(3):
        assert enter(gateway, PROXIED, told=f"2001:db8:1:1::{number}")
    assert enter(gateway, PROXIED, told="2001:db8:1:1:ffff::9") is None
    assert enter(gateway, PROXIED, told="2001:db8:1:2::9")
    assert refused(gateway, "address_connections") == 1


def test_ipv6_networks_of_one_48_count_together(gateway):
    for number in range(5):
        assert enter(gateway, PROXIED, told=f"2001:db8:1:{number}::1")
    assert enter(gateway, PROXIED, told="2001:db8:1:9::1") is None
    assert enter(gateway, PROXIED, told="2001:db8:2:9::1")
    assert refused(gateway, "network_connections") == 1
    gateway.log.wait_for("a connection of 2001:db8:1:9::1 is refused: 5 connections are open from "
                         "its network")


def test_trusted_proxies_are_exempt(gateway):
    enter_all(gateway, 10, source=PROXY)


def test_clients_behind_a_proxy_are_counted_by_their_own_address(gateway):
    enter_all(gateway, 3, listener=PROXIED, told="203.0.113.7")
    assert enter(gateway, PROXIED, told="203.0.113.7") is None
    assert enter(gateway, PROXIED, told="203.0.113.8")
    gateway.log.wait_for("a connection of 203.0.113.7 is refused")


def test_client_behind_a_proxy_is_refused_before_tls(gateway):
    enter_all(gateway, 3, listener=PROXIED_TLS, told="203.0.113.7")
    assert enter(gateway, PROXIED_TLS, told="203.0.113.7") is None
    assert gateway.metrics()["cong_tls_handshakes_failed_total"] == 0


def test_village_behind_one_address_gets_in_by_default(node):
    """A quarter of capacity.users."""
    with Gateway(node, workers=2, capacity={"users": 2000}) as gateway:
        clients = [gateway.connect(source=ATTACKER) for _ in range(500)]
        eventually(lambda: gateway.metrics()["cong_connections_open"] == 500, "all are in")
        assert enter(gateway) is None
        assert enter(gateway, source=NEIGHBOUR)
        assert clients[0].request("GET", "/").status == 200


# --- handshakes -----------------------------------------------------------------------------------

def shake_hands(gateway, **who):
    client = enter(gateway, TLS, **who) if "told" not in who else enter(gateway, **who)
    if client:
        client.close()
    return bool(client)


def test_address_with_as_many_handshakes_as_it_may_gets_no_more(gateway):
    """However short each connection is."""
    gateway.change(limits=LIMITS | {"connections_per_address": 100})
    done = [shake_hands(gateway) for _ in range(8)]
    assert done == [True] * 6 + [False] * 2 or done == [True] * 7 + [False]  # a minute may end
    assert shake_hands(gateway, source=NEIGHBOUR)
    assert enter(gateway, PLAIN)  # which costs none
    assert refused(gateway, "address_handshakes") in (1, 2)
    gateway.log.wait_for(f"a connection of {ATTACKER} is refused: 6 TLS handshakes of its address "
                         "began within a minute")


def test_network_with_as_many_handshakes_as_it_may_gets_no_more(gateway):
    gateway.change(limits=LIMITS | {"connections_per_network": 100})
    done = [shake_hands(gateway, listener=PROXIED_TLS, told=f"2001:db8:1:{number}::1")
            for number in range(12)]
    assert 9 <= sum(done) <= 10
    assert shake_hands(gateway, listener=PROXIED_TLS, told="2001:db8:2::1")
    assert refused(gateway, "network_handshakes") >= 2


# --- processes that die ---------------------------------------------------------------------------

def kill(gateway, name):
    pid = gateway.processes()[name]["pid"]
    mark = gateway.log.mark()
    os.kill(pid, signal.SIGKILL)
    gateway.log.wait_for(f"{name} is ready", mark)


def test_killed_worker_leaves_no_counts(gateway):
    """Those of the other one stay."""
    gateway.allow("was killed by SIGKILL")
    gateway.change(limits=LIMITS | {"connections_per_address": 20})
    enter_all(gateway, 20)
    assert enter(gateway) is None
    lost = gateway.processes()["worker 0"]["connections_open"]
    assert 0 < lost < 20
    kill(gateway, "worker 0")
    enter_all(gateway, lost)
    assert enter(gateway) is None


def test_worker_that_is_not_needed_any_more_leaves_no_counts(gateway):
    enter_all(gateway, 3)
    gateway.change(workers=1)
    eventually(lambda: "worker 1" not in gateway.processes(), "it has left")
    left = gateway.metrics()["cong_connections_open"]
    enter_all(gateway, 3 - int(left))
    assert enter(gateway) is None
