"""HTTP/2: each way to keep a gateway busy for nothing, by name. The connection ends with the right
code, its reason is told, and somebody else on the same worker does not notice."""

from contextlib import suppress

import pytest
from hyperframe.frame import (ContinuationFrame, DataFrame, HeadersFrame, PingFrame, PriorityFrame,
                              SettingsFrame, WindowUpdateFrame)

from env import FORGETFUL, Ended, Gateway, H2Client, ScriptedBackend, eventually, frame_bytes

CANCEL, ENHANCE_YOUR_CALM = 8, 11


@pytest.fixture(scope="module")
def gateway(node, certs):
    """Its patience outlasts an attacker who has to share the machine with others."""
    with Gateway(node, listeners=[{"tls": certs.tls}], timeouts={"shutdown": "5s"}) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def wants_reading(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}],
                 timeouts={"send": "500ms", "shutdown": "5s"}) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def wants_requests(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}],
                 timeouts={"request_head": "500ms", "shutdown": "5s"}) as gateway:
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
    """Fewer than the frames of RST_STREAM that are too many whatever they reset: a gateway that reads
    late would see those first."""
    def attack():
        for _ in range(900):
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
def test_resets_that_the_client_causes_count_like_its_own(certs, primitive):
    """The gateway is made to reset streams whose backend is still at work."""
    def send(client):
        for _ in range(2000):
            stream = client.request("POST", fields=[("content-length", "1")], end=False)
            PRIMITIVES[primitive](client, stream)
            assert client.answer(stream).reset is not None
    ended = made_you_reset(certs, send)
    assert ended.goaway.error_code == ENHANCE_YOUR_CALM


@pytest.mark.parametrize("primitive", ["window_of_nothing", "window_overflow",
                                       "headers_on_half_closed", "data_on_half_closed",
                                       "priority_of_four_bytes", "priority_on_itself"])
def test_made_you_reset(certs, primitive):
    """The six of CVE-2025-8671: whether such a frame ends the stream, the connection or nothing,
    backends are given no more than by a client that resets by itself."""
    def send(client):
        for _ in range(2000):
            stream = client.request(end="half_closed" in primitive)
            PRIMITIVES[primitive](client, stream)
    assert made_you_reset(certs, send).goaway is not None


PRIMITIVES = {
    "window_of_nothing": lambda client, stream: client.window(stream, 0),
    "window_overflow": lambda client, stream: client.window(stream, 0x7fffffff),
    "headers_on_half_closed": lambda client, stream: client.headers(client.block(), stream),
    "data_on_half_closed": lambda client, stream: client.data(stream, b"x"),
    "priority_of_four_bytes": lambda client, stream: client.send(
        frame_bytes(2, 0, stream, bytes(4))),
    "priority_on_itself": lambda client, stream: client.frame(
        PriorityFrame(stream, depends_on=stream)),
    "data_beyond_length": lambda client, stream: client.data(stream, b"ab"),
    "bad_trailers": lambda client, stream: client.headers(
        client.trailers([(":path", "/")]), stream),
}


def made_you_reset(certs, send):
    """How the connection ended; nobody answers, so that all that a backend gets goes on."""
    backend = ScriptedBackend(backlog=1024)
    with Gateway(backend, listeners=[{"tls": certs.tls}]) as gateway:
        client = H2Client(gateway.address())
        with pytest.raises(Ended) as ended:
            send(client)
            client.read_to_end()
        assert gateway.metrics()["cong_upstream_connects_total"] <= 300
        return ended.value


def test_continuation_flood_ends_within_eight_frames(gateway, client):
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
        frames = WindowUpdateFrame(0, window_increment=1).serialize() * 100
        for _ in range(1000):
            client.send(frames)
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


def test_http2_bomb_of_cookie_crumbs(gateway, client):
    """As above, with a field that proxies join before they count it."""
    def attack():
        client.headers(client.block(fields=[("cookie", "a=" + "b" * 3000)]) + b"\xbe" * 10000)
    assert_calmed(gateway, client, attack, "header fields in one block")


def test_http2_bomb_in_trailers(gateway, client):
    """Too late for an answer that says why: the stream is reset."""
    def attack():
        for _ in range(500):
            stream = client.request("POST", "/echo", end=False)
            client.headers(b"\x90" * 16000, stream)
            assert client.answer(stream).reset is not None
    assert_calmed(gateway, client, attack, "streams reset before their answer")


def test_http2_bomb_for_streams_that_have_ended(gateway, client):
    """nghttp2 decodes such blocks, and tells nobody of their fields."""
    def attack():
        stream = client.request()
        client.answer(stream)
        for _ in range(10_000):
            client.headers(b"\x90" * 8000, stream)
    assert_calmed(gateway, client, attack, "header blocks for streams that have ended")


def test_cookie_crumbs_count(gateway, client):
    crumbs = [("cookie", "a=1")] * 150
    assert client.answer(client.request(fields=crumbs)).status == 431


def test_many_stalled_streams_with_large_heads_time_out(wants_reading):
    """The other half of the bomb: heads just within the limits, whose answers nobody takes."""
    memory = wants_reading.memory_kib()
    client = H2Client(wants_reading.address(), settings={4: 0})
    fields = [("cookie", "a" * 300)] * 80
    streams = [client.request(fields=fields) for _ in range(80)]
    assert [client.answer(stream).reset for stream in streams] == [CANCEL] * len(streams)
    assert wants_reading.memory_kib() < memory + 16 * 1024


def test_table_size_thrash_in_blocks(node, certs):
    """The table is emptied and made anew with each request: that costs what it costs, no more. (Where
    it may sleep the gateway asks for no table, and this client would not care.)"""
    with Gateway(node, listeners=[{"tls": certs.tls}], timeouts={"http2_sleep": "0s"}) as gateway:
        client = H2Client(gateway.address())
        memory = gateway.memory_kib()
        client.window(0, 1 << 24)  # room for all the answers
        for _ in range(500):
            block = (b"\x20\x3f\xe1\x1f\x82\x87\x84\x41\x0bportal.test"
                     + b"\x40\x01a\x01b" * 50)
            assert client.answer(client.headers(block)).status == 200
        assert gateway.memory_kib() < memory + 16 * 1024


# Frames that cost a client nothing, of a stream that is open and one that is over.
REPLIES = {
    "PING frames": frame_bytes(6, 0, 0, bytes(8)),
    "SETTINGS frames": frame_bytes(4, 0, 0),
    "priority frames": frame_bytes(2, 0, 7, bytes(5)),
    "WINDOW_UPDATE frames": frame_bytes(8, 0, 0, b"\0\0\0\1"),
    "empty DATA frames": frame_bytes(0, 0, 1),
    "RST_STREAM frames": frame_bytes(3, 0, 3, bytes(4)),
    "frames of unknown type": frame_bytes(0x77, 0, 0),
}


@pytest.mark.parametrize("reason", REPLIES)
def test_flood_while_the_peer_never_reads(gateway, reason):
    """Replies have nowhere to go; the connection ends, and so do the memory and the work."""
    before, memory = floods(gateway), gateway.memory_kib()
    client = H2Client(gateway.address(), narrow=True)
    client.request("POST", "/echo", end=False)
    client.reset(client.request())
    with suppress(OSError):
        for _ in range(1000):
            client.tls.sendall(REPLIES[reason] * 500)
            if floods(gateway) > before:
                break
    eventually(lambda: floods(gateway) > before, "the flood is counted")
    assert gateway.memory_kib() < memory + 16 * 1024
    other = H2Client(gateway.address())
    assert other.answer(other.request()).status == 200


def test_answers_that_nobody_reads_share_a_budget(node, certs):
    """A hundred large answers at once, on each of eight connections: without a common budget each
    of the streams would keep what one read from its backend brings."""
    all_at_once = {"isolation": {"max_inflight": 1000, "slow": "1m"}}
    with Gateway(node, listeners=[{"tls": certs.tls}], prefix=FORGETFUL,
                 upstream=all_at_once) as gateway:
        warm = H2Client(gateway.address())
        warm.answer(warm.request("GET", "/download?bytes=50000"))
        memory = gateway.memory_kib()
        node.reset_stats()
        clients = [H2Client(gateway.address(), settings={4: 0}) for _ in range(8)]
        for client in clients:
            for _ in range(100):
                client.request("GET", "/download?bytes=300000")
        eventually(lambda: node.stats()["requests"] >= 800, "backends have all requests")
        grown = gateway.memory_kib() - memory
        assert grown < 8 * 3072, f"{grown} KiB"  # it would be more than 8 * 6400
        for client in clients[1:]:
            client.close()
        reader = clients[0]
        for stream in range(1, 201, 2):  # and everybody is served who reads
            reader.window(stream, 1 << 20)
            reader.window(0, 1 << 20)
        for stream in range(1, 201, 2):
            assert len(reader.answer(stream).body) == 300000


def test_who_is_held_back_is_not_timed_out(certs):
    """A stream whose backend has not answered yet waits for others of its connection to be read.
    Its backend is not to blame for that."""
    backend = ScriptedBackend()
    with Gateway(backend, listeners=[{"tls": certs.tls}],
                 upstream={"timeouts": {"response": "300ms"}},
                 route={"response_buffering": "off"}) as gateway:
        client, clock = H2Client(gateway.address(), settings={4: 0}), H2Client(gateway.address())
        unread = []
        for _ in range(20):
            unread.append(client.request())
            backend.accept().serve(body=bytes(100_000))
        late = client.request()
        connection = backend.accept()
        connection.read_request()
        hour = clock.request()  # nobody answers this one, and it is later than the other
        assert clock.answer(hour).status == 504
        connection.answer(body=b"late")
        for stream in [*unread, late]:
            client.window(stream, 1 << 20)
            client.window(0, 1 << 20)
        assert client.answer(late).body == b"late"


def test_zero_window_times_out(wants_reading):
    client = H2Client(wants_reading.address(), settings={4: 0})
    assert client.answer(client.request()).reset == CANCEL


def test_one_byte_window_times_out(wants_reading):
    client = H2Client(wants_reading.address(), settings={4: 1})
    stream = client.request()
    client.read_until(lambda: client.answers.get(stream) and client.answers[stream].body)
    for _ in range(50):
        client.window(stream, 1)
    assert client.answer(stream).reset == CANCEL
    assert 1 <= len(client.answers[stream].body) < 100


def test_unfinished_head_times_out(wants_requests):
    client = H2Client(wants_requests.address())
    client.frame(HeadersFrame(1, data=client.block(), flags=["END_STREAM"]))
    with pytest.raises(Ended):
        client.read_to_end()


def test_silence_times_out(wants_requests):
    client = H2Client(wants_requests.address())
    with pytest.raises(Ended):
        client.read_to_end()
