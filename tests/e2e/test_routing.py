"""Which request goes where: hosts, paths, methods, rewrites, redirects, response headers."""

import pytest

from env import Gateway, Node, ScriptedBackend

ROUTES = [
    {"host": "portal.test", "path": "/", "upstream": "portal"},
    {"host": "portal.test", "path": "/tinh", "upstream": "tinh"},
    {"host": "portal.test", "path": "/tinh/ha-noi", "upstream": "portal", "rewrite": "/"},
    {"host": "portal.test", "path": "/nop", "upstream": "portal", "methods": ["POST", "PUT"]},
    {"host": "portal.test", "path": "/xem", "upstream": "portal", "methods": ["GET"]},
    {"host": "portal.test", "path": "/xem", "upstream": "tinh", "name": "xem-post",
     "methods": ["POST"]},
    {"host": "portal.test", "path": "/slash/", "upstream": "tinh"},
    {"host": "*.portal.test", "path": "/", "upstream": "tinh"},
    {"host": "exact.portal.test", "path": "/", "upstream": "portal"},
    {"hosts": ["one.test", "two.test"], "path": "/", "name": "both", "upstream": "portal"},
    {"host": "dichvucong.ha-noi.test", "redirect": "https://portal.test/tinh/ha-noi"},
    {"host": "old.test", "path": "/cu", "redirect": "https://portal.test/moi"},
    {"host": "edit.test", "path": "/", "upstream": "portal"},
    {"host": "edit.test", "path": "/add", "upstream": "portal", "response_headers": {
        "add": {"Cache-Control": "no-store", "X-Frame-Options": "DENY"},
        "remove": ["X-Node", "X-Content-Type-Options", "Strict-Transport-Security"]}},
]


@pytest.fixture(scope="module")
def gateway(node, certs):
    headers = {"add": {"X-Content-Type-Options": "nosniff"}, "remove": ["Server", "X-Powered-By"]}
    with Node("tinh") as tinh, Gateway(
            listeners=[{}, {"tls": certs.tls}], routes=ROUTES, response_headers=headers,
            upstreams=[{"name": "portal", "peers": [node]}, {"name": "tinh", "peers": [tinh]}],
    ) as gateway:
        yield gateway


@pytest.fixture
def client(gateway):
    return gateway.connect()


def who(client, host, target="/", method="GET"):
    """The name of the node that answered, or the status of the gateway's own answer."""
    answer = client.request(method, target, host=host)
    return answer.headers.get("X-Node") or answer.status


@pytest.mark.parametrize("host, expected", [
    ("portal.test", "node"),
    ("PORTAL.Test", "node"),
    ("portal.test.", "node"),
    ("portal.test:8443", "node"),
    ("exact.portal.test", "node"),
    ("any.portal.test", "tinh"),
    ("deep.any.portal.test", "tinh"),
    ("one.test", "node"),
    ("two.test", "node"),
    ("three.test", 404),
    ("notportal.test", 404),
    ("portal.test.evil", 404),
    ("[::1]", 404),
    ("127.0.0.1:8080", 404),
])
def test_host_decides(client, host, expected):
    assert who(client, host) == expected


@pytest.mark.parametrize("target, expected", [
    ("/", "node"),
    ("/anything/else", "node"),
    ("/tinh", "tinh"),
    ("/tinh/", "tinh"),
    ("/tinh/an-giang?x=/tinh/ha-noi", "tinh"),
    ("/tinhx", "node"),
    ("/tinh/ha-noi/ho-so", "node"),
    ("/tinh/ha-noix", "tinh"),
    ("/slash/a", "tinh"),
    ("/slash", "node"),
])
def test_longest_prefix_of_whole_segments_decides(client, target, expected):
    assert who(client, "portal.test", target) == expected


def test_method_decides_between_routes_of_one_path(client):
    assert who(client, "portal.test", "/xem", "GET") == "node"
    assert who(client, "portal.test", "/xem", "POST") == "tinh"


def test_get_serves_head_too(client):
    assert who(client, "portal.test", "/xem", "HEAD") == "node"


def test_method_that_no_route_takes_is_answered_with_those_that_one_takes(client):
    for method, target, allowed in [("DELETE", "/xem", {"GET", "HEAD", "POST"}),
                                    ("GET", "/nop", {"POST", "PUT"})]:
        answer = client.request(method, target, host="portal.test")
        assert answer.status == 405
        assert set(answer.headers.get("Allow").split(", ")) == allowed


@pytest.mark.parametrize("method, target", [("CONNECT", "portal.test:443"), ("TRACE", "/")])
def test_methods_that_are_no_business_of_a_gateway_are_refused(node, client, method, target):
    before = node.stats()["requests"]
    assert client.request(method, target, host="portal.test").status == 405
    assert node.stats()["requests"] == before


def test_unknown_place_is_404_of_the_gateway(client):
    answer = client.request("GET", "/", host="nowhere.test")
    assert answer.status == 404
    assert "Không tìm thấy trang" in answer.text


@pytest.mark.parametrize("rewrite, target, forwarded", [
    ("/", "/tinh/hue", "/"),
    ("/", "/tinh/hue/", "/"),
    ("/", "/tinh/hue/a?b=1&c", "/a?b=1&c"),
    ("/api", "/tinh/hue", "/api"),
    ("/api", "/tinh/hue?x", "/api?x"),
    ("/api", "/tinh/hue/a/b", "/api/a/b"),
    ("/api/", "/tinh/hue/a/b", "/api/a/b"),
])
def test_rewrite_replaces_the_matched_prefix(rewrite, target, forwarded):
    backend = ScriptedBackend()
    route = {"path": "/tinh/hue", "upstream": "portal", "rewrite": rewrite}
    with Gateway(backend, routes=[route]) as gateway:
        client = gateway.connect()
        client.send_request("GET", target)
        assert backend.accept().serve().target == forwarded
        assert gateway.access_line(client.read_answer())["target"] == target


@pytest.mark.parametrize("target, location", [
    ("/", "https://portal.test/tinh/ha-noi/"),
    ("/ho-so/1?x=1", "https://portal.test/tinh/ha-noi/ho-so/1?x=1"),
    ("//evil.test/", "https://portal.test/tinh/ha-noi/evil.test/"),
])
def test_closed_provincial_host_leads_to_the_portal(client, target, location):
    answer = client.request("GET", target, host="dichvucong.ha-noi.test")
    assert answer.status == 301
    assert answer.headers.get("Location") == location


@pytest.mark.parametrize("target, location", [
    ("/cu", "https://portal.test/moi"),
    ("/cu/", "https://portal.test/moi/"),
    ("/cu/a/b?c", "https://portal.test/moi/a/b?c"),
])
def test_redirect_keeps_the_rest_of_the_path_and_the_query(client, target, location):
    assert client.request("GET", target, host="old.test").headers.get("Location") == location


def test_redirect_of_a_post_keeps_the_method(client):
    answer = client.request("POST", "/cu/a", host="old.test", body=b"x")
    assert answer.status == 308
    assert answer.headers.get("Location") == "https://portal.test/moi/a"


def test_response_headers_are_removed_and_set(client):
    target = "/?header=Server:secret&header=X-Powered-By:old&header=X-Content-Type-Options:other"
    answer = client.request("GET", target, host="portal.test")
    assert "X-Powered-By" not in answer.headers and "Server" not in answer.headers
    assert answer.headers.all("X-Content-Type-Options") == ["nosniff"]


def test_route_edits_response_headers_beyond_the_common_ones(client):
    answer = client.request("GET", "/add?header=Cache-Control:public", host="edit.test")
    assert answer.headers.all("Cache-Control") == ["no-store"]
    assert answer.headers.get("X-Frame-Options") == "DENY"
    assert "X-Node" not in answer.headers and "X-Content-Type-Options" not in answer.headers


def test_hsts_is_said_over_tls_only(gateway):
    name = "Strict-Transport-Security"
    assert name not in gateway.request("GET", "/", host="portal.test").headers
    over_tls = gateway.request("GET", "/", host="portal.test", listener=1)
    assert over_tls.headers.all(name) == ["max-age=31536000; includeSubDomains"]


def test_hsts_can_be_switched_off_for_a_route(gateway):
    answer = gateway.request("GET", "/add", host="edit.test", listener=1)
    assert "Strict-Transport-Security" not in answer.headers


def test_absolute_target_takes_the_place_of_host(gateway, client):
    answer = client.request("GET", "http://any.portal.test/echo?a", host="portal.test")
    assert answer.headers.get("X-Node") == "tinh"
    assert answer.json()["target"] == "/echo?a"
    assert [["Host", "any.portal.test"]] == [h for h in answer.json()["headers"] if h[0] == "Host"]
    assert gateway.access_line(answer)["host"] == "any.portal.test"


def test_options_asterisk_is_answered(client):
    assert client.request("OPTIONS", "*", host="one.test").status in (200, 404)
    assert client.request("GET", "*", host="one.test").status == 400
