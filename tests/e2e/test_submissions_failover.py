"""What Redis forgets of submissions, because it fails over or begins anew, its nodes remember: it is put
back, and listed for people."""

import json
import os
import signal
import uuid
from contextlib import ExitStack

from env import Gateway, Node, Redis, RedisCluster, SentinelTrio, eventually

DOSSIER = b"ho so dang ky kinh doanh"
AWAY = (r"Redis is away", r"going on without it", r"breaker", r"no replica of Redis",
        r"not known how it ended", r"Redis has lost")


class Scene:
    """Gateways on one Redis, each with a list of its own, and a node with a journal."""

    def __init__(self, redis, folder, gateways=1, backend="none"):
        self._stack = ExitStack()
        self.redis, self._folder, self._backend = redis, folder, backend
        self.journal = folder / "node.journal"
        self.node = self._stack.enter_context(Node("node", "--journal", str(self.journal)))
        self.gateways = [self._stack.enter_context(self.gateway(i)) for i in range(gateways)]

    def gateway(self, index):
        """The same one again, once it has ended."""
        folder = self._folder / f"gateway {index}"
        folder.mkdir(exist_ok=True)
        # Patient with a busy machine: what is shown here is not how late Redis may be.
        redis = self.redis.settings | {"timeouts": {"command": "2s"}}
        gateway = Gateway(
            self.node, runtime_dir=str(folder),
            store=self.redis.store | {"journal": str(folder), "redis": redis},
            route={"submission": {"backend": self._backend}, "timeouts": {"response": "5s"}})
        gateway.allow(*AWAY)
        eventually(lambda: gateway.status()["store"]["mode"] == "redis", "Redis is there")
        return gateway

    def __enter__(self):
        return self

    def __exit__(self, *how):
        return self._stack.__exit__(*how)

    def count(self, key):
        """How often the node has stored it."""
        lines = [json.loads(line) for line in self.journal.read_text().split("\n") if line]
        return sum(line["idempotency_key"] == key for line in lines)


def submit(gateway, key=None, query=""):
    headers = {"Idempotency-Key": key or str(uuid.uuid4()), "Accept": "application/json"}
    return gateway.request("POST", "/dossiers" + query, headers, DOSSIER)


def filed(gateway, query="", status=201):
    """(key, reference) of one that Redis took."""
    key = str(uuid.uuid4())
    answer = eventually(lambda: sent(submit(gateway, key, query)), "Redis takes it")
    assert answer.status == status
    return key, answer.reference


def sent(answer):
    return answer if answer.status != 503 else None


def affected(gateway):
    """{reference: entry}"""
    result = gateway.command("affected", "--json")
    assert result.returncode == 0, result.stderr
    listed = json.loads(result.stdout)
    assert (listed["unlisted"], listed["unknown"]) == (0, 0)
    return {entry["reference"]: entry for entry in listed["submissions"]}


def stop_keeper(gateway):
    """The list waits until it goes on."""
    pid = gateway.processes()["keeper"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


def test_what_a_failover_forgot_is_put_back_and_listed(tmp_path):
    with SentinelTrio() as redis, Scene(redis, tmp_path) as scene:
        gateway, = scene.gateways
        before, _ = filed(gateway)
        redis.wait_until_replicas_have("cong:{id:*", field=("s", "C"))
        redis.cut_off_replicas()
        answered, reference = filed(gateway)
        doubtful, unknown = filed(gateway, "?close=head", 202)
        former = redis.master
        former.kill()
        redis.let_replicas_go_on()
        redis.wait_for_failover(former)
        gateway.log.wait_for("store: Redis has lost what it knew of 2 submissions: 2 are put back, "
                             "0 were sent again before that.*listed for people: 2")
        listed = affected(gateway)
        assert {r: (e["state"], e["status"], e["record"]) for r, e in listed.items()} == {
            reference: ("answered", 201, "put_back"), unknown: ("in_doubt", 0, "put_back")}
        assert all((e["route"], e["upstream"], e["backend"]) == ("/", "portal", "none")
                   for e in listed.values())
        again = eventually(lambda: sent(submit(gateway, answered)), "Redis is back")
        assert again.json()["reason"] == "submission_answered"
        assert submit(gateway, doubtful, "?close=head").json()["reason"] == "submission_unknown"
        assert submit(gateway, before).headers.get("Idempotency-Replayed") == "true"
        assert [scene.count(key) for key in (before, answered)] == [1, 1]
        assert gateway.metrics()['cong_store_submissions_lost_total{found="put_back"}'] == 2
        assert "lost what it knew of 2 submissions" in gateway.command("status").stdout
        assert reference in gateway.command("affected").stdout


def test_list_outlives_the_gateway(tmp_path):
    with Redis() as redis, Scene(redis, tmp_path) as scene:
        gateway, = scene.gateways
        _, reference = filed(gateway)
        redis.flush()
        eventually(lambda: set(affected(gateway)) == {reference}, "it is listed")
        gateway.stop()
        assert set(affected(gateway)) == {reference}
        with scene.gateway(0) as gateway:
            _, second = filed(gateway)
            redis.flush()
            eventually(lambda: second in affected(gateway), "the next loss is listed, too")
            assert set(affected(gateway)) == {reference, second}


def test_what_is_lost_while_the_gateway_is_away_is_found_when_it_is_back(tmp_path):
    with Redis() as redis, Scene(redis, tmp_path) as scene:
        gateway, = scene.gateways
        key, reference = filed(gateway)
        gateway.stop()
        redis.flush()
        with scene.gateway(0) as gateway:
            eventually(lambda: set(affected(gateway)) == {reference}, "it is listed")
            assert submit(gateway, key).json()["reason"] == "submission_answered"


def test_node_that_has_sent_it_does_not_send_it_again_whatever_redis_says(tmp_path):
    with Redis() as redis, Scene(redis, tmp_path) as scene:
        gateway, = scene.gateways
        key, reference = filed(gateway)
        let_go_on = stop_keeper(gateway)
        redis.flush()
        assert submit(gateway, key).json()["reason"] == "submission_answered"
        assert submit(gateway, key).status == 409  # Redis takes the first of these for a new one
        let_go_on()
        listed = eventually(lambda: affected(gateway), "it is listed")
        assert {r: e["record"] for r, e in listed.items()} == {reference: "put_back"}
        assert submit(gateway, key).json()["reason"] == "submission_answered"
        assert scene.count(key) == 1


def test_what_another_node_has_sent_again_is_told_so(tmp_path):
    with Redis() as redis, Scene(redis, tmp_path, gateways=2) as scene:
        one, two = scene.gateways
        key, reference = filed(one)
        let_go_on = stop_keeper(one)
        redis.flush()
        assert submit(two, key).status == 201
        let_go_on()
        listed = eventually(lambda: affected(one), "it is listed")
        assert {r: e["record"] for r, e in listed.items()} == {reference: "sent_again"}
        assert scene.count(key) == 2  # which is what the list is for
        assert not affected(two)


def test_backend_that_stores_a_key_once_needs_no_list(tmp_path):
    with Redis() as redis, Scene(redis, tmp_path, backend="dedup") as scene:
        gateway, = scene.gateways
        key, _ = filed(gateway)
        tables = {t["name"]: t["records"] for t in gateway.status()["store"]["tables"]}
        assert tables["dispatches"] == 0
        redis.flush()
        assert submit(gateway, key).status in (200, 201)
        assert not affected(gateway)


def test_what_a_cluster_forgot_is_put_back_and_listed(tmp_path):
    with RedisCluster() as redis, Scene(redis, tmp_path) as scene:
        gateway, = scene.gateways
        masters = redis.masters()
        redis.cut_off_replicas()
        key, reference = filed(gateway)
        former, name = only_record(masters)
        former.kill()
        redis.let_replicas_go_on()
        listed = eventually(lambda: affected(gateway), "it is listed")
        assert {r: (f"cong:{{id:{e['key']}}}", e["record"]) for r, e in listed.items()} == {
            reference: (name, "put_back")}
        again = eventually(lambda: sent(submit(gateway, key)), "its slot has a master")
        assert again.json()["reason"] == "submission_answered"
        assert scene.count(key) == 1


def only_record(masters):
    """(server, name)"""
    (server, (name,)), = [(server, names) for server in masters
                          if (names := server.keys("cong:{id:*"))]
    return server, name
