"""A backend whose every byte the test decides: it waits for the gateway's connections and says what
it is told to, well-formed or not."""

import re
import socket
from dataclasses import dataclass

from . import tidy
from .ports import split_address
from .wait import DEADLINE_S
from .wire import Headers, ProtocolError, Wire, head_bytes, make_narrow


@dataclass
class Request:
    method: str
    target: str
    headers: Headers
    body: bytes = b""
    trailers: Headers = None


class BackendConnection(Wire):
    def read_request_head(self):
        start, headers = self.read_head()
        match = re.fullmatch(r"([A-Z]+) (/[!-~]*|\*) HTTP/1\.1", start)
        if not match:
            raise ProtocolError(f"not a request line: {start!r}")
        return Request(match[1], match[2], headers)

    def read_request(self):
        request = self.read_request_head()
        request.body, request.trailers = self.read_body(request.headers, b"")
        return request

    def answer(self, status=200, headers=(), body=b"", reason="Scripted"):
        """A well-formed answer."""
        fields = [*headers, ("Content-Length", len(body))]
        return self.send(head_bytes(f"HTTP/1.1 {status} {reason}", fields) + body)

    def serve(self, *args, **kwargs):
        """Reads a request, answers it, and returns it."""
        request = self.read_request()
        self.answer(*args, **kwargs)
        return request


class ScriptedBackend:
    """Listens from the start; the test accepts the connections one by one."""

    def __init__(self, port=0, receive_buffer=None, narrow=False, backlog=128, context=None):
        self.context = context  # makes it TLS
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if narrow:
            make_narrow(self._listener)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(backlog)
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        tidy.close_at_end(self)

    def accept(self):
        """The next connection of the gateway."""
        self._listener.settimeout(DEADLINE_S)
        return self._take(self._listener.accept()[0])

    def _take(self, sock):
        sock.settimeout(DEADLINE_S)
        if self.context:
            sock = self.context.wrap_socket(sock, server_side=True)
        return tidy.close_at_end(BackendConnection(sock))

    def fill_backlog(self):
        """From now on nobody can connect, and nobody is refused either."""
        while True:
            filler = tidy.close_at_end(socket.socket())
            filler.settimeout(0.1)
            try:
                filler.connect(split_address(self.address))
            except TimeoutError:
                return

    def accept_waiting(self):
        """Connections that have been made and not been accepted yet."""
        self._listener.settimeout(0)
        found = []
        while True:
            try:
                found.append(self._take(self._listener.accept()[0]))
            except BlockingIOError:
                return found

    def close(self):
        """From now on connections are refused; those that were accepted stay."""
        self._listener.close()
