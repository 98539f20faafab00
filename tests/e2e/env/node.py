"""cong-bench node: the simulated processing node."""

import json

from .process import Process, program
from .raw_client import RawClient


class Node(Process):
    def __init__(self, name="node", *options, listen="127.0.0.1:0"):
        super().__init__(name, [program("cong-bench"), "node", "--name", name, "--listen", listen,
                                *options])
        self.address = self.log.wait_for(r"listening on (\S+)")[1]

    def stats(self):
        return self._ask("GET", "/stats")

    def reset_stats(self):
        self._ask("POST", "/stats/reset")

    def order(self, query):
        """An outage, such as kind=hang&listener=1."""
        client = RawClient(self.address)
        answer = client.request("POST", f"/outages?{query}")
        client.close()
        assert answer.status == 200, answer.text

    def _ask(self, method, target):
        client = RawClient(self.address)
        answer = client.request(method, target)
        client.close()
        stats = json.loads(answer.body)
        stats["connections"]["open"] -= 1  # this one
        return stats
