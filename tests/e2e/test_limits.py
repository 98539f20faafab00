"""Every size and every wait has an end."""

import pytest

from env import Gateway, ScriptedBackend, chunk, chunked


@pytest.fixture(scope="module")
def gateway(node):
    with Gateway(node,
                 limits={"head": "4KiB", "target": "1KiB", "headers": 20, "body": "10KiB"},
                 timeouts={"request_head": "200ms", "request_body": "200ms", "shutdown": "5s"},
                 routes=[{"path": "/", "upstream": "portal"},
                         {"path": "/small", "upstream": "portal", "body_limit": "10B"},
                         {"path": "/none", "upstream": "portal", "body_limit": "0B"}]) as gateway:
        yield gateway


@pytest.fixture
def client(gateway):
    return gateway.connect()


def refused(client, node, status, send):
    """The gateway refuses what `send` sends, the node sees nothing, the connection ends."""
    before = node.stats()["requests"]
    send()
    answer = client.read_answer()
    assert answer.status == status
    assert answer.headers.get("Connection") == "close"
    client.shutdown()
    assert client.read_to_end() == b""
    assert node.stats()["requests"] == before
    return answer


# --- sizes ----------------------------------------------------------------------------------------

def test_longest_target_is_served(client):
    assert client.request("GET", "/" + "a" * 1023).status == 200


def test_longer_target_is_414(client, node):
    refused(client, node, 414, lambda: client.send_request("GET", "/" + "a" * 1024))


def test_endless_target_is_414(client, node):
    refused(client, node, 414, lambda: client.send("GET /" + "a" * 100000))


def test_large_head_is_431(client, node):
    refused(client, node, 431, lambda: client.send_request("GET", "/", {"X-Large": "a" * 4096}))


def test_head_just_within_the_limit_is_served(client):
    head = "GET / HTTP/1.1\r\nHost: portal.test\r\nX-Large: \r\n\r\n"
    answer = client.request("GET", "/", {"X-Large": "a" * (4096 - len(head))})
    assert answer.status == 200


def test_largest_head_of_the_defaults_reaches_the_node(node):
    with Gateway(node) as gateway:
        fields = [(f"X-{n}", "a" * 300) for n in range(95)]
        got = gateway.request("GET", "/echo", fields).echoed
        assert [field for field in got if field in fields] == fields


def test_many_fields_are_431(client, node):
    refused(client, node, 431, lambda: client.send_request(
        "GET", "/", [(f"X-{n}", "1") for n in range(20)]))


def test_as_many_fields_as_allowed_are_served(client):
    assert client.request("GET", "/", [(f"X-{n}", "1") for n in range(19)]).status == 200


def test_endless_field_is_431(client, node):
    refused(client, node, 431,
            lambda: client.send("GET / HTTP/1.1\r\nHost: portal.test\r\nX-Endless: " + "a" * 50000))


def test_large_trailers_are_refused(client):
    client.send_request("POST", "/", {"Transfer-Encoding": "chunked"})
    client.send(b"0\r\nX-Large: " + b"a" * 10000 + b"\r\n\r\n")
    assert client.read_answer().status in (400, 431)


def test_body_of_known_length_over_the_limit_is_413(client, node):
    refused(client, node, 413,
            lambda: client.send_request("POST", "/", {"Content-Length": str(1024 * 1024)}))


def test_body_a_little_over_the_limit_is_413_and_the_connection_goes_on(client):
    assert client.request("POST", "/", body=b"a" * 10241).status == 413
    assert client.request("GET", "/").status == 200


def test_body_at_the_limit_is_served(client):
    assert client.request("POST", "/echo", body=b"a" * 10240).json()["bytes"] == 10240
    client.send_request("POST", "/echo", {"Transfer-Encoding": "chunked"})
    assert client.send(chunked(b"a" * 10000, b"b" * 240)).read_answer().json()["bytes"] == 10240


def test_chunks_over_the_limit_are_413_and_the_node_sees_no_end(client, node):
    bodies = node.stats()["bodies"]
    client.send_request("POST", "/upload", {"Transfer-Encoding": "chunked"})
    client.send(chunk(b"a" * 10000)).send(chunk(b"b" * 241))
    answer = client.read_answer()
    assert (answer.status, answer.headers.get("Connection")) == (413, "close")
    assert node.stats()["bodies"] == bodies


def test_route_has_a_limit_of_its_own(client):
    assert client.request("POST", "/small", body=b"a" * 10).status == 200
    assert client.request("POST", "/small", body=b"a" * 11).status == 413


def test_limit_of_nought_takes_no_body(gateway):
    assert gateway.request("POST", "/none", body=b"").status == 200
    assert gateway.request("POST", "/none", body=b"a").status == 413


@pytest.mark.parametrize("length", ["18446744073709551615", "18446744073709551616", "9" * 18,
                                    "9" * 40])
def test_gigantic_length_is_refused(client, length):
    client.send_request("POST", "/", {"Content-Length": length})
    assert client.read_answer().status in (400, 413)


def test_many_tiny_chunks_are_bounded(gateway):
    """One-byte chunks: the body's limit ends them, if nothing does before."""
    client = gateway.connect()
    client.send_request("POST", "/upload", {"Transfer-Encoding": "chunked"})
    client.send(chunk(b"a") * 10241)
    assert client.read_answer().status in (400, 413)


def test_chunk_extensions_are_bounded(gateway):
    """1 KB extensions on tiny chunks"""
    client = gateway.connect()
    client.send_request("POST", "/upload", {"Transfer-Encoding": "chunked"})
    client.send((b"1;" + b"x" * 1024 + b"\r\na\r\n") * 1000 + b"0\r\n\r\n")
    assert client.read_answer().status == 400


def test_endless_chunk_extension_is_refused(gateway):
    client = gateway.connect()
    client.send_request("POST", "/upload", {"Transfer-Encoding": "chunked"})
    client.send(b"1;" + b"x" * 200000)
    assert client.read_answer().status == 400


# --- waits ----------------------------------------------------------------------------------------

def test_slow_head_is_408(client):
    client.send("GET / HTTP/1.1\r\nHost: por")
    answer = client.read_answer()
    assert (answer.status, answer.headers.get("Connection")) == (408, "close")
    assert client.has_ended()


def test_head_has_one_deadline_however_many_bytes_come(client):
    """slowloris: each byte restarts nothing"""
    client.send("GET / HTTP/1.1\r\n")
    client.socket.settimeout(0.02)
    sent = 0
    while True:
        try:
            answer = client.read_answer()
            break
        except TimeoutError:
            client.send("X")
            sent += 1
    assert answer.status == 408
    assert sent > 1


def test_slow_second_head_is_408_too(client):
    assert client.request("GET", "/").status == 200
    client.send("G")
    assert client.read_answer().status == 408


def test_slow_body_is_408(client):
    client.send_request("POST", "/upload", {"Content-Length": "100"}).send("slow")
    answer = client.read_answer()
    assert (answer.status, answer.headers.get("Connection")) == (408, "close")
    assert client.has_ended()


def test_slow_chunk_is_408(client):
    client.send_request("POST", "/upload", {"Transfer-Encoding": "chunked"}).send("5\r\nab")
    assert client.read_answer().status == 408


def test_slow_body_leaves_the_backend_without_a_complete_request(client, node):
    bodies = node.stats()["bodies"]
    client.send_request("POST", "/upload", {"Transfer-Encoding": "chunked"}).send("5\r\nab")
    assert client.read_answer().status == 408
    assert node.stats()["bodies"] == bodies


def test_connection_that_says_nothing_is_closed(client):
    assert client.has_ended()
    assert not client.was_reset


def test_client_that_takes_nothing_is_cut_off():
    backend = ScriptedBackend()
    with Gateway(backend, timeouts={"send": "200ms"}) as gateway:
        client = gateway.connect(receive_buffer=4096)
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        with pytest.raises(OSError):
            while True:
                connection.send(bytes(65536))
        line = gateway.access_lines(1)[0]
        assert line["abort"] == "client_timeout"
