"""Waiting for events. Nothing sleeps and hopes: a wait ends with what it waits for, or fails."""

import threading
import time

DEADLINE_S = 30
_PAUSE_S = 0.01


def eventually(check, what):
    """The first true value of check(): for what cannot tell by itself that it has changed."""
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"in {DEADLINE_S} s not: {what}")
        pause.wait(_PAUSE_S)
