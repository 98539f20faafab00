"""The admin listener: health, readiness, metrics. It reads, and changes nothing."""

import os
import re
import signal

import pytest

from env import Gateway, eventually

SAMPLE = re.compile(r'([a-z0-9_:]+)(\{([a-z_]+="[^"\n]*",?)+\})? ([0-9.e+]+|NaN|\+Inf)')


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, workers=2, listeners=[{}, {"tls": certs.tls}]) as gateway:
        yield gateway


def test_health_and_readiness_are_green(gateway):
    assert gateway.admin("/health").status == 200
    assert gateway.admin("/ready").status == 200
    assert gateway.admin("/health").headers.get("Cache-Control") == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("page", ["/health", "/ready", "/metrics"])
def test_nothing_can_be_changed(gateway, method, page):
    answer = gateway.admin(page, method)
    assert (answer.status, answer.headers.get("Allow")) == (405, "GET, HEAD")


@pytest.mark.parametrize("target", ["/", "/nothing", "/metrics/x", "/../metrics/..", "/health%00"])
def test_other_pages_are_not_there(gateway, target):
    assert gateway.admin(target).status in (400, 404)


def test_admin_pages_are_not_on_the_public_listener(gateway):
    assert gateway.request("GET", "/metrics").headers.get("X-Node") == "node"


def test_metrics_are_in_the_format_of_prometheus(gateway):
    gateway.request("GET", "/")
    answer = gateway.admin("/metrics")
    assert answer.headers.get("Content-Type").startswith("text/plain; version=0.0.4")
    types, seen = {}, set()
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types
            types[name] = kind
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert line.rsplit(" ", 1)[0] not in seen
            seen.add(line.rsplit(" ", 1)[0])
            family = re.sub(r"_(bucket|sum|count)$", "", match[1])
            assert match[1] in types or types[family] == "histogram", line
    assert answer.text.endswith("\n")


def test_requests_are_counted_by_route_upstream_and_class(gateway):
    before = gateway.settled_metrics()
    for target in ("/", "/any?status=404", "/any?status=503"):
        gateway.access_line(gateway.request("GET", target))  # what is logged has been counted
    after = gateway.metrics()

    def grown(name):
        return after[name] - before[name]

    assert grown("cong_requests_total") == 3
    for kind, name in (("route", "/"), ("upstream", "portal")):
        for status in ("2xx", "4xx", "5xx"):
            assert grown(f'cong_{kind}_responses_total{{{kind}="{name}",class="{status}"}}') == 1
        assert grown(f'cong_{kind}_duration_seconds_count{{{kind}="{name}"}}') == 3
        assert grown(f'cong_{kind}_duration_seconds_bucket{{{kind}="{name}",le="+Inf"}}') == 3


def test_latency_lands_in_its_bucket(gateway):
    before = gateway.metrics()
    gateway.access_line(gateway.request("GET", "/any?delay=120ms"))
    after = gateway.metrics()

    def grown(bound):
        name = f'cong_route_duration_seconds_bucket{{route="/",le="{bound}"}}'
        return after[name] - before[name]

    assert grown("0.1") == 0
    assert grown("30") == 1


def test_connections_are_counted(gateway):
    before = gateway.settled_metrics()
    clients = [gateway.connect(listener) for listener in (0, 1) for _ in range(5)]
    for client in clients:
        client.request("GET", "/")
    during = gateway.metrics()
    assert during["cong_connections_open"] == 10
    assert during["cong_tls_handshakes_full_total"] - before["cong_tls_handshakes_full_total"] == 5
    for client in clients:
        client.close()
    eventually(lambda: gateway.metrics()["cong_connections_open"] == 0, "all are closed")


def test_bytes_are_counted(gateway):
    came, went = "cong_client_bytes_in_total", "cong_client_bytes_out_total"
    before = gateway.settled_metrics()
    answer = gateway.request("POST", "/echo", body=b"a" * 12345)
    gateway.access_line(answer)
    after = gateway.metrics()
    assert after[came] - before[came] == 12345
    assert after[went] - before[went] == len(answer.body)


def test_refused_requests_are_counted(gateway):
    before = gateway.metrics()["cong_requests_invalid_total"]
    gateway.connect().send("GET / HTTP/1.1\r\n\r\n").read_answer()
    assert gateway.metrics()["cong_requests_invalid_total"] == before + 1


def test_admin_answers_while_all_workers_are_stuck(gateway):
    pids = gateway.worker_pids().values()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert gateway.admin("/health").status == 200
        assert "cong_requests_total" in gateway.admin("/metrics").text
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    assert gateway.request("GET", "/").status == 200


def test_gateway_without_an_admin_listener_works(node):
    settings = {"workers": 1}
    with Gateway(node, **settings) as gateway:
        del gateway.settings["admin"]
        gateway.write_config()
        gateway.reload()
        assert gateway.request("GET", "/").status == 200
