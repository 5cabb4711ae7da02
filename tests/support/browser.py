"""A real browser, Debian's Chromium driven by Playwright, and the page served to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TOKEN = "a token of sixteen"
PATIENCE = 180_000  # milliseconds

CHROMIUM = next((p for n in ("chromium", "chromium-browser") if (p := shutil.which(n))), None)

_ROOT = Path(__file__).resolve().parents[2]


def reason_not_to_run() -> str | None:
    """Return why there is no browser here; None if there is one."""
    if CHROMIUM is None:
        return "no chromium on this machine (install it with .ci/browser)"
    return None if find_spec("playwright") else "needs playwright"


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium's own sandbox does not run as root.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def new_page(browser: Any, **context: Any) -> Any:
    """Return a page of a context of its own, which waits for long where the machine is busy."""
    opened = browser.new_context(**context)
    opened.set_default_timeout(PATIENCE)
    return opened.new_page()


class Tab:
    """A page in a browser of its own, and what went wrong on it.

    Attributes:
        page: Playwright's page.
        wrong: Messages of the console, errors, and requests to other addresses.
    """

    def __init__(self, browser: Any, address: str, **context: Any) -> None:
        self.page = new_page(browser, **context)
        self.address = address
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._requested)
        self.go("/?token=" + TOKEN)

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def _requested(self, request: Any) -> None:
        if not request.url.startswith(self.address + "/"):
            self.wrong.append(request.url)

    def question(self) -> str | None:
        """Return the number of the question that is shown for labelling."""
        field = self.page.query_selector("input[name=number]")
        return None if field is None else field.get_attribute("value")

    def press(self, key: str) -> float:
        """Press a key that leads to another question; return the seconds until it is there."""
        before = self.question()
        began = time.perf_counter()
        self.page.keyboard.press(key)
        self.page.wait_for_function(
            "before => (document.querySelector('input[name=number]') || {}).value !== before",
            arg=before,
        )
        taken = time.perf_counter() - began
        self.page.wait_for_load_state()  # a key that is a link: its page must know the next key
        return taken


class Served:
    """``bestofinf view`` as users start it, in a process that can be killed.

    Args:
        store: Path of the store, or its URL.
        port: Where it listens; 0 takes a free one.
        options: More words of its command.
    """

    def __init__(self, store: Path | str, port: int = 0, *options: str) -> None:
        paths = [str(_ROOT / "shared"), str(_ROOT), str(_ROOT / "tests")]
        self.process = subprocess.Popen(
            [
                sys.executable, "-c", "from bestofinf.cli import main; main()", "view", str(store),
                "--no-browser", "--port", str(port), "--token", TOKEN, *options,
            ],
            stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
        assert self.process.stdout is not None
        told = self.process.stdout.readline()
        assert told.startswith("Open http://"), told
        self.address = told.split()[1].partition("/?")[0]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
