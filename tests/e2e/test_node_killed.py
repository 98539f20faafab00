"""kill -9 of one of four nodes while pages, downloads and dossiers are under way."""

import collections
import contextlib
import json
import threading

import pytest

from env import Gateway, Incomplete, Load, Node

NODES, DOWNLOADS, FILERS = 4, 8, 4
DOWNLOAD_BYTES = 60000


class Filers:
    """People who file one dossier after another, each with a key of its own and once only."""

    def __init__(self, connect):
        self.statuses = {}
        self._connect = connect
        self._stopped = False
        self._threads = [threading.Thread(target=self._file, args=(number,), daemon=True)
                         for number in range(FILERS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, value, traceback):
        self._stopped = True
        for thread in self._threads:
            thread.join()

    def _file(self, number):
        client, dossier = self._connect(), 0
        while not self._stopped:
            key = f"{number}-{dossier}"
            answer = client.request("POST", "/dossiers?delay=20ms", {"Idempotency-Key": key}, b"{}")
            self.statuses[key] = answer.status
            dossier += 1


@pytest.fixture
def journals(tmp_path):
    return [tmp_path / f"{number}.journal" for number in range(NODES)]


@pytest.fixture
def nodes(journals):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Node(f"node-{number}", "--journal", str(journal),
                                        "--arrivals", "yes"))
               for number, journal in enumerate(journals)]


@pytest.fixture
def gateway(nodes):
    with Gateway(*nodes, workers=2) as gateway:
        yield gateway


def lines(journals, member):
    """How often each key has a line of this kind."""
    found = [json.loads(line) for journal in journals for line in journal.read_text().splitlines()]
    return collections.Counter(line[member] for line in found if member in line)


def test_pages_whose_answer_had_not_begun_do_not_fail(gateway, nodes):
    with Load(gateway.connect, clients=12, target="/any?bytes=20000&delay=20ms") as load:
        nodes[1].kill()
        load.wait_for(300)
    assert load.failures == []


@pytest.mark.parametrize("how", ["", "&chunked=1"], ids=["with a length", "in chunks"])
def test_a_download_that_had_begun_is_cut_and_never_looks_complete(gateway, nodes, how):
    clients = [gateway.connect() for _ in range(DOWNLOADS)]
    for client in clients:
        client.send_request("GET", f"/any?bytes={DOWNLOAD_BYTES}&rate=64KiB{how}")
    heads = [client.read_answer_head() for client in clients]
    victim = nodes[1]
    victim.kill()
    of_victim = 0
    for client, head in zip(clients, heads):
        if head.headers.get("X-Node") == victim.name:
            of_victim += 1
            with pytest.raises(Incomplete):
                client.read_body(head.headers, None)
        else:
            body, _ = client.read_body(head.headers, None)
            assert len(body) == DOWNLOAD_BYTES
    assert of_victim > 0


def test_no_dossier_is_sent_twice(gateway, nodes, journals):
    with Load(gateway.connect) as load, Filers(gateway.connect) as filers:
        load.wait_for(100)
        nodes[1].kill()
        load.wait_for(200)
    arrived, stored = lines(journals, "arrived"), lines(journals, "idempotency_key")
    assert len(filers.statuses) > FILERS
    assert set(filers.statuses.values()) <= {201, 502}
    assert max(arrived.values()) == 1
    assert max(stored.values()) == 1
    assert {key for key, status in filers.statuses.items() if status == 201} <= set(stored)
