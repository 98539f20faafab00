"""A backend that dies, hangs or never was there; a client that leaves."""

import os
import signal

import pytest

from env import (Gateway, Incomplete, Node, ScriptedBackend, chunk, eventually, free_address,
                 head_bytes)


@pytest.fixture(scope="module")
def gateway(node):
    with Gateway(node, upstream={"timeouts": {"response": "200ms"}}) as gateway:
        yield gateway


@pytest.fixture
def client(gateway):
    return gateway.connect()


@pytest.fixture
def backend():
    return ScriptedBackend()


def incomplete(client):
    """The answer's head, of which everybody can see that its body broke off."""
    with pytest.raises(Incomplete) as cut:
        client.read_answer()
    assert cut.value.head is not None
    return cut.value


# --- where the node dies --------------------------------------------------------------------------

def test_backend_that_dies_instead_of_its_head_is_502(client):
    assert client.request("GET", "/any?close=head").status == 502
    assert client.request("GET", "/").status == 200, "the client's connection goes on"


def test_backend_that_dies_in_its_head_is_502(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nContent-Le").close()
        assert client.read_answer().status == 502


def test_backend_that_resets_is_502(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.reset()
        assert client.read_answer().status == 502


def test_backend_that_dies_in_a_body_of_known_length_is_seen_by_the_client(gateway, client):
    client.send_request("GET", "/any?bytes=100000&close=body")
    cut = incomplete(client)
    assert cut.head.headers.get("Content-Length") == "100000"
    assert len(cut.got) < 100000
    line = gateway.access_line(cut.head)
    assert (line["status"], line["abort"]) == (200, "upstream_aborted")


@pytest.mark.parametrize("how", ["body", "mid-chunk"])
def test_backend_that_dies_in_chunks_is_seen_by_the_client(gateway, client, how):
    client.send_request("GET", f"/any?bytes=100000&chunked=1&close={how}")
    cut = incomplete(client)
    assert gateway.access_line(cut.head)["abort"] == "upstream_aborted"


def test_backend_that_resets_in_its_body_is_seen_by_the_client(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\n\r\nno length, so only a clean end is the end")
        assert client.read_answer_head().status == 200
        client.read_chunk()
        connection.reset()
        with pytest.raises(Incomplete):
            client.read_chunk()


def test_backend_that_dies_in_its_trailers_is_seen_by_the_client(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: ")
        connection.close()
        incomplete(client)


def test_http_1_0_client_sees_a_broken_answer_by_a_reset(backend):
    """Without a length nothing else could tell it."""
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/", version="HTTP/1.0")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
        assert client.read_answer_head().status == 200
        assert client.read_exactly(2) == b"ok"
        connection.close()
        client.read_to_end()
        assert client.was_reset


def test_backend_that_closes_after_its_answer_is_fine(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        for number in range(3):
            client.send_request("GET", f"/{number}")
            connection = backend.accept()
            connection.serve(body=b"done")
            connection.close()
            assert client.read_answer().body == b"done"


def test_backend_that_closes_while_the_body_is_sent_is_502(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Content-Length": "1000000"}).send(bytes(1000))
        connection = backend.accept()
        connection.read_request_head()
        connection.close()
        assert client.read_answer().status == 502


def test_answer_that_came_before_the_backend_closed_is_not_lost(backend):
    """It refuses an upload, closes, and our next write to it fails: its answer still counts."""
    with Gateway(backend, route={"body_limit": "1GiB"}) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Content-Length": "1000000"}).send(bytes(1000))
        connection = backend.accept()
        connection.read_request_head()
        connection.read_exactly(1000)
        connection.answer(413, [("Connection", "close")], b"too much")
        connection.close()
        answer = client.read_answer()
        assert (answer.status, answer.body) == (413, b"too much")


# --- which never answers --------------------------------------------------------------------------

def test_backend_that_hangs_is_504(client, gateway):
    answer = client.request("GET", "/any?hang=1")
    assert answer.status == 504
    assert gateway.access_line(answer)["peer"]
    assert client.request("GET", "/").status == 200


def test_connection_of_a_late_answer_is_not_used_again(backend):
    with Gateway(backend, upstream={"timeouts": {"response": "100ms"}}) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/slow")
        connection = backend.accept()
        connection.read_request()
        assert client.read_answer().status == 504
        assert connection.has_ended()
        client.send_request("GET", "/next")
        assert backend.accept().serve(body=b"in time").target == "/next"
        assert client.read_answer().body == b"in time"


def test_route_may_have_a_longer_response_timeout(node):
    with Gateway(upstreams=[{"name": "portal", "peers": [node], "timeouts": {"response": "50ms"}}],
                 routes=[{"path": "/", "upstream": "portal"},
                         {"path": "/any", "upstream": "portal", "timeouts": {"response": "10s"}}]
                 ) as gateway:
        assert gateway.request("GET", "/any?delay=200ms").status == 200
        assert gateway.request("GET", "/?delay=200ms").status == 504


def test_backend_that_stalls_in_its_body_is_cut_off(backend):
    with Gateway(backend, upstream={"timeouts": {"idle": "100ms"}}) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        assert incomplete(client).got == b"half"
        assert connection.has_ended()
        assert gateway.access_lines(1)[0]["abort"] == "upstream_timeout"


def test_backend_that_refuses_connections_is_502(gateway):
    with Gateway({"address": free_address()}) as gateway:
        answer = gateway.request("GET", "/")
        assert answer.status == 502
        assert "Chưa kết nối được" in answer.text


def test_backend_that_does_not_accept_is_504_or_502():
    """Its queue of connections is full, so connecting takes for ever."""
    backend = ScriptedBackend(backlog=0)
    backend.fill_backlog()
    with Gateway(backend, upstream={"timeouts": {"connect": "100ms"}}) as gateway:
        assert gateway.request("GET", "/").status in (502, 504)


# --- a client that leaves -------------------------------------------------------------------------

def test_client_that_leaves_frees_its_backend_connection_at_once():
    with Node("alone") as node, Gateway(node) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/any?hang=1")
        eventually(lambda: node.stats()["requests"] == 1, "the request is at the node")
        assert node.stats()["connections"]["open"] == 1
        client.close()
        eventually(lambda: node.stats()["connections"]["open"] == 0, "the connection is closed")
        assert node.stats()["aborted"] == 1
        line = gateway.access_lines(1)[0]
        assert line["abort"] == "client_left"
        assert "status" not in line


def test_client_that_leaves_in_a_download_frees_its_backend_connection(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.send(head_bytes("HTTP/1.1 200 OK", [("Content-Length", "1000000")]) + b"begin")
        client.read_answer_head()
        client.close()
        assert connection.has_ended()


def test_client_that_leaves_in_the_queue_of_a_pipeline_is_noticed(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/1").send_request("GET", "/2")
        connection = backend.accept()
        connection.read_request()
        client.close()
        assert connection.has_ended()


def test_http_1_0_client_that_leaves_in_its_answer_is_reset(backend):
    """An orderly end would make the half that it got look complete (nc ends its side early)."""
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/", version="HTTP/1.0")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send(chunk(b"half"))
        client.read_answer_head()
        assert client.read_exactly(4) == b"half"
        client.shutdown()
        assert client.read_to_end() == b""
        assert client.was_reset


# --- an upload that the backend refuses -----------------------------------------------------------

def test_answer_before_a_reset_counts_although_sending_has_failed(backend):
    """The worker looks up when all has happened: more of the body, the answer, the reset."""
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Content-Length": "1000000"}).send(bytes(1000))
        connection = backend.accept()
        connection.read_request_head()
        connection.read_exactly(1000)
        pid = gateway.worker_pids()["worker 0"]
        os.kill(pid, signal.SIGSTOP)
        client.send(bytes(1000))
        connection.answer(413, [("Connection", "close")], b"too much")
        connection.reset()
        os.kill(pid, signal.SIGCONT)
        answer = client.read_answer()
        assert (answer.status, answer.body) == (413, b"too much")
