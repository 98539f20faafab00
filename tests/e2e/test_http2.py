"""HTTP/2: what clients of several makes get, over ALPN, from a real node."""

import json
import subprocess

import pytest

from env import Gateway


@pytest.fixture(scope="module")
def gateway(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls}]) as gateway:
        yield gateway


def run(*words):
    result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def curl(gateway, target, *options):
    """(status, protocol version, body)"""
    out = run("curl", "--silent", "--show-error", "--insecure", "--http2", "--max-time", "30",
              "--write-out", "\n%{http_code} %{http_version}", *options,
              f"https://{gateway.address()}{target}")
    body, _, last = out.rpartition("\n")
    status, version = last.split()
    return int(status), version, body


def test_curl_gets_a_page(gateway):
    status, version, body = curl(gateway, "/")
    assert (status, version) == (200, "2")
    assert "</html>" in body
    line = gateway.access_lines(1)[0]
    assert (line["protocol"], line["status"]) == ("HTTP/2.0", 200)


def test_curl_sends_a_form(gateway):
    status, _, body = curl(gateway, "/echo", "--data", "ho=Nguyen")
    seen = json.loads(body)
    assert (status, seen["method"], seen["bytes"]) == (200, "POST", 9)
    assert ["Content-Length", "9"] in seen["headers"]
    assert seen["version"] == "1.1"


def test_curl_uploads_a_file(gateway, tmp_path):
    file = tmp_path / "scan.pdf"
    file.write_bytes(bytes(range(256)) * 20000)
    _, _, body = curl(gateway, "/echo", "--upload-file", str(file))
    assert json.loads(body)["bytes"] == 5120000


def test_head_has_no_body(gateway):
    status, _, _ = curl(gateway, "/", "--head")
    assert status == 200


def test_nghttp_gets_many_pages_on_one_connection(gateway):
    out = run("nghttp", "--no-verify-peer", "--null-out", "--stat", "--multiply=50",
              f"https://{gateway.address()}/")
    assert out.count(" 200 ") == 50


def test_h2load_is_served_without_an_error(gateway):
    out = run("h2load", "--requests=2000", "--clients=8", "--max-concurrent-streams=20",
              f"https://{gateway.address()}/")
    assert "2000 succeeded, 0 failed, 0 errored" in out
