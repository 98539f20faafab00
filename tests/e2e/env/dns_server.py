"""A DNS server that knows what the test tells it, or is as unwell as the test wants."""

import socket
import struct
import threading
from collections import Counter

from . import tidy

A, AAAA = 1, 28
SERVFAIL = 2


class DNSServer:
    """`records` are {name: [IPv4 addresses]}; what is not there does not exist. `mood`: "well",
    "silent", "failing", "spoiled" (bytes that are no answer), or "spoofed" (an answer with a wrong
    id and a wrong address before each right one)."""

    def __init__(self, **records):
        self.records = {name.replace("_", "."): ips for name, ips in records.items()}
        self.mood = "well"
        self.asked = Counter()
        self.changed = threading.Condition()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._is_closed = False
        self.address = "127.0.0.1:%d" % self._socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()
        tidy.close_at_end(self)

    @property
    def resolver(self):
        """The gateway's setting."""
        return {"servers": [self.address], "interval": "200ms", "timeout": "200ms"}

    def close(self):
        """Whoever waits for a question gets an empty one."""
        self._is_closed = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())

    def wait_for_questions(self, name, count=4):
        """So many that come after this call: two look-ups, each for both kinds of address."""
        with self.changed:
            before = self.asked[name]
            assert self.changed.wait_for(lambda: self.asked[name] >= before + count, 30)

    def _run(self):
        while True:
            try:
                question, client = self._socket.recvfrom(512)
                if self._is_closed:
                    self._socket.close()
                    return
                for answer in self._answers(question):
                    self._socket.sendto(answer, client)
            except OSError:
                return

    def _answers(self, question):
        name, kind, end = _read_question(question)
        with self.changed:
            self.asked[name] += 1
            self.changed.notify_all()
        if self.mood == "silent":
            return []
        if self.mood == "failing":
            return [_answer(question, end, [], SERVFAIL)]
        if self.mood == "spoiled":
            return [question[:2] + b"\x81\x80" + b"\xff" * 40]
        ips = self.records.get(name)
        right = _answer(question, end, ips if ips and kind == A else [], 0 if ips else 3)
        if self.mood != "spoofed" or kind != A:
            return [right]
        wrong_id = bytes([question[0] ^ 1]) + question[1:]
        return [_answer(wrong_id, end, ["127.0.0.66"], 0), right]


def _read_question(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    kind, _ = struct.unpack_from("!HH", packet, at + 1)
    return ".".join(labels).lower(), kind, at + 5


def _answer(question, end, ips, code):
    head = struct.pack("!2sHHHHH", question[:2], 0x8180 | code, 1, len(ips), 0, 0)
    records = b"".join(struct.pack("!HHHIH4s", 0xC00C, A, 1, 1, 4, socket.inet_aton(ip))
                       for ip in ips)
    return head + question[12:end] + records
