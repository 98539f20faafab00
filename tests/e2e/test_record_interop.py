"""The record layer of our own and other people's TLS: GnuTLS, NSS, OpenSSL's s_client, curl. (All
other tests are Python's ssl, which is OpenSSL; browsers are in test_http2_browser.py.)"""

import hashlib
import re
import socket
import subprocess

import pytest

from env import DEADLINE_S, HOST, Gateway, RawClient, tidy
from env.wire import Wire

BYTES = 2_000_000
GNUTLS_BYTES = 100_000  # gnutls-cli stops for 30 ms every 4 KiB
BODY = bytes(i * 7 & 255 for i in range(BYTES))


@pytest.fixture(scope="module")
def gateway(node, certs):
    tls = certs.tls | {"record_layer": "own"}
    with Gateway(node, listeners=[{"tls": tls, "http2": True}]) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _handed_over(gateway):
    """Whatever the test does, each of its connections is our record layer's."""
    def count():
        metrics = gateway.metrics()
        return (metrics["cong_tls_handshakes_handed_over_total"],
                metrics["cong_tls_handshakes_full_total"]
                + metrics["cong_tls_handshakes_resumed_total"])
    before = count()
    yield
    handed_over, all_of_them = (a - b for a, b in zip(count(), before))
    assert handed_over == all_of_them >= 1


class ThroughProgram(RawClient):
    """A client behind a program that puts TLS between its standard input and output."""

    def __init__(self, *command):
        ours, its = socket.socketpair()
        ours.settimeout(DEADLINE_S)
        with its:
            self._program = subprocess.Popen(command, stdin=its, stdout=its,
                                             stderr=subprocess.DEVNULL)
        Wire.__init__(self, ours)
        tidy.close_at_end(self)

    def close(self):
        super().close()
        self._program.kill()
        self._program.wait()


def gnutls(gateway, *options):
    host, port = gateway.address().split(":")
    return ThroughProgram("gnutls-cli", "--logfile=/dev/null", "--insecure",
                          "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3", "--sni-hostname=" + HOST,
                          *options, "--port=" + port, host)


def nss(gateway):
    host, port = gateway.address().split(":")
    return ThroughProgram("tstclnt", "-D", "-o", "-V", "tls1.3:tls1.3", "-a", HOST, "-h", host,
                          "-p", port)


def s_client(gateway):
    return ThroughProgram("openssl", "s_client", "-quiet", "-tls1_3", "-connect",
                          gateway.address())


def upload_and_download(client, count):
    answer = client.request("PUT", "/upload", body=BODY[:count])
    assert answer.json()["sha256"] == hashlib.sha256(BODY[:count]).hexdigest()
    answer = client.request("GET", f"/download?bytes={count}")
    assert len(answer.body) == count
    assert answer.headers.get("X-SHA256") == hashlib.sha256(answer.body).hexdigest()


@pytest.mark.parametrize("program, count", [
    (gnutls, GNUTLS_BYTES), (nss, BYTES), (s_client, BYTES)])
def test_uploads_and_downloads_arrive_whole(gateway, program, count):
    client = program(gateway)
    for _ in range(2):
        upload_and_download(client, count)


def test_gnutls_changes_keys(gateway):
    """Its own, and then those of both sides."""
    client = gnutls(gateway, "--inline-commands")
    upload_and_download(client, GNUTLS_BYTES)
    for command in b"^rekey1^\n", b"^rekey^\n", b"^rekey^\n":
        client.send(command)
        upload_and_download(client, GNUTLS_BYTES)


@pytest.mark.parametrize("program", [gnutls, s_client])
def test_the_gateways_end_is_an_orderly_one(gateway, program):
    """close_notify, which ends the program with success."""
    client = program(gateway)
    assert client.request("GET", "/", {"Connection": "close"}).status == 200
    assert client.has_ended()
    assert client._program.wait(DEADLINE_S) == 0


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2"])
def test_curl(gateway, protocol, tmp_path):
    (tmp_path / "body").write_bytes(BODY)

    def curl(*options, target):
        command = ["curl", "-sSk", "--tlsv1.3", protocol, "--max-time", str(DEADLINE_S), *options,
                   f"https://{gateway.address()}{target}"]
        return subprocess.run(command, check=True, capture_output=True).stdout

    answer = curl("-T", str(tmp_path / "body"), target="/upload").decode()
    assert hashlib.sha256(BODY).hexdigest() in answer
    answer = curl("-i", target=f"/download?bytes={BYTES}")
    head, body = answer.split(b"\r\n\r\n", 1)
    digest = re.search(rb"(?i)x-sha256: ([0-9a-f]+)", head)[1].decode()
    assert len(body) == BYTES and digest == hashlib.sha256(body).hexdigest()
