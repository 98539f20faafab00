"""One JSON object for each request: complete, true, and never broken by what clients send."""

import json
import os
import re
import signal

import pytest

from env import Gateway, Load, ScriptedBackend, WebSocket, eventually, free_address, request_bytes


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(listeners=[{}, {"tls": certs.tls}],
                 upstreams=[{"name": "portal", "peers": [node]},
                            {"name": "down", "peers": [{"address": free_address()}]}],
                 routes=[{"path": "/", "upstream": "portal", "name": "main"},
                         {"path": "/down", "upstream": "down"}]) as gateway:
        yield gateway


# --- fields ---------------------------------------------------------------------------------------

def test_line_tells_everything_about_a_request(gateway, node):
    client = gateway.connect(1)
    client.request("GET", "/")
    answer = client.request("POST", "/echo?x=1", {"User-Agent": "a test/1.0"}, body=b"hello")
    line = gateway.access_line(answer)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    port = client.socket.getsockname()[1]
    times = {name: line.pop(name) for name in ("duration_ms", "response_ms")}
    assert 0 < times["response_ms"] <= times["duration_ms"]
    assert line == {
        "ref": answer.reference, "client": "127.0.0.1", "port": port, "method": "POST",
        "scheme": "https", "host": "portal.test", "target": "/echo?x=1",
        "protocol": "HTTP/1.1", "route": "main", "upstream": "portal", "peer": node.address,
        "status": 200, "bytes_in": 5, "bytes_out": len(answer.body), "retries": 0, "reused": True,
        "tls": "TLSv1.3", "tls_resumed": False, "user_agent": "a test/1.0"}


def test_first_request_to_a_peer_tells_the_time_of_the_connect(node):
    with Gateway(node) as gateway:
        client = gateway.connect()
        first = gateway.access_line(client.request("GET", "/"))
        second = gateway.access_line(client.request("GET", "/"))
        assert first["connect_ms"] >= 0 and first["reused"] is False
        assert "connect_ms" not in second and second["reused"] is True


def test_what_is_not_known_is_not_there(gateway):
    line = gateway.access_line(gateway.request("GET", "/", host="portal.test"))
    assert not {"tls", "tls_resumed", "user_agent", "abort", "proxy"} & set(line)
    line = gateway.access_line(gateway.connect().send("GET / HTTP/1.1\r\n\r\n").read_answer())
    assert line["status"] == 400
    assert not {"route", "upstream", "peer", "retries", "reused", "response_ms"} & set(line)


def test_request_that_reached_no_peer_names_the_one_that_was_tried(gateway):
    line = gateway.access_line(gateway.request("GET", "/down"))
    assert (line["status"], line["route"], line["upstream"]) == (502, "/down", "down")
    assert line["peer"]


def test_head_request_is_logged_without_bytes(gateway):
    line = gateway.access_line(gateway.request("HEAD", "/any?bytes=1000"))
    assert (line["method"], line["bytes_out"]) == ("HEAD", 0)


def test_tunnel_is_logged_at_its_end(gateway):
    socket = WebSocket(gateway.connect())
    reference = socket.response.headers["X-Request-ID"]
    socket.echo("x" * 100)
    assert reference not in [line["ref"] for line in gateway.access_log()]
    socket.close()
    line = gateway.access_line_of(reference)
    assert line["status"] == 101
    assert line["bytes_in"] > 100 and line["bytes_out"] > 100


@pytest.mark.parametrize("request_, status", [
    (b"GARBAGE\r\n\r\n", 400),
    (request_bytes("GET", "/" + "a" * 10000), 414),
    (request_bytes("GET", "/", {"X": "a" * 40000}), 431),
    (request_bytes("CONNECT", "portal.test:443"), 405),
    (request_bytes("GET", "/", host="nowhere.test:0"), 400),
])
def test_refused_request_is_logged_with_its_reference(gateway, request_, status):
    answer = gateway.connect().send(request_).read_answer()
    assert (answer.status, gateway.access_line(answer)["status"]) == (status, status)


def test_connection_without_a_request_is_not_logged(node):
    with Gateway(node) as gateway:
        gateway.connect().close()
        gateway.connect().send("GE").close()
        gateway.access_line(gateway.request("GET", "/"))
        gateway.stop()
        assert len(gateway.access_log()) == 1


# --- nasty bytes ----------------------------------------------------------------------------------

def logged_agent(gateway, agent):
    raw = b"GET / HTTP/1.1\r\nHost: portal.test\r\nUser-Agent: " + agent + b"\r\n\r\n"
    answer = gateway.connect().send(raw).read_answer()
    assert answer.status == 200
    return gateway.access_line(answer)["user_agent"]


@pytest.mark.parametrize("agent", [
    '"', "\\", '\\"},{"ref":"x"}', "a\tb", "</script>", "'; DROP TABLE", "Trình duyệt",
    "\u2028\u2029", "\U0001f600"], ids=ascii)
def test_nasty_user_agent_stays_in_its_string(gateway, agent):
    assert logged_agent(gateway, agent.encode()) == agent


@pytest.mark.parametrize("agent", [b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"a\xe1\xbb",
                                   b"\x80a"])
def test_user_agent_that_is_no_text_leaves_the_line_readable(gateway, agent):
    assert logged_agent(gateway, agent)


@pytest.mark.parametrize("character", ["x", '"', "\u1ed3", "\U0001f600"], ids=ascii)
def test_long_user_agent_is_cut_between_characters(gateway, character):
    logged = logged_agent(gateway, character.encode() * 4000)
    assert set(logged) == {character, "…"}
    assert logged.endswith("…")


@pytest.mark.parametrize("target", [
    '/"', "/\\", "/%00", "/%22%5c", "/?q=\"'<>{}|", "/" + "a" * 4000, "/?" + '"' * 1200,
], ids=lambda target: ascii(target[:12]))
def test_nasty_target_stays_in_its_string(gateway, target):
    logged = gateway.access_line(gateway.request("GET", target))["target"]
    assert logged == target or (len(target) > 1000 and target.startswith(logged.rstrip("…")))


def test_escape_codes_do_not_reach_the_terminal_of_who_reads_the_log(gateway):
    raw = "GET / HTTP/1.1\r\nHost: portal.test\r\nUser-Agent: a\u009b31mb\r\n\r\n"
    gateway.access_line(gateway.connect().send(raw).read_answer())
    log = (gateway.folder / "access.log").read_bytes()
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", log)


# --- files ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["signal", "command"])
def test_reopening_under_load_loses_and_doubles_nothing(node, how):
    with Gateway(node, workers=2) as gateway:
        file = gateway.folder / "access.log"
        with Load(gateway.connect) as load:
            for number in range(5):
                load.wait_for(30)
                file.rename(gateway.folder / f"access.log.{number}")
                if how == "command":
                    assert gateway.command("reopen").returncode == 0
                else:
                    gateway.signal(signal.SIGUSR1)
                eventually(file.exists, "the log is opened anew")
            load.wait_for(30)
        assert load.failures == []
        gateway.stop()
        lines = [json.loads(line) for part in gateway.folder.glob("access.log*")
                 for line in part.read_text().splitlines()]
        assert len(lines) == load.answers
        assert len({line["ref"] for line in lines}) == load.answers


def test_new_lines_go_to_the_new_file(node):
    with Gateway(node) as gateway:
        file = gateway.folder / "access.log"
        before = gateway.request("GET", "/before")
        gateway.access_line(before)
        file.rename(gateway.folder / "old.log")
        assert gateway.command("reopen").returncode == 0
        after = gateway.request("GET", "/after")
        assert gateway.access_line(after)["target"] == "/after"
        assert [line["target"] for line in gateway.access_log()] == ["/after"]


def test_log_that_cannot_be_opened_anew_is_kept(node):
    with Gateway(node) as gateway:
        gateway.access_line(gateway.request("GET", "/1"))
        file = gateway.folder / "access.log"
        file.rename(gateway.folder / "old.log")
        file.mkdir()
        result = gateway.command("reopen")
        assert result.returncode == 1
        assert "access.log" in result.stdout + result.stderr
        file.rmdir()
        (gateway.folder / "old.log").rename(file)
        assert gateway.access_line(gateway.request("GET", "/2"))["target"] == "/2"


def test_error_log_is_opened_anew_too(node):
    with Gateway(node, log={"file": "error.log"}) as gateway:
        file = gateway.folder / "error.log"
        assert "worker 0 is ready" in file.read_text()
        file.rename(gateway.folder / "old.log")
        gateway.signal(signal.SIGUSR1)
        eventually(lambda: file.exists() and "opened anew" in file.read_text(), "it is opened anew")
        gateway.reload()
        eventually(lambda: "configuration 2 is in use" in file.read_text(), "new lines are in it")


def test_log_files_are_nobody_elses(node):
    with Gateway(node, log={"file": "error.log"}) as gateway:
        gateway.access_line(gateway.request("GET", "/"))
        for name in ("access.log", "error.log"):
            assert os.stat(gateway.folder / name).st_mode & 0o007 == 0


def test_log_may_go_to_standard_output(node):
    with Gateway(node, access_log={"file": "stdout", "flush": "10ms"}) as gateway:
        answer = gateway.request("GET", "/")
        line = gateway.log.wait_for(rf'^{{.*"ref":"{answer.reference}".*}}$')[0]
        assert json.loads(line)["status"] == 200


def test_no_log_is_written_where_none_is_wanted(node):
    with Gateway(node, access_log={}) as gateway:
        assert gateway.request("GET", "/").status == 200
        gateway.stop()
        assert not list(gateway.folder.glob("*.log"))


def test_full_disk_stops_the_log_and_nothing_else(node):
    with Gateway(node, access_log={"file": "/dev/full", "flush": "10ms"}) as gateway:
        client = gateway.connect()
        for _ in range(1000):
            assert client.request("GET", "/" + "a" * 1400).status == 200
        eventually(lambda: gateway.metrics()["cong_access_log_dropped_total"] > 0,
                   "the loss is counted")


def test_pipe_that_nobody_reads_stops_the_log_and_nothing_else(node):
    """A log shipper that hangs must not hold the gateway."""
    read, write = os.pipe()
    try:
        pipe = f"/proc/{os.getpid()}/fd/{write}"
        with Gateway(node, access_log={"file": pipe, "flush": "10ms"}) as gateway:
            client = gateway.connect()
            for _ in range(1000):
                assert client.request("GET", "/").status == 200
    finally:
        os.close(read)
        os.close(write)


def test_aborted_requests_say_why(node):
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/left")
        backend.accept().read_request()
        client.close()
        assert gateway.access_lines(1)[0]["abort"] == "client_left"
        client = gateway.connect()
        client.send_request("GET", "/aborted")
        connection = backend.accept()
        connection.read_request()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").close()
        client.read_to_end()
        assert gateway.access_lines(2)[1]["abort"] == "upstream_aborted"


# --- times ----------------------------------------------------------------------------------------

def test_late_answer_is_as_late_as_it_was(node):
    """What a timer does has the time of that timer, not of the event before it."""
    with Gateway(node, upstream={"timeouts": {"response": "200ms"}}) as gateway:
        answer = gateway.request("GET", "/any?hang=1")
        assert answer.status == 504
        assert gateway.access_line(answer)["duration_ms"] > 150


def test_times_of_a_second_attempt_do_not_include_the_first(node):
    full = ScriptedBackend(backlog=0)
    full.fill_backlog()
    with Gateway(full, node, upstream={"balance": "round_robin",
                                       "timeouts": {"connect": "200ms"}}) as gateway:
        for _ in range(2):
            assert gateway.request("GET", "/").status == 200
        line = next(line for line in gateway.access_lines(2) if line["retries"])
        assert line["duration_ms"] - line["connect_ms"] > 150
        assert line["duration_ms"] - line["response_ms"] > 150
