"""A client that keeps the gateway's session cookie, as a browser would."""

from urllib.parse import quote

COOKIE = "__Host-cong_sid"
IDENTITY_KEY = "0123456789abcdef0123456789abcdef0123456789"

# One route for each thing that a route may ask; the node echoes what it is sent.
SESSION_ROUTES = [
    {"path": "/dang-nhap", "upstream": "portal", "rewrite": "/echo", "session": "optional"},
    {"path": "/ho-so", "upstream": "portal", "rewrite": "/echo", "session": "required"},
    {"path": "/thanh-toan", "upstream": "portal", "rewrite": "/echo", "session": "fresh"},
    {"path": "/tu-do", "upstream": "portal", "rewrite": "/echo"},
    {"path": "/", "upstream": "portal", "session": "optional"},
]


def ordered(target, order, more=""):
    """A target whose answer carries this X-Cong-Session."""
    return f"{target}?header={quote('X-Cong-Session: ' + order)}{more}"


class Citizen:
    def __init__(self, gateway, uid=None, **order):
        self.gateway = gateway
        self.cookie = None
        if uid:
            self.sign_in(uid, **order)

    def at(self, gateway):
        """The same browser at another node."""
        other = Citizen(gateway)
        other.cookie = self.cookie
        return other

    def request(self, method="GET", target="/", headers=(), **how):
        return self._keep(self.gateway.request(method, target, [*headers, *self._cookies()], **how))

    def _cookies(self):
        return [("Cookie", f"a=1; {COOKIE}={self.cookie}; b=2")] if self.cookie else []

    def _keep(self, answer):
        for field in answer.headers.all("Set-Cookie"):
            name, _, rest = field.partition("=")
            if name == COOKIE:
                self.cookie = rest.partition(";")[0] or None
        return answer

    def begin(self, backend, target="/dang-nhap"):
        """A request that this scripted backend has, and answers when finish() says how."""
        client = self.gateway.connect()
        client.send_request("GET", target, self._cookies())
        connection = backend.accept()
        connection.read_request()
        return client, connection

    def finish(self, begun, order):
        client, connection = begun
        connection.answer(200, [("X-Cong-Session", order), ("Connection", "close")])
        answer = client.read_answer()
        client.close()
        return self._keep(answer)

    def status(self, target="/ho-so", **how):
        return self.request(target=target, **how).status

    def order(self, order, target="/dang-nhap", **how):
        return self.request(target=ordered(target, order), **how)

    def sign_in(self, uid, level=1, roles=""):
        answer = self.order(f'create; uid={uid}; level={level}; roles="{roles}"')
        assert answer.status == 200, answer.text
        assert self.cookie
        return answer
