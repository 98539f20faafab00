"""A WebSocket client on a RawClient: python3-websockets knows the protocol, the test the socket."""

from websockets.client import ClientConnection
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from .raw_client import HOST


class WebSocket:
    def __init__(self, client, target="/ws", host=HOST):
        """Shakes hands; fails unless the answer is 101 with the right key."""
        self.client = client
        self._protocol = ClientConnection(parse_uri(f"ws://{host}{target}"), max_size=None)
        self._events = []
        self._ended = False
        self._protocol.send_request(self._protocol.connect())
        self._flush()
        self.response = self._next_event()
        assert isinstance(self.response, Response), self.response
        if self._protocol.handshake_exc:
            raise self._protocol.handshake_exc

    def send(self, message):
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)
        self._flush()

    def receive(self):
        """The next message, pings and pongs passed over. ConnectionError when it ends instead."""
        pieces, kind = [], None
        while True:
            frame = self._next_frame()
            if frame.opcode is Opcode.CLOSE:
                raise ConnectionError(f"closed with {self._protocol.close_code}")
            if frame.opcode in (Opcode.PING, Opcode.PONG):
                continue
            kind = kind or frame.opcode
            pieces.append(bytes(frame.data))
            if frame.fin:
                data = b"".join(pieces)
                return data.decode() if kind is Opcode.TEXT else data

    def echo(self, message):
        self.send(message)
        return self.receive()

    def ping(self, data=b"ping"):
        """Sends a ping and waits for its pong."""
        self._protocol.send_ping(data)
        self._flush()
        while self._next_frame().opcode is not Opcode.PONG:
            pass

    def close(self, code=1000):
        """Says goodbye, and waits for the other end's and for the end of the connection."""
        self._protocol.send_close(code)
        self._flush()
        return self.wait_for_close()

    def wait_for_close(self):
        """The code that the other end gave; 1006 when it gave none."""
        while not self._ended:
            self._receive()
        return self._protocol.close_code

    def _flush(self):
        for data in self._protocol.data_to_send():
            if data:
                self.client.send(data)

    def _receive(self):
        data = self.client.read_some()
        if data:
            self._protocol.receive_data(data)
        else:
            self._ended = True
            self._protocol.receive_eof()
        try:
            self._flush()
        except OSError:
            self._ended = True
        self._events += self._protocol.events_received()

    def _next_event(self):
        while not self._events:
            if self._ended:
                raise ConnectionError("the connection has ended")
            self._receive()
        return self._events.pop(0)

    def _next_frame(self):
        frame = self._next_event()
        assert isinstance(frame, Frame), frame
        return frame
