"""HTTP/1 messages whose end or meaning two readers could see differently, each under the name by
which probes and papers know it. One table for both directions: of the same fields a request is made
for the gateway to refuse, and an answer of a backend.

A case is (fields, body). What makes sense in one direction only is whole, in bytes."""

from .raw_client import request_bytes

CHUNKED = b"Transfer-Encoding: chunked"
BODY = b"5\r\nhello\r\n0\r\n\r\n"
HIDDEN = request_bytes("GET", "/hidden")


def as_request(*fields, body=b"", host=b"Host: portal.test", line=b"POST /upload HTTP/1.1"):
    return b"\r\n".join([line, host, *fields, b"", b""]) + body


def as_answer(*fields, body=b"", line=b"HTTP/1.1 200 OK"):
    return b"\r\n".join([line, *fields, b"", b""]) + body


def _length(value, body=b"hello"):
    return [b"Content-Length:" + value], body


def _encoding(value, body=BODY):
    return [b"Transfer-Encoding:" + value], body


def _line(field):
    return [field, b"Content-Length: 0"], b""


HEADS = {
    # two ways to see where the body ends
    "cl-te-both": ([b"Content-Length: 5", CHUNKED], BODY),
    "clte-pipeline": ([b"Content-Length: 4", CHUNKED], b"0\r\n\r\n" + HIDDEN),
    "clte-smuggle": ([b"Content-Length: 6", CHUNKED], b"0\r\n\r\nG"),
    "clte-keepalive": ([b"Connection: keep-alive", b"Content-Length: 4", CHUNKED],
                       b"0\r\n\r\n" + HIDDEN),
    "clte-conn-close": ([b"Connection: close", b"Content-Length: 4", CHUNKED],
                        b"0\r\n\r\n" + HIDDEN),
    "tecl-pipeline": ([CHUNKED, b"Content-Length: 30"], b"0\r\n\r\n" + HIDDEN),
    "tecl-smuggle": ([CHUNKED, b"Content-Length: 4"], b"5c\r\n" + HIDDEN),
    "tecl-conn-close": ([b"Connection: close", CHUNKED, b"Content-Length: 30"],
                        b"0\r\n\r\n" + HIDDEN),

    # lengths
    "duplicate-cl": ([b"Content-Length: 5", b"Content-Length: 6"], b"hello!"),
    "duplicate-cl-same": ([b"Content-Length: 5", b"Content-Length: 5"], b"hello"),
    "cl-comma-different": _length(b" 5, 6", b"hello!"),
    "cl-comma-same": _length(b" 5, 5"),
    "empty-cl-before-valid": ([b"Content-Length:", b"Content-Length: 5"], b"hello"),
    "empty-cl": _length(b" "),
    "cl-plus-sign": _length(b" +5"),
    "cl-hex-prefix": _length(b" 0x5"),
    "cl-octal": _length(b" 0o5"),
    "cl-negative": _length(b" -5"),
    "cl-underscore": _length(b" 1_0", b"0123456789"),
    "cl-inner-space": _length(b" 1 0", b"0123456789"),
    "cl-decimal": _length(b" 5.0"),
    "cl-exponent": _length(b" 5e0"),
    "cl-trailing-comma": _length(b" 5,"),
    "cl-vtab": _length(b" \x0b5"),
    "cl-overflow": _length(b" 18446744073709551621"),
    "cl-sp-before-colon": ([b"Content-Length : 5"], b"hello"),

    # encodings
    "te-xchunked": _encoding(b" xchunked"),
    "te-identity": ([b"Transfer-Encoding: identity", b"Content-Length: 5"], b"hello"),
    "te-identity-alone": _encoding(b" identity", b"hello"),
    "te-double-chunked": ([CHUNKED, CHUNKED], BODY),
    "te-chunked-chunked": _encoding(b" chunked, chunked"),
    "te-not-final-chunked": _encoding(b" chunked, gzip"),
    "te-gzip-chunked": _encoding(b" gzip, chunked"),
    "te-leading-comma": _encoding(b" ,chunked"),
    "te-trailing-comma": _encoding(b" chunked,"),
    "te-empty": _encoding(b""),
    "te-quoted": _encoding(b' "chunked"'),
    "te-parameter": _encoding(b" chunked;q=1"),
    "te-vtab": _encoding(b" \x0bchunked"),
    "te-formfeed": _encoding(b" \x0cchunked"),
    "te-null": _encoding(b" chunked\x00"),
    "te-sp-before-colon": ([b"Transfer-Encoding : chunked"], BODY),
    "te-tab-before-colon": ([b"Transfer-Encoding\t: chunked"], BODY),

    # lines
    "obs-fold": ([b"X-Folded: a", b" b", b"Content-Length: 5"], b"hello"),
    "obs-fold-tab": ([b"X-Folded: a", b"\tb", b"Content-Length: 5"], b"hello"),
    "obs-fold-te": ([b"Transfer-Encoding:", b" chunked"], BODY),
    "obs-fold-first": ([b" X: y", b"Content-Length: 0"], b""),
    "bare-lf-header": ([b"X-A: b\nContent-Length: 5"], b"hello"),
    "cr-only-header": ([b"X-A: b\rX: y", b"Content-Length: 0"], b""),
    "nul-in-header-value": _line(b"X-A: b\x00c"),
    "nul-in-header-name": _line(b"X\x00A: b"),
    "bare-cr-header-value": _line(b"X-A: b\rc"),
    "control-in-header-value": _line(b"X-A: b\x01c"),
    "delete-in-header-value": _line(b"X-A: b\x7fc"),
    "header-no-colon": _line(b"X-A"),
    "header-empty-name": _line(b": a"),
    "header-space-in-name": _line(b"X A: b"),
    "header-utf8-name": _line("Tên: b".encode()),
    "header-name-bracket": _line(b"X[A]: b"),
}

REQUESTS = {
    "te-http10": as_request(CHUNKED, body=BODY, line=b"POST /upload HTTP/1.0"),
    "bare-lf-line": b"POST /upload HTTP/1.1\nHost: portal.test\r\nContent-Length: 0\r\n\r\n",
    "bare-lf-everywhere": b"GET /upload HTTP/1.1\nHost: portal.test\n\n",
    "bare-lf-end": b"GET / HTTP/1.1\r\nHost: portal.test\r\n\n",
    "cr-only-line-ending": b"GET / HTTP/1.1\rHost: portal.test\r\r",
    "cr-cr-lf": b"GET / HTTP/1.1\r\nHost: portal.test\r\n\r\r\n",

    "duplicate-host": as_request(b"Host: other.test"),
    "duplicate-host-same": as_request(b"Host: portal.test"),
    "no-host": b"GET / HTTP/1.1\r\n\r\n",
    "empty-host": b"GET / HTTP/1.1\r\nHost: \r\n\r\n",
    "host-with-userinfo": as_request(host=b"Host: user@portal.test"),
    "host-with-path": as_request(host=b"Host: portal.test/a"),
    "host-with-space": as_request(host=b"Host: portal.test other"),
    "host-with-comma": as_request(host=b"Host: portal.test, other.test"),
    "host-with-bad-port": as_request(host=b"Host: portal.test:99999"),
    "host-with-negative-port": as_request(host=b"Host: portal.test:-1"),
    "host-with-escape": as_request(host=b"Host: portal%2etest"),
    "host-empty-label": as_request(host=b"Host: portal..test"),
    "absolute-uri-userinfo": as_request(line=b"GET http://user@portal.test/ HTTP/1.1"),
    "absolute-uri-fragment": as_request(line=b"GET http://portal.test/#a HTTP/1.1"),

    "two-spaces-after-method": as_request(line=b"GET  / HTTP/1.1"),
    "two-spaces-after-target": as_request(line=b"GET /  HTTP/1.1"),
    "tab-after-method": as_request(line=b"GET\t/ HTTP/1.1"),
    "space-in-target": as_request(line=b"GET /a b HTTP/1.1"),
    "space-before-method": as_request(line=b" GET / HTTP/1.1"),
    "lower-case-method": as_request(line=b"get / HTTP/1.1"),
    "unknown-method": as_request(line=b"SMUGGLE / HTTP/1.1"),
    "method-with-bracket": as_request(line=b"GE[T / HTTP/1.1"),
    "no-version": b"GET /\r\nHost: portal.test\r\n\r\n",
    "version-2": as_request(line=b"GET / HTTP/2.0"),
    "version-1.2": as_request(line=b"GET / HTTP/1.2"),
    "version-0.9": as_request(line=b"GET / HTTP/0.9"),
    "version-1.10": as_request(line=b"GET / HTTP/1.10"),
    "version-lower-case": as_request(line=b"GET / http/1.1"),
    "version-space": as_request(line=b"GET / HTTP/1. 1"),
    "version-trailing-space": as_request(line=b"GET / HTTP/1.1 "),
    "other-protocol": as_request(line=b"GET / ICE/1.1"),
    "h2-preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "h2-preface-version-1": b"PRI * HTTP/1.0\r\n\r\n",
    "tls-to-plain-port": bytes.fromhex("16030100fc010000f80303") + bytes(241),
    "garbage": bytes(range(128, 256)) + b"\r\n\r\n",
    "nul": bytes(100),
}

ANSWERS = {
    "te-http10": as_answer(CHUNKED, line=b"HTTP/1.0 200 OK", body=BODY),
    "bare-lf-line": b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    "bare-lf-everywhere": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "bare-lf-end": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n",
    "cr-only-line-ending": b"HTTP/1.1 200 OK\rContent-Length: 0\r\r",
    "cr-cr-lf": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\r\n",

    "status-two-digits": as_answer(b"Content-Length: 0", line=b"HTTP/1.1 20 OK"),
    "status-four-digits": as_answer(b"Content-Length: 0", line=b"HTTP/1.1 2000 OK"),
    "status-0": as_answer(b"Content-Length: 0", line=b"HTTP/1.1 000 OK"),
    "status-600": as_answer(b"Content-Length: 0", line=b"HTTP/1.1 600 OK"),
    "status-text": as_answer(b"Content-Length: 0", line=b"HTTP/1.1 abc OK"),
    "status-glued": as_answer(b"Content-Length: 0", line=b"HTTP/1.1 200OK"),
    "version-2": as_answer(b"Content-Length: 0", line=b"HTTP/2.0 200 OK"),
    "version-0.9": as_answer(b"Content-Length: 0", line=b"HTTP/0.9 200 OK"),
    "no-status-line": b"Content-Length: 0\r\n\r\n",
    "other-protocol": b"ICY 200 OK\r\nContent-Length: 0\r\n\r\n",
    "http-0.9": b"<html>hello</html>",
    "greeting": b"220 mail.example.vn ESMTP\r\n",
    "tls-alert": bytes.fromhex("15030100020228"),
    "large-head": as_answer(b"X-A: " + b"a" * 3000, b"Content-Length: 0"),
    "endless-head": b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 10000,
    "many-fields": as_answer(*[b"X-%d: 1" % n for n in range(150)], b"Content-Length: 0"),
    "101-unasked": as_answer(b"Upgrade: websocket", b"Connection: upgrade",
                             line=b"HTTP/1.1 101 Switching Protocols"),
}

CHUNKS = {
    "chunk-lf-term": b"5\nhello\r\n0\r\n\r\n",
    "chunk-lf-after-data": b"5\r\nhello\n0\r\n\r\n",
    "chunk-cr-term": b"5\rhello\r\n0\r\n\r\n",
    "chunk-ext-lf": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "chunk-ext-cr": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "chunk-ext-nul": b"5;a\x00b\r\nhello\r\n0\r\n\r\n",
    "chunk-hex-prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "chunk-negative": b"-5\r\nhello\r\n0\r\n\r\n",
    "chunk-underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-space-before": b" 5\r\nhello\r\n0\r\n\r\n",
    "chunk-size-empty": b"\r\nhello\r\n0\r\n\r\n",
    "chunk-size-nul": b"5\x00\r\nhello\r\n0\r\n\r\n",
    "chunk-size-overflow": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "chunk-size-overflow-digits": b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "chunk-missing-trailing-crlf": b"5\r\nhello0\r\n\r\n",
    "chunk-spill": b"5\r\nhello world\r\n0\r\n\r\n",
    "chunk-short": b"7\r\nhello\r\n0\r\n\r\n\r\n",
    "chunk-last-lf": b"5\r\nhello\r\n0\n\r\n",
    "chunk-end-lf": b"5\r\nhello\r\n0\r\n\n",
    "trailer-end-lf": b"5\r\nhello\r\n0\r\nX: y\r\n\n",
    "trailer-lf": b"5\r\nhello\r\n0\r\nX: y\n\r\n",
    "trailer-fold": b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
    "trailer-space-before-colon": b"5\r\nhello\r\n0\r\nX : y\r\n\r\n",
    "trailer-no-colon": b"5\r\nhello\r\n0\r\nX\r\n\r\n",
    "trailer-nul": b"5\r\nhello\r\n0\r\nX: y\x00\r\n\r\n",
    "trailer-bare-cr": b"5\r\nhello\r\n0\r\nX: y\rz\r\n\r\n",
}

BAD_REQUESTS = {name: as_request(*fields, body=body)
                for name, (fields, body) in HEADS.items()} | REQUESTS
BAD_ANSWERS = {name: as_answer(*fields, body=body)
               for name, (fields, body) in HEADS.items()} | ANSWERS
