"""Who does not take what was sent holds up the other side, not the gateway, and not for ever."""

import select
import threading

import pytest

from env import (DEADLINE_S, Gateway, RawClient, ScriptedBackend, chunk, chunked, eventually,
                 head_bytes)

MIB = 1 << 20
UPGRADE = {"Connection": "upgrade", "Upgrade": "websocket"}
TURNS = 3
CHUNKED = {"Transfer-Encoding": "chunked"}
HINT = head_bytes("HTTP/1.1 103 Early Hints", [("Link", "</a>" + "a" * 3000)])


@pytest.fixture
def narrow():
    """A backend on the way to which little fits."""
    return ScriptedBackend(narrow=True)


def send_in_background(wire, data):
    sender = threading.Thread(target=wire.send, args=[data], daemon=True)
    sender.start()
    return sender


def is_cut(wire):
    """Waits for the other end to reset the connection, without reading: that would make room."""
    poll = select.poll()
    poll.register(wire.socket, 0)
    return bool(poll.poll(DEADLINE_S * 1000))


def take_turns(gateway):
    """The worker has handled what came before this."""
    for _ in range(TURNS):
        assert gateway.connect().send("NONSENSE\r\n\r\n").read_answer().status == 400


def sending_fails(wire):
    try:
        wire.send(b"x")
    except OSError:
        return True
    return False


# --- a client that takes nothing ------------------------------------------------------------------

def upload_that_is_answered_early(gateway, backend):
    """(client, backend connection): the answer is stuck, the body is not complete"""
    client = gateway.connect(narrow=True)
    client.send_request("POST", "/", {"Content-Length": "1000"}).send("a")
    connection = backend.accept()
    connection.read_request_head()
    connection.send(head_bytes("HTTP/1.1 200 OK", [("Content-Length", 1 << 30)]))
    connection.send(bytes(MIB))
    take_turns(gateway)
    return client, connection


def test_end_of_its_body_does_not_save_a_client_that_takes_nothing():
    backend = ScriptedBackend()
    with Gateway(backend, timeouts={"send": "2s"}) as gateway:
        client, connection = upload_that_is_answered_early(gateway, backend)
        assert connection.fill() < 16 * MIB  # from here on nothing moves
        client.send("a" * 999)
        connection.read_to_end()
        assert gateway.access_lines(TURNS + 1)[-1]["abort"] == "client_timeout"


def test_bytes_of_its_body_do_not_save_a_client_that_takes_nothing():
    backend = ScriptedBackend()
    with Gateway(backend, timeouts={"send": "500ms", "request_body": "1h"},
                 upstream={"timeouts": {"idle": "1h"}}) as gateway:
        client, connection = upload_that_is_answered_early(gateway, backend)
        eventually(lambda: sending_fails(client), "the client is cut off")
        assert gateway.access_lines(TURNS + 1)[-1]["abort"] == "client_timeout"


def test_client_that_is_stuck_before_the_answer_begins_stops_the_backend():
    """Early hints fill the way to it, and then comes a long answer."""
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect(narrow=True)
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.send(HINT * 30)
        body = bytes(32 * MIB)
        connection.send(head_bytes("HTTP/1.1 200 OK", [("Content-Length", len(body))]))
        sent = connection.fill(body)
        assert sent < 16 * MIB
        sender = send_in_background(connection, body[sent:])
        answer = client.read_answer()
        assert (len(answer.interim), answer.body) == (30, body)
        sender.join()


def test_backend_is_not_to_blame_while_the_client_takes_nothing():
    """Of many chunks that come at once the first is stuck; the others start no clock."""
    backend = ScriptedBackend()
    with Gateway(backend, upstream={"timeouts": {"idle": "200ms"}},
                 route={"response_buffering": "memory"}) as gateway:
        client = gateway.connect(narrow=True)
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        answer = head_bytes("HTTP/1.1 200 OK", CHUNKED.items()) + chunked(*[bytes(20500)] * 100)
        sent = connection.fill(answer)
        assert sent < len(answer)
        sender = send_in_background(connection, answer[sent:])
        assert len(client.read_answer().body) == 100 * 20500
        sender.join()


# --- a backend that takes nothing -----------------------------------------------------------------

def test_backend_that_answers_an_upload_and_reads_no_further_is_cut_off(narrow):
    """What is on the way to it would stay there for ever."""
    with Gateway(narrow) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Content-Length": str(30 * MIB)})
        assert client.fill(bytes(30 * MIB)) < 30 * MIB
        connection = narrow.accept()
        connection.answer(413, body=b"too much")
        assert client.read_answer().body == b"too much"
        assert is_cut(connection)


def test_connection_with_bytes_that_have_not_left_is_not_used_again(narrow):
    """The body has ended, but not all of it has gone when the answer comes."""
    with Gateway(narrow) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", CHUNKED).send(chunked(*[bytes(15000)] * 4))
        connection = narrow.accept()  # and reads nothing, not even the head
        connection.answer(body=b"seen enough")
        assert client.read_answer().body == b"seen enough"
        client.send_request("GET", "/next")
        assert narrow.accept().serve(body=b"next").target == "/next"
        assert client.read_answer().body == b"next"
        assert is_cut(connection)


def test_last_bytes_of_a_tunnel_are_not_lost_on_a_backend_that_reads_late(narrow):
    """The client has ended its side long before the backend takes the rest."""
    with Gateway(narrow, limits={"pipeline": "1MiB"}) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/ws", UPGRADE)
        connection = narrow.accept()
        connection.read_request_head()
        connection.send(head_bytes("HTTP/1.1 101 Switching Protocols", UPGRADE.items()))
        assert client.read_answer().status == 101
        data = bytes(range(256)) * 2000
        client.send(data).shutdown()
        take_turns(gateway)
        assert connection.read_to_end() == data


def test_backend_that_reads_on_after_its_head_is_not_idle(node):
    """It says 200 first, and takes longer for the body than it might be silent."""
    backend = ScriptedBackend()
    with Gateway(backend, upstream={"timeouts": {"idle": "700ms"}}) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", CHUNKED)
        connection = backend.accept()
        connection.read_request_head()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        client.read_answer_head()
        clock = RawClient(node.address)
        clock.send_request("GET", "/events?count=18&interval=50ms")
        clock.read_answer_head()
        for _ in range(18):
            clock.read_chunk()
            client.send(chunk(b"x"))
            assert connection.read_chunk() == b"x"
        client.send(chunked())
        assert connection.read_chunk() == b""
        connection.send("ok")
        assert client.read_exactly(2) == b"ok"
