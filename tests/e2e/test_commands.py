"""The command line: check, status, version, and who may command."""

import os
import re
import socket
import stat
import subprocess

import pytest

from env import DEADLINE_S, ROOT, Gateway, program

SECOND = "  - { name: portal, peers: [ { address: 127.0.0.1:1 } ] }\n"
NO_FILES = "    tls: { certificates: [ { cert: no.crt, key: no.key } ] }\n"
GOOD = """\
listeners:
  - address: 127.0.0.1:8080
upstreams:
  - name: portal
    peers: [ { address: 127.0.0.1:9001 } ]
routes:
  - { path: /, upstream: portal }
"""


@pytest.fixture(scope="module")
def gateway(node):
    with Gateway(node, workers=2) as gateway:
        yield gateway


def run(*words, cwd=None):
    return subprocess.run([program("cong"), *words], cwd=cwd, capture_output=True, text=True,
                          timeout=DEADLINE_S, check=False)


def check(folder, text):
    (folder / "cong.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return run("check", "-c", "cong.yaml", cwd=folder)


# --- check ----------------------------------------------------------------------------------------

def test_good_file_is_ok(tmp_path):
    result = check(tmp_path, GOOD)
    assert (result.returncode, result.stdout) == (0, "cong.yaml: ok\n")


WRONG = {
    "unknown key": (GOOD + "colour: red\n", "8:1: colour: "),
    "unknown key within": (GOOD.replace("upstream: portal", "upstream: portal, color: red"),
                           "7:34: routes[0].color: "),
    "doubled key": (GOOD + "routes: []\n", "8:1: routes: "),
    "wrong unit": (GOOD + "timeouts: { send: 5 }\n", "8:19: timeouts.send: "),
    "unknown unit": (GOOD + "timeouts: { send: 5 minutes }\n", "8:19: timeouts.send: "),
    "size without unit": (GOOD + "limits: { body: 32M }\n", "8:17: limits.body: "),
    "fraction": (GOOD + "timeouts: { send: 1.5s }\n", "8:19: timeouts.send: "),
    "out of range": (GOOD + "workers: 65\n", "8:10: workers: "),
    "not a number": (GOOD + "workers: many\n", "8:10: workers: "),
    "negative": (GOOD + "capacity: { users: -1 }\n", "8:20: capacity.users: "),
    "unknown upstream": (GOOD.replace("upstream: portal", "upstream: nobody"),
                         "7:26: routes[0].upstream: "),
    "neither upstream nor redirect": (GOOD.replace(", upstream: portal", ""), "7:5: routes[0]"),
    "both upstream and redirect": (
        GOOD.replace("upstream: portal }", "upstream: portal, redirect: 'https://a.test' }"),
        "7:44: routes[0].redirect: "),
    "duplicate upstream": (GOOD.replace("routes:", SECOND + "routes:"),
                           "6:13: upstreams[1].name: "),
    "duplicate route": (GOOD + "  - { path: /, upstream: portal }\n", "8:5: routes[1]"),
    "duplicate listener": (GOOD.replace("upstreams:", "  - address: 127.0.0.1:8080\nupstreams:"),
                           "3:14: listeners[1].address: "),
    "duplicate peer": (GOOD.replace("9001 }", "9001 }, { address: 127.0.0.1:9001 }"),
                       "upstreams[0].peers[1].address: "),
    "name for an address": (GOOD.replace("127.0.0.1:8080", "localhost:8080"),
                            "2:14: listeners[0].address: "),
    "address without port": (GOOD.replace(":8080", ""), "2:14: listeners[0].address: "),
    "port out of range": (GOOD.replace(":8080", ":80800"), "2:14: listeners[0].address: "),
    "missing listeners": (GOOD[GOOD.index("upstreams:"):], "listeners"),
    "missing certificate": (GOOD.replace("upstreams:", NO_FILES + "upstreams:"),
                            "3:36: listeners[0].tls.certificates[0].cert: "),
    "bad method": (GOOD.replace("path: /,", "path: /, methods: [ get ],"),
                   "7:27: routes[0].methods[0]: "),
    "bad path": (GOOD.replace("path: /,", "path: a/../b,"), "7:13: routes[0].path: "),
    "bad host": (GOOD.replace("path: /,", "host: 'a b',"), "7:13: routes[0].host: "),
    "bad header": (GOOD + "response_headers: { add: { 'A B': c } }\n",
                   "8:28: response_headers.add"),
    "header injection": (GOOD + 'response_headers: { add: { A: "b\\r\\nC: d" } }\n',
                         "8:31: response_headers.add"),
    "bad network": (GOOD + "trusted_proxies: [ 10.0.0.1/8 ]\n", "8:20: trusted_proxies[0]: "),
    "not a mapping": ("- a\n- b\n", "1:1: "),
    "list for a value": (GOOD + "workers: [ 1 ]\n", "8:10: workers: "),
    "tab": (GOOD + "\tworkers: 1\n", "8:1"),
    "unfinished": (GOOD + "limits: { body: 1MiB\n", "cong.yaml:"),
    "alias to itself": ("a: &a [ *a ]\n", "cong.yaml:1:"),
    "empty": ("", "cong.yaml:"),
    "not utf-8": (b"listeners: \xff\xfe\n", "cong.yaml:"),
    "nul": (b"listeners: a\x00b\n", "cong.yaml:"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistake_is_reported_with_its_place(tmp_path, case):
    text, where = WRONG[case]
    result = check(tmp_path, text)
    assert result.returncode == 1
    assert where in result.stdout
    for line in result.stdout.splitlines():
        assert re.match(r"cong\.yaml:\d+:\d+: ", line), line


def test_all_mistakes_are_reported_at_once(tmp_path):
    more = "workers: many\ncolour: red\ntimeouts: { send: 5 }\n"
    result = check(tmp_path, GOOD.replace("portal }", "nobody }") + more)
    assert result.returncode == 1
    keys = {line.split(": ")[1] for line in result.stdout.splitlines()}
    assert keys == {"routes[0].upstream", "workers", "colour", "timeouts.send"}


def test_missing_file_is_reported(tmp_path):
    result = run("check", "-c", "nowhere.yaml", cwd=tmp_path)
    assert result.returncode == 1
    assert "nowhere.yaml" in result.stdout + result.stderr


def test_file_is_checked_without_starting_anything(tmp_path):
    check(tmp_path, GOOD + "runtime_dir: run\naccess_log: { file: access.log }\n")
    assert [path.name for path in tmp_path.iterdir()] == ["cong.yaml"]


def test_wrong_file_keeps_the_gateway_from_starting(tmp_path):
    (tmp_path / "cong.yaml").write_text(GOOD + "workers: many\n")
    result = run("run", "-c", "cong.yaml", cwd=tmp_path)
    assert result.returncode == 1
    assert "cong.yaml:8:10: workers: " in result.stdout + result.stderr


def test_address_that_is_taken_keeps_the_gateway_from_starting(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        text = GOOD.replace("127.0.0.1:8080", address) + "runtime_dir: run\n"
        (tmp_path / "cong.yaml").write_text(text)
        result = run("run", "-c", "cong.yaml", cwd=tmp_path)
    assert result.returncode == 1
    assert address in result.stderr


@pytest.mark.parametrize("name", ["cong.yaml", "minimal.yaml", "portal.yaml", "demo.yaml"])
def test_configurations_that_we_ship_are_good_but_for_their_certificates(tmp_path, certs, name):
    text = (ROOT / "config" / name).read_text()
    text = re.sub(r"cert: [\w./-]+", f"cert: {certs.portal.cert}", text)
    text = re.sub(r"key: [\w./-]+\.key", f"key: {certs.portal.key}", text)
    result = check(tmp_path, text)
    assert (result.returncode, result.stdout) == (0, "cong.yaml: ok\n")


# --- status ---------------------------------------------------------------------------------------

def test_status_tells_of_processes_listeners_and_peers(gateway, node):
    client = gateway.connect()
    client.request("GET", "/")
    status = gateway.status()
    assert status["state"] == "running"
    assert [p["name"] for p in status["processes"]] == ["keeper", "worker 0", "worker 1"]
    for process in status["processes"]:
        assert process["state"] == "running"
        assert os.path.exists(f"/proc/{process['pid']}")
    assert {"address": gateway.address(), "serves": "http"} in status["listeners"]
    peer = status["upstreams"][0]["peers"][0]
    assert peer["address"] == node.address and peer["requests"] >= 1
    assert sum(p["connections_open"] for p in status["processes"]) >= 1


def test_status_for_people_tells_the_same(gateway, node):
    result = gateway.command("status")
    assert result.returncode == 0
    for word in ("worker 0", "worker 1", "keeper", gateway.address(), node.address, "running"):
        assert word in result.stdout


def test_processes_can_be_told_apart_by_their_titles(gateway):
    for name, process in gateway.processes().items():
        title = open(f"/proc/{process['pid']}/cmdline", "rb").read().split(b"\0")[0].decode()
        assert title == f"cong: {name}"


# --- who may command ------------------------------------------------------------------------------

def control_socket(gateway):
    (found,) = [p for p in (gateway.folder / "run").iterdir() if stat.S_ISSOCK(p.stat().st_mode)]
    return found


def connect_to_control(gateway):
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.settimeout(DEADLINE_S)
    control.connect(str(control_socket(gateway)))
    return control


def test_control_socket_is_the_owners_alone(gateway):
    folder = gateway.folder / "run"
    assert stat.S_IMODE(control_socket(gateway).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) & 0o002 == 0


def test_unknown_words_to_the_control_socket_do_no_harm(gateway):
    for word in (b"shutdown", b"", b"x" * 10000, b"status\0", bytes(range(256))):
        with connect_to_control(gateway) as control:
            try:
                control.send(word)
                control.recv(1000)
            except OSError:
                pass
    assert gateway.status()["state"] == "running"


def test_client_of_the_control_socket_that_says_nothing_does_no_harm(gateway):
    silent = [connect_to_control(gateway) for _ in range(10)]
    assert gateway.request("GET", "/").status == 200
    for control in silent:
        control.close()
    assert gateway.status()["state"] == "running"


# --- usage ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("words", ["", "nonsense", "run", "check", "run -c", "check -c a b",
                                   "version --json", "--nonsense"])
def test_wrong_usage_is_2(words):
    result = run(*words.split())
    assert result.returncode == 2
    assert result.stderr


@pytest.mark.parametrize("words", ["help", "--help", "run --help", "check -h", "version"])
def test_help_is_0(words):
    result = run(*words.split())
    assert result.returncode == 0
    assert "cong" in result.stdout


def test_children_cannot_be_started_by_hand():
    result = run("_worker", "0")
    assert result.returncode != 0
