"""What citizens read when something went wrong: Vietnamese first, with a reference to quote."""

import pytest

from env import Gateway, ScriptedBackend, free_address, request_bytes


@pytest.fixture(scope="module")
def gateway(node):
    with Gateway(
            upstreams=[{"name": "portal", "peers": [node], "timeouts": {"response": "100ms"},
                        "isolation": {"breaker": False}},
                       {"name": "down", "peers": [{"address": free_address()}],
                        "isolation": {"breaker": False}}],
            routes=[{"path": "/", "upstream": "portal", "body_limit": "10B"},
                    {"path": "/down", "upstream": "down"},
                    {"path": "/get", "upstream": "portal", "methods": ["GET"]}],
            limits={"target": "1KiB", "head": "4KiB"}) as gateway:
        yield gateway


CASES = {
    "bad request": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "Yêu cầu không hợp lệ"),
    "method": (request_bytes("PUT", "/get"), 405, "Thao tác không được hỗ trợ"),
    "too large": (request_bytes("POST", "/", body=b"a" * 11), 413, "Tệp gửi lên quá lớn"),
    "long target": (request_bytes("GET", "/" + "a" * 2000), 414, "Địa chỉ quá dài"),
    "large head": (request_bytes("GET", "/", {"A": "a" * 5000}), 431, "Thông tin trình duyệt"),
    "expectation": (request_bytes("POST", "/", {"Expect": "x"}, body=b"a"), 417, "Điều kiện"),
    "no connection": (request_bytes("GET", "/down"), 502, "Chưa kết nối được"),
    "backend closes": (request_bytes("GET", "/?close=head"), 502, "ngắt kết nối"),
    "backend hangs": (request_bytes("GET", "/?hang=1"), 504, "trả lời quá chậm"),
}


def answer_to(gateway, request):
    return gateway.connect().send(request).read_answer()


@pytest.mark.parametrize("case", CASES)
def test_page_is_vietnamese_and_carries_the_reference(gateway, case):
    request, status, title = CASES[case]
    answer = answer_to(gateway, request)
    assert answer.status == status
    assert answer.headers.get("Content-Type") == "text/html; charset=utf-8"
    assert answer.headers.get("Cache-Control") == "no-store"
    assert "default-src 'none'" in answer.headers.get("Content-Security-Policy")
    assert "<html lang=vi>" in answer.text and title in answer.text
    assert f"<code>{answer.reference}</code>" in answer.text
    assert "<script" not in answer.text and "http://" not in answer.text
    line = gateway.access_line(answer)
    assert line["status"] == status


def with_accept(request, value):
    return request.replace(b"\r\n", b"\r\nAccept: " + value.encode() + b"\r\n", 1)


UNREAD = ("bad request", "long target", "large head")  # nobody got as far as its Accept


@pytest.mark.parametrize("case", [case for case in CASES if case not in UNREAD])
def test_programs_get_problem_json(gateway, case):
    request, status, _ = CASES[case]
    answer = answer_to(gateway, with_accept(request, "application/json"))
    assert answer.status == status
    assert answer.headers.get("Content-Type") == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["reference"] == answer.reference
    assert problem["title"] == answer.reason


@pytest.mark.parametrize("accept, is_json", [
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
    ("*/*", False), ("application/json", True), ("application/problem+json", True),
    ("application/json;q=0.5, text/html;q=0.9", False), ("text/html;q=0.1, application/json", True),
    ("application/json, */*", True), ("nonsense", False),
])
def test_accept_decides_the_form(gateway, accept, is_json):
    answer = answer_to(gateway, with_accept(request_bytes("GET", "/down"), accept))
    assert answer.headers.get("Content-Type").startswith(
        "application/problem+json" if is_json else "text/html")


def test_answer_to_head_has_the_length_of_the_page_and_no_body(gateway):
    client = gateway.connect()
    answer = client.request("HEAD", "/down")
    assert answer.status == 502
    assert int(answer.headers.get("Content-Length")) > 500
    assert client.request("GET", "/").status == 200


@pytest.mark.parametrize("method, outcome", [("GET", "nothing_filed"), ("POST", "unknown")])
def test_page_says_whether_something_may_have_been_filed(gateway, method, outcome):
    request = with_accept(request_bytes(method, "/dossiers?hang=1", body=b"a"), "application/json")
    answer = answer_to(gateway, request)
    assert (answer.status, answer.json()["outcome"]) == (504, outcome)


def test_post_that_reached_nobody_filed_nothing(gateway):
    request = with_accept(request_bytes("POST", "/down", body=b"a"), "application/json")
    assert answer_to(gateway, request).json()["outcome"] == "nothing_filed"


def test_reference_is_the_one_that_the_backend_saw():
    backend = ScriptedBackend()
    with Gateway(backend) as gateway:
        client = gateway.connect()
        client.send_request("POST", "/", body=b"a")
        connection = backend.accept()
        seen = connection.read_request().headers.get("X-Request-ID")
        connection.close()
        answer = client.read_answer()
        assert (answer.status, answer.reference) == (502, seen)
        assert f"<code>{seen}</code>" in answer.text


def test_input_is_not_reflected(gateway):
    answer = answer_to(gateway, request_bytes("GET", "/down/<script>alert(1)</script>"))
    assert "alert" not in answer.text


def test_page_is_not_sent_in_the_middle_of_an_answer(node):
    with Gateway(node) as gateway:
        client = gateway.connect()
        client.send_request("GET", "/any?bytes=100000&close=body")
        assert client.read_answer_head().status == 200
        assert b"<html" not in client.read_to_end()
