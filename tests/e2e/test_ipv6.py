"""IPv6 on every side."""

import socket

import pytest

from env import Gateway, Node, free_port


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.fixture(scope="module")
def gateway():
    with Node("six", listen="[::1]:0") as node, Gateway(
            node, listeners=[{"address": f"[::1]:{free_port()}"}],
            trusted_proxies=["2001:db8::/32"]) as gateway:
        yield gateway


def test_request_passes_from_ipv6_to_ipv6(gateway):
    answer = gateway.request("GET", "/echo", host="[::1]:8080")
    line = gateway.access_line(answer)
    assert (line["client"], line["host"]) == ("::1", "[::1]")
    assert line["peer"].startswith("[::1]:")


def test_addresses_are_written_as_their_fields_want_them(gateway):
    got = gateway.request("GET", "/echo", host="[::1]:8080").echoed
    assert got.all("Host") == ["[::1]:8080"]
    assert got.all("X-Forwarded-For") == ["::1"]
    assert got.get("Forwarded") == 'for="[::1]";proto=http;host="[::1]:8080"'


@pytest.mark.parametrize("host", ["[::1", "::1", "[::g]", "[::1]x", "[1.2.3.4]", "[]"])
def test_wrong_address_for_a_host_is_refused(gateway, host):
    assert gateway.request("GET", "/", host=host).status == 400
