"""Free ports, from below the range out of which the kernel gives ports to outgoing connections."""

import random
import socket

_given = set()


def free_port():
    while True:
        port = random.randrange(10000, 32000)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def free_address():
    return f"127.0.0.1:{free_port()}"


def split_address(address):
    host, port = address.rsplit(":", 1)
    return host.strip("[]"), int(port)


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
