"""How long a client's connection lives: keep-alive, pipelining, HTTP/1.0."""

import pytest

from env import Gateway, ScriptedBackend, request_bytes


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, listeners=[{}, {"tls": certs.tls}],
                 limits={"pipeline": "4KiB"}) as gateway:
        yield gateway


@pytest.fixture
def client(gateway):
    return gateway.connect()


def names_of(answers):
    return [answer.json()["target"] for answer in answers]


def test_connection_serves_many_requests(client):
    for number in range(50):
        assert client.request("GET", f"/echo?n={number}").json()["target"] == f"/echo?n={number}"


def test_backend_connection_is_used_again(gateway, client):
    first = client.request("GET", "/echo").json()
    second = client.request("GET", "/echo").json()
    assert second["connection"] == first["connection"]
    assert second["request"] == first["request"] + 1


def test_connection_close_ends_it_after_the_answer(client):
    answer = client.request("GET", "/", {"Connection": "close"})
    assert answer.status == 200
    assert answer.headers.get("Connection") == "close"
    assert client.has_ended()


def test_close_is_found_among_other_options(client):
    client.request("GET", "/", [("Connection", "x-a"), ("Connection", "keep-alive, CLOSE")])
    assert client.has_ended()


def test_close_of_the_backend_is_not_the_clients(client):
    answer = client.request("GET", "/any?close=end")
    assert "Connection" not in answer.headers
    assert client.request("GET", "/").status == 200


@pytest.mark.parametrize("listener", [0, 1], ids=["plain", "tls"])
def test_pipelined_requests_are_answered_in_order(gateway, listener):
    client = gateway.connect(listener)
    targets = [f"/echo?n={n}" + ("&delay=30ms" if n % 5 == 0 else "") for n in range(20)]
    client.send(b"".join(request_bytes("GET", target) for target in targets))
    assert names_of(client.read_answer() for _ in targets) == targets


def test_pipelined_bodies_are_told_apart(client):
    bodies = [b"GET /nested HTTP/1.1\r\n\r\n", b"", b"x" * 3000, b"0\r\n\r\n"]
    client.send(b"".join(request_bytes("POST", "/echo?body=1", body=body) for body in bodies))
    assert [client.read_answer().body for _ in bodies] == bodies


@pytest.mark.parametrize("listener", [0, 1], ids=["plain", "tls"])
def test_more_than_the_gateway_reads_ahead_can_be_pipelined(gateway, listener):
    client = gateway.connect(listener)
    targets = ["/echo?delay=100ms", *(f"/echo?n={n}" for n in range(1000))]
    client.send(b"".join(request_bytes("GET", target) for target in targets))
    assert names_of(client.read_answer() for _ in targets) == targets


def test_pipelined_request_waits_for_the_answer_before_it():
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/first").send_request("GET", "/second")
        connection = backend.accept()
        assert connection.read_request().target == "/first"
        assert backend.accept_waiting() == []
        connection.answer(body=b"1")
        assert client.read_answer().body == b"1"
        assert connection.serve(body=b"2").target == "/second"
        assert client.read_answer().body == b"2"


def test_requests_behind_a_close_are_not_served(node, client):
    before = node.stats()["requests"]
    client.send_request("GET", "/echo", {"Connection": "close"}).send_request("GET", "/echo")
    assert client.read_answer().status == 200
    assert client.has_ended()
    assert node.stats()["requests"] == before + 1


def test_empty_lines_before_a_request_are_ignored(client):
    client.send("\r\n\r\n")
    assert client.request("GET", "/").status == 200
    client.send("\r\n")
    assert client.request("GET", "/").status == 200


def test_http_1_0_closes_after_the_answer(client):
    answer = client.request("GET", "/echo", version="HTTP/1.0")
    assert answer.version == "HTTP/1.1"
    assert answer.json()["version"] == "1.1"
    assert client.has_ended()


def test_http_1_0_may_ask_to_be_kept(client):
    for _ in range(2):
        answer = client.request("GET", "/", {"Connection": "Keep-Alive"}, version="HTTP/1.0")
        assert answer.headers.get("Connection") == "keep-alive"
    assert client.request("GET", "/").status == 200


def test_http_1_0_gets_no_chunks(client):
    answer = client.request("GET", "/any?bytes=50000&chunked=1", {"Connection": "keep-alive"},
                            version="HTTP/1.0")
    assert "Transfer-Encoding" not in answer.headers
    assert len(answer.body) == 50000
    assert client.has_ended()


def test_http_1_0_needs_no_host(client):
    assert client.request("GET", "/", host=None, version="HTTP/1.0").status == 200


def test_http_1_0_gets_no_interim_answer(client):
    assert client.request("GET", "/any?interim=103", version="HTTP/1.0").interim == []


def test_idle_connection_ends_after_keep_alive(node):
    with Gateway(node, timeouts={"keep_alive": "1s"}) as gateway:
        client = gateway.connect()
        assert client.request("GET", "/").status == 200
        assert client.has_ended()
        assert not client.was_reset


def test_head_answer_with_chunks_has_no_body(client):
    answer = client.request("HEAD", "/any?chunked=1&bytes=500")
    assert answer.body == b""
    assert client.request("GET", "/any?bytes=3").body


def test_answers_without_content_keep_the_connection(client):
    for status in (204, 304):
        assert client.request("GET", f"/any?status={status}").body == b""
    assert client.request("GET", "/any?bytes=5").status == 200
