"""Everything at once: what belongs to one client never shows up at another."""

import hashlib
import random
import threading

import pytest

from env import Gateway, Incomplete, chunked, request_bytes


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, workers=2, listeners=[{}, {"tls": certs.tls}],
                 timeouts={"request_head": "300ms", "request_body": "300ms"},
                 upstream={"keep_alive": {"connections": 3}}) as gateway:
        yield gateway


def post(client, chance):
    body = chance.randbytes(chance.choice([0, 1, 100, 5000, 70000, 300000]))
    if chance.random() < 0.5:
        client.send_request("POST", "/echo?body=1", body=body)
    else:
        cut = chance.randrange(len(body) + 1)
        client.send_request("POST", "/echo?body=1", {"Transfer-Encoding": "chunked"})
        client.send(chunked(*filter(None, (body[:cut], body[cut:]))))
    assert client.read_answer().body == body


def get(client, chance):
    size = chance.choice([0, 1, 1000, 16384, 65536, 500000])
    framing = chance.choice(["", "&chunked=1", "&close=end", "&trailer=1"])
    answer = client.request("GET", f"/download?bytes={size}{framing}")
    assert hashlib.sha256(answer.body).hexdigest() == answer.headers.get("X-SHA256")


def pipeline(client, chance):
    marks = [chance.randrange(10**9) for _ in range(chance.randrange(2, 12))]
    client.send(b"".join(request_bytes("GET", f"/echo?n={mark}") for mark in marks))
    for mark in marks:
        assert client.read_answer().json()["target"] == f"/echo?n={mark}"


def fail(client, chance):
    target = chance.choice(["/any?close=head", "/any?status=500", "/any?status=204", "/nothing"])
    assert client.request(chance.choice(["GET", "HEAD"]), target).status in (502, 500, 204, 200)


def leave(client, chance):
    """In the middle of something."""
    client.send_request("POST", "/echo", {"Content-Length": "100000"})
    client.send(chance.randbytes(chance.randrange(60000)))
    chance.choice([client.close, client.reset])()


def break_off(client, chance):
    target = f"/any?bytes=200000&close={chance.choice(['body', 'mid-chunk'])}"
    client.send_request("GET", target)
    with pytest.raises(Incomplete):
        client.read_answer()


ENDS = (leave, break_off)


def run(gateway, seed, failures):
    chance, client = random.Random(seed), None
    try:
        for _ in range(200):
            client = client or gateway.connect(chance.randrange(2))
            action = chance.choice([post, post, get, get, pipeline, fail, *ENDS])
            action(client, chance)
            if action in ENDS:
                client = None
    except Exception as failure:
        failures.append((seed, failure))


def test_clients_do_not_mix(gateway, node):
    failures = []
    threads = [threading.Thread(target=run, args=(gateway, seed, failures)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert node.stats()["bad_requests"] == 0


def mutated(chance):
    raw = bytearray(chance.choice(SEEDS))
    for _ in range(chance.choice([1, 1, 1, 2])):
        place = chance.randrange(len(raw))
        how = chance.randrange(4)
        if how == 0:
            raw[place] = chance.choice(b"\0\t\n\r :;,\"\\%0aZ\x7f\x80\xff")
        elif how == 1:
            del raw[place:place + chance.randrange(1, 5)]
        elif how == 2:
            raw[place:place] = chance.choice(PIECES)
        else:
            raw[place:place] = raw[chance.randrange(len(raw)):][:chance.randrange(1, 40)]
    return bytes(raw)


PIECES = [b"\r\n", b"\n", b" ", b"\t", b"\r", b"0", b":", b"\0", b",chunked"]

SEEDS = [
    request_bytes("GET", "/echo?a=b", {"X-A": "b", "Connection": "keep-alive, x-a"}),
    request_bytes("POST", "/echo", body=b"hello world"),
    request_bytes("POST", "/echo", {"Transfer-Encoding": "chunked"},
                  body=b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n"),
    request_bytes("GET", "http://portal.test/echo", {"Expect": "100-continue"}, body=b"x"),
    request_bytes("GET", "/ws", {"Connection": "Upgrade", "Upgrade": "websocket"}),
]


def test_whatever_is_sent_the_node_gets_only_good_requests(gateway, node):
    """And every answer is well-formed."""
    chance = random.Random(21)
    for _ in range(2000):
        client = gateway.connect()
        client.send(mutated(chance) + request_bytes("GET", "/last", {"Connection": "close"}))
        answers = []
        try:
            while not client.has_ended():
                answers.append(client.read_answer().status)
        except Incomplete:
            pass
        client.close()
        assert set(answers) <= {200, 400, 405, 408, 413, 417, 426}, answers
    assert node.stats()["bad_requests"] == 0
