"""A province that is closed for work says so, and everybody else goes on."""

import os
import signal

import pytest

from env import Gateway, Node, eventually

PROBLEM = [("Accept", "application/problem+json")]


@pytest.fixture(scope="module")
def nodes():
    with Node("ha-noi") as one, Node("hue") as two:
        yield {"ha-noi": one, "hue": two}


def portal(nodes, closed=None, **settings):
    """Two provinces; `closed` is the maintenance of ha-noi."""
    upstreams = [{"name": name, "title": f"Tỉnh {name}", "peers": [node]}
                 for name, node in nodes.items()]
    if closed is not None:
        upstreams[0]["maintenance"] = closed
    routes = [{"path": f"/tinh/{name}", "upstream": name} for name in nodes]
    routes.append({"path": "/cu", "redirect": "https://dichvucong.gov.vn/tinh/hue"})
    return Gateway(upstreams=upstreams, routes=routes, **settings)


@pytest.fixture
def gateway(nodes):
    with portal(nodes, workers=2) as gateway:
        yield gateway


def close(gateway, *options, name="ha-noi"):
    result = gateway.command("maintenance", "close", name, *options)
    assert result.returncode == 0, result.stderr
    return result.stdout


def status_of(gateway, name):
    return gateway.request("GET", f"/tinh/{name}").status


def test_a_closed_province_answers_503_and_all_others_go_on(gateway, nodes):
    assert status_of(gateway, "ha-noi") == 200
    nodes["ha-noi"].reset_stats()
    assert close(gateway) == "ha-noi is closed\n"
    for _ in range(6):  # whichever worker
        assert status_of(gateway, "ha-noi") == 503
        assert status_of(gateway, "hue") == 200
        assert gateway.request("GET", "/cu").status == 301
    assert nodes["ha-noi"].stats()["requests"] == 0
    assert gateway.command("maintenance", "open", "ha-noi").stdout == "ha-noi is open\n"
    for _ in range(6):
        assert status_of(gateway, "ha-noi") == 200


def test_the_page_says_what_is_closed_and_when_it_is_expected_back(gateway):
    close(gateway, "--until", "2036-11-23T06:00", "--message", "Nâng cấp <một cửa>")
    answer = gateway.request("POST", "/tinh/ha-noi/ho-so", [], b"dossier")
    assert answer.status == 503
    assert answer.headers.get("Content-Type") == "text/html; charset=utf-8"
    assert 3600 < int(answer.headers.get("Retry-After")) <= 3600 + 361
    for text in ("Tỉnh ha-noi", "Nâng cấp &#60;một cửa&#62;", "06:00 ngày 23/11/2036",
                 "06:00 on 23 November 2036", "chưa có hồ sơ nào được nộp", answer.reference):
        assert text in answer.text
    line = gateway.access_line(answer)
    assert (line["upstream"], line["status"]) == ("ha-noi", 503)


def test_programs_get_a_problem_document(gateway):
    close(gateway, "--until", "2036-11-23T06:00+07:00", "--message", "Nâng cấp")
    answer = gateway.request("GET", "/tinh/ha-noi", PROBLEM)
    problem = answer.json()
    assert (answer.status, problem["status"], problem["reason"]) == (503, 503, "maintenance")
    assert answer.headers.get("Content-Type") == "application/problem+json"
    assert problem["affected"] == "Tỉnh ha-noi"
    assert problem["message"] == "Nâng cấp"
    assert problem["until"] == "2036-11-22T23:00:00.000Z"
    assert problem["outcome"] == "nothing_filed"


def test_retry_after_is_spread(gateway):
    close(gateway)
    seconds = {gateway.request("GET", "/tinh/ha-noi").headers.get("Retry-After")
               for _ in range(20)}
    assert len(seconds) > 5
    assert all(300 < int(s) <= 361 for s in seconds)


def test_work_that_takes_longer_is_told_of(gateway):
    close(gateway, "--until", "2020-01-01T00:00")
    answer = gateway.request("GET", "/tinh/ha-noi")
    assert answer.status == 503
    assert "kéo dài hơn dự kiến" in answer.text


def test_requests_under_way_are_finished(gateway, nodes):
    nodes["ha-noi"].reset_stats()
    client = gateway.connect().send_request("GET", "/tinh/ha-noi?delay=300ms")
    eventually(lambda: nodes["ha-noi"].stats()["requests"] == 1, "the node has it")
    close(gateway)
    assert client.read_answer().status == 200
    assert client.request("GET", "/tinh/ha-noi").status == 503


def test_what_an_operator_has_closed_stays_closed_across_a_restart(nodes, tmp_path):
    run = str(tmp_path / "run")
    with portal(nodes, runtime_dir=run) as gateway:
        close(gateway, "--message", "Nâng cấp")
        gateway.reload()
        assert status_of(gateway, "ha-noi") == 503
    with portal(nodes, runtime_dir=run) as gateway:
        assert "Nâng cấp" in gateway.request("GET", "/tinh/ha-noi").text
        gateway.kill()
    with portal(nodes, runtime_dir=run) as gateway:
        assert status_of(gateway, "ha-noi") == 503
        assert gateway.command("maintenance", "open", "ha-noi").returncode == 0
    with portal(nodes, runtime_dir=run) as gateway:
        assert status_of(gateway, "ha-noi") == 200


def test_processes_that_die_open_nothing(gateway):
    gateway.allow("was killed by SIGKILL")
    close(gateway)
    for name in ("worker 0", "worker 1", "keeper"):
        mark = gateway.log.mark()
        os.kill(gateway.processes()[name]["pid"], signal.SIGKILL)
        gateway.log.wait_for(f"{name} is ready", mark)
    for _ in range(4):
        assert status_of(gateway, "ha-noi") == 503


def test_the_configuration_closes_and_opens(nodes):
    with portal(nodes, {"message": "Theo lịch"}) as gateway:
        assert "Theo lịch" in gateway.request("GET", "/tinh/ha-noi").text
        result = gateway.command("maintenance", "open", "ha-noi")
        assert result.returncode == 1
        assert "take maintenance out and reload" in result.stderr
        open_again = [{k: v for k, v in u.items() if k != "maintenance"}
                      for u in gateway.settings["upstreams"]]
        gateway.change(upstreams=open_again)
        assert status_of(gateway, "ha-noi") == 200


def test_status_list_and_metrics_tell_what_is_closed_by_whom(gateway):
    close(gateway, "--until", "2036-11-23T06:00", "--message", "Nâng cấp")
    text = gateway.command("status").stdout
    assert "closed for work by the operator for " in text
    assert "expected back 2036-11-22T23:00:00.000Z: Nâng cấp\n" in text
    ha_noi, hue = gateway.status()["upstreams"]
    assert (ha_noi["state"], hue["state"]) == ("closed", "open")
    assert ha_noi["maintenance"] | {"since": ""} == {
        "by": "operator", "since": "", "until": "2036-11-22T23:00:00.000Z", "message": "Nâng cấp"}
    assert "ha-noi" in gateway.command("maintenance", "list").stdout
    metrics = gateway.metrics()
    assert metrics['cong_upstream_closed{upstream="ha-noi"}'] == 1
    assert metrics['cong_upstream_closed{upstream="hue"}'] == 0


@pytest.mark.parametrize("words, status, says", [
    (["close", "ha-nol"], 1, "did you mean ha-noi?"),
    (["close", "ha-noi", "--until", "mai"], 1, "--until is a time such as 20"),
    (["close", "ha-noi", "--message", "x" * 513], 1, "at most 512 bytes"),
    (["close", "ha-noi", "--message", "x" * 2000], 2, "the message is too long"),
    (["close"], 2, "the name of one upstream is missing"),
    (["open", "ha-noi", "hue"], 2, "too many arguments"),
    (["open", "ha-noi", "--until", "2036-11-23T06:00"], 2, "belong to close"),
    (["list", "ha-noi"], 2, "too many arguments"),
    (["shut", "ha-noi"], 2, "say close, open or list"),
    ([], 2, "say close, open or list"),
])
def test_commands_that_make_no_sense_change_nothing(gateway, words, status, says):
    result = gateway.command("maintenance", *words)
    assert (result.returncode, result.stdout) == (status, "")
    assert says in result.stderr
    assert status_of(gateway, "ha-noi") == 200


def test_the_state_file_is_for_the_gateway_alone(gateway):
    close(gateway)
    file = gateway.folder / "run" / "maintenance"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "ha-noi" in file.read_text()
