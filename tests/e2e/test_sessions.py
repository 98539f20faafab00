"""Sessions of one node, in its own memory: how they begin, what backends learn of them, how they
end."""

import base64
import hashlib
import hmac
import json
import os
import signal

import pytest

from env import (COOKIE, IDENTITY_KEY, SESSION_ROUTES, Citizen, Gateway, Node, ScriptedBackend,
                 eventually, ordered)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("keys") / "portal.key"
    file.write_text(IDENTITY_KEY + "\n")
    return file


@pytest.fixture(scope="module")
def gateway(node, key_file):
    with Gateway(node, workers=2, routes=SESSION_ROUTES,
                 upstream={"identity_key": key_file}) as gateway:
        yield gateway


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(answer):
    """What the backend was told, after checking the signature as a backend would."""
    token = answer.echoed.get("X-Cong-Identity")
    signed, _, mac = token.rpartition(".")
    good = hmac.new(IDENTITY_KEY.encode(), signed.encode(), hashlib.sha256).digest()
    assert unbase64(mac) == good
    head, body = signed.split(".")
    assert json.loads(unbase64(head)) == {"alg": "HS256", "typ": "JWT"}
    return json.loads(unbase64(body))


# --- in and out -----------------------------------------------------------------------------------

def test_signing_in_sets_a_cookie_that_no_script_or_other_host_can_read(gateway):
    answer = Citizen(gateway).sign_in("079085001234")
    fields = answer.headers.all("Set-Cookie")
    assert len(fields) == 1
    assert fields[0].startswith(COOKIE + "=")
    assert fields[0].endswith("; Path=/; Secure; HttpOnly; SameSite=Lax")


def test_the_order_never_reaches_the_client(gateway):
    answer = Citizen(gateway).sign_in("079085001234")
    assert "X-Cong-Session" not in answer.headers


def test_who_is_signed_in_is_let_in_by_every_worker(gateway):
    citizen = Citizen(gateway, "079085001234")
    assert {citizen.status() for _ in range(20)} == {200}


def test_who_is_not_signed_in_is_told_so(gateway):
    answer = gateway.request("GET", "/ho-so")
    assert answer.status == 401
    assert answer.headers.get("WWW-Authenticate")
    assert "Quý vị cần đăng nhập" in answer.text and "You need to sign in" in answer.text
    program = gateway.request("GET", "/ho-so", [("Accept", "application/json")])
    assert program.json()["reason"] == "session_required"


def test_an_optional_session_lets_strangers_through(gateway):
    answer = gateway.request("GET", "/dang-nhap")
    assert answer.status == 200
    assert "X-Cong-Identity" not in answer.echoed


def test_a_route_without_sessions_asks_nobody(gateway):
    answer = Citizen(gateway, "1").request(target="/tu-do")
    assert "X-Cong-Identity" not in answer.echoed


# --- what backends learn --------------------------------------------------------------------------

def test_the_backend_is_told_who_asks(gateway):
    citizen = Citizen(gateway, "079085001234", level=2, roles="citizen officer")
    told = claims(citizen.request(target="/ho-so"))
    assert told["sub"] == "079085001234"
    assert (told["iss"], told["aud"]) == ("cong", "portal")
    assert (told["level"], told["roles"]) == (2, "citizen officer")
    assert told["exp"] - told["iat"] == 60
    assert len(unbase64(told["sid"])) == 16


def test_the_backend_never_sees_the_cookie(gateway):
    citizen = Citizen(gateway, "1")
    for target in ["/ho-so", "/dang-nhap", "/tu-do"]:
        assert citizen.request(target=target).echoed.all("Cookie") == ["a=1; b=2"]


def test_nobody_can_pretend_to_be_the_gateway(gateway):
    forged = [("X-Cong-Identity", "me"), ("x-cong-session", "create; uid=1"), ("X-Cong-Any", "1"),
              ("X-Cong-Deadline", "never")]
    echoed = gateway.request("GET", "/dang-nhap", forged).echoed
    (deadline,) = [field for field in echoed if field[0].lower().startswith("x-cong-")]
    assert deadline[0] == "X-Cong-Deadline" and deadline[1].isdigit()
    told = Citizen(gateway, "7").request(target="/ho-so", headers=forged)
    assert len(told.echoed.all("X-Cong-Identity")) == 1
    assert claims(told)["sub"] == "7"


# --- cookies that are not ours --------------------------------------------------------------------

def test_a_cookie_that_the_client_made_up_is_nobody(gateway):
    citizen = Citizen(gateway, "1")
    day, name, mac = citizen.cookie.split(".")
    before = gateway.metrics()["cong_sessions_forged_total"]
    wrong = ["", "x", "1.2.3", f"{day}.{name}.{mac[::-1]}", f"{day}.{mac}.{name}",
             f"{int(day) - 1}.{name}.{mac}", citizen.cookie + "A", citizen.cookie[:-1]]
    for cookie in wrong:
        answer = gateway.request("GET", "/ho-so", [("Cookie", f"{COOKIE}={cookie}")])
        assert answer.status == 401, cookie
    assert gateway.metrics()["cong_sessions_forged_total"] == before + len(wrong)


def test_a_session_of_another_gateway_is_nobody_here(gateway, node):
    with Gateway(node, routes=SESSION_ROUTES) as other:
        citizen = Citizen(other, "1")
        assert citizen.status() == 200
        assert citizen.at(gateway).status() == 401


# --- changes --------------------------------------------------------------------------------------

def test_rotation_gives_a_new_id_to_the_same_session(gateway):
    citizen = Citizen(gateway, "1", level=1, roles="citizen")
    old = Citizen(gateway)
    old.cookie = citizen.cookie
    before = claims(citizen.request(target="/ho-so"))
    citizen.order("rotate; level=3")
    assert citizen.cookie != old.cookie
    after = claims(citizen.request(target="/ho-so"))
    assert (after["sub"], after["level"], after["roles"]) == ("1", 3, "citizen")
    assert after["sid"] != before["sid"]
    assert claims(old.request(target="/ho-so"))["sid"] == after["sid"], \
        "requests that were under way still find it"


def test_revoking_ends_the_session_and_takes_the_cookie(gateway):
    citizen = Citizen(gateway, "1")
    thief = citizen.at(gateway)
    answer = citizen.order("revoke")
    assert "Max-Age=0" in answer.headers.get("Set-Cookie")
    assert citizen.cookie is None
    assert thief.status() == 401


def test_who_is_out_already_can_leave_once_more(gateway):
    citizen = Citizen(gateway, "1")
    again = citizen.at(gateway)
    citizen.order("revoke")
    assert "Max-Age=0" in again.order("revoke").headers.get("Set-Cookie")
    assert "Set-Cookie" not in Citizen(gateway).order("revoke").headers, "a stranger has none"


def test_signing_in_anew_ends_the_session_that_there_was(gateway):
    citizen = Citizen(gateway, "1")
    before = citizen.at(gateway)
    citizen.sign_in("2")
    assert claims(citizen.request(target="/ho-so"))["sub"] == "2"
    assert before.status() == 401


def test_all_sessions_of_a_user_end_at_once(gateway):
    phone, computer, other = (Citizen(gateway, uid) for uid in ["u-77", "u-77", "u-7"])
    answer = phone.order("revoke-user; uid=u-77", target="/dang-nhap")
    assert answer.status == 200
    assert phone.cookie is None
    assert computer.status() == 401
    assert other.status() == 200


@pytest.fixture
def backend():
    return ScriptedBackend()


@pytest.fixture
def scripted(backend):
    with Gateway(backend, workers=2, routes=SESSION_ROUTES) as gateway:
        yield gateway


def scripted_citizen(gateway, backend, uid):
    citizen = Citizen(gateway)
    assert citizen.finish(citizen.begin(backend), f"create; uid={uid}").status == 200
    return citizen


@pytest.mark.parametrize("order", ["revoke", "revoke-user; uid=u-1"])
def test_a_session_that_has_ended_is_not_rotated_back(scripted, backend, order):
    citizen = scripted_citizen(scripted, backend, "u-1")
    elsewhere = citizen.at(scripted)
    late = citizen.begin(backend)
    assert elsewhere.finish(elsewhere.begin(backend), order).status == 200
    answer = citizen.finish(late, "rotate; level=3")
    assert answer.status == 200
    assert "Max-Age=0" in answer.headers.get("Set-Cookie") and citizen.cookie is None


def test_two_rotations_at_once_leave_one_session(scripted, backend):
    citizen = scripted_citizen(scripted, backend, "u-2")
    former = citizen.at(scripted)
    late, later = citizen.begin(backend), citizen.begin(backend)
    assert citizen.finish(citizen.begin(backend), "rotate").status == 200
    for begun, order, status in [(late, "rotate", 200), (later, "rotate; level=3", 503)]:
        answer = former.finish(begun, order)
        assert answer.status == status
        assert "Set-Cookie" not in answer.headers
    thief = citizen.at(scripted)
    citizen.finish(citizen.begin(backend), "revoke")
    assert former.status() == thief.status() == 401


def test_who_leaves_while_the_session_is_rotated_is_out(scripted, backend):
    citizen = scripted_citizen(scripted, backend, "u-3")
    former = citizen.at(scripted)
    late = citizen.begin(backend)
    citizen.finish(citizen.begin(backend), "rotate")
    former.finish(late, "revoke")
    assert citizen.status() == 401


def test_an_answer_that_waits_for_its_order_arrives_whole(gateway):
    citizen = Citizen(gateway, "u-1")
    for more in ["&bytes=3000000", "&bytes=3000000&chunked=1", "&bytes=10", "&bytes=10&chunked=1"]:
        answer = citizen.request(target=ordered("/download", "revoke-user; uid=nobody", more))
        assert answer.status == 200
        assert hashlib.sha256(answer.body).hexdigest() == answer.headers.get("X-SHA256")
    assert citizen.order("revoke-user; uid=nobody", target="/dang-nhap").status == 200


def test_a_backend_cannot_put_a_citizen_into_another_session(gateway):
    other = Citizen(gateway, "somebody-else")
    citizen = Citizen(gateway, "1")
    mine = citizen.cookie
    field = f"header=Set-Cookie:{COOKIE}%3D{other.cookie};Path%3D/&header=Set-Cookie:a%3D1"
    for target in ["/ho-so", "/dang-nhap", "/tu-do"]:
        answer = citizen.request(target=f"{target}?{field}")
        assert answer.headers.all("Set-Cookie") == ["a=1"]
    assert citizen.cookie == mine


@pytest.mark.parametrize("order", ["nonsense", "create", "create; uid=a b", "create; uid=a; x=1"])
def test_a_malformed_order_does_nothing_and_is_logged(gateway, order):
    citizen = Citizen(gateway)
    answer = citizen.order(order)
    assert answer.status == 200
    assert citizen.cookie is None and "X-Cong-Session" not in answer.headers
    gateway.log.wait_for(rf"{answer.reference}: X-Cong-Session of upstream portal is malformed")


def test_a_route_without_sessions_takes_no_orders(gateway):
    citizen = Citizen(gateway)
    answer = citizen.order("create; uid=1", target="/tu-do")
    assert citizen.cookie is None and "X-Cong-Session" not in answer.headers
    gateway.log.wait_for(f"{answer.reference}: X-Cong-Session .* came on a route without sessions")


# --- life of the node -----------------------------------------------------------------------------

def test_sessions_survive_workers_and_reloads(node):
    with Gateway(node, routes=SESSION_ROUTES) as gateway:
        gateway.allow("was killed by SIGKILL")
        citizen = Citizen(gateway, "1")
        os.kill(gateway.worker_pids()["worker 0"], signal.SIGKILL)
        gateway.log.wait_for(r"worker \d+ is ready", count=2)
        assert citizen.status() == 200
        gateway.reload()
        assert citizen.status() == 200


# --- affinity -------------------------------------------------------------------------------------

def test_a_session_stays_with_its_peer(node):
    routes = [route | {"affinity": "session"} for route in SESSION_ROUTES if "session" in route]
    with Node() as second, Node() as third, \
            Gateway(node, second, third, workers=2, routes=routes) as gateway:
        homes = set()
        for number in range(12):
            citizen = Citizen(gateway, f"u{number}")
            answers = [citizen.request(target="/ho-so") for _ in range(6)]
            nodes = {gateway.access_line(answer)["peer"] for answer in answers}
            assert len(nodes) == 1
            citizen.order("rotate; level=2")
            assert gateway.access_line(citizen.request(target="/ho-so"))["peer"] in nodes
            homes |= nodes
        assert len(homes) > 1, "sessions are spread"


def homes_of(gateway, citizens):
    answers = [citizen.request(target="/ho-so") for citizen in citizens]
    assert {answer.status for answer in answers} == {200}
    return [gateway.access_line(answer)["peer"] for answer in answers]


def test_sessions_stay_over_a_reload_and_move_only_from_a_dead_peer():
    routes = [route | {"affinity": "session"} for route in SESSION_ROUTES if "session" in route]
    terms = {"slow_start": "0s", "ejection": {"time": "50ms", "max_time": "100ms"}}
    with Node("one") as one, Node("two") as two, Node("three") as three, \
            Gateway(one, two, three, workers=2, routes=routes, upstream=terms) as gateway:
        citizens = [Citizen(gateway, f"u{number}") for number in range(12)]
        homes = homes_of(gateway, citizens)
        gateway.reload()
        assert homes_of(gateway, citizens) == homes
        dead = next(node for node in (one, two, three) if node.address == homes[0])
        dead.stop()
        eventually(lambda: homes_of(gateway, citizens) and gateway.log.matches(
            f"peer portal/{dead.address} gets trials alone"), "it is ejected")
        refuges = homes_of(gateway, citizens)
        assert dead.address not in refuges
        assert [now for now, home in zip(refuges, homes) if home != dead.address] == [
            home for home in homes if home != dead.address], "others stay where they were"
        assert homes_of(gateway, citizens) == refuges, "who had to move has one new place"
        gateway.reload()
        assert homes_of(gateway, citizens) == refuges
        with Node("again", listen=dead.address):
            eventually(lambda: homes_of(gateway, citizens) == homes, "all are back")
