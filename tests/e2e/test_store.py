"""Where shared state is kept, what is told of it, and what a restart of the gateway leaves."""

import os
import signal
import threading

import pytest

from env import Gateway, Incomplete, Redis, RedisCluster, SentinelTrio, eventually


def store_of(gateway):
    return gateway.status()["store"]


def test_without_redis_the_store_is_on_this_node(node):
    with Gateway(node) as gateway:
        store = store_of(gateway)
        assert (store["mode"], store["why"], store["nodes"]) == ("embedded", "", 1)
        assert {table["name"] for table in store["tables"]} == {
            "sessions", "users", "limits", "submissions", "dispatches"}
        metrics = gateway.metrics()
        assert metrics['cong_store_mode{mode="embedded"}'] == 1
        assert metrics['cong_store_capacity{table="sessions"}'] == 200000
        assert "store: on this node alone" in gateway.command("status").stdout


@pytest.mark.parametrize("kind", [Redis, SentinelTrio, RedisCluster])
def test_two_nodes_on_one_redis_see_each_other(node, kind):
    with kind() as redis:
        with Gateway(node, store=redis.store) as one, Gateway(node, store=redis.store) as two:
            for gateway in (one, two):
                eventually(lambda g=gateway: store_of(g)["nodes"] == 2, "the nodes see each other")
                assert store_of(gateway)["mode"] == "redis"
                assert "shared through Redis, nodes: 2" in gateway.command("status").stdout
                assert gateway.metrics()['cong_store_mode{mode="redis"}'] == 1


def test_a_node_says_why_it_is_local_and_heals_by_itself(node):
    with Redis() as redis, Gateway(node, store=redis.store) as gateway:
        eventually(lambda: store_of(gateway)["mode"] == "redis", "Redis is there")
        redis.kill()
        eventually(lambda: store_of(gateway)["mode"] == "local", "Redis is away")
        assert redis.address in store_of(gateway)["why"]
        assert gateway.request().status == 200
        redis.start()
        eventually(lambda: store_of(gateway)["mode"] == "redis", "Redis is back")
        assert store_of(gateway)["why"] == ""


def test_a_redis_that_may_evict_keys_is_warned_of_once(node):
    with Redis("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru") as redis:
        with Gateway(node, store=redis.store) as gateway:
            gateway.log.wait_for("maxmemory-policy allkeys-lru.*set it to noeviction")
            assert store_of(gateway)["redis_may_evict"] is True
            assert "warning: Redis may evict keys" in gateway.command("status").stdout
            assert len(gateway.log.matches("set it to noeviction")) == 1


def test_the_way_to_redis_changes_with_a_reload(node):
    with Redis() as redis, Gateway(node) as gateway:
        gateway.change(store=redis.store)
        eventually(lambda: store_of(gateway)["mode"] == "redis", "Redis is there")
        gateway.change(store={})
        eventually(lambda: store_of(gateway)["mode"] == "embedded", "Redis is not used any more")


def test_other_sizes_wait_for_the_next_start(node):
    with Gateway(node, store={"sessions": 1000}) as gateway:
        gateway.change(store={"sessions": 2000})
        gateway.log.wait_for("the sizes of store have changed, which takes effect at the next start")
        capacity = {table["name"]: table["capacity"] for table in store_of(gateway)["tables"]}
        assert capacity["sessions"] == 1000


def test_check_demands_a_secret_with_redis(node):
    with Gateway(node) as gateway:
        gateway.settings["store"] = {"redis": {"servers": ["127.0.0.1:6379"]}}
        gateway.write_config()
        result = gateway.command("check")
        assert result.returncode == 1
        assert "needs store.secret" in result.stdout


def test_the_next_gateway_goes_on_with_the_store_of_a_killed_one(node, tmp_path):
    where = {"runtime_dir": str(tmp_path / "run"), "workers": 2}
    with Gateway(node, **where) as first:
        first.log.wait_for("store: .*/run/store is new and empty")
        first.signal(signal.SIGKILL)
        first.wait()
        with Gateway(node, **where) as second:
            second.log.wait_for("store: going on with .*/run/store")
            assert second.request().status == 200


BURST = 2000
LIMITED = {"workers": 2, "route": {"rate_limits": ["shared"]}, "rate_limits": [
    {"name": "shared", "key": "route", "limit": 300, "period": "1d", "burst": BURST}]}


class Askers:
    """Clients that ask without a pause until they are refused."""

    def __init__(self, gateway, count=4):
        self.allowed, self.lost = 0, 0
        self._gateway = gateway
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, value, traceback):
        for thread in self._threads:
            thread.join()

    def _run(self):
        client, status = None, 200
        while status == 200:
            try:
                client = client or self._gateway.connect()
                status = client.request("GET", "/").status
            except (OSError, Incomplete):
                client = None
            with self._lock:
                if not client:
                    self.lost += 1
                elif status == 200:
                    self.allowed += 1


def test_a_limit_is_exact_while_workers_are_killed(node):
    with Gateway(node, **LIMITED) as gateway:
        gateway.allow("was killed by SIGKILL")
        with Askers(gateway) as askers:
            for share in range(1, 9):
                eventually(lambda n=share: askers.allowed >= BURST * n // 10, "they go on")
                worker = f"worker {share % 2}"
                pid = gateway.worker_pids()[worker]
                os.kill(pid, signal.SIGKILL)
                eventually(lambda w=worker, p=pid: gateway.worker_pids().get(w, p) != p,
                           "another one takes its place")
        assert BURST - askers.lost <= askers.allowed <= BURST, vars(askers)
        assert gateway.request().status == 429


def test_a_limit_outlives_the_gateway(node, tmp_path):
    where = {"runtime_dir": str(tmp_path / "run")}
    with Gateway(node, **LIMITED | where) as first:
        with Askers(first) as askers:
            pass
        assert askers.allowed == BURST
        first.signal(signal.SIGKILL)
        with Gateway(node, **LIMITED | where) as second:
            assert second.request().status == 429
