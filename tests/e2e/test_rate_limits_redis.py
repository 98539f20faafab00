"""Rate limits of two nodes that share a Redis: what both together let through, and what they ask
Redis for. Where a test counts exactly, the period is a day, so that nothing comes back."""

import hashlib
import os
import threading
import time
from contextlib import ExitStack

import pytest

from env import Gateway, Redis, RedisCluster, SentinelTrio, chunked, eventually

DAY = {"limit": 20, "period": "1d"}
RATE_LIMITS = [
    {"name": "once", "mode": "strict", **DAY},
    {"name": "pages", "mode": "lease", "limit": 400, "period": "1d"},
    {"name": "part", "mode": "local", **DAY},
    {"name": "large", "mode": "strict", "limit": 1000, "period": "1d"},
    {"name": "thousand", "limit": 1000, "period": "1m", "burst": 100, "key": "route"},
]
NAMES = [limit["name"] for limit in RATE_LIMITS]
ROUTES = [{"path": "/", "upstream": "portal"},
          *({"name": name, "path": "/" + name, "upstream": "portal", "rate_limits": [name]}
            for name in NAMES),
          {"path": "/echo", "upstream": "portal", "rate_limits": ["large", "pages"]}]
AWAY = (r"Redis is away", r"going on without it", r"breaker")

# So long the limit of 1,000 a minute is overloaded: a minute, when somebody wants to see that.
OVERLOAD_S = float(os.environ.get("CONG_OVERLOAD_S", "3"))


def store_of(gateway):
    return gateway.status()["store"]


class Nodes:
    """Two gateways on one Redis, which know of each other."""

    def __init__(self, redis, node):
        self._stack = ExitStack()
        self.gateways = [
            self._stack.enter_context(Gateway(node, store=redis.store, trusted_proxies=["127.0.0.1"],
                                              rate_limits=RATE_LIMITS, routes=ROUTES))
            for _ in range(2)]
        self.wait_until_shared()

    def __enter__(self):
        return self

    def __exit__(self, *how):
        return self._stack.__exit__(*how)

    def wait_until_shared(self):
        eventually(lambda: all((store_of(g)["mode"], store_of(g)["nodes"]) == ("redis", 2)
                               for g in self.gateways), "both nodes share one Redis")

    def wait_until_local(self):
        eventually(lambda: all(store_of(g)["mode"] == "local" for g in self.gateways),
                   "both nodes are on their own")

    def allow(self, *patterns):
        for gateway in self.gateways:
            gateway.allow(*patterns)

    def statuses(self, count, target, client):
        """Of so many requests to each node, in turn."""
        clients = [gateway.connect() for gateway in self.gateways]
        got = [[], []]
        for _ in range(count):
            for index, connection in enumerate(clients):
                answer = connection.request("GET", target, {"X-Forwarded-For": client})
                got[index].append(answer.status)
        for connection in clients:
            connection.close()
        return got

    def allowed(self, *args):
        """How many each has let through; all others were refused with 429."""
        got = self.statuses(*args)
        assert {status for statuses in got for status in statuses} <= {200, 429}
        return [statuses.count(200) for statuses in got]

    def metric(self, name):
        return sum(gateway.metrics()[f"cong_{name}_total"] for gateway in self.gateways)


@pytest.fixture(scope="module")
def redis():
    with Redis() as redis:
        yield redis


@pytest.fixture(scope="module")
def nodes(redis, node):
    with Nodes(redis, node) as nodes:
        yield nodes


@pytest.mark.parametrize("kind", [Redis, SentinelTrio, RedisCluster])
def test_a_strict_limit_is_exact(kind, node):
    with kind() as redis, Nodes(redis, node) as nodes:
        for client in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
            assert sum(nodes.allowed(30, "/once", client)) == 20
        assert nodes.metric("rate_limit_fallbacks") == 0


def test_leased_shares_stay_within_their_bound(nodes):
    for client in ("192.0.2.11", "192.0.2.12", "192.0.2.13"):
        allowed = nodes.allowed(500, "/pages", client)
        print(f"of 1,000 requests to two nodes, at 400 a day: {allowed} let through, "
              f"bound {400 + 3 * 400 // 8}")
        assert 360 <= sum(allowed) <= 400 + 3 * 400 // 8


def test_each_node_has_its_part_of_a_local_limit(nodes, redis):
    redis.reset_stats()
    assert nodes.allowed(30, "/part", "192.0.2.21") == [10, 10]
    assert redis.keys("cong:{rl*:part:*") == set()


def test_few_requests_are_a_question_to_redis(nodes, redis):
    """Below the limit, from one client and from many."""
    before = nodes.metric("rate_limit_asks")
    redis.reset_stats()
    assert nodes.allowed(150, "/pages", "192.0.2.31") == [150, 150]
    one = nodes.metric("rate_limit_asks") - before
    for client in range(100):
        assert nodes.allowed(2, "/pages", f"192.0.3.{client}") == [2, 2]
    many = nodes.metric("rate_limit_asks") - before - one
    stats = redis.commandstats()
    print(f"300 requests of one client: {one:.0f} questions; 400 of 100 clients: {many:.0f}; "
          f"Redis counted {stats}")
    assert one <= 300 / 10
    assert many == 0
    # What keepers ask from time to time is there, too, and nothing else.
    assert sum(stats.get(name, 0) for name in ("evalsha", "get", "hmget")) < 700 / 4


def test_a_refused_client_is_no_burden_for_redis(nodes):
    nodes.allowed(20, "/once", "192.0.2.41")
    before = nodes.metric("rate_limit_asks")
    assert sum(nodes.allowed(200, "/once", "192.0.2.41")) == 0
    assert nodes.metric("rate_limit_asks") == before


def test_bodies_wait_for_the_answer_of_redis(nodes):
    """Read with the head or after it, with and without an announced length, one after the other."""
    client = nodes.gateways[0].connect()
    body = os.urandom(300_000)
    digest = hashlib.sha256(body).hexdigest()
    fields = {"X-Forwarded-For": "192.0.2.81"}
    for _ in range(3):
        assert client.request("POST", "/echo", fields, body).json()["sha256"] == digest
        client.send_request("POST", "/echo", fields | {"Transfer-Encoding": "chunked"})
        client.send(chunked(body[:100_000], body[100_000:]))
        assert client.read_answer().json()["sha256"] == digest
        client.send_request("POST", "/echo", fields | {"Expect": "100-continue",
                                                       "Content-Length": len(body)})
        assert client.read_answer_head().status == 100
        client.send(body)
        assert client.read_answer().json()["sha256"] == digest
    # Both before the first answer.
    client.send_request("GET", "/echo?1", fields)
    client.send_request("GET", "/echo?2", fields)
    assert [client.read_answer().json()["target"] for _ in range(2)] == ["/echo?1", "/echo?2"]


def test_clients_may_leave_while_redis_is_asked(nodes, redis):
    nodes.allow(*AWAY)
    before = [gateway.worker_pids() for gateway in nodes.gateways]
    redis.stop_answering()
    for gateway in nodes.gateways:
        for _ in range(4):
            client = gateway.connect()
            client.send_request("GET", "/once", {"X-Forwarded-For": "192.0.2.91"})
            client.close()
    redis.cont()
    wait_until_exact_again(nodes, "198.51.101.")
    assert [gateway.worker_pids() for gateway in nodes.gateways] == before


def check_parts(nodes, network):
    """What each node lets through by itself: half of what they share, of a strict limit a
    quarter."""
    assert nodes.allowed(30, "/once", network + "1") == [5, 5]
    assert nodes.allowed(300, "/pages", network + "1") == [200, 200]


def wait_until_exact_again(nodes, network):
    """Each process finds back by itself."""
    nodes.wait_until_shared()
    clients = (f"{network}{host}" for host in range(2, 255))
    eventually(lambda: sum(nodes.allowed(30, "/once", next(clients))) == 20,
               "a strict limit is exact again")


def test_without_redis_each_node_has_its_part(nodes, redis):
    nodes.allow(*AWAY)
    before = nodes.metric("rate_limit_fallbacks")
    redis.kill()
    nodes.wait_until_local()
    check_parts(nodes, "198.51.100.")
    assert nodes.metric("rate_limit_fallbacks") > before
    redis.start()
    wait_until_exact_again(nodes, "198.51.100.")


def test_a_silent_redis_fails_nobody(nodes, redis):
    nodes.allow(*AWAY)
    redis.stop_answering()
    check_parts(nodes, "203.0.113.")
    redis.cont()
    wait_until_exact_again(nodes, "203.0.113.")


def test_a_redis_that_has_forgotten_all_counts_anew(nodes, redis):
    assert sum(nodes.allowed(30, "/once", "192.0.2.71")) == 20
    redis.flush()
    redis.cli("SCRIPT", "FLUSH")
    # What it had refused, nodes go on refusing; what they ask anew is counted anew.
    assert sum(nodes.allowed(30, "/once", "192.0.2.71")) == 0
    assert sum(nodes.allowed(30, "/once", "192.0.2.72")) == 20


class Overload(threading.Thread):
    """Asks one node at an even pace, whatever is answered, and counts."""

    def __init__(self, gateway, per_second):
        super().__init__(daemon=True)
        self.asked = self.allowed = 0
        self.failures = []
        self._client = gateway.connect()
        self._pause_s = 1 / per_second
        self._turn = threading.Event()

    def run(self):
        begin = time.monotonic()
        while time.monotonic() - begin < OVERLOAD_S:
            self._turn.wait(max(0, begin + self.asked * self._pause_s - time.monotonic()))
            answer = self._client.request("GET", "/thousand")
            self.asked += 1
            self.allowed += answer.status == 200
            if answer.status not in (200, 429):
                self.failures.append(answer)


class Overloaded:
    """Four times as many as a thousand a minute, half of them at each node."""

    def __init__(self, nodes):
        self._loads = [Overload(gateway, 4000 / 60 / 2) for gateway in nodes.gateways]
        self._begin = time.monotonic()
        for load in self._loads:
            load.start()

    def wait_for(self, asked):
        eventually(lambda: self.asked >= asked, f"{asked} requests")

    @property
    def asked(self):
        return sum(load.asked for load in self._loads)

    def finish(self):
        for load in self._loads:
            load.join()
            assert not load.failures
        self.took_s = time.monotonic() - self._begin
        self.allowed = [load.allowed for load in self._loads]
        self.limit = 100 + 1000 * self.took_s / 60
        return sum(self.allowed)

    def __str__(self):
        return (f"1,000 a minute, burst 100, two nodes, {self.took_s:.1f} s: {self.asked} asked, "
                f"{sum(self.allowed)} let through ({self.allowed}), limit {self.limit:.1f}")


def test_a_thousand_a_minute_under_four_times_as_many(nodes, redis):
    redis.reset_stats()
    before = nodes.metric("rate_limit_asks")
    load = Overloaded(nodes)
    allowed = load.finish()
    bound = load.limit + 3 * 100 / 8 + 2
    print(f"{load}, with leases {bound:.1f}, questions "
          f"{nodes.metric('rate_limit_asks') - before:.0f}, Redis {redis.commandstats()}")
    assert allowed <= bound


def test_a_redis_that_dies_under_overload_sets_nobody_free(nodes, redis):
    """Each node's part of the burst may be there once more, and no more than that."""
    nodes.allow(*AWAY)
    load = Overloaded(nodes)
    load.wait_for(30)
    redis.kill()
    load.wait_for(120)
    redis.start()
    allowed = load.finish()
    print(f"{load}, of Redis dead for 90 requests")
    assert allowed <= load.limit + 3 * 100 / 8 + 2 + 100
    wait_until_exact_again(nodes, "198.18.0.")


@pytest.mark.parametrize("kind", [SentinelTrio, RedisCluster])
def test_a_failover_fails_nobody(kind, node):
    with kind() as redis, Nodes(redis, node) as nodes:
        nodes.allow(*AWAY)
        (redis.master if kind is SentinelTrio else redis.masters()[0]).kill()
        for host in range(20):
            allowed = sum(nodes.allowed(30, "/once", f"198.51.100.{host}"))
            assert allowed <= 20 + 2 * 5
        wait_until_exact_again(nodes, "203.0.113.")
