"""What a citizen is told of a dossier, whoever dies: that nothing was filed is said only when no backend
can have it."""

import os
import signal
import uuid

import pytest

from env import Gateway, Redis, ScriptedBackend, eventually, server_context

DOSSIER = b"ho so cap ho chieu"
KINDS = ("dedup", "lookup", "none")
ASK = "/ask"
IN_THE_DARK = "not known how it ended"


def portal(*backends, folder, kind, **settings):
    submission = {"backend": kind} | ({"lookup": ASK} if kind == "lookup" else {})
    store = {"journal": str(folder / "journal")} | settings.pop("store", {})
    gateway = Gateway(*backends, route={"submission": submission}, store=store, **settings)
    gateway.allow(IN_THE_DARK)
    return gateway


class Citizen:
    """Files one dossier, again and again."""

    def __init__(self, gateway):
        self._client = gateway.connect()
        self._headers = {"Idempotency-Key": str(uuid.uuid4()), "Accept": "application/json"}

    def elsewhere(self, gateway):
        """The same dossier, on another connection."""
        self._client = gateway.connect()
        return self

    def leave(self):
        self._client.reset()

    def send(self, dossier=DOSSIER):
        self._client.send_request("POST", "/dossiers", self._headers, dossier)

    def told(self):
        """(status, reason, outcome), or (status, body) where a backend has answered."""
        answer = self._client.read_answer()
        if answer.headers.get("Content-Type") != "application/problem+json":
            return answer.status, answer.body
        problem = answer.json()
        return answer.status, problem["reason"], problem["outcome"]

    def file(self, dossier=DOSSIER):
        self.send(dossier)
        return self.told()


UNDER_WAY = (409, "submission_under_way", "under_way")
UNKNOWN = (409, "submission_unknown", "unknown")
NOTHING_FILED = (503, "submission_unavailable", "nothing_filed")
NOT_CHECKED = (503, "submission_unchecked", "unknown")
SEND_AGAIN = (503, "submission_resend", "unknown")
VERIFYING = (202, "submission_verifying", "unknown")
IN_DOUBT = {"dedup": SEND_AGAIN, "lookup": VERIFYING, "none": VERIFYING}


class Peers:
    """Two of an upstream; the test does not know which is asked first."""

    def __init__(self):
        self.all = ScriptedBackend(), ScriptedBackend()

    def accept(self):
        """(the connection that came, the backend that it did not come to)"""
        def came():
            for mine, other in (self.all, self.all[::-1]):
                for connection in mine.accept_waiting():
                    return connection, other
        return eventually(came, "a connection")

    def waiting(self):
        return [connection for peer in self.all for connection in peer.accept_waiting()]

    def close(self):
        for peer in self.all:
            peer.close()

    def again(self):
        """Where they were."""
        self.all = tuple(ScriptedBackend(port_of(peer)) for peer in self.all)


def port_of(backend):
    return int(backend.address.rpartition(":")[2])


def leave_in_doubt(citizen, peers, kind):
    """A peer takes the dossier, and nobody hears of it again."""
    citizen.send()
    connection, other = peers.accept()
    assert connection.read_request().body == DOSSIER
    connection.reset()
    if kind == "dedup":
        again = other.accept()
        again.read_request()
        again.reset()
    assert citizen.told() == IN_DOUBT[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_first_peer_takes_it_and_the_second_refuses_connections(tmp_path, kind):
    peers = Peers()
    with portal(*peers.all, folder=tmp_path, kind=kind) as gateway:
        citizen = Citizen(gateway)
        citizen.send()
        connection, other = peers.accept()
        assert connection.read_request().body == DOSSIER
        other.close()
        connection.reset()
        assert citizen.told() == IN_DOUBT[kind]
        # And so the record has it, whoever asks.
        peers.close()
        if kind == "dedup":
            assert citizen.file() == SEND_AGAIN
            assert citizen.file(b"another dossier")[0] == 422
        else:
            assert citizen.file() == UNKNOWN
        peers.again()
        citizen.send()
        if kind == "none":
            assert citizen.told() == UNKNOWN
            assert peers.waiting() == []
            return
        connection, _ = peers.accept()
        if kind == "lookup":
            assert connection.serve(404).target == ASK
            connection, _ = peers.accept()
        request = connection.serve(201, body=b"filed")
        assert (request.body, request.headers.get("X-Cong-Fence") > "1") == (DOSSIER, True)
        assert citizen.told() == (201, b"filed")


@pytest.mark.parametrize("kind", KINDS)
def test_no_peer_takes_a_connection(tmp_path, kind):
    peers = Peers()
    peers.close()
    with portal(*peers.all, folder=tmp_path, kind=kind) as gateway:
        citizen = Citizen(gateway)
        assert citizen.file() == NOTHING_FILED
        assert citizen.file(b"another dossier") == NOTHING_FILED, "the key is free"
        peers.again()
        citizen.send()
        connection, _ = peers.accept()
        assert connection.serve(201, body=b"filed").headers.get("X-Cong-Fence") == "1"
        assert citizen.told() == (201, b"filed")


@pytest.mark.parametrize("kind", ("dedup", "lookup"))
def test_in_doubt_from_before_and_now_nobody_takes_a_connection(tmp_path, kind):
    peers = Peers()
    with portal(*peers.all, folder=tmp_path, kind=kind) as gateway:
        citizen = Citizen(gateway)
        leave_in_doubt(citizen, peers, kind)
        if kind == "dedup":
            peers.close()
            citizen.send()
        else:
            citizen.send()
            connection, _ = peers.accept()
            connection.read_request()
            peers.close()
            connection.answer(404)
        assert citizen.told() == SEND_AGAIN


def test_in_doubt_and_never_sent_again_whatever_the_peers_do(tmp_path):
    peers = Peers()
    with portal(*peers.all, folder=tmp_path, kind="none") as gateway:
        citizen = Citizen(gateway)
        leave_in_doubt(citizen, peers, "none")
        assert citizen.file() == UNKNOWN
        peers.close()
        assert citizen.file() == UNKNOWN


@pytest.mark.parametrize("kind", KINDS)
def test_backend_that_is_late(tmp_path, kind):
    peers = Peers()
    with portal(*peers.all, folder=tmp_path, kind=kind,
                upstream={"timeouts": {"response": "100ms"}}) as gateway:
        citizen = Citizen(gateway)
        citizen.send()
        connection, _ = peers.accept()
        connection.read_request()
        assert citizen.told() == IN_DOUBT[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_client_that_leaves_finds_the_answer(tmp_path, kind):
    peers = Peers()
    with portal(*peers.all, folder=tmp_path, kind=kind) as gateway:
        citizen = Citizen(gateway)
        citizen.send()
        connection, _ = peers.accept()
        connection.read_request()
        citizen.leave()
        connection.answer(201, body=b"filed")
        eventually(lambda: gateway.access_log(), "the end of it")
        assert citizen.elsewhere(gateway).file() == (201, b"filed")
        assert peers.waiting() == []


def kill_worker(gateway):
    gateway.allow("was killed by SIGKILL")
    mark = gateway.log.mark()
    os.kill(gateway.worker_pids()["worker 0"], signal.SIGKILL)
    gateway.log.wait_for("worker 0 is ready", mark)


@pytest.fixture
def reluctant(certs):
    """(a peer that is not connected before the test accepts it, its upstream's settings)"""
    context = server_context(certs.authority.issue("127.0.0.1"))
    return ScriptedBackend(context=context), {
        "tls": {"ca": str(certs.authority.certificate.cert)}, "timeouts": {"connect": "30s"}}


@pytest.mark.parametrize("kind", KINDS)
def test_worker_that_dies_before_it_is_sent(tmp_path, reluctant, kind):
    """Nothing is said before its lease is over."""
    peer, upstream = reluctant
    with portal(peer, folder=tmp_path, kind=kind, upstream=upstream) as gateway:
        citizen = Citizen(gateway)
        citizen.send()
        eventually(lambda: gateway.metrics()["cong_requests_active"] == 1, "it has come")
        assert citizen.elsewhere(gateway).file() == UNDER_WAY
        kill_worker(gateway)
        assert citizen.elsewhere(gateway).file() == UNDER_WAY


@pytest.mark.parametrize("kind", KINDS)
def test_worker_that_dies_after_it_is_sent(tmp_path, kind):
    peers = Peers()
    with portal(*peers.all, folder=tmp_path, kind=kind) as gateway:
        citizen = Citizen(gateway)
        citizen.send()
        connection, _ = peers.accept()
        connection.read_request()
        kill_worker(gateway)
        assert citizen.elsewhere(gateway).file() == UNDER_WAY
        assert peers.waiting() == []


@pytest.mark.parametrize("status, fields", [(429, []), (503, [("Retry-After", "1")])])
def test_second_peer_that_wants_to_be_asked_again_says_nothing_of_the_first(tmp_path, status, fields):
    peers = Peers()
    with portal(*peers.all, folder=tmp_path, kind="dedup") as gateway:
        citizen = Citizen(gateway)
        citizen.send()
        connection, other = peers.accept()
        connection.read_request()
        connection.reset()
        other.accept().serve(status, [*fields, ("Connection", "close")], b"busy")
        assert citizen.told() == (status, b"busy")
        assert citizen.file(b"another dossier")[0] == 422, "the key is not free"
        peers.close()
        assert citizen.file() == SEND_AGAIN


# --- the store ------------------------------------------------------------------------------------

AWAY = (r"Redis is away", r"going on without it", r"breaker")


def with_redis(redis, *backends, folder, kind, **settings):
    gateway = portal(*backends, folder=folder, kind=kind, store=redis.store, **settings)
    gateway.allow(*AWAY)
    eventually(lambda: gateway.status()["store"]["mode"] == "redis", "Redis is there")
    return gateway


@pytest.mark.parametrize("kind", ("lookup", "none"))
def test_in_doubt_and_now_redis_is_away(tmp_path, kind):
    """Nobody can say whether it was sent before."""
    peers = Peers()
    with Redis() as redis, with_redis(redis, *peers.all, folder=tmp_path, kind=kind) as gateway:
        citizen = Citizen(gateway)
        leave_in_doubt(citizen, peers, kind)
        redis.kill()
        assert citizen.file() == NOT_CHECKED
        assert peers.waiting() == []


def test_unrecorded_one_that_a_peer_took(tmp_path):
    """Without Redis it passes where the backend stores a key once."""
    peers = Peers()
    with Redis() as redis, with_redis(redis, *peers.all, folder=tmp_path, kind="dedup") as gateway:
        redis.kill()
        citizen = Citizen(gateway)
        citizen.send()
        connection, other = peers.accept()
        connection.read_request()
        other.close()
        connection.reset()
        assert citizen.told()[::2] == (502, "unknown")


def test_answer_that_redis_is_not_told(tmp_path):
    """It is true all the same."""
    peers = Peers()
    with Redis() as redis, with_redis(redis, *peers.all, folder=tmp_path, kind="none") as gateway:
        citizen = Citizen(gateway)
        citizen.send()
        connection, _ = peers.accept()
        connection.read_request()
        redis.kill()
        connection.answer(201, body=b"filed")
        assert citizen.told() == (201, b"filed")
        assert citizen.file() == NOT_CHECKED


def test_record_that_another_has_taken_meanwhile(tmp_path, reluctant):
    """As when the process was stopped for longer than its lease: the other may have sent it."""
    peer, upstream = reluctant
    with Redis() as redis, with_redis(redis, peer, folder=tmp_path, kind="none",
                                      upstream=upstream) as gateway:
        citizen = Citizen(gateway)
        citizen.send()
        key, = eventually(lambda: redis.keys("cong:{id:*"), "it is begun")
        redis.cli("HSET", key, "o", "1", "f", "2", "s", "D")
        connection = peer.accept()
        assert citizen.told() == UNDER_WAY
        assert connection.has_ended(), "nothing came"
