"""Fields on their way through: which stay, which go, which the gateway sets."""

import re

import pytest

from env import Gateway, ScriptedBackend

REFERENCE = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}")


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, listeners=[{}, {"tls": certs.tls}]) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def behind_proxy(node):
    """A gateway that trusts 127.0.0.2 and 10.0.0.0/8."""
    with Gateway(node, trusted_proxies=["127.0.0.2", "10.0.0.0/8"]) as gateway:
        yield gateway


def echoed(gateway, headers=(), listener=0, **how):
    """The fields as the node saw them."""
    return gateway.connect(listener, **how).request("GET", "/echo", headers).echoed


# --- end to end -----------------------------------------------------------------------------------

def test_fields_pass_unchanged_and_in_order(gateway):
    sent = [("X-B", "2"), ("X-A", "1"), ("X-B", "3"), ("Cookie", "a=1; b=2"),
            ("x-weird", "a:b,;=\t\"'"), ("Accept-Encoding", "gzip"), ("X-Empty", "")]
    got = echoed(gateway, sent)
    assert [pair for pair in got if pair in sent] == sent


def test_fields_of_the_answer_pass_unchanged(gateway):
    fields = "header=X-A:1&header=Set-Cookie:a%3D1&header=Set-Cookie:b%3D2"
    answer = gateway.request("GET", "/any?" + fields)
    assert answer.headers.all("Set-Cookie") == ["a=1", "b=2"]
    assert answer.headers.get("X-A") == "1"


def test_bytes_beyond_ascii_pass_unchanged(gateway):
    name = "Nguyễn Văn An"
    got = echoed(gateway, [("X-Name", name.encode().decode("latin-1"))])
    assert got.get("X-Name") == name


def test_date_of_the_backend_stays():
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        backend.accept().serve(headers=[("Date", "Thu, 01 Jan 1970 00:00:00 GMT")])
        assert client.read_answer().headers.all("Date") == ["Thu, 01 Jan 1970 00:00:00 GMT"]


def test_date_is_set_where_the_backend_set_none():
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        backend.accept().serve()
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
                            client.read_answer().headers.get("Date"))


# --- hop by hop -----------------------------------------------------------------------------------

HOP_BY_HOP = [("Connection", "keep-alive"), ("Keep-Alive", "timeout=5"),
              ("Proxy-Connection", "close"), ("TE", "trailers"), ("Upgrade", "h2c"),
              ("Expect", "100-continue")]


@pytest.mark.parametrize("field", HOP_BY_HOP, ids=lambda field: field[0])
def test_hop_by_hop_field_stays_with_the_client(gateway, field):
    assert field[0] not in echoed(gateway, [field])


@pytest.mark.parametrize("field", HOP_BY_HOP[:3] + [("Upgrade", "h2c")], ids=lambda field: field[0])
def test_hop_by_hop_field_stays_with_the_backend(gateway, field):
    answer = gateway.request("GET", f"/any?header={field[0]}:{field[1]}&bytes=0")
    assert field[0] not in answer.headers


def test_fields_that_connection_names_are_removed(gateway):
    got = echoed(gateway, [("Connection", "x-secret, X-Other"), ("X-Secret", "1"), ("x-other", "2"),
                           ("Connection", "X-Third"), ("X-Third", "3"), ("X-Stays", "4")])
    assert got.get("X-Stays") == "4"
    assert not {"connection", "x-secret", "x-other", "x-third"} & {name.lower() for name, _ in got}


def test_fields_that_the_backends_connection_names_are_removed(gateway):
    fields = "header=Connection:X-Inner&header=X-Inner:1&header=X-Outer:2"
    answer = gateway.request("GET", "/any?" + fields)
    assert "X-Inner" not in answer.headers
    assert answer.headers.get("X-Outer") == "2"


@pytest.mark.parametrize("name", ["Host", "Content-Length", "X-Forwarded-For", "X-Request-ID",
                                  "X-Forwarded-Proto", "Forwarded"])
def test_connection_cannot_remove_what_the_gateway_relies_on(gateway, name):
    client = gateway.connect()
    answer = client.request("POST", "/echo", {"Connection": name}, body=b"hello")
    assert name in answer.echoed
    assert answer.json()["bytes"] == 5


# --- what the gateway says of the client ----------------------------------------------------------

def test_client_is_described_over_plain_http(gateway):
    got = echoed(gateway)
    assert got.all("X-Forwarded-For") == ["127.0.0.1"]
    assert got.all("X-Forwarded-Proto") == ["http"]
    assert got.all("X-Forwarded-Host") == ["portal.test"]
    assert got.all("Forwarded") == ["for=127.0.0.1;proto=http;host=portal.test"]


def test_client_is_described_over_tls(gateway):
    got = echoed(gateway, listener=1)
    assert got.all("X-Forwarded-Proto") == ["https"]
    assert got.all("Forwarded") == ["for=127.0.0.1;proto=https;host=portal.test"]


def test_host_arrives_with_its_port(gateway):
    got = gateway.request("GET", "/echo", host="portal.test:8443").echoed
    assert got.all("Host") == ["portal.test:8443"]
    assert got.get("Forwarded") == 'for=127.0.0.1;proto=http;host="portal.test:8443"'


SPOOFED = [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https"),
           ("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Port", "1"), ("X-Real-IP", "1.2.3.4"),
           ("Forwarded", "for=1.2.3.4"), ("X-Request-ID", "AAAA-AAAA-AAAA")]


@pytest.mark.parametrize("field", SPOOFED, ids=lambda field: field[0])
def test_spoofed_field_is_dropped(gateway, field):
    assert field[1] not in echoed(gateway, [field]).all(field[0])


@pytest.mark.parametrize("name, value", [
    ("Content_Length", "7"), ("Transfer_Encoding", "chunked"), ("X_Forwarded_For", "1.2.3.4"),
    ("Idempotency_Key", "7"),
], ids=["underscore-cl", "underscore-te", "underscore-xff", "underscore-key"])
def test_names_with_an_underscore_are_dropped(gateway, name, value):
    """Many backends read '_' as '-'."""
    client = gateway.connect()
    answer = client.request("POST", "/echo", [(name, value)], body=b"hello")
    assert name not in answer.echoed
    assert answer.json()["bytes"] == 5
    assert client.request("GET", "/").status == 200


def test_untrusted_client_cannot_name_another(behind_proxy):
    answer = behind_proxy.request("GET", "/echo", {"X-Forwarded-For": "1.2.3.4"})
    assert answer.echoed.all("X-Forwarded-For") == ["127.0.0.1"]
    assert behind_proxy.access_line(answer)["client"] == "127.0.0.1"


@pytest.mark.parametrize("hops, client", [
    ("203.0.113.7", "203.0.113.7"),
    ("1.2.3.4, 203.0.113.7", "203.0.113.7"),
    ("203.0.113.7, 10.1.2.3", "203.0.113.7"),
    ("1.2.3.4, 203.0.113.7, 10.1.2.3,10.9.9.9", "203.0.113.7"),
    ("2001:db8::1", "2001:db8::1"),
    ("10.1.2.3", "10.1.2.3"),
    ("203.0.113.7, unknown", "127.0.0.2"),
    ("203.0.113.7, 999.1.1.1", "127.0.0.2"),
], ids=str)
def test_trusted_proxy_names_the_client(behind_proxy, hops, client):
    answer = behind_proxy.connect(source="127.0.0.2").request("GET", "/echo",
                                                             {"X-Forwarded-For": hops})
    line = behind_proxy.access_line(answer)
    assert line["client"] == client
    assert line.get("proxy") == ("127.0.0.2" if client != "127.0.0.2" else None)
    assert answer.echoed.all("X-Forwarded-For") == [hops + ", 127.0.0.2"]


def test_trusted_proxy_may_use_several_fields(behind_proxy):
    fields = [("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-For", "10.1.1.1")]
    answer = behind_proxy.connect(source="127.0.0.2").request("GET", "/echo", fields)
    assert behind_proxy.access_line(answer)["client"] == "203.0.113.7"


# --- the reference --------------------------------------------------------------------------------

def test_reference_is_one_for_client_node_and_log(gateway):
    answer = gateway.request("GET", "/echo")
    assert REFERENCE.fullmatch(answer.reference)
    assert answer.echoed.all("X-Request-ID") == [answer.reference]
    assert gateway.access_line(answer)["target"] == "/echo"


def test_backends_own_request_id_is_replaced(gateway):
    answer = gateway.request("GET", "/any?header=X-Request-ID:mine")
    assert answer.headers.all("X-Request-ID") == [answer.reference]
    assert REFERENCE.fullmatch(answer.reference)


def test_every_request_of_a_connection_has_its_own_reference(gateway):
    client = gateway.connect()
    assert len({client.request("GET", "/").reference for _ in range(20)}) == 20


# --- trailers -------------------------------------------------------------------------------------

TRAILERS = {"trailer-cl": "Content-Length", "trailer-te": "Transfer-Encoding",
            "trailer-host": "Host", "trailer-auth": "Authorization", "trailer-cookie": "Cookie",
            "trailer-xff": "X-Forwarded-For", "trailer-connection": "Connection",
            "trailer-key": "Idempotency-Key", "trailer-session": "X-Cong-User",
            "trailer-underscore-cl": "Content_Length",
            "trailer-underscore-te": "Transfer_Encoding"}


@pytest.mark.parametrize("name", TRAILERS.values(), ids=TRAILERS)
def test_dangerous_trailer_of_a_request_is_not_merged(gateway, name):
    client = gateway.connect()
    client.send_request("POST", "/echo", {"Transfer-Encoding": "chunked"})
    client.send(f"5\r\nhello\r\n0\r\n{name}: 7\r\nX-Fine: yes\r\n\r\n")
    answer = client.read_answer()
    if answer.status == 400:
        return
    got = answer.json()
    assert got["trailers"] == [["X-Fine", "yes"]]
    assert [name, "7"] not in got["headers"]
    assert client.request("GET", "/").status == 200
