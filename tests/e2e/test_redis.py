"""Redis in each of its forms: found, lost and found again, while requests go on."""

import pytest

from env import Gateway, Load, Redis, RedisCluster, RedisTLS, SentinelTrio
from env.wait import eventually

SHARED = "store: shared through Redis"
AWAY = "store: Redis is away, this node decides alone"
NODES = "cong:{nodes}"  # who is alive, by when it last spoke


class Shared:
    """A gateway with its state in `redis`, and clients that ask all the time."""

    def __init__(self, node, redis):
        self.redis = redis
        self.gateway = Gateway(node, store=redis.store)

    def __enter__(self):
        self.gateway.__enter__()
        self.gateway.log.wait_for(SHARED)
        return self

    def __exit__(self, kind, value, traceback):
        self.gateway.__exit__(kind, value, traceback)

    def survives(self, trouble, remedy):
        """The node goes its own way during the trouble, and back to Redis after it; no request
        fails."""
        log = self.gateway.log
        with Load(self.gateway.connect, clients=2) as load:
            before = log.mark()
            trouble()
            log.wait_for(AWAY, since=before)
            load.wait_for(10)
            remedy()
            log.wait_for(SHARED, since=before)
            load.wait_for(10)
        assert not load.failures

    def moves_on(self, trouble, successor):
        """The node follows to the master that takes over, in its own time; no request fails. Whether
        it goes its own way in between depends on how long Redis takes, so nothing is said of it."""
        with Load(self.gateway.connect, clients=2) as load:
            trouble()
            master = successor()
            before = _last_pulse(master)
            eventually(lambda: _last_pulse(master) > before, "the node speaks to the new master")
            load.wait_for(10)
        assert not load.failures


def _last_pulse(master):
    """When a node last said to this master that it lives; milliseconds."""
    words = master.cli("ZRANGE", NODES, "-1", "-1", "WITHSCORES").split()
    return float(words[1]) if words else 0


@pytest.fixture(scope="module")
def single(node):
    with Redis(password="secret") as redis, Shared(node, redis) as shared:
        yield shared


def test_a_killed_redis_is_done_without_until_it_is_back(single):
    single.survives(single.redis.kill, single.redis.start)


def test_a_stopped_redis_is_done_without_until_it_goes_on(single):
    single.survives(single.redis.stop_answering, single.redis.cont)


def test_no_command_waits_for_a_redis_that_loses_its_memory(single):
    with Load(single.gateway.connect, clients=2) as load:
        single.redis.flush()
        load.wait_for(20)
    assert not load.failures


def test_redis_is_reached_over_tls_by_whom_its_certificate_names(node, certs):
    certificate = certs.authority.issue("127.0.0.1")
    with RedisTLS(certs.authority, certificate, password="secret") as redis, \
            Shared(node, redis) as shared:
        shared.survives(redis.kill, redis.start)


def test_a_certificate_for_another_name_is_no_redis_of_ours(node, certs):
    with RedisTLS(certs.authority, certs.authority.issue("other.test")) as redis, \
            Gateway(node, store=redis.store) as gateway:
        gateway.log.wait_for(r"Redis \S+: (IP address|hostname) mismatch")
        assert gateway.request().status == 200


def test_a_wrong_password_is_told(node):
    with Redis(password="secret") as redis:
        store = redis.store
        (redis.folder / "password").write_text("guess\n")
        with Gateway(node, store=store) as gateway:
            gateway.log.wait_for(r"Redis \S+: WRONGPASS")
            assert gateway.request().status == 200


def test_sentinels_lead_to_the_master_that_took_over(node):
    with SentinelTrio() as trio, Shared(node, trio) as shared:
        former = trio.master
        shared.moves_on(former.kill, lambda: trio.wait_for_failover(former))


def test_a_stopped_master_is_left_for_the_one_that_took_over(node):
    with SentinelTrio() as trio, Shared(node, trio) as shared:
        former = trio.master
        shared.moves_on(former.stop_answering, lambda: trio.wait_for_failover(former))


def test_a_cluster_goes_on_with_a_replica_of_the_master_that_died(node):
    with RedisCluster() as cluster, Shared(node, cluster) as shared:
        former = cluster.master_of(NODES)
        shared.moves_on(former.kill, lambda: cluster.master_of(NODES))
