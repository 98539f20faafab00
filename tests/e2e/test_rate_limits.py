"""Rate limits of one node, which are exact. Most periods are a day long, so that nothing comes back
while a test runs."""

import os
import signal

import pytest

from env import Citizen, Gateway, eventually

DAY = {"limit": 1, "period": "1d"}
RATE_LIMITS = [
    {"name": "five", "burst": 5, **DAY},
    {"name": "three", "burst": 3, **DAY},
    {"name": "shared", "burst": 4, "key": "route", **DAY},
    {"name": "keys", "burst": 2, "key": "header", "header": "X-Api-Key", **DAY},
    {"name": "once", "burst": 2, "mode": "strict", **DAY},
    {"name": "people", "burst": 2, "key": "session", **DAY},
    {"name": "quick", "limit": 2, "period": "1s", "burst": 1},
]


def route(name, *limits):
    return {"name": name, "path": "/" + name, "upstream": "portal", "rate_limits": list(limits)}


@pytest.fixture
def gateway(node):
    with Gateway(node, workers=2, trusted_proxies=["127.0.0.1"], rate_limits=RATE_LIMITS,
                 routes=[{"path": "/", "upstream": "portal"}, route("five", "five"),
                         route("both", "five", "three"), route("shared", "shared"),
                         route("keys", "keys"), route("once", "once"), route("quick", "quick"), route("people", "people"),
                         route("dang-nhap") | {"session": "optional"},
                         route("post", "three") | {"body_limit": "1KiB"}]) as gateway:
        yield gateway


def ask(gateway, target, client="192.0.2.1", **headers):
    """By an address of its own, on a connection of its own, and so on any worker."""
    fields = {"X-Forwarded-For": client} | {k.replace("_", "-"): v for k, v in headers.items()}
    return gateway.request("GET", target, fields)


def statuses(gateway, count, *args, **kwargs):
    return [ask(gateway, *args, **kwargs).status for _ in range(count)]


def test_what_is_above_the_limit_is_refused(gateway):
    assert statuses(gateway, 8, "/five") == 5 * [200] + 3 * [429]
    assert ask(gateway, "/").status == 200


def test_each_address_is_counted_by_itself(gateway):
    assert statuses(gateway, 6, "/five") == 5 * [200] + [429]
    assert statuses(gateway, 6, "/five", client="192.0.2.2") == 5 * [200] + [429]


def test_an_ipv6_network_counts_as_one(gateway):
    clients = [f"2001:db8:1:2:{i}::1" for i in range(1, 7)]
    assert [ask(gateway, "/five", client).status for client in clients] == 5 * [200] + [429]
    assert ask(gateway, "/five", "2001:db8:1:3::1").status == 200


def test_a_route_counts_all_clients_together(gateway):
    got = [ask(gateway, "/shared", f"192.0.2.{i}").status for i in range(1, 7)]
    assert got == 4 * [200] + 2 * [429]


def test_a_header_is_what_counts_where_it_is_sent(gateway):
    assert statuses(gateway, 3, "/keys", X_Api_Key="a") == [200, 200, 429]
    assert ask(gateway, "/keys", "192.0.2.2", X_Api_Key="a").status == 429
    assert statuses(gateway, 3, "/keys", X_Api_Key="b") == [200, 200, 429]
    assert statuses(gateway, 3, "/keys") == [200, 200, 429]


def test_each_session_is_counted_by_itself(gateway):
    one, two = Citizen(gateway, "079085001234"), Citizen(gateway, "079085005678")
    assert [one.status("/people") for _ in range(3)] == [200, 200, 429]
    assert [two.status("/people") for _ in range(3)] == [200, 200, 429]


def test_who_makes_up_a_session_is_counted_by_address(gateway):
    got = []
    for number in range(4):
        citizen = Citizen(gateway)
        citizen.cookie = f"v1.{number}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        got.append(citizen.status("/people"))
    assert got == [200, 200, 429, 429]


def test_all_limits_of_a_route_have_to_allow(gateway):
    assert statuses(gateway, 5, "/both") == 3 * [200] + 2 * [429]
    # What "three" refused took nothing from "five".
    assert statuses(gateway, 3, "/five") == 2 * [200] + [429]


def test_strict_limits_need_no_redis(gateway):
    assert statuses(gateway, 3, "/once") == [200, 200, 429]


def test_answers_tell_what_is_left(gateway):
    answer = ask(gateway, "/both")
    assert answer.headers.get("RateLimit-Policy") == '"three";q=1;w=86400'
    assert answer.headers.get("RateLimit") == '"three";r=2;t=86400'
    refused = [ask(gateway, "/both") for _ in range(3)][-1]
    assert refused.status == 429
    assert refused.headers.get("RateLimit").startswith('"three";r=0;t=')
    assert "RateLimit" not in ask(gateway, "/").headers


def test_the_fields_of_backends_do_not_stand_beside_ours(gateway):
    answer = ask(gateway, "/five?header=RateLimit:+x&header=RateLimit-Policy:+y")
    assert answer.headers.all("RateLimit") == ['"five";r=4;t=86400']
    assert answer.headers.all("RateLimit-Policy") == ['"five";q=1;w=86400']


def test_fields_can_be_switched_off(gateway):
    gateway.change(rate_limit_headers=False)
    assert "RateLimit" not in ask(gateway, "/five").headers


def test_who_is_refused_reads_why_and_when_to_come_again(gateway):
    statuses(gateway, 5, "/five")
    page = ask(gateway, "/five")
    assert page.status == 429
    assert 86390 <= int(page.headers.get("Retry-After")) <= 86400
    assert page.headers.get("Content-Type") == "text/html; charset=utf-8"
    assert "Có quá nhiều yêu cầu" in page.text and "Too many requests" in page.text
    assert "Hãy thử lại sau khoảng 1440 phút." in page.text
    problem = ask(gateway, "/five", Accept="application/json")
    assert problem.headers.get("Content-Type") == "application/problem+json"
    assert problem.json()["reason"] == "too_many_requests"
    assert problem.json()["outcome"] == "nothing_filed"


def test_refusals_are_logged_and_counted(gateway):
    statuses(gateway, 5, "/five")
    refused = ask(gateway, "/five")
    line = gateway.access_line(refused)
    assert line["limit"] == "five" and line["status"] == 429
    assert "peer" not in line
    assert gateway.metrics()["cong_rate_limited_total"] == 1
    assert "limit" not in gateway.access_line(ask(gateway, "/"))


def test_what_is_refused_does_not_reach_a_backend(gateway, node):
    statuses(gateway, 5, "/five")
    before = node.stats()["requests"]
    assert statuses(gateway, 3, "/five") == 3 * [429]
    assert node.stats()["requests"] == before


def test_a_refused_body_does_not_end_the_connection(gateway):
    client = gateway.connect()
    for status in 3 * [200] + 2 * [429]:
        assert client.request("POST", "/post", body=b"a" * 1000).status == status
    assert client.request("GET", "/").status == 200


def test_requests_come_back_with_time(gateway):
    assert ask(gateway, "/quick").status == 200
    eventually(lambda: ask(gateway, "/quick").status == 200, "one more is allowed")


def test_a_limit_survives_reloads(gateway):
    assert statuses(gateway, 3, "/five") == 3 * [200]
    gateway.reload()
    assert statuses(gateway, 3, "/five") == 2 * [200] + [429]


def test_a_limit_survives_dead_workers(gateway):
    gateway.allow("was killed by SIGKILL")
    assert statuses(gateway, 3, "/five") == 3 * [200]
    pids = gateway.worker_pids()
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(gateway.worker_pids()) == 2
               and not set(gateway.worker_pids().values()) & set(pids.values()),
               "other workers are there")
    assert statuses(gateway, 3, "/five") == 2 * [200] + [429]


def test_a_reload_changes_limits(gateway):
    assert statuses(gateway, 6, "/five") == 5 * [200] + [429]
    gateway.change(rate_limits=[{"name": "five", "burst": 7, **DAY}, *RATE_LIMITS[1:]])
    assert statuses(gateway, 3, "/five") == [200, 200, 429]


def test_names_that_nobody_has_are_refused(gateway):
    routes = [{"path": "/", "upstream": "portal", "rate_limits": ["fives"]}]
    gateway.settings = gateway.settings | {"routes": routes}
    gateway.write_config()
    result = gateway.command("reload")
    assert result.returncode != 0
    assert 'no rate limit is named "fives"; did you mean five?' in result.stdout + result.stderr
