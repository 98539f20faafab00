"""Requests without a pause, while the test does something to the gateway."""

import threading

from .wait import DEADLINE_S
from .wire import Incomplete, ProtocolError


class Load:
    """`with Load(connect) as load`: as many threads as `clients`, each on a connection of its own
    made by connect(). A connection that fails is counted, and made again."""

    def __init__(self, connect, clients=4, target="/any?bytes=100",
                 headers=()):
        self.answers = 0
        self.failures = []
        self._connect = connect
        self._target = target
        self._headers = headers
        self._stopped = False
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.wait_for(len(self._threads))
        return self

    def __exit__(self, kind, value, traceback):
        self._stopped = True
        for thread in self._threads:
            thread.join(DEADLINE_S)

    def wait_for(self, more):
        """Until that many further requests have been answered."""
        with self._changed:
            wanted = self.answers + more
            in_time = self._changed.wait_for(lambda: self.answers >= wanted, DEADLINE_S)
            assert in_time, f"no answers any more; failures: {self.failures}"

    def _run(self):
        client = None
        while not self._stopped:
            try:
                client = client or self._connect()
                self._count(client.request("GET", self._target, self._headers))
            except (OSError, Incomplete, ProtocolError, AssertionError) as failure:
                self.failures.append(failure)
                client = None

    def _count(self, answer):
        assert answer.status == 200, answer
        with self._changed:
            self.answers += 1
            self._changed.notify_all()
