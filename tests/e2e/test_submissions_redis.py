"""The same promise for nodes that share a Redis: one dispatch for each key, whoever dies."""

import json
import threading
import uuid
from contextlib import ExitStack

import pytest

from env import Gateway, Node, Redis, RedisCluster, SentinelTrio, eventually

DOSSIER = b"ho so cap lai giay khai sinh"
AWAY = (r"Redis is away", r"going on without it", r"breaker", r"no replica of Redis")
KINDS = {"single": Redis, "sentinel": SentinelTrio, "cluster": RedisCluster}


class Scene:
    """Gateways on one Redis, and a node with a journal."""

    def __init__(self, redis, folder, gateways=2, backend="none"):
        self._stack = ExitStack()
        self.redis, self.journal = redis, folder / "node.journal"
        self.node = self._stack.enter_context(Node("node", "--journal", str(self.journal)))
        self.gateways = [self._stack.enter_context(Gateway(
            self.node, store=redis.store | {"journal": str(folder / f"list {i}")},
            route={"submission": {"backend": backend}, "timeouts": {"response": "5s"}}))
            for i in range(gateways)]
        for gateway in self.gateways:
            gateway.allow(*AWAY)
            eventually(lambda g=gateway: submit(g).status == 201, "Redis is there")
        self._probes = len(self.dispatched())

    def __enter__(self):
        return self

    def __exit__(self, *how):
        return self._stack.__exit__(*how)

    def dispatched(self):
        """Keys of all that the node has stored."""
        return [json.loads(line)["idempotency_key"] for line in self.journal.read_text().split("\n")
                if line]

    def count(self):
        return len(self.dispatched()) - self._probes


def submit(gateway, key=None, query="", body=DOSSIER):
    headers = {"Idempotency-Key": key or str(uuid.uuid4()), "Accept": "application/json"}
    return gateway.request("POST", "/dossiers" + query, headers, body)


@pytest.fixture(scope="module", params=KINDS)
def redis(request):
    with KINDS[request.param]() as redis:
        yield redis


def test_other_node_gives_the_same_answer(redis, tmp_path):
    with Scene(redis, tmp_path) as scene:
        one, two = scene.gateways
        key = str(uuid.uuid4())
        first, second = submit(one, key), submit(two, key)
        assert (first.status, first.body) == (second.status, second.body)
        assert second.headers.get("Idempotency-Replayed") == "true"
        assert submit(two, key, body=b"other").status == 422
        assert scene.count() == 1


def test_other_node_waits_and_nobody_sends_twice(redis, tmp_path):
    with Scene(redis, tmp_path) as scene:
        one, two = scene.gateways
        key, answers = str(uuid.uuid4()), []
        first = threading.Thread(target=lambda: answers.append(submit(one, key, "?delay=1s")))
        first.start()
        eventually(lambda: one.metrics()[
            "cong_submissions_sent_total"] >= 2, "it is on its way")
        assert submit(two, key, "?delay=1s").status == 409
        first.join()
        assert answers[0].status == 201
        assert submit(two, key, "?delay=1s").body == answers[0].body
        assert scene.count() == 1


def test_unknown_end_is_unknown_on_both(redis, tmp_path):
    with Scene(redis, tmp_path) as scene:
        one, two = scene.gateways
        one.allow("not known how it ended")
        key = str(uuid.uuid4())
        assert submit(one, key, "?close=head").status == 202
        for gateway in (one, two):
            again = submit(gateway, key, "?close=head")
            assert (again.status, again.json()["reason"]) == (409, "submission_unknown")


# --- Redis dies -----------------------------------------------------------------------------------

def test_without_redis_nothing_is_dispatched_that_could_be_doubled(tmp_path):
    with Redis() as redis, Scene(redis, tmp_path, gateways=1) as scene:
        gateway, key = scene.gateways[0], str(uuid.uuid4())
        redis.kill()
        answer = submit(gateway, key)
        assert (answer.status, answer.json()["outcome"]) == (503, "unknown"), "of the time before"
        assert answer.headers.get("Retry-After")
        assert scene.count() == 0
        redis.start()
        eventually(lambda: submit(gateway, key).status == 201, "Redis is back")
        assert scene.count() == 1


def test_without_redis_a_backend_that_stores_a_key_once_goes_on(tmp_path):
    with Redis() as redis, Scene(redis, tmp_path, gateways=1, backend="dedup") as scene:
        gateway, key = scene.gateways[0], str(uuid.uuid4())
        redis.kill()
        assert submit(gateway, key).status == 201
        assert scene.dispatched()[-1] == key


def test_silent_redis_holds_nobody_up(tmp_path):
    with Redis() as redis, Scene(redis, tmp_path, gateways=1) as scene:
        redis.stop_answering()
        assert submit(scene.gateways[0]).status == 503
        assert scene.count() == 0
        redis.cont()


def test_answer_that_comes_while_redis_is_silent_is_true_and_kept(tmp_path):
    with Redis() as redis, Scene(redis, tmp_path) as scene:
        one, two = scene.gateways
        key, answers = str(uuid.uuid4()), []
        sent = one.metrics()["cong_submissions_sent_total"]
        client = threading.Thread(target=lambda: answers.append(submit(one, key, "?delay=500ms")))
        client.start()
        eventually(lambda: one.metrics()["cong_submissions_sent_total"] > sent, "it is on its way")
        redis.stop_answering()
        client.join()
        assert answers[0].status == 201
        redis.cont()
        again = eventually(lambda: replayed(submit(two, key, "?delay=500ms")), "Redis knows of it")
        assert again.body == answers[0].body
        assert scene.count() == 1


def replayed(answer):
    return answer if answer.headers.get("Idempotency-Replayed") else None


def test_record_outlives_redis_that_writes_all_down(tmp_path):
    with Redis("--appendonly", "yes", "--appendfsync", "always") as redis:
        with Scene(redis, tmp_path, gateways=1) as scene:
            gateway, key = scene.gateways[0], str(uuid.uuid4())
            first = submit(gateway, key)
            redis.kill()
            redis.start()
            again = eventually(lambda: replayed(submit(gateway, key)), "Redis is back")
            assert again.body == first.body
            assert scene.count() == 1


def test_record_outlives_a_failover(tmp_path):
    with SentinelTrio() as redis, Scene(redis, tmp_path, gateways=1) as scene:
        gateway, key = scene.gateways[0], str(uuid.uuid4())
        first = submit(gateway, key)
        master = redis.master
        master.kill()
        redis.wait_for_failover(master)
        again = eventually(lambda: replayed(submit(gateway, key)), "the new master is found")
        assert again.body == first.body
        assert scene.count() == 1


def test_gateway_that_dies_does_not_free_the_key(tmp_path):
    with Redis() as redis, Scene(redis, tmp_path) as scene:
        one, two = scene.gateways
        key = str(uuid.uuid4())
        sent = one.metrics()["cong_submissions_sent_total"]
        client = one.connect()
        client.send_request("POST", "/dossiers?hang=1", {"Idempotency-Key": key}, DOSSIER)
        eventually(lambda: one.metrics()["cong_submissions_sent_total"] > sent, "it is on its way")
        one.kill()
        again = submit(two, key, "?hang=1")
        assert (again.status, again.json()["reason"]) == (409, "submission_under_way")
