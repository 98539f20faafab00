"""HTTP/2: what clients of several makes get, over ALPN, from a real node."""

import hashlib
import json
import signal
import subprocess

import pytest
from websockets.frames import Frame, Opcode

from env import Ended, Gateway, H2Client, ScriptedBackend, chunk, eventually, frame_bytes


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}]) as gateway:
        yield gateway


def run(*words):
    result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def curl(gateway, target, *options):
    """(status, protocol version, body)"""
    out = run("curl", "--silent", "--show-error", "--insecure", "--http2", "--max-time", "30",
              "--write-out", "\n%{http_code} %{http_version}", *options,
              f"https://{gateway.address()}{target}")
    body, _, last = out.rpartition("\n")
    status, version = last.split()
    return int(status), version, body


def test_curl_gets_a_page(gateway):
    status, version, body = curl(gateway, "/")
    assert (status, version) == (200, "2")
    assert "</html>" in body
    line = gateway.access_lines(1)[0]
    assert (line["protocol"], line["status"]) == ("HTTP/2.0", 200)


def test_curl_sends_a_form(gateway):
    status, _, body = curl(gateway, "/echo", "--data", "ho=Nguyen")
    seen = json.loads(body)
    assert (status, seen["method"], seen["bytes"]) == (200, "POST", 9)
    assert ["Content-Length", "9"] in seen["headers"]
    assert seen["version"] == "1.1"


@pytest.fixture
def scan(tmp_path):
    """(file of five megabytes, its digest)"""
    file = tmp_path / "scan.pdf"
    file.write_bytes(bytes(range(256)) * 20000)
    return str(file), hashlib.sha256(file.read_bytes()).hexdigest()


def test_curl_uploads_a_file(gateway, scan):
    file, digest = scan
    _, _, body = curl(gateway, "/upload", "--upload-file", file)
    seen = json.loads(body)
    assert (seen["bytes"], seen["sha256"]) == (5120000, digest)


def test_nghttp_uploads_a_file(gateway, scan):
    file, digest = scan
    out = run("nghttp", "--no-verify-peer", f"--data={file}",
              f"https://{gateway.address()}/upload")
    assert json.loads(out)["sha256"] == digest


def test_curl_gets_many_pages_at_once(gateway, tmp_path):
    out = run("curl", "--silent", "--show-error", "--insecure", "--http2", "--parallel",
              "--parallel-max", "40", "--write-out", "%{http_version} %{http_code} %{size_download}\n",
              "--output", "/dev/null", f"https://{gateway.address()}/download?bytes=50000&n=[1-80]")
    assert out.splitlines() == ["2 200 50000"] * 80


def test_head_has_no_body(gateway):
    status, _, _ = curl(gateway, "/", "--head")
    assert status == 200


def test_nghttp_gets_many_pages_on_one_connection(gateway):
    out = run("nghttp", "--no-verify-peer", "--null-out", "--stat", "--multiply=50",
              f"https://{gateway.address()}/")
    assert out.count(" 200 ") == 50


def test_h2load_is_served_without_an_error(gateway):
    out = run("h2load", "--requests=2000", "--clients=8", "--max-concurrent-streams=20",
              f"https://{gateway.address()}/")
    assert "2000 succeeded, 0 failed, 0 errored" in out


# --- one connection, frame by frame ---------------------------------------------------------------

@pytest.fixture
def client(gateway):
    return H2Client(gateway.address())


@pytest.fixture
def scripted(certs):
    """(client, backend) of a gateway of their own."""
    backend = ScriptedBackend()
    with Gateway(backend, listeners=[{"tls": certs.tls}]) as gateway:
        yield H2Client(gateway.address()), backend


def test_websocket_in_a_stream(client):
    stream = client.request("CONNECT", "/ws", [("sec-websocket-version", "13")], end=False,
                            protocol="websocket")
    client.read_until(lambda: stream in client.answers and client.answers[stream].headers)
    answer = client.answers[stream]
    assert client.settings[8] == 1  # ENABLE_CONNECT_PROTOCOL
    assert answer.status == 200
    assert answer.get("sec-websocket-accept") is None
    client.data(stream, Frame(Opcode.TEXT, "Xin chào".encode()).serialize(mask=True))
    expected = Frame(Opcode.TEXT, "Xin chào".encode()).serialize(mask=False)
    client.read_until(lambda: expected in answer.body)
    other = client.request()  # the connection goes on beside it
    assert client.answer(other).status == 200
    client.data(stream, Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True))
    client.read_until(lambda: answer.ended or answer.reset is not None)


def test_websocket_that_no_backend_switched_to_is_refused(client):
    stream = client.request("CONNECT", "/", [("sec-websocket-version", "13")], end=False,
                            protocol="websocket")
    assert client.answer(stream).status == 502  # the page's 200 would say that the tunnel is there
    assert b"</html>" in client.answers[stream].body


def test_websocket_that_a_backend_refuses_gets_its_answer(scripted):
    client, backend = scripted
    stream = client.request("CONNECT", "/ws", [("sec-websocket-version", "13")], end=False,
                            protocol="websocket")
    request = backend.accept().serve(403, body=b"no")
    assert (request.method, request.headers.get("upgrade")) == ("GET", "websocket")
    assert len(request.headers.get("sec-websocket-key")) == 24
    assert (client.answer(stream).status, client.answers[stream].body) == (403, b"no")


def test_other_protocols_than_websocket_are_not_connected(scripted):
    client, backend = scripted
    for protocol in ("connect-udp", "connect-ip", ""):
        stream = client.request("CONNECT", "/", end=False, protocol=protocol)
        answer = client.answer(stream)
        assert answer.reset is not None or answer.status == 405
    stream = client.headers(client.trailers([(":method", "CONNECT"), (":authority", "a.test:25")]))
    assert client.answer(stream).status == 405
    assert backend.accept_waiting() == []


def test_trailers_and_interim_answers_come_through(scripted):
    client, backend = scripted
    stream = client.request()
    connection = backend.accept()
    connection.read_request()
    connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.send(chunk(b"body") + b"0\r\nX-Sum: 4\r\n\r\n")
    answer = client.answer(stream)
    assert [v for n, v in answer.headers if n == ":status"] == ["103", "200"]
    assert answer.body == b"body"
    assert answer.headers[-1] == ("x-sum", "4")


def test_trailers_reach_the_backend(scripted):
    client, backend = scripted
    stream = client.request("POST", end=False)
    client.data(stream, b"body")
    client.headers(client.trailers([("x-sum", "4"), ("authorization", "evil")]), stream)
    request = backend.accept().read_request()
    assert request.body == b"body"
    assert [name.lower() for name, _ in request.trailers] == ["x-sum"]
    assert "authorization" not in request.headers


def test_head_has_the_length_and_no_body(scripted):
    client, backend = scripted
    stream = client.request("HEAD")
    connection = backend.accept()
    connection.read_request()
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
    answer = client.answer(stream)
    assert (answer.get("content-length"), answer.body, answer.ended) == ("1234", b"", True)


def test_urgent_answers_come_first(scripted):
    """RFC 9218: by the field of the request, and by what PRIORITY_UPDATE says later."""
    client, backend = scripted
    client.send(frame_bytes(4, 0, 0, b"\0\4\0\x10\0\0"))  # windows of streams: 1 MiB
    streams = {}
    for urgency in (7, 3, 0, 5):
        streams[urgency] = client.request(fields=[("priority", f"u={urgency}")])
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n")
        client.read_until(lambda: client.answers.get(streams[urgency]))
        streams[urgency] = (streams[urgency], connection)
    update = streams[5][0].to_bytes(4, "big") + b"u=1"
    client.send(frame_bytes(0x10, 0, 0, update))
    client.send(frame_bytes(6, 0, 0, bytes(8)))
    client.read_until(lambda: client.pongs)
    first = client.request()  # takes all of the connection's window, so that the others wait
    spare = backend.accept()
    spare.serve(body=bytes(65535))
    assert len(client.answer(first).body) == 65535
    for _, connection in streams.values():
        connection.send(bytes(50000))
    other = H2Client(client.address)
    for _ in range(3):  # the worker has read all four
        assert other.answer(other.request("TRACE")).status == 405
    order = []
    for sent in range(75535, 265536, 10000):
        client.window(0, 10000)
        client.read_until(lambda: sum(len(a.body) for a in client.answers.values()) == sent)
        order += [u for u, (stream, _) in streams.items()
                  if client.answers[stream].ended and u not in order]
    assert order == [0, 5, 3, 7]


def test_truncated_answer_is_reset(scripted):
    client, backend = scripted
    stream = client.request()
    connection = backend.accept()
    connection.read_request()
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    connection.close()
    answer = client.answer(stream)
    assert not answer.ended and answer.reset == 2  # INTERNAL_ERROR


def test_crumbs_reach_the_backend_as_one_cookie(scripted):
    client, backend = scripted
    client.request(fields=[("cookie", "a=1"), ("cookie", "b=2")])
    assert backend.accept().read_request().headers.all("cookie") == ["a=1; b=2"]


def test_continue_is_said(client):
    stream = client.request("POST", "/echo", [("expect", "100-continue")], end=False)
    client.read_until(lambda: stream in client.answers and client.answers[stream].headers)
    assert client.answers[stream].status == 100
    client.data(stream, b"body", end=True)
    assert client.answer(stream).status == 200


def test_an_upload_under_way_leaves_others_alone(scripted):
    client, backend = scripted
    stream = client.request("POST", end=False)
    connection = backend.accept()
    connection.read_request_head()
    other = client.request()
    backend.accept().serve(body=b"served")
    assert client.answer(other).body == b"served"
    client.data(stream, b"end", end=True)


def test_drain_lets_streams_end(certs):
    backend = ScriptedBackend()
    with Gateway(backend, listeners=[{"tls": certs.tls}]) as gateway:
        client = H2Client(gateway.address())
        stream = client.request()
        connection = backend.accept()
        connection.read_request()
        gateway.signal(signal.SIGTERM)
        client.read_until(lambda: client.goaway is not None)
        assert client.goaway.error_code == 0
        connection.answer(body=b"last")
        assert client.answer(stream).body == b"last"
        with pytest.raises(Ended):
            client.read_to_end()
        client.close()
        eventually(lambda: not gateway.is_running(), "the gateway has left")
