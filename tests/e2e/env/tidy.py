"""What a test opened and did not close itself: sockets that end with it, and the logs of the
processes that took part, to be shown when it fails."""

_sockets = []
_processes = []


def close_at_end(thing):
    """The test's end closes `thing`."""
    _sockets.append(thing)
    return thing


def take_part(process):
    _processes.append(process)


def begin_test():
    _processes[:] = [process for process in _processes if process.is_running()]
    for process in _processes:
        process.log.begin_test()


def close_sockets():
    while _sockets:
        _sockets.pop().close()


def end_test():
    close_sockets()
    for process in _processes:
        if process.is_running():
            process.check_health()


def logs():
    """(name, lines since the test began) of every process that took part."""
    return [(process.name, process.log.text_of_test()) for process in _processes]
