"""Keys of TLS session tickets that nodes share: through Redis, across rotations, or from a file."""

import os
import ssl

import pytest

from env import HOST, Gateway, Redis, eventually

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def session_of(client):
    client.request("GET", "/")  # a ticket of TLS 1.3 comes with the first bytes
    return client.tls.session


def new_session(gateway, context):
    return session_of(gateway.connect(context=context))


def resumes(gateway, context, session, listener=0, name=HOST):
    client = gateway.connect(listener, context=context, session=session, server_name=name)
    assert client.request("GET", "/", host=name).status == 200
    return client.tls.session_reused


def tickets(gateway):
    return gateway.status()["tls_tickets"]


def wait_for_keys(source, *gateways, generation=0):
    for gateway in gateways:
        eventually(lambda: tickets(gateway)["source"] == source
                   and tickets(gateway)["generation"] >= generation,
                   f"ticket keys are {source}, of generation {generation}")


def key_of(redis):
    (key,) = redis.keys("cong:{tk}:*")
    return key


def let_rotation_fall_due(redis):
    """As if the keys had been written long ago."""
    redis.cli("HSET", key_of(redis), "t", 0)


@pytest.fixture(scope="module")
def redis():
    with Redis() as redis:
        yield redis


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    path = tmp_path_factory.mktemp("secret") / "store.secret"
    path.write_bytes(os.urandom(64))
    return str(path)


def start_node(backend, certs, **settings):
    return Gateway(backend, listeners=[{"tls": certs.tls}], **settings)


@pytest.fixture(scope="module")
def pair(node, certs, redis, secret):
    """Two gateways on one Redis."""
    store = {"redis": redis.settings, "secret": secret}
    with start_node(node, certs, store=store) as one, start_node(node, certs, store=store) as two:
        wait_for_keys("shared", one, two)
        yield one, two


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_ticket_of_one_node_resumes_on_the_other(pair, certs, version):
    context = certs.client_context(minimum=version, maximum=version)
    for here, there in (pair, pair[::-1]):
        assert resumes(there, context, new_session(here, context))


@pytest.fixture(scope="module")
def others(node, certs, redis, secret):
    """A gateway on the same Redis, with the same keys, whose listeners have other policies."""
    clients = {"client_ca": str(certs.clients.certificate.cert)}
    other = certs.authority.issue("other.test")
    listeners = [{"tls": tls} for tls in (
        certs.tls | clients | {"client_auth": "optional"},
        certs.tls | clients | {"client_auth": "required"},
        certs.tls | {"min_version": 1.3},
        {"certificates": [other.settings]},
        certs.tls)]
    with Gateway(node, listeners=listeners,
                 store={"redis": redis.settings, "secret": secret}) as gateway:
        wait_for_keys("shared", gateway)
        yield gateway


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_ticket_does_not_resume_where_another_policy_holds(pair, others, certs, version):
    """CVE-2025-23419, from node to node."""
    context = certs.client_context(certs.clients.issue("citizen.test", client=True), version, version)
    sessions = [new_session(pair[0], context) for _ in range(4)]
    assert not resumes(others, context, sessions[0], listener=0)
    assert not resumes(others, context, sessions[1], listener=1)
    assert not resumes(others, context, sessions[2], listener=3, name="other.test")
    assert resumes(others, context, sessions[3], listener=4)


def test_ticket_does_not_resume_where_tls_1_2_is_refused(pair, others, certs):
    context = certs.client_context(minimum=V13)
    assert not resumes(others, context, new_session(pair[0], context), listener=2)
    assert resumes(others, context, new_session(pair[0], context), listener=4)


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_tickets_resume_across_a_rotation_that_one_node_decides(pair, redis, certs, version):
    one, two = pair
    context = certs.client_context(minimum=version, maximum=version)
    old = [new_session(gateway, context) for gateway in pair]
    before = tickets(one)["generation"]
    let_rotation_fall_due(redis)
    one.reload()  # looks at once
    wait_for_keys("shared", one, generation=before + 1)
    new = new_session(one, context)  # the other knows its key as the next one, at the latest
    assert resumes(two, context, new)
    two.reload()
    wait_for_keys("shared", two, generation=before + 1)
    assert [tickets(gateway)["generation"] for gateway in pair] == [before + 1] * 2
    assert resumes(one, context, old[1])
    assert resumes(two, context, old[0])


def test_nodes_that_look_at_the_same_time_rotate_once(pair, redis):
    before = tickets(pair[0])["generation"]
    let_rotation_fall_due(redis)
    for gateway in pair:
        gateway.reload()
    wait_for_keys("shared", *pair, generation=before + 1)
    assert redis.cli("HGET", key_of(redis), "g") == str(before + 1)


def test_keys_in_redis_are_sealed_and_do_not_stay_for_ever(pair, redis, certs):
    context = certs.client_context(minimum=V12, maximum=V12)
    key = key_of(redis)
    assert set(redis.cli("HKEYS", key).split()) == {"g", "k", "t"}
    assert 0 < int(redis.cli("PTTL", key)) <= 4 * 8 * 3600 * 1000
    assert resumes(pair[1], context, new_session(pair[0], context))


def test_keys_that_redis_has_lost_are_put_there_again(pair, redis, certs):
    one, two = pair
    context = certs.client_context()
    session = new_session(one, context)
    redis.flush()
    for gateway in pair:
        gateway.reload()
    eventually(lambda: redis.keys("cong:{tk}:*"), "the keys are there again")
    assert resumes(two, context, session)
    assert resumes(one, context, new_session(two, context))


def test_spoilt_keys_are_replaced_and_not_used(pair, redis, certs):
    one, two = pair
    context = certs.client_context()
    session = new_session(one, context)
    key = key_of(redis)
    redis.cli("HSET", key, "k", "spoilt")
    for gateway in pair:
        gateway.reload()
    eventually(lambda: int(redis.cli("HSTRLEN", key, "k")) > len("spoilt"), "they are replaced")
    assert resumes(two, context, session)


def test_node_with_another_secret_has_keys_of_its_own(node, pair, redis, certs, tmp_path):
    other = tmp_path / "other.secret"
    other.write_bytes(os.urandom(64))
    context = certs.client_context()
    with start_node(node, certs, store={"redis": redis.settings, "secret": str(other)}) as stranger:
        wait_for_keys("shared", stranger)
        assert not resumes(stranger, context, new_session(pair[0], context))
        assert not resumes(pair[0], context, new_session(stranger, context))
    assert len(redis.keys("cong:{tk}:*")) == 2
    for key in redis.keys("cong:{tk}:*"):
        redis.cli("DEL", key)
    pair[0].reload()
    eventually(lambda: redis.keys("cong:{tk}:*"), "the keys are there again")


def test_tickets_resume_while_redis_is_away(node, certs, secret):
    context = certs.client_context()
    with Redis() as redis:
        store = {"redis": redis.settings, "secret": secret}
        with start_node(node, certs, store=store) as one, \
             start_node(node, certs, store=store) as two:
            wait_for_keys("shared", one, two)
            session = new_session(one, context)
            redis.kill()
            assert resumes(two, context, session)
            assert resumes(one, context, new_session(two, context))
            redis.start()
            for gateway in (one, two):
                gateway.reload()
            eventually(lambda: redis.keys("cong:{tk}:*"), "the keys are there again")
            assert resumes(two, context, session)


def test_without_redis_keys_are_the_nodes_own(node, certs):
    context = certs.client_context()
    with start_node(node, certs) as one, start_node(node, certs) as two:
        assert tickets(one)["source"] == "own"
        assert resumes(one, context, new_session(one, context))
        assert not resumes(two, context, new_session(one, context))
        assert "TLS ticket keys: own, in use for " in one.command("status").stdout


def test_metrics_tell_where_keys_come_from(pair):
    metrics = pair[0].metrics()
    source = {name: metrics[f'cong_tls_ticket_keys{{source="{name}"}}']
              for name in ("own", "shared", "file")}
    assert source == {"own": 0, "shared": 1, "file": 0}
    assert metrics["cong_tls_ticket_generation"] == tickets(pair[0])["generation"]
    assert metrics["cong_tls_ticket_age_seconds"] >= 0


def test_keys_from_a_file_are_shared_and_rotated_by_pushing_another(node, certs, tmp_path):
    context = certs.client_context()
    file = tmp_path / "tickets.key"
    file.write_bytes(os.urandom(320))
    settings = {"tls_tickets": {"file": str(file)}}
    with start_node(node, certs, **settings) as one, start_node(node, certs, **settings) as two:
        wait_for_keys("file", one, two)
        session = new_session(one, context)
        assert resumes(two, context, session)
        file.write_bytes(os.urandom(80) + file.read_bytes()[:240])
        one.reload()
        assert resumes(one, context, session)
        assert resumes(two, context, new_session(one, context))
        two.reload()
        assert resumes(two, context, new_session(one, context))
        file.write_bytes(os.urandom(320))
        one.reload()
        assert not resumes(one, context, session)
