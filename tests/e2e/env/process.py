"""A program under test and what it prints."""

import os
import re
import signal
import subprocess
import threading
from pathlib import Path

from . import tidy
from .wait import DEADLINE_S, eventually

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / os.environ.get("CONG_BUILD", "build/release")

# What no program of ours may ever print.
TROUBLE = re.compile(r"was killed by|exited with status (?!0\b)|AddressSanitizer|LeakSanitizer"
                     r"|runtime error:|Assertion|REJECTED|speaks nonsense|killing it")


def program(name):
    path = BUILD / name
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path} is not built (make all; CONG_BUILD says which flavour)")
    return str(path)


class Log:
    """The lines that a process prints, read by a thread so that nobody has to ask for them."""

    def __init__(self, pipe):
        self.lines = []
        self.is_over = False
        self._test_began = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def mark(self):
        """A place for `since`: only what is printed from now on."""
        with self._changed:
            return len(self.lines)

    def wait_for(self, pattern, since=0, count=1):
        """The match of `pattern` in the `count`-th line that has one."""
        found = []

        def look():
            found[:] = [m for m in map(re.compile(pattern).search, self.lines[since:]) if m]
            return len(found) >= count or self.is_over

        with self._changed:
            in_time = self._changed.wait_for(look, DEADLINE_S)
            if len(found) >= count:
                return found[count - 1]
            why = "the process has ended" if in_time else f"not within {DEADLINE_S} s"
            raise TimeoutError(f"no line {pattern!r} in the log: {why}")

    def matches(self, pattern, since=0):
        with self._changed:
            return [line for line in self.lines[since:] if re.search(pattern, line)]

    def wait_until_over(self):
        self._thread.join(DEADLINE_S)

    def begin_test(self):
        self._test_began = self.mark()

    def text_of_test(self):
        with self._changed:
            return "\n".join(self.lines[self._test_began:])

    def _read(self, pipe):
        for raw in pipe:
            line = raw.decode("utf-8", "backslashreplace").rstrip("\n")
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self.is_over = True
            self._changed.notify_all()


class Process:
    """Started when it is made; a context manager that stops it and checks that it left well."""

    def __init__(self, name, command, cwd=None):
        self.name = name
        self.allowed_trouble = []
        # Killed by the kernel should the tests be killed; a session of its own shows what it left.
        self._popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *command], cwd=cwd, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.pid = self._popen.pid
        self.log = Log(self._popen.stdout)
        tidy.take_part(self)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind is not None:
            self.kill()
            return
        try:
            if self.is_running():
                self.stop()
        finally:
            self.kill()

    def is_running(self):
        return self._popen.poll() is None

    def type(self, text):
        """Gives it this on its standard input."""
        self._popen.stdin.write(text.encode())
        self._popen.stdin.flush()

    def signal(self, number):
        self._popen.send_signal(number)

    def wait(self):
        """The exit status; negative for the signal that killed it."""
        status = self._popen.wait(DEADLINE_S)
        self.log.wait_until_over()
        return status

    def stop(self):
        self.signal(signal.SIGTERM)
        status = self.wait()
        self.check_health()
        assert status == 0, f"{self.name} left with status {status}"
        eventually(lambda: not self.left_behind(), f"all processes of {self.name} are gone")

    def kill(self):
        """Ends it and its children, however they are."""
        for pid in [self.pid, *self.left_behind()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._popen.wait()

    def left_behind(self):
        """Processes of its session other than itself."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            pid, state, session = int(stat.parent.name), fields[0], int(fields[3])
            if session == self.pid and pid != self.pid and state != "Z":
                found.append(pid)
        return found

    def allow(self, *patterns):
        """Lines that are part of the test: it kills a worker, say."""
        self.allowed_trouble += [re.compile(pattern) for pattern in patterns]

    def check_health(self):
        bad = [line for line in self.log.matches(TROUBLE)
               if not any(allowed.search(line) for allowed in self.allowed_trouble)]
        assert not bad, f"{self.name} is in trouble: " + "\n".join(bad)
