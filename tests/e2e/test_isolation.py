"""One slow or failing upstream costs its own users only, who are told at once."""

import os
import re
import signal

import pytest

from env import Gateway, H2Client, Node, ScriptedBackend, eventually, free_address

HA_NOI = {"title": "Thành phố Hà Nội", "title_en": "Hanoi"}
DAN_CU = {"title": "CSDL quốc gia về dân cư", "title_en": "Population database"}
JSON = {"Accept": "application/json"}


@pytest.fixture
def backend():
    return ScriptedBackend()


def gauge(gateway, what, upstream="portal", kind="read"):
    return gateway.metrics()[f'cong_upstream_{what}{{upstream="{upstream}",class="{kind}"}}']


def wait_for_gauge(gateway, what, value, **labels):
    eventually(lambda: gauge(gateway, what, **labels) == value, f"{what} is {value}")


def shed(gateway, reason, upstream="portal", kind="read"):
    return gateway.metrics()["cong_upstream_shed_total"
                             f'{{upstream="{upstream}",class="{kind}",reason="{reason}"}}']


def two_upstreams(province, node, **more):
    """The province's upstream has these settings more, and the portal's answers."""
    return {"upstreams": [{"name": "ha-noi", "peers": [province]} | HA_NOI | more,
                          {"name": "portal", "peers": [node]}],
            "routes": [{"path": "/ha-noi", "upstream": "ha-noi"},
                       {"path": "/", "upstream": "portal"}]}


def test_hung_upstream_costs_its_own_users_only(backend, node):
    """It accepts and never answers. Two wait for it until the deadline, the others are told."""
    settings = two_upstreams(backend, node, isolation={"max_inflight": 2},
                             timeouts={"response": "2s"})
    with Gateway(workers=2, **settings) as gateway:
        waiting = [gateway.connect().send_request("GET", f"/ha-noi/{n}", JSON) for n in range(2)]
        wait_for_gauge(gateway, "in_flight", 2, upstream="ha-noi")
        others = [gateway.connect().send_request("GET", "/ha-noi", JSON) for _ in range(6)]
        for _ in range(20):
            assert gateway.request("GET", "/").status == 200
        for client in others:
            answer = client.read_answer()
            assert (answer.status, answer.json()["reason"]) == (503, "upstream_busy")
            assert answer.json()["affected"] == HA_NOI["title"]
            assert answer.json()["affected_en"] == HA_NOI["title_en"]
            assert answer.json()["outcome"] == "nothing_filed"
            assert int(answer.headers.get("Retry-After")) > 0
            assert gateway.access_line(answer)["shed"] == "late"
        for client in waiting:
            answer = client.read_answer()
            assert (answer.status, answer.json()["affected"]) == (504, HA_NOI["title"])
        wait_for_gauge(gateway, "in_flight", 0, upstream="ha-noi")
        assert len(backend.accept_waiting()) == 2


def test_page_names_the_province_in_both_languages(backend, node):
    settings = two_upstreams({"address": free_address()}, node,
                             title="Tỉnh <Lạng Sơn> & \"bạn\"", title_en="Lang Son's")
    with Gateway(**settings) as gateway:
        answer = gateway.request("GET", "/ha-noi")
        assert answer.status == 502
        assert "Tỉnh &#60;Lạng Sơn&#62; &#38; &#34;bạn&#34;" in answer.text
        assert "Lang Son&#39;s" in answer.text


def test_client_that_leaves_frees_its_place(backend):
    with Gateway(backend, upstream={"isolation": {"max_inflight": 1}}) as gateway:
        holder, waiter, last = (gateway.connect() for _ in range(3))
        holder.send_request("GET", "/1")
        connection = backend.accept()
        connection.read_request()
        waiter.send_request("GET", "/2").close()
        eventually(lambda: gateway.metrics()["cong_connections_open"] == 2, "it has left")
        wait_for_gauge(gateway, "waiting", 0)
        holder.close()
        assert connection.has_ended()
        wait_for_gauge(gateway, "in_flight", 0)
        last.send_request("GET", "/3")
        assert backend.accept().serve().target == "/3"
        assert last.read_answer().status == 200
        assert backend.accept_waiting() == [], "who left the queue was not sent"


def test_who_waits_is_served_when_a_slot_is_free(backend):
    """Both happen at once, for nobody waits for long: the request comes, and the answer before."""
    with Gateway(backend, upstream={"isolation": {"max_inflight": 1}}) as gateway:
        first, second = gateway.connect(), gateway.connect()
        first.send_request("GET", "/1")
        connection = backend.accept()
        connection.read_request()
        pid = gateway.worker_pids()["worker 0"]
        os.kill(pid, signal.SIGSTOP)
        second.send_request("GET", "/2")
        connection.answer(200)
        os.kill(pid, signal.SIGCONT)
        assert first.read_answer().status == 200
        assert connection.serve().target == "/2"
        assert second.read_answer().status == 200


def test_readers_do_not_take_the_slots_of_those_who_submit(backend):
    with Gateway(backend, upstream={"isolation": {"max_inflight": 1}}) as gateway:
        reader, writer = gateway.connect(), gateway.connect()
        reader.send_request("GET", "/")
        backend.accept().read_request()
        writer.send_request("POST", "/", body=b"a dossier")
        backend.accept().serve()
        assert writer.read_answer().status == 200


def test_upload_that_trickles_in_holds_no_slot(backend):
    with Gateway(backend, upstream={"isolation": {"max_inflight": 1}}) as gateway:
        slow, quick = gateway.connect(), gateway.connect()
        slow.send_request("POST", "/slow", {"Content-Length": "10"}).send(b"12345")
        upload = backend.accept()
        upload.read_request_head()
        upload.read_exactly(5)
        wait_for_gauge(gateway, "in_flight", 0, kind="submit")
        quick.send_request("POST", "/quick", body=b"1")
        backend.accept().serve()
        assert quick.read_answer().status == 200
        slow.send(b"67890")
        wait_for_gauge(gateway, "in_flight", 1, kind="submit")
        upload.read_exactly(5)
        upload.answer(201)
        assert slow.read_answer().status == 201
        wait_for_gauge(gateway, "in_flight", 0, kind="submit")


def test_answer_that_goes_on_holds_no_slot(backend):
    """A download by a slow phone, or a stream of events."""
    with Gateway(backend, upstream={"isolation": {"max_inflight": 1}}) as gateway:
        reader, other = gateway.connect(), gateway.connect()
        reader.send_request("GET", "/events")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert reader.read_answer_head().status == 200
        other.send_request("GET", "/")
        backend.accept().serve()
        assert other.read_answer().status == 200


def test_worker_that_dies_takes_no_slots_along(backend):
    with Gateway(backend, upstream={"isolation": {"max_inflight": 1}}) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        backend.accept().read_request()
        wait_for_gauge(gateway, "in_flight", 1)
        gateway.allow("was killed by SIGKILL")
        os.kill(gateway.worker_pids()["worker 0"], signal.SIGKILL)
        wait_for_gauge(gateway, "in_flight", 0)


def test_people_who_leave_a_hung_upstream_have_seen_it_fail(backend, node):
    """They leave before the timeout; nobody else would tell."""
    settings = two_upstreams(backend, node, isolation={"slow": "10ms"})
    failures = 'cong_upstream_failures_total{upstream="ha-noi",class="read"}'
    with Gateway(**settings) as gateway:
        first = gateway.connect()
        first.send_request("GET", "/ha-noi")
        connection = backend.accept()
        connection.serve()
        assert first.read_answer().status == 200
        for _ in range(15):  # so it knows how long the route takes
            first.send_request("GET", "/ha-noi")
            connection.serve()
            assert first.read_answer().status == 200
        leaving = [gateway.connect().send_request("GET", "/ha-noi") for _ in range(3)]
        wait_for_gauge(gateway, "in_flight", 3, upstream="ha-noi")
        slowest = max(line["response_ms"] for line in gateway.access_lines(16))
        assert gateway.request("GET", f"/any?delay={int(4 * slowest) + 20}ms").status == 200
        for client in leaving:
            client.close()
        eventually(lambda: gateway.metrics()[failures] == 3, "three failures")


def teach_pace(gateway, backend):
    """So that it knows how long the route takes."""
    for _ in range(16):
        client = gateway.connect()
        client.send_request("GET", "/")
        backend.accept().serve(headers=[("Connection", "close")])
        assert client.read_answer().status == 200
        client.close()


def hold_back(gateway, backend):
    """(client, stream, backend connection): a request of someone who does not read, so that its
    answer is not looked at before that of another, which did not come in time."""
    client, clock = H2Client(gateway.address(), settings={4: 0}), H2Client(gateway.address())
    for _ in range(20):
        client.request()
        backend.accept().serve(body=bytes(100_000))
    late = client.request()
    connection = backend.accept()
    connection.read_request()
    hour = clock.request()
    assert clock.answer(hour).status == 504
    return client, late, connection


@pytest.mark.parametrize("leaves", [False, True], ids=["reads at last", "leaves"])
def test_nobody_makes_an_upstream_look_slow_by_reading_slowly(certs, leaves):
    backend = ScriptedBackend()
    with Gateway(backend, listeners=[{"tls": certs.tls}], route={"response_buffering": "off"},
                 upstream={"timeouts": {"response": "1s"},
                           "isolation": {"slow": "900ms"}}) as gateway:
        teach_pace(gateway, backend)
        client, late, connection = hold_back(gateway, backend)
        if leaves:
            client.close()
        else:
            connection.answer(body=b"late")
            for stream in range(1, late + 1, 2):
                client.window(stream, 1 << 20)
                client.window(0, 1 << 20)
            assert client.answer(late).body == b"late"
        eventually(lambda: gateway.metrics()["cong_requests_active"] == 0, "all are done")
        labels = 'upstream="portal",class="read"'
        assert gateway.metrics()[f"cong_upstream_slow_total{{{labels}}}"] == 0
        assert gateway.metrics()[f"cong_upstream_failures_total{{{labels}}}"] == 1  # the 504
        assert gateway.status()["upstreams"][0]["peers"][0]["latency_us"] < 1_000_000


# --- shared national systems ----------------------------------------------------------------------

def test_slow_national_system_costs_only_those_who_use_it(backend, node):
    with Gateway(systems=[{"name": "dan-cu", "max_inflight": 1} | DAN_CU],
                 upstreams=[{"name": "ha-noi", "peers": [backend]},
                            {"name": "hue", "peers": [node]}],
                 routes=[{"path": "/ha-noi", "upstream": "ha-noi", "uses": ["dan-cu"]},
                         {"path": "/hue", "upstream": "hue", "uses": ["dan-cu"]},
                         {"path": "/", "upstream": "hue"}]) as gateway:
        slow = gateway.connect()
        slow.send_request("GET", "/ha-noi")
        connection = backend.accept()
        connection.read_request()
        answer = gateway.request("GET", "/hue", JSON)
        assert (answer.status, answer.json()["reason"]) == (503, "system_busy")
        assert answer.json()["affected"] == DAN_CU["title"]
        assert gateway.request("GET", "/").status == 200
        metrics = gateway.metrics()
        assert metrics['cong_system_in_flight{system="dan-cu"}'] == 1
        assert metrics['cong_system_limit{system="dan-cu"}'] == 1
        assert metrics['cong_system_shed_total{system="dan-cu",reason="late"}'] == 1
        connection.answer()
        assert slow.read_answer().status == 200
        assert gateway.request("GET", "/hue").status == 200, "it recovers by itself"


# --- the breaker ----------------------------------------------------------------------------------

def test_failing_upstream_is_left_alone_and_recovers_by_itself():
    address = free_address()
    with Gateway({"address": address}) as gateway:
        gateway.allow("5 of 5 requests failed")
        for _ in range(5):
            assert gateway.request("GET", "/").status == 502
        gateway.log.wait_for("upstream portal: 5 of 5 requests failed")
        answer = gateway.request("GET", "/", JSON)
        assert (answer.status, answer.json()["reason"]) == (503, "upstream_broken")
        assert gateway.metrics()['cong_upstream_breaker{upstream="portal"}'] == 1
        assert gateway.status()["upstreams"][0]["breaker"] == "refusing"
        assert re.search(r"portal +all .*  left alone: 5 of 5 requests failed within 10 s; "
                         r"tried again in \d+ s$", gateway.command("status").stdout, re.M)
        assert shed(gateway, "broken") >= 1
        with Node("late", listen=address):
            eventually(lambda: gateway.request("GET", "/").status == 200, "it is tried again")
            gateway.log.wait_for("upstream portal: it answers again")
            assert gateway.request("GET", "/").status == 200
            assert gateway.status()["upstreams"][0]["breaker"] == "passing"


def test_breaker_can_be_switched_off():
    with Gateway({"address": free_address()},
                 upstream={"isolation": {"breaker": False}}) as gateway:
        for _ in range(12):
            assert gateway.request("GET", "/").status == 502


# --- second attempts and deadlines ----------------------------------------------------------------

def test_retries_stay_within_their_budget(node):
    """A tenth of the requests, and ten in ten seconds, as the nodes count them."""
    node.reset_stats()
    with Node("second") as second, Gateway(
            node, second, upstream={"isolation": {"breaker": False}}) as gateway:
        client = gateway.connect()
        for _ in range(100):
            assert client.request("GET", "/any?close=head").status == 502
        sent = node.stats()["requests"] + second.stats()["requests"]
        assert 100 < sent <= 100 + 100 // 10 + 10
        assert gateway.metrics()["cong_upstream_retries_total"] == sent - 100


def test_deadline_is_handed_on(backend):
    with Gateway(backend, upstream={"timeouts": {"response": "20s"}}) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/", {"X-Cong-Deadline": "999999"})
        request = backend.accept().serve()
        values = request.headers.all("X-Cong-Deadline")
        assert len(values) == 1 and 0 < int(values[0]) <= 20000


def test_deadline_has_a_name_of_the_operators_choice(backend):
    with Gateway(backend, upstream={"deadline_header": "X-Time-Left"}) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/", {"X-Time-Left": "999999"})
        request = backend.accept().serve()
        assert "X-Cong-Deadline" not in request.headers
        values = request.headers.all("X-Time-Left")
        assert len(values) == 1 and 0 < int(values[0]) <= 15000


def test_second_attempt_has_what_is_left_of_the_deadline():
    backends = [ScriptedBackend(), ScriptedBackend()]
    with Gateway(*backends, upstream={"timeouts": {"response": "1s",
                                                   "deadline": "1500ms"}}) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/")
        attempts = []
        while len(attempts) < 2:
            attempts += [connection for backend in backends
                         for connection in backend.accept_waiting()]
        first, second = (int(attempt.read_request().headers.get("X-Cong-Deadline"))
                         for attempt in attempts)
        assert first == 1000 and 0 < second <= 500
        assert client.read_answer().status == 504


# --- submissions ----------------------------------------------------------------------------------

def test_refused_submission_is_told_that_nothing_was_filed(tmp_path, backend, node):
    settings = two_upstreams(backend, node, isolation={"max_inflight": 1})
    settings["routes"][0]["submission"] = {"backend": "none"}
    with Gateway(store={"journal": str(tmp_path / "journal")}, **settings) as gateway:
        first, second = gateway.connect(), gateway.connect()
        key = {"Idempotency-Key": "the-key-of-the-second"} | JSON
        first.send_request("POST", "/ha-noi", {"Idempotency-Key": "the-key-of-the-first"},
                           b"a dossier")
        connection = backend.accept()
        connection.read_request()
        answer = second.request("POST", "/ha-noi", key, b"another dossier")
        assert (answer.status, answer.json()["outcome"]) == (503, "nothing_filed")
        assert (answer.json()["reason"], answer.json()["affected"]) == (
            "submission_unavailable", HA_NOI["title"])
        connection.answer(201)
        assert first.read_answer().status == 201
        second.send_request("POST", "/ha-noi", key, b"another dossier")
        request = backend.accept().serve(201)
        assert request.body == b"another dossier"
        assert second.read_answer().status == 201, "its key was free at once"
