"""The plain life: requests and answers, over TCP and over TLS."""

import hashlib

import pytest

from env import Gateway, chunked


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, listeners=[{}, {"tls": certs.tls}],
                 route={"body_limit": "1MiB"}) as gateway:
        yield gateway


@pytest.fixture(params=[0, 1], ids=["plain", "tls"])
def client(gateway, request):
    return gateway.connect(request.param)


def test_get_brings_the_page_of_the_node(client):
    answer = client.request("GET", "/")
    assert answer.status == 200
    assert answer.headers.get("X-Node") == "node"
    assert "Nút xử lý" in answer.text


def test_head_brings_the_length_and_no_body(client):
    answer = client.request("HEAD", "/any?bytes=12345")
    assert answer.status == 200
    assert answer.headers.get("Content-Length") == "12345"
    assert client.request("GET", "/any?bytes=10").body, "the connection goes on behind it"


def test_post_brings_the_body_to_the_node(client):
    answer = client.request("POST", "/echo?a=1&b=%20", body=b"h\x00 so\xff" * 1000)
    got = answer.json()
    assert (got["method"], got["target"]) == ("POST", "/echo?a=1&b=%20")
    assert got["bytes"] == 6000
    assert got["sha256"] == hashlib.sha256(b"h\x00 so\xff" * 1000).hexdigest()


def test_body_comes_back_byte_for_byte(client):
    body = bytes(range(256)) * 512
    assert client.request("POST", "/echo?body=1", body=body).body == body


def test_empty_body_keeps_its_length_of_zero(client):
    got = client.request("POST", "/echo", body=b"").json()
    assert ["content-length", "0"] in [[n.lower(), v] for n, v in got["headers"]]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_methods_arrive_as_they_were_sent(client, method):
    assert client.request(method, "/echo").json()["method"] == method


@pytest.mark.parametrize("status", [200, 201, 204, 206, 301, 304, 400, 404, 418, 500, 503, 599])
def test_statuses_of_the_node_are_passed_on(client, status):
    assert client.request("GET", f"/any?status={status}").status == status
    assert client.request("GET", "/").status == 200


def test_large_answer_arrives_whole(client):
    answer = client.request("GET", "/download?bytes=3000000")
    assert hashlib.sha256(answer.body).hexdigest() == answer.headers.get("X-SHA256")


def test_chunked_request_arrives_whole(client):
    pieces = [b"a" * 1000, b"b", b"c" * 70000]
    client.send_request("POST", "/echo", {"Transfer-Encoding": "chunked"})
    got = client.send(chunked(*pieces)).read_answer().json()
    assert got["bytes"] == 71001
    assert got["sha256"] == hashlib.sha256(b"".join(pieces)).hexdigest()
    names = [name.lower() for name, _ in got["headers"]]
    assert "content-length" not in names and names.count("transfer-encoding") == 1


def test_chunks_may_come_byte_by_byte(client):
    client.send_request("POST", "/echo?body=1", {"Transfer-Encoding": "chunked"})
    for byte in chunked(b"hello", b" ", b"world"):
        client.send(bytes([byte]))
    assert client.read_answer().body == b"hello world"


def test_head_may_come_byte_by_byte(client):
    for byte in b"GET /echo HTTP/1.1\r\nHost: portal.test\r\nX-A: b\r\n\r\n":
        client.send(bytes([byte]))
    assert ["X-A", "b"] in client.read_answer().json()["headers"]


def test_chunked_answer_arrives_whole(client):
    answer = client.request("GET", "/download?bytes=500000&chunked=1")
    assert answer.headers.get("Transfer-Encoding") == "chunked"
    assert hashlib.sha256(answer.body).hexdigest() == answer.headers.get("X-SHA256")
    assert client.request("GET", "/").status == 200


def test_answer_that_ends_with_its_connection_becomes_chunked(client):
    answer = client.request("GET", "/download?bytes=100000&close=end")
    assert answer.headers.get("Transfer-Encoding") == "chunked"
    assert hashlib.sha256(answer.body).hexdigest() == answer.headers.get("X-SHA256")
    assert client.request("GET", "/").status == 200, "the client's connection goes on"


def test_trailers_of_a_request_reach_the_node(client):
    client.send_request("POST", "/echo", {"Transfer-Encoding": "chunked", "Trailer": "X-Checksum"})
    got = client.send(chunked(b"data", trailers=[("X-Checksum", "abc")])).read_answer().json()
    assert got["trailers"] == [["X-Checksum", "abc"]]


def test_trailers_of_an_answer_reach_the_client(client):
    answer = client.request("GET", "/any?bytes=10&trailer=1")
    assert answer.trailers == [("X-Trailer", "the end")]
    assert answer.headers.get("Trailer") == "X-Trailer"
