"""HTTP/2, rule by rule: what RFC 9113 and RFC 7541 make of each frame that is not as it should be.
The sections are those of RFC 9113; HPACK's are marked."""

import struct

import pytest

from env import HOST, Ended, Gateway, H2Client, frame_bytes

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, \
    CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITISED = 0x4, 0x8, 0x20
PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM = 1, 3, 5, 6, 7
COMPRESSION_ERROR = 9

# Fields of HPACK's static table by their index, and the authority in full.
AUTHORITY = b"\x41" + bytes([len(HOST)]) + HOST.encode()
GET = b"\x82\x87\x84" + AUTHORITY
POST = b"\x83\x87\x84" + AUTHORITY


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}]) as gateway:
        yield gateway


@pytest.fixture
def client(gateway):
    client = H2Client(gateway.address())
    client.read_until(lambda: client.settings)
    return client


def field(name, value=b"x"):
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def headers(stream_id=1, block=GET, flags=END_STREAM | END_HEADERS):
    return frame_bytes(HEADERS, flags, stream_id, block)


def open_stream(stream_id=1, block=POST):
    """A request whose body is to come."""
    return headers(stream_id, block, END_HEADERS)


def data(stream_id=1, payload=b"x", flags=0):
    return frame_bytes(DATA, flags, stream_id, payload)


def reset(stream_id, code=8):
    return frame_bytes(RST_STREAM, 0, stream_id, struct.pack(">I", code))


def window(stream_id, increment):
    return frame_bytes(WINDOW_UPDATE, 0, stream_id, struct.pack(">I", increment))


def settings(*pairs):
    return frame_bytes(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def continuation(stream_id, payload, flags=END_HEADERS):
    return frame_bytes(CONTINUATION, flags, stream_id, payload)


def priority(stream_id, depends_on, size=5):
    return frame_bytes(PRIORITY, 0, stream_id, struct.pack(">IB", depends_on, 15).ljust(size)[:size])


def ends_with(client, codes):
    with pytest.raises(Ended) as ended:
        client.read_to_end()
    assert ended.value.goaway is not None, "the connection ended without a word"
    assert ended.value.goaway.error_code in codes


def is_still_served(client, stream_id):
    client.send(headers(stream_id))
    assert client.answer(stream_id).status == 200
    assert client.goaway is None


# --- errors of the connection ---------------------------------------------------------------------

CONNECTION_ERRORS = [
    ("4.2 HEADERS above the largest size", (FRAME_SIZE_ERROR,),
     headers(1, GET + field(b"a", b"x") * 4000)),
    ("4.2 SETTINGS above the largest size", (FRAME_SIZE_ERROR,), settings(*[(9, 0)] * 3000)),
    ("4.3 block that cannot be decoded", (COMPRESSION_ERROR,), headers(1, b"\x00\x7f\x01")),
    ("4.3 PRIORITY in the middle of a block", (PROTOCOL_ERROR,),
     headers(1, GET, END_STREAM) + priority(1, 0) + continuation(1, b"")),
    ("4.3 HEADERS of another stream in the middle of a block", (PROTOCOL_ERROR,),
     headers(1, GET, END_STREAM) + headers(3)),
    ("5.1 DATA on an idle stream", (PROTOCOL_ERROR, STREAM_CLOSED), data(1)),
    ("5.1 RST_STREAM on an idle stream", (PROTOCOL_ERROR,), reset(1)),
    ("5.1 WINDOW_UPDATE on an idle stream", (PROTOCOL_ERROR,), window(1, 100)),
    ("5.1 CONTINUATION on an idle stream", (PROTOCOL_ERROR,), continuation(1, GET)),
    ("5.1 CONTINUATION on a half-closed stream", (STREAM_CLOSED, PROTOCOL_ERROR),
     headers(1) + continuation(1, b"")),
    ("5.1 CONTINUATION on a closed stream", (STREAM_CLOSED, PROTOCOL_ERROR),
     open_stream(1) + reset(1) + continuation(1, b"")),
    ("5.1.1 stream with an even number", (PROTOCOL_ERROR,), headers(2)),
    ("5.4.1 PING of seven bytes", (FRAME_SIZE_ERROR,), frame_bytes(PING, 0, 0, bytes(7))),
    ("5.5 unknown frame in the middle of a block", (PROTOCOL_ERROR,),
     headers(1, GET, END_STREAM) + frame_bytes(0xff, 0, 0) + continuation(1, b"")),
    ("6.1 DATA on stream 0", (PROTOCOL_ERROR,), data(0)),
    ("6.1 DATA with more padding than payload", (PROTOCOL_ERROR,),
     open_stream(1) + data(1, b"\x06abcde", PADDED | END_STREAM)),
    ("6.2 HEADERS on stream 0", (PROTOCOL_ERROR,), headers(0)),
    ("6.2 HEADERS with more padding than payload", (PROTOCOL_ERROR,),
     headers(1, b"\xff" + GET, END_STREAM | END_HEADERS | PADDED)),
    ("6.3 PRIORITY on stream 0", (PROTOCOL_ERROR,), priority(0, 1)),
    ("6.4 RST_STREAM on stream 0", (PROTOCOL_ERROR,), reset(0)),
    ("6.4 RST_STREAM of three bytes", (FRAME_SIZE_ERROR,),
     open_stream(1) + frame_bytes(RST_STREAM, 0, 1, bytes(3))),
    ("6.5 SETTINGS with ACK and payload", (FRAME_SIZE_ERROR,),
     frame_bytes(SETTINGS, ACK, 0, bytes(6))),
    ("6.5 SETTINGS on a stream", (PROTOCOL_ERROR,), frame_bytes(SETTINGS, 0, 1)),
    ("6.5 SETTINGS of five bytes", (FRAME_SIZE_ERROR,), frame_bytes(SETTINGS, 0, 0, bytes(5))),
    ("6.5.2 ENABLE_PUSH of two", (PROTOCOL_ERROR,), settings((2, 2))),
    ("6.5.2 INITIAL_WINDOW_SIZE too large", (FLOW_CONTROL_ERROR,), settings((4, 1 << 31))),
    ("6.5.2 MAX_FRAME_SIZE too small", (PROTOCOL_ERROR,), settings((5, 16383))),
    ("6.5.2 MAX_FRAME_SIZE too large", (PROTOCOL_ERROR,), settings((5, 1 << 24))),
    ("RFC 8441 3 ENABLE_CONNECT_PROTOCOL of two", (PROTOCOL_ERROR,), settings((8, 2))),
    ("RFC 9218 2.1 NO_RFC7540_PRIORITIES of two", (PROTOCOL_ERROR,), settings((9, 2))),
    ("6.6 PUSH_PROMISE", (PROTOCOL_ERROR,),
     open_stream(1) + frame_bytes(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 3) + GET)),
    ("6.7 PING on a stream", (PROTOCOL_ERROR,), frame_bytes(PING, 0, 1, bytes(8))),
    ("6.7 PING of nine bytes", (FRAME_SIZE_ERROR,), frame_bytes(PING, 0, 0, bytes(9))),
    ("6.8 GOAWAY on a stream", (PROTOCOL_ERROR,), frame_bytes(GOAWAY, 0, 1, bytes(8))),
    ("6.9 WINDOW_UPDATE of nothing", (PROTOCOL_ERROR,), window(0, 0)),
    ("6.9 WINDOW_UPDATE of three bytes", (FRAME_SIZE_ERROR,),
     frame_bytes(WINDOW_UPDATE, 0, 0, bytes(3))),
    ("6.9.1 window of the connection overflows", (FLOW_CONTROL_ERROR,),
     window(0, 0x7fffffff) + window(0, 0x7fffffff)),
    ("6.10 CONTINUATION, then something else", (PROTOCOL_ERROR,),
     headers(1, GET, END_STREAM) + continuation(1, b"", 0) + data(1)),
    ("6.10 CONTINUATION on stream 0", (PROTOCOL_ERROR,),
     headers(1, GET, END_STREAM) + continuation(0, b"")),
    ("6.10 CONTINUATION after a complete block", (PROTOCOL_ERROR,),
     open_stream(1) + continuation(1, b"")),
    ("6.10 CONTINUATION after a complete CONTINUATION", (PROTOCOL_ERROR,),
     headers(1, POST, 0) + continuation(1, b"") + continuation(1, b"")),
    ("6.10 CONTINUATION after DATA", (PROTOCOL_ERROR,),
     open_stream(1) + data(1) + continuation(1, b"")),
    ("HPACK 2.3.3 index beyond the table", (COMPRESSION_ERROR,), headers(1, GET + b"\xc6")),
    ("HPACK 4.2 change of size at the end of a block", (COMPRESSION_ERROR,),
     headers(1, GET + b"\x20")),
    ("HPACK 5.2 padding of eight bits", (COMPRESSION_ERROR,), headers(1, GET + b"\x00\x01a\x81\xff")),
    ("HPACK 5.2 padding of zeros", (COMPRESSION_ERROR,), headers(1, GET + b"\x00\x01a\x81\x00")),
    ("HPACK 5.2 end of string in a string", (COMPRESSION_ERROR,),
     headers(1, GET + b"\x00\x01a\x84\xff\xff\xff\xff")),
    ("HPACK 6.1 index 0", (COMPRESSION_ERROR,), headers(1, GET + b"\x80")),
    ("HPACK 6.3 table larger than we allow", (COMPRESSION_ERROR,),
     headers(1, b"\x3f\xe2\x1f" + GET)),
]


@pytest.mark.parametrize("codes, sent", [row[1:] for row in CONNECTION_ERRORS],
                         ids=[row[0] for row in CONNECTION_ERRORS])
def test_connection_ends_with_the_right_code(client, codes, sent):
    client.tls.sendall(sent)
    ends_with(client, codes)


def test_3_4_connection_that_does_not_begin_as_http2_ends(gateway):
    client = H2Client(gateway.address(), preface=b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
    with pytest.raises(Ended):
        client.read_to_end()


def test_3_4_preface_without_settings_ends_the_connection(gateway):
    client = H2Client(gateway.address(), preface=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + headers())
    ends_with(client, [PROTOCOL_ERROR])


def test_last_stream_of_goaway_is_the_last_one_served(client):
    assert client.answer(client.request()).status == 200
    client.tls.sendall(frame_bytes(PING, 0, 0, b"short"))
    ends_with(client, [FRAME_SIZE_ERROR])
    assert client.goaway.last_stream_id == 1


# --- errors of a stream ---------------------------------------------------------------------------

def request_with(block):
    return headers(1, GET + block)


MALFORMED = [
    ("8.2.1 name in upper case", request_with(field(b"X-Upper"))),
    ("8.2.1 empty name", request_with(field(b""))),
    ("8.2.1 name with a space at its end", request_with(field(b"x-a "))),
    ("8.2.1 name with a space at its start", request_with(field(b" x-a"))),
    ("8.2.1 name with a colon", request_with(field(b"x:a"))),
    ("8.2.1 name with a line feed", request_with(field(b"x-a\nevil"))),
    ("8.2.1 name with a control character", request_with(field(b"x\x01a"))),
    ("8.2.1 name with a letter beyond ASCII", request_with(field(b"x\xc3\xa9"))),
    ("8.2.1 value with a carriage return and a line feed",
     request_with(field(b"x-a", b"b\r\nevil: 1"))),
    ("8.2.1 value with a line feed", request_with(field(b"x-a", b"b\nevil: 1"))),
    ("8.2.1 value with a carriage return", request_with(field(b"x-a", b"b\rc"))),
    ("8.2.1 value with a null", request_with(field(b"x-a", b"b\0c"))),
    ("8.2.1 value with a space at its start", request_with(field(b"x-a", b" b"))),
    ("8.2.2 connection", request_with(field(b"connection", b"keep-alive"))),
    ("8.2.2 keep-alive", request_with(field(b"keep-alive", b"5"))),
    ("8.2.2 proxy-connection", request_with(field(b"proxy-connection", b"keep-alive"))),
    ("8.2.2 transfer-encoding", request_with(field(b"transfer-encoding", b"chunked"))),
    ("8.2.2 upgrade", request_with(field(b"upgrade", b"websocket"))),
    ("8.2.2 te that is not trailers", request_with(field(b"te", b"trailers, deflate"))),
    ("8.3 unknown pseudo-header", request_with(field(b":test", b"ok"))),
    ("8.3 pseudo-header of answers", request_with(field(b":status", b"200"))),
    ("8.3 pseudo-header after a field",
     headers(1, b"\x82\x87" + field(b"x-a") + b"\x84" + AUTHORITY)),
    ("8.3.1 no method", headers(1, b"\x87\x84" + AUTHORITY)),
    ("8.3.1 no scheme", headers(1, b"\x82\x84" + AUTHORITY)),
    ("8.3.1 no path", headers(1, b"\x82\x87" + AUTHORITY)),
    ("8.3.1 empty path", headers(1, b"\x82\x87" + AUTHORITY + field(b":path", b""))),
    ("8.3.1 two methods", headers(1, b"\x82\x82\x87\x84" + AUTHORITY)),
    ("8.3.1 two schemes", headers(1, b"\x82\x87\x87\x84" + AUTHORITY)),
    ("8.3.1 two paths", headers(1, b"\x82\x87\x84\x84" + AUTHORITY)),
    ("8.3.1 two authorities", headers(1, GET + field(b":authority", b"evil.test"))),
    ("8.3.1 path with a line feed",
     headers(1, b"\x82\x87" + AUTHORITY + field(b":path", b"/ HTTP/1.1\r\nx: y"))),
    ("8.3.1 path with a space", headers(1, b"\x82\x87" + AUTHORITY + field(b":path", b"/a b"))),
    ("8.3.1 method with a space", headers(1, field(b":method", b"GET /") + b"\x87\x84" + AUTHORITY)),
    ("8.3.1 authority with a line feed",
     headers(1, b"\x82\x87\x84" + field(b":authority", b"a\r\nx: y"))),
    ("8.1 second head without an end", open_stream(1) + data(1) + open_stream(1, field(b"x-a"))),
    ("8.1 pseudo-header in trailers",
     open_stream(1) + data(1) + headers(1, field(b":method", b"POST"))),
    ("8.1.1 body shorter than its length",
     open_stream(1, POST + field(b"content-length", b"4")) + data(1, b"abc", END_STREAM)),
    ("8.1.1 body longer than its length",
     open_stream(1, POST + field(b"content-length", b"2")) + data(1, b"ab") + data(1, b"c")),
    ("8.1.1 no body in spite of a length", headers(1, POST + field(b"content-length", b"1"))),
    ("8.1.1 two lengths", open_stream(1, POST + field(b"content-length", b"1") * 2)),
]


@pytest.mark.parametrize("sent", [row[1] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_malformed_request_ends_its_stream_alone(client, sent):
    client.send(sent)
    assert client.answer(1).reset == PROTOCOL_ERROR
    assert client.answers[1].headers == []
    is_still_served(client, 3)


def test_malformed_requests_never_reach_a_backend(gateway, node):
    """Those that are malformed by their head, all of them: the rest have one that is not."""
    node.reset_stats()
    for name, sent in MALFORMED:
        if not name.startswith("8.1"):
            client = H2Client(gateway.address())
            client.send(sent)
            client.answer(1)
    assert node.stats()["requests"] == 0


# Either of the two: RFC 9113 5.4 lets what is an error of a stream end the connection.
STREAM_ERRORS = [
    ("4.2 DATA above the largest size", (FRAME_SIZE_ERROR,), open_stream(1) + data(1, bytes(16385))),
    ("5.1 DATA on a half-closed stream", (STREAM_CLOSED,), headers(1) + data(1)),
    ("5.1 HEADERS on a half-closed stream", (STREAM_CLOSED,), headers(1) + headers(1)),
    ("6.3 PRIORITY of four bytes", (FRAME_SIZE_ERROR,), open_stream(1) + priority(1, 0, size=4)),
    ("6.9 WINDOW_UPDATE of nothing on a stream", (PROTOCOL_ERROR,), open_stream(1) + window(1, 0)),
    ("6.9.1 window of a stream overflows", (FLOW_CONTROL_ERROR,),
     open_stream(1) + window(1, 0x7fffffff)),
]


@pytest.mark.parametrize("codes, sent", [row[1:] for row in STREAM_ERRORS],
                         ids=[row[0] for row in STREAM_ERRORS])
def test_stream_ends_with_the_right_code(client, codes, sent):
    client.tls.sendall(sent)
    try:
        assert client.answer(1).reset in codes
        is_still_served(client, 3)
    except Ended as ended:
        assert ended.goaway.error_code in codes


def test_5_1_2_more_streams_than_allowed_are_refused(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}], limits={"http2_streams": 3}) as gateway:
        client = H2Client(gateway.address())
        client.read_until(lambda: client.settings.get(3) == 3)
        client.send(b"".join(open_stream(number) for number in (1, 3, 5, 7)))
        try:
            assert client.answer(7).reset in (REFUSED_STREAM, PROTOCOL_ERROR)
        except Ended as ended:
            assert ended.goaway.error_code == PROTOCOL_ERROR


# --- what is no error -----------------------------------------------------------------------------

HARMLESS = [
    ("4.1 unknown frame", frame_bytes(0x16, 0, 0, b"12345678")),
    ("4.1 unknown flags", frame_bytes(PING, 0xfe, 0, bytes(8))),
    ("4.1 reserved bit", frame_bytes(PING, 0, 1 << 31, bytes(8))),
    ("4.2 DATA of the largest size", open_stream(1) + data(1, bytes(16384), END_STREAM)),
    ("5.1 PRIORITY on an idle stream", priority(1, 0)),
    ("5.1 WINDOW_UPDATE on a half-closed stream", headers(1) + window(1, 100)),
    ("5.1 RST_STREAM on a half-closed stream", headers(1) + reset(1)),
    ("5.1 PRIORITY on a closed stream", open_stream(1) + reset(1) + priority(1, 0)),
    ("5.5 unknown frame on a stream", headers(1) + frame_bytes(0xff, 0xff, 1, b"x")),
    ("6.1 padded DATA", open_stream(1) + data(1, b"\x05x     ", PADDED | END_STREAM)),
    ("6.2 padded HEADERS with a priority",
     headers(1, b"\x02" + struct.pack(">IB", 0, 255) + GET + b"\0\0",
             END_STREAM | END_HEADERS | PADDED | PRIORITISED)),
    ("6.4 RST_STREAM with an unknown code", open_stream(1) + reset(1, 0xff)),
    ("6.5.2 unknown setting", settings((0xff, 0xff))),
    ("6.5.3 same setting twice", settings((4, 100), (4, 70000))),
    ("6.7 PING with ACK", frame_bytes(PING, ACK, 0, bytes(8))),
    ("6.10 CONTINUATION in pieces", headers(1, GET[:2], END_STREAM) + continuation(1, GET[2:4], 0) +
     continuation(1, GET[4:])),
    ("8.2.2 te with trailers", request_with(field(b"te", b"trailers"))),
    ("HPACK 4.2 changes of size at the start of a block", headers(1, b"\x20\x3f\xe1\x1f" + GET)),
]


@pytest.mark.parametrize("sent", [row[1] for row in HARMLESS], ids=[row[0] for row in HARMLESS])
def test_frame_does_no_harm(client, sent):
    client.send(sent)
    is_still_served(client, 3)
    assert all(answer.reset in (None, 0) for answer in client.answers.values())


def test_6_8_client_that_goes_away_is_answered_first(client):
    client.send(headers(1) + frame_bytes(GOAWAY, 0, 0, struct.pack(">II", 0, 0xff)))
    assert client.answer(1).status == 200
    with pytest.raises(Ended) as ended:
        client.read_to_end()
    assert ended.value.goaway is None or ended.value.goaway.error_code == 0


# What reaches a stream that is over may have been on its way (RFC 9113 5.1): dropped, or an error.
CLOSED = [
    ("DATA on a stream that has been answered", data(1)),
    ("HEADERS on a stream that has been answered", headers(1)),
    ("DATA on a stream that the client has reset", open_stream(3) + reset(3) + data(3)),
    ("HEADERS on a stream that the client has reset", open_stream(3) + reset(3) + headers(3)),
    ("HEADERS of a lower number", headers(7) + headers(5)),
]


@pytest.mark.parametrize("sent", [row[1] for row in CLOSED], ids=[row[0] for row in CLOSED])
def test_5_1_closed_stream_stays_closed(client, sent):
    client.send(headers(1))
    client.answer(1)
    client.tls.sendall(sent)
    try:
        is_still_served(client, 9)
    except Ended as ended:
        assert ended.goaway.error_code in (STREAM_CLOSED, PROTOCOL_ERROR)


# --- windows --------------------------------------------------------------------------------------

def test_6_9_2_window_of_one_byte_takes_one_byte(client):
    client.send(settings((4, 1)) + headers(1))
    client.read_until(lambda: client.answers.get(1) and client.answers[1].body)
    assert len(client.answers[1].body) == 1


def test_6_9_2_settings_change_the_windows_of_streams_under_way(client):
    client.send(settings((4, 0)) + headers(1))
    client.read_until(lambda: client.answers.get(1) and client.answers[1].headers)
    client.send(settings((4, 1)))
    client.read_until(lambda: client.answers[1].body)
    assert len(client.answers[1].body) == 1


def test_6_9_2_negative_window_fills_up_before_it_is_used(client):
    client.send(settings((4, 3)) + headers(1))
    client.read_until(lambda: client.answers.get(1) and client.answers[1].body)
    assert len(client.answers[1].body) == 3
    client.send(settings((4, 2)) + window(1, 2))  # -1 + 2
    client.read_until(lambda: len(client.answers[1].body) > 3)
    assert len(client.answers[1].body) == 4


def test_6_5_3_settings_are_acknowledged(client):
    client.send(settings())
    while True:
        frame = client.step()
        if frame.type == SETTINGS and "ACK" in frame.flags:
            return


def test_6_7_ping_comes_back_as_it_was(client):
    client.send(frame_bytes(PING, 0, 0, b"xin chao"))
    while True:
        frame = client.step()
        if frame.type == PING:
            assert frame.opaque_data == b"xin chao"
            assert "ACK" in frame.flags
            return
