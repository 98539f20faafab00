"""Peers that the configuration knows by name: where they are may change while the gateway runs."""

import os
import signal

import pytest

from env import DNSServer, Gateway, Node, eventually, free_port

NAME = "nut.ha-noi.vn"


@pytest.fixture(scope="module")
def place():
    """Nodes at 127.0.0.2 and 127.0.0.3, at the same port: where the name may lead."""
    port = free_port()
    with Node("two", listen=f"127.0.0.2:{port}") as two, \
            Node("three", listen=f"127.0.0.3:{port}") as three:
        yield port, {"127.0.0.2": two, "127.0.0.3": three}


def named(dns, place, **settings):
    return Gateway({"address": f"{NAME}:{place[0]}"}, resolver=dns.resolver, **settings)


def dns_at(*ips):
    return DNSServer(**{NAME.replace(".", "_"): list(ips)})


def who(gateway, count=1):
    client = gateway.connect()
    return {client.request("GET", "/").headers.get("X-Node") for _ in range(count)}


def peer_of(gateway):
    return gateway.status()["upstreams"][0]["peers"][0]


def problem(place):
    return (f'cong_peer_problem{{upstream="portal",peer="{NAME}:{place[0]}",part="name",'
            'why="cannot be looked up"}')


def wait_for_ips(gateway, *ips):
    eventually(lambda: peer_of(gateway)["ips"] == list(ips), f"the peer is at {ips}")


def test_the_first_request_finds_the_peer(place):
    with named(dns_at("127.0.0.2"), place, workers=2) as gateway:
        for _ in range(4):
            assert who(gateway) == {"two"}


def test_several_addresses_take_turns(place):
    with named(dns_at("127.0.0.3", "127.0.0.2"), place) as gateway:
        assert peer_of(gateway)["ips"] == ["127.0.0.2", "127.0.0.3"]
        clients = [gateway.connect().send_request("GET", "/any?delay=200ms") for _ in range(2)]
        assert {c.read_answer().headers.get("X-Node") for c in clients} == {"two", "three"}


def test_an_address_where_nobody_is_costs_no_request(place):
    dns = dns_at("127.0.0.2", "127.0.0.4")
    with named(dns, place, upstream={"keep_alive": {"connections": 0}}) as gateway:
        for _ in range(6):
            assert who(gateway) == {"two"}


def test_a_changed_address_is_used_and_leaves_requests_under_way_alone(place):
    dns = dns_at("127.0.0.2")
    two = place[1]["127.0.0.2"]
    with named(dns, place) as gateway:
        assert who(gateway) == {"two"}
        two.reset_stats()
        client = gateway.connect().send_request("GET", "/any?delay=2s")
        eventually(lambda: two.stats()["requests"] == 1, "the node has it")
        dns.records[NAME] = ["127.0.0.3"]
        wait_for_ips(gateway, "127.0.0.3")
        assert who(gateway, 5) == {"three"}
        answer = client.read_answer()
        assert (answer.status, answer.headers.get("X-Node")) == (200, "two")
        assert client.request("GET", "/").headers.get("X-Node") == "three"
        eventually(lambda: two.stats()["connections"]["open"] == 0, "none is kept to the old place")


PROBLEMS = {
    "silent": "Timeout while contacting DNS servers",
    "failing": "Could not contact DNS servers",
    "spoiled": None,  # c-ares has several words for it
    "gone": "Domain name not found",
}


@pytest.mark.parametrize("mood", ["silent", "failing", "spoiled", "gone"])
def test_the_last_good_answer_stays(place, mood):
    dns = dns_at("127.0.0.2")
    with named(dns, place) as gateway:
        assert who(gateway) == {"two"}
        if mood == "gone":
            dns.records = {}
        else:
            dns.mood = mood
        gateway.log.wait_for("its name cannot be looked up .* it stays where it was last")
        peer = eventually(lambda: (p := peer_of(gateway)).get("name_problem") and p, "it is told")
        assert peer["ips"] == ["127.0.0.2"]
        assert PROBLEMS[mood] in (None, peer["name_problem"])
        assert "its name cannot be looked up now" in gateway.command("status").stdout
        assert gateway.metrics()[problem(place)] == 1
        assert who(gateway) == {"two"}
        dns.mood, dns.records = "well", {NAME: ["127.0.0.3"]}
        wait_for_ips(gateway, "127.0.0.3")
        assert who(gateway) == {"three"}
        assert problem(place) not in gateway.metrics()


def test_answers_that_somebody_else_made_up_are_ignored(place):
    dns = dns_at("127.0.0.2")
    dns.mood = "spoofed"
    with named(dns, place) as gateway:
        dns.wait_for_questions(NAME)
        assert peer_of(gateway)["ips"] == ["127.0.0.2"]
        assert not gateway.log.matches("127.0.0.66")
        assert who(gateway) == {"two"}


def test_a_name_that_was_never_found_costs_its_own_routes_alone(place):
    dns = DNSServer()
    dns.mood = "failing"
    port, nodes = place
    upstreams = [{"name": "lost", "peers": [{"address": f"{NAME}:{port}"}]},
                 {"name": "fine", "peers": [nodes["127.0.0.2"]]}]
    routes = [{"path": "/lost", "upstream": "lost"}, {"path": "/", "upstream": "fine"}]
    with Gateway(upstreams=upstreams, routes=routes, resolver=dns.resolver) as gateway:
        assert gateway.request("GET", "/").status == 200
        assert gateway.request("GET", "/lost").status == 502
        assert "  unresolved; its name has not been found" in gateway.command("status").stdout
        assert peer_of(gateway)["state"] == "unresolved"
        dns.mood, dns.records = "well", {NAME: ["127.0.0.3"]}
        eventually(lambda: gateway.request("GET", "/lost").status == 200, "it has been found")
        assert peer_of(gateway)["state"] == "serving"


def test_a_reload_brings_a_name_without_a_request_lost(place):
    dns = dns_at("127.0.0.2")
    port, nodes = place
    with Gateway(nodes["127.0.0.3"], resolver=dns.resolver) as gateway:
        assert who(gateway) == {"three"}
        portal = gateway.settings["upstreams"][0]
        gateway.change(upstreams=[portal | {"peers": [{"address": f"{NAME}:{port}"}]}])
        assert who(gateway) == {"two"}


def test_the_keeper_alone_asks_and_its_successor_goes_on(place):
    dns = dns_at("127.0.0.2")
    with named(dns, place, workers=2) as gateway:
        gateway.allow("was killed by SIGKILL")
        keeper = gateway.processes()["keeper"]["pid"]
        os.kill(keeper, signal.SIGSTOP)
        asked = dns.asked[NAME]
        for _ in range(6):
            assert who(gateway) == {"two"}
        assert dns.asked[NAME] <= asked + 2  # what was on its way
        mark = gateway.log.mark()
        os.kill(keeper, signal.SIGKILL)
        assert who(gateway) == {"two"}
        gateway.log.wait_for("keeper is ready", mark)
        dns.records[NAME] = ["127.0.0.3"]
        wait_for_ips(gateway, "127.0.0.3")
        assert who(gateway) == {"three"}


def test_probes_go_where_the_name_leads(place):
    dns = dns_at("127.0.0.2")
    health = {"interval": "200ms", "timeout": "200ms", "fall": 2, "rise": 1}
    with named(dns, place, upstream={"health": health}) as gateway:
        eventually(lambda: peer_of(gateway)["probes"] == "up", "it is up")
        dns.records[NAME] = ["127.0.0.4"]  # where nobody is
        eventually(lambda: peer_of(gateway)["probes"] == "down", "it is down")
        dns.records[NAME] = ["127.0.0.3"]
        eventually(lambda: peer_of(gateway)["probes"] == "up", "it is up again")
        assert who(gateway) == {"three"}


def test_check_says_which_names_cannot_be_looked_up(place):
    dns = dns_at("127.0.0.2")
    with named(dns, place) as gateway:
        assert gateway.command("check").stdout == "cong.yaml: ok\n"
        dns.records = {}
        result = gateway.command("check")
        assert result.returncode == 0
        assert result.stdout == (f"cong.yaml: upstreams[0].peers[0].address: {NAME} cannot be "
                                 "looked up now: Domain name not found\ncong.yaml: ok\n")
