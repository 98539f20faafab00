"""Whose a key is: two people never share what one of them has filed, and one person never files twice."""

import pytest

from env import Citizen, Gateway, ScriptedBackend

DOSSIER = b"ho so dang ky thuong tru"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Accept": "application/json"}


@pytest.fixture
def backend():
    return ScriptedBackend()


@pytest.fixture
def gateway(tmp_path, backend):
    route = {"upstream": "portal", "session": "optional"}
    routes = [route | {"path": "/dang-nhap"},
              route | {"path": "/chuong-trinh", "submission": {"backend": "none"}},
              route | {"path": "/bieu-mau", "submission": {"backend": "none", "key": "form"}}]
    with Gateway(backend, routes=routes, store={"journal": str(tmp_path / "journal")}) as gateway:
        gateway.allow("not known how it ended")
        yield gateway


class Person(Citizen):
    """With the backend at hand that answers."""

    def __init__(self, gateway, backend, uid=None):
        super().__init__(gateway)
        self._backend = backend
        if uid:
            self.finish(self.begin(backend), f"create; uid={uid}")

    def sign_out(self):
        self.finish(self.begin(self._backend), "revoke")
        assert self.cookie is None

    def send(self, target, headers, body):
        client = self.gateway.connect()
        client.send_request("POST", target, [*(headers | JSON).items(), *self._cookies()], body)
        return client

    def form_key(self):
        client = self.gateway.connect()
        client.send_request("GET", "/bieu-mau", self._cookies())
        request = self._backend.accept().serve(headers=[("Connection", "close")])
        key = request.headers.get("X-Cong-Form-Key")
        client.read_answer()
        return key

    def send_form(self, key):
        return self.send("/bieu-mau", FORM, f"ten=An&cong_key={key}".encode())

    def send_as_program(self, key, dossier=DOSSIER):
        return self.send("/chuong-trinh", {"Idempotency-Key": key}, dossier)


def is_filed(client, backend, receipt):
    """It reached the backend."""
    backend.accept().serve(201, body=receipt)
    answer = client.read_answer()
    assert "Idempotency-Replayed" not in answer.headers
    return (answer.status, answer.body) == (201, receipt)


def is_mismatch(client):
    answer = client.read_answer()
    return (answer.status, answer.json()["outcome"]) == (422, "unknown")


def test_two_users_of_one_key_file_one_dossier_each(gateway, backend):
    one, two = Person(gateway, backend, "1"), Person(gateway, backend, "2")
    assert is_filed(one.send_as_program("1"), backend, b"of one")
    assert is_filed(two.send_as_program("1"), backend, b"of two")
    assert one.send_as_program("1").read_answer().body == b"of one"
    assert two.send_as_program("1").read_answer().body == b"of two"


def test_strangers_need_keys_that_nobody_else_comes_upon(gateway, backend):
    stranger = Person(gateway, backend)
    refused = stranger.send_as_program("k" * 15).read_answer()
    assert (refused.status, refused.json()["reason"]) == (400, "submission_key")
    assert backend.accept_waiting() == []
    assert is_filed(stranger.send_as_program("k" * 16), backend, b"filed")


def test_strangers_of_one_key_and_other_content_are_told_apart(gateway, backend):
    one, two = Person(gateway, backend), Person(gateway, backend)
    assert is_filed(one.send_as_program("k" * 16), backend, b"of one")
    assert is_mismatch(two.send_as_program("k" * 16, b"another dossier"))
    assert backend.accept_waiting() == []


def test_stranger_that_comes_back_from_elsewhere_gets_its_answer(gateway, backend):
    """Another connection, another address, another token: nothing of it makes it somebody else."""
    stranger = Person(gateway, backend)
    assert is_filed(stranger.send_as_program("k" * 16), backend, b"filed")
    again = stranger.send("/chuong-trinh", {"Idempotency-Key": "k" * 16,
                                            "Authorization": "Bearer renewed"}, DOSSIER)
    assert again.read_answer().body == b"filed"


def test_form_is_filed_once_though_the_session_has_ended_meanwhile(gateway, backend):
    person = Person(gateway, backend, "1")
    key = person.form_key()
    client = person.send_form(key)
    connection = backend.accept()
    connection.read_request()
    connection.close()
    assert client.read_answer().status == 202
    person.sign_out()
    assert is_mismatch(person.send_form(key))
    assert backend.accept_waiting() == [], "it is not sent a second time"


def test_form_of_another_is_not_answered_for_it(gateway, backend):
    """As when people share a computer, and one goes back to what the other has filled in."""
    one, two = Person(gateway, backend, "1"), Person(gateway, backend, "2")
    key = one.form_key()
    assert is_filed(one.send_form(key), backend, b"of one")
    assert is_mismatch(two.send_form(key))
    assert one.send_form(key).read_answer().body == b"of one"
    assert backend.accept_waiting() == []


def test_form_of_a_stranger_is_filed_once(gateway, backend):
    stranger = Person(gateway, backend)
    key = stranger.form_key()
    assert is_filed(stranger.send_form(key), backend, b"filed")
    assert stranger.send_form(key).read_answer().body == b"filed"
