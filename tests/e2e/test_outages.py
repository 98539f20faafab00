"""What a simulated node can be told to suffer, address by address, while it runs."""

import pytest

from env import Incomplete, Node, RawClient, eventually


@pytest.fixture
def node():
    """A node with two addresses: its own, and one that is to suffer."""
    with Node("one", "--listen", "127.0.0.1:0") as node:
        node.other = node.log.wait_for(r"listening on (\S+)", count=2)[1]
        yield node


def ask(address, target="/any", headers=()):
    client = RawClient(address)
    answer = client.request("GET", target, headers)
    client.close()
    return answer


def refuses(address):
    try:
        RawClient(address).close()
    except (ConnectionRefusedError, ConnectionResetError):
        return True  # reset, if it went down in between
    return False


def test_an_address_that_hangs_takes_requests_and_the_other_answers(node):
    node.order("kind=hang&listener=1")
    client = RawClient(node.other)
    client.send_request("GET", "/any")
    eventually(lambda: node.stats()["listeners"][1] == 1, "the request is there")
    assert node.stats()["faults"] == 1
    assert ask(node.address).status == 200
    node.order("kind=none&listener=1")
    assert ask(node.other).status == 200
    client.close()


def test_an_address_that_resets_answers_nothing(node):
    node.order("kind=reset&listener=1")
    client = RawClient(node.other)
    client.send_request("GET", "/any")
    with pytest.raises((Incomplete, ConnectionResetError)):
        client.read_answer()
    assert ask(node.address).status == 200


def test_a_slow_path_is_slow_at_every_address_and_others_are_not(node):
    node.order("kind=slow&time=20ms&path=/dan-cu/")
    assert ask(node.address, "/dan-cu/ho-so").status == 200
    assert ask(node.other, "/dan-cu/ho-so").status == 200
    assert ask(node.other, "/any").status == 200
    assert node.stats()["faults"] == 2


def test_an_address_that_flaps_refuses_connections_and_comes_back(node):
    idle = RawClient(node.other)
    idle.request("GET", "/any")
    node.order("kind=flap&listener=1&time=200ms")
    idle.read_to_end()
    assert idle.was_reset
    eventually(lambda: refuses(node.other), "it is down")
    eventually(lambda: not refuses(node.other), "it is up")
    eventually(lambda: refuses(node.other), "it is down again")
    node.order("kind=none")
    eventually(lambda: not refuses(node.other), "it stays up")
    assert ask(node.other).status == 200


def test_a_request_that_comes_again_is_known_by_its_reference(node):
    for reference in ("a", "b", "a"):
        ask(node.address, headers={"X-Request-ID": reference})
    assert node.stats()["repeats"] == 1
    assert node.stats()["listeners"] == [3, 0]


def test_what_makes_no_sense_is_refused(node):
    client = RawClient(node.address)
    assert client.request("POST", "/outages?kind=flap&listener=0&time=1s").status == 400
    assert client.request("POST", "/outages?kind=hang&listener=2").status == 400
    assert client.request("GET", "/outages?kind=hang").status == 405
    client.close()
