"""The record layer of our own, `record_layer: own`, and where its answers can be compared, OpenSSL's."""

import ctypes
import hashlib
import hmac
import socket
import ssl
import struct
import subprocess

import pytest

from env import DEADLINE_S, HOST, Gateway, RawClient, request_bytes

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
MIB = 1024 * 1024


def listener(certs, layer, **tls):
    return {"tls": certs.tls | {"record_layer": layer} | tls}


@pytest.fixture(scope="module", params=["own", "openssl"])
def gateway(request, node, certs):
    with Gateway(node, listeners=[listener(certs, request.param)]) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def own(node, certs):
    with Gateway(node, listeners=[listener(certs, "own")]) as gateway:
        yield gateway


def careless(version=V13):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    return context


# --- which connections it has ---

def handed_over(gateway):
    metrics = gateway.metrics()
    return (metrics["cong_tls_handshakes_handed_over_total"],
            metrics["cong_tls_handshakes_full_total"] + metrics["cong_tls_handshakes_resumed_total"])


def test_all_of_tls_1_3_and_nothing_of_tls_1_2(own):
    before, all_before = handed_over(own)
    context = careless()
    first = own.connect(context=context)
    assert first.request("GET", "/").status == 200
    again = RawClient(own.address(), context, HOST, session=first.tls.session)
    assert again.request("GET", "/").status == 200 and again.tls.session_reused
    assert own.connect(context=careless(V12)).request("GET", "/").status == 200
    after, all_after = handed_over(own)
    assert (after - before, all_after - all_before) == (2, 3)


def test_openssl_keeps_them_unless_it_is_asked_for(node, certs):
    with Gateway(node, listeners=[listener(certs, "openssl")]) as gateway:
        assert gateway.request("GET", "/").status == 200
        assert handed_over(gateway) == (0, 1)


def test_reload_changes_the_layer_of_new_connections(node, certs):
    with Gateway(node, listeners=[listener(certs, "own")]) as gateway:
        old = gateway.connect()
        assert old.request("GET", "/").status == 200
        assert handed_over(gateway) == (1, 1)
        address = gateway.address()
        gateway.change(listeners=[listener(certs, "openssl") | {"address": address}])
        assert old.request("GET", "/").status == 200
        assert gateway.request("GET", "/").status == 200
        assert handed_over(gateway) == (1, 2)


def curl(gateway, *options, target="/"):
    command = ["curl", "-sk", "--tlsv1.3", "--max-time", str(DEADLINE_S), *options,
               f"https://{gateway.address()}{target}"]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                   "TLS_CHACHA20_POLY1305_SHA256"])
def test_each_suite_both_ways(own, suite, tmp_path):
    """curl, which is told the suite."""
    body = tmp_path / "body"
    body.write_bytes(bytes(range(256)) * 20_000)
    answer = curl(own, "--tls13-ciphers", suite, "--data-binary", f"@{body}",
                          target="/echo?body=1")
    assert hashlib.sha256(answer).digest() == hashlib.sha256(body.read_bytes()).digest()


# --- data ---

def test_large_answers_and_bodies_arrive_whole(own):
    client = own.connect()
    assert len(client.request("GET", f"/any?bytes={20 * MIB}").body) == 20 * MIB
    body = bytes(range(251)) * (8 * MIB // 251)
    assert client.request("POST", "/echo?body=1", body=body).body == body
    assert client.request("GET", "/").status == 200


class Client:
    """OpenSSL's library itself: Python's ssl cannot change keys."""

    lib = ctypes.CDLL("libssl.so.3")
    for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
        getattr(lib, name).restype = ctypes.c_void_p

    def __init__(self, address):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setblocking(True)
        self.context = ctypes.c_void_p(
            self.lib.SSL_CTX_new(ctypes.c_void_p(self.lib.TLS_client_method())))
        self.key_log = []
        self.on_key = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)(
            lambda _, line: self.key_log.append(line.decode()))
        self.lib.SSL_CTX_set_keylog_callback(self.context, self.on_key)
        self.tls = ctypes.c_void_p(self.lib.SSL_new(self.context))
        self.lib.SSL_set_fd(self.tls, self.socket.fileno())
        assert self.lib.SSL_connect(self.tls) == 1

    def secrets(self, label):
        return [bytes.fromhex(line.split()[2]) for line in self.key_log if label in line]

    def change_keys(self):
        assert self.lib.SSL_key_update(self.tls, 1) == 1  # and asks for the same
        assert self.lib.SSL_do_handshake(self.tls) == 1

    def send(self, data):
        assert self.lib.SSL_write(self.tls, data, len(data)) == len(data)

    def receive(self):
        buffer = ctypes.create_string_buffer(16384)
        n = self.lib.SSL_read(self.tls, buffer, len(buffer))
        return buffer.raw[:max(n, 0)]

    def close(self):
        self.lib.SSL_free(self.tls)
        self.lib.SSL_CTX_free(self.context)
        self.socket.close()


def test_keys_change_every_hundred_records(gateway):
    """In a download of some 2,500 records, whose reader sends nothing else."""
    client = Client(gateway.address())
    client.send(request_bytes("GET", f"/any?bytes={40 * MIB}"))
    received = records = 0
    while received < 40 * MIB:
        received += len(client.receive())
        records += 1
        if records % 100 == 0:
            client.change_keys()
    client.close()
    assert records > 1000


def test_keys_change_every_hundred_records_of_an_upload(gateway):
    body = bytes(range(256)) * (24 * MIB // 256)
    client = Client(gateway.address())
    head = {"Content-Length": len(body), "Connection": "close"}
    client.send(request_bytes("PUT", "/upload", head))
    for at in range(0, len(body), 100 * 16384):
        client.change_keys()
        client.send(body[at:at + 100 * 16384])
    answer = b"".join(iter(client.receive, b""))
    client.close()
    assert hashlib.sha256(body).hexdigest().encode() in answer


# --- what is refused ---

def alert_after(gateway, bytes_):
    """What OpenSSL's client calls the alert that ends the connection after these bytes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = careless().wrap_bio(incoming, outgoing, server_hostname=HOST)
    with socket.create_connection(gateway.address().split(":"), DEADLINE_S) as sock:
        def step(operation, *arguments):
            while True:
                try:
                    result = operation(*arguments)
                    sock.sendall(outgoing.read())
                    return result
                except ssl.SSLWantReadError:
                    if outgoing.pending:
                        sock.sendall(outgoing.read())
                    if not incoming.write(sock.recv(65536)):
                        incoming.write_eof()
        step(tls.do_handshake)
        step(tls.write, request_bytes("GET", "/"))
        assert step(tls.read, 65536).startswith(b"HTTP/1.1 200")
        sock.sendall(bytes_)
        with pytest.raises(ssl.SSLError) as refusal:
            step(tls.read, 65536)
    return refusal.value.reason


@pytest.mark.parametrize("bytes_, alert", [
    (b"\x14\x03\x03\x00\x01\x01", "UNEXPECTED_MESSAGE"),
    (b"\x15\x03\x03\x00\x02\x02\x28", "UNEXPECTED_MESSAGE"),
    (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "UNEXPECTED_MESSAGE"),
    (b"\x17\x03\x03\xff\xff", "RECORD_OVERFLOW"),
    (b"\x17\x03\x03\x41\x01", "RECORD_OVERFLOW"),
    (b"\x17\x03\x03\x00\x03abc", "BAD_RECORD_MAC"),
    (b"\x17\x03\x03\x00\x20" + bytes(32), "BAD_RECORD_MAC"),
    (b"\x17\x03\x01\x00\x20" + bytes(32), "DECODE_ERROR"),
    (b"GET / HTTP/1.1\r\n\r\n", "PROTOCOL_VERSION"),
], ids=["change-cipher-spec", "plain-alert", "client-hello", "length-ffff", "length-4101", "short",
        "not-sealed", "version", "http"])
def test_what_is_out_of_place_ends_the_connection_with_an_alert(gateway, bytes_, alert):
    """Also after the handshake a client is told, though the connection is then reset."""
    assert alert in alert_after(gateway, bytes_)
    assert gateway.request("GET", "/").status == 200


# --- secrets ---

SHADOW_BYTES = 1 << 36  # of such a size are a sanitizer's own maps of memory, and nothing else


def memory_of(process):
    """All that a process can write and has to itself, piece by piece."""
    with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if rights[:2] + rights[3] != "rwp":
                continue
            start, end = (int(number, 16) for number in span.split("-"))
            if end - start < SHADOW_BYTES:
                memory.seek(start)
                yield memory.read(end - start)


def count_in_memory(process, secrets):
    pieces = list(memory_of(process))
    return [sum(piece.count(secret) for piece in pieces) for secret in secrets]


def next_secret(secret):
    """RFC 8446 7.2."""
    label = b"tls13 traffic upd"
    info = struct.pack(">HB", len(secret), len(label)) + label + b"\0"
    return hmac.digest(secret, info + b"\1", {32: "sha256", 48: "sha384"}[len(secret)])


def test_secrets_leave_memory_when_keys_change_and_connections_end(own):
    [worker] = own.worker_pids().values()
    client = Client(own.address())
    client.send(request_bytes("GET", "/"))
    assert client.receive().startswith(b"HTTP/1.1 200")
    first = client.secrets("_TRAFFIC_SECRET_0")
    second = [next_secret(secret) for secret in first]
    assert count_in_memory(worker, first + second) == [1, 1, 0, 0]
    client.change_keys()
    client.send(request_bytes("GET", "/"))
    assert client.receive().startswith(b"HTTP/1.1 200")
    assert count_in_memory(worker, first + second) == [0, 0, 1, 1]
    client.close()
    own.settled_metrics()
    assert count_in_memory(worker, first + second) == [0, 0, 0, 0]
