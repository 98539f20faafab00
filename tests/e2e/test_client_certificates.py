"""Listeners that ask clients for a certificate."""

import ssl

import pytest

from env import Authority, Gateway, Incomplete

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module")
def mutual(node, certs):
    tls = certs.tls | {"client_ca": str(certs.clients.certificate.cert)}
    with Gateway(node, listeners=[{"tls": tls | {"client_auth": "required"}},
                                  {"tls": tls | {"client_auth": "optional"}},
                                  {"tls": certs.tls}]) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def citizen(certs):
    return certs.clients.issue("citizen.test", client=True)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("strangers")).issue("stranger.test", client=True)


def session_of(gateway, listener, context):
    client = gateway.connect(listener, context=context)
    client.request("GET", "/")  # a ticket of TLS 1.3 comes with the first bytes
    return client.tls.session


def is_served(gateway, listener, context, session=None):
    """In TLS 1.3 a refusal comes after the client's own end of the handshake."""
    try:
        client = gateway.connect(listener, context=context, session=session)
        return client.request("GET", "/").status == 200
    except (ssl.SSLError, ConnectionError, Incomplete):
        return False


def who_is_served(gateway, listener, certs, version, citizen, stranger):
    people = {"citizen": citizen, "stranger": stranger, "nobody": None}
    return {who: is_served(gateway, listener, certs.client_context(certificate, version, version))
            for who, certificate in people.items()}


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_required_client_certificate(mutual, certs, citizen, stranger, version):
    served = who_is_served(mutual, 0, certs, version, citizen, stranger)
    assert served == {"citizen": True, "stranger": False, "nobody": False}


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_optional_client_certificate(mutual, certs, citizen, stranger, version):
    served = who_is_served(mutual, 1, certs, version, citizen, stranger)
    assert served == {"citizen": True, "stranger": False, "nobody": True}


def test_server_certificate_is_no_client_certificate(mutual, certs):
    wrong = certs.clients.issue("server.test", client=False)
    assert not is_served(mutual, 0, certs.client_context(wrong))


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_session_from_elsewhere_does_not_replace_the_client_certificate(mutual, certs, version):
    """CVE-2025-23419"""
    context = certs.client_context(minimum=version, maximum=version)
    for listener in (1, 2):
        session = session_of(mutual, listener, context)
        assert not is_served(mutual, 0, context, session)


def test_session_with_a_client_certificate_resumes(mutual, certs, citizen):
    context = certs.client_context(citizen)
    session = session_of(mutual, 0, context)
    client = mutual.connect(0, context=context, session=session)
    assert client.tls.session_reused
    assert client.request("GET", "/").status == 200
