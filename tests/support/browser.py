"""A Chromium that tests drive over its debugging pipe, and a server for the pages that it opens."""

import json
import os
import shutil
import subprocess
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from werkzeug.serving import make_server

from playtime.adapters.http.server import QuietHandler

from support.http import Web

# A Chromium from a snap cannot read a test's files or use its folders.
CHROMIUMS: Final = [
    found
    for name in ("chromium", "google-chrome", "google-chrome-stable")
    if (found := shutil.which(name)) and "/snap/" not in str(Path(found).resolve())
]
OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--remote-debugging-pipe",
)


class Browser:
    """One tab of a Chromium. `complaints` lists the errors of its pages."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = commands
        self._answers = os.fdopen(answers, "rb")
        self._number = 0
        self.complaints: list[str] = []
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.do(f"{domain}.enable")

    _session: str | None = None

    def do(self, method: str, **given: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": given}
        if self._session is not None:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while (message := self._read()).get("id") != self._number:
            self._note(message)
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    def open(self, url: str, device: dict[str, Any] | None = None) -> None:
        """Open an address and wait until it is loaded."""
        if device is not None:
            self.do("Emulation.setDeviceMetricsOverride", **device)
        self.do("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def ask(self, expression: str) -> Any:  # noqa: ANN401 - JavaScript knows no narrower type
        """Evaluate a JavaScript expression in the page."""
        answer = self.do("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression holds in the page."""
        waiting = f"""new Promise((done, fail) => {{
            const end = Date.now() + 15000;
            const look = () => ({expression}) ? done() : Date.now() < end ? setTimeout(look, 20) : fail("waited");
            look();
        }})"""
        self.ask(waiting)

    def type(self, field: str, text: str) -> None:
        """Replace the text of a field."""
        self.ask(f"document.getElementById('{field}').select()")
        self.ask(f"document.getElementById('{field}').focus()")
        self.do("Input.insertText", text=text)

    def press_enter(self) -> None:
        """Press the enter key where the cursor is."""
        for kind in ("keyDown", "keyUp"):
            self.do("Input.dispatchKeyEvent", type=kind, key="Enter", text="\r", windowsVirtualKeyCode=13)

    def text(self, element: str) -> str:
        """Return the visible text of an element."""
        return str(self.ask(f"document.getElementById('{element}').innerText"))

    def picture(self, file: Path) -> None:
        """Take a picture of the page."""
        file.write_bytes(b64decode(self.do("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def printed(self) -> bytes:
        """Print the page as PDF, on the paper size that it names."""
        printed = self.do("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        return b64decode(printed["data"])

    def _read(self) -> dict[str, Any]:
        message = bytearray()
        while (symbol := self._answers.read(1)) != b"\0":
            assert symbol, "Chromium is gone"
            message += symbol
        read: dict[str, Any] = json.loads(message)
        return read

    def _note(self, message: dict[str, Any]) -> None:
        if message["method"] == "Runtime.exceptionThrown":
            self.complaints.append(str(message["params"]["exceptionDetails"]))
        # The browser also logs refusals of the API; they are not faults of the page.
        elif message["method"] == "Log.entryAdded" and message["params"]["entry"]["source"] != "network":
            self.complaints.append(str(message["params"]["entry"]))


@contextmanager
def open_browser(home: Path) -> Iterator[Browser]:
    """Start a Chromium and stop it at the end."""
    commands_read, commands = os.pipe()
    answers, answers_write = os.pipe()
    # Chromium reads commands from descriptor 3 and writes answers to 4.
    shell = f'exec "$@" 3<&{commands_read} 4>&{answers_write}'
    process = subprocess.Popen(
        ["bash", "-c", shell, "bash", CHROMIUMS[0], *OPTIONS, f"--user-data-dir={home}"],
        pass_fds=(commands_read, answers_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(commands_read)
    os.close(answers_write)
    browser = Browser(commands, answers)
    try:
        yield browser
    finally:
        browser._answers.close()
        os.close(commands)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


@contextmanager
def serving(web: Web) -> Iterator[str]:
    """Serve a day's application and return its address."""
    server = make_server("127.0.0.1", 0, web.app, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
