"""Once more on another peer: when nothing was sent, or the method is idempotent; never else."""

import pytest

from env import Gateway, Node, ScriptedBackend, chunked, eventually, free_address


@pytest.fixture
def backends():
    return ScriptedBackend(), ScriptedBackend()


def accept_first(backends):
    """(the connection that came, the backend that it did not come to)"""
    while True:
        for mine, other in (backends, backends[::-1]):
            found = mine.accept_waiting()
            if found:
                return found[0], other


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_refused_connection_moves_on_to_the_other_peer(node, method):
    """Nothing was sent, so any method may."""
    with Gateway({"address": free_address()}, node,
                 upstream={"balance": "round_robin"}) as gateway:
        client = gateway.connect()
        for _ in range(10):
            answer = client.request(method, "/echo", body=b"a body" if method == "POST" else None)
            assert answer.status == 200
        retries = [line["retries"] for line in gateway.access_lines(10)]
        assert sorted(set(retries)) == [0, 1]
        assert gateway.metrics()["cong_upstream_retries_total"] == sum(retries) == 5


def test_body_is_complete_after_a_refused_connection(node):
    with Gateway({"address": free_address()}, node) as gateway:
        client = gateway.connect()
        for _ in range(4):
            body = b"x" * 300000
            assert client.request("POST", "/echo", body=body).json()["bytes"] == len(body)


def test_all_peers_down_is_502():
    with Gateway({"address": free_address()}, {"address": free_address()}) as gateway:
        answer = gateway.request("GET", "/")
        assert answer.status == 502
        assert gateway.access_line(answer)["retries"] == 1


def test_peer_that_comes_back_is_used_again():
    address = free_address()
    port = int(address.rpartition(":")[2])
    with Gateway({"address": address}) as gateway:
        client = gateway.connect()
        assert client.request("GET", "/").status == 502
        backend = ScriptedBackend(port)
        client.send_request("GET", "/")
        backend.accept().serve()
        assert client.read_answer().status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PUT"])
def test_idempotent_request_is_sent_again_when_the_peer_dies(backends, method):
    with Gateway(*backends) as gateway:
        client = gateway.connect()
        client.send_request(method, "/once-more")
        connection, other = accept_first(backends)
        first = connection.read_request()
        connection.close()
        second = other.accept().serve()
        assert client.read_answer(to_head=method == "HEAD").status == 200
        for request in (first, second):
            assert (request.method, request.target) == (method, "/once-more")


@pytest.mark.parametrize("method", ["POST", "PATCH", "PROPFIND"])
def test_other_request_is_never_sent_twice(backends, method):
    with Gateway(*backends) as gateway:
        client = gateway.connect()
        client.send_request(method, "/once", body=b"a dossier")
        connection, other = accept_first(backends)
        connection.read_request()
        connection.close()
        assert client.read_answer().status == 502
        assert other.accept_waiting() == []


def test_post_without_a_body_is_never_sent_twice(backends):
    with Gateway(*backends) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/once", body=b"")
        connection, other = accept_first(backends)
        connection.read_request()
        connection.reset()
        assert client.read_answer().status == 502
        assert other.accept_waiting() == []


def test_body_that_is_gone_is_not_sent_again(backends):
    """PUT is idempotent, but its body was streamed and cannot be had again."""
    with Gateway(*backends) as gateway:
        client = gateway.connect()
        client.send_request("PUT", "/", body=b"gone")
        connection, other = accept_first(backends)
        connection.read_request()
        connection.close()
        assert client.read_answer().status == 502
        assert other.accept_waiting() == []


def test_answer_that_has_begun_is_not_asked_for_again(backends):
    with Gateway(*backends) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection, other = accept_first(backends)
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nX-").close()
        assert client.read_answer().status == 502
        assert other.accept_waiting() == []


def test_it_is_tried_once_more_only(backends):
    with Gateway(*backends) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection, other = accept_first(backends)
        connection.read_request()
        connection.close()
        connection = other.accept()
        connection.read_request()
        connection.close()
        assert client.read_answer().status == 502
        assert [backend.accept_waiting() for backend in backends] == [[], []]


def test_retries_can_be_switched_off(backends):
    with Gateway(*backends, upstream={"retries": 0}) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection, other = accept_first(backends)
        connection.read_request()
        connection.close()
        assert client.read_answer().status == 502
        assert other.accept_waiting() == []


def test_late_get_is_tried_on_the_other_peer(backends):
    with Gateway(*backends, upstream={"timeouts": {"response": "100ms"}}) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection, other = accept_first(backends)
        connection.read_request()
        other.accept().serve(body=b"in time")
        assert client.read_answer().body == b"in time"
        assert connection.has_ended()


def test_late_post_is_not(backends):
    with Gateway(*backends, upstream={"timeouts": {"response": "100ms"}}) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", body=b"a dossier")
        connection, other = accept_first(backends)
        connection.read_request()
        assert client.read_answer().status == 504
        assert other.accept_waiting() == []


# --- pooled connections that the backend closes in the same moment --------------------------------

def pooled(gateway, backend):
    """(client, a connection to the backend that is about to be used again)"""
    client = gateway.connect()
    client.send_request("GET", "/first")
    connection = backend.accept()
    connection.serve()
    assert client.read_answer().status == 200
    return client, connection


@pytest.mark.parametrize("how", ["close", "reset"])
def test_get_on_a_stale_connection_gets_a_new_one(how):
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client, connection = pooled(gateway, backend)
        client.send_request("GET", "/second")
        connection.read_request()
        getattr(connection, how)()
        assert backend.accept().serve(body=b"fresh").target == "/second"
        assert client.read_answer().body == b"fresh"


def test_post_on_a_stale_connection_is_not_sent_again():
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client, connection = pooled(gateway, backend)
        client.send_request("POST", "/second", body=b"a dossier")
        connection.read_request()
        connection.close()
        assert client.read_answer().status == 502
        assert backend.accept_waiting() == []


def test_connection_that_the_backend_closed_while_idle_is_not_lent():
    """Its end was seen, so even a POST is safe: it goes out on a new connection."""
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client, connection = pooled(gateway, backend)
        connection.close()
        eventually(lambda: gateway.metrics()["cong_upstream_connections_idle"] == 0, "it was seen")
        client.send_request("POST", "/second", body=b"a dossier")
        assert backend.accept().serve().body == b"a dossier"
        assert client.read_answer().status == 200


def test_dossier_is_stored_once_however_the_node_fails(tmp_path):
    """Nodes that reset after their work: what the client was told matches what was stored. In turn, for
    by latency a node that began slowly would not be asked at all."""
    journal = tmp_path / "journal"
    with Node("one", "--reset-rate", "0.3", "--seed", "7", "--journal", str(journal)) as one:
        with Node("two", "--journal", str(journal)) as two, \
                Gateway(one, two, upstream={"balance": "round_robin"}) as gateway:
            client = gateway.connect()
            statuses = [client.request("POST", "/dossiers", body=b"%d" % n).status
                        for n in range(60)]
            assert set(statuses) == {201, 502}
            stored = journal.read_text().splitlines()
            assert len(stored) == 60, "each exactly once, also those that were answered with 502"


def test_empty_chunked_body_is_sent_whole_or_not_at_all():
    """Its end went to the stale connection; a second attempt would be a request without an end."""
    backend = ScriptedBackend()
    with Gateway(backend, upstream={"timeouts": {"response": "2s"}}) as gateway:
        client, connection = pooled(gateway, backend)
        client.send_request("PUT", "/second", {"Transfer-Encoding": "chunked"}).send(chunked())
        assert connection.read_request().body == b""
        connection.close()
        assert client.read_answer().status == 502
        assert backend.accept_waiting() == []
