"""Everything that runs while we measure: the node, and each proxy in front of it, with the files in
this folder as configuration. One worker a proxy, on one core; node and load on another."""

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

import machine

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATIENCE_S = 20


class Failure(Exception):
    """Something that a person has to mend; the text says what."""


class Program:
    """A process of ours, pinned to a core, that the kernel ends with us."""

    def __init__(self, command, log, core, environment=None, **how):
        self.name = Path(command[0]).name
        self._log = Path(log)
        with self._log.open("ab") as output:
            how = {"stdout": output, "stderr": output, "stdin": subprocess.DEVNULL, **how}
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", "taskset", "--cpu-list", str(core),
                 *map(str, command)],
                env={**os.environ, **(environment or {})}, start_new_session=True, **how)

    @property
    def pid(self):
        return self.popen.pid

    def check(self):
        if self.popen.poll() is not None:
            last = self._log.read_text(errors="replace").strip().splitlines()[-3:]
            raise Failure(f"{self.name} has ended: {' / '.join(last) or 'it did not say why'}")

    def stop(self):
        """Ends it and what it started."""
        pids = machine.tree(self.pid)
        if self.popen.poll() is None:
            self.popen.terminate()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            for pid in pids:
                _kill(pid)
            self.popen.wait()


class Node:
    """cong-bench node: what is behind every proxy, and counts the requests."""

    def __init__(self, build, port, folder, core):
        self.address = f"127.0.0.1:{port}"
        self._port = port
        self.program = Program([build / "cong-bench", "node", "--listen", self.address],
                               folder / "node.log", core)
        wait_for_port(port, self.program)
        self._client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)

    def requests(self):
        self._client.request("GET", "/stats")
        return json.load(self._client.getresponse())["requests"]

    def stop(self):
        self._client.close()
        self.program.stop()


class Proxy:
    """One of KINDS, configured as in the folder `templates`. It may be started and stopped many
    times."""

    def __init__(self, name, port, folder, core, values, templates=HERE):
        self.name = name
        self.port = port
        self._kind = KINDS[name]
        self._core = core
        self._binary = values["BUILD"] / "cong" if name == "cong" else name
        self._folder = folder / name
        self._folder.mkdir(exist_ok=True)
        self._folder.chmod(0o755)
        self.file = self._folder / self._kind["template"]
        template = (templates / self._kind["template"]).read_text()
        self.configuration = fill(template, {**values, "PORT": port, "FOLDER": self._folder})
        self.file.write_text(self.configuration)
        self.offers_h2 = False
        self.program = None

    def start(self):
        command = [self._binary, *(word.format(file=self.file, folder=self._folder)
                                   for word in self._kind["arguments"])]
        self.program = Program(command, self._folder / "log", self._core,
                               {"OPENSSL_CONF": str(HERE / "openssl.cnf")}
                               if self.name == "haproxy" else None)
        wait_for_port(self.port, self.program)

    def stop(self):
        if self.program:
            self.program.stop()
        self.program = None

    def restart(self):
        self.stop()
        self.start()

    def pids(self):
        return machine.tree(self.program.pid)

    def version(self):
        words = [self._binary, self._kind["version"]]
        text = subprocess.run(words, capture_output=True, text=True, check=True)
        return re.search(r"\d+\.\d+[\w.+~-]*", text.stdout + text.stderr)[0]

    def greet(self):
        """One request. Returns what was agreed on in TLS, which has to be the same for all."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as plain, \
                context.wrap_socket(plain, server_hostname="localhost") as stream:
            self.offers_h2 = stream.selected_alpn_protocol() == "h2"
            agreed = f"{stream.version()} {stream.cipher()[0]}"
        client = http.client.HTTPSConnection("127.0.0.1", self.port, context=_plain_h1(context))
        client.request("GET", "/any")
        answer = client.getresponse()
        body = answer.read()
        client.close()
        if answer.status != 200 or len(body) != 1024:
            raise Failure(f"{self.name} answers {answer.status} with {len(body)} bytes")
        return agreed


# Arguments, with the configuration's file and the proxy's folder filled in.
KINDS = {
    "cong": {"template": "cong.yaml", "version": "version", "arguments": ["run", "-c", "{file}"]},
    "nginx": {"template": "nginx.conf", "version": "-v",
              "arguments": ["-p", "{folder}", "-e", "{folder}/error.log", "-c", "{file}"]},
    "haproxy": {"template": "haproxy.cfg", "version": "-v", "arguments": ["-db", "-f", "{file}"]},
}


class Stage:
    """The node and all proxies, started; a context manager that stops them."""

    def __init__(self, names, build, port, folder, cores):
        self.proxy_core, self.load_core = cores
        self.folder = folder
        self.build = build
        self.node = None
        self.proxies = {}
        values = {"NODE": f"127.0.0.1:{port}", "BUILD": build, **limits(), **certificates(folder)}
        require(build, port, len(names))
        try:
            self.node = Node(build, port, folder, self.load_core)
            for place, name in enumerate(names, 1):
                proxy = Proxy(name, port + place, folder, self.proxy_core, values)
                self.proxies[name] = proxy
                proxy.start()
            self._greet()
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for thing in [*self.proxies.values(), self.node]:
            if thing:
                thing.stop()

    def pids(self):
        """All that belongs to the measurement, but for the load."""
        found = [os.getpid(), self.node.program.pid]
        for proxy in self.proxies.values():
            found += proxy.pids() if proxy.program else []
        return found

    def _greet(self):
        agreed = {}
        for name, proxy in self.proxies.items():
            try:
                agreed[name] = proxy.greet()
            except (OSError, http.client.HTTPException) as error:
                raise Failure(f"{name} does not answer: {error}") from error
        if len(set(agreed.values())) > 1:
            raise Failure(f"the proxies do not agree on TLS: {agreed}")


def require(build, port, proxy_count):
    """Programs that are built and ports that are free."""
    for name in ("cong", "cong-bench", "peer-client"):
        if not os.access(build / name, os.X_OK):
            raise Failure(f"{build / name} is missing: make bench-peers builds it")
    for one in range(port, port + 1 + proxy_count):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", one))
            except OSError as error:
                raise Failure(f"port {one} cannot be had ({error.strerror}): see --port") from error


def fill(template, values):
    """Replaces @NAME@."""
    return re.sub(r"@([A-Z_]+)@", lambda match: str(values[match[1]]), template)


def limits():
    """Files that a process may open, and how many of them may be connections."""
    files = os.sysconf("SC_OPEN_MAX")
    return {"FILES": files, "CONNECTIONS": files - 1000}


def certificates(folder):
    where = folder / "certificates"
    subprocess.run([ROOT / "scripts/gen_certs", where], check=True)
    certificate, key, both = where / "portal.crt", where / "portal.key", where / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    both.chmod(0o600)
    return {"CERTIFICATE": certificate, "KEY": key, "CERTIFICATE_AND_KEY": both}


def wait_for_port(port, program):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        program.check()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Failure(f"{program.name} does not listen on port {port}")


def _plain_h1(context):
    context.set_alpn_protocols(["http/1.1"])
    return context


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
