"""A backend that can fall ill: it answers by itself, as the test has told it to, and counts."""

import http.server
import socketserver
import threading
from collections import Counter

from . import tidy
from .ports import free_port

PROBE_PATH = "/tot"


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        pass  # who asks may leave


class Patient:
    """`answer` is what probes get: (status, body), bytes as they are, or None for silence, which
    ends with close() or another answer. `work` is what other requests get; X-Node tells who
    answered."""

    def __init__(self, name="patient"):
        self.name = name
        self.answer = (200, b"tot")
        self.work = (200, b"")
        self.seen = Counter()  # probes, requests
        self.probe_heads = []
        self.arrived = threading.Condition()
        self._port = free_port()
        self._server = None
        self.start()
        tidy.close_at_end(self)

    @property
    def address(self):
        return f"127.0.0.1:{self._port}"

    def start(self):
        """Listens, perhaps again."""
        patient = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                patient._serve(self)

            def log_message(self, *args):
                pass

        self._server = _Server(("127.0.0.1", self._port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        """From now on connections are refused."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._server = None
        with self.arrived:
            self.arrived.notify_all()

    def change(self, answer):
        with self.arrived:
            self.answer = answer
            self.arrived.notify_all()

    def change_work(self, work):
        with self.arrived:
            self.work = work
            self.arrived.notify_all()

    def wait_for_probe(self):
        """One that comes after this call."""
        with self.arrived:
            before = self.seen["probes"]
            assert self.arrived.wait_for(lambda: self.seen["probes"] > before, 30)

    def _serve(self, handler):
        is_probe = handler.path == PROBE_PATH
        with self.arrived:
            self.seen["probes" if is_probe else "requests"] += 1
            if is_probe:
                self.probe_heads.append((handler.requestline, dict(handler.headers)))
            self.arrived.notify_all()
            kind = "answer" if is_probe else "work"
            self.arrived.wait_for(lambda: getattr(self, kind) is not None or not self._server, 60)
            answer = getattr(self, kind)
        if answer is None:
            return
        if isinstance(answer, bytes):
            handler.wfile.write(answer)
            handler.close_connection = True
            return
        handler.send_response(answer[0])
        handler.send_header("X-Node", self.name)
        handler.send_header("Content-Length", str(len(answer[1])))
        handler.end_headers()
        handler.wfile.write(answer[1])
