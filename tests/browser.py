"""A headless browser driven over a pipe of its own (DevTools protocol): what a page logs and asks for is noted."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import time
from contextlib import contextmanager

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe"]
LIMIT_S = 120
"""A browser that does not answer for so long is broken, on a loaded machine too."""


def program():
    """Return the browser that is installed, null where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Page:
    """One page of a browser; ``messages``: its console, errors and log; ``requests``: every address that it asked for."""

    def __init__(self, read, write):
        self._read, self._write, self._rest, self._sent, self._events = read, write, b"", 0, []
        self.session, self.messages, self.requests = None, [], []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method, **parameters):
        """Send a command and return its result; events that come before it are noted."""
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        text = json.dumps(message).encode() + b"\0"
        while text:
            text = text[os.write(self._write, text) :]
        while (answer := self._next()).get("id") != self._sent:
            pass
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def _next(self):
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], LIMIT_S)
            part = os.read(self._read, 1 << 20) if ready else b""
            assert part, "the browser does not answer"
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        method, facts = message.get("method", ""), message.get("params", {})
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.messages.append(facts)
        if method == "Network.requestWillBeSent":
            self.requests.append(facts["request"]["url"])
        self._events.append(method)
        return message

    def open(self, path, width=1440, height=900, *, script=True):
        """Open a file at the size of a screen, with JavaScript or without, and wait until it has loaded."""
        self.send("Emulation.setScriptExecutionDisabled", value=not script)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        self._events.clear()
        self.send("Page.navigate", url=path.as_uri())
        while "Page.loadEventFired" not in self._events:
            self._next()

    def value(self, expression):
        """Evaluate an expression in the page."""
        done = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, expression):
        """Wait until an expression is true, and return its value."""
        until = time.monotonic() + LIMIT_S
        while not (answer := self.value(expression)):
            assert time.monotonic() < until, expression
            time.sleep(0.02)
        return answer

    def mouse(self, kind, x, y, **facts):
        """Send an event of the mouse: ``mousePressed``, ``mouseMoved``, ``mouseReleased``, ``mouseWheel``."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **facts)

    def click(self, x, y):
        """Click a place of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def press(self, key, **facts):
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, **facts)

    def pdf(self):
        """Print the page, on the paper that its style names."""
        return base64.b64decode(self.send("Page.printToPDF", preferCSSPageSize=True)["data"])

    def picture(self, **options):
        """Return what the window shows, as PNG."""
        return base64.b64decode(self.send("Page.captureScreenshot", format="png", **options)["data"])


def _high(end):
    """Move a descriptor out of the way of 3 and 4."""
    moved = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(end)
    return moved


@contextmanager
def opened(name, profile):
    """Start a browser with an empty profile, give a page of it, and end it; it reads descriptor 3 and writes descriptor 4."""
    pipes = [_high(end) for _ in range(2) for end in os.pipe()]
    quiet = [(os.POSIX_SPAWN_OPEN, out, os.devnull, os.O_WRONLY, 0) for out in (1, 2)]
    actions = [*quiet, (os.POSIX_SPAWN_DUP2, pipes[0], 3), (os.POSIX_SPAWN_DUP2, pipes[3], 4)]
    words = [name, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    child = os.posix_spawn(name, words, os.environ, file_actions=actions, setsid=True)
    os.close(pipes[0])
    os.close(pipes[3])
    try:
        yield Page(pipes[2], pipes[1])
    finally:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(pipes[1])
        os.close(pipes[2])
