"""Stopping: no new work, the work under way is finished, and then nothing is left."""

import os
import signal
import subprocess
import threading

import pytest

from env import (
    DEADLINE_S, Gateway, Incomplete, RawClient, ScriptedBackend, WebSocket, eventually, program)


@pytest.fixture
def backend():
    return ScriptedBackend()


def hanging(gateway, backend):
    """(client, backend connection) in the middle of a request"""
    client = gateway.connect()
    client.send_request("GET", "/")
    connection = backend.accept()
    connection.read_request()
    return client, connection


def is_listening(gateway):
    try:
        RawClient(gateway.address()).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_request_under_way_is_finished(backend, number):
    with Gateway(backend, workers=2) as gateway:
        client, connection = hanging(gateway, backend)
        gateway.signal(number)
        gateway.log.wait_for("draining")
        eventually(lambda: not is_listening(gateway), "no new connections are taken")
        connection.answer(body=b"finished")
        answer = client.read_answer()
        assert (answer.body, answer.headers.get("Connection")) == (b"finished", "close")
        assert client.has_ended()
        assert gateway.wait() == 0


def test_signal_to_the_whole_process_group_is_for_the_supervisor(backend):
    """As some service managers and Ctrl-C do."""
    with Gateway(backend) as gateway:
        client, connection = hanging(gateway, backend)
        os.killpg(gateway.pid, signal.SIGTERM)
        eventually(lambda: not is_listening(gateway), "no new connections are taken")
        connection.answer(body=b"finished")
        assert client.read_answer().body == b"finished"
        assert gateway.wait() == 0


def test_download_under_way_is_finished(backend):
    with Gateway(backend) as gateway:
        client, connection = hanging(gateway, backend)
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        client.read_answer_head()
        assert client.read_exactly(5) == b"hello"
        gateway.signal(signal.SIGTERM)
        eventually(lambda: not is_listening(gateway), "no new connections are taken")
        connection.send("world")
        assert client.read_exactly(5) == b"world"
        assert client.has_ended()
        assert gateway.wait() == 0


def test_upload_under_way_is_finished(backend):
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", {"Content-Length": "10"}).send("hello")
        connection = backend.accept()
        gateway.signal(signal.SIGTERM)
        eventually(lambda: not is_listening(gateway), "no new connections are taken")
        client.send("world")
        assert connection.serve(201).body == b"helloworld"
        assert client.read_answer().status == 201
        assert gateway.wait() == 0


def test_idle_connections_are_closed_at_once(node, certs):
    with Gateway(node, listeners=[{}, {"tls": certs.tls}], timeouts={"shutdown": "1h"}) as gateway:
        clients = [gateway.connect(listener) for listener in (0, 1) for _ in range(10)]
        for client in clients:
            client.request("GET", "/")
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
        for client in clients:
            assert client.has_ended()


def test_connections_in_the_queue_of_the_listener_are_served(node):
    """They were made before the signal: their clients have no way to know."""
    with Gateway(node) as gateway:
        pid = gateway.worker_pids()["worker 0"]
        os.kill(pid, signal.SIGSTOP)
        clients = [gateway.connect().send_request("GET", "/") for _ in range(10)]
        gateway.signal(signal.SIGTERM)
        gateway.log.wait_for("draining")
        os.kill(pid, signal.SIGCONT)
        for client in clients:
            assert client.read_answer().status == 200
        assert gateway.wait() == 0


def test_head_under_way_is_finished(node):
    with Gateway(node) as gateway:
        client = gateway.connect()
        assert client.request("GET", "/").status == 200
        client.send("GET / HTTP/1.1\r\n")
        eventually(lambda: gateway.status()["processes"][1]["connections_open"] == 1, "it is there")
        gateway.signal(signal.SIGTERM)
        eventually(lambda: not is_listening(gateway), "no new connections are taken")
        answer = client.send("Host: portal.test\r\n\r\n").read_answer()
        assert (answer.status, answer.headers.get("Connection")) == (200, "close")
        assert gateway.wait() == 0


def test_request_that_outlasts_the_deadline_is_cut_off(backend):
    with Gateway(backend, timeouts={"shutdown": "200ms"}) as gateway:
        client, _ = hanging(gateway, backend)
        gateway.signal(signal.SIGTERM)
        with pytest.raises((Incomplete, ConnectionError)):
            client.read_answer()
        gateway.wait()
        assert not gateway.left_behind()


def test_second_signal_stops_at_once(backend):
    with Gateway(backend, timeouts={"shutdown": "1h"}) as gateway:
        gateway.allow("was killed by SIGKILL")
        client, _ = hanging(gateway, backend)
        gateway.signal(signal.SIGTERM)
        gateway.log.wait_for("draining")
        gateway.signal(signal.SIGTERM)
        gateway.wait()
        client.read_to_end()
        eventually(lambda: not gateway.left_behind(), "nothing is left")


def test_sigquit_stops_at_once(backend):
    with Gateway(backend, timeouts={"shutdown": "1h"}) as gateway:
        gateway.allow("was killed by SIGKILL")
        client, _ = hanging(gateway, backend)
        gateway.signal(signal.SIGQUIT)
        gateway.wait()
        client.read_to_end()
        eventually(lambda: not gateway.left_behind(), "nothing is left")


@pytest.mark.parametrize("command", ["drain", "stop"])
def test_command_returns_when_all_is_finished(backend, command):
    with Gateway(backend) as gateway:
        client, connection = hanging(gateway, backend)
        results = []
        caller = threading.Thread(target=lambda: results.append(gateway.command(command)))
        caller.start()
        gateway.log.wait_for("draining")
        assert caller.is_alive()
        connection.answer(body=b"finished")
        assert client.read_answer().body == b"finished"
        caller.join(DEADLINE_S)
        assert results[0].returncode == 0, results[0].stderr
        assert gateway.wait() == 0


def test_command_fails_when_requests_were_cut_off(backend):
    with Gateway(backend, timeouts={"shutdown": "100ms"}) as gateway:
        hanging(gateway, backend)
        assert gateway.command("drain").returncode == 1
        gateway.wait()


def test_readiness_turns_red_before_the_listeners_close(node):
    with Gateway(node, timeouts={"drain_notice": "1h"}) as gateway:
        gateway.allow("was killed by SIGKILL")
        assert gateway.admin("/ready").status == 200
        gateway.signal(signal.SIGTERM)
        eventually(lambda: gateway.admin("/ready").status == 503, "/ready is red")
        assert gateway.admin("/health").status == 200
        assert gateway.request("GET", "/").status == 200, "who comes nevertheless is served"
        assert gateway.metrics()["cong_draining"] == 1
        gateway.signal(signal.SIGTERM)
        gateway.wait()


def test_draining_follows_the_notice(node):
    with Gateway(node, timeouts={"drain_notice": "300ms"}) as gateway:
        gateway.signal(signal.SIGTERM)
        gateway.log.wait_for("draining")
        assert gateway.wait() == 0


def test_admin_answers_until_the_last_request_is_finished(backend):
    with Gateway(backend) as gateway:
        client, connection = hanging(gateway, backend)
        gateway.signal(signal.SIGTERM)
        gateway.log.wait_for("draining")
        assert gateway.admin("/ready").status == 503
        assert gateway.metrics()["cong_requests_active"] == 1
        connection.answer()
        assert client.read_answer().status == 200
        assert gateway.wait() == 0


def test_websocket_may_finish_within_the_deadline(node):
    with Gateway(node) as gateway:
        socket = WebSocket(gateway.connect())
        gateway.signal(signal.SIGTERM)
        eventually(lambda: not is_listening(gateway), "no new connections are taken")
        assert socket.echo("still here") == "still here"
        socket.close()
        assert gateway.wait() == 0


def test_websocket_does_not_hold_the_gateway_beyond_the_deadline(node):
    with Gateway(node, timeouts={"shutdown": "200ms"}) as gateway:
        socket = WebSocket(gateway.connect())
        gateway.signal(signal.SIGTERM)
        socket.wait_for_close()
        gateway.wait()


def test_last_lines_of_the_access_log_are_written(node):
    with Gateway(node, access_log={"file": "access.log", "flush": "1m"}) as gateway:
        for _ in range(7):
            gateway.request("GET", "/")
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
        assert len(gateway.access_log()) == 7


def test_only_the_store_is_left_in_the_runtime_folder(node):
    with Gateway(node) as gateway:
        gateway.stop()
        assert [file.name for file in (gateway.folder / "run").iterdir()] == ["store"]


def test_commands_say_so_when_no_gateway_runs(tmp_path):
    result = subprocess.run([program("cong"), "status", "--runtime-dir", str(tmp_path)],
                            capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert result.returncode == 1
    assert "no gateway is running" in result.stderr


def test_worker_leaves_with_its_last_connection(node):
    """At once, not when some timer happens to wake it: long before an answer that takes 10 s."""
    waits = {"handshake": "5m", "request_head": "5m", "keep_alive": "1h", "shutdown": "1h"}
    with Gateway(node, timeouts=waits) as gateway:
        gateway.connect()
        eventually(lambda: gateway.processes()["worker 0"]["connections_open"] == 1, "it is there")
        clock = RawClient(node.address)
        clock.send_request("GET", "/any?delay=10s")
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
        clock.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            clock.read_some()
