"""TLS to backends: nothing is said to one that does not prove what it is."""

import ssl
from threading import Thread

import pytest

from env import (Authority, Gateway, Incomplete, ScriptedBackend, eventually, head_bytes,
                 server_context)

MIB = 1 << 20
NAME = "records.test"
TROUBLE = "TLS to portal/.* fails: "
UPGRADE = {"Connection": "upgrade", "Upgrade": "websocket"}


def tls(certs, **more):
    return {"tls": {"ca": str(certs.authority.certificate.cert)} | more}


@pytest.fixture(scope="module")
def named(certs):
    return certs.authority.issue(NAME)


@pytest.fixture(scope="module")
def addressed(certs):
    return certs.authority.issue("127.0.0.1")


def ask(client, backend, **answer):
    """A request that the backend answers on a new connection, which is returned."""
    client.send_request("GET", "/")
    connection = backend.accept()
    connection.serve(**answer)
    assert client.read_answer().status == 200
    return connection


def expect_refusal(backend):
    with pytest.raises(ssl.SSLError):
        backend.accept()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_backend_that_proves_its_name_is_asked(certs, named, version):
    told = []
    context = server_context(named, maximum=version)
    context.sni_callback = lambda sock, name, ctx: told.append(name)
    backend = ScriptedBackend(context=context)
    with Gateway(backend, upstream=tls(certs, server_name=NAME)) as gateway:
        connection = ask(gateway.connect(), backend, body=b"safe")
        assert told == [NAME]
        client = gateway.connect()
        client.send_request("GET", "/again")
        assert connection.serve().target == "/again"  # it was pooled
        assert client.read_answer().status == 200


def test_backend_without_a_name_proves_its_address(certs, addressed):
    told = []
    context = server_context(addressed)
    context.sni_callback = lambda sock, name, ctx: told.append(name)
    backend = ScriptedBackend(context=context)
    with Gateway(backend, upstream=tls(certs)) as gateway:
        ask(gateway.connect(), backend)
        assert told == [None]  # an address is no server name (RFC 6066 3)


@pytest.mark.parametrize("case, why", [
    ("expired", "certificate has expired"),
    ("another name", "hostname mismatch"),
    ("another address", "IP address mismatch"),
    ("unknown authority", "unable to get local issuer certificate|self.signed certificate"),
])
def test_backend_that_cannot_be_trusted_is_not_asked(certs, tmp_path, named, case, why):
    expected = {} if case == "another address" else {"server_name": NAME}
    shown = {"expired": lambda: certs.authority.issue_expired(NAME),
             "another name": lambda: certs.authority.issue("other.test"),
             "another address": lambda: certs.authority.issue("127.0.0.2"),
             "unknown authority": lambda: Authority(tmp_path).issue(NAME)}[case]()
    backend = ScriptedBackend(context=server_context(shown))
    with Gateway(backend, upstream=tls(certs, **expected)) as gateway:
        gateway.allow(TROUBLE)
        client = gateway.connect()
        client.send_request("POST", "/", {"Accept": "application/json"}, b"personal data")
        expect_refusal(backend)
        answer = client.read_answer()
        assert (answer.status, answer.json()["outcome"]) == (502, "nothing_filed")
        gateway.log.wait_for(TROUBLE + f"({why})")
        assert gateway.metrics()["cong_upstream_tls_failures_total"] == 1


def test_another_peer_is_asked_in_its_place(certs, named):
    bad = ScriptedBackend(context=server_context(certs.authority.issue("other.test")))
    good = ScriptedBackend(context=server_context(named))
    upstream = tls(certs, server_name=NAME) | {"balance": "round_robin"}
    with Gateway(bad, good, upstream=upstream) as gateway:
        gateway.allow(TROUBLE)
        client = gateway.connect()
        refused = Thread(target=expect_refusal, args=[bad])
        refused.start()
        for _ in range(2):  # one of them goes to the bad one first
            client.send_request("POST", "/", body=b"a dossier")
            connection = good.accept()
            assert connection.serve(headers=[("Connection", "close")]).body == b"a dossier"
            assert client.read_answer().status == 200
        refused.join()


def test_client_certificate_is_shown_to_who_asks_for_it(certs, named):
    ours = certs.clients.issue("gateway.test", client=True)
    backend = ScriptedBackend(context=server_context(named, clients=certs.clients))
    with Gateway(backend, upstream=tls(certs, server_name=NAME, **ours.settings)) as gateway:
        connection = ask(gateway.connect(), backend)
        assert connection.socket.getpeercert(True) == ours.der


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_backend_that_misses_a_client_certificate_is_502(certs, named, version):
    context = server_context(named, clients=certs.clients, maximum=version)
    backend = ScriptedBackend(context=context)
    with Gateway(backend, upstream=tls(certs, server_name=NAME)) as gateway:
        gateway.allow(TROUBLE)
        client = gateway.connect()
        client.send_request("GET", "/")
        expect_refusal(backend)
        assert client.read_answer().status == 502
        gateway.log.wait_for(TROUBLE + ".*(certificate required|handshake failure)")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_next_connection_resumes_the_session(certs, named, version):
    backend = ScriptedBackend(context=server_context(named, maximum=version))
    with Gateway(backend, upstream=tls(certs, server_name=NAME)) as gateway:
        client = gateway.connect()
        resumed = [ask(client, backend, headers=[("Connection", "close")]).socket.session_reused
                   for _ in range(3)]
        assert resumed == [False, True, True]
        metrics = gateway.metrics()
        assert metrics["cong_upstream_tls_handshakes_total"] == 3
        assert metrics["cong_upstream_tls_resumed_total"] == 2


def test_plain_and_tls_peers_serve_together(certs, named):
    plain, safe = ScriptedBackend(), ScriptedBackend(context=server_context(named))
    peers = [{"address": plain.address}, {"address": safe.address} | tls(certs, server_name=NAME)]
    with Gateway(*peers) as gateway:
        client, seen = gateway.connect(), set()
        for _ in peers:
            client.send_request("GET", "/")
            connection, backend = eventually(lambda: next(
                ((found, backend) for backend in (plain, safe)
                 for found in backend.accept_waiting()), None), "one of them is asked")
            connection.serve()
            assert client.read_answer().status == 200
            seen.add(backend)
        assert len(seen) == 2


def test_probes_go_the_way_that_requests_go(certs, named):
    backend = ScriptedBackend(context=server_context(named))
    health = {"health": {"interval": "500ms", "timeout": "500ms", "rise": 1, "fall": 1}}
    with Gateway(backend, upstream=tls(certs, server_name=NAME) | health) as gateway:
        assert backend.accept().serve().headers.get("User-Agent") == "cong-probe"
        eventually(lambda: gateway.status()["upstreams"][0]["peers"][0]["probes"] == "up", "it is up")


def test_what_is_said_before_the_handshake_is_no_answer(certs):
    """CVE-2026-1642."""
    backend = ScriptedBackend()
    with Gateway(backend, upstream=tls(certs)) as gateway:
        gateway.allow(TROUBLE)
        client = gateway.connect()
        client.send_request("GET", "/secret")
        connection = backend.accept()
        connection.answer(body=b"planted")
        answer = client.read_answer()
        assert answer.status == 502
        assert b"secret" not in connection.read_to_end()


def test_other_authorities_after_a_reload_hold_for_every_connection(certs, tmp_path, named):
    """Neither the pool nor a session may outlive what they were trusted for."""
    backend = ScriptedBackend(context=server_context(named))
    with Gateway(backend, upstream=tls(certs, server_name=NAME)) as gateway:
        gateway.allow(TROUBLE)
        client = gateway.connect()
        connection = ask(client, backend)
        upstream = gateway.settings["upstreams"][0]
        stranger = Authority(tmp_path).certificate.cert
        gateway.change(upstreams=[upstream | {"tls": {"ca": str(stranger), "server_name": NAME}}])
        assert connection.read_to_end() == b""
        client.send_request("GET", "/")
        expect_refusal(backend)
        assert client.read_answer().status == 502


def test_same_settings_after_a_reload_keep_the_pool(certs, named):
    backend = ScriptedBackend(context=server_context(named))
    with Gateway(backend, upstream=tls(certs, server_name=NAME)) as gateway:
        client = gateway.connect()
        connection = ask(client, backend)
        gateway.reload()
        client.send_request("GET", "/again")
        assert connection.serve().target == "/again"
        assert client.read_answer().status == 200


def test_who_does_not_verify_is_told_what_that_means(tmp_path):
    backend = ScriptedBackend(context=server_context(Authority(tmp_path).issue("anybody.test")))
    with Gateway(backend, upstream={"tls": {"verify": False}}) as gateway:
        gateway.log.wait_for("anybody on the way can pretend to be this peer")
        ask(gateway.connect(), backend)


def test_large_bodies_go_both_ways(certs, named):
    backend = ScriptedBackend(context=server_context(named))
    with Gateway(backend, upstream=tls(certs, server_name=NAME)) as gateway:
        client, body = gateway.connect(), bytes(range(256)) * (4 * MIB // 256)
        client.send_request("POST", "/", body=b"")
        backend.accept().serve(body=body)
        assert client.read_answer().body == body


def test_tunnel_goes_through_tls(certs, named):
    backend = ScriptedBackend(context=server_context(named))
    with Gateway(backend, upstream=tls(certs, server_name=NAME)) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/ws", UPGRADE)
        connection = backend.accept()
        connection.read_request_head()
        connection.send(head_bytes("HTTP/1.1 101 Switching Protocols", UPGRADE.items()) + b"hello")
        assert client.read_answer().status == 101
        assert client.read_exactly(5) == b"hello"
        client.send(b"and back")
        assert connection.read_exactly(8) == b"and back"


@pytest.mark.parametrize("proper", [True, False])
def test_answer_that_ends_with_the_connection_has_to_end_with_tls(certs, named, proper):
    """Otherwise anybody on the way could cut it short, and it would look complete."""
    backend = ScriptedBackend(context=server_context(named))
    with Gateway(backend, upstream=tls(certs, server_name=NAME)) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")
        if proper:
            connection.socket.unwrap()
            assert client.read_answer().body == b"all of it"
            return
        connection.close()
        with pytest.raises((Incomplete, ConnectionError)):
            client.read_answer()
        assert gateway.access_lines(1)[0]["abort"] == "upstream_aborted"
