"""Running an emulator: where it listens, and that there is one of it."""

import os
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from api import emulators
from api.emulators import EMULATORS, emulate
from api.processes import Interrupt, PortTaken

BASE_URL = "BILLETTER_EMULATOR_BASE_URL"


class FakeGranian:
    """Remembers how it was made, and that it was started."""

    made: dict[str, Any]
    main_loop_interrupt: threading.Event

    def __init__(self, target: str, **options: Any) -> None:
        FakeGranian.made = {"target": target, **options}

    @classmethod
    def keep_the_end(cls) -> None:
        cls.made["keeps the end"] = True

    def serve(self) -> None:
        self.made |= {"served": self.made["keeps the end"], "interrupt": self.main_loop_interrupt}


@pytest.fixture
def granian(monkeypatch: pytest.MonkeyPatch) -> type[FakeGranian]:
    monkeypatch.setattr(emulators, "Granian", FakeGranian)
    monkeypatch.setattr(emulators, "require_free_port", lambda *_: None)
    monkeypatch.setattr(emulators, "keep_the_end_for_workers", FakeGranian.keep_the_end)
    monkeypatch.setenv(BASE_URL, "to be restored")
    monkeypatch.delenv(BASE_URL)
    return FakeGranian


@pytest.mark.parametrize(("service", "port"), [("gateway", 8_082), ("provider", 8_083)])
def test_each_has_its_port(granian: type[FakeGranian], service: str, port: int) -> None:
    """In one process: everything it knows is in its memory."""
    emulate(service, host="127.0.0.1", port=None)

    made = granian.made
    assert isinstance(made["interrupt"], Interrupt)
    assert ("127.0.0.1", port, 1, True) == tuple(
        made[name] for name in ("address", "port", "workers", "served")
    )
    assert f"api.emulators:{service}_application" == made["target"]


def test_another_port_and_its_address(
    granian: type[FakeGranian], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages it hands out lead back to it, unless it is known under another address."""
    emulate("gateway", host="127.0.0.1", port=9_000)
    assert 9_000 == granian.made["port"]
    assert "http://127.0.0.1:9000" == os.environ[BASE_URL]

    monkeypatch.setenv(BASE_URL, "https://pay.example")
    emulate("gateway", host="127.0.0.1", port=9_001)
    assert "https://pay.example" == os.environ[BASE_URL]


def test_an_address_of_ipv6_is_one_of_its_pages(granian: type[FakeGranian]) -> None:
    emulate("gateway", host="::1", port=9_000)
    assert "http://[::1]:9000" == os.environ[BASE_URL]
    assert granian.made["served"]


def test_a_taken_port_is_refused() -> None:
    """Before anything is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortTaken):
            emulate("provider", host="127.0.0.1", port=taken.getsockname()[1])


@pytest.mark.parametrize("service", EMULATORS)
def test_the_worker_ends_with_its_supervisor(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application is made only after that has been seen to, and hears a stop from its start."""
    asked: list[int] = []
    heard: list[str] = []

    def hear(_: object) -> Callable[[], None]:
        heard.append("from the beginning")
        return lambda: heard.append("started")

    monkeypatch.setattr(emulators, "hear_the_first_end", hear)
    monkeypatch.setattr(emulators, "die_with_parent", asked.append)
    monkeypatch.setattr(emulators, "parent_id", lambda: 42)

    module, _, name = EMULATORS[service].target.partition(":")
    assert "api.emulators" == module
    made = getattr(emulators, name)()

    assert ([42], []) == (asked, heard)
    with TestClient(made) as client:
        assert client.get("/__emu/settings").is_success
    assert ["from the beginning", "started"] == heard
