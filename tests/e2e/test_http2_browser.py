"""HTTP/2 with browsers, who have made up their own minds about what the protocol allows."""

import hashlib

import pytest

from env import BROWSERS, Gateway, ScriptedBackend, told_by

UPLOAD_BYTES = 5_000_000

PAGE = b"""<!doctype html><meta charset="utf-8"><title>Test</title><script>
async function everything() {
    const body = new Uint8Array(%d).map((_, i) => i * 7 + (i >> 8));
    const gets = await Promise.all([...Array(60).keys()].map(async i => {
        const answer = await fetch("/download?bytes=20000&i=" + i);
        return (await answer.arrayBuffer()).byteLength;
    }));
    const upload = await (await fetch("/upload", { method: "PUT", body })).json();
    const sum = await crypto.subtle.digest("SHA-256", body);
    const socket = new WebSocket("wss://" + location.host + "/ws");
    await new Promise((opened, failed) => { socket.onopen = opened; socket.onerror = failed; });
    const echoes = [];
    const done = new Promise(done => socket.onmessage = message => {
        echoes.push(message.data);
        if (echoes.length == 20)
            done();
    });
    for (let i = 0; i < 20; i++)
        socket.send("Xin ch\xc3\xa0o " + i);
    await done;
    const closed = new Promise(closed => socket.onclose = closed);
    socket.close(1000);
    const protocols = performance.getEntriesByType("resource").map(e => e.nextHopProtocol);
    return { gets, upload, echoes, code: (await closed).code, protocols: [...new Set(protocols)],
             sum: [...new Uint8Array(sum)].map(b => b.toString(16).padStart(2, "0")).join("") };
}
everything().catch(error => ({ error: String(error) })).then(
    result => fetch("/page/result", { method: "POST", body: JSON.stringify(result) }));
</script>""" % UPLOAD_BYTES


@pytest.mark.parametrize("browser", BROWSERS)
def test_browser_reads_uploads_and_talks_over_one_connection(node, certs, tmp_path, browser):
    page = ScriptedBackend()
    upstreams = [{"name": "portal", "peers": [node]}, {"name": "page", "peers": [page]}]
    routes = [{"path": "/", "upstream": "portal"}, {"path": "/page", "upstream": "page"}]
    with Gateway(upstreams=upstreams, routes=routes, listeners=[{"tls": certs.tls}]) as gateway:
        result = told_by(browser, tmp_path / browser, certs, gateway, page, PAGE)
        assert "error" not in result, result
        content = bytes((i * 7 + (i >> 8)) & 0xff for i in range(UPLOAD_BYTES))
        assert result["sum"] == result["upload"]["sha256"] == hashlib.sha256(content).hexdigest()
        assert result["gets"] == [20000] * 60
        assert result["echoes"] == [f"Xin chào {i}" for i in range(20)]
        assert result["code"] == 1000
        assert result["protocols"] == ["h2"]
        lines = gateway.access_lines(63)
        assert {line["protocol"] for line in lines} == {"HTTP/2.0"}
        assert any(line["target"].startswith("/ws") for line in lines)
        assert gateway.metrics()["cong_http2_connections_total"] <= 2
