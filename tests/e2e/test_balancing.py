"""Which peer gets a request."""

from collections import Counter

import pytest

from env import Gateway, Node, ScriptedBackend, eventually, free_address


@pytest.fixture(scope="module")
def nodes():
    with Node("one") as one, Node("two") as two, Node("three") as three:
        yield [one, two, three]


IN_TURN = {"balance": "round_robin"}


def who_answers(gateway, count):
    client = gateway.connect()
    return [client.request("GET", "/").headers.get("X-Node") for _ in range(count)]


def test_round_robin_visits_every_peer_in_turn(nodes):
    with Gateway(*nodes, upstream=IN_TURN) as gateway:
        order = who_answers(gateway, 9)
        assert Counter(order) == {"one": 3, "two": 3, "three": 3}
        assert order[:3] == order[3:6] == order[6:]


def test_round_robin_follows_weights_smoothly(nodes):
    one, two, three = nodes
    with Gateway({"address": one.address, "weight": 3}, two, three, upstream=IN_TURN) as gateway:
        order = who_answers(gateway, 20)
        assert Counter(order) == {"one": 12, "two": 4, "three": 4}
        assert "one one one one" not in " ".join(order)


@pytest.mark.parametrize("workers", [1, 2])
def test_least_connections_counts_over_all_workers(workers):
    """Requests that hang pile up evenly, whichever worker took them."""
    with Node("one") as one, Node("two") as two, Gateway(
            one, two, workers=workers, upstream={"balance": "least_connections"}) as gateway:
        clients = []
        for count in range(1, 21):
            clients.append(gateway.connect().send_request("GET", "/any?hang=1"))
            eventually(lambda: one.stats()["requests"] + two.stats()["requests"] == count,
                       "the request is at a node")
            assert abs(one.stats()["requests"] - two.stats()["requests"]) <= 1


def test_least_connections_avoids_the_busy_peer():
    with Node("one") as one, Node("two") as two, Gateway(
            one, two, upstream={"balance": "least_connections"}) as gateway:
        gateway.connect().send_request("GET", "/any?hang=1")
        eventually(lambda: one.stats()["requests"] + two.stats()["requests"] == 1, "it hangs")
        free = two if one.stats()["requests"] else one
        assert who_answers(gateway, 10) == [free.name] * 10


def peers_of(gateway):
    return gateway.status()["upstreams"][0]["peers"]


def test_finished_requests_are_no_longer_in_flight(nodes):
    with Gateway(*nodes, upstream=IN_TURN) as gateway:
        who_answers(gateway, 6)
        eventually(lambda: [p["in_flight"] for p in peers_of(gateway)] == [0, 0, 0], "all are done")
        assert [p["requests"] for p in peers_of(gateway)] == [2, 2, 2]


def test_routes_use_their_own_upstreams(nodes):
    one, two, _ = nodes
    upstreams = [{"name": "a", "peers": [one]}, {"name": "b", "peers": [two]}]
    routes = [{"path": "/a", "upstream": "a"}, {"path": "/b", "upstream": "b"}]
    with Gateway(upstreams=upstreams, routes=routes) as gateway:
        client = gateway.connect()
        assert client.request("GET", "/a").headers.get("X-Node") == "one"
        assert client.request("GET", "/b").headers.get("X-Node") == "two"


# --- by a key -------------------------------------------------------------------------------------

@pytest.mark.parametrize("key, header", [("header", lambda v: ("X-Province", v)),
                                         ("cookie", lambda v: ("Cookie", f"a=b; X-Province={v}"))],
                         ids=["header", "cookie"])
def test_hash_sends_what_has_the_same_key_to_the_same_peer(nodes, key, header):
    hashing = {"balance": "hash", "hash": {"key": key, "name": "X-Province"}}
    with Gateway(*nodes, workers=2, upstream=hashing) as gateway:
        homes = {}
        for _ in range(3):
            client = gateway.connect()
            for province in range(20):
                answer = client.request("GET", "/", [header(str(province))])
                homes.setdefault(province, set()).add(answer.headers.get("X-Node"))
        assert all(len(home) == 1 for home in homes.values())
        assert set.union(*homes.values()) == {"one", "two", "three"}


# --- who may be chosen ----------------------------------------------------------------------------

def test_backups_serve_when_nobody_else_is_available(nodes):
    one, two, _ = nodes
    with Gateway(one, {"address": two.address, "backup": True}) as gateway:
        assert set(who_answers(gateway, 10)) == {"one"}
    with Gateway({"address": free_address()}, {"address": two.address, "backup": True},
                 upstream={"isolation": {"breaker": False}}) as gateway:
        assert set(who_answers(gateway, 10)) == {"two"}
        gateway.log.wait_for("gets trials alone")  # the last one, for there is a backup


@pytest.mark.parametrize("workers", [1, 2])
def test_no_peer_gets_more_requests_at_once_than_it_may(workers):
    with Node("one") as one, Node("two") as two, Gateway(
            {"address": one.address, "max_connections": 2},
            {"address": two.address, "max_connections": 3}, workers=workers) as gateway:
        clients = [gateway.connect().send_request("GET", "/any?hang=1") for _ in range(5)]
        eventually(lambda: [p["in_flight"] for p in peers_of(gateway)] == [2, 3], "all are there")
        assert gateway.request("GET", "/").status == 503
        assert [one.stats()["requests"], two.stats()["requests"]] == [2, 3]
        clients.pop().close()
        eventually(lambda: sum(p["in_flight"] for p in peers_of(gateway)) == 4, "one has left")
        assert gateway.request("GET", "/").status == 200


# --- connections that are kept --------------------------------------------------------------------

def test_no_more_idle_connections_are_kept_than_configured():
    with Node("only") as node, Gateway(
            node, upstream={"keep_alive": {"connections": 2}}) as gateway:
        clients = [gateway.connect().send_request("GET", "/any?delay=100ms") for _ in range(6)]
        for client in clients:
            assert client.read_answer().status == 200
        eventually(lambda: node.stats()["connections"]["open"] == 2, "two connections are kept")
        assert gateway.metrics()["cong_upstream_connections_idle"] == 2


def test_a_crowds_connections_are_there_for_its_next_requests():
    with Node("only") as node, Gateway(
            node, upstream={"keep_alive": {"connections": 2}}) as gateway:
        clients = [gateway.connect() for _ in range(6)]

        def together():
            for client in clients:
                client.send_request("GET", "/any?delay=100ms")
            for client in clients:
                assert client.read_answer().status == 200

        def are_used_again():
            together()
            before = gateway.metrics()["cong_upstream_reuses_total"]
            together()
            return gateway.metrics()["cong_upstream_reuses_total"] - before > 2

        eventually(are_used_again, "more than are kept for long are used again at once")


def test_workers_share_what_may_be_kept():
    with Node("only") as node, Gateway(
            node, workers=2, upstream={"keep_alive": {"connections": 2}}) as gateway:
        clients = [gateway.connect_to(f"worker {number}") for number in (0, 0, 1, 1)]
        for client in clients:
            client.send_request("GET", "/any?delay=100ms")
        for client in clients:
            assert client.read_answer().status == 200
        eventually(lambda: node.stats()["connections"]["open"] == 2, "one of each is kept")


def test_connections_are_not_kept_where_none_shall_be():
    backend = ScriptedBackend()
    with Gateway(backend, upstream={"keep_alive": {"connections": 0}}) as gateway:
        client = gateway.connect()
        for _ in range(3):
            client.send_request("GET", "/")
            connection = backend.accept()
            connection.serve()
            assert client.read_answer().status == 200
            assert connection.has_ended()


def test_idle_connection_is_closed_before_its_backend_does():
    """It says when: a request that meets the end on its way may be lost."""
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.serve(headers=[("Keep-Alive", "timeout=1, max=100")])
        assert client.read_answer().status == 200
        assert connection.has_ended()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.serve(headers=[("Keep-Alive", "timeout=0")])
        assert client.read_answer().status == 200
        assert connection.has_ended()


def test_idle_connection_is_closed_after_its_time():
    backend = ScriptedBackend()
    with Gateway(backend, upstream={"keep_alive": {"timeout": "1s"}}) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.serve()
        assert client.read_answer().status == 200
        assert connection.has_ended()
        assert not connection.was_reset
