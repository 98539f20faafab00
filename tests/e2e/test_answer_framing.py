"""Answers whose end, or whose meaning, could be seen differently: 502, or visibly cut off; never
passed on as if nothing were wrong, and never followed by a request on the same connection. The cases
are in env/ambiguous.py."""

import pytest

from env import Gateway, Incomplete, ScriptedBackend, eventually, free_port
from env.ambiguous import BAD_ANSWERS, BODY, CHUNKED, CHUNKS, as_answer


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


@pytest.mark.parametrize("case", BAD_ANSWERS)
def test_ambiguous_answer_is_502(client, backend, case):
    connection = answered(client, backend, BAD_ANSWERS[case])
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
    connection.send(BAD_ANSWERS[case])
    assert client.read_answer().status == 502
    assert backend.accept_waiting() == []


BAD_CHUNKS = CHUNKS | {"no-chunks-at-all": b"hello"}


@pytest.mark.parametrize("case", BAD_CHUNKS)
def test_bad_chunks_never_become_a_complete_answer(client, backend, case):
    connection = answered(client, backend, as_answer(CHUNKED, body=BAD_CHUNKS[case]))
    with pytest.raises(Incomplete):
        client.read_answer()
    assert connection.has_ended()


# --- unusual, and well ----------------------------------------------------------------------------

def test_reason_may_be_missing(client, backend):
    answered(client, backend, as_answer(b"Content-Length: 2", line=b"HTTP/1.1 200 ", body=b"ok"))
    assert client.read_answer().body == b"ok"


def test_answer_of_http_1_0_ends_with_its_connection(client, backend):
    connection = answered(client, backend, as_answer(line=b"HTTP/1.0 200 OK", body=b"all of it"))
    connection.close()
    assert client.read_answer().body == b"all of it"


def test_answer_may_come_byte_by_byte(client, backend):
    connection = answered(client, backend, b"")
    for byte in as_answer(b"X-A: b", CHUNKED, body=BODY):
        connection.send(bytes([byte]))
    answer = client.read_answer()
    assert (answer.headers.get("X-A"), answer.body) == ("b", b"hello")


def test_length_of_an_answer_to_head_is_no_body(client, backend):
    connection = answered(client, backend, as_answer(b"Content-Length: 1000"), "HEAD")
    assert client.read_answer(to_head=True).headers.get("Content-Length") == "1000"
    client.send_request("GET", "/next")
    connection.serve(body=b"next")
    assert client.read_answer().body == b"next"


@pytest.mark.parametrize("status", [204, 304])
def test_length_of_an_answer_without_content_is_no_body(client, backend, status):
    line = b"HTTP/1.1 %d Nothing" % status
    answered(client, backend, as_answer(b"Content-Length: 5", line=line)).close()
    answer = client.read_answer()
    assert (answer.status, answer.body) == (status, b"")


def test_bytes_behind_an_answer_are_not_the_next_answer(client, backend):
    """Response splitting by the backend: what nobody asked for is dropped with its connection."""
    poison = as_answer(b"Content-Length: 6", body=b"poison")
    connection = answered(client, backend, as_answer(b"Content-Length: 5", body=b"hello") + poison)
    assert client.read_answer().body == b"hello"
    assert connection.has_ended()
    client.send_request("GET", "/next")
    backend.accept().serve(body=b"right")
    assert client.read_answer().body == b"right"


def test_bytes_on_an_idle_connection_are_not_the_next_answer(client, backend):
    connection = answered(client, backend, as_answer(b"Content-Length: 5", body=b"hello"))
    assert client.read_answer().body == b"hello"
    connection.send(as_answer(b"Content-Length: 6", body=b"poison"))
    assert connection.has_ended()
    client.send_request("GET", "/next")
    backend.accept().serve(body=b"right")
    assert client.read_answer().body == b"right"


def test_underscore_length_of_an_answer_is_no_length(client, backend):
    fields = (b"Content_Length: 5", b"Content-Length: 2")
    connection = answered(client, backend, as_answer(*fields, body=b"ok"))
    assert client.read_answer().body == b"ok"
    client.send_request("GET", "/next")
    connection.serve(body=b"next")
    assert client.read_answer().body == b"next"


@pytest.mark.parametrize("name", [
    b"Content-Length", b"Transfer-Encoding", b"Set-Cookie", b"X-Request-ID", b"X-Cong-Session",
], ids=["trailer-cl", "trailer-te", "trailer-set-cookie", "trailer-request-id", "trailer-session"])
def test_dangerous_trailer_of_an_answer_is_dropped(client, backend, name):
    trailers = name + b": 1\r\nX-Fine: yes\r\n\r\n"
    answered(client, backend, as_answer(CHUNKED, body=b"2\r\nok\r\n0\r\n" + trailers))
    answer = client.read_answer()
    assert (answer.body, answer.trailers) == (b"ok", [("X-Fine", "yes")])
    assert answer.headers.get(name.decode()) != "1"
