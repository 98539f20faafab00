"""A client that sends exactly what it is told to, over plain TCP or TLS."""

import json
import re
import socket
import ssl
from dataclasses import dataclass, field

from . import tidy
from .ports import split_address
from .wait import DEADLINE_S
from .wire import Headers, Incomplete, ProtocolError, Wire, head_bytes, make_narrow

HOST = "portal.test"


@dataclass
class Answer:
    status: int
    reason: str
    version: str
    headers: Headers
    body: bytes = b""
    trailers: Headers = field(default_factory=Headers)
    interim: list = field(default_factory=list)  # answers with 1xx that came before

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    @property
    def echoed(self):
        """The fields of the request, as the node's /echo saw them."""
        return Headers(map(tuple, self.json()["headers"]))

    @property
    def reference(self):
        return self.headers.get("X-Request-ID")


def request_bytes(method, target, headers=(), body=None, host=HOST, version="HTTP/1.1"):
    """A well-formed request. The length of the body is filled in unless the headers frame it."""
    fields = [] if host is None else [("Host", host)]
    fields += headers.items() if isinstance(headers, dict) else headers
    names = {name.lower() for name, _ in fields}
    body = body.encode() if isinstance(body, str) else body
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", len(body)))
    return head_bytes(f"{method} {target} {version}", fields) + (body or b"")


class RawClient(Wire):
    def __init__(self, address, context=None, server_name=None, session=None, source=None,
                 preamble=b"", receive_buffer=None, narrow=False):
        """`context` makes it TLS; `preamble` is sent before anything else, a PROXY header say."""
        sock = socket.socket(socket.AF_INET6 if address.startswith("[") else socket.AF_INET)
        try:
            sock.settimeout(DEADLINE_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if receive_buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            if narrow:
                make_narrow(sock)
            if source:
                sock.bind((source, 0))
            sock.connect(split_address(address))
            sock.sendall(preamble)
            if context:
                sock = context.wrap_socket(sock, server_hostname=server_name, session=session)
        except BaseException:
            sock.close()
            raise
        super().__init__(sock)
        tidy.close_at_end(self)

    def request(self, method="GET", target="/", headers=(), body=None, host=HOST,
                version="HTTP/1.1"):
        """Sends a request and reads its answer."""
        self.send(request_bytes(method, target, headers, body, host, version))
        return self.read_answer(to_head=method == "HEAD")

    def send_request(self, method="GET", target="/", headers=(), body=None, host=HOST,
                     version="HTTP/1.1"):
        return self.send(request_bytes(method, target, headers, body, host, version))

    def read_answer_head(self):
        """Without its body: what follows can be read by read_exactly, read_chunk ..."""
        start, headers = self.read_head()
        match = re.fullmatch(r"(HTTP/1\.[01]) ([1-5]\d\d) ([ -~]*)", start)
        if not match:
            raise ProtocolError(f"not a status line: {start!r}")
        return Answer(int(match[2]), match[3], match[1], headers)

    def read_answer(self, to_head=False):
        """The next answer, complete with its body. Raises Incomplete when it breaks off."""
        interim = []
        while True:
            answer = self.read_answer_head()
            if answer.status >= 200 or answer.status == 101:
                break
            interim.append(answer)
        answer.interim = interim
        if to_head or answer.status in (101, 204, 304):
            return answer
        try:
            answer.body, answer.trailers = self.read_body(answer.headers, None)
        except Incomplete as cut:
            raise Incomplete(cut.got, answer) from None
        return answer

    @property
    def tls(self):
        assert isinstance(self.socket, ssl.SSLSocket)
        return self.socket
