"""A storm of new connections: all of them are served, and nobody who is in is held up by it."""

import os
import signal
import socket
import ssl

import pytest

from env import HOST, Gateway
from env.ports import split_address
from env.wait import DEADLINE_S

STORM = 500


@pytest.fixture
def gateway(node, certs):
    # On a slow machine the last of a storm may take longer than a handshake usually may, and all come
    # from one address.
    with Gateway(node, listeners=[{"tls": certs.tls}], trusted_proxies=["127.0.0.1"],
                 timeouts={"handshake": "1m", "request_head": "1m"}) as gateway:
        yield gateway


class Newcomer:
    """Has sent its hello, and goes on when it is told to."""

    _context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _context.check_hostname = False
    _context.verify_mode = ssl.CERT_NONE

    def __init__(self, gateway):
        sock = socket.create_connection(split_address(gateway.address()), DEADLINE_S)
        self.tls = self._context.wrap_socket(sock, server_hostname=HOST,
                                             do_handshake_on_connect=False)
        self.tls.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.do_handshake()
        self.tls.settimeout(DEADLINE_S)

    def ask(self):
        """The answer to its one request, to the end of the connection."""
        self.tls.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: self.tls.recv(65536), b""))


def storm(gateway):
    """All come at the same instant: the worker, stopped meanwhile, finds them together."""
    pid = gateway.worker_pids()["worker 0"]
    os.kill(pid, signal.SIGSTOP)
    try:
        return [Newcomer(gateway) for _ in range(STORM)]
    finally:
        os.kill(pid, signal.SIGCONT)


def test_storm_is_served_completely_while_somebody_who_is_in_asks(gateway):
    inside = gateway.connect()
    assert inside.request("GET", "/").status == 200
    for newcomer in storm(gateway):
        assert inside.request("GET", "/").status == 200
        newcomer.tls.do_handshake()
        assert newcomer.ask().startswith(b"HTTP/1.1 200 ")
        newcomer.tls.close()
    metrics = gateway.metrics()
    assert metrics["cong_tls_handshakes_full_total"] == STORM + 1
    assert metrics["cong_tls_handshakes_failed_total"] == 0
    assert metrics["cong_newcomers_paced_total"] > 0


def test_newcomers_who_wait_may_leave(gateway):
    for newcomer in storm(gateway):
        newcomer.tls.close()
    assert gateway.request("GET", "/").status == 200
    assert gateway.settled_metrics()["cong_connections_closed_total"] == STORM + 1


def test_newcomers_who_wait_are_served_by_a_gateway_that_drains(gateway):
    newcomers = storm(gateway)
    gateway.signal(signal.SIGTERM)
    for newcomer in newcomers:
        newcomer.tls.do_handshake()
        assert newcomer.ask().startswith(b"HTTP/1.1 200 ")
        newcomer.tls.close()
    assert gateway.wait() == 0
