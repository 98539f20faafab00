"""`cong run` with a configuration of the test's own, in a fresh folder, on free ports."""

import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path

import yaml

from . import tidy
from .ports import free_address
from .process import Process, program
from .raw_client import HOST, RawClient
from .wait import DEADLINE_S, eventually

# All tests with the record layer of TLS that is not the default: CONG_RECORD_LAYER=openssl.
RECORD_LAYER = os.environ.get("CONG_RECORD_LAYER")
# And with HTTP/2 connections that sleep after so long: CONG_HTTP2_SLEEP=20ms.
HTTP2_SLEEP = os.environ.get("CONG_HTTP2_SLEEP")

DEFAULTS = {
    "workers": 1,
    "runtime_dir": "run",
    "access_log": {"file": "access.log", "flush": "10ms"},
    "timeouts": {"shutdown": "5s"},
}

# Before a gateway whose memory is looked at: the sanitizer's allocator, where there is one, keeps
# what was freed unless it is told not to.
FORGETFUL = ["env", f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')}:quarantine_size_mb=0:"
             "thread_local_quarantine_size_kb=0:allocator_release_to_os_interval_ms=0"]


class Gateway(Process):
    """`Gateway(node)` listens plain on one port and sends all requests to `node`. Other settings
    are given as in the file, by keyword; what is not given is as in DEFAULTS. `upstream` and
    `route` are more settings of the one upstream and the one route that are there by default.
    Listeners without an address get a free port; backends stand for their addresses. `prefix` is a
    command that starts the gateway in its turn (prlimit)."""

    PROGRAM = "cong"

    def __init__(self, *peers, upstream=None, route=None, prefix=(), **settings):
        self.folder = Path(tempfile.mkdtemp(prefix="cong-e2e-"))
        self.folder.chmod(0o755)
        self.config_file = self.folder / "cong.yaml"
        self.settings = DEFAULTS | {"admin": {"address": free_address()}} | settings
        if peers:
            portal = {"name": "portal", "peers": list(peers)}
            self.settings["upstreams"] = [portal | (upstream or {})]
        self.settings.setdefault("listeners", [{}])
        self.settings.setdefault("routes", [{"path": "/", "upstream": "portal"} | (route or {})])
        self._context = None
        self.write_config()
        super().__init__("gateway", [*prefix, program(self.PROGRAM), "run", "-c", "cong.yaml"],
                         cwd=self.folder)
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            self._remove_folder()
            raise

    def __exit__(self, kind, value, traceback):
        tidy.close_sockets()
        try:
            super().__exit__(kind, value, traceback)
        finally:
            self._remove_folder()

    def _remove_folder(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- configuration ---

    def write_config(self):
        for index, listener in enumerate(self.settings["listeners"]):
            listener.setdefault("address", free_address())
            if "tls" in listener and RECORD_LAYER:
                listener["tls"] = {"record_layer": RECORD_LAYER} | listener["tls"]
        settings = _plain(self.settings)
        if HTTP2_SLEEP:
            settings["timeouts"] = {"http2_sleep": HTTP2_SLEEP} | settings.get("timeouts", {})
        self.config_file.write_text(yaml.safe_dump(settings, sort_keys=False))

    def change(self, **settings):
        """Puts changed settings to use, and returns what the command says."""
        self.settings = self.settings | settings
        self.write_config()
        return self.reload()

    def reload(self):
        result = self.command("reload")
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def command(self, *words):
        """`cong` for this gateway, which its file tells of unless the words do."""
        where = [] if "--runtime-dir" in words else ["-c", "cong.yaml"]
        return subprocess.run([program("cong"), *words, *where], cwd=self.folder, text=True,
                              capture_output=True, timeout=DEADLINE_S, check=False)

    # --- clients ---

    def address(self, listener=0):
        return self.settings["listeners"][listener]["address"]

    def connect(self, listener=0, context=None, server_name=HOST, **how):
        """A client; over TLS where the listener is, without asking who the gateway is unless a
        context says so."""
        if "tls" in self.settings["listeners"][listener]:
            context = context or self._careless_context()
        return RawClient(self.address(listener), context=context,
                         server_name=server_name if context else None, **how)

    def connect_to(self, worker, **how):
        """A client of this worker; the kernel deals connections out, so it may take a few."""
        while True:
            before = self.processes()[worker]["connections_open"]
            client = self.connect(**how)
            client.request("GET", "/")
            if self.processes()[worker]["connections_open"] > before:
                return client

    def request(self, method="GET", target="/", *args, listener=0, **how):
        """One request on a connection of its own."""
        client = self.connect(listener)
        answer = client.request(method, target, *args, **how)
        client.close()
        return answer

    def _careless_context(self):
        if not self._context:
            self._context = ssl.create_default_context()
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE
        return self._context

    # --- what it tells of itself ---

    def _wait_until_ready(self):
        if "file" in self.settings.get("log", {}):
            eventually(lambda: self.is_ready() or not self.is_running(), "the gateway is ready")
            return
        self.log.wait_for(r"worker \d+ is ready", count=self.settings["workers"])
        self.log.wait_for("keeper is ready")

    def is_ready(self):
        try:
            return self.admin("/ready").status == 200
        except OSError:
            return False

    def admin(self, target, method="GET"):
        client = RawClient(self.settings["admin"]["address"])
        answer = client.request(method, target)
        client.close()
        return answer

    def metrics(self):
        """{'cong_requests_total': 3.0, 'cong_route_responses_total{route="portal",…}': …}"""
        lines = self.admin("/metrics").text.splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
        return {name: float(value) for name, value in pairs}

    def settled_metrics(self):
        """Metrics when all clients of earlier tests have been seen off, and so been counted."""
        eventually(lambda: self.metrics()["cong_connections_open"] == 0, "nobody is connected")
        return self.metrics()

    def status(self):
        result = self.command("status", "--json", "--runtime-dir",
                              str(self.settings["runtime_dir"]))
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def processes(self):
        """{'keeper': …, 'worker 0': …} of those that run, as status tells of them."""
        return {p["name"]: p for p in self.status()["processes"] if p["pid"]}

    def worker_pids(self):
        return {name: p["pid"] for name, p in self.processes().items() if name != "keeper"}

    def memory_kib(self, worker="worker 0"):
        status = Path(f"/proc/{self.worker_pids()[worker]}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])

    def access_log(self):
        """Every line so far, which has to be JSON."""
        file = self.folder / "access.log"
        lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
        return [json.loads(line.decode()) for line in lines]

    def access_line(self, answer):
        """The line of the request that got this answer."""
        return self.access_line_of(answer.reference)

    def access_line_of(self, reference):
        def find():
            return [line for line in self.access_log() if line["ref"] == reference]
        found = eventually(find, f"a line in the access log for {reference}")
        assert len(found) == 1
        return found[0]

    def access_lines(self, count):
        """Waits for that many lines."""
        eventually(lambda: len(self.access_log()) >= count, f"{count} lines in the access log")
        return self.access_log()


def _plain(value):
    """Settings as YAML knows them: a backend is its address."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return {"address": value.address} if hasattr(value, "address") else value
