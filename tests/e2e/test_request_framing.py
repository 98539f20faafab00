"""Requests whose end or meaning two servers could see differently: refused, never forwarded.

The names are those of hostile-input.md, section A."""

import pytest

from env import Gateway, Incomplete, ScriptedBackend, request_bytes


@pytest.fixture(scope="module")
def gateway(node):
    with Gateway(node) as gateway:
        yield gateway


@pytest.fixture
def client(gateway):
    return gateway.connect()


def post(*fields, body=b"", host=b"Host: portal.test", line=b"POST /upload HTTP/1.1"):
    return b"\r\n".join([line, host, *fields, b"", b""]) + body


HIDDEN = request_bytes("GET", "/hidden")
CHUNKED = b"Transfer-Encoding: chunked"
BODY = b"5\r\nhello\r\n0\r\n\r\n"

BAD_HEADS = {
    "cl-te-both": post(b"Content-Length: 5", CHUNKED, body=BODY),
    "clte-smuggle": post(b"Content-Length: 6", CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "tecl-smuggle": post(CHUNKED, b"Content-Length: 4", body=b"5c\r\n" + HIDDEN),
    "te-http10": post(CHUNKED, body=BODY, line=b"POST /upload HTTP/1.0"),
    "duplicate-cl": post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"),
    "duplicate-cl-same": post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
    "cl-comma-different": post(b"Content-Length: 5, 6", body=b"hello!"),
    "cl-comma-same": post(b"Content-Length: 5, 5", body=b"hello"),
    "empty-cl-before-valid": post(b"Content-Length:", b"Content-Length: 5", body=b"hello"),
    "empty-cl": post(b"Content-Length: ", body=b"hello"),
    "cl-plus-sign": post(b"Content-Length: +5", body=b"hello"),
    "cl-hex-prefix": post(b"Content-Length: 0x5", body=b"hello"),
    "cl-octal": post(b"Content-Length: 0o5", body=b"hello"),
    "cl-negative": post(b"Content-Length: -5", body=b"hello"),
    "cl-underscore": post(b"Content-Length: 1_0", body=b"0123456789"),
    "cl-inner-space": post(b"Content-Length: 1 0", body=b"0123456789"),
    "cl-decimal": post(b"Content-Length: 5.0", body=b"hello"),
    "cl-overflow": post(b"Content-Length: 18446744073709551621", body=b"hello"),
    "te-xchunked": post(b"Transfer-Encoding: xchunked", body=BODY),
    "te-identity": post(b"Transfer-Encoding: identity", b"Content-Length: 5", body=b"hello"),
    "te-identity-alone": post(b"Transfer-Encoding: identity", body=b"hello"),
    "te-double-chunked": post(CHUNKED, CHUNKED, body=BODY),
    "te-chunked-chunked": post(b"Transfer-Encoding: chunked, chunked", body=BODY),
    "te-not-final-chunked": post(b"Transfer-Encoding: chunked, gzip", body=BODY),
    "te-gzip-chunked": post(b"Transfer-Encoding: gzip, chunked", body=BODY),
    "te-leading-comma": post(b"Transfer-Encoding: ,chunked", body=BODY),
    "te-trailing-comma": post(b"Transfer-Encoding: chunked,", body=BODY),
    "te-empty": post(b"Transfer-Encoding:", body=BODY),
    "te-quoted": post(b'Transfer-Encoding: "chunked"', body=BODY),
    "te-parameter": post(b"Transfer-Encoding: chunked;q=1", body=BODY),
    "te-vtab": post(b"Transfer-Encoding: \x0bchunked", body=BODY),
    "te-formfeed": post(b"Transfer-Encoding: \x0cchunked", body=BODY),
    "te-null": post(b"Transfer-Encoding: chunked\x00", body=BODY),
    "te-sp-before-colon": post(b"Transfer-Encoding : chunked", body=BODY),
    "te-tab-before-colon": post(b"Transfer-Encoding\t: chunked", body=BODY),
    "cl-sp-before-colon": post(b"Content-Length : 5", body=b"hello"),
    "obs-fold": post(b"X-Folded: a", b" b", b"Content-Length: 5", body=b"hello"),
    "obs-fold-te": post(b"Transfer-Encoding:", b" chunked", body=BODY),
    "obs-fold-first": b"POST /upload HTTP/1.1\r\n X: y\r\nHost: portal.test\r\n\r\n",
    "bare-lf-header": post(b"X-A: b\nContent-Length: 5", body=b"hello"),
    "bare-lf-line": b"POST /upload HTTP/1.1\nHost: portal.test\r\nContent-Length: 0\r\n\r\n",
    "bare-lf-everywhere": b"GET /upload HTTP/1.1\nHost: portal.test\n\n",
    "bare-lf-end": b"GET / HTTP/1.1\r\nHost: portal.test\r\n\n",
    "cr-only-line-ending": b"GET / HTTP/1.1\rHost: portal.test\r\r",
    "cr-only-header": b"GET / HTTP/1.1\r\nHost: portal.test\rX: y\r\n\r\n",
    "cr-cr-lf": b"GET / HTTP/1.1\r\nHost: portal.test\r\n\r\r\n",
    "nul-in-header-value": post(b"X-A: b\x00c"),
    "nul-in-header-name": post(b"X\x00A: b"),
    "bare-cr-header-value": post(b"X-A: b\rc"),
    "control-in-header-value": post(b"X-A: b\x01c"),
    "delete-in-header-value": post(b"X-A: b\x7fc"),
    "header-no-colon": post(b"X-A"),
    "header-empty-name": post(b": a"),
    "header-space-in-name": post(b"X A: b"),
    "header-utf8-name": post("Tên: b".encode()),
    "header-name-bracket": post(b"X[A]: b"),
    "space-before-first-header": b"GET / HTTP/1.1\r\n Host: portal.test\r\n\r\n",
    "duplicate-host": post(b"Host: other.test"),
    "duplicate-host-same": post(b"Host: portal.test"),
    "no-host": b"GET / HTTP/1.1\r\n\r\n",
    "empty-host": b"GET / HTTP/1.1\r\nHost: \r\n\r\n",
    "host-with-userinfo": post(host=b"Host: user@portal.test"),
    "host-with-path": post(host=b"Host: portal.test/a"),
    "host-with-space": post(host=b"Host: portal.test other"),
    "host-with-comma": post(host=b"Host: portal.test, other.test"),
    "host-with-bad-port": post(host=b"Host: portal.test:99999"),
    "host-with-negative-port": post(host=b"Host: portal.test:-1"),
    "host-with-escape": post(host=b"Host: portal%2etest"),
    "host-empty-label": post(host=b"Host: portal..test"),
    "absolute-uri-userinfo": post(line=b"GET http://user@portal.test/ HTTP/1.1"),
    "absolute-uri-fragment": post(line=b"GET http://portal.test/#a HTTP/1.1"),
    "two-spaces-after-method": post(line=b"GET  / HTTP/1.1"),
    "two-spaces-after-target": post(line=b"GET /  HTTP/1.1"),
    "tab-after-method": post(line=b"GET\t/ HTTP/1.1"),
    "space-in-target": post(line=b"GET /a b HTTP/1.1"),
    "space-before-method": post(line=b" GET / HTTP/1.1"),
    "lower-case-method": post(line=b"get / HTTP/1.1"),
    "unknown-method": post(line=b"SMUGGLE / HTTP/1.1"),
    "method-with-bracket": post(line=b"GE[T / HTTP/1.1"),
    "no-version": b"GET /\r\nHost: portal.test\r\n\r\n",
    "version-2": post(line=b"GET / HTTP/2.0"),
    "version-1.2": post(line=b"GET / HTTP/1.2"),
    "version-0.9": post(line=b"GET / HTTP/0.9"),
    "version-1.10": post(line=b"GET / HTTP/1.10"),
    "version-lower-case": post(line=b"GET / http/1.1"),
    "version-space": post(line=b"GET / HTTP/1. 1"),
    "version-trailing-space": post(line=b"GET / HTTP/1.1 "),
    "other-protocol": post(line=b"GET / ICE/1.1"),
    "h2-preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls-to-plain-port": bytes.fromhex("16030100fc010000f80303") + bytes(241),
    "garbage": bytes(range(128, 256)) + b"\r\n\r\n",
    "nul": bytes(100),
}


def refused(client, status=400):
    """The one answer is a refusal, and the connection ends with it."""
    answer = client.read_answer()
    assert (answer.status, answer.headers.get("Connection")) == (status, "close")
    client.shutdown()
    assert client.read_to_end() == b""


@pytest.mark.parametrize("case", BAD_HEADS)
def test_ambiguous_request_is_refused(client, node, case):
    before = node.stats()["requests"]
    refused(client.send(BAD_HEADS[case]))
    after = node.stats()
    assert (after["requests"], after["bad_requests"]) == (before, 0)


@pytest.mark.parametrize("case", ["cl-te-both", "te-vtab", "obs-fold", "duplicate-cl"])
def test_ambiguous_request_behind_a_good_one_is_refused(client, node, case):
    before = node.stats()["requests"]
    client.send(request_bytes("GET", "/") + BAD_HEADS[case] + HIDDEN)
    assert client.read_answer().status == 200
    refused(client)
    assert node.stats()["requests"] == before + 1


@pytest.mark.parametrize("case", ["cl-te-both", "obs-fold", "bare-lf-header", "te-sp-before-colon",
                                  "bare-cr-header-value", "cr-cr-lf", "duplicate-host"])
def test_ambiguous_request_is_refused_byte_by_byte_too(client, node, case):
    before = node.stats()["requests"]
    try:
        for byte in BAD_HEADS[case]:
            client.send(bytes([byte]))
    except OSError:
        pass  # refused before its end
    assert client.read_answer().status == 400
    assert node.stats()["requests"] == before


# --- chunks: the head may have gone on, but never a request that is complete ----------------------

BAD_CHUNKS = {
    "chunk-lf-term": b"5\nhello\r\n0\r\n\r\n",
    "chunk-lf-after-data": b"5\r\nhello\n0\r\n\r\n",
    "chunk-ext-lf": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "chunk-ext-cr": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "chunk-hex-prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "chunk-negative": b"-5\r\nhello\r\n0\r\n\r\n",
    "chunk-underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-space-before": b" 5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-empty": b"\r\nhello\r\n0\r\n\r\n",
    "chunk-size-overflow": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "chunk-size-overflow-zeros": b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "chunk-missing-trailing-crlf": b"5\r\nhello0\r\n\r\n",
    "chunk-spill": b"5\r\nhello world\r\n0\r\n\r\n",
    "chunk-short": b"7\r\nhello\r\n0\r\n\r\n\r\n",
    "chunk-last-lf": b"5\r\nhello\r\n0\n\r\n",
    "chunk-end-lf": b"5\r\nhello\r\n0\r\n\n",
    "trailer-end-lf": b"0\r\nX: y\r\n\n",
    "trailer-lf": b"0\r\nX: y\n\r\n",
    "trailer-fold": b"0\r\nX: y\r\n z\r\n\r\n",
    "trailer-space-before-colon": b"0\r\nX : y\r\n\r\n",
    "trailer-no-colon": b"0\r\nX\r\n\r\n",
    "trailer-nul": b"0\r\nX: y\x00\r\n\r\n",
    "trailer-bare-cr": b"0\r\nX: y\rz\r\n\r\n",
    "chunk-nul-size": b"5\x00\r\nhello\r\n0\r\n\r\n",
    "chunk-ext-nul": b"5;a\x00b\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("case", BAD_CHUNKS)
def test_bad_chunks_are_refused_and_never_end_for_the_backend(case):
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect()
        refused(client.send(post(CHUNKED, body=BAD_CHUNKS[case] + HIDDEN)))
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
    got = client.send(post(field, body=BODY, line=b"POST /echo HTTP/1.1")).read_answer().json()
    assert got["bytes"] == 5
    assert ["Transfer-Encoding", "chunked"] in got["headers"]


def test_leading_zeros_of_a_length_are_made_usual_or_refused(client):
    request = post(b"Content-Length: 0005", body=b"hello", line=b"POST /echo HTTP/1.1")
    answer = client.send(request).read_answer()
    assert answer.status == 400 or answer.echoed.all("Content-Length") == ["5"]


def test_spaces_around_values_are_trimmed(client):
    got = client.send(post(b"X-A: \t b c \t ", line=b"GET /echo HTTP/1.1")).read_answer().json()
    assert ["X-A", "b c"] in got["headers"]


# --- bodies where few expect them -----------------------------------------------------------------

@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_body_of_a_get_is_a_body(client, node, method):
    """get-cl-body-desync"""
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
def test_unusual_chunk_size_is_made_usual_or_refused(size):
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send(post(CHUNKED, body=size + b"\r\nhello\r\n0\r\n\r\n"))
        connection = backend.accept()
        connection.read_request_head()
        try:
            line = connection.read_line()
        except Incomplete:
            assert client.read_answer().status == 400
        else:
            assert line == b"5"
