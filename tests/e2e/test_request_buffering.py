"""Routes with request_buffering: whole. However slowly bodies come, a backend has nothing to do with
them until they are there."""

import hashlib
import threading

import pytest

from env import Gateway, H2Client, ScriptedBackend, chunked, eventually

MIB = 1 << 20
WHOLE = {"request_buffering": "whole"}
UPGRADE = {"Connection": "upgrade", "Upgrade": "websocket"}


def portal(*peers, folder, spool=None, **settings):
    return Gateway(*peers, route=WHOLE | settings.pop("route", {}),
                   spool={"dir": str(folder)} | (spool or {}), **settings)


def announce(client, body, missing=1, **headers):
    """All of an upload but its last bytes."""
    client.send_request("POST", "/upload", {"Content-Length": str(len(body))} | headers)
    client.send(body[:len(body) - missing])


def held(gateway):
    return gateway.metrics()["cong_spool_bytes"]


def is_given_back(gateway):
    eventually(lambda: held(gateway) == 0, "file and quota are given back")


@pytest.fixture
def backend():
    return ScriptedBackend()


def accept_first(backends):
    """(the connection that came, the backend that it did not come to)"""
    while True:
        for mine, other in (backends, backends[::-1]):
            found = mine.accept_waiting()
            if found:
                return found[0], other


def body_of(number, size=300_000):
    return hashlib.sha256(b"%d" % number).digest() * (size // 32)


def test_fifty_slow_uploads_hold_no_connection_of_the_node(tmp_path, node):
    """Each stands where one at 8 kB/s stands for half a minute."""
    with portal(node, folder=tmp_path, workers=2) as gateway:
        node.reset_stats()
        clients = [gateway.connect() for _ in range(50)]
        bodies = [body_of(number) for number in range(50)]
        senders = [threading.Thread(target=announce, args=pair, daemon=True)
                   for pair in zip(clients, bodies)]
        for sender in senders:
            sender.start()
        eventually(lambda: held(gateway) >= sum(map(len, bodies)) - 50, "all but the ends came")
        assert node.stats()["connections"]["open"] == 0
        for client, body in zip(clients, bodies):
            client.send(body[-1:])
            got = client.read_answer().json()
            assert (got["bytes"], got["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
        assert node.stats()["connections"]["peak"] <= 4  # one a worker, and who asks
        is_given_back(gateway)
        assert list(tmp_path.iterdir()) == []


def test_large_body_goes_through_a_file_and_arrives_unchanged(tmp_path, node):
    with portal(node, folder=tmp_path, spool={"memory": "4KiB"}) as gateway:
        body = body_of(7, 20 * MIB)
        got = gateway.request("PUT", "/upload", body=body).json()
        assert (got["bytes"], got["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
        is_given_back(gateway)


def test_body_without_a_length_gets_one(tmp_path, backend):
    with portal(backend, folder=tmp_path) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Transfer-Encoding": "chunked"})
        client.send(chunked(b"one", b"two", trailers=[("X-Late", "1")]))
        request = backend.accept().serve()
        assert (request.body, request.headers.get("Content-Length")) == (b"onetwo", "6")
        assert "Transfer-Encoding" not in request.headers
        assert client.read_answer().status == 200


def test_client_that_waits_to_be_asked_for_its_body_is_asked(tmp_path, backend):
    with portal(backend, folder=tmp_path) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Content-Length": "4", "Expect": "100-continue"})
        assert client.read_answer_head().status == 100
        client.send("body")
        assert backend.accept().serve().body == b"body"
        assert client.read_answer().status == 200


def test_request_without_a_body_and_a_tunnel_go_on_at_once(tmp_path, backend):
    with portal(backend, folder=tmp_path) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.serve()
        client.read_answer()
        client.send_request("GET", "/ws", UPGRADE)
        connection.read_request_head()
        connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                        "Upgrade: websocket\r\n\r\n")
        assert client.read_answer().status == 101
        client.send("ping")
        assert connection.read_exactly(4) == b"ping"


def test_client_that_leaves_gives_back_file_and_quota(tmp_path, backend):
    with portal(backend, folder=tmp_path) as gateway:
        client = gateway.connect()
        announce(client, bytes(2 * MIB))
        eventually(lambda: held(gateway) >= 2 * MIB - 1, "it has come")
        client.close()
        is_given_back(gateway)
        assert backend.accept_waiting() == []
        assert gateway.access_lines(1)[0]["abort"] == "client_left"


def test_full_quota_is_503_and_says_that_nothing_was_filed(tmp_path, node):
    with portal(node, folder=tmp_path, spool={"quota": "2MiB"}) as gateway:
        first = gateway.connect()
        announce(first, bytes(3 * MIB // 2))
        eventually(lambda: held(gateway) >= 3 * MIB // 2 - 1, "it has come")
        answer = gateway.request("POST", "/upload", {"Accept": "application/json"}, bytes(MIB))
        assert (answer.status, answer.json()["outcome"]) == (503, "nothing_filed")
        assert 5 <= int(answer.headers.get("Retry-After")) <= 15
        assert gateway.metrics()["cong_uploads_refused_total"] == 1
        first.send(b"\0")
        assert first.read_answer().status == 200
        assert gateway.request("POST", "/upload", body=bytes(MIB)).status == 200


def test_disk_that_fails_is_503_and_no_crash(tmp_path, node):
    with portal(node, folder=tmp_path / "nowhere", spool={"memory": "4KiB"}) as gateway:
        gateway.allow("cannot write a temporary file")
        answer = gateway.request("POST", "/upload", body=bytes(MIB))
        assert answer.status == 503
        assert gateway.request("POST", "/upload", body=b"small enough").status == 200
        is_given_back(gateway)


def test_body_that_stops_coming_is_408(tmp_path, backend):
    with portal(backend, folder=tmp_path, timeouts={"request_body": "200ms"}) as gateway:
        client = gateway.connect()
        announce(client, bytes(MIB))
        assert client.read_answer().status == 408
        is_given_back(gateway)
        assert backend.accept_waiting() == []


def test_body_beyond_the_limit_is_413(tmp_path, backend):
    with portal(backend, folder=tmp_path, route={"body_limit": "1MiB"}) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Transfer-Encoding": "chunked"})
        client.send(chunked(bytes(2 * MIB)))
        assert client.read_answer().status == 413
        is_given_back(gateway)


def test_whole_body_is_sent_again_where_that_is_safe(tmp_path):
    """What flows through could not be: a byte of it is gone."""
    backends = [ScriptedBackend(), ScriptedBackend()]
    with portal(*backends, folder=tmp_path) as gateway:
        body, client = body_of(3, MIB), gateway.connect()
        client.send_request("PUT", "/", {"Content-Length": str(len(body))}, body)
        first, other = accept_first(backends)
        first.read_request()
        first.close()
        assert other.accept().serve(body=b"stored").body == body
        assert client.read_answer().body == b"stored"


def test_post_is_not_sent_again_although_its_body_is_there(tmp_path):
    backends = [ScriptedBackend(), ScriptedBackend()]
    with portal(*backends, folder=tmp_path) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Content-Length": "4"}, b"body")
        first, other = accept_first(backends)
        first.read_request()
        first.close()
        assert client.read_answer().status == 502
        assert other.accept_waiting() == []


def test_backend_that_answers_early_and_takes_no_more_ends_it(tmp_path):
    backend = ScriptedBackend(narrow=True)
    with portal(backend, folder=tmp_path) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Content-Length": str(8 * MIB)}, bytes(8 * MIB))
        connection = backend.accept()
        connection.read_request_head()
        connection.answer(413, body=b"too much")
        assert client.read_answer().body == b"too much"
        is_given_back(gateway)


def test_http2_uploads_are_taken_whole(tmp_path, backend, certs):
    with portal(backend, folder=tmp_path, listeners=[{"tls": certs.tls}]) as gateway:
        client = H2Client(gateway.address())
        stream = client.headers(client.block("POST"), end=False)
        client.data(stream, bytes(16000))
        client.data(stream, bytes(16000))
        eventually(lambda: held(gateway) >= 32000, "it has come")
        assert backend.accept_waiting() == []
        client.data(stream, b"the end", end=True)
        assert backend.accept().serve(body=b"taken").body == bytes(32000) + b"the end"
        assert client.answer(stream).body == b"taken"
