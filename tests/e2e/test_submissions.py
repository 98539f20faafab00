"""A dossier is dispatched once for each key, whoever dies in between."""

import os
import signal
import subprocess
import uuid

import pytest

from env import Gateway, Node, ScriptedBackend, eventually

KILLED = "was killed by SIGKILL"
DOSSIER = b"ho so cap lai giay khai sinh"
RANDOM = "chosen-at-random"  # as short as may be


def portal(*backends, folder, submission=None, store=None, **settings):
    """A gateway whose one route has submissions."""
    route = {"submission": {"backend": "none"} | (submission or {})}
    where = {"journal": str(folder / "journal")} | (store or {})
    return Gateway(*backends, route=route | settings.pop("route", {}), store=where, **settings)


def with_key(key=None, **more):
    return {"Idempotency-Key": key or str(uuid.uuid4())} | more


@pytest.fixture
def backend():
    return ScriptedBackend()


def test_repeated_key_gets_the_same_answer(tmp_path, backend):
    with portal(backend, folder=tmp_path) as gateway:
        client, headers = gateway.connect(), with_key(RANDOM)
        client.send_request("POST", "/dossiers", headers, DOSSIER)
        request = backend.accept().serve(201, [("X-Receipt", "A-1")], b"received")
        assert request.body == DOSSIER
        assert request.headers.get("Idempotency-Key") == RANDOM
        assert request.headers.get("X-Cong-Fence") == "1"
        first = client.read_answer()
        second = client.request("POST", "/dossiers", headers, DOSSIER)
        for answer in (first, second):
            assert (answer.status, answer.body) == (201, b"received")
            assert answer.headers.get("X-Receipt") == "A-1"
        assert first.headers.get("Idempotency-Replayed") is None
        assert second.headers.get("Idempotency-Replayed") == "true"
        assert backend.accept_waiting() == []


def test_repeated_key_waits_for_the_first(tmp_path, backend):
    with portal(backend, folder=tmp_path) as gateway:
        first, second, headers = gateway.connect(), gateway.connect(), with_key()
        first.send_request("POST", "/", headers, DOSSIER)
        connection = backend.accept()
        connection.read_request()
        answer = second.request("POST", "/", headers, DOSSIER)
        assert answer.status == 409
        assert int(answer.headers.get("Retry-After")) > 0
        connection.answer(200, body=b"filed")
        assert first.read_answer().body == b"filed"
        assert second.request("POST", "/", headers, DOSSIER).body == b"filed"


def test_key_of_another_payload_is_refused(tmp_path, backend):
    with portal(backend, folder=tmp_path) as gateway:
        client, headers = gateway.connect(), with_key()
        client.send_request("POST", "/", headers, DOSSIER)
        backend.accept().serve()
        assert client.read_answer().status == 200
        assert client.request("POST", "/", headers, b"another dossier").status == 422
        assert client.request("POST", "/elsewhere", headers, DOSSIER).status == 422
        assert client.request("PATCH", "/", headers, DOSSIER).status == 422
        assert backend.accept_waiting() == []


def test_large_body_of_http2_is_spooled(tmp_path, backend, certs):
    """What came while the disk was waited for comes in one piece, as large as the window."""
    dossier, headers = tmp_path / "dossier", [f"{n}: {v}" for n, v in with_key().items()]
    dossier.write_bytes(os.urandom(2 << 20))
    with portal(backend, folder=tmp_path, listeners=[{"tls": certs.tls}], spool={"memory": "4KiB"},
                limits={"http2_window": "1MiB"}) as gateway:
        client = subprocess.Popen(
            ["curl", "--silent", "--insecure", "--http2", "--max-time", "20", "--data-binary",
             f"@{dossier}", "--header", headers[0], "--header", "Expect:",
             f"https://{gateway.address()}/"], stdout=subprocess.PIPE)
        assert backend.accept().serve(201, body=b"filed").body == dossier.read_bytes()
        assert client.communicate()[0] == b"filed"


@pytest.mark.parametrize("headers", [
    [], [("Idempotency-Key", "")], [("Idempotency-Key", '""')], [("Idempotency-Key", "a b")],
    [("Idempotency-Key", "k" * 256)], [("Idempotency-Key", RANDOM), ("Idempotency-Key", RANDOM)],
])
def test_submission_without_a_good_key_is_refused(tmp_path, backend, headers):
    with portal(backend, folder=tmp_path) as gateway:
        assert gateway.request("POST", "/", headers, DOSSIER).status == 400
        assert backend.accept_waiting() == []


def test_key_may_be_quoted(tmp_path, backend):
    with portal(backend, folder=tmp_path) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", with_key(f'"{RANDOM}"'), DOSSIER)
        backend.accept().serve()
        client.read_answer()
        answer = client.request("POST", "/", with_key(RANDOM), DOSSIER)
        assert answer.headers.get("Idempotency-Replayed") == "true"


def test_without_a_key_where_none_is_required_it_is_any_request(tmp_path, backend):
    with portal(backend, folder=tmp_path, submission={"required": False}) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", (), DOSSIER)
        request = backend.accept().serve()
        assert request.headers.get("X-Cong-Fence") is None
        assert client.read_answer().status == 200


# --- who dies, and what the client is told --------------------------------------------------------

def test_refused_connection_is_503_and_the_key_is_free(tmp_path):
    backend = ScriptedBackend()
    port = int(backend.address.rpartition(":")[2])
    backend.close()
    with portal(backend, folder=tmp_path) as gateway:
        client, headers = gateway.connect(), with_key()
        answer = client.request("POST", "/", headers, DOSSIER)
        assert answer.status == 503
        assert answer.headers.get("Retry-After")
        backend = ScriptedBackend(port)
        client.send_request("POST", "/", headers, DOSSIER)
        assert backend.accept().serve().body == DOSSIER
        assert client.read_answer().status == 200


@pytest.mark.parametrize("how", ["close", "reset", "half an answer", "nonsense"])
def test_backend_that_dies_with_it_leaves_it_unknown(tmp_path, backend, how):
    with portal(backend, folder=tmp_path) as gateway:
        client, headers = gateway.connect(), with_key(Accept="application/json")
        client.send_request("POST", "/", headers, DOSSIER)
        connection = backend.accept()
        connection.read_request()
        if how == "half an answer":
            connection.send("HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\nhalf").close()
        elif how == "nonsense":
            connection.send("nonsense\r\n\r\n")
        else:
            getattr(connection, how)()
        first = client.read_answer()
        assert (first.status, first.json()["outcome"]) == (202, "unknown")
        again = client.request("POST", "/", headers, DOSSIER)
        assert (again.status, again.json()["reason"]) == (409, "submission_unknown")
        assert backend.accept_waiting() == [], "it is never sent again"
        gateway.log.wait_for(f"submission {first.reference} .* not known how it ended")


def test_late_backend_leaves_it_unknown(tmp_path, backend):
    with portal(backend, folder=tmp_path, route={"timeouts": {"response": "100ms"}}) as gateway:
        client, headers = gateway.connect(), with_key()
        client.send_request("POST", "/", headers, DOSSIER)
        backend.accept().read_request()
        assert client.read_answer().status == 202
        assert client.request("POST", "/", headers, DOSSIER).status == 409
        assert backend.accept_waiting() == []


def test_client_that_leaves_finds_its_answer_later(tmp_path, backend):
    with portal(backend, folder=tmp_path) as gateway:
        client, headers = gateway.connect(), with_key()
        client.send_request("POST", "/", headers, DOSSIER)
        connection = backend.accept()
        connection.read_request()
        client.reset()
        eventually(lambda: gateway.metrics()["cong_connections_open"] == 0, "it has left")
        connection.answer(201, body=b"filed")
        eventually(lambda: gateway.access_log(), "the end of it")
        answer = gateway.request("POST", "/", headers, DOSSIER)
        assert (answer.status, answer.body) == (201, b"filed")
        assert answer.headers.get("Idempotency-Replayed") == "true"


def kill_worker(gateway):
    mark = gateway.log.mark()
    os.kill(gateway.worker_pids()["worker 0"], signal.SIGKILL)
    gateway.log.wait_for("worker 0 is ready", mark)


def test_worker_that_dies_with_it_does_not_free_the_key(tmp_path, backend):
    with portal(backend, folder=tmp_path) as gateway:
        gateway.allow(KILLED)
        client, headers = gateway.connect(), with_key(Accept="application/json")
        client.send_request("POST", "/", headers, DOSSIER)
        backend.accept().read_request()
        kill_worker(gateway)
        answer = gateway.request("POST", "/", headers, DOSSIER)
        assert (answer.status, answer.json()["reason"]) == (409, "submission_under_way")
        assert backend.accept_waiting() == []


def test_other_workers_know_the_answer(tmp_path, backend):
    with portal(backend, folder=tmp_path, workers=2) as gateway:
        headers = with_key()
        client = gateway.connect()
        client.send_request("POST", "/", headers, DOSSIER)
        backend.accept().serve(body=b"filed")
        client.read_answer()
        for _ in range(8):
            assert gateway.request("POST", "/", headers, DOSSIER).body == b"filed"


class Power:
    """A machine: gateways of one folder, one after the other."""

    def __init__(self, folder):
        self.folder, self.port, self.backend = folder, 0, None

    def on(self, **more):
        self.backend = ScriptedBackend(self.port)  # the last one's end took it along
        self.port = int(self.backend.address.rpartition(":")[2])
        return portal(self.backend, folder=self.folder, runtime_dir=str(self.folder / "run"),
                      **more)

    def cut(self, gateway):
        """What is in memory is gone, what was synced to the disk is there."""
        gateway.kill()
        (self.folder / "run" / "store").unlink()


@pytest.mark.parametrize("how", ["gateway is killed", "power is cut"])
def test_answers_outlive_it_when_the(tmp_path, how):
    power, headers = Power(tmp_path), with_key()
    with power.on() as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", headers, DOSSIER)
        power.backend.accept().serve(201, [("X-Receipt", "A-1")], b"filed")
        assert client.read_answer().status == 201
        power.cut(gateway) if how == "power is cut" else gateway.kill()
    with power.on() as gateway:
        answer = gateway.request("POST", "/", headers, DOSSIER)
        assert (answer.status, answer.body) == (201, b"filed")
        assert answer.headers.get("X-Receipt") == "A-1"
        assert gateway.request("POST", "/", headers, b"other").status == 422
        assert power.backend.accept_waiting() == []


def test_dispatch_outlives_a_power_cut(tmp_path):
    power, headers = Power(tmp_path), with_key()
    with power.on() as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", headers, DOSSIER)
        power.backend.accept().read_request()
        power.cut(gateway)
    with power.on() as gateway:
        gateway.log.wait_for("1 records of submissions read back")
        assert gateway.request("POST", "/", headers, DOSSIER).status == 409
        assert power.backend.accept_waiting() == []


@pytest.mark.parametrize("first", ["is refused", "is turned away"])
def test_second_dispatch_outlives_a_power_cut_when_the_first(tmp_path, first):
    """What was given back before says nothing about what was sent after it."""
    power, headers = Power(tmp_path), with_key()
    with power.on() as gateway:
        if first == "is refused":
            power.backend.close()
            assert gateway.request("POST", "/", headers, DOSSIER).status == 503
            power.backend = ScriptedBackend(power.port)
        else:
            client = gateway.connect()
            client.send_request("POST", "/", headers, DOSSIER)
            power.backend.accept().serve(429, [("Retry-After", "1")])
            assert client.read_answer().status == 429
        client = gateway.connect()
        client.send_request("POST", "/", headers, DOSSIER)
        power.backend.accept().read_request()
        power.cut(gateway)
    with power.on() as gateway:
        assert gateway.request("POST", "/", headers, DOSSIER).status == 409
        assert power.backend.accept_waiting() == []


def test_torn_journal_keeps_what_is_whole(tmp_path):
    power, headers = Power(tmp_path), with_key()
    with power.on() as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", headers, DOSSIER)
        power.backend.accept().serve(body=b"filed")
        client.read_answer()
        power.cut(gateway)
    log, = (tmp_path / "journal").glob("*.log")
    with log.open("ab") as file:
        file.write(b"torn" * 50)
    with power.on() as gateway:
        assert gateway.request("POST", "/", headers, DOSSIER).body == b"filed"


def test_nothing_is_sent_when_it_cannot_be_recorded(tmp_path, backend):
    """As on a full disk."""
    with portal(backend, folder=tmp_path) as gateway:
        gateway.allow("cannot be recorded")
        (tmp_path / "journal").rmdir()
        answer = gateway.request("POST", "/", with_key(Accept="application/json"), DOSSIER)
        assert (answer.status, answer.json()["outcome"]) == (503, "nothing_filed")
        assert backend.accept().has_ended(), "nothing came"
        (tmp_path / "journal").mkdir()
        client = gateway.connect()
        client.send_request("POST", "/", with_key(), DOSSIER)
        backend.accept().serve()
        assert client.read_answer().status == 200


# --- what citizens can ask after ------------------------------------------------------------------

def test_status_can_be_asked_for_where_the_end_is_not_known(tmp_path, backend):
    with portal(backend, folder=tmp_path) as gateway:
        gateway.allow("not known how it ended")
        client, headers = gateway.connect(), with_key(Accept="application/json")
        client.send_request("POST", "/", headers, DOSSIER)
        connection = backend.accept()
        connection.read_request()
        connection.close()
        told = client.read_answer()
        where = told.headers.get("Location")
        assert told.json()["status_url"] == where
        assert client.request("POST", "/", headers, DOSSIER).headers.get("Location") == where
        status = client.request("GET", where, {"Accept": "application/json"})
        assert (status.status, status.json()["reason"]) == (200, "submission_unknown")
        page = client.request("GET", where)
        assert page.headers.get("Content-Type") == "text/html; charset=utf-8"
        assert "Hồ sơ đang được xác minh" in page.text and f'href="{where}"' in page.text
        assert "<script" not in page.text
        assert client.request("GET", where[:-1] + ("A" if where[-1] != "A" else "B")).status == 404
        assert client.request("POST", where, body=b"").status == 405


# --- backends that can be asked, or store a key once ----------------------------------------------

def leave_in_doubt(gateway, backend, headers):
    client = gateway.connect()
    client.send_request("POST", "/", headers, DOSSIER)
    connection = backend.accept()
    request = connection.read_request()
    connection.close()
    return request, client.read_answer()


LOOKUP = {"backend": "lookup", "lookup": "/ask"}


def asked(connection):
    request = connection.read_request()
    assert (request.method, request.target) == ("GET", "/ask")
    assert request.headers.get("Idempotency-Key") == f'"{RANDOM}"'
    assert request.headers.get("X-Cong-Fence") == "2"
    return connection


def test_backend_that_knows_of_it_is_believed(tmp_path, backend):
    with portal(backend, folder=tmp_path, submission=LOOKUP) as gateway:
        gateway.allow("not known how it ended")
        client, headers = gateway.connect(), with_key(RANDOM)
        assert leave_in_doubt(gateway, backend, headers)[1].status == 202
        client.send_request("POST", "/", headers, DOSSIER)
        asked(backend.accept()).answer(200, [("X-Receipt", "A-1")], b"filed")
        answers = [client.read_answer(), client.request("POST", "/", headers, DOSSIER)]
        for answer in answers:
            assert (answer.status, answer.body) == (200, b"filed")
            assert answer.headers.get("X-Receipt") == "A-1"
            assert answer.headers.get("Idempotency-Replayed") == "true"
        assert backend.accept_waiting() == []


def test_backend_that_never_stored_it_is_sent_it_again(tmp_path, backend):
    with portal(backend, folder=tmp_path, submission=LOOKUP) as gateway:
        gateway.allow("not known how it ended")
        client, headers = gateway.connect(), with_key(RANDOM)
        leave_in_doubt(gateway, backend, headers)
        client.send_request("POST", "/", headers, DOSSIER)
        asked(backend.accept()).answer(404)
        request = backend.accept().serve(201, body=b"filed")
        assert (request.body, request.headers.get("X-Cong-Fence")) == (DOSSIER, "2")
        assert client.read_answer().body == b"filed"


@pytest.mark.parametrize("how", ["500", "close"])
def test_backend_that_cannot_tell_leaves_it_in_doubt(tmp_path, backend, how):
    with portal(backend, folder=tmp_path, submission=LOOKUP) as gateway:
        gateway.allow("not known how it ended")
        client, headers = gateway.connect(), with_key(RANDOM)
        leave_in_doubt(gateway, backend, headers)
        client.send_request("POST", "/", headers, DOSSIER)
        connection = asked(backend.accept())
        connection.answer(500) if how == "500" else connection.close()
        assert client.read_answer().status == 409
        assert backend.accept_waiting() == []


def test_backend_that_stores_a_key_once_is_sent_it_again(tmp_path, backend):
    with portal(backend, folder=tmp_path, submission={"backend": "dedup"}) as gateway:
        client, headers = gateway.connect(), with_key(Accept="application/json")
        first, told = leave_in_doubt(gateway, backend, headers)
        assert (told.status, told.json()["reason"]) == (503, "submission_resend")
        client.send_request("POST", "/", headers, DOSSIER)
        again = backend.accept().serve(body=b"filed")
        assert again.body == first.body
        assert [r.headers.get("X-Cong-Fence") for r in (first, again)] == ["1", "2"]
        assert client.read_answer().body == b"filed"


def test_other_peer_is_tried_at_once_where_a_key_is_stored_once(tmp_path):
    peers = ScriptedBackend(), ScriptedBackend()
    with portal(*peers, folder=tmp_path, submission={"backend": "dedup"}) as gateway:
        client, headers = gateway.connect(), with_key()
        client.send_request("POST", "/", headers, DOSSIER)
        found = eventually(lambda: [(c, i) for i in (0, 1) for c in peers[i].accept_waiting()],
                           "a connection")
        connection, index = found[0]
        connection.read_request()
        connection.close()
        assert peers[1 - index].accept().serve(body=b"filed").body == DOSSIER
        assert client.read_answer().body == b"filed"


@pytest.mark.parametrize("status, fields", [(429, []), (503, [("Retry-After", "1")])])
def test_backend_that_wants_to_be_asked_again_is(tmp_path, backend, status, fields):
    with portal(backend, folder=tmp_path) as gateway:
        client, headers = gateway.connect(), with_key()
        client.send_request("POST", "/", headers, DOSSIER)
        first = backend.accept().serve(status, fields)
        assert client.read_answer().status == status
        client.send_request("POST", "/", headers, DOSSIER)
        second = backend.accept().serve(201)
        assert client.read_answer().status == 201
        assert [r.headers.get("X-Cong-Fence") for r in (first, second)] == ["1", "2"]


@pytest.mark.parametrize("status", [400, 500, 503])
def test_other_failures_are_answers(tmp_path, backend, status):
    with portal(backend, folder=tmp_path) as gateway:
        client, headers = gateway.connect(), with_key()
        client.send_request("POST", "/", headers, DOSSIER)
        backend.accept().serve(status, body=b"why")
        assert client.read_answer().status == status
        again = client.request("POST", "/", headers, DOSSIER)
        assert (again.status, again.body) == (status, b"why")
        assert again.headers.get("Idempotency-Replayed") == "true"


@pytest.mark.parametrize("status", [502, 504])
def test_gateway_behind_us_that_does_not_know_leaves_it_unknown(tmp_path, backend, status):
    with portal(backend, folder=tmp_path) as gateway:
        client, headers = gateway.connect(), with_key()
        client.send_request("POST", "/", headers, DOSSIER)
        backend.accept().serve(status)
        assert client.read_answer().status == 202
        assert client.request("POST", "/", headers, DOSSIER).status == 409
