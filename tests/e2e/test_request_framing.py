"""Requests whose end or meaning two servers could see differently: refused, and not a byte of them
reaches a backend. The cases are in env/ambiguous.py."""

import pytest

from env import Gateway, Incomplete, ScriptedBackend, eventually, free_port, request_bytes
from env.ambiguous import BAD_REQUESTS, BODY, CHUNKED, CHUNKS, HIDDEN, as_request


@pytest.fixture(scope="module")
def gateway(node):
    with Gateway(node) as gateway:
        yield gateway


@pytest.fixture
def client(gateway):
    return gateway.connect()


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def watched(port):
    """A gateway whose backend is a new one in each test, and has seen nobody."""
    with Gateway({"address": f"127.0.0.1:{port}"}) as gateway:
        yield gateway


@pytest.fixture
def backend(port, watched):
    eventually(lambda: watched.metrics()["cong_upstream_connections_idle"] == 0,
               "the connections to the backend of the test before are closed")
    return ScriptedBackend(port)


def refused(client, status=400):
    """The one answer is a refusal, and the connection ends with it."""
    answer = client.read_answer()
    assert (answer.status, answer.headers.get("Connection")) == (status, "close")
    client.shutdown()
    assert client.read_to_end() == b""


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_ambiguous_request_is_refused(watched, backend, case):
    refused(watched.connect().send(BAD_REQUESTS[case]))
    assert backend.accept_waiting() == []


@pytest.mark.parametrize("case", ["cl-te-both", "te-vtab", "obs-fold", "duplicate-cl"])
def test_ambiguous_request_behind_a_good_one_is_refused(client, node, case):
    before = node.stats()["requests"]
    client.send(request_bytes("GET", "/") + BAD_REQUESTS[case] + HIDDEN)
    assert client.read_answer().status == 200
    refused(client)
    assert node.stats()["requests"] == before + 1


@pytest.mark.parametrize("case", ["cl-te-both", "obs-fold", "bare-lf-header", "te-sp-before-colon",
                                  "bare-cr-header-value", "cr-cr-lf", "duplicate-host"])
def test_ambiguous_request_is_refused_byte_by_byte_too(watched, backend, case):
    client = watched.connect()
    try:
        for byte in BAD_REQUESTS[case]:
            client.send(bytes([byte]))
    except OSError:
        pass  # refused before its end
    assert client.read_answer().status == 400
    assert backend.accept_waiting() == []


# --- chunks: the head may have gone on, but never a request that is complete ----------------------

@pytest.mark.parametrize("case", CHUNKS)
def test_bad_chunks_are_refused_and_never_end_for_the_backend(watched, backend, case):
    refused(watched.connect().send(as_request(CHUNKED, body=CHUNKS[case] + HIDDEN)))
    for connection in backend.accept_waiting():
        if connection.has_ended():
            continue
        assert connection.read_request_head().target == "/upload"
        with pytest.raises(Incomplete):
            connection.read_chunked()


# --- unusual, and well ----------------------------------------------------------------------------

@pytest.mark.parametrize("field", [b"Transfer-Encoding: Chunked", b"transfer-encoding:chunked",
                                   b"TRANSFER-ENCODING:   chunked  "])
def test_spelling_of_chunked_is_made_usual(client, field):
    got = client.send(as_request(field, body=BODY, line=b"POST /echo HTTP/1.1")).read_answer().json()
    assert got["bytes"] == 5
    assert ["Transfer-Encoding", "chunked"] in got["headers"]


def test_leading_zeros_of_a_length_are_made_usual_or_refused(client):
    request = as_request(b"Content-Length: 0005", body=b"hello", line=b"POST /echo HTTP/1.1")
    answer = client.send(request).read_answer()
    assert answer.status == 400 or answer.echoed.all("Content-Length") == ["5"]


def test_spaces_around_values_are_trimmed(client):
    got = client.send(as_request(b"X-A: \t b c \t ", line=b"GET /echo HTTP/1.1")).read_answer().json()
    assert ["X-A", "b c"] in got["headers"]


def test_target_and_host_that_differ_become_one(client):
    """absolute-uri-host-mismatch: nothing of the other name is forwarded."""
    client.send(as_request(line=b"GET http://portal.test/echo HTTP/1.1", host=b"Host: other.test"))
    fields = client.read_answer().echoed
    assert fields.all("Host") == fields.all("X-Forwarded-Host") == ["portal.test"]
    assert not [value for _, value in fields if "other.test" in value]


# --- bodies where few expect them -----------------------------------------------------------------

@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"],
                         ids=lambda method: f"{method.lower()}-cl-body-desync")
def test_body_of_a_get_is_a_body(client, node, method):
    before = node.stats()["requests"]
    answer = client.request(method, "/echo", body=HIDDEN)
    assert answer.json()["bytes"] == len(HIDDEN)
    assert client.request("GET", "/").status == 200
    assert node.stats()["requests"] == before + 2


def test_body_of_a_head_is_a_body(client, node):
    before = node.stats()["requests"]
    assert client.request("HEAD", "/echo", body=HIDDEN).status == 200
    assert client.request("GET", "/").status == 200
    assert node.stats()["requests"] == before + 2


def test_chunked_get_is_forwarded_as_chunked(client):
    client.send_request("GET", "/echo?body=1", {"Transfer-Encoding": "chunked"})
    assert client.send(BODY).read_answer().body == b"hello"


def test_body_of_a_request_that_is_refused_for_its_path_is_no_request(client, node):
    before = node.stats()["requests"]
    refused(client.send_request("POST", "/a%00", body=HIDDEN))
    assert node.stats()["requests"] == before


def test_body_of_an_error_answer_is_drained(client, node):
    """early error with unread body (CVE-2025-4366)"""
    before = node.stats()["requests"]
    refused(client.send_request("TRACE", "/", body=HIDDEN), 405)
    assert node.stats()["requests"] == before


@pytest.mark.parametrize("size", [b"05", b"00000005", b"5;a=b", b'5;a="b c"', b"5;"])
def test_unusual_chunk_size_is_made_usual_or_refused(watched, backend, size):
    client = watched.connect()
    client.send(as_request(CHUNKED, body=size + b"\r\nhello\r\n0\r\n\r\n"))
    connection = backend.accept()
    connection.read_request_head()
    try:
        line = connection.read_line()
    except Incomplete:
        assert client.read_answer().status == 400
    else:
        assert line == b"5"
