"""Certificates for the tests, made by openssl: an authority, what it signs, OCSP answers."""

import ipaddress
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEYS = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
         "rsa": ["-newkey", "rsa:2048"]}


def openssl(*arguments, **kwargs):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True,
                          **kwargs)


def _alternative(name):
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


@dataclass
class Certificate:
    cert: Path
    key: Path

    @property
    def settings(self):
        """As the gateway's configuration names it."""
        return {"cert": str(self.cert), "key": str(self.key)}

    @property
    def der(self):
        """As SSLSocket.getpeercert(True) gives it."""
        return ssl.PEM_cert_to_DER_cert(self.cert.read_text())


class Authority:
    def __init__(self, folder, name="Cong test authority"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._count = 0
        self.certificate = self._request(
            "ca", "ec", name, "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,digitalSignature")

    def issue(self, *names, key="ec", client=False):
        """A certificate for these DNS names or addresses; the first one is the subject."""
        self._count += 1
        usage = "clientAuth" if client else "serverAuth"
        return self._request(
            f"{self._count}-{key}", key, names[0], "-CA", self.certificate.cert, "-CAkey",
            self.certificate.key, "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "subjectAltName=" + ",".join(map(_alternative, names)),
            "-addext", f"extendedKeyUsage={usage}")

    def issue_expired(self, *names):
        made = self.issue(*names)
        request = made.cert.with_suffix(".request")
        openssl("req", "-new", "-key", made.key, "-subj", f"/CN={names[0]}", "-addext",
                "subjectAltName=" + ",".join(map(_alternative, names)), "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate.cert, "-CAkey",
                self.certificate.key, "-days", "-1", "-copy_extensions", "copy", "-out", made.cert)
        return made

    def ocsp(self, certificate):
        """A fresh OCSP answer, in DER, that the certificate is good."""
        serial = openssl("x509", "-noout", "-serial", "-in", certificate.cert, text=True)
        index = self.folder / "index.txt"
        index.write_text("V\t401231235959Z\t\t%s\tunknown\t/CN=any\n"
                         % serial.stdout.strip().partition("=")[2])
        answer = certificate.cert.with_suffix(".ocsp")
        ours = self.certificate
        request = certificate.cert.with_suffix(".request")
        openssl("ocsp", "-issuer", ours.cert, "-cert", certificate.cert, "-no_nonce", "-reqout",
                request)
        openssl("ocsp", "-index", index, "-CA", ours.cert, "-rsigner", ours.cert, "-rkey",
                ours.key, "-reqin", request, "-ndays", "7", "-respout", answer)
        return answer

    def _request(self, stem, key, name, *more):
        made = Certificate(self.folder / f"{stem}.crt", self.folder / f"{stem}.key")
        openssl("req", "-x509", *_KEYS[key], "-noenc", "-sha256", "-days", "30", "-subj",
                f"/CN={name}", "-keyout", made.key, "-out", made.cert, *more)
        return made


def server_context(certificate, clients=None, maximum=None):
    """For a backend; `clients` is the authority of those who may connect."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    if maximum:
        context.maximum_version = maximum
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.certificate.cert)
    return context


class Certs:
    """What most tests need; the rest they issue themselves."""

    def __init__(self, folder):
        folder = Path(folder)
        self.authority = Authority(folder / "servers")
        self.portal = self.authority.issue("portal.test")
        self.clients = Authority(folder / "clients", "Cong test clients")

    @property
    def tls(self):
        """The tls part of a listener with the portal's certificate."""
        return {"certificates": [self.portal.settings]}

    def client_context(self, certificate=None, minimum=None, maximum=None, alpn=None):
        """For RawClient: trusts the authority; may bring a client's certificate."""
        context = ssl.create_default_context(cafile=str(self.authority.certificate.cert))
        context.minimum_version = minimum or ssl.TLSVersion.TLSv1_2
        if maximum:
            context.maximum_version = maximum
        if alpn:
            context.set_alpn_protocols(alpn)
        if certificate:
            context.load_cert_chain(certificate.cert, certificate.key)
        return context
