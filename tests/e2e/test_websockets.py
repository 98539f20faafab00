"""Upgrades: WebSockets pass as a tunnel, and nothing else makes one."""

import os

import pytest

from env import Gateway, ScriptedBackend, WebSocket, eventually, request_bytes

UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, listeners=[{}, {"tls": certs.tls}]) as gateway:
        yield gateway


@pytest.fixture(params=[0, 1], ids=["plain", "tls"])
def socket(gateway, request):
    return WebSocket(gateway.connect(request.param))


@pytest.fixture
def backend():
    return ScriptedBackend()


@pytest.fixture
def tunnel(backend):
    """(client, backend connection) with a tunnel between them."""
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/ws", UPGRADE)
        connection = backend.accept()
        connection.read_request_head()
        connection.send(SWITCH)
        assert client.read_answer().status == 101
        yield client, connection


# --- WebSocket ------------------------------------------------------------------------------------

def test_messages_come_back(socket):
    assert socket.echo("Xin chào") == "Xin chào"
    assert socket.echo(b"\x00\xff") == b"\x00\xff"
    assert socket.echo("") == ""
    socket.ping()
    assert socket.close() == 1000


@pytest.mark.parametrize("size", [125, 126, 65535, 65536, 1024 * 1024])
def test_large_message_comes_back_whole(socket, size):
    message = os.urandom(size)
    assert socket.echo(message) == message


def test_many_messages_keep_their_order(socket):
    for number in range(500):
        socket.send(f"{number} " + "x" * 100)
    for number in range(500):
        assert socket.receive().startswith(f"{number} ")


def test_close_of_the_client_reaches_the_node_and_comes_back(socket):
    assert socket.close(1001) == 1001
    assert socket.client.has_ended()


def test_close_of_the_node_reaches_the_client(socket):
    socket.client.send(b"\x8f\x80\x00\x00\x00\x00")  # a reserved opcode: an error of the protocol
    assert socket.wait_for_close() == 1002


def test_answer_to_the_upgrade_is_complete(socket, gateway):
    headers = dict(socket.response.headers.raw_items())
    assert headers["Upgrade"] == "websocket"
    assert headers["Connection"].lower() == "upgrade"
    assert "Content-Length" not in headers and "Transfer-Encoding" not in headers
    socket.close()
    assert gateway.access_line_of(headers["X-Request-ID"])["status"] == 101


def test_tunnels_are_counted(gateway):
    before = gateway.settled_metrics()
    sockets = [WebSocket(gateway.connect()) for _ in range(3)]
    during = gateway.metrics()
    assert during["cong_tunnels_open"] == 3
    assert during["cong_tunnels_total"] == before["cong_tunnels_total"] + 3
    for socket in sockets:
        socket.close()
    eventually(lambda: gateway.metrics()["cong_tunnels_open"] == 0, "all tunnels are closed")


def test_silent_tunnel_is_closed_after_its_idle_limit(node):
    with Gateway(node, route={"timeouts": {"websocket_idle": "1s"}}) as gateway:
        socket = WebSocket(gateway.connect())
        socket.echo("still here")
        assert socket.wait_for_close() == 1006


# --- tunnels --------------------------------------------------------------------------------------

def test_bytes_that_follow_the_101_at_once_are_not_lost(backend):
    """Empty-body upgrade, fast 101 (pingora#946)"""
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/ws", UPGRADE)
        connection = backend.accept()
        connection.read_request_head()
        connection.send(SWITCH + "and at once")
        assert client.read_answer().status == 101
        assert client.read_exactly(11) == b"and at once"
        client.send("back")
        assert connection.read_exactly(4) == b"back"


def test_bytes_that_the_client_sent_too_early_wait_for_the_101(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send(request_bytes("GET", "/ws", UPGRADE) + b"too early")
        connection = backend.accept()
        connection.read_request_head()
        connection.send(SWITCH)
        assert client.read_answer().status == 101
        assert connection.read_exactly(9) == b"too early"


def test_tunnel_carries_any_bytes(tunnel):
    client, connection = tunnel
    data = bytes(range(256)) * 1000
    client.send(data)
    assert connection.read_exactly(len(data)) == data
    connection.send(data)
    assert client.read_exactly(len(data)) == data


def test_backend_that_ends_its_side_ends_the_tunnel(tunnel):
    client, connection = tunnel
    connection.send("bye").close()
    assert client.read_to_end() == b"bye"


def test_client_that_ends_its_side_still_hears_the_other(tunnel):
    client, connection = tunnel
    client.send("bye").shutdown()
    assert connection.read_to_end() == b"bye"
    connection.send("goodbye").close()
    assert client.read_to_end() == b"goodbye"


def test_client_that_resets_frees_the_backend(tunnel):
    client, connection = tunnel
    client.reset()
    assert connection.has_ended()


def test_backend_that_resets_is_seen_by_the_client(tunnel):
    client, connection = tunnel
    connection.reset()
    client.read_to_end()


# --- no tunnel ------------------------------------------------------------------------------------

def test_200_to_an_upgrade_makes_no_tunnel(backend):
    """CVE-2026-2833: what came behind the request is the next request, not the tunnel's"""
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send(request_bytes("GET", "/ws", UPGRADE) + request_bytes("GET", "/next"))
        connection = backend.accept()
        connection.read_request_head()
        connection.answer(200, body=b"no tunnel")
        assert client.read_answer().body == b"no tunnel"
        assert connection.serve(body=b"next").headers.get("X-Request-ID")
        assert client.read_answer().body == b"next"


@pytest.mark.parametrize("fields", ["Upgrade: h2c\r\n", "Upgrade: websocket, h2c\r\n", ""],
                         ids=["other protocol", "several", "none"])
def test_switch_to_what_nobody_asked_for_is_502(backend, fields):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/ws", UPGRADE)
        connection = backend.accept()
        connection.read_request_head()
        connection.send(f"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\n{fields}\r\n")
        assert client.read_answer().status == 502
        assert connection.has_ended()


def test_refused_upgrade_keeps_the_connection(gateway):
    client = gateway.connect()
    answer = client.request("GET", "/ws", UPGRADE | {"Sec-WebSocket-Version": "7"})
    assert answer.status == 426
    assert client.request("GET", "/").status == 200


@pytest.mark.parametrize("protocol", ["h2c", "TLS/1.3", "HTTP/2.0", "websocket2", "h2c, websocket"])
def test_other_protocols_are_not_offered_to_the_backend(gateway, protocol):
    fields = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": protocol,
              "HTTP2-Settings": "AAMAAABk"}
    answer = gateway.request("GET", "/echo", fields)
    names = {name.lower() for name, _ in answer.json()["headers"]}
    assert not names & {"upgrade", "connection", "http2-settings"}


@pytest.mark.parametrize("request_", [
    request_bytes("GET", "/echo", {"Upgrade": "websocket"}),
    request_bytes("GET", "/echo", {"Connection": "Upgrade"}),
    request_bytes("POST", "/echo", UPGRADE, body=b"body"),
    request_bytes("GET", "/echo", UPGRADE, version="HTTP/1.0"),
    request_bytes("GET", "/echo", UPGRADE, body=b"body"),
], ids=["no connection", "no upgrade", "post", "http 1.0", "with a body"])
def test_upgrade_that_is_none_is_not_forwarded(gateway, request_):
    got = gateway.connect().send(request_).read_answer().json()
    assert "upgrade" not in {name.lower() for name, _ in got["headers"]}


def test_101_to_a_request_that_did_not_ask_is_502(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.send(SWITCH)
        assert client.read_answer().status == 502


# --- a client that is gone ------------------------------------------------------------------------

@pytest.mark.parametrize("listener", [0, 1], ids=["plain", "tls"])
def test_tunnel_ends_when_a_client_that_had_ended_its_side_is_gone(certs, listener):
    """Browsers close so; the backend pushes on and must learn that nobody listens."""
    backend = ScriptedBackend()
    with Gateway(backend, listeners=[{}, {"tls": certs.tls}]) as gateway:
        client = gateway.connect(listener)
        client.send_request("GET", "/ws", UPGRADE)
        connection = backend.accept()
        connection.read_request_head()
        connection.send(SWITCH)
        assert client.read_answer().status == 101
        client.shutdown()
        assert connection.read_to_end() == b""
        client.close()
        eventually(lambda: pushing_fails(connection), "the backend is cut off")
        eventually(lambda: gateway.metrics()["cong_tunnels_open"] == 0, "the tunnel is closed")


def pushing_fails(connection):
    try:
        connection.send("push")
    except OSError:
        return True
    return False
