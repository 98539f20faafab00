"""PROXY headers (v1 and v2) of load balancers in front, believed from trusted networks only."""

import socket
import struct

import pytest

from env import Gateway, request_bytes

REQUEST = request_bytes("GET", "/")
TRUSTED, UNTRUSTED = "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, trusted_proxies=["127.0.0.2", "10.0.0.0/8"], timeouts={"handshake": "300ms"},
                 listeners=[{"proxy_protocol": True}, {"proxy_protocol": True, "tls": certs.tls},
                            {"proxy_protocol": False}]) as gateway:
        yield gateway


def v1(source="203.0.113.7", port=5555):
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {source} {port} 443\r\n".encode()


SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


PORTS = struct.pack(">HH", 5555, 443)
V4_BODY = socket.inet_aton("203.0.113.7") + socket.inet_aton("192.0.2.1") + PORTS
V6_BODY = socket.inet_pton(socket.AF_INET6, "2001:db8::7") * 2 + PORTS


def v2(command=0x21, family=0x11, body=V4_BODY, tlvs=b""):
    return SIGNATURE + struct.pack(">BBH", command, family, len(body + tlvs)) + body + tlvs


@pytest.mark.parametrize("listener", [0, 1], ids=["plain", "tls"])
@pytest.mark.parametrize("header, client", [
    (v1(), "203.0.113.7"), (v1("2001:db8::7"), "2001:db8::7"), (v2(), "203.0.113.7"),
    (v2(family=0x21, body=V6_BODY), "2001:db8::7"), (v2(tlvs=b"\x04\x00\x03abc"), "203.0.113.7"),
], ids=["v1 ipv4", "v1 ipv6", "v2 ipv4", "v2 ipv6", "v2 with a TLV"])
def test_trusted_proxy_names_the_client(gateway, listener, header, client):
    connection = gateway.connect(listener, source=TRUSTED, preamble=header)
    answer = connection.request("GET", "/echo")
    line = gateway.access_line(answer)
    assert (line["client"], line["port"], line["proxy"]) == (client, 5555, TRUSTED)
    assert answer.echoed.all("X-Forwarded-For") == [client]
    shown = f'"[{client}]"' if ":" in client else client
    assert answer.echoed.get("Forwarded").startswith(f"for={shown};")


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 ::1 1 2\r\n",
                                    v2(command=0x20, family=0, body=b"")],
                         ids=["v1 unknown", "v1 unknown with more", "v2 local"])
def test_proxys_own_connection_is_its_own(gateway, header):
    answer = gateway.connect(source=TRUSTED, preamble=header).request("GET", "/")
    assert gateway.access_line(answer)["client"] == TRUSTED


def test_header_may_come_byte_by_byte(gateway):
    client = gateway.connect(source=TRUSTED)
    for byte in v2() + b"GET / HTTP/1.1\r\n":
        client.send(bytes([byte]))
    answer = client.send("Host: portal.test\r\n\r\n").read_answer()
    assert gateway.access_line(answer)["client"] == "203.0.113.7"


def test_header_and_request_may_come_together(gateway):
    client = gateway.connect(source=TRUSTED, preamble=v1() + REQUEST)
    assert client.read_answer().status == 200


def test_header_is_for_the_whole_connection(gateway):
    client = gateway.connect(source=TRUSTED, preamble=v1())
    for _ in range(3):
        assert gateway.access_line(client.request("GET", "/"))["client"] == "203.0.113.7"


def test_untrusted_address_behind_the_header_is_not_asked_for_more(gateway):
    """The client that the PROXY header names is no trusted proxy itself."""
    answer = gateway.connect(source=TRUSTED, preamble=v1()).request(
        "GET", "/echo", {"X-Forwarded-For": "1.2.3.4"})
    assert gateway.access_line(answer)["client"] == "203.0.113.7"
    assert answer.echoed.all("X-Forwarded-For") == ["203.0.113.7"]


def all_that_comes(gateway, source, data):
    """What the gateway says to a client that it may reset at any moment."""
    try:
        return gateway.connect(source=source, preamble=data).read_to_end()
    except OSError:
        return b""


@pytest.mark.parametrize("header", [v1(), v2(), b""], ids=["v1", "v2", "none"])
def test_untrusted_peer_is_closed(gateway, node, header):
    before = node.stats()["requests"]
    assert all_that_comes(gateway, UNTRUSTED, header + REQUEST) == b""
    assert node.stats()["requests"] == before


BAD = {
    "no header": b"",
    "v1 lower case": b"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "v1 bad address": b"PROXY TCP4 1.2.3.999 1.2.3.4 1 2\r\n",
    "v1 wrong family": b"PROXY TCP4 ::1 ::1 1 2\r\n",
    "v1 bad port": b"PROXY TCP4 1.2.3.4 1.2.3.4 70000 2\r\n",
    "v1 leading zero": b"PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
    "v1 two spaces": b"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "v1 missing port": b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
    "v1 bare lf": b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
    "v1 endless": b"PROXY TCP4 " + b"1" * 200,
    "v2 bad signature": b"\r\n\r\n\0\r\nQUIX\n" + v2()[12:],
    "v2 version 3": v2(command=0x31),
    "v2 bad command": v2(command=0x22),
    "v2 short address": v2(body=b"\1\2\3"),
    "v2 bad tlv": v2(tlvs=b"\x04\x00\x09abc"),
    "v2 huge": v2(tlvs=b"\x04\x40\x00" + b"x" * 0x4000),
    "garbage": bytes(64),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_header_closes_the_connection(gateway, node, case):
    before = node.stats()["requests"]
    assert all_that_comes(gateway, TRUSTED, BAD[case] + REQUEST) == b""
    assert node.stats()["requests"] == before


@pytest.mark.parametrize("part", [b"", b"PROXY TCP4 1.2", v2()[:14]], ids=["nothing", "v1", "v2"])
def test_unfinished_header_has_a_deadline(gateway, part):
    client = gateway.connect(source=TRUSTED)
    client.send(part)
    assert client.read_to_end() == b""


def test_header_where_none_is_expected_is_a_bad_request(gateway):
    client = gateway.connect(2, source=TRUSTED, preamble=v1())
    assert client.read_answer().status == 400
