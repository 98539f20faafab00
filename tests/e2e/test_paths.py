"""One path has one form, for matching and for forwarding, however it is spelled."""

import pytest

from env import Gateway, Node, ScriptedBackend


@pytest.fixture(scope="module")
def gateway(node):
    with Node("admin") as admin, Gateway(
            upstreams=[{"name": "portal", "peers": [node]}, {"name": "admin", "peers": [admin]}],
            routes=[{"path": "/", "upstream": "portal"},
                    {"path": "/echo/admin", "upstream": "admin"}],
    ) as gateway:
        yield gateway


@pytest.fixture
def client(gateway):
    return gateway.connect()


@pytest.mark.parametrize("target", [
    "/echo/admin/x", "/echo/%61dmin/x", "/echo//admin/x", "//echo/admin//x", "/echo/./admin/x",
    "/echo/a/../admin/x", "/echo/a/%2e%2e/admin/x", "/echo/a/%2E./admin/x", "/%65cho/%61%64min/x",
    "/./echo/admin/x", "/echo/admin/%78", "/a/b/../../echo/admin/x",
])
def test_every_spelling_of_a_path_meets_the_same_route(client, target):
    assert client.request("GET", target).headers.get("X-Node") == "admin"


@pytest.mark.parametrize("target, forwarded", [
    ("/./echo", "/echo"),
    ("/a/../echo", "/echo"),
    ("/a/%2e%2e/echo", "/echo"),
    ("//echo", "/echo"),
    ("/%65%63%68%6F", "/echo"),
    ("/echo?a=/../b//c%2e%5c", "/echo?a=/../b//c%2e%5c"),
    ("/echo?", "/echo?"),
    ("/echo??a=%00", "/echo??a=%00"),
])
def test_canonical_path_is_forwarded_with_the_query_untouched(client, target, forwarded):
    assert client.request("GET", target).json()["target"] == forwarded


@pytest.mark.parametrize("target", ["/ho-so/%C4%91%C6%B0%E1%BB%A3c", "/h%e1%bb%93-s%c6%a1"])
def test_escaped_vietnamese_passes(client, target):
    assert client.request("GET", target).status == 200


@pytest.mark.parametrize("target", [
    "/..", "/../etc/passwd", "/a/../../b", "/%2e%2e/a", "/a/..%2f..%2fb", "/%2e%2e%2fa",
    "/a\\b", "/a%5cb", "/a%5C..%5Cb", "/..\\a",
    "/a%00", "/%00", "/a%00.html", "/a%0d%0aX: y", "/a%09b", "/a%7f",
    "/a%2fb", "/a%2Fb",
    "/%c0%ae%c0%ae/a", "/%c0%af", "/%e0%80%af", "/%f0%80%80%af", "/%ed%a0%80", "/%ff",
    "/%", "/%4", "/%zz", "/%u002e", "/a#b",
    "/..;/a", "/.;x/a",
    "/h\u1ed3-s\u01a1", "/caf\xe9",
    "a", "echo", "?a", "../a", "http:/portal.test/", "ftp://portal.test/", "http://", "http:///a",
], ids=repr)
def test_path_that_can_be_read_in_two_ways_is_refused(node, client, target):
    before = node.stats()["requests"]
    client.send(b"GET " + target.encode() + b" HTTP/1.1\r\nHost: portal.test\r\n\r\n")
    assert client.read_answer().status == 400
    assert client.has_ended()
    assert node.stats()["requests"] == before


@pytest.mark.parametrize("target", ["/echo/%252e%252e/admin/x", "/echo/%252fadmin/x", "/%2500"])
def test_escape_of_an_escape_is_no_escape(target):
    """Whoever decodes twice is not us: the path is matched and forwarded as it is."""
    backend, admin = ScriptedBackend(), ScriptedBackend()
    with Gateway(upstreams=[{"name": "portal", "peers": [backend]},
                            {"name": "admin", "peers": [admin]}],
                 routes=[{"path": "/", "upstream": "portal"},
                         {"path": "/echo/admin", "upstream": "admin"}]) as gateway:
        client = gateway.connect()
        client.send_request("GET", target)
        assert backend.accept().serve().target == target
        assert client.read_answer().status == 200
        assert admin.accept_waiting() == []


@pytest.mark.parametrize("raw, escaped", [("/a|b", "/a%7Cb"), ("/a[1]", "/a%5B1%5D"),
                                          ("/a^b", "/a%5Eb")])
def test_what_browsers_send_raw_is_escaped(gateway, client, raw, escaped):
    assert client.request("GET", "/echo?x").status == 200
    answer = client.request("GET", raw)
    assert answer.status == 200
    assert gateway.access_line(answer)["target"] == raw
