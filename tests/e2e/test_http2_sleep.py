"""HTTP/2 connections whose session has gone while they were idle: nobody notices."""

import json
import os
import signal
import subprocess

import pytest
from hyperframe.frame import PingFrame, SettingsFrame

from env import (BROWSERS, Ended, Gateway, H2Client, ScriptedBackend, eventually, frame_bytes,
                 told_by)

SLEEP = {"http2_sleep": "20ms", "shutdown": "5s"}
NO_ERROR, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 0, 9, 11


@pytest.fixture(scope="module", params=["own", "openssl"])
def gateway(request, node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls | {"record_layer": request.param}}],
                 timeouts=SLEEP) as gateway:
        yield gateway


@pytest.fixture
def client(gateway):
    client = H2Client(gateway.address())
    yield client
    client.close()


def asleep(gateway):
    return gateway.metrics()["cong_http2_asleep"]


def woken(gateway):
    return gateway.metrics()["cong_http2_woken_total"]


def fall_asleep(gateway, client=None, count=None):
    """So many of its connections are idle, or all. What they are asked meanwhile they answer."""
    def all_sleep():
        while client and client.has_input():
            client.step()
        metrics = gateway.metrics()
        return metrics["cong_http2_asleep"] == (count or metrics["cong_connections_open"]) > 0
    eventually(all_sleep, "all connections sleep")


def get(client, path="/"):
    answer = client.answer(client.request(path=path))
    assert answer.status == 200
    return answer


# --- clients of several makes ---

def test_requests_go_on_after_each_sleep(gateway, client):
    before = woken(gateway)
    for _ in range(5):
        get(client)
        fall_asleep(gateway, client)
        get(client)
        get(client)
        fall_asleep(gateway, client)
    get(client)
    assert woken(gateway) == before + 10
    assert asleep(gateway) == 0


def test_windows_are_where_they_were(gateway, client):
    """More than the windows hold, a piece at a time."""
    for _ in range(6):
        answer = client.answer(client.request(path="/download?bytes=20000"))
        assert len(answer.body) == 20000
        client.window(0, 20000)
        stream = client.request("POST", "/echo", end=False)
        client.data(stream, b"x" * 16000)
        client.data(stream, b"x" * 14000, end=True)
        assert json.loads(client.answer(stream).body)["bytes"] == 30000
        fall_asleep(gateway, client)


def test_curl(gateway, client, tmp_path):
    """It is idle while nobody opens the fifo that it is to send. As it reads nothing meanwhile, it
    stays awake, and finds SETTINGS when it goes on."""
    before = gateway.metrics()["cong_requests_total"]
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    url = f"https://{gateway.address()}"
    common = ["--silent", "--show-error", "--fail", "--insecure", "--http2", "--max-time", "30"]
    with subprocess.Popen(["curl", *common, "--output", "/dev/null", url + "/", "--next", *common,
                           "--upload-file", str(fifo), "--write-out",
                           "\n%{num_connects} %{http_version}", url + "/echo"],
                          stdout=subprocess.PIPE, text=True) as curl:
        eventually(lambda: gateway.metrics()["cong_requests_total"] > before, "it has a page")
        get(client)
        fall_asleep(gateway, client, count=1)  # that curl's time is over too
        fifo.write_bytes(b"Nguyen")
        body, how = curl.stdout.read().rsplit("\n", 1)
    assert curl.returncode == 0
    assert json.loads(body)["bytes"] == 6
    assert how == "0 2"  # no new connection


def test_h2load(gateway, tmp_path):
    before = woken(gateway)
    script = tmp_path / "times"
    script.write_text("".join(f"{ms}\thttps://{gateway.address()}/\n"
                              for ms in (0, 10, 500, 510, 1000, 1500, 1510)))
    out = subprocess.run(["h2load", "--clients=20", f"--timing-script-file={script}"],
                         capture_output=True, text=True, timeout=60, check=True).stdout
    assert "140 total, 140 started, 140 done, 140 succeeded, 0 failed, 0 errored, 0 timeout" in out
    assert woken(gateway) > before


NODE = """
const http2 = require("http2");
const session = http2.connect(process.argv[1], { rejectUnauthorized: false });
let sockets = 0;
session.on("connect", () => sockets++);
session.on("error", error => { console.log(String(error)); process.exit(1); });
process.stdin.on("data", () => {
    const stream = session.request({ ":method": "POST", ":path": "/echo", "x-kind": "form" });
    let body = "";
    stream.on("data", data => body += data);
    stream.on("end", () => console.log(sockets + " " + JSON.parse(body).bytes));
    stream.end("x".repeat(30000));
});
process.stdin.on("end", () => session.close());
"""


def test_node(gateway):
    with subprocess.Popen(["node", "-e", NODE, f"https://{gateway.address()}"], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        for _ in range(6):
            program.stdin.write("go\n")
            program.stdin.flush()
            assert program.stdout.readline() == "1 30000\n"
            fall_asleep(gateway)
        program.stdin.close()
    assert program.returncode == 0


PAGE = b"""<!doctype html><meta charset="utf-8"><title>Test</title><script>
async function everything() {
    const sizes = [];
    for (let i = 0; i < 6; i++) {
        const answers = await Promise.all([1, 2, 3].slice(i % 3).map(
            n => fetch("/download?bytes=20000&i=" + i + "-" + n)));
        for (const answer of answers)
            sizes.push((await answer.arrayBuffer()).byteLength);
        await new Promise(resolve => setTimeout(resolve, 400));
    }
    return { sizes };
}
everything().catch(error => ({ error: String(error) })).then(
    result => fetch("/page/result", { method: "POST", body: JSON.stringify(result) }));
</script>"""


@pytest.mark.parametrize("browser", BROWSERS)
def test_browsers(node, certs, tmp_path, browser):
    page = ScriptedBackend()
    upstreams = [{"name": "portal", "peers": [node]}, {"name": "page", "peers": [page]}]
    routes = [{"path": "/", "upstream": "portal"}, {"path": "/page", "upstream": "page"}]
    with Gateway(upstreams=upstreams, routes=routes, listeners=[{"tls": certs.tls}],
                 timeouts=SLEEP) as gateway:
        told = told_by(browser, tmp_path / browser, certs, gateway, page, PAGE)
        assert told == {"sizes": [20000] * 12}
        assert woken(gateway) > 0


# --- what else may come ---

def test_a_ping_is_answered(gateway, client):
    get(client)
    fall_asleep(gateway, client)
    client.frame(PingFrame(0, opaque_data=b"12345678"))
    client.read_until(lambda: client.pongs == 1)
    fall_asleep(gateway, client)
    get(client)


def test_a_frame_that_comes_in_pieces(gateway, client):
    """The first of them wakes it, and it stays awake until the last has come."""
    get(client)
    fall_asleep(gateway, client)
    ping = PingFrame(0, opaque_data=b"12345678").serialize()
    client.send(ping[:5])
    eventually(lambda: asleep(gateway) == 0, "it wakes")
    client.send(ping[5:])
    client.read_until(lambda: client.pongs == 1)
    fall_asleep(gateway, client)


def test_a_client_that_goes_on_with_its_table_may_come_again(gateway):
    """As clients of Go did before 1.20: the request that cannot be read was not taken up."""
    client = H2Client(gateway.address(), heeds_table=False)
    get(client)
    get(client)
    fall_asleep(gateway, client)
    with pytest.raises(Ended) as ended:
        client.answer(client.request())
    assert ended.value.goaway.error_code == COMPRESSION_ERROR
    assert ended.value.goaway.last_stream_id == 3


def test_a_client_that_does_not_acknowledge_stays_awake(gateway):
    client = H2Client(gateway.address(), acknowledge=False)
    get(client)
    client.frame(SettingsFrame(0, flags=["ACK"]))
    client.read_until(lambda: SettingsFrame.HEADER_TABLE_SIZE in client.settings)
    get(client)
    assert asleep(gateway) == 0
    client.frame(SettingsFrame(0, flags=["ACK"]))
    fall_asleep(gateway)
    client.close()


def test_a_flood_between_sleeps_is_one(gateway, client):
    get(client)
    with pytest.raises(Ended) as ended:
        for _ in range(100):
            fall_asleep(gateway, client)
            client.send(frame_bytes(6, 0, 0, b"12345678") * 40)
            client.read_until(lambda: client.pongs % 40 == 0 and client.pongs)
            client.pongs = 0
    assert ended.value.goaway.error_code == ENHANCE_YOUR_CALM


# --- the end ---

def test_an_idle_time_ends_asleep(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}],
                 timeouts=SLEEP | {"keep_alive": "1s"}) as gateway:
        client = H2Client(gateway.address())
        get(client)
        fall_asleep(gateway, client)
        with pytest.raises(Ended) as ended:
            client.read_to_end()
        assert ended.value.goaway.error_code == NO_ERROR
        assert ended.value.goaway.last_stream_id == 1
        client.close()
        eventually(lambda: gateway.metrics()["cong_connections_open"] == 0, "it is gone")
        assert asleep(gateway) == 0


def test_stopping_asleep(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}], timeouts=SLEEP) as gateway:
        client = H2Client(gateway.address())
        get(client)
        fall_asleep(gateway, client)
        gateway.signal(signal.SIGTERM)
        ends = []
        while len(ends) < 2:
            frame = client.step()
            if frame.type == 7:
                ends.append(frame.last_stream_id)
            elif frame.type == 6:
                client.tls.sendall(PingFrame(0, frame.opaque_data, flags=["ACK"]).serialize())
        assert ends == [2**31 - 1, 1]
        client.close()
        assert gateway.wait() == 0


def test_reload_asleep(node, certs):
    """Who knows the former limits keeps them; the sleep may be switched off."""
    with Gateway(node, listeners=[{"tls": certs.tls}], timeouts=SLEEP) as gateway:
        client = H2Client(gateway.address())
        get(client)
        fall_asleep(gateway, client)
        gateway.change(limits={"http2_streams": 1, "http2_window": "64KiB"},
                       timeouts=SLEEP | {"http2_sleep": "0s"})
        streams = [client.request() for _ in range(3)]
        assert [client.answer(stream).status for stream in streams] == [200] * 3
        assert asleep(gateway) == 0
        client.close()
