"""Answers whose end, or whose meaning, could be seen differently: 502, or visibly cut off; never
passed on as if nothing were wrong, and never followed by a request on the same connection."""

import pytest

from env import Gateway, Incomplete, ScriptedBackend, eventually, free_port


@pytest.fixture(scope="module")
def port():
    """Where the backend of each test listens, so that one gateway serves them all."""
    return free_port()


@pytest.fixture(scope="module")
def gateway(port):
    with Gateway({"address": f"127.0.0.1:{port}"}, upstream={"response_head": "2KiB"}) as gateway:
        yield gateway


@pytest.fixture
def backend(port, gateway):
    eventually(lambda: gateway.metrics()["cong_upstream_connections_idle"] == 0,
               "the connections to the backend of the test before are closed")
    return ScriptedBackend(port)


@pytest.fixture
def client(gateway):
    return gateway.connect()


def answered(client, backend, raw, method="GET"):
    """Sends a request, which the backend answers with these bytes; it then waits for the end."""
    client.send_request(method, "/")
    connection = backend.accept()
    connection.read_request()
    return connection.send(raw)


def head(*fields, line=b"HTTP/1.1 200 OK", body=b""):
    return b"\r\n".join([line, *fields, b"", b""]) + body


CHUNKED = b"Transfer-Encoding: chunked"
BODY = b"5\r\nhello\r\n0\r\n\r\n"

BAD_HEADS = {
    "cl-te-both": head(b"Content-Length: 5", CHUNKED, body=BODY),
    "te-http10": head(CHUNKED, line=b"HTTP/1.0 200 OK", body=BODY),
    "duplicate-cl": head(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"),
    "cl-comma-different": head(b"Content-Length: 5, 6", body=b"hello!"),
    "empty-cl-before-valid": head(b"Content-Length:", b"Content-Length: 5", body=b"hello"),
    "cl-plus-sign": head(b"Content-Length: +5", body=b"hello"),
    "cl-hex-prefix": head(b"Content-Length: 0x5", body=b"hello"),
    "cl-negative": head(b"Content-Length: -5", body=b"hello"),
    "cl-overflow": head(b"Content-Length: 18446744073709551621", body=b"hello"),
    "te-xchunked": head(b"Transfer-Encoding: xchunked", body=BODY),
    "te-identity": head(b"Transfer-Encoding: identity", body=b"hello"),
    "te-double-chunked": head(CHUNKED, CHUNKED, body=BODY),
    "te-not-final-chunked": head(b"Transfer-Encoding: chunked, gzip", body=BODY),
    "te-leading-comma": head(b"Transfer-Encoding: ,chunked", body=BODY),
    "te-vtab": head(b"Transfer-Encoding: \x0bchunked", body=BODY),
    "te-null": head(b"Transfer-Encoding: chunked\x00", body=BODY),
    "te-sp-before-colon": head(b"Transfer-Encoding : chunked", body=BODY),
    "obs-fold": head(b"X-A: b", b" c", b"Content-Length: 0"),
    "bare-lf-header": head(b"X-A: b\nContent-Length: 0"),
    "bare-lf-everywhere": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "bare-lf-end": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n",
    "cr-only-line-ending": b"HTTP/1.1 200 OK\rContent-Length: 0\r\r",
    "nul-in-header-value": head(b"X-A: b\x00c", b"Content-Length: 0"),
    "bare-cr-header-value": head(b"X-A: b\rc", b"Content-Length: 0"),
    "control-in-header-value": head(b"X-A: b\x01c", b"Content-Length: 0"),
    "header-no-colon": head(b"X-A", b"Content-Length: 0"),
    "header-empty-name": head(b": a", b"Content-Length: 0"),
    "header-space-in-name": head(b"X A: b", b"Content-Length: 0"),
    "status-two-digits": head(b"Content-Length: 0", line=b"HTTP/1.1 20 OK"),
    "status-four-digits": head(b"Content-Length: 0", line=b"HTTP/1.1 2000 OK"),
    "status-0": head(b"Content-Length: 0", line=b"HTTP/1.1 000 OK"),
    "status-600": head(b"Content-Length: 0", line=b"HTTP/1.1 600 OK"),
    "status-text": head(b"Content-Length: 0", line=b"HTTP/1.1 abc OK"),
    "status-glued": head(b"Content-Length: 0", line=b"HTTP/1.1 200OK"),
    "version-2": head(b"Content-Length: 0", line=b"HTTP/2.0 200 OK"),
    "version-0.9": head(b"Content-Length: 0", line=b"HTTP/0.9 200 OK"),
    "no-status-line": b"Content-Length: 0\r\n\r\n",
    "other-protocol": b"ICY 200 OK\r\nContent-Length: 0\r\n\r\n",
    "http-0.9": b"<html>hello</html>",
    "greeting": b"220 mail.example.vn ESMTP\r\n",
    "tls-alert": bytes.fromhex("15030100020228"),
    "large-head": head(b"X-A: " + b"a" * 3000, b"Content-Length: 0"),
    "endless-head": b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 10000,
    "many-fields": head(*[b"X-%d: 1" % n for n in range(150)], b"Content-Length: 0"),
    "101-unasked": head(b"Upgrade: websocket", b"Connection: upgrade",
                        line=b"HTTP/1.1 101 Switching Protocols"),
}


@pytest.mark.parametrize("case", BAD_HEADS)
def test_ambiguous_answer_is_502(client, backend, case):
    connection = answered(client, backend, BAD_HEADS[case])
    answer = client.read_answer()
    assert answer.status == 502
    assert connection.has_ended(), "this backend connection is used no more"
    client.send_request("GET", "/next")
    assert backend.accept().serve(body=b"fine").target == "/next"
    assert client.read_answer().body == b"fine"


@pytest.mark.parametrize("case", ["cl-te-both", "obs-fold", "te-sp-before-colon"])
def test_ambiguous_answer_to_a_post_is_not_asked_for_again(client, backend, case):
    client.send_request("POST", "/", body=b"once")
    connection = backend.accept()
    connection.read_request()
    connection.send(BAD_HEADS[case])
    assert client.read_answer().status == 502
    assert backend.accept_waiting() == []


BAD_CHUNKS = {
    "chunk-lf-term": b"5\nhello\r\n0\r\n\r\n",
    "chunk-lf-after-data": b"5\r\nhello\n0\r\n\r\n",
    "chunk-ext-lf": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "chunk-hex-prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "chunk-negative": b"-5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-overflow": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "chunk-missing-trailing-crlf": b"5\r\nhello0\r\n\r\n",
    "chunk-spill": b"5\r\nhello world\r\n0\r\n\r\n",
    "chunk-last-lf": b"5\r\nhello\r\n0\n\r\n",
    "chunk-end-lf": b"5\r\nhello\r\n0\r\n\n",
    "trailer-fold": b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
    "trailer-space-before-colon": b"5\r\nhello\r\n0\r\nX : y\r\n\r\n",
    "trailer-nul": b"5\r\nhello\r\n0\r\nX: y\x00\r\n\r\n",
    "no-chunks-at-all": b"hello",
}


@pytest.mark.parametrize("case", BAD_CHUNKS)
def test_bad_chunks_never_become_a_complete_answer(client, backend, case):
    connection = answered(client, backend, head(CHUNKED, body=BAD_CHUNKS[case]))
    with pytest.raises(Incomplete):
        client.read_answer()
    assert connection.has_ended()


# --- unusual, and well ----------------------------------------------------------------------------

def test_reason_may_be_missing(client, backend):
    answered(client, backend, head(b"Content-Length: 2", line=b"HTTP/1.1 200 ", body=b"ok"))
    assert client.read_answer().body == b"ok"


def test_answer_of_http_1_0_ends_with_its_connection(client, backend):
    connection = answered(client, backend, head(line=b"HTTP/1.0 200 OK", body=b"all of it"))
    connection.close()
    assert client.read_answer().body == b"all of it"


def test_answer_may_come_byte_by_byte(client, backend):
    connection = answered(client, backend, b"")
    for byte in head(b"X-A: b", CHUNKED, body=BODY):
        connection.send(bytes([byte]))
    answer = client.read_answer()
    assert (answer.headers.get("X-A"), answer.body) == ("b", b"hello")


def test_length_of_an_answer_to_head_is_no_body(client, backend):
    connection = answered(client, backend, head(b"Content-Length: 1000"), "HEAD")
    assert client.read_answer(to_head=True).headers.get("Content-Length") == "1000"
    client.send_request("GET", "/next")
    connection.serve(body=b"next")
    assert client.read_answer().body == b"next"


@pytest.mark.parametrize("status", [204, 304])
def test_length_of_an_answer_without_content_is_no_body(client, backend, status):
    line = b"HTTP/1.1 %d Nothing" % status
    answered(client, backend, head(b"Content-Length: 5", line=line)).close()
    answer = client.read_answer()
    assert (answer.status, answer.body) == (status, b"")


def test_bytes_behind_an_answer_are_not_the_next_answer(client, backend):
    """Response splitting by the backend: what nobody asked for is dropped with its connection."""
    poison = head(b"Content-Length: 6", body=b"poison")
    connection = answered(client, backend, head(b"Content-Length: 5", body=b"hello") + poison)
    assert client.read_answer().body == b"hello"
    assert connection.has_ended()
    client.send_request("GET", "/next")
    backend.accept().serve(body=b"right")
    assert client.read_answer().body == b"right"


def test_bytes_on_an_idle_connection_are_not_the_next_answer(client, backend):
    connection = answered(client, backend, head(b"Content-Length: 5", body=b"hello"))
    assert client.read_answer().body == b"hello"
    connection.send(head(b"Content-Length: 6", body=b"poison"))
    assert connection.has_ended()
    client.send_request("GET", "/next")
    backend.accept().serve(body=b"right")
    assert client.read_answer().body == b"right"


def test_underscore_length_of_an_answer_is_no_length(client, backend):
    fields = (b"Content_Length: 5", b"Content-Length: 2")
    connection = answered(client, backend, head(*fields, body=b"ok"))
    assert client.read_answer().body == b"ok"
    client.send_request("GET", "/next")
    connection.serve(body=b"next")
    assert client.read_answer().body == b"next"


@pytest.mark.parametrize("name", [b"Content-Length", b"Transfer-Encoding", b"Set-Cookie",
                                  b"X-Request-ID"])
def test_dangerous_trailer_of_an_answer_is_dropped(client, backend, name):
    trailers = name + b": 1\r\nX-Fine: yes\r\n\r\n"
    answered(client, backend, head(CHUNKED, body=b"2\r\nok\r\n0\r\n" + trailers))
    answer = client.read_answer()
    assert (answer.body, answer.trailers) == (b"ok", [("X-Fine", "yes")])
    assert answer.headers.get(name.decode()) != "1"
