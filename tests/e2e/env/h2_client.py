"""A client of HTTP/2 that sends whatever frames it is told to, allowed or not. The library h2 would
refuse to: only its frames (hyperframe) and its header compression (hpack) are used."""

import select
import ssl
import struct

from hpack import Decoder, Encoder
from hyperframe.frame import (DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame,
                              RstStreamFrame, SettingsFrame, WindowUpdateFrame)

from .raw_client import HOST, RawClient
from .wait import DEADLINE_S

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_READ_BYTES = 1 << 16


def frame_bytes(kind, flags, stream_id, payload=b""):
    """Any frame at all, from the numbers of RFC 9113 6."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream_id) + payload


class Ended(Exception):
    """The gateway has ended the connection; `goaway` is the last such frame, if there was one."""

    def __init__(self, goaway):
        super().__init__(f"connection ended: {goaway}")
        self.goaway = goaway


class H2Answer:
    def __init__(self):
        self.headers, self.body, self.ended, self.reset = [], b"", False, None

    @property
    def status(self):
        """The last one: interim answers come before."""
        return int([value for name, value in self.headers if name == ":status"][-1])

    def get(self, name):
        return next((value for key, value in self.headers if key == name), None)


class H2Client:
    def __init__(self, address, settings=(), acknowledge=True, heeds_table=True, preface=PREFACE,
                 **how):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        self._raw = RawClient(address, context=context, server_name=HOST, **how)
        self.address = address
        self.tls = self._raw.tls
        self.tls.settimeout(DEADLINE_S)
        self._encoder, self._decoder = Encoder(), Decoder()
        self._input, self._next_id = b"", 1
        self.answers, self.goaway, self.settings, self.pongs = {}, None, {}, 0
        self._acknowledge, self._heeds_table = acknowledge, heeds_table
        self.tls.sendall(preface + SettingsFrame(0, settings=dict(settings)).serialize())

    # --- sending ---

    def send(self, data):
        """Takes what has come before; raises Ended once that is GOAWAY, or nothing can be sent."""
        while self.goaway is None and self.has_input():
            self.step()
        if self.goaway is not None:
            raise Ended(self.goaway)
        try:
            self.tls.sendall(data)
        except OSError:
            self.read_to_end()

    def has_input(self, wait_s=0):
        """Whether step() would find something by then, be it the beginning of a frame."""
        is_whole = len(self._input) >= 9 + int.from_bytes(self._input[:3], "big")
        return (is_whole or self.tls.pending() or
                select.select([self.tls], [], [], wait_s)[0])

    def frame(self, frame):
        self.send(frame.serialize())

    def block(self, method="GET", path="/", fields=(), **pseudo):
        head = {":method": method, ":scheme": "https", ":authority": HOST, ":path": path}
        head |= {":" + name: value for name, value in pseudo.items()}
        return self._encoder.encode([*head.items(), *fields])

    def trailers(self, fields):
        return self._encoder.encode(fields)

    def headers(self, data, stream_id=None, end=True):
        """A request of this header block, and its stream."""
        stream_id = stream_id or self._next_id
        self._next_id = max(self._next_id, stream_id + 2)
        flags = ["END_HEADERS", "END_STREAM"] if end else ["END_HEADERS"]
        self.frame(HeadersFrame(stream_id, data=data, flags=flags))
        return stream_id

    def request(self, method="GET", path="/", fields=(), end=True, **pseudo):
        return self.headers(self.block(method, path, fields, **pseudo), end=end)

    def data(self, stream_id, data, end=False):
        self.frame(DataFrame(stream_id, data=data, flags=["END_STREAM"] if end else []))

    def reset(self, stream_id, code=8):
        self.frame(RstStreamFrame(stream_id, error_code=code))

    def window(self, stream_id, increment):
        self.frame(WindowUpdateFrame(stream_id, window_increment=increment))

    # --- receiving ---

    def _read_frame(self):
        while True:
            if len(self._input) >= 9:
                frame, length = Frame.parse_frame_header(memoryview(self._input)[:9])
                if len(self._input) >= 9 + length:
                    frame.parse_body(memoryview(self._input)[9:9 + length])
                    self._input = self._input[9 + length:]
                    return frame
            try:
                data = self.tls.recv(_READ_BYTES)
            except (ConnectionError, ssl.SSLError):
                data = b""
            if not data:
                raise Ended(self.goaway)
            self._input += data

    def step(self):
        """Takes one frame, and returns it."""
        frame = self._read_frame()
        answer = self.answers.setdefault(frame.stream_id, H2Answer())
        if isinstance(frame, HeadersFrame):
            answer.headers += self._decoder.decode(frame.data)
        elif isinstance(frame, DataFrame):
            answer.body += frame.data
        elif isinstance(frame, RstStreamFrame):
            answer.reset = frame.error_code
        elif isinstance(frame, GoAwayFrame):
            self.goaway = frame
        elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            self.settings |= frame.settings
            if self._heeds_table and SettingsFrame.HEADER_TABLE_SIZE in frame.settings:
                size = frame.settings[SettingsFrame.HEADER_TABLE_SIZE]
                self._encoder.header_table_size = size
            if self._acknowledge:
                self.tls.sendall(SettingsFrame(0, flags=["ACK"]).serialize())
        elif isinstance(frame, PingFrame) and "ACK" in frame.flags:
            self.pongs += 1
        answer.ended = answer.ended or "END_STREAM" in frame.flags
        return frame

    def read_until(self, is_true):
        while not is_true():
            self.step()

    def answer(self, stream_id):
        """Waits until a stream has ended, well or not."""
        def is_over():
            got = self.answers.get(stream_id)
            return got and (got.ended or got.reset is not None)
        self.read_until(is_over)
        return self.answers[stream_id]

    def read_to_end(self):
        """Raises Ended once the connection is."""
        while True:
            self.step()

    def close(self):
        self._raw.close()
