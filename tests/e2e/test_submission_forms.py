"""Browsers: the key is a hidden field, which the gateway has made and signed."""

import uuid

import pytest

from env import Gateway, ScriptedBackend, chunked, eventually

BIG = b"x" * 3_000_000


@pytest.fixture
def backend():
    return ScriptedBackend()


def portal(backend, folder, submission=None, **settings):
    form = {"backend": "none", "key": "form"} | (submission or {})
    return Gateway(backend, route={"submission": form}, store={"journal": str(folder / "journal")},
                   spool={"dir": str(folder)} | settings.pop("spool", {}), **settings)


def form_key(gateway, backend):
    """What the backend is told when somebody asks for the form."""
    client = gateway.connect()
    client.send_request("GET", "/form", {"X-Cong-Form-Key": "made up"})
    key = backend.accept().serve().headers.get("X-Cong-Form-Key")
    client.read_answer()
    return key


def urlencoded(key):
    return ({"Content-Type": "application/x-www-form-urlencoded"},
            f"ho=Nguyen&cong_key={key}&ten=An".encode())


def multipart(key, file=b"scan", boundary=None):
    boundary = boundary or uuid.uuid4().hex
    parts = [('name="tep"; filename="cong_key"', file), ('name="cong_key"', key.encode())]
    body = b"".join(f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode()
                    + value + b"\r\n" for head, value in parts) + f"--{boundary}--\r\n".encode()
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body


@pytest.mark.parametrize("form", [urlencoded, multipart])
def test_form_that_is_sent_twice_is_filed_once(tmp_path, backend, form):
    """A browser chooses a new boundary each time."""
    with portal(backend, tmp_path) as gateway:
        key = form_key(gateway, backend)
        client = gateway.connect()
        headers, body = form(key)
        client.send_request("POST", "/file", headers | {"Idempotency-Key": "the client's"}, body)
        request = backend.accept().serve(body=b"filed")
        assert request.body == body
        assert request.headers.all("Idempotency-Key") == [f'"{key}"']
        assert client.read_answer().body == b"filed"
        again = client.request("POST", "/file", *form(key))
        assert (again.body, again.headers.get("Idempotency-Replayed")) == (b"filed", "true")


def test_long_upload_is_kept_in_a_file_and_sent_whole(tmp_path, backend):
    with portal(backend, tmp_path) as gateway:
        headers, body = multipart(form_key(gateway, backend), BIG)
        client = gateway.connect()
        client.send_request("POST", "/file", headers, body)
        assert backend.accept().serve(body=b"filed").body == body
        assert client.read_answer().body == b"filed"
        eventually(lambda: gateway.metrics()["cong_spool_bytes"] == 0, "its place is given back")
        assert [path.name for path in tmp_path.iterdir()] == ["journal"]


def test_upload_without_a_length_gets_one(tmp_path, backend):
    with portal(backend, tmp_path) as gateway:
        headers, body = urlencoded(form_key(gateway, backend))
        client = gateway.connect()
        client.send_request("POST", "/file", headers | {"Transfer-Encoding": "chunked"})
        client.send(chunked(body[:7], body[7:]))
        request = backend.accept().serve()
        assert request.body == body
        assert request.headers.get("Content-Length") == str(len(body))
        assert client.read_answer().status == 200


def test_slow_upload_holds_no_backend(tmp_path, backend):
    with portal(backend, tmp_path) as gateway:
        headers, body = multipart(form_key(gateway, backend), BIG)
        client = gateway.connect()
        client.send_request("POST", "/file", headers | {"Content-Length": str(len(body))})
        client.send(body[:-1])
        eventually(lambda: gateway.metrics()["cong_spool_bytes"] > len(BIG), "it has come")
        assert backend.accept_waiting() == []
        client.send(body[-1:])
        assert backend.accept().serve().body == body
        assert client.read_answer().status == 200


def test_quota_of_all_uploads_is_kept(tmp_path, backend):
    with portal(backend, tmp_path, spool={"quota": "1MiB"}) as gateway:
        headers, body = multipart(form_key(gateway, backend), BIG)
        headers["Accept"] = "application/json"
        answer = gateway.request("POST", "/file", headers, body)
        # Its key comes at the end: nobody has looked whether it was sent before.
        assert (answer.status, answer.json()["reason"]) == (503, "submission_unchecked")
        assert answer.json()["outcome"] == "unknown"
        eventually(lambda: gateway.metrics()["cong_spool_bytes"] == 0, "its place is given back")


def test_upload_beyond_the_limit_is_413(tmp_path, backend):
    with portal(backend, tmp_path, limits={"body": "1MiB"}) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/file", {"Transfer-Encoding": "chunked"})
        client.send(chunked(BIG))
        assert client.read_answer().status == 413


@pytest.mark.parametrize("key", ["", "made-up", "A" * 43])
def test_form_without_a_key_of_ours_is_refused(tmp_path, backend, key):
    with portal(backend, tmp_path) as gateway:
        assert gateway.request("POST", "/file", *urlencoded(key)).status == 400
        assert gateway.request("POST", "/file", *multipart(key)).status == 400
        assert backend.accept_waiting() == []


def test_used_form_with_other_content_is_422(tmp_path, backend):
    with portal(backend, tmp_path) as gateway:
        key, client = form_key(gateway, backend), gateway.connect()
        client.send_request("POST", "/file", *multipart(key, b"one"))
        backend.accept().serve()
        assert client.read_answer().status == 200
        assert client.request("POST", "/file", *multipart(key, b"two")).status == 422


def test_backend_that_takes_slowly_gets_it_all(tmp_path):
    backend = ScriptedBackend(narrow=True)
    with portal(backend, tmp_path) as gateway:
        headers, body = multipart(form_key(gateway, backend), BIG)
        client = gateway.connect()
        client.send_request("POST", "/file", headers, body)
        assert backend.accept().serve().body == body
        assert client.read_answer().status == 200


def test_long_answer_is_given_once_and_then_told_of(tmp_path, backend):
    with portal(backend, tmp_path) as gateway:
        key, client = form_key(gateway, backend), gateway.connect()
        client.send_request("POST", "/file", *urlencoded(key))
        backend.accept().serve(201, body=BIG)
        assert client.read_answer().body == BIG
        headers, body = urlencoded(key)
        again = client.request("POST", "/file", headers | {"Accept": "application/json"}, body)
        assert (again.status, again.json()["outcome"]) == (200, "answered")


def test_form_without_a_key_is_never_sent_twice(tmp_path):
    """Nobody could recognise it, whatever the backend does with keys."""
    peers = ScriptedBackend(), ScriptedBackend()
    form = {"backend": "dedup", "key": "form", "required": False}
    with Gateway(*peers, route={"submission": form},
                 store={"journal": str(tmp_path / "journal")}) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/file", {"Content-Type": "text/plain"}, b"no key")
        found = eventually(lambda: [(c, i) for i in (0, 1) for c in peers[i].accept_waiting()],
                           "a connection")
        connection, index = found[0]
        connection.read_request()
        connection.close()
        assert client.read_answer().status == 502
        assert peers[1 - index].accept_waiting() == []
