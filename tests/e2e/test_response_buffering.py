"""A slow client costs memory or a file, and no connection of a backend: answers are read ahead of
it. What it takes at once is never held back."""

import hashlib
from threading import Thread

import pytest

from env import (Gateway, H2Client, Incomplete, ScriptedBackend, chunk, chunked, eventually,
                 head_bytes)

MIB = 1 << 20
CHUNKED = [("Transfer-Encoding", "chunked")]


@pytest.fixture
def backend():
    return ScriptedBackend()


def content(size):
    return b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(size // 32))


def portal(*peers, mode="spool", folder="/var/tmp", spool=None, **settings):
    return Gateway(*peers, route={"response_buffering": mode},
                   spool={"dir": str(folder)} | (spool or {}), **settings)


def ask_slowly(gateway, target="/slow", **how):
    client = gateway.connect(narrow=True, **how)
    client.send_request("GET", target)
    return client


def send_later(wire, data):
    """The two directions must not wait for each other."""
    Thread(target=wire.send, args=[data], daemon=True).start()


def is_free(gateway, connection):
    """Another client's request comes on it, once it has been read."""
    eventually(lambda: gateway.metrics()["cong_upstream_connections_idle"] == 1, "it is pooled")
    client = gateway.connect()
    client.send_request("GET", "/next")
    assert connection.serve(body=b"next").target == "/next"
    assert client.read_answer().body == b"next"


def held(gateway):
    return gateway.metrics()["cong_spool_bytes"]


def is_given_back(gateway):
    eventually(lambda: held(gateway) == 0, "memory, file and quota are given back")


@pytest.mark.parametrize("listener", [0, 1], ids=["plain", "tls"])
@pytest.mark.parametrize("memory", ["4KiB", "2MiB"], ids=["file", "memory"])
def test_node_is_free_while_a_slow_client_has_read_a_part(tmp_path, node, certs, listener, memory):
    with portal(node, folder=tmp_path, listeners=[{}, {"tls": certs.tls}],
                spool={"memory": memory}) as gateway:
        client = ask_slowly(gateway, f"/download?bytes={MIB}", listener=listener)
        head = client.read_answer_head()
        eventually(lambda: gateway.metrics()["cong_upstream_connections_idle"] == 1, "it is pooled")
        assert held(gateway) > MIB // 2
        node.reset_stats()
        assert gateway.request("GET", "/echo").status == 200
        assert node.stats()["connections"]["accepted"] == 1  # who asks; the other was there
        body = client.read_exactly(MIB)
        assert hashlib.sha256(body).hexdigest() == head.headers.get("X-SHA256")
        is_given_back(gateway)
        assert list(tmp_path.iterdir()) == []


def test_answer_to_a_stream_of_http2_without_a_window_frees_the_node(node, certs):
    with portal(node, listeners=[{"tls": certs.tls}]) as gateway:
        client = H2Client(gateway.address())
        stream = client.request(path=f"/download?bytes={MIB}")
        eventually(lambda: gateway.metrics()["cong_upstream_connections_idle"] == 1, "it is pooled")
        client.window(0, 2 * MIB)
        client.window(stream, 2 * MIB)
        answer = client.answer(stream)
        assert hashlib.sha256(answer.body).hexdigest() == answer.get("x-sha256")
        is_given_back(gateway)


@pytest.mark.parametrize("mode, headers", [
    ("off", []), ("spool", [("X-Accel-Buffering", "no")]),
    ("spool", [("Content-Type", "text/event-stream; charset=utf-8")]),
], ids=["off", "accel", "events"])
def test_what_is_not_to_be_read_ahead_waits_at_the_backend(backend, mode, headers):
    with portal(backend, mode=mode) as gateway:
        client = ask_slowly(gateway)
        connection = backend.accept()
        connection.read_request()
        connection.send(head_bytes("HTTP/1.1 200 OK", [*headers, *CHUNKED]) + chunk(b"at once"))
        client.read_answer_head()
        assert client.read_chunk() == b"at once"
        assert connection.fill(chunk(bytes(15 * MIB))) < 15 * MIB
        assert held(gateway) == 0


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_answer_in_memory_alone_goes_no_further(backend, framing):
    body = content(15 * MIB)
    head = CHUNKED if framing == "chunked" else [("Content-Length", len(body))]
    data = chunked(body) if framing == "chunked" else body
    with portal(backend, mode="memory", spool={"memory": "64KiB"}) as gateway:
        client = ask_slowly(gateway)
        connection = backend.accept()
        connection.read_request()
        connection.send(head_bytes("HTTP/1.1 200 OK", head))
        sent = connection.fill(data)
        assert sent < len(data)
        assert 0 < held(gateway) < MIB
        send_later(connection, data[sent:])
        assert client.read_answer().body == body
        is_given_back(gateway)
        is_free(gateway, connection)


def test_answer_longer_than_a_file_may_be_is_not_written_to_one(backend):
    """The backend would have to wait in any case."""
    body = content(18 * MIB)
    with portal(backend) as gateway:
        client = ask_slowly(gateway)
        connection = backend.accept()
        connection.read_request()
        connection.send(head_bytes("HTTP/1.1 200 OK", [("Content-Length", len(body))]))
        sent = connection.fill(body)
        assert sent < len(body)
        assert held(gateway) < MIB
        send_later(connection, body[sent:])
        assert client.read_answer().body == body


def test_answer_of_unknown_length_that_turns_out_too_long_arrives(backend):
    body = content(16 * MIB)
    with portal(backend, spool={"answer": "4MiB"}) as gateway:
        client = ask_slowly(gateway)
        connection = backend.accept()
        connection.read_request()
        connection.send(head_bytes("HTTP/1.1 200 OK", CHUNKED))
        data = b"".join(chunk(body[at:at + 50_000]) for at in range(0, len(body), 50_000))
        sent = connection.fill(data)
        assert sent < len(data)
        send_later(connection, data[sent:] + chunked())
        assert client.read_answer().body == body
        is_free(gateway, connection)


def test_trailers_come_behind_what_waited(backend):
    with portal(backend) as gateway:
        client = ask_slowly(gateway)
        connection = backend.accept()
        connection.read_request()
        connection.send(head_bytes("HTTP/1.1 200 OK", CHUNKED))
        connection.send(chunked(bytes(MIB), trailers=[("X-Sum", "42")]))
        is_free(gateway, connection)
        answer = client.read_answer()
        assert (len(answer.body), answer.trailers.get("X-Sum")) == (MIB, "42")


def test_client_that_leaves_gives_back_what_was_read_for_it(tmp_path, backend):
    with portal(backend, folder=tmp_path) as gateway:
        client = ask_slowly(gateway)
        connection = backend.accept()
        connection.serve(body=bytes(4 * MIB))
        is_free(gateway, connection)
        assert held(gateway) > 0
        client.close()
        is_given_back(gateway)
        assert gateway.access_lines(2)[-1]["abort"] == "client_left"


def test_backend_that_dies_in_the_middle_is_seen_by_a_slow_client(backend):
    with portal(backend) as gateway:
        client = ask_slowly(gateway)
        connection = backend.accept()
        connection.read_request()
        connection.send(head_bytes("HTTP/1.1 200 OK", CHUNKED) + chunk(bytes(MIB)))
        connection.close()
        with pytest.raises((Incomplete, ConnectionError)):
            client.read_answer()


def test_disk_that_fails_harms_no_answer(tmp_path, backend):
    body = content(12 * MIB)
    with portal(backend, folder=tmp_path / "nowhere") as gateway:
        gateway.allow("cannot write a temporary file")
        client = ask_slowly(gateway)
        connection = backend.accept()
        connection.read_request()
        connection.send(head_bytes("HTTP/1.1 200 OK", [("Content-Length", len(body))]))
        sent = connection.fill(body)
        gateway.log.wait_for("cannot write a temporary file")
        send_later(connection, body[sent:])
        assert client.read_answer().body == body
        is_given_back(gateway)


def test_answers_leave_half_of_the_quota_to_uploads(backend):
    with portal(backend, spool={"quota": "2MiB"}) as gateway:
        client = ask_slowly(gateway)
        connection = backend.accept()
        connection.read_request()
        connection.send(head_bytes("HTTP/1.1 200 OK", [("Content-Length", 12 * MIB)]))
        sent = connection.fill(bytes(12 * MIB))
        assert sent < 12 * MIB
        assert MIB // 2 < held(gateway) <= MIB
        send_later(connection, bytes(12 * MIB - sent))
        assert len(client.read_answer().body) == 12 * MIB
