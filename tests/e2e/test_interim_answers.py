"""Answers before the answer: 100 Continue, 103 Early Hints; and answers before the body."""

import threading

import pytest

from env import Gateway, Incomplete, ScriptedBackend, chunked, request_bytes

EXPECT = {"Expect": "100-continue"}


@pytest.fixture(scope="module")
def gateway(node):
    with Gateway(node, routes=[{"path": "/", "upstream": "portal", "body_limit": "100KiB"},
                               {"path": "/open", "upstream": "portal", "body_limit": "1GiB"}]
                 ) as gateway:
        yield gateway


@pytest.fixture
def client(gateway):
    return gateway.connect()


@pytest.fixture
def backend():
    return ScriptedBackend()


def test_client_that_expects_100_gets_it_before_its_body(client):
    client.send_request("POST", "/echo", EXPECT | {"Content-Length": "5"})
    assert client.read_answer_head().status == 100
    got = client.send("hello").read_answer().json()
    assert got["bytes"] == 5
    assert "expect" not in [name.lower() for name, _ in got["headers"]]


def test_expectation_is_met_for_chunks_too(client):
    client.send_request("POST", "/echo?body=1", EXPECT | {"Transfer-Encoding": "chunked"})
    assert client.read_answer_head().status == 100
    assert client.send(chunked(b"hello")).read_answer().body == b"hello"


def test_expectation_is_case_insensitive(client):
    client.send_request("POST", "/echo", {"Expect": "100-Continue", "Content-Length": "1"})
    assert client.read_answer_head().status == 100
    assert client.send("x").read_answer().status == 200


def test_client_that_does_not_wait_gets_one_final_answer(client):
    client.send_request("POST", "/echo?body=1", EXPECT, body=b"impatient")
    assert client.read_answer().body == b"impatient"
    assert client.request("POST", "/echo?body=1", body=b"next").body == b"next"


def test_expectation_without_a_body_is_ignored(client):
    answer = client.request("GET", "/echo", EXPECT)
    assert (answer.status, answer.interim) == (200, [])


def test_unknown_expectation_is_refused(node, client):
    before = node.stats()["requests"]
    client.send_request("POST", "/echo", {"Expect": "a-miracle", "Content-Length": "3"})
    assert client.read_answer().status == 417
    assert node.stats()["requests"] == before


def test_refused_expectation_leaves_no_body_to_be_taken_for_a_request(node, client):
    """expect-100-cl-desync"""
    before = node.stats()["requests"]
    hidden = request_bytes("GET", "/hidden")
    client.send_request("POST", "/nowhere", EXPECT | {"Content-Length": str(200 * 1024)})
    assert client.read_answer().status == 413
    client.send(hidden)
    assert client.read_to_end() == b""
    assert node.stats()["requests"] == before


def test_expectation_that_the_backend_refuses_is_answered_without_the_body(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", EXPECT | {"Content-Length": "1000000"})
        connection = backend.accept()
        connection.read_request_head()
        connection.answer(403, [("Connection", "close")], b"no")
        answer = client.read_answer()
        assert (answer.status, answer.body) == (403, b"no")
        client.shutdown()
        assert client.read_to_end() == b""


def test_early_hints_reach_the_client_before_the_answer(client):
    answer = client.request("GET", "/any?interim=103&delay=10ms")
    assert [hint.status for hint in answer.interim] == [103]
    assert answer.interim[0].headers.get("X-Interim") == "1"
    assert answer.status == 200


def test_early_hints_are_not_held_back(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        for number in range(3):
            connection.send(f"HTTP/1.1 103 Early Hints\r\nLink: </{number}>\r\n\r\n")
            assert client.read_answer_head().headers.get("Link") == f"</{number}>"
        connection.answer(body=b"done")
        assert client.read_answer().body == b"done"


def test_many_early_hints_are_passed_on(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 50).answer()
        assert len(client.read_answer().interim) == 50


def test_endless_early_hints_end(backend):
    """Each costs memory until the answer comes, so there is an end to them."""
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        sender = threading.Thread(target=send_until_closed, daemon=True, args=(
            connection, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000))
        sender.start()
        assert client.read_answer().status == 502
        sender.join()


def send_until_closed(connection, data):
    try:
        while True:
            connection.send(data)
    except OSError:
        pass


def test_100_of_the_backend_is_not_passed_on(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 100 Continue\r\n\r\n").answer(body=b"done")
        answer = client.read_answer()
        assert (answer.body, answer.interim) == (b"done", [])


def test_hop_by_hop_fields_of_an_interim_answer_stay_behind(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 103 Early Hints\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\n"
                        "Link: </a>\r\n\r\n").answer()
        hint = client.read_answer().interim[0]
        assert hint.headers == [("Link", "</a>")]


# --- answers that come before the body was read ---------------------------------------------------

def test_too_large_body_is_refused_before_it_is_sent(client):
    client.send_request("POST", "/echo", {"Content-Length": str(50 * 1024 * 1024)})
    answer = client.read_answer()
    assert answer.status == 413
    assert answer.headers.get("Connection") == "close"


def test_answer_is_not_lost_while_the_client_goes_on_sending(client):
    """Closing at once would make the kernel throw the answer away (RFC 9112 9.6)."""
    client.send_request("POST", "/echo", {"Content-Length": str(50 * 1024 * 1024)})
    client.send(bytes(1024 * 1024))
    assert client.read_answer().status == 413
    client.shutdown()
    assert client.read_to_end() == b""
    assert not client.was_reset


def test_answer_before_the_end_of_a_small_body_keeps_the_connection(backend):
    """early error with unread body: drained, never taken for the next request"""
    with Gateway(backend) as gateway:
        client = gateway.connect()
        body = request_bytes("GET", "/hidden")
        client.send_request("POST", "/", {"Content-Length": str(len(body))})
        connection = backend.accept()
        connection.read_request_head()
        connection.answer(403, body=b"no")
        assert client.read_answer().status == 403
        client.send(body).send_request("GET", "/next")
        following = backend.accept()
        assert following.serve(body=b"yes").target == "/next"
        assert client.read_answer().body == b"yes"


def test_backend_connection_with_an_unfinished_request_is_not_used_again(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Content-Length": "10"}).send("12345")
        connection = backend.accept()
        connection.read_request_head()
        connection.answer(403)
        assert client.read_answer().status == 403
        assert connection.read_to_end() in (b"", b"12345")
        assert client.send("67890").send_request("GET", "/next")
        assert backend.accept().serve().target == "/next"
        assert client.read_answer().status == 200


def test_large_rest_of_a_body_ends_the_connection(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Content-Length": str(10 * 1024 * 1024)}).send("begin")
        connection = backend.accept()
        connection.read_request_head()
        connection.answer(403, body=b"no")
        answer = client.read_answer()
        assert (answer.status, answer.headers.get("Connection")) == (403, "close")
        client.shutdown()
        assert client.read_to_end() == b""


def test_rest_of_a_body_that_never_comes_ends_the_connection(backend):
    with Gateway(backend, timeouts={"request_body": "200ms"}) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Content-Length": "100"}).send("begin")
        connection = backend.accept()
        connection.read_request_head()
        connection.answer(403)
        assert client.read_answer().status == 403
        assert client.has_ended()


def test_answer_to_an_upload_that_nobody_reads_reaches_the_client(backend):
    """Everything is full on the way to the backend when it says no."""
    with Gateway(backend, route={"body_limit": "1GiB"}) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Content-Length": str(1 << 29)})
        connection = backend.accept()
        sender = threading.Thread(target=send_until_closed, daemon=True, args=(client, bytes(1 << 20)))
        sender.start()
        connection.read_request_head()
        connection.read_exactly(1 << 20)
        connection.answer(403, body=b"no")
        answer = client.read_answer()
        assert (answer.status, answer.body) == (403, b"no")
        client.shutdown()
        sender.join()


def test_unfinished_chunks_end_the_connection(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Transfer-Encoding": "chunked"}).send("5\r\nhello\r\n")
        connection = backend.accept()
        connection.read_request_head()
        connection.answer(403, body=b"no")
        answer = client.read_answer()
        assert (answer.status, answer.headers.get("Connection")) == (403, "close")


def test_client_that_leaves_in_its_body_leaves_no_complete_request_behind(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Transfer-Encoding": "chunked"}).send("5\r\nhello\r\n")
        connection = backend.accept()
        connection.read_request_head()
        client.close()
        with pytest.raises(Incomplete):
            connection.read_chunked()
