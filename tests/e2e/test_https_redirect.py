"""The plain listener that only says where the real one is."""

import pytest

from env import Gateway


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}, {"redirect_https": True}]) as gateway:
        yield gateway


@pytest.fixture
def client(gateway):
    return gateway.connect(1)


def location(gateway, rest):
    port = gateway.address(0).rpartition(":")[2]
    return f"https://portal.test:{port}{rest}"


@pytest.mark.parametrize("target, rest", [
    ("/", "/"), ("/a/b?c=d&e", "/a/b?c=d&e"), ("/a/../b", "/b"), ("//evil.test/a", "/evil.test/a"),
])
def test_get_is_redirected(gateway, client, target, rest):
    answer = client.request("GET", target)
    assert answer.status == 301
    assert answer.headers.get("Location") == location(gateway, rest)


def test_port_of_the_request_is_replaced(gateway, client):
    answer = client.request("GET", "/", host="portal.test:8080")
    assert answer.headers.get("Location") == location(gateway, "/")


def test_post_keeps_its_method(gateway, client):
    answer = client.request("POST", "/form", body=b"a=b")
    assert (answer.status, answer.headers.get("Location")) == (308, location(gateway, "/form"))
    assert client.request("GET", "/").status == 301


def test_nothing_reaches_the_backend(node, client):
    before = node.stats()["requests"]
    client.request("GET", "/")
    client.request("POST", "/dossiers", body=b"secret")
    assert node.stats()["requests"] == before


@pytest.mark.parametrize("host", ["evil.test/", "a b", "x\"y", "user@portal.test", ""])
def test_bad_host_is_not_redirected_to(client, host):
    assert client.request("GET", "/", host=host).status == 400


def test_request_without_a_host_cannot_be_redirected(client):
    assert client.request("GET", "/", host=None, version="HTTP/1.0").status == 400


def test_upgrade_is_redirected_not_tunnelled(client):
    answer = client.request("GET", "/ws", {"Connection": "Upgrade", "Upgrade": "websocket"})
    assert answer.status == 301


def test_hsts_is_not_said_over_plain_http(client):
    assert "Strict-Transport-Security" not in client.request("GET", "/").headers
