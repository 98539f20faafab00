"""Ten reloads that change everything, while a thousand are connected: nobody notices."""

import pytest

from env import Gateway, Load, Node, WebSocket


@pytest.fixture(scope="module")
def other():
    with Node("other") as other:
        yield other


def test_idle_connections_and_websockets_survive_ten_reloads_under_load(node, other, certs):
    renewed = certs.authority.issue("portal.test")
    certificates = [{"certificates": [certificate.settings]} for certificate in (certs.portal, renewed)]
    with Gateway(node, workers=2, listeners=[{"tls": certs.tls}, {}]) as gateway:
        tls_listener, plain_listener = gateway.settings["listeners"]
        idle = [gateway.connect() for _ in range(1000)]
        sockets = [WebSocket(gateway.connect()) for _ in range(20)]
        for client in idle:
            assert client.request("GET", "/").status == 200
        with Load(gateway.connect, clients=4) as load:
            for number in range(10):
                gateway.change(
                    listeners=[tls_listener | {"tls": certificates[number % 2]}, plain_listener]
                    + [{}] * (number % 2),
                    upstreams=[{"name": "portal", "peers": [node, other][number % 2:][:1 + number % 3]}],
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

            def request(self, method, target):
                return gateway.request(method, target)

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
