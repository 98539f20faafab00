"""HTTP/2: each way to keep a gateway busy for nothing, by name. The connection ends with the right
code, its reason is told, and somebody else on the same worker does not notice."""

import pytest
from hyperframe.frame import (ContinuationFrame, DataFrame, HeadersFrame, PingFrame, PriorityFrame,
                              SettingsFrame)

from env import Ended, Gateway, H2Client, ScriptedBackend, eventually

CANCEL, ENHANCE_YOUR_CALM = 8, 11


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}],
                 timeouts={"send": "500ms", "request_head": "500ms", "shutdown": "5s"}) as gateway:
        yield gateway


@pytest.fixture
def client(gateway):
    return H2Client(gateway.address())


def floods(gateway):
    return gateway.metrics()["cong_http2_floods_total"]


def assert_calmed(gateway, client, attack, reason):
    """The attack does not come to its end, and others are served."""
    before, memory = floods(gateway), gateway.memory_kib()
    with pytest.raises(Ended) as ended:
        attack()
        client.read_to_end()
    assert ended.value.goaway is not None
    assert ended.value.goaway.error_code == ENHANCE_YOUR_CALM
    eventually(lambda: floods(gateway) > before, "the flood is counted")
    gateway.log.wait_for(f"ended: too many {reason}")
    assert gateway.memory_kib() < memory + 16 * 1024
    other = H2Client(gateway.address())
    assert other.answer(other.request()).status == 200


def test_rapid_reset(gateway, client):
    def attack():
        for _ in range(100_000):
            client.reset(client.request())
    assert_calmed(gateway, client, attack, "streams reset before their answer")
    aborted = [line for line in gateway.access_log() if line.get("abort")]
    assert 150 < len(aborted) < 1000  # and with them the requests that a backend got


def test_rapid_reset_bounds_what_backends_get(certs):
    backend = ScriptedBackend(backlog=1024)
    with Gateway(backend, listeners=[{"tls": certs.tls}]) as gateway:
        client = H2Client(gateway.address())
        with pytest.raises(Ended):
            for _ in range(100_000):
                client.reset(client.request())
            client.read_to_end()
        assert gateway.metrics()["cong_upstream_connects_total"] <= 300


@pytest.mark.parametrize("primitive", ["window_overflow", "data_beyond_length", "bad_trailers"])
def test_made_you_reset(certs, primitive):
    """The gateway is made to reset streams whose backend is still at work."""
    backend = ScriptedBackend(backlog=1024)
    with Gateway(backend, listeners=[{"tls": certs.tls}]) as gateway:
        client = H2Client(gateway.address())
        with pytest.raises(Ended) as ended:
            make_resets(client, primitive)
            client.read_to_end()
        assert ended.value.goaway.error_code == ENHANCE_YOUR_CALM
        gateway.log.wait_for("ended: too many streams reset before their answer")
        assert gateway.metrics()["cong_upstream_connects_total"] <= 300


def make_resets(client, primitive):
    for _ in range(2000):
        stream = client.request("POST", fields=[("content-length", "1")], end=False)
        if primitive == "window_overflow":
            client.window(stream, 0x7fffffff)
        elif primitive == "data_beyond_length":
            client.data(stream, b"ab")
        else:
            client.headers(client.trailers([(":path", "/")]), stream)
        assert client.answer(stream).reset is not None


def test_continuation_flood_ends_within_ten_frames(gateway, client):
    def attack():
        client.frame(HeadersFrame(1, data=client.block(), flags=["END_STREAM"]))
        for _ in range(10_000):
            client.frame(ContinuationFrame(1, data=b"\x90"))
    assert_calmed(gateway, client, attack, "CONTINUATION frames")


def test_ping_flood(gateway, client):
    def attack():
        for _ in range(10_000):
            client.frame(PingFrame(0, opaque_data=b"12345678"))
    assert_calmed(gateway, client, attack, "PING frames")


def test_settings_flood(gateway, client):
    def attack():
        for _ in range(10_000):
            client.frame(SettingsFrame(0, settings={4: 65535}))
    assert_calmed(gateway, client, attack, "SETTINGS frames")


def test_table_size_thrash(gateway, client):
    def attack():
        for size in range(10_000):
            client.frame(SettingsFrame(0, settings={1: size % 2 * 4096}))
    assert_calmed(gateway, client, attack, "SETTINGS frames")


def test_priority_flood(gateway, client):
    def attack():
        for _ in range(100_000):
            client.frame(PriorityFrame(7, depends_on=3, stream_weight=9))
    assert_calmed(gateway, client, attack, "priority frames")


def test_window_update_flood(gateway, client):
    def attack():
        for _ in range(100_000):
            client.window(0, 1)
    assert_calmed(gateway, client, attack, "WINDOW_UPDATE frames")


def test_empty_data_flood(gateway, client):
    def attack():
        stream = client.request("POST", "/echo", end=False)
        for _ in range(10_000):
            client.frame(DataFrame(stream))
    assert_calmed(gateway, client, attack, "empty DATA frames")


def test_unknown_frame_flood(gateway, client):
    def attack():
        for _ in range(10_000):
            client.send(b"\0\0\1\x77\0\0\0\0\0x")
    assert_calmed(gateway, client, attack, "frames of unknown type")


def test_rst_stream_flood(gateway, client):
    def attack():
        stream = client.request()
        client.answer(stream)
        for _ in range(20_000):
            client.reset(stream)
    assert_calmed(gateway, client, attack, "RST_STREAM frames")


def test_http2_bomb_of_indexed_fields(gateway, client):
    def attack():
        client.headers(client.block() + b"\x90" * 16000)
    assert_calmed(gateway, client, attack, "header fields in one block")


def test_hpack_index_bomb(gateway, client):
    """A large field is put into the table once, and then costs a byte each time."""
    def attack():
        client.headers(client.block(fields=[("x-large", "v" * 3500)]) + b"\xbe" * 10000)
    assert_calmed(gateway, client, attack, "header fields in one block")


def test_cookie_crumbs_count(gateway, client):
    crumbs = [("cookie", "a=1")] * 150
    assert client.answer(client.request(fields=crumbs)).status == 431


def test_zero_window_times_out(gateway, certs):
    client = H2Client(gateway.address(), settings={4: 0})
    assert client.answer(client.request()).reset == CANCEL


def test_one_byte_window_times_out(gateway, certs):
    client = H2Client(gateway.address(), settings={4: 1})
    stream = client.request()
    client.read_until(lambda: client.answers.get(stream) and client.answers[stream].body)
    for _ in range(50):
        client.window(stream, 1)
    assert client.answer(stream).reset == CANCEL
    assert 1 <= len(client.answers[stream].body) < 100


def test_unfinished_head_times_out(gateway, client):
    client.frame(HeadersFrame(1, data=client.block(), flags=["END_STREAM"]))
    with pytest.raises(Ended):
        client.read_to_end()


def test_silence_times_out(gateway, client):
    with pytest.raises(Ended):
        client.read_to_end()


def test_client_that_never_reads_replies_is_ended(gateway, client):
    """Each PING of the hundred that are allowed asks for a reply; then it is enough."""
    def attack():
        for _ in range(10_000):
            client.send(PingFrame(0, opaque_data=b"12345678").serialize() * 64)
    assert_calmed(gateway, client, attack, "PING frames")
