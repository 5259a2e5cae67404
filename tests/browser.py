"""Headless Chromium by its DevTools protocol: enough to open a page, look at it and use it.

One browser serves all tests of a process; each test has a tab of its own. Nothing waits for a time:
`Tab.until` waits for what the page shows, with a limit that only a failed test reaches.
"""

import asyncio
import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import aiohttp
from yarl import URL

START_SECONDS: Final = 60.0
WAIT_SECONDS: Final = 60.0
"""Far more than a loaded machine needs."""

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS: Final = (
    "--headless=new",
    "--no-sandbox",  # it refuses to run as root with one
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers give 64 MB
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-proxy-server",
    "--remote-debugging-port=0",
)
_DOMAINS: Final = ("Page", "Runtime", "Log", "Network", "Audits")
_ALARMS: Final = {"error", "warning", "assert"}


def chromium() -> str | None:
    """Where the browser is, if it is on PATH."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class PageError(AssertionError):
    """A script failed in the page, or waited in vain."""


class Tab:
    """A page.

    `complaints` are its errors, warnings, uncaught exceptions and issues (a violated policy, a
    field without a label); `strangers` are addresses it asked for that are not of the site that
    was opened.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._loaded = asyncio.Event()
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self._origins: set[URL] = set()

    async def listen(self) -> None:
        """Take what the browser says, until it is gone."""
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            elif told["method"] == "Page.loadEventFired":
                self._loaded.set()
            elif told["method"] == "Network.requestWillBeSent":
                self._asked(URL(told["params"]["request"]["url"]))
            elif complaint := _complaint(told["method"], told["params"]):
                self.complaints.append(complaint)
        for waiting in self._waiting.values():
            waiting.set_exception(ConnectionError("the browser is gone"))

    def _asked(self, url: URL) -> None:
        if not url.absolute or url.origin() not in self._origins:
            self.strangers.append(str(url))

    async def call(self, method: str, **params: Any) -> Any:
        """The result of a DevTools command."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(WAIT_SECONDS):
            told = await answer
        assert "error" not in told, told
        return told["result"]

    async def value(self, expression: str) -> Any:
        """What a script expression is in the page; a promise is waited for.

        Raises PageError for what the script raises.
        """
        result = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise PageError(result["result"].get("description") or result["exceptionDetails"])
        return result["result"].get("value")

    async def until(self, expression: str) -> Any:
        """What the expression is once it holds; what the page shows is told if it never does."""
        script = f"""new Promise((resolve, reject) => {{
          const look = () => {{
            const found = {expression};
            found ? resolve(found) : setTimeout(look, 15);
          }};
          const shown = () => new Error('in vain: ' + document.body.innerText.slice(0, 2000));
          setTimeout(() => reject(shown()), {WAIT_SECONDS * 900});
          look();
        }})"""
        return await self.value(script)

    async def open(self, url: str) -> None:
        """Go there; return once it is loaded."""
        self._loaded.clear()
        self._origins.add(URL(url).origin())
        await self.call("Page.navigate", url=url)
        async with asyncio.timeout(WAIT_SECONDS):
            await self._loaded.wait()

    async def press(self, key: str) -> None:
        """A key of the keyboard: Tab, Enter, Escape."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27}
        text = {"text": "\r"} if key == "Enter" else {}
        pressed = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        for kind, more in (("keyDown", text), ("keyUp", {})):
            await self.call("Input.dispatchKeyEvent", type=kind, **pressed, **more)

    async def type(self, text: str) -> None:
        """Text into what has the focus."""
        await self.call("Input.insertText", text=text)

    async def size(self, width: int, height: int, *, dark: bool = False, density: int = 1) -> None:
        """The window in CSS pixels, device pixels for each of them, and the reader's colours.

        The reader wants no motion: what is faint for a moment would look too faint to read.
        """
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=density,
            mobile=width < 600,
        )
        scheme = "dark" if dark else "light"
        await self.call(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ],
        )

    async def picture(self) -> bytes:
        """A screenshot, PNG."""
        told = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(told["data"])

    def forgive(self, *texts: str) -> None:
        """Forget complaints that contain one of these texts: the test has provoked them."""
        self.complaints = [
            told for told in self.complaints if not any(text in told for text in texts)
        ]


def _complaint(method: str, params: dict[str, Any]) -> str | None:
    """What an event says against the page, if it does."""
    if method == "Runtime.exceptionThrown":
        return json.dumps(params["exceptionDetails"])
    if method == "Log.entryAdded" and params["entry"]["level"] in _ALARMS:
        return str(params["entry"]["text"])
    if method == "Runtime.consoleAPICalled" and params["type"] in _ALARMS:
        return json.dumps(params["args"])
    if method == "Audits.issueAdded":
        return json.dumps(params["issue"])
    return None


@contextmanager
def browser(executable: str) -> Iterator[str]:
    """A browser of our own, with a profile that is forgotten; gives its DevTools address."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        tempfile.TemporaryFile() as said,
    ):
        command = [executable, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            yield f"http://127.0.0.1:{_port(process, Path(profile) / 'DevToolsActivePort')}"
        except _NotStartedError:
            said.seek(0)
            raise AssertionError(f"{executable}: {said.read().decode(errors='replace')}") from None
        finally:
            process.terminate()
            try:
                process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


class _NotStartedError(Exception):
    """The browser ended, or does not listen."""


def _port(process: "subprocess.Popen[bytes]", file: Path) -> str:
    """The browser writes it there once it listens. Raises _NotStartedError."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            if lines := file.read_text().splitlines():
                return lines[0]
        time.sleep(0.02)
    raise _NotStartedError


@asynccontextmanager
async def new_tab(devtools: str) -> AsyncIterator[Tab]:
    """A tab of the browser at that address, closed in the end."""
    async with aiohttp.ClientSession(trust_env=False) as session:
        async with session.put(f"{devtools}/json/new?about:blank") as response:
            target = await response.json()
        async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            tab = Tab(socket)
            listening = asyncio.create_task(tab.listen())
            for domain in _DOMAINS:
                await tab.call(f"{domain}.enable")
            await tab.call("Emulation.setFocusEmulationEnabled", enabled=True)
            await tab.call("Page.bringToFront")
            yield tab
            listening.cancel()
        async with session.get(f"{devtools}/json/close/{target['id']}"):
            pass
