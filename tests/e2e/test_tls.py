"""Handshakes: versions, certificates by name, ALPN, resumption, OCSP, and what is refused."""

import ctypes
import socket
import ssl
import struct
import subprocess

import pytest

from env import (
    DEADLINE_S, FORGETFUL, HOST, Gateway, Process, RawClient, Wire, eventually, openssl,
    request_bytes)

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module")
def served(certs):
    """Certificates by what they are for."""
    issue = certs.authority.issue
    return {
        "default": certs.portal,
        "both-ec": issue("both.test", key="ec"),
        "both-rsa": issue("both.test", key="rsa"),
        "wildcard": issue("*.tinh.test"),
        "exact": issue("hue.tinh.test"),
        "several": issue("one.test", "two.test"),
    }


@pytest.fixture(scope="module")
def gateway(node, served):
    tls = {"certificates": [certificate.settings for certificate in served.values()]}
    with Gateway(node, workers=2, listeners=[{"tls": tls}, {"tls": tls | {"min_version": 1.3}}],
                 timeouts={"handshake": "300ms"}, prefix=FORGETFUL) as gateway:
        yield gateway


def shown(gateway, context, name):
    """The certificate that the gateway shows for this name, in DER."""
    client = gateway.connect(context=context, server_name=name)
    assert client.request("GET", "/", host=name or HOST).status == 200
    return client.tls.getpeercert(True)


def careless(minimum=V12, maximum=V13, ciphers=None):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version, context.maximum_version = minimum, maximum
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def s_client(gateway, *options, send=""):
    """openssl s_client, for what Python's ssl cannot do."""
    command = ["openssl", "s_client", "-connect", gateway.address(), *options]
    return subprocess.run(command, input=send, capture_output=True, text=True, timeout=DEADLINE_S,
                          check=False)


# --- versions and ciphers -------------------------------------------------------------------------

@pytest.mark.parametrize("version, name", [(V12, "TLSv1.2"), (V13, "TLSv1.3")])
def test_both_versions_are_served_and_logged(gateway, certs, version, name):
    context = certs.client_context(minimum=version, maximum=version)
    client = gateway.connect(context=context, server_name="portal.test")
    answer = client.request("GET", "/")
    assert client.tls.version() == name
    line = gateway.access_line(answer)
    assert (line["tls"], line["tls_resumed"], line["scheme"]) == (name, False, "https")


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_older_versions_are_refused(gateway, version):
    result = s_client(gateway, version, "-cipher", "ALL:@SECLEVEL=0")
    assert "Cipher is (NONE)" in result.stdout
    assert "protocol version" in result.stderr


def test_listener_may_ask_for_tls_1_3(gateway):
    with pytest.raises(ssl.SSLError, match="(?i)protocol.version"):
        gateway.connect(1, context=careless(maximum=V12))
    assert gateway.connect(1, context=careless()).tls.version() == "TLSv1.3"


@pytest.mark.parametrize("ciphers", ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA",
                                     "DHE-RSA-AES128-GCM-SHA256", "aNULL", "PSK"])
def test_weak_ciphers_are_refused(gateway, ciphers):
    result = s_client(gateway, "-tls1_2", "-servername", "both.test", "-cipher",
                      f"{ciphers}:@SECLEVEL=0")
    assert "Cipher is (NONE)" in result.stdout


def test_compression_and_early_data_are_off(gateway):
    result = s_client(gateway, "-tls1_3", "-servername", HOST, send="Q")
    assert "Compression: NONE" in result.stdout
    assert "Max Early Data: 0" in result.stdout or "Max Early Data" not in result.stdout


# --- certificates ---------------------------------------------------------------------------------

@pytest.mark.parametrize("name, expected", [
    ("portal.test", "default"),
    ("PORTAL.test", "default"),
    ("ha-noi.tinh.test", "wildcard"),
    ("hue.tinh.test", "exact"),
    ("one.test", "several"),
    ("two.test", "several"),
    ("both.test", "both-ec"),
])
def test_certificate_is_chosen_by_name(gateway, served, certs, name, expected):
    assert shown(gateway, certs.client_context(), name) == served[expected].der


@pytest.mark.parametrize("name", [None, "unknown.test", "tinh.test", "a.b.tinh.test"])
def test_unknown_names_get_the_first_certificate(gateway, served, name):
    assert shown(gateway, careless(), name) == served["default"].der


def test_client_that_knows_no_ecdsa_gets_the_rsa_certificate(gateway, served):
    only_rsa = careless(maximum=V12, ciphers="ECDHE-RSA-AES128-GCM-SHA256")
    assert shown(gateway, only_rsa, "both.test") == served["both-rsa"].der


def test_rsa_certificate_serves_tls_1_3_clients_without_ecdsa(gateway):
    result = s_client(gateway, "-tls1_3", "-servername", "both.test", "-sigalgs",
                      "rsa_pss_rsae_sha256", send="Q")
    assert "Peer signature type: RSA-PSS" in result.stdout


# --- ALPN -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("offered", [["http/1.1"], ["spdy/3", "http/1.1", "x"]])
def test_alpn_chooses_http_1_1(gateway, certs, offered):
    client = gateway.connect(context=certs.client_context(alpn=offered))
    assert client.tls.selected_alpn_protocol() == "http/1.1"
    assert client.request("GET", "/").status == 200


@pytest.mark.parametrize("offered", [["h2"], ["http/1.1", "h2"]])
def test_alpn_prefers_http_2(gateway, certs, offered):
    client = gateway.connect(context=certs.client_context(alpn=offered))
    assert client.tls.selected_alpn_protocol() == "h2"


def test_listener_without_http_2_does_not_offer_it(node, certs):
    with Gateway(node, listeners=[{"tls": certs.tls, "http2": False}]) as gateway:
        client = gateway.connect(context=certs.client_context(alpn=["h2", "http/1.1"]))
        assert client.tls.selected_alpn_protocol() == "http/1.1"
        assert client.request("GET", "/").status == 200


def test_client_without_alpn_is_served(gateway, certs):
    client = gateway.connect(context=certs.client_context())
    assert client.tls.selected_alpn_protocol() is None
    assert client.request("GET", "/").status == 200


def test_client_that_speaks_only_what_we_do_not_gets_an_alert(gateway, certs):
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        gateway.connect(context=certs.client_context(alpn=["h3"]))


# --- resumption -----------------------------------------------------------------------------------

def session_of(client):
    client.request("GET", "/")  # a ticket of TLS 1.3 comes with the first bytes
    return client.tls.session


def resumed(gateway, context, session, name=HOST):
    client = gateway.connect(context=context, server_name=name, session=session)
    answer = client.request("GET", "/", host=name)
    assert gateway.access_line(answer)["tls_resumed"] == client.tls.session_reused
    return client.tls.session_reused


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
@pytest.mark.parametrize("first, second", [("worker 0", "worker 1"), ("worker 1", "worker 0")])
def test_ticket_of_one_worker_resumes_at_the_other(gateway, certs, version, first, second):
    context = certs.client_context(minimum=version, maximum=version)
    session = gateway.connect_to(first, context=context).tls.session
    assert gateway.connect_to(second, context=context, session=session).tls.session_reused


def test_resumption_is_counted(gateway, certs):
    names = ("cong_tls_handshakes_full_total", "cong_tls_handshakes_resumed_total")
    context = certs.client_context()
    before = gateway.settled_metrics()
    session = session_of(gateway.connect(context=context))
    assert resumed(gateway, context, session)
    after = gateway.metrics()
    assert [after[name] - before[name] for name in names] == [1, 1]


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_session_of_one_name_does_not_resume_under_another(gateway, certs, version):
    context = careless(minimum=version, maximum=version)
    session = session_of(gateway.connect(context=context, server_name="portal.test"))
    assert not resumed(gateway, context, session, "hue.tinh.test")


def test_session_does_not_resume_where_older_versions_are_refused(gateway):
    context = careless(minimum=V13)
    session = session_of(gateway.connect(0, context=context))
    client = gateway.connect(1, context=context, session=session)
    assert not client.tls.session_reused
    assert client.request("GET", "/").status == 200


def test_spoiled_ticket_leads_to_a_full_handshake(gateway, tmp_path):
    def handshake(*options):
        return s_client(gateway, "-tls1_2", "-servername", HOST, *options, send="Q").stdout

    good, der, bad = (str(tmp_path / name) for name in ("good", "der", "bad"))
    assert "New, TLSv1.2" in handshake("-sess_out", good)
    assert "Reused, TLSv1.2" in handshake("-sess_in", good)
    openssl("sess_id", "-in", good, "-outform", "DER", "-out", der)
    spoiled = bytearray((tmp_path / "der").read_bytes())
    spoiled[-20] ^= 0x55  # the ticket is the last large part
    (tmp_path / "der").write_bytes(spoiled)
    openssl("sess_id", "-in", der, "-inform", "DER", "-out", bad)
    assert "New, TLSv1.2" in handshake("-sess_in", bad)


# --- OCSP -----------------------------------------------------------------------------------------

def test_ocsp_answer_is_stapled_from_its_file(node, certs):
    stapled = certs.authority.issue("stapled.test")
    settings = stapled.settings | {"ocsp": str(certs.authority.ocsp(stapled))}
    tls = {"certificates": [settings, certs.portal.settings]}
    with Gateway(node, listeners=[{"tls": tls}]) as gateway:
        result = s_client(gateway, "-status", "-servername", "stapled.test", send="Q")
        assert "OCSP Response Status: successful" in result.stdout
        assert "Cert Status: good" in result.stdout
        result = s_client(gateway, "-status", "-servername", "portal.test", send="Q")
        assert "OCSP response: no response sent" in result.stdout


# --- hostile --------------------------------------------------------------------------------------

def test_renegotiation_is_refused(gateway):
    """The R command of s_client: the connection ends, or goes on with the first handshake."""
    handshakes = gateway.settled_metrics()["cong_tls_handshakes_full_total"]
    result = s_client(gateway, "-tls1_2", "-servername", HOST, send="R\n")
    assert "RENEGOTIATING" in result.stderr
    assert "no renegotiation" in result.stderr
    assert gateway.metrics()["cong_tls_handshakes_full_total"] == handshakes + 1


def test_client_may_change_its_keys(gateway):
    """KeyUpdate, which asks for one in return: the K command of s_client."""
    command = ["openssl", "s_client", "-connect", gateway.address(), "-tls1_3"]
    with Process("s_client", command) as client:
        client.log.wait_for("Verify return code")
        for _ in range(3):
            mark = client.log.mark()
            client.type("K\n")
            client.log.wait_for("KEYUPDATE", mark)
            client.type("GET / HTTP/1.1\r\nHost: portal.test\r\n\r\n")
            client.log.wait_for("HTTP/1.1 200 OK", mark)
        client.kill()


def flood_of_key_updates(address, count):
    """KeyUpdates, each of which asks for one in return, by OpenSSL itself: Python's ssl sends none.
    How many were taken."""
    lib = ctypes.CDLL("libssl.so.3")
    for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
        getattr(lib, name).restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.SSL_CTX_new(ctypes.c_void_p(lib.TLS_client_method())))
    tls = ctypes.c_void_p(lib.SSL_new(context))
    taken = 0
    with socket.create_connection(address.split(":")) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", DEADLINE_S, 0))
        lib.SSL_set_fd(tls, sock.fileno())
        assert lib.SSL_connect(tls) == 1
        while taken < count and lib.SSL_key_update(tls, 1) == 1 and lib.SSL_do_handshake(tls) == 1:
            taken += 1
        lib.SSL_free(tls)
        lib.SSL_CTX_free(context)
    return taken


def test_flood_of_key_updates_ends_the_connection(gateway):
    memory = gateway.memory_kib()
    assert 1000 < flood_of_key_updates(gateway.address(), 200_000) < 200_000
    assert gateway.memory_kib() < memory + 4 * 1024
    assert gateway.request("GET", "/").status == 200


def der(tag, body):
    """An element of ASN.1 in DER."""
    size = len(body)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + body


def der_elements(data):
    """(tag, body, the whole element) of each in a row."""
    while data:
        size, start = data[1], 2
        if size >= 128:
            start += size & 127
            size = int.from_bytes(data[2:start], "big")
        yield data[0], data[start:start + size], data[:start + size]
        data = data[start + size:]


def with_early_data(session):
    """An OpenSSL session, in DER, as if its ticket had promised room for early data ([15])."""
    (tag, body, _), = der_elements(session)
    fields = [(tag, whole) for tag, _, whole in der_elements(body) if tag != 0xaf]
    before = b"".join(whole for tag, whole in fields if tag < 0xaf)
    after = b"".join(whole for tag, whole in fields if tag > 0xaf)
    return der(tag, before + der(0xaf, der(2, b"\x40\x00")) + after)


def test_replayed_early_data_reaches_nobody(gateway, node, tmp_path):
    """A 0-RTT POST, again and again: the handshake goes on without it, and nobody sees it."""
    files = {name: tmp_path / name for name in ("good", "der", "bad", "post")}
    options = ("-tls1_3", "-servername", HOST)
    request = request_bytes("GET", "/", {"Connection": "close"}).decode()
    result = s_client(gateway, *options, "-ign_eof", "-sess_out", str(files["good"]), send=request)
    assert "HTTP/1.1 200 OK" in result.stdout
    openssl("sess_id", "-in", files["good"], "-outform", "DER", "-out", files["der"])
    files["der"].write_bytes(with_early_data(files["der"].read_bytes()))
    openssl("sess_id", "-in", files["der"], "-inform", "DER", "-out", files["bad"])
    files["post"].write_bytes(request_bytes("POST", "/dossiers", body=b"once"))
    before = node.stats()["requests"]
    for _ in range(3):
        result = s_client(gateway, *options, "-ign_eof", "-sess_in", str(files["bad"]),
                          "-early_data", str(files["post"]), send=request)
        assert "Early data was rejected" in result.stdout
        assert "HTTP/1.1 200 OK" in result.stdout
    assert node.stats()["requests"] == before + 3, "the GETs that followed, and nothing else"


def test_plaintext_to_the_tls_port_is_closed(gateway):
    client = RawClient(gateway.address())
    client.send(request_bytes("GET", "/"))
    got = client.read_to_end()
    assert b"HTTP/1.1 2" not in got
    assert gateway.request("GET", "/").status == 200


def client_hello():
    """A real ClientHello, as bytes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = careless().wrap_bio(incoming, outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("part", ["nothing", "one byte", "half", "all"])
def test_unfinished_handshake_has_a_deadline(gateway, part):
    hello = client_hello()
    client = RawClient(gateway.address())
    client.send({"nothing": b"", "one byte": hello[:1], "half": hello[:len(hello) // 2],
                 "all": hello}[part])
    client.read_to_end()


def test_failed_handshakes_are_counted(gateway):
    failed = "cong_tls_handshakes_failed_total"
    before = gateway.settled_metrics()[failed]
    client = RawClient(gateway.address())
    client.send(b"\x16\x03\x01\x00\x05nonsense")
    client.read_to_end()
    eventually(lambda: gateway.metrics()[failed] == before + 1, "it is counted")


class Dribble:
    """TLS whose bytes go over the wire one by one: records are cut at every place."""

    def __init__(self, gateway):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = careless().wrap_bio(self.incoming, self.outgoing, server_hostname=HOST)
        self.wire = RawClient(gateway.address())

    def call(self, function, *arguments):
        while True:
            try:
                return function(*arguments)
            except ssl.SSLWantReadError:
                self.flush()
                self.incoming.write(self.wire.read_exactly(1))
            finally:
                self.flush()

    def flush(self):
        for byte in self.outgoing.read():
            self.wire.send(bytes([byte]))


def test_records_may_be_cut_at_every_byte(gateway):
    dribble = Dribble(gateway)
    dribble.call(dribble.tls.do_handshake)
    for number in range(3):
        dribble.call(dribble.tls.write, request_bytes("POST", "/echo?body=1", body=b"%d" % number))
        got = b""
        while not got.endswith(b"\r\n\r\n%d" % number):
            got += dribble.call(dribble.tls.read, 4096)
        assert got.startswith(b"HTTP/1.1 200 OK\r\n")


def test_end_of_a_connection_is_said(gateway):
    """close_notify: without it an answer that somebody cut short looks like a whole one."""
    context = careless()
    sock = socket.create_connection(gateway.address().split(":"), DEADLINE_S)
    with context.wrap_socket(sock, server_hostname=HOST, suppress_ragged_eofs=False) as tls:
        tls.sendall(request_bytes("GET", "/any?bytes=50000&chunked=1", version="HTTP/1.0"))
        while tls.recv(65536):
            pass


def test_broken_answer_has_no_end(gateway):
    context = careless()
    sock = socket.create_connection(gateway.address().split(":"), DEADLINE_S)
    with context.wrap_socket(sock, server_hostname=HOST, suppress_ragged_eofs=False) as tls:
        target = "/any?bytes=50000&chunked=1&close=body"
        tls.sendall(request_bytes("GET", target, version="HTTP/1.0"))
        with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
            while tls.recv(65536):
                pass


def test_garbage_in_place_of_a_record_ends_the_connection(gateway):
    client = gateway.connect()
    assert client.request("GET", "/").status == 200
    plain = Wire(socket.socket(fileno=client.tls.detach()))
    plain.send("GET / HTTP/1.1\r\n\r\n").read_to_end()
    plain.close()


def test_connection_that_is_cut_without_a_goodbye_is_no_trouble(gateway):
    for _ in range(20):
        client = gateway.connect()
        client.send_request("GET", "/any?bytes=100000")
        client.reset()
    assert gateway.request("GET", "/").status == 200
