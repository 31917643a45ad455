"""Chromium without a window, spoken to over a pipe by its DevTools protocol.

    with Browser(folder) as browser:
        page = browser.open("http://127.0.0.1:9379/", width=390)
        page.wait("document.title === 'cachesd'")
        assert page.lines == []

It asks no server but the page's: all that a browser does by itself is switched off, and a test can see
in `page.requests` that nothing else was asked for.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import harness

PROGRAM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-default-apps --disable-extensions --disable-domain-reliability
    --no-default-browser-check --metrics-recording-only --no-pings --mute-audio --hide-scrollbars
    --disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider
    --host-resolver-rules=MAP\\ *\\ ~NOTFOUND,EXCLUDE\\ 127.0.0.1,EXCLUDE\\ localhost
    --force-device-scale-factor=1 --remote-debugging-pipe"""


def options(folder):
    words = [word.replace("\\ ", " ") for word in re.split(r"(?<!\\)\s+", OPTIONS)]
    return [*words, f"--user-data-dir={folder}"]


class Browser:
    def __init__(self, folder):
        self.folder = tempfile.mkdtemp(prefix="browser-", dir=folder)
        self.number = 0
        self.pages = {}

    def __enter__(self):
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()

        def place_pipes():  # where Chromium looks for them: 3 and 4
            harness.end_with_parent()
            os.dup2(os.dup(to_read), 3)
            os.dup2(os.dup(from_write), 4)

        self.log = open(f"{self.folder}/log", "wb")
        self.process = subprocess.Popen(
            [PROGRAM, *options(self.folder + "/profile")], preexec_fn=place_pipes, close_fds=False,
            stdout=self.log, stderr=self.log, env={**os.environ, "HOME": self.folder},
        )
        os.close(to_read)
        os.close(from_write)
        self.to, self.come = to_write, os.fdopen(from_read, "rb", buffering=0)
        self.unread = b""
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        self.come.close()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self):
        while b"\0" not in self.unread:
            more = self.come.read(1 << 16)
            assert more, "Chromium has ended: " + open(f"{self.folder}/log").read()[-2000:]
            self.unread += more
        text, _, self.unread = self.unread.partition(b"\0")
        return json.loads(text)

    def call(self, method, session=None, **params):
        """Asks, and gives the result; events that come before it go to their pages."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            told = self._read()
            if told.get("id") == self.number:
                assert "error" not in told, f"{method}: {told['error']}"
                return told["result"]
            page = self.pages.get(told.get("sessionId"))
            if page:
                page.hear(told["method"], told["params"])

    def open(self, url, width=1280, height=900, dark=False, headers=None):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        self.pages[session] = page
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.look(width, height, dark)
        if headers:
            page.call("Network.setExtraHTTPHeaders", headers=headers)
        page.call("Page.navigate", url=url)
        return page


class Page:
    def __init__(self, browser, session):
        self.browser = browser
        self.session = session
        self.lines = []  # of the console, errors and violations among them
        self.requests = []  # URLs

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def hear(self, method, params):
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.consoleAPICalled":
            self.lines.append(" ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.lines.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Log.entryAdded":
            self.lines.append(f"{params['entry']['text']} {params['entry'].get('url', '')}".strip())

    def look(self, width, height=900, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, expression, seconds=harness.LONG):
        """Until the expression is true."""
        deadline = time.monotonic() + seconds
        while not self.value(f"Boolean({expression})"):
            assert time.monotonic() < deadline, f"waited {seconds} s in vain until {expression}; {self.lines}"
            time.sleep(0.05)

    @property
    def text(self):
        return self.value("document.body.innerText")

    def picture(self, path):
        """The whole page as PNG."""
        height = self.value("document.documentElement.scrollHeight")
        width = self.value("innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
