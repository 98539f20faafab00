"""Bodies of any size flow through without staying, and the slower side sets the pace."""

import hashlib
import threading
from pathlib import Path

import pytest

from env import Gateway, ScriptedBackend, chunk, head_bytes

UPGRADE = {"Connection": "upgrade", "Upgrade": "websocket"}
MIB = 1024 * 1024
GROWTH_KIB = 20 * 1024
QUARANTINE_KIB = 300 * 1024  # AddressSanitizer keeps so much of what was freed


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, listeners=[{}, {"tls": certs.tls}],
                 route={"body_limit": "1GiB"}) as gateway:
        yield gateway


def pieces(total, size=256 * 1024):
    """Bytes that do not repeat themselves, and their checksum at the end."""
    block = hashlib.sha256(b"seed").digest() * (size // 32)
    for number in range(total // size):
        yield number.to_bytes(8, "big") + block[8:]


class Growth:
    """How much memory the worker took at most, beyond what it had at the start."""

    def __init__(self, gateway):
        self._gateway = gateway
        self._start = self._most = gateway.memory_kib()
        pid = gateway.worker_pids()["worker 0"]
        sanitized = "libasan" in Path(f"/proc/{pid}/maps").read_text()
        self._allowed = QUARANTINE_KIB if sanitized else GROWTH_KIB

    def look(self):
        self._most = max(self._most, self._gateway.memory_kib())

    def check(self):
        self.look()
        assert self._most - self._start < self._allowed


def send_in_background(wire, data):
    """The two directions of a connection must not wait for each other."""
    def run():
        try:
            for piece in data:
                wire.send(piece)
        except OSError:
            pass  # the test ends it
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("listener", [0, 1], ids=["plain", "tls"])
def test_upload_of_50_mb_arrives_whole_in_constant_memory(gateway, listener):
    client = gateway.connect(listener)
    growth, digest = Growth(gateway), hashlib.sha256()
    client.send_request("PUT", "/upload", {"Content-Length": str(50 * MIB)})
    for number, piece in enumerate(pieces(50 * MIB)):
        digest.update(piece)
        client.send(piece)
        if number % 50 == 0:
            growth.look()
    got = client.read_answer().json()
    growth.check()
    assert (got["bytes"], got["sha256"]) == (50 * MIB, digest.hexdigest())


def test_chunked_upload_of_50_mb_arrives_whole(gateway):
    client = gateway.connect()
    growth, digest = Growth(gateway), hashlib.sha256()
    client.send_request("POST", "/upload", {"Transfer-Encoding": "chunked"})
    for piece in pieces(50 * MIB):
        digest.update(piece)
        client.send(chunk(piece))
    got = client.send("0\r\n\r\n").read_answer().json()
    growth.check()
    assert (got["bytes"], got["sha256"]) == (50 * MIB, digest.hexdigest())


@pytest.mark.parametrize("listener", [0, 1], ids=["plain", "tls"])
@pytest.mark.parametrize("framing", ["", "&chunked=1"], ids=["length", "chunked"])
def test_slow_reader_holds_the_node_back(gateway, node, listener, framing):
    client = gateway.connect(listener, receive_buffer=16 * 1024)
    growth, digest, total = Growth(gateway), hashlib.sha256(), 40 * MIB
    client.send_request("GET", f"/download?bytes={total}" + framing)
    head = client.read_answer_head()
    growth.check()  # nothing was read, so little may have been fetched
    got = 0
    while got < total:
        piece = client.read_chunk() if framing else client.read_some()
        assert piece
        got += len(piece)
        digest.update(piece)
        if got % (8 * MIB) < len(piece):
            growth.look()
    growth.check()
    assert digest.hexdigest() == head.headers.get("X-SHA256")


def test_client_that_reads_nothing_stops_the_backend():
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect(receive_buffer=4096)
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.send(head_bytes("HTTP/1.1 200 OK", [("Content-Length", 64 * MIB)]))
        sent = connection.fill()
        assert sent < 16 * MIB
        sender = send_in_background(connection, [bytes(64 * MIB - sent)])
        assert len(client.read_answer().body) == 64 * MIB
        sender.join()


def test_backend_that_reads_nothing_stops_the_client():
    backend = ScriptedBackend(receive_buffer=4096)
    with Gateway(backend, route={"body_limit": "1GiB"}) as gateway:
        client = gateway.connect()
        growth = Growth(gateway)
        client.send_request("POST", "/", {"Content-Length": str(64 * MIB)})
        connection = backend.accept()
        sent = client.fill()
        assert sent < 16 * MIB
        growth.check()
        sender = send_in_background(client, [bytes(64 * MIB - sent)])
        assert connection.read_request().body == bytes(64 * MIB)
        sender.join()
        connection.answer(body=b"all there")
        assert client.read_answer().body == b"all there"


@pytest.mark.parametrize("listener, direction", [(0, "to the client"), (1, "to the client"),
                                                 (0, "to the backend")])
def test_tunnel_flows_no_faster_than_it_is_read(certs, listener, direction):
    backend = ScriptedBackend(receive_buffer=4096)
    with Gateway(backend, listeners=[{}, {"tls": certs.tls}]) as gateway:
        client = gateway.connect(listener, receive_buffer=4096)
        client.send_request("GET", "/ws", UPGRADE)
        connection = backend.accept()
        connection.read_request_head()
        connection.send(head_bytes("HTTP/1.1 101 Switching Protocols", UPGRADE.items()))
        assert client.read_answer().status == 101
        growth = Growth(gateway)
        ends = (connection, client)
        source, sink = ends if direction == "to the client" else ends[::-1]
        sent = source.fill()
        assert sent < 16 * MIB
        growth.check()
        sender = send_in_background(source, [b"the end"])
        assert sink.read_exactly(sent) == bytes(sent)
        assert sink.read_exactly(7) == b"the end"
        sender.join()


def test_echo_of_a_large_body_flows_both_ways_at_once(gateway):
    """A backend may answer while it still reads: neither direction may wait for the other."""
    backend = ScriptedBackend()
    with Gateway(backend, route={"body_limit": "1GiB"}) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Content-Length": str(32 * MIB)})
        connection = backend.accept()
        connection.read_request_head()
        connection.send(head_bytes("HTTP/1.1 200 OK", [("Content-Length", 32 * MIB)]))
        assert client.read_answer_head().status == 200
        for piece in pieces(32 * MIB):
            client.send(piece)
            connection.send(connection.read_exactly(len(piece)))
            assert client.read_exactly(len(piece)) == piece


def test_first_bytes_of_a_body_do_not_wait_for_the_rest():
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Transfer-Encoding": "chunked"}).send(chunk(b"first"))
        connection = backend.accept()
        connection.read_request_head()
        assert connection.read_chunk() == b"first"
        client.send(chunk(b"second"))
        assert connection.read_chunk() == b"second"
        client.send("0\r\n\r\n")
        assert connection.read_chunk() == b""
        connection.read_fields()
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send(chunk(b"early"))
        client.read_answer_head()
        assert client.read_chunk() == b"early"


def test_server_sent_events_arrive_one_by_one(gateway):
    """Each within its interval, long before the stream ends: it has no end."""
    client = gateway.connect(1)
    client.send_request("GET", "/events?count=0&interval=20ms")
    answer = client.read_answer_head()
    assert answer.headers.get("Content-Type") == "text/event-stream"
    for number in range(1, 11):
        assert b'"n":%d,' % number in client.read_chunk()


def test_event_is_passed_on_before_the_next_one_is_made():
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/events")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        client.read_answer_head()
        for number in range(5):
            event = b"data: %d\n\n" % number
            connection.send(event)
            assert client.read_chunk() == event


def test_thousands_of_small_requests_do_not_make_the_worker_grow(gateway):
    client = gateway.connect()
    for _ in range(50):
        client.request("GET", "/any?bytes=1000")
    growth = Growth(gateway)
    for _ in range(1000):
        client.request("POST", "/echo", body=b"a" * 1000)
    growth.check()
