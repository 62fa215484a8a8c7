"""A demo's shop with all it needs to be visited: server, both outside services, staff, Chromium."""

import csv
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright

from api.demo import MERCHANT_ID, MERCHANT_PASSWORD, STAFF_FILE, initialise, make_staff
from bench.shop import FAR_FROM_NOW
from catalog import demo
from torture.servers.child import Server, started, wait_until_ready
from torture.servers.ports import free_port

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no Chromium on the PATH: install the package chromium (or google-chrome)"


class Shop(NamedTuple):
    """Where it answers, and where the pages of its gateway are; the file of its users."""

    url: str
    gateway_url: str
    users: Path

    def person(self, number: int) -> tuple[str, str]:
        """Email and password of one who may log in; 0 is the demo's own user."""
        with self.users.open(encoding="utf-8", newline="") as file:
            active = [row for row in csv.DictReader(file) if row["is_active"] == "True"]
        return active[number]["email"], active[number]["password_plain"]


@contextmanager
def opened(
    directory: Path, *options: str, today: date = FAR_FROM_NOW, users: int = 20, events: int = 41
) -> Iterator[Shop]:
    """Of a stadium and some other events, until the block ends."""
    files = demo.write(directory, today=today, users=users, events=events, archive=1)
    data = directory / "data"
    initialise(data, files)
    make_staff(data)
    with ExitStack() as stack:

        def start(*arguments: str) -> Server:
            port = free_port()
            command = [sys.executable, "-m", "api", *arguments, "--port", str(port)]
            url = f"http://127.0.0.1:{port}"
            return stack.enter_context(started(command, url=url, log=directory / "log"))

        gateway, provider = start("emulate", "gateway"), start("emulate", "provider")
        outside = ("--gateway-url", gateway.url, "--provider-url", provider.url)
        merchant = ("--merchant-id", MERCHANT_ID, "--merchant-password", MERCHANT_PASSWORD)
        own = ("--data", str(data), "--staff-file", str(data / STAFF_FILE))
        server = start("serve", *own, *outside, *merchant, *options)
        for emulator in (gateway, provider):
            wait_until_ready(emulator, "/__emu/settings")
        wait_until_ready(server, "/readyz")
        yield Shop(server.url, gateway.url, files.users)


def chromium_path() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """As long as it is open, its loop runs in this thread. Raises FileNotFoundError: MISSING."""
    path = chromium_path()
    if path is None:
        raise FileNotFoundError(MISSING)
    # As root, Chromium refuses to start with a sandbox.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
