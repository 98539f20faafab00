"""Section C of the attacks: clients that are slow, or silent, at each step of their way. Each case
by its name, over HTTP/1.1 and over HTTP/2 where both know it."""

import select
import socket
import ssl
import threading

import pytest
from hyperframe.frame import DataFrame, HeadersFrame, SettingsFrame, WindowUpdateFrame

from env import (DEADLINE_S, HOST, Ended, Gateway, H2Client, Incomplete, RawClient,
                 ScriptedBackend, chunk, eventually, head_bytes)
from env.h2_client import PREFACE
from env.ports import split_address
from env.tidy import close_at_end

MIB = 1 << 20
CANCEL, ENHANCE_YOUR_CALM = 8, 11
CHUNKED = {"Transfer-Encoding": "chunked"}
PLAIN, TLS, PROXY, PROXY_TLS = range(4)
PROXY_HEADER = b"PROXY TCP4 203.0.113.7 203.0.113.7 5555 443\r\n"
A_BYTE_EACH_S = 0.02


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, trusted_proxies=["127.0.0.1"],
                 listeners=[{}, {"tls": certs.tls}, {"proxy_protocol": True},
                            {"proxy_protocol": True, "tls": certs.tls}],
                 timeouts={"handshake": "300ms", "request_head": "300ms", "request_body": "300ms",
                           "min_body_rate": "10KiB", "shutdown": "5s"}) as gateway:
        yield gateway


def waits_for_bytes(sock):
    """Says whether something came, or the connection ended, before the next byte is due."""
    return bool(select.select([sock], [], [], A_BYTE_EACH_S)[0])


def drip(sock, data):
    """Sends byte after byte, slowly, until something comes back. How many went."""
    for sent, byte in enumerate(data):
        if waits_for_bytes(sock):
            return sent
        try:
            sock.send(bytes([byte]))
        except OSError:
            return sent
    raise AssertionError("every byte was waited for")


def raw_socket(gateway, listener):
    return close_at_end(socket.create_connection(split_address(gateway.address(listener))))


def is_closed(sock):
    sock.settimeout(DEADLINE_S)
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


# --- before a request -----------------------------------------------------------------------------

@pytest.mark.parametrize("listener", [PLAIN, TLS, PROXY, PROXY_TLS],
                         ids=["plain", "tls", "proxy", "proxy_tls"])
def test_tcp_connect_and_silence(gateway, listener):
    assert is_closed(raw_socket(gateway, listener))


def test_who_says_nothing_costs_next_to_nothing(node, certs):
    """OpenSSL's objects are made when the first byte comes."""
    silent = 400
    with Gateway(node, listeners=[{"tls": certs.tls}]) as gateway:
        before = gateway.memory_kib()
        clients = [raw_socket(gateway, 0) for _ in range(silent)]
        eventually(lambda: gateway.metrics()["cong_connections_open"] == silent, "they are in")
        assert gateway.memory_kib() - before < silent * 4  # it would be 12 KiB each
        for client in clients:
            client.close()


def careless_context(protocol):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    return context


def client_hello():
    """The first flight of a TLS client."""
    out = ssl.MemoryBIO()
    tls = careless_context("http/1.1").wrap_bio(ssl.MemoryBIO(), out, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def test_half_a_tls_hello_and_silence(gateway):
    before = gateway.metrics()["cong_tls_handshakes_failed_total"]
    hello = client_hello()
    sock = raw_socket(gateway, TLS)
    sock.sendall(hello[:len(hello) // 2])
    assert is_closed(sock)
    assert gateway.metrics()["cong_tls_handshakes_failed_total"] > before


def test_tls_hello_one_byte_at_a_time(gateway):
    """The deadline is one for all of the handshake."""
    hello = client_hello()
    sock = raw_socket(gateway, TLS)
    assert 1 < drip(sock, hello) < len(hello)
    assert is_closed(sock)


def test_tls_hello_and_then_silence(gateway):
    hello = client_hello()
    sock = raw_socket(gateway, TLS)
    sock.sendall(hello)
    while True:  # the gateway's flight comes, and then the end
        try:
            if not sock.recv(1 << 16):
                break
        except ConnectionResetError:
            break


@pytest.mark.parametrize("listener", [PROXY, PROXY_TLS], ids=["plain", "tls"])
def test_proxy_header_and_then_silence(gateway, listener):
    sock = raw_socket(gateway, listener)
    sock.sendall(PROXY_HEADER)
    assert is_closed(sock)


def test_proxy_header_one_byte_at_a_time(gateway):
    sock = raw_socket(gateway, PROXY)
    assert 1 < drip(sock, PROXY_HEADER) < len(PROXY_HEADER)
    assert is_closed(sock)


# --- heads ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("listener", [PLAIN, TLS], ids=["plain", "tls"])
def test_slow_headers_one_byte_at_a_time(gateway, listener):
    client = gateway.connect(listener)
    assert client.request("GET", "/").status == 200  # TLS tickets have come, too
    assert drip(client.socket, b"GET / HTTP/1.1\r\nX-Slow: " + b"a" * 3000) > 1
    answer = client.read_answer()
    assert (answer.status, answer.headers.get("Connection")) == (408, "close")
    assert client.has_ended()


def test_slow_headers_of_a_first_request(gateway):
    client = gateway.connect()
    drip(client.socket, b"GET / HTTP/1.1\r\nX-Slow: " + b"a" * 3000)
    assert client.read_answer().status == 408


def agreed_on_h2(gateway):
    """A client that has not said anything yet."""
    return RawClient(gateway.address(TLS), context=careless_context("h2"), server_name=HOST)


def test_h2_preface_that_is_never_completed(gateway):
    agreed_on_h2(gateway).send(PREFACE[:10]).read_to_end()


def test_h2_preface_and_then_silence(gateway):
    agreed_on_h2(gateway).send(PREFACE + SettingsFrame(0).serialize()).read_to_end()


def test_h2_headers_without_end_headers_and_silence(gateway):
    client = H2Client(gateway.address(TLS))
    client.read_until(lambda: client.settings)  # whose acknowledgement may not come in between
    client.frame(HeadersFrame(1, data=client.block(), flags=["END_STREAM"]))
    with pytest.raises(Ended) as ended:
        client.read_to_end()
    assert ended.value.goaway.error_code == ENHANCE_YOUR_CALM


def test_h2_slow_headers_one_byte_at_a_time(gateway):
    client = H2Client(gateway.address(TLS))
    block = client.block(fields=[("x-slow", "a" * 3000)])
    frame = HeadersFrame(1, data=block, flags=["END_STREAM", "END_HEADERS"]).serialize()
    client.read_until(lambda: client.settings)
    with pytest.raises(Ended):
        for byte in frame:
            while client.has_input(A_BYTE_EACH_S):
                client.step()
            client.send(bytes([byte]))
        raise AssertionError("every byte was waited for")


# --- bodies ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("listener", [PLAIN, TLS], ids=["plain", "tls"])
def test_slow_body_one_byte_at_a_time(gateway, node, listener):
    """No pause is as long as request_body, and still it ends."""
    bodies = node.stats()["bodies"]
    client = gateway.connect(listener)
    assert client.request("GET", "/").status == 200  # TLS tickets have come, too
    client.send_request("POST", "/upload", {"Content-Length": "10000"})
    assert drip(client.socket, b"a" * 10000) > 15  # more than one pause's worth
    answer = client.read_answer()
    assert (answer.status, answer.headers.get("Connection")) == (408, "close")
    assert client.has_ended()
    assert node.stats()["bodies"] == bodies


def test_slow_body_of_one_byte_chunks(gateway):
    client = gateway.connect()
    client.send_request("POST", "/upload", CHUNKED)
    while not waits_for_bytes(client.socket):
        client.send(chunk(b"a"))
    assert client.read_answer().status == 408


def is_over(client, stream):
    got = client.answers.get(stream)
    return got and (got.ended or got.reset is not None)


def drip_frames(client, stream, frame):
    """One after the other, slowly, until the stream has ended."""
    while not is_over(client, stream):
        if client.has_input(A_BYTE_EACH_S):
            client.step()
        else:
            client.frame(frame)
    return client.answers[stream]


def drip_data(client, stream):
    return drip_frames(client, stream, DataFrame(stream, data=b"a"))


def test_h2_slow_body_one_byte_at_a_time(gateway):
    client = H2Client(gateway.address(TLS))
    stream = client.request("POST", "/upload", end=False)
    assert drip_data(client, stream).status == 408
    assert client.answer(client.request()).status == 200  # the others have done nothing


def test_h2_body_that_stops_is_408(gateway):
    client = H2Client(gateway.address(TLS))
    stream = client.request("POST", "/upload", end=False)
    client.data(stream, b"a")
    assert client.answer(stream).status == 408


@pytest.fixture
def to_scripted(certs):
    """(gateway, backend)"""
    backend = ScriptedBackend()
    with Gateway(backend, listeners=[{}, {"tls": certs.tls}],
                 timeouts={"request_body": "300ms", "min_body_rate": "10KiB"}) as gateway:
        yield gateway, backend


def test_slow_body_whose_answer_has_begun_is_cut(to_scripted):
    gateway, backend = to_scripted
    client = gateway.connect()
    client.send_request("POST", "/", {"Content-Length": "10000"})
    connection = backend.accept()
    connection.read_request_head()
    connection.send(head_bytes("HTTP/1.1 200 OK", CHUNKED.items()))
    client.read_answer_head()
    drip(client.socket, b"a" * 10000)
    assert is_closed(client.socket)
    with pytest.raises(Incomplete):
        connection.read_exactly(10000)


def test_h2_slow_body_whose_answer_has_begun_is_reset(to_scripted):
    gateway, backend = to_scripted
    client = H2Client(gateway.address(1))
    stream = client.request("POST", end=False)
    connection = backend.accept()
    connection.read_request_head()
    connection.send(head_bytes("HTTP/1.1 200 OK", CHUNKED.items()))
    assert drip_data(client, stream).reset == CANCEL


def test_rest_of_a_body_that_is_answered_already_has_to_come_as_fast(to_scripted):
    gateway, backend = to_scripted
    client = gateway.connect()
    client.send_request("POST", "/", {"Content-Length": "10000"}).send("a")
    connection = backend.accept()
    connection.read_request_head()
    connection.answer(403)
    assert client.read_answer().status == 403
    drip(client.socket, b"a" * 9999)
    assert is_closed(client.socket)


def upload_h1(gateway, body):
    client = gateway.connect()
    client.send_request("POST", "/", {"Content-Length": len(body)})
    threading.Thread(target=client.send, args=[body], daemon=True).start()
    return client.read_answer


def upload_h2(gateway, body):
    client = H2Client(gateway.address(1))
    stream = client.request("POST", fields=[("content-length", str(len(body)))], end=False)
    for start in range(0, len(body), 8192):
        client.data(stream, body[start:start + 8192], end=start + 8192 >= len(body))
    return lambda: client.answer(stream)


@pytest.mark.parametrize("upload, size", [(upload_h1, 4 * MIB), (upload_h2, 65535)],
                         ids=["h1", "h2"])
def test_backend_that_reads_late_is_not_the_clients_fault(node, certs, upload, size):
    """The gateway does not read for longer than a client may be silent."""
    backend = ScriptedBackend(narrow=True)
    body = bytes(size)
    with Gateway(backend, listeners=[{}, {"tls": certs.tls}],
                 timeouts={"request_body": "200ms", "min_body_rate": "1KiB"}) as gateway:
        read_answer = upload(gateway, body)
        connection = backend.accept()
        assert RawClient(node.address).request("GET", "/any?delay=1s").status == 200
        assert connection.read_request().body == body
        connection.answer(body=b"all of it")
        assert read_answer().body == b"all of it"


# --- answers --------------------------------------------------------------------------------------

def slow_reader_of(gateway, listener, step, count):
    """Takes `step` bytes at a time, as often, or until it is cut; how much it got."""
    client = gateway.connect(listener, narrow=True)
    client.send_request("GET", f"/any?bytes={20 * MIB}")
    sock, got, room = client.socket, 0, select.poll()
    room.register(sock, 0)
    for _ in range(count):
        try:
            data = sock.recv(step)
        except OSError:
            return got
        if not data:
            return got
        got += len(data)
        if room.poll(A_BYTE_EACH_S * 1000):
            return got
    raise AssertionError("it was let read on and on")


@pytest.mark.parametrize("listener", [PLAIN, TLS], ids=["plain", "tls"])
def test_slow_reader_one_byte_at_a_time(node, certs, listener):
    with Gateway(node, listeners=[{}, {"tls": certs.tls}],
                 timeouts={"send": "700ms", "min_send_rate": "64KiB"}) as gateway:
        assert slow_reader_of(gateway, listener, 1, 1000) < MIB
        assert gateway.access_lines(1)[0]["abort"] == "client_timeout"


def test_slow_phone_is_served_however_long_it_takes(node):
    """What is on its way takes it longer than `send`, and it takes some all the time."""
    with Gateway(node, timeouts={"send": "1s", "min_send_rate": "1KiB"}) as gateway:
        client = gateway.connect(narrow=True)
        client.send_request("GET", f"/any?bytes={MIB // 2}")
        length = int(client.read_answer_head().headers.get("Content-Length"))
        got, clock = 0, select.poll()
        while got < length:
            data = client.read_some(8192)
            assert data, "it was cut off"
            got += len(data)
            clock.poll(A_BYTE_EACH_S * 1000)
        assert got == MIB // 2


def test_h2_slow_reader_one_byte_at_a_time(gateway, node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}],
                 timeouts={"send": "500ms", "min_send_rate": "1KiB"}) as gateway:
        client = H2Client(gateway.address(), settings={4: 1})
        stream = client.request("GET", f"/any?bytes={20 * MIB}")
        answer = drip_frames(client, stream, WindowUpdateFrame(stream, window_increment=1))
        assert answer.reset == CANCEL
        assert gateway.access_lines(1)[0]["abort"] == "client_timeout"


def test_h2_streams_that_wait_for_their_turn_are_served(node, certs):
    """A slow line and many streams: those at its end get nothing for longer than `send`."""
    size = 300_000
    with Gateway(node, listeners=[{"tls": certs.tls}],
                 timeouts={"send": "500ms", "min_send_rate": "1KiB"}) as gateway:
        client = H2Client(gateway.address(), settings={4: MIB})
        streams = [client.request("GET", f"/any?bytes={size}") for _ in range(4)]
        for stream in streams:
            answer = drip_frames(client, stream, WindowUpdateFrame(0, window_increment=8192))
            assert (answer.reset, len(answer.body)) == (None, size)


def test_200_slow_readers_of_20_mib_take_bounded_memory(node):
    """Back-pressure: what they do not take stays with the backend, not here."""
    readers = 200
    with Gateway(node) as gateway:
        before = gateway.memory_kib()
        clients = [gateway.connect(narrow=True) for _ in range(readers)]
        for client in clients:
            client.send_request("GET", f"/any?bytes={20 * MIB}")
        for client in clients:
            client.read_answer_head()
        assert len(gateway.request("GET", f"/any?bytes={20 * MIB}").body) == 20 * MIB
        eventually(lambda: gateway.metrics()["cong_requests_active"] == readers, "they all wait")
        assert gateway.memory_kib() - before < readers * 256  # of 20480 that each has asked for
        for client in clients:
            client.reset()
