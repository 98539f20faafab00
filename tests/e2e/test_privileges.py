"""Started as root, the gateway works as nobody: what it needs it was handed."""

import os
import pwd
import signal
import subprocess
from pathlib import Path

import pytest

from env import DEADLINE_S, Gateway, eventually, program

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, user="nobody", workers=2, listeners=[{"tls": certs.tls}],
                 log={"level": "info"}) as gateway:
        yield gateway


def ids_of(pid, which):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1:] for line in lines if line.startswith(which + ":"))


def test_workers_and_keeper_are_nobody(gateway):
    for process in gateway.processes().values():
        assert ids_of(process["pid"], "Uid") == [str(NOBODY.pw_uid)] * 4
        assert ids_of(process["pid"], "Gid") == [str(NOBODY.pw_gid)] * 4
        assert ids_of(process["pid"], "Groups") in ([], [str(NOBODY.pw_gid)])
        assert ids_of(process["pid"], "CapEff") == ["0" * 16]
        assert ids_of(process["pid"], "NoNewPrivs") == ["1"]
    assert ids_of(gateway.pid, "Uid")[0] == "0"


def test_requests_are_served(gateway):
    answer = gateway.request("GET", "/")
    assert answer.status == 200
    assert gateway.access_line(answer)


def test_reload_works(gateway, certs):
    certs.portal.key.chmod(0o600)
    renewed = certs.authority.issue("portal.test")
    renewed.key.chmod(0o600)
    gateway.change(listeners=[gateway.settings["listeners"][0] | {
        "tls": {"certificates": [renewed.settings]}}])
    client = gateway.connect(context=certs.client_context())
    assert client.tls.getpeercert(True) == renewed.der
    assert client.request("GET", "/").status == 200


def test_new_low_port_can_be_added_by_reload(gateway):
    before = gateway.settings["listeners"]
    port = next(port for port in range(700, 1000) if not is_taken(port))
    gateway.change(listeners=before + [{"address": f"127.0.0.1:{port}"}])
    assert gateway.request("GET", "/", listener=1).status == 200
    gateway.change(listeners=before)


def is_taken(port):
    hexadecimal = f":{port:04X} "
    return hexadecimal in Path("/proc/net/tcp").read_text()


def test_logs_are_opened_anew(gateway):
    file = gateway.folder / "access.log"
    gateway.access_line(gateway.request("GET", "/"))
    file.rename(gateway.folder / "old.log")
    assert gateway.command("reopen").returncode == 0
    answer = gateway.request("GET", "/after")
    assert [line["target"] for line in gateway.access_lines(1)] == ["/after"]
    assert gateway.access_line(answer)


def test_restarted_worker_is_nobody_too(gateway):
    gateway.allow("was killed by SIGKILL")
    pid = gateway.worker_pids()["worker 0"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: gateway.worker_pids().get("worker 0", pid) != pid
               and gateway.processes()["worker 0"]["state"] == "running", "it runs again")
    assert ids_of(gateway.worker_pids()["worker 0"], "Uid")[0] == str(NOBODY.pw_uid)
    assert gateway.request("GET", "/").status == 200


def test_children_cannot_read_the_keys(gateway, certs):
    """Their memory has what they need; the file is root's."""
    certs.portal.key.chmod(0o600)
    pid = gateway.worker_pids()["worker 1"]
    targets = [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()]
    assert not [target for target in targets if target.endswith((".key", ".crt", "cong.yaml"))]


def test_unknown_user_keeps_the_gateway_from_starting(gateway):
    text = gateway.config_file.read_text().replace("runtime_dir: run", "runtime_dir: other")
    other = gateway.folder / "other.yaml"
    other.write_text(text.replace("user: nobody", "user: no-such-user"))
    result = subprocess.run([program("cong"), "run", "-c", "other.yaml"], cwd=gateway.folder,
                            capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert result.returncode == 1
    assert "no-such-user" in result.stderr
