"""Redis for the tests: Debian's redis-server, as a single server (plain or TLS), three Sentinels with a
master and two replicas, or a Cluster of six nodes."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from .ports import free_port
from .process import Process
from .wait import DEADLINE_S, eventually

HOST = "127.0.0.1"


class _Shared:
    """What nodes can share. `settings` is the gateway's store.redis."""

    @property
    def store(self):
        """The gateway's store, the same for all nodes that share this."""
        secret = self._home / "store.secret"
        if not secret.exists():
            secret.write_bytes(os.urandom(32))
        return {"secret": str(secret), "redis": self.settings}


class _Replicated:
    """What is written to masters from cut_off_replicas() on has not reached any replica."""

    def cut_off_replicas(self):
        """They are stopped, and then let go of: nothing more lies in their sockets."""
        roles = {server: server.info("replication")["role"] for server in self.servers}
        self._stopped = [server for server, role in roles.items() if role == "slave"]
        for replica in self._stopped:
            replica.stop_answering()
        for master in [server for server, role in roles.items() if role == "master"]:
            master.cli("CLIENT", "KILL", "TYPE", "replica")
            eventually(lambda m=master: m.info("replication")["connected_slaves"] == "0",
                       "nobody follows")

    def let_replicas_go_on(self):
        for replica in self._stopped:
            replica.cont()


class RedisServer:
    """One redis-server in a folder of its own. It can be killed and started again on the same port;
    what it has stored is lost then, unless `options` say otherwise ("--appendonly", "yes")."""

    scheme = ()  # what redis-cli needs to talk to it

    def __init__(self, *options, name="redis", password=None):
        self.name = name
        self.password = password
        self.folder = Path(tempfile.mkdtemp(prefix="cong-redis-"))
        self.port = free_port()
        self._options = [*map(str, options)]
        if password:
            self._options += ["--requirepass", password, "--masterauth", password]
        self.process = None
        self.start()

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.close()

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the process ---

    def listening(self):
        return ["--port", str(self.port)]

    def start(self):
        """After kill(), too."""
        self.process = Process(self.name, [
            "redis-server", *self._first(), *self.listening(), "--bind", HOST, "--dir",
            str(self.folder), *self._rest(), *self._options], cwd=self.folder)
        eventually(self.answers, f"{self.name} answers")

    def kill(self):
        self.process.kill()

    def stop_answering(self):
        """SIGSTOP: it is there, and says nothing, until cont()."""
        self.process.signal(signal.SIGSTOP)

    def cont(self):
        self.process.signal(signal.SIGCONT)

    def _first(self):
        return []

    def _rest(self):
        return ["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"]

    # --- asking it ---

    def cli(self, *words, check=True):
        """What redis-cli prints for this command."""
        who = ["--no-auth-warning", "-a", self.password] if self.password else []
        done = subprocess.run(
            ["redis-cli", "-h", HOST, "-p", str(self.port), *self.scheme, *who, *map(str, words)],
            text=True, capture_output=True, timeout=DEADLINE_S, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout.rstrip("\n")

    def answers(self):
        return self.cli("PING", check=False) == "PONG"

    def flush(self):
        self.cli("FLUSHALL")

    def info(self, section="default"):
        """{'role': 'master', …}"""
        lines = [line.partition(":") for line in self.cli("INFO", section).splitlines()]
        return {name: value for name, colon, value in lines if colon}

    def commandstats(self):
        """{'get': 3, …}: how often each command has been called since reset_stats()."""
        stats = self.info("commandstats")
        return {name.removeprefix("cmdstat_"): int(re.match(r"calls=(\d+)", value)[1])
                for name, value in stats.items()}

    def reset_stats(self):
        self.cli("CONFIG", "RESETSTAT")

    def keys(self, pattern="*"):
        return set(self.cli("--scan", "--pattern", pattern).split())


class Redis(_Shared, RedisServer):
    """A single server."""

    @property
    def _home(self):
        return self.folder

    @property
    def settings(self):
        settings = {"kind": "single", "servers": [self.address]}
        if self.password:
            file = self.folder / "password"
            file.write_text(self.password + "\n")
            settings["password"] = str(file)
        return settings


class RedisTLS(Redis):
    """A single server that speaks TLS only, and shows `certificate`."""

    def __init__(self, authority, certificate, *options, **how):
        self._authority = authority.certificate.cert
        self._certificate = certificate
        self.scheme = ("--tls", "--cacert", str(self._authority))
        super().__init__(*options, **how)

    def listening(self):
        return ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no",
                "--tls-ca-cert-file", str(self._authority), "--tls-cert-file",
                str(self._certificate.cert), "--tls-key-file", str(self._certificate.key)]

    @property
    def settings(self):
        return super().settings | {"tls": {"ca": str(self._authority)}}


class Sentinel(RedisServer):
    def __init__(self, master, name, down_after_ms, quorum):
        self._lines = [
            f"sentinel monitor {SentinelTrio.MASTER} {HOST} {master.port} {quorum}",
            f"sentinel down-after-milliseconds {SentinelTrio.MASTER} {down_after_ms}",
            f"sentinel failover-timeout {SentinelTrio.MASTER} 3000",
        ]
        super().__init__(name=name)

    def _first(self):
        """It writes down what it learns in its configuration."""
        file = self.folder / "sentinel.conf"
        if not file.exists():
            file.write_text("\n".join(self._lines) + "\n")
        return [str(file)]

    def _rest(self):
        return ["--sentinel"]

    def master_port(self):
        answer = self.cli("SENTINEL", "get-master-addr-by-name", SentinelTrio.MASTER).split()
        return int(answer[1]) if len(answer) == 2 else None

    def knows(self):
        """How many replicas and other Sentinels."""
        words = self.cli("SENTINEL", "master", SentinelTrio.MASTER).splitlines()
        fields = dict(zip(words[::2], words[1::2]))
        return int(fields["num-slaves"]), int(fields["num-other-sentinels"])


class SentinelTrio(_Shared, _Replicated):
    """A master, two replicas, and three Sentinels that watch them."""

    MASTER = "cong"

    def __init__(self, down_after_ms=500):
        self.servers, self.sentinels = [], []
        try:
            self.servers.append(RedisServer(name="redis 0"))
            for index in (1, 2):
                self.servers.append(RedisServer("--replicaof", HOST, self.servers[0].port,
                                                name=f"redis {index}"))
            for server in self.servers[1:]:
                eventually(lambda s=server: s.info("replication")["master_link_status"] == "up",
                           "the replica follows")
            for index in range(3):
                self.sentinels.append(Sentinel(self.servers[0], f"sentinel {index}", down_after_ms,
                                               quorum=2))
            for sentinel in self.sentinels:
                eventually(lambda s=sentinel: s.knows() == (2, 2), "the Sentinels know each other")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.close()

    def close(self):
        for server in self.sentinels + self.servers:
            server.close()

    @property
    def master(self):
        """The one that all Sentinels name."""
        def agreed():
            ports = {sentinel.master_port() for sentinel in self.sentinels}
            return ports if len(ports) == 1 and None not in ports else None
        port = eventually(agreed, "the Sentinels agree").pop()
        return next(server for server in self.servers if server.port == port)

    def wait_until_replicas_have(self, pattern, field):
        """Every replica has a hash of such a name, and each has this field."""
        def have(server):
            names = server.keys(pattern)
            return names and all(server.cli("HGET", name, field[0]) == field[1] for name in names)
        eventually(lambda: all(have(s) for s in self.servers
                               if s.info("replication")["role"] == "slave"),
                   f"the replicas have {pattern}")

    def wait_for_failover(self, former):
        """The new master, once it takes writes."""
        def changed():
            master = self.master
            return master if master is not former and master.info("replication")["role"] == "master" \
                else None
        return eventually(changed, "another master has taken over")

    @property
    def _home(self):
        return self.servers[0].folder

    @property
    def settings(self):
        return {"kind": "sentinel", "servers": [s.address for s in self.sentinels],
                "master": self.MASTER}


class RedisCluster(_Shared, _Replicated):
    """Three masters with a replica each."""

    def __init__(self, node_timeout_ms=1000):
        self.servers = []
        try:
            for index in range(6):
                self.servers.append(RedisServer(
                    "--cluster-enabled", "yes", "--cluster-node-timeout", node_timeout_ms,
                    "--cluster-port", free_port(), "--cluster-replica-validity-factor", "0",
                    name=f"redis {index}"))
            addresses = [server.address for server in self.servers]
            subprocess.run(["redis-cli", "--cluster", "create", *addresses, "--cluster-replicas",
                            "1", "--cluster-yes"], check=True, capture_output=True,
                           timeout=DEADLINE_S)
            eventually(self.is_whole, "the Cluster is whole")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.close()

    def close(self):
        for server in self.servers:
            server.close()

    def is_whole(self):
        """All who live say so, and each master has a replica that follows."""
        living = self._living()
        states = [server.info("replication") for server in living]
        return (all("cluster_state:ok" in server.cli("CLUSTER", "INFO") for server in living)
                and all(state["role"] == "master" or state["master_link_status"] == "up"
                        for state in states))

    def master_of(self, key):
        """The server that serves this key now."""
        slot = int(self._living()[0].cli("CLUSTER", "KEYSLOT", key))

        def find():
            return next((server for server in self._living() if _serves(server, slot)), None)

        return eventually(find, f"a master of slot {slot}")

    def masters(self):
        return [server for server in self._living()
                if server.info("replication")["role"] == "master"]

    def _living(self):
        return [server for server in self.servers if server.process.is_running()]

    @property
    def _home(self):
        return self.servers[0].folder

    @property
    def settings(self):
        return {"kind": "cluster", "servers": [server.address for server in self.servers[:3]]}


def _serves(server, slot):
    if server.info("replication")["role"] != "master":
        return False
    mine = next(line for line in server.cli("CLUSTER", "NODES").splitlines() if "myself" in line)
    for words in mine.split()[8:]:
        first, _, last = words.partition("-")
        if first.isdigit() and int(first) <= slot <= int(last or first):
            return True
    return False
