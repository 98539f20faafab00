"""Ten reloads that change everything, while a thousand are connected: nobody notices."""

import signal
import ssl

import pytest

from env import HOST, Gateway, Load, Node, RawClient, WebSocket


@pytest.fixture(scope="module")
def other():
    with Node("other") as other:
        yield other


def test_idle_connections_and_websockets_survive_ten_reloads_under_load(node, other, certs):
    renewed = certs.authority.issue("portal.test")
    certificates = [{"certificates": [certs.portal.settings]},
                    {"certificates": [renewed.settings]}]
    with Gateway(node, workers=2, listeners=[{"tls": certs.tls}, {}],
                 timeouts={"request_head": "5m", "keep_alive": "10m"}) as gateway:
        tls_listener, plain_listener = gateway.settings["listeners"]
        idle = [gateway.connect() for _ in range(1000)]
        sockets = [WebSocket(gateway.connect()) for _ in range(20)]
        for client in idle:
            assert client.request("GET", "/").status == 200
        with Load(gateway.connect, clients=4) as load:
            for number in range(10):
                peers = [[node], [node, other], [other]][number % 3]
                gateway.change(
                    listeners=[tls_listener | {"tls": certificates[number % 2]}, plain_listener]
                    + [{}] * (number % 2),
                    upstreams=[{"name": "portal", "peers": peers}],
                    routes=[{"path": "/", "upstream": "portal"},
                            {"path": f"/new/{number}", "upstream": "portal"}])
                load.wait_for(20)
                for socket in sockets:
                    assert socket.echo(f"after reload {number}") == f"after reload {number}"
        assert load.failures == []
        assert gateway.status()["generation"] == 11
        for client in idle:
            assert client.request("GET", "/").status == 200
        for socket in sockets:
            assert socket.close() == 1000
        assert gateway.metrics()["cong_process_restarts_total"] == 0


def test_new_connections_never_fail_during_reloads(node, certs):
    with Gateway(node, workers=2, listeners=[{"tls": certs.tls}]) as gateway:
        class Once:
            """A client that connects for each request."""

            def request(self, *request):
                return gateway.request(*request)

        with Load(Once, clients=4) as load:
            for _ in range(10):
                gateway.reload()
                load.wait_for(10)
        assert load.failures == []


def test_adding_workers_under_load_loses_nothing(node):
    with Gateway(node, workers=1) as gateway:
        with Load(gateway.connect, clients=4) as load:
            for workers in (2, 3, 4):
                gateway.change(workers=workers)
                load.wait_for(50)
        assert load.failures == []


def test_posts_are_neither_lost_nor_doubled_by_reloads(node):
    with Gateway(node, workers=2) as gateway:
        stored = node.stats()["dossiers"]
        client = gateway.connect()
        for number in range(100):
            if number % 10 == 0:
                gateway.reload()
            assert client.request("POST", "/dossiers", body=b"%d" % number).status == 201
        assert node.stats()["dossiers"] == stored + 100


def test_storm_of_reloads_is_weathered(node):
    with Gateway(node, workers=2) as gateway:
        with Load(gateway.connect) as load:
            for _ in range(50):
                gateway.signal(signal.SIGHUP)
                load.wait_for(2)
            gateway.reload()
        assert load.failures == []
        generations = {process["generation"] for process in gateway.processes().values()}
        assert generations == {gateway.status()["generation"]}


def test_handshake_that_began_before_a_reload_is_finished_after_it(node, certs):
    """With the certificates of its beginning."""
    with Gateway(node, listeners=[{"tls": certs.tls}]) as gateway:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = certs.client_context().wrap_bio(incoming, outgoing, server_hostname=HOST)
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        hello = outgoing.read()
        wire = RawClient(gateway.address())
        wire.send(hello[:100])
        gateway.change(listeners=[gateway.settings["listeners"][0] | {
            "tls": {"certificates": [certs.authority.issue("portal.test").settings]}}])
        wire.send(hello[100:])
        while True:
            incoming.write(wire.read_some())
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
        assert tls.getpeercert(True) == certs.portal.der
