"""Sessions of several nodes that share a Redis: what one node does, the others know; and what happens
when Redis is away, or has lost everything."""

import time

import pytest

from env import (COOKIE, SESSION_ROUTES, Citizen, Gateway, Load, Redis, RedisCluster, ScriptedBackend,
                 SentinelTrio, eventually)

SECRET = "0123456789abcdef" * 2
FOREIGN = f"L 1 1 5 {2 ** 63} 7 0 {chr(1) * 64} {chr(1) * 128}"
KINDS = {"single": Redis, "sentinel": SentinelTrio, "cluster": RedisCluster}


@pytest.fixture(scope="module", params=KINDS)
def redis(request):
    with KINDS[request.param]() as redis:
        yield redis


@pytest.fixture(scope="module")
def single():
    with Redis() as redis:
        yield redis


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    file = tmp_path_factory.mktemp("secret") / "store.secret"
    file.write_text(SECRET)
    return str(file)


def is_shared(gateway):
    return gateway.status()["store"]["mode"] == "redis"


def node_of(node, redis, secret, **settings):
    return Gateway(node, routes=SESSION_ROUTES,
                   store={"secret": secret, "redis": redis.settings}, **settings)


def wait_until_shared(*gateways):
    for gateway in gateways:
        eventually(lambda g=gateway: is_shared(g), "the store is shared")


@pytest.fixture(scope="module")
def nodes(node, redis, secret):
    with node_of(node, redis, secret) as one, node_of(node, redis, secret) as two:
        wait_until_shared(one, two)
        yield one, two


# --- two nodes ------------------------------------------------------------------------------------

def test_a_session_of_one_node_works_on_the_other(nodes):
    one, two = nodes
    citizen = Citizen(one, "079085001234", level=2)
    assert citizen.status() == 200
    assert citizen.at(two).status() == 200


def test_a_session_that_ends_on_one_node_ends_on_the_other(nodes):
    one, two = nodes
    citizen = Citizen(one, "1")
    elsewhere = citizen.at(two)
    assert elsewhere.status() == 200
    citizen.order("revoke")
    eventually(lambda: elsewhere.status() == 401, "the other node has heard")


def test_a_rotated_session_is_the_same_everywhere(nodes):
    one, two = nodes
    citizen = Citizen(one, "1")
    late = citizen.at(two)
    assert late.status() == 200
    citizen.order("rotate; level=3")
    assert citizen.status() == citizen.at(two).status() == 200
    assert late.status() == 200, "the former id still leads there for a moment"


def test_all_sessions_of_a_user_end_on_all_nodes(nodes):
    one, two = nodes
    phone, computer, other = Citizen(one, "u-5"), Citizen(two, "u-5"), Citizen(two, "u-55")
    assert (phone.status(), computer.status(), other.status()) == (200, 200, 200)
    phone.order("revoke-user; uid=u-5")
    assert phone.status() == 401
    eventually(lambda: computer.status() == 401, "the other node has heard")
    assert computer.at(one).status() == 401
    assert other.status() == 200
    again = Citizen(two, "u-5")
    assert again.at(one).status() == 200, "who signs in afterwards is in"


@pytest.mark.parametrize("order", ["revoke", "revoke-user; uid=u-9"])
def test_a_session_that_has_ended_elsewhere_is_not_rotated_back(single, secret, order):
    backend = ScriptedBackend()
    with node_of(backend, single, secret) as one, node_of(backend, single, secret) as two:
        wait_until_shared(one, two)
        citizen = Citizen(one)
        citizen.finish(citizen.begin(backend), "create; uid=u-9")
        late, elsewhere = citizen.begin(backend), citizen.at(two)
        assert elsewhere.finish(elsewhere.begin(backend), order).status == 200
        answer = citizen.finish(late, "rotate; level=3")
        assert answer.status == 200
        assert "Max-Age=0" in answer.headers.get("Set-Cookie") and citizen.cookie is None


def test_who_leaves_while_the_session_is_rotated_elsewhere_is_out(single, secret):
    backend = ScriptedBackend()
    with node_of(backend, single, secret) as one, node_of(backend, single, secret) as two:
        wait_until_shared(one, two)
        citizen = Citizen(one)
        citizen.finish(citizen.begin(backend), "create; uid=u-10")
        former, elsewhere = citizen.at(one), citizen.at(two)
        late = former.begin(backend)
        elsewhere.finish(elsewhere.begin(backend), "rotate")
        former.finish(late, "revoke")
        eventually(lambda: elsewhere.status() == 401, "it has ended on the other node")


def test_a_cookie_without_our_signature_costs_redis_nothing(node, single, secret):
    with node_of(node, single, secret) as gateway:
        wait_until_shared(gateway)
        citizen = Citizen(gateway)
        for _ in range(20):
            citizen.cookie = "20000.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA"
            assert citizen.status() == 401
        assert gateway.metrics()["cong_sessions_fetched_total"] == 0


def test_a_known_session_costs_redis_nothing(node, single, secret):
    with node_of(node, single, secret) as gateway:
        wait_until_shared(gateway)
        citizen = Citizen(gateway, "1")
        assert citizen.status() == 200
        single.reset_stats()
        for _ in range(200):
            assert citizen.status() == 200
        calls = single.commandstats()
        assert sum(calls.get(name, 0) for name in ("get", "set", "pexpire", "hgetall")) < 20, calls


def test_that_there_is_no_session_is_remembered(node, single, secret):
    with node_of(node, single, secret) as one, node_of(node, single, secret) as two:
        wait_until_shared(one, two)
        citizen = Citizen(one, "1")
        ghost = citizen.at(two)
        citizen.order("revoke")
        assert {ghost.status() for _ in range(20)} == {401}
        assert two.metrics()["cong_sessions_fetched_total"] <= 3


def test_a_body_waits_for_its_session(nodes):
    one, two = nodes
    body = b"h" * 300000
    for size in [0, 10, len(body)]:
        cold = Citizen(one, "1").at(two)
        answer = cold.request("POST", "/ho-so", body=body[:size])
        assert answer.status == 200 and answer.json()["bytes"] == size


def test_many_who_ask_at_once_do_not_each_ask_redis(node, single, secret):
    with node_of(node, single, secret) as one, \
            node_of(node, single, secret, workers=2) as two:
        wait_until_shared(one, two)
        cold = Citizen(one, "1").at(two)
        clients = [two.connect() for _ in range(40)]
        for client in clients:
            client.send_request("GET", "/ho-so", [("Cookie", f"{COOKIE}={cold.cookie}")])
        assert {client.read_answer().status for client in clients} == {200}
        assert two.metrics()["cong_sessions_fetched_total"] <= 8, "or a few, on a busy machine"


def test_what_cannot_be_read_in_redis_is_no_session(node, single, secret):
    with node_of(node, single, secret) as one, node_of(node, single, secret) as two:
        wait_until_shared(one, two)
        for number, value in enumerate(["", "L 1", "nonsense", "A 9 x", FOREIGN]):
            before = single.keys("cong:{s:*")
            cold = Citizen(one, f"u{number}").at(two)
            key, = single.keys("cong:{s:*") - before
            single.cli("SET", key, value)
            assert cold.status() == 401
        cold = Citizen(one, "list").at(two)
        for key in single.keys("cong:{s:*"):
            single.cli("DEL", key)
            single.cli("LPUSH", key, "1")
        assert cold.status() == 503, "an error of Redis says neither yes nor no"
        single.flush()


def test_how_fast_a_revocation_is_heard(node, single, secret):
    with node_of(node, single, secret) as one, node_of(node, single, secret) as two:
        wait_until_shared(one, two)
        client = two.connect()
        times = []
        for number in range(20):
            citizen = Citizen(one, f"u{number}")
            cookie = [("Cookie", f"{COOKIE}={citizen.cookie}")]
            assert client.request("GET", "/ho-so", cookie).status == 200
            citizen.order("revoke")
            began = time.monotonic()
            while client.request("GET", "/ho-so", cookie).status == 200:
                pass
            times.append(time.monotonic() - began)
        times.sort()
        print(f"revocations heard after {times[0] * 1e3:.1f} to {times[-1] * 1e3:.1f} ms, "
              f"median {times[len(times) // 2] * 1e3:.1f} ms")


# --- Redis is away --------------------------------------------------------------------------------

@pytest.fixture
def frail(node, secret):
    """A Redis of one's own, a node on it, and somebody who is signed in."""
    with Redis() as redis, node_of(node, redis, secret) as gateway:
        wait_until_shared(gateway)
        citizen = Citizen(gateway, "1")
        assert citizen.status() == 200
        yield redis, gateway, citizen


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_who_is_signed_in_stays_so_while_redis_is_away(frail, how):
    redis, gateway, citizen = frail
    if how == "killed":
        redis.kill()
    else:
        redis.stop_answering()
    eventually(lambda: not is_shared(gateway), "Redis is away")
    heartbeats_end = time.monotonic() + 4
    while time.monotonic() < heartbeats_end:
        assert citizen.status() == 200
    assert citizen.status(target="/dang-nhap") == 200
    fresh = citizen.request(target="/thanh-toan")
    assert fresh.status == 503 and fresh.headers.get("Retry-After") == "5"
    login = Citizen(gateway).order("create; uid=2")
    assert login.status == 503 and "Set-Cookie" not in login.headers
    if how == "killed":
        redis.start()
    else:
        redis.cont()
    eventually(lambda: is_shared(gateway), "Redis is back")
    assert citizen.status() == 200
    eventually(lambda: citizen.status(target="/thanh-toan") == 200, "fresh sessions are back")
    assert Citizen(gateway, "2").status() == 200


def test_clients_that_leave_while_redis_is_silent_harm_nobody(node, secret):
    with Redis() as redis, node_of(node, redis, secret) as one, \
            node_of(node, redis, secret) as two:
        wait_until_shared(one, two)
        citizens = [Citizen(one, f"u{number}") for number in range(20)]
        redis.stop_answering()
        clients = [two.connect() for _ in citizens]
        for client, citizen in zip(clients, citizens):
            client.send_request("GET", "/ho-so", [("Cookie", f"{COOKIE}={citizen.cookie}")])
        for client in clients[::2]:
            client.reset()
        assert {client.read_answer().status for client in clients[1::2]} == {503}
        redis.cont()
        wait_until_shared(two)
        eventually(lambda: {c.at(two).status() for c in citizens} == {200}, "all are known again")


def test_no_page_fails_while_redis_comes_and_goes(node, secret):
    with Redis() as redis, node_of(node, redis, secret, workers=2) as gateway:
        wait_until_shared(gateway)
        cookie = [("Cookie", f"{COOKIE}={Citizen(gateway, '1').cookie}")]
        with Load(gateway.connect, target="/ho-so", headers=cookie) as load:
            for leave, come_back in [(redis.kill, redis.start), (redis.stop_answering, redis.cont)]:
                leave()
                eventually(lambda: not is_shared(gateway), "Redis is away")
                load.wait_for(500)
                come_back()
                wait_until_shared(gateway)
                load.wait_for(500)
            redis.flush()
            load.wait_for(500)
        assert load.failures == []


def test_what_ended_while_redis_was_away_ends_everywhere(node, secret):
    with Redis() as redis, node_of(node, redis, secret) as one, \
            node_of(node, redis, secret) as two:
        wait_until_shared(one, two)
        citizen = Citizen(one, "1")
        thief = citizen.at(two)
        assert thief.status() == 200
        redis.stop_answering()
        eventually(lambda: not is_shared(one), "Redis is away")
        here = citizen.at(one)
        citizen.order("revoke")
        assert here.status() == 401
        redis.cont()
        eventually(lambda: thief.status() == 401, "it has ended on the other node")


def test_who_is_not_known_while_redis_is_away_can_leave_all_the_same(node, secret):
    with Redis() as redis, node_of(node, redis, secret) as one, \
            node_of(node, redis, secret) as two:
        wait_until_shared(one, two)
        citizen = Citizen(one, "1")
        stranger, upgraded = citizen.at(two), citizen.at(two)
        redis.stop_answering()
        eventually(lambda: not is_shared(two), "Redis is away")
        assert upgraded.order("rotate; level=3").status == 503
        assert upgraded.cookie
        answer = stranger.order("revoke")
        assert answer.status == 200 and stranger.cookie is None
        redis.cont()
        eventually(lambda: citizen.status() == 401, "it has ended on the other node")


def test_a_user_whose_sessions_ended_while_redis_was_away_is_out_everywhere(node, secret):
    with Redis() as redis, node_of(node, redis, secret) as one, \
            node_of(node, redis, secret) as two:
        wait_until_shared(one, two)
        phone, computer, other = Citizen(one, "u-1"), Citizen(two, "u-1"), Citizen(two, "u-2")
        assert (phone.status(), computer.status(), other.status()) == (200, 200, 200)
        redis.stop_answering()
        eventually(lambda: not is_shared(one), "Redis is away")
        here = phone.at(one)
        assert phone.order("revoke-user; uid=u-1").status == 200
        assert here.status() == 401
        assert computer.status() == 200, "the other node cannot know"
        redis.cont()
        eventually(lambda: computer.status() == 401, "it has ended on the other node")
        assert other.status() == 200


def test_sessions_that_a_node_holds_survive_the_loss_of_all_data(node, secret):
    with Redis() as redis, node_of(node, redis, secret) as one, \
            node_of(node, redis, secret) as two:
        wait_until_shared(one, two)
        citizens = [Citizen(one, f"u{number}") for number in range(30)]
        eventually(lambda: redis.keys("cong:{mark}"), "the mark is there")
        assert [citizen.status() for citizen in citizens] == [200] * 30
        redis.flush()
        assert [citizen.status() for citizen in citizens] == [200] * 30
        eventually(lambda: len(redis.keys("cong:{s:*")) == 30, "the node has put them back")
        assert [citizen.at(two).status() for citizen in citizens] == [200] * 30


def test_a_failover_signs_nobody_out(node, secret):
    with SentinelTrio() as trio, node_of(node, trio, secret) as one, \
            node_of(node, trio, secret) as two:
        wait_until_shared(one, two)
        citizens = [Citizen(one, f"u{number}") for number in range(10)]
        master = trio.master
        master.kill()
        eventually(lambda: not is_shared(one), "Redis is away")
        assert [citizen.status() for citizen in citizens] == [200] * 10
        trio.wait_for_failover(master)
        wait_until_shared(one, two)
        assert [citizen.status() for citizen in citizens] == [200] * 10
        for citizen in citizens:
            eventually(lambda c=citizen: c.at(two).status() == 200, "the other node knows it")
