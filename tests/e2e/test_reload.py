"""A changed configuration is put to use inside the live processes; a wrong one changes nothing."""

import os
import signal
import socket
import threading

import pytest

from env import (Gateway, Node, RawClient, ScriptedBackend, eventually, free_address)


@pytest.fixture(scope="module")
def other():
    with Node("other") as other:
        yield other


@pytest.fixture
def gateway(node):
    with Gateway(node, workers=2) as gateway:
        yield gateway


def upstreams(*peers, **settings):
    return [{"name": "portal", "peers": list(peers), **settings}]


def refuses(address):
    try:
        RawClient(address).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass
    return False


# --- what can change ------------------------------------------------------------------------------

def test_command_says_what_is_in_use(gateway):
    assert "configuration 2 is in use" in gateway.reload()
    assert gateway.status()["generation"] == 2
    assert {p["generation"] for p in gateway.processes().values()} == {2}
    assert gateway.metrics()["cong_config_generation"] == 2


def test_sighup_does_the_same(gateway, other):
    gateway.settings["upstreams"] = upstreams(other)
    gateway.write_config()
    gateway.signal(signal.SIGHUP)
    gateway.log.wait_for("configuration 2 is in use")
    assert gateway.request("GET", "/").headers.get("X-Node") == "other"


def test_routes_change_on_an_open_connection(gateway):
    client = gateway.connect()
    assert client.request("GET", "/new").status == 200
    gateway.change(routes=[{"path": "/old", "upstream": "portal"}])
    assert client.request("GET", "/new").status == 404
    assert client.request("GET", "/old").status == 200
    gateway.change(routes=[{"path": "/", "upstream": "portal", "methods": ["GET"]}])
    assert client.request("GET", "/new").status == 200
    assert client.request("POST", "/new").status == 405


def test_peers_change_on_an_open_connection(gateway, node, other):
    client = gateway.connect()
    assert client.request("GET", "/").headers.get("X-Node") == "node"
    gateway.change(upstreams=upstreams(other))
    assert client.request("GET", "/").headers.get("X-Node") == "other"
    gateway.change(upstreams=upstreams(node, other, balance="round_robin"))
    assert {client.request("GET", "/").headers.get("X-Node") for _ in range(2)} == {"node", "other"}


def test_connections_to_a_peer_that_stays_are_kept(node, other):
    with Gateway(node) as gateway:
        client = gateway.connect()
        first = client.request("GET", "/echo").json()
        gateway.change(upstreams=upstreams({"address": node.address, "weight": 2}))
        second = client.request("GET", "/echo").json()
        assert second["connection"] == first["connection"]


def test_connections_to_a_peer_that_goes_are_closed(other):
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.serve()
        assert client.read_answer().status == 200
        gateway.change(upstreams=upstreams(other))
        assert connection.has_ended()


def test_request_under_way_keeps_what_it_began_with(other):
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        headers = {"add": {"X-New": "yes"}}
        gateway.change(routes=[{"path": "/other", "upstream": "new"}], response_headers=headers,
                       upstreams=[{"name": "new", "peers": [other]}])
        connection.answer(body=b"from the old one")
        answer = client.read_answer()
        assert answer.body == b"from the old one"
        assert "X-New" not in answer.headers
        assert client.request("GET", "/other").headers.get("X-New") == "yes"


def test_limits_and_headers_change(gateway):
    client = gateway.connect()
    gateway.change(limits={"body": "10B", "target": "256B"},
                   response_headers={"add": {"X-Added": "now"}})
    assert client.request("GET", "/").headers.get("X-Added") == "now"
    assert client.request("POST", "/", body=b"a" * 11).status == 413
    assert client.request("GET", "/" + "a" * 300).status == 414


def test_listener_is_added(gateway, certs):
    client = gateway.connect()
    gateway.change(listeners=gateway.settings["listeners"] + [{"tls": certs.tls}])
    assert gateway.request("GET", "/", listener=1).status == 200
    assert client.request("GET", "/").status == 200


def test_listener_is_removed_and_its_connections_live_on(gateway):
    gateway.change(listeners=gateway.settings["listeners"] + [{}])
    address = gateway.address(1)
    client = gateway.connect(1)
    assert client.request("GET", "/").status == 200
    gateway.change(listeners=gateway.settings["listeners"][:1])
    eventually(lambda: refuses(address), "it takes no more connections")
    assert client.request("GET", "/").status == 200
    assert gateway.request("GET", "/").status == 200


def test_listener_that_was_removed_can_be_added_again_at_once(gateway):
    one, two = gateway.settings["listeners"], gateway.settings["listeners"] + [{}]
    for _ in range(3):
        gateway.change(listeners=two)
        assert gateway.request("GET", "/", listener=1).status == 200
        gateway.change(listeners=one)


def test_listener_can_turn_to_tls(gateway, certs):
    plain = gateway.connect()
    assert plain.request("GET", "/").status == 200  # it has left the kernel's queue
    gateway.change(listeners=[gateway.settings["listeners"][0] | {"tls": certs.tls}])
    assert gateway.request("GET", "/").status == 200
    assert plain.request("GET", "/").status == 200, "who is connected stays as it is"


def test_admin_listener_moves(gateway):
    old = gateway.settings["admin"]["address"]
    gateway.change(admin={"address": free_address()})
    assert gateway.admin("/ready").status == 200
    eventually(lambda: refuses(old), "the old one is gone")


def test_workers_are_added(gateway):
    clients = [gateway.connect() for _ in range(4)]
    gateway.change(workers=4)
    assert set(gateway.worker_pids()) == {f"worker {n}" for n in range(4)}
    for client in clients:
        assert client.request("GET", "/").status == 200
    eventually(lambda: gateway.connect_to("worker 3"), "the new worker takes connections")


def test_surplus_worker_finishes_its_request_and_leaves(node):
    route = {"path": "/", "upstream": "portal"}
    backend = ScriptedBackend()
    with Gateway(workers=2, routes=[route, {"path": "/slow", "upstream": "slow"}],
                 upstreams=upstreams(node) + [{"name": "slow", "peers": [backend]}]) as gateway:
        client = gateway.connect_to("worker 1")
        client.send_request("GET", "/slow")
        connection = backend.accept()
        connection.read_request()
        gateway.change(workers=1)
        connection.answer(body=b"finished")
        assert client.read_answer().body == b"finished"
        eventually(lambda: set(gateway.worker_pids()) == {"worker 0"}, "the other one has left")
        for _ in range(20):
            assert gateway.request("GET", "/").status == 200


def test_new_certificate_is_shown_and_old_connections_live(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}]) as gateway:
        context = certs.client_context()
        before = gateway.connect(context=context)
        assert before.request("GET", "/").status == 200
        renewed = certs.authority.issue("portal.test")
        gateway.change(listeners=[gateway.settings["listeners"][0] | {
            "tls": {"certificates": [renewed.settings]}}])
        after = gateway.connect(context=context)
        assert before.tls.getpeercert(True) == certs.portal.der
        assert after.tls.getpeercert(True) == renewed.der
        assert before.request("GET", "/").status == after.request("GET", "/").status == 200


def test_certificate_that_was_replaced_in_its_file_is_read_again(node, certs, tmp_path):
    here = {"cert": tmp_path / "portal.crt", "key": tmp_path / "portal.key"}

    def install(certificate):
        here["cert"].write_bytes(certificate.cert.read_bytes())
        here["key"].write_bytes(certificate.key.read_bytes())

    install(certs.portal)
    with Gateway(node, listeners=[{"tls": {"certificates": [here]}}]) as gateway:
        renewed = certs.authority.issue("portal.test")
        install(renewed)
        gateway.reload()
        client = gateway.connect(context=certs.client_context())
        assert client.tls.getpeercert(True) == renewed.der


def test_session_resumes_after_a_reload_with_a_new_certificate(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}]) as gateway:
        context = certs.client_context()
        client = gateway.connect(context=context)
        client.request("GET", "/")
        renewed = certs.authority.issue("portal.test")
        gateway.change(listeners=[gateway.settings["listeners"][0] | {
            "tls": {"certificates": [renewed.settings]}}])
        assert gateway.connect(context=context, session=client.tls.session).tls.session_reused


def test_access_log_can_be_switched_off_and_on(gateway):
    client = gateway.connect()
    assert gateway.access_line(client.request("GET", "/"))
    gateway.change(access_log={})
    unlogged = client.request("GET", "/")
    gateway.change(access_log={"file": "access.log", "flush": "10ms"})
    assert gateway.access_line(client.request("GET", "/"))
    assert unlogged.reference not in [line["ref"] for line in gateway.access_log()]


def test_metrics_of_what_stays_go_on(gateway, other):
    name = 'cong_route_responses_total{route="/",class="2xx"}'
    for _ in range(5):
        gateway.request("GET", "/")
    gateway.access_lines(5)  # what is logged has been counted
    assert gateway.metrics()[name] == 5
    gateway.change(upstreams=upstreams(other))
    assert gateway.metrics()[name] == 5
    gateway.access_line(gateway.request("GET", "/"))
    assert gateway.metrics()[name] == 6


# --- what is refused ------------------------------------------------------------------------------

def unchanged(gateway, generation=1):
    assert gateway.request("GET", "/").status == 200
    assert gateway.status()["generation"] == generation


def test_bad_file_changes_nothing_and_says_where(gateway, node):
    client = gateway.connect()
    gateway.settings["routes"] = [{"path": "/", "upstream": "nobody"}]
    gateway.write_config()
    lines = gateway.config_file.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "upstream: nobody" in text)
    place = f"cong.yaml:{line}:{lines[line - 1].index('nobody') + 1}: routes[0].upstream: "
    by_file = gateway.command("reload")
    by_folder = gateway.command("reload", "--runtime-dir", "run")
    for result in (by_file, by_folder):
        assert result.returncode == 1
        assert place in result.stdout + result.stderr
    assert "configuration 1 stays in use" in by_folder.stdout + by_folder.stderr
    assert client.request("GET", "/").status == 200
    unchanged(gateway)


def test_sighup_with_a_bad_file_is_logged(gateway):
    gateway.config_file.write_text("workers: many\n")
    gateway.signal(signal.SIGHUP)
    gateway.log.wait_for(r"cong\.yaml:1:10: workers: ")
    gateway.log.wait_for("configuration 1 stays in use")
    assert gateway.request("GET", "/").status == 200


@pytest.mark.parametrize("text", [b"", b"listeners: [", b"\tlisteners: a", b"- a\n- b\n",
                                  b"\xff\xfe", b"a: &a [*a]"], ids=repr)
def test_broken_yaml_changes_nothing(gateway, text):
    gateway.config_file.write_bytes(text)
    assert gateway.command("reload", "--runtime-dir", "run").returncode == 1
    gateway.write_config()
    unchanged(gateway)


def test_missing_file_changes_nothing(gateway):
    gateway.config_file.unlink()
    gateway.signal(signal.SIGHUP)
    gateway.log.wait_for("configuration 1 stays in use")
    gateway.write_config()
    unchanged(gateway)


def test_missing_certificate_changes_nothing(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}]) as gateway:
        missing = {"cert": "no.crt", "key": "no.key"}
        gateway.settings["listeners"][0]["tls"] = {"certificates": [missing]}
        gateway.write_config()
        result = gateway.command("reload")
        assert result.returncode == 1
        assert "no.crt" in result.stdout + result.stderr
        assert gateway.request("GET", "/").status == 200


def test_key_of_another_certificate_changes_nothing(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}]) as gateway:
        mixed = {"cert": str(certs.portal.cert), "key": str(certs.authority.issue("b.test").key)}
        gateway.settings["listeners"][0]["tls"] = {"certificates": [mixed]}
        gateway.write_config()
        assert gateway.command("reload").returncode == 1
        assert gateway.request("GET", "/").status == 200


def test_address_that_is_taken_changes_nothing(gateway):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        gateway.settings["listeners"] = gateway.settings["listeners"] + [{"address": address}]
        gateway.write_config()
        result = gateway.command("reload")
    assert result.returncode == 1
    assert address in result.stdout + result.stderr
    unchanged(gateway)


def test_gateway_that_refused_a_file_takes_the_next_good_one(gateway, other):
    good = gateway.settings
    gateway.settings = good | {"workers": 1000}
    gateway.write_config()
    assert gateway.command("reload").returncode == 1
    gateway.settings = good
    gateway.change(upstreams=upstreams(other))
    assert gateway.request("GET", "/").headers.get("X-Node") == "other"


def test_reload_while_a_worker_is_being_restarted_reaches_it_too(gateway, other):
    gateway.allow("was killed by SIGKILL")
    os.kill(gateway.worker_pids()["worker 0"], signal.SIGKILL)
    gateway.change(upstreams=upstreams(other))
    eventually(lambda: len(gateway.worker_pids()) == 2, "both workers run")
    for _ in range(10):
        assert gateway.request("GET", "/").headers.get("X-Node") == "other"


def test_peer_that_goes_while_it_is_connected_to_is_still_waited_for(node):
    """The request keeps what it began with, also when that never answers."""
    backend = ScriptedBackend(backlog=0)
    backend.fill_backlog()
    with Gateway(backend, upstream={"timeouts": {"connect": "300ms"}}) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        eventually(lambda: gateway.status()["upstreams"][0]["peers"][0]["connects"] == 1, "it tries")
        gateway.change(upstreams=upstreams(node))
        assert client.read_answer().status == 504
        assert client.request("GET", "/").status == 200


def test_reloads_at_the_same_time_are_both_answered(gateway):
    results = []
    callers = [threading.Thread(target=lambda: results.append(gateway.command("reload").returncode))
               for _ in range(5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == [0] * 5
    assert gateway.request("GET", "/").status == 200


def test_gateway_that_stops_takes_no_new_configuration(node):
    with Gateway(node, timeouts={"drain_notice": "1h"}) as gateway:
        gateway.allow("was killed by SIGKILL")
        gateway.signal(signal.SIGTERM)
        gateway.log.wait_for("not ready any more")
        result = gateway.command("reload")
        assert result.returncode == 1
        assert "stopping" in result.stdout + result.stderr
        gateway.signal(signal.SIGQUIT)
        gateway.wait()


def test_listener_that_is_being_removed_still_knows_whom_to_trust(node):
    """It goes on for a moment for those in its queue, and the old configuration is gone by then."""
    one, trusted = [{}], "127.0.0.2"
    with Gateway(node, listeners=one, trusted_proxies=[trusted]) as gateway:
        for _ in range(3):
            gateway.change(listeners=one + [{"proxy_protocol": True}])
            address = gateway.address(1)
            reload = threading.Thread(target=gateway.change, kwargs={"listeners": one})
            reload.start()
            eventually(lambda: refuses_proxy(address, trusted), "it takes no more connections")
            reload.join()
        assert gateway.metrics()["cong_connections_refused_total"] == 0
        gateway.check_health()


def refuses_proxy(address, source):
    try:
        client = RawClient(address, source=source,
                           preamble=b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")
        client.close()
    except ConnectionRefusedError:
        return True
    except OSError:
        pass  # just when the listener closed
    return False
