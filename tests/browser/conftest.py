"""Chromium with the files of web/ as they are, and a service that is played by the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.stage import Stage

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module: as long as it is open, its loop runs, and no other test may run one."""
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox"],  # as root, Chromium refuses to start with one
        )
        yield chromium
        chromium.close()


@pytest.fixture
def stage(browser: Browser) -> Iterator[Stage]:
    yield from opened(browser)


@pytest.fixture(scope="module")
def modules(browser: Browser) -> Iterator[Stage]:
    """One page for all of a module that leave nothing behind."""
    yield from opened(browser)


def opened(browser: Browser) -> Iterator[Stage]:
    context = browser.new_context(locale="ru-RU", timezone_id="Asia/Almaty")
    context.set_default_timeout(10_000)
    stage = Stage(context.new_page())
    yield stage
    context.close()
    assert [] == stage.errors
