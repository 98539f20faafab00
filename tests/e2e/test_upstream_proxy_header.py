"""send_proxy_protocol: a backend is told who each connection is for, before anything else."""

import socket
import struct

import pytest

from env import Gateway, ScriptedBackend, eventually, server_context

UPSTREAM = {"v1": {"send_proxy_protocol": "v1"}, "v2": {"send_proxy_protocol": "v2"}}
V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def read_v1(sock):
    line = b""
    while not line.endswith(b"\r\n"):
        line += sock.recv(1)
    word, family, source, destination, source_port, destination_port = line.decode().split()
    assert (word, family) == ("PROXY", "TCP4")
    return source, int(source_port), destination, int(destination_port)


def read_v2(sock):
    head = sock.recv(16, socket.MSG_WAITALL)
    assert head[:12] == V2_SIGNATURE and head[12:14] == b"\x21\x11"
    source, destination, *ports = struct.unpack(">4s4sHH", sock.recv(12, socket.MSG_WAITALL))
    return socket.inet_ntoa(source), ports[0], socket.inet_ntoa(destination), ports[1]


READ = {"v1": read_v1, "v2": read_v2}


def ends_of(client):
    """As the gateway sees them."""
    return (*client.socket.getsockname(), *client.socket.getpeername())


@pytest.mark.parametrize("version", READ)
def test_backend_is_told_both_ends_of_the_clients_connection(version):
    backend = ScriptedBackend()
    with Gateway(backend, upstream=UPSTREAM[version]) as gateway:
        client = gateway.connect(source="127.0.0.7")
        client.send_request("GET", "/first")
        connection = backend.accept()
        assert READ[version](connection.socket) == ends_of(client)
        assert connection.serve().target == "/first"
        assert client.read_answer().status == 200


def test_header_tells_of_the_client_whom_a_trusted_proxy_named():
    backend = ScriptedBackend()
    with Gateway(backend, upstream=UPSTREAM["v1"], trusted_proxies=["127.0.0.0/8"]) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/", {"X-Forwarded-For": "192.0.2.7"})
        connection = backend.accept()
        assert read_v1(connection.socket)[0] == "192.0.2.7"
        connection.serve()
        assert client.read_answer().status == 200


def test_connection_is_nobody_elses():
    """Not even for the same client's next request: what comes through a trusted proxy may be for
    another."""
    backend = ScriptedBackend()
    with Gateway(backend, upstream=UPSTREAM["v2"]) as gateway:
        for source in ("127.0.0.7", "127.0.0.8", "127.0.0.8"):
            client = gateway.connect(source=source)
            client.send_request("GET", "/")
            connection = backend.accept()
            assert read_v2(connection.socket)[0] == source
            connection.serve()
            assert client.read_answer().status == 200
            assert connection.read_to_end() == b""


def test_header_comes_before_the_handshake(certs):
    context = server_context(certs.authority.issue("127.0.0.1"))
    backend = ScriptedBackend()
    tls = {"tls": {"ca": str(certs.authority.certificate.cert)}}
    with Gateway(backend, upstream=UPSTREAM["v2"] | tls) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/safe")
        connection = backend.accept()
        assert read_v2(connection.socket) == ends_of(client)
        connection.socket = context.wrap_socket(connection.socket, server_side=True)
        assert connection.serve().target == "/safe"
        assert client.read_answer().status == 200


@pytest.mark.parametrize("version, header", [("v1", b"PROXY UNKNOWN\r\n"),
                                             ("v2", V2_SIGNATURE + b"\x20\0\0\0")])
def test_probe_says_that_it_is_for_no_client(version, header):
    backend = ScriptedBackend()
    health = {"health": {"interval": "500ms", "timeout": "500ms", "rise": 1, "fall": 1}}
    with Gateway(backend, upstream=UPSTREAM[version] | health) as gateway:
        connection = backend.accept()
        assert connection.socket.recv(len(header), socket.MSG_WAITALL) == header
        assert connection.serve().headers.get("User-Agent") == "cong-probe"
        eventually(lambda: gateway.status()["upstreams"][0]["peers"][0]["probes"] == "up", "it is up")
