"""HTTP/1 over a socket, seen from either end: strict in what it reads, free in what it sends.

What the gateway sends to clients and to backends is judged here, so nothing is forgiven: bare line
feeds, two lengths, folded lines are errors of the test run, not quirks."""

import re
import socket
import ssl
import struct

from .wait import DEADLINE_S

# A peer that announces small segments and little room gets small buffers in the kernel of the
# sender, too: some 50 KB fill the way to it instead of 3 MB.
_NARROW_BUFFER, _NARROW_SEGMENT = 4096, 536

_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*", re.DOTALL)
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_READ_BYTES = 1 << 16
_STUCK_S = 0.3


class ProtocolError(Exception):
    """What came is not HTTP."""


class Incomplete(Exception):
    """The connection ended in the middle of a message. `got` is what there was of its body, and
    `head` its head, if that was complete."""

    def __init__(self, got=b"", head=None):
        super().__init__(f"the connection ended after {len(got)} bytes: {bytes(got[-200:])!r}")
        self.got = got
        self.head = head


class Headers(list):
    """Pairs of name and value, as they came."""

    def get(self, name, otherwise=None):
        values = self.all(name)
        return values[0] if values else otherwise

    def all(self, name):
        return [value for key, value in self if key.lower() == name.lower()]

    def __contains__(self, name):
        return bool(self.all(name))


def head_bytes(start_line, headers):
    lines = [start_line, *(f"{name}: {value}" for name, value in headers)]
    return "".join(line + "\r\n" for line in [*lines, ""]).encode("latin-1")


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def chunked(*pieces, trailers=()):
    fields = b"".join(f"{name}: {value}\r\n".encode() for name, value in trailers)
    return b"".join(map(chunk, pieces)) + b"0\r\n" + fields + b"\r\n"


def make_narrow(sock):
    """Little fits on the way to this socket, which is not connected yet, or listens."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _NARROW_BUFFER)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _NARROW_SEGMENT)


class Wire:
    """One end of a connection, with what was read ahead."""

    def __init__(self, sock):
        self.socket = sock
        self.socket.settimeout(DEADLINE_S)
        self._ahead = bytearray()
        self.was_reset = False

    # --- bytes ---

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)
        return self

    def fill(self, data=bytes(1 << 26)):
        """Sends as much of `data` as is taken; how many bytes that were."""
        sent, view = 0, memoryview(data)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _READ_BYTES)
        self.socket.settimeout(_STUCK_S)
        try:
            while sent < len(data):
                sent += self.socket.send(view[sent:sent + _READ_BYTES])
        except TimeoutError:
            pass
        self.socket.settimeout(DEADLINE_S)
        return sent

    def shutdown(self):
        """No more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def reset(self):
        """Cuts the connection: the other end gets RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def read_some(self, limit=_READ_BYTES):
        """At least one byte; none when the other end has closed or reset."""
        if not self._ahead:
            return self._receive(limit)
        data = bytes(self._ahead[:limit])
        del self._ahead[:limit]
        return data

    def _receive(self, limit=_READ_BYTES):
        try:
            return self.socket.recv(limit)
        except ConnectionResetError:
            self.was_reset = True
            return b""
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""

    def _read_ahead(self):
        data = self._receive()
        self._ahead += data
        return bool(data)

    def read_exactly(self, count):
        while len(self._ahead) < count:
            if not self._read_ahead():
                raise Incomplete(bytes(self._ahead))
        data = bytes(self._ahead[:count])
        del self._ahead[:count]
        return data

    def read_until(self, end):
        while end not in self._ahead:
            if not self._read_ahead():
                raise Incomplete(bytes(self._ahead))
        return self.read_exactly(self._ahead.index(end) + len(end))

    def read_to_end(self):
        """All that comes until the other end closes, or resets (see was_reset)."""
        while self._read_ahead():
            pass
        return self.read_exactly(len(self._ahead))

    def has_ended(self):
        """Waits for the other end to close; False if it sends instead."""
        return not self._ahead and not self._read_ahead()

    # --- HTTP ---

    def read_line(self):
        line = self.read_until(b"\n")
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise ProtocolError(f"a line without a proper end: {line!r}")
        return line[:-2]

    def read_fields(self):
        fields = Headers()
        while True:
            line = self.read_line()
            if not line:
                return fields
            match = _FIELD.fullmatch(line)
            if not match or _BAD_VALUE.search(match[2]):
                raise ProtocolError(f"not a field: {line!r}")
            fields.append((match[1].decode(), match[2].decode("latin-1")))

    def read_head(self):
        """(start line, headers)"""
        start = self.read_line().decode("latin-1")
        return start, self.read_fields()

    def read_chunk(self):
        """One chunk's data; nothing for the last one, after which the trailers come."""
        line = self.read_line()
        if not re.fullmatch(rb"[0-9A-Fa-f]+", line):
            raise ProtocolError(f"not the size of a chunk: {line!r}")
        size = int(line, 16)
        data = self.read_exactly(size)
        if size and self.read_exactly(2) != b"\r\n":
            raise ProtocolError("a chunk without its line end")
        return data

    def read_chunked(self):
        """(body, trailers)"""
        body = bytearray()
        while True:
            try:
                data = self.read_chunk()
            except Incomplete as cut:
                raise Incomplete(bytes(body) + cut.got) from None
            if not data:
                return bytes(body), self.read_fields()
            body += data

    def read_body(self, headers, otherwise):
        """(body, trailers) as the framing fields say; `otherwise` when there are none: bytes, or
        None for all that comes until the end."""
        lengths, encodings = headers.all("content-length"), headers.all("transfer-encoding")
        if len(lengths) + len(encodings) > 1:
            raise ProtocolError(f"ambiguous framing: {headers}")
        if encodings:
            if encodings != ["chunked"]:
                raise ProtocolError(f"unknown transfer encoding: {encodings}")
            return self.read_chunked()
        if lengths:
            if not re.fullmatch(r"[0-9]+", lengths[0]):
                raise ProtocolError(f"not a length: {lengths[0]!r}")
            return self.read_exactly(int(lengths[0])), Headers()
        return (self.read_to_end() if otherwise is None else otherwise), Headers()
