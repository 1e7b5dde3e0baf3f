"""A real browser, driven over the WebDriver protocol (https://www.w3.org/TR/webdriver2/): no more of it than is used.

Nothing is installed for it: where this machine has no Chromium with its chromedriver, whoever asks for one is told so.
"""

import base64
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # what the standard calls a reference to an element
_PATIENCE_S = 60.0
_WINDOW = "--window-size=640,760"


class NoBrowser(Exception):
    """There is none on this machine."""


def _found(variable: str, names: tuple[str, ...]) -> str:
    places = [os.environ.get(variable), *map(shutil.which, names)]
    for each in places:
        if each:
            return each
    raise NoBrowser(f"no {names[0]} here (`apt-get install chromium chromium-driver`, or say where one is: {variable})")


class Chromium:
    """One browser with one tab and no history.

    Args:
        ip: the address that the local gateway is to see; the limits of pages are counted on addresses.

    Raises:
        NoBrowser: Chromium or chromedriver is not here.
    """

    def __init__(self, ip: str) -> None:
        binary = _found("CHROMIUM", ("chromium", "chromium-browser", "google-chrome"))
        driver = _found("CHROMEDRIVER", ("chromedriver",))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._base = f"http://127.0.0.1:{port}"
        self._driver = subprocess.Popen(
            [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._session = ""
        try:
            self._wait_for_driver()
            arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", _WINDOW]
            if os.geteuid() == 0:  # in a container: its sandbox wants another user
                arguments.append("--no-sandbox")
            wanted = {
                "browserName": "chrome",
                "goog:chromeOptions": {"binary": binary, "args": arguments},
                "goog:loggingPrefs": {"browser": "ALL"},
            }
            made = self._sent("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            self._session = f"/session/{made['sessionId']}"
            self._devtools("Network.enable", {})
            self._devtools("Network.setExtraHTTPHeaders", {"headers": {"X-Local-Source-Ip": ip}})
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End it."""
        if self._session:
            self._sent("DELETE", self._session)
            self._session = ""
        self._driver.terminate()
        self._driver.wait(timeout=20)

    # What a person does

    def go(self, url: str) -> None:
        """Open a page."""
        self._sent("POST", f"{self._session}/url", {"url": url})

    def fill(self, label: str, text: str) -> None:
        """Type into the field of this label: it is found as a screen reader does."""
        field = self._element("xpath", f'//input[@id=//label[normalize-space()="{label}"]/@for]')
        self._sent("POST", f"{self._session}/element/{field}/clear", {})
        self._sent("POST", f"{self._session}/element/{field}/value", {"text": text})

    def press(self, button: str, leaves: bool = True) -> None:
        """Press a button of a form, and wait for the page that comes.

        WebDriver's own wait for it ends early where the browser is slow to begin with the next page; the next one is
        there when the page with the button is gone, and whatever has come instead is complete.

        Args:
            leaves: another page comes; not where something is to stop it.
        """
        before = self._element("css selector", "html")
        element = self._element("xpath", f'//button[normalize-space()="{button}"]')
        self._sent("POST", f"{self._session}/element/{element}/click", {})
        if leaves:
            self._wait_for(f"what follows {button}", lambda: not self._is_there(before) and self._is_complete())

    # What a person sees

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self._sent("GET", f"{self._session}/url"))

    @property
    def heading(self) -> str:
        """The page's heading."""
        return self._text_of("h1")

    @property
    def alert(self) -> str:
        """What a screen reader says at once."""
        return self._text_of('[role="alert"]')

    @property
    def text(self) -> str:
        """All that is to be read."""
        return self._text_of("body")

    def picture(self, path: Path) -> None:
        """The page as PNG."""
        path.write_bytes(base64.b64decode(self._sent("GET", f"{self._session}/screenshot")))

    # What an inspector sees

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns; it is the inspector's, and no policy of the page's stops it."""
        return self._sent("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script: str) -> Any:
        """What a script hands to its last argument."""
        return self._sent("POST", f"{self._session}/execute/async", {"script": script, "args": []})

    def complaints(self) -> list[str]:
        """What the console has said since it was last asked: among it, whatever a policy has stopped."""
        entries = self._sent("POST", f"{self._session}/se/log", {"type": "browser"})
        return [str(each["message"]) for each in entries if "/favicon.ico" not in each["message"]]

    def cookies(self) -> list[dict[str, Any]]:
        """Those of the page's host, with their rules."""
        found: list[dict[str, Any]] = self._sent("GET", f"{self._session}/cookie")
        return found

    def _text_of(self, selector: str) -> str:
        element = self._element("css selector", selector)
        return str(self._sent("GET", f"{self._session}/element/{element}/text"))

    def _element(self, using: str, value: str) -> str:
        return str(self._sent("POST", f"{self._session}/element", {"using": using, "value": value})[_ELEMENT])

    def _is_there(self, element: str) -> bool:
        """Whether an element is of the page that is shown now."""
        answer = requests.get(f"{self._base}{self._session}/element/{element}/name", timeout=_PATIENCE_S)
        return answer.status_code == 200

    def _is_complete(self) -> bool:
        return bool(self.run("return document.readyState === 'complete' && document.body !== null"))

    @staticmethod
    def _wait_for(what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, f"{what} does not come"
            time.sleep(0.05)

    def _devtools(self, command: str, values: dict[str, Any]) -> None:
        self._sent("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": values})

    def _sent(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, self._base + path, json=body, timeout=_PATIENCE_S)
        value = answer.json()["value"]
        assert answer.status_code == 200, f"{method} {path}: {value['error']}: {value['message'][:400]}"
        return value

    def _wait_for_driver(self) -> None:
        def is_ready() -> bool:
            try:
                return bool(requests.get(f"{self._base}/status", timeout=_PATIENCE_S).json()["value"]["ready"])
            except requests.ConnectionError:
                return False

        self._wait_for("chromedriver", is_ready)
