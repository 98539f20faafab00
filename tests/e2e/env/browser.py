"""Browsers, headless, as citizens have them: for who has made up its own mind about a protocol."""

import json
import shutil
import subprocess

from .process import Process

PORTAL = "portal.test"  # at 127.0.0.1, and certified by the tests' authority

_FIREFOX_SETTINGS = {
    "network.dns.localDomains": PORTAL,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
}


def _chromium(folder, certs):
    return ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
            f"--host-resolver-rules=MAP {PORTAL} 127.0.0.1", "--ignore-certificate-errors",
            f"--user-data-dir={folder}"]


def _javascript(value):
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _firefox(folder, certs):
    lines = [f'user_pref("{name}", {_javascript(value)});\n'
             for name, value in _FIREFOX_SETTINGS.items()]
    (folder / "user.js").write_text("".join(lines))
    subprocess.run(["certutil", "-A", "-n", "tests", "-t", "C,,", "-d", f"sql:{folder}", "-i",
                    certs.authority.certificate.cert], check=True)
    return ["firefox-esr", "--headless", "--no-remote", "--profile", str(folder)]


BROWSERS = {"chromium": _chromium, "firefox": _firefox}


def told_by(browser, folder, certs, gateway, backend, page):
    """What the script of `page` has posted to /page/result once the browser of that name has opened
    it. Everything below /page comes to `backend`; the browser's profile goes to `folder`."""
    folder.mkdir()
    program, *arguments = BROWSERS[browser](folder, certs)
    port = gateway.address().rpartition(":")[2]
    process = Process(browser, [shutil.which(program), *arguments, f"https://{PORTAL}:{port}/page"])
    try:
        connection = backend.accept()
        while (request := connection.read_request()).target != "/page/result":
            connection.answer(headers=[("Content-Type", "text/html")], body=page)
        connection.answer()
    finally:
        process.kill()
    return json.loads(request.body)
