"""What a demo is made of; how it runs as a whole is shown with real processes."""

import json
import os
import shlex
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import httpx
import pytest

import catalog.demo
from api import demo, store
from api.processes import CHILD_OF_VARIABLE
from api.settings import from_environment


def test_the_demo_sells_everything() -> None:
    """With payments, a provider and resets; its settings survive the way to the service."""
    settings = demo.demo_settings(Path("demo-data"), port=9_000)

    assert "http://127.0.0.1:9001" == settings.gateway_url
    assert "http://127.0.0.1:9002" == settings.provider_url
    assert settings.allow_reset
    assert settings == from_environment(settings.export())


def test_the_greeting_can_be_typed() -> None:
    """Three commands that a shell understands, for the address it names."""
    lines = demo.greeting("http://127.0.0.1:9000").splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith("    curl")]

    assert ["curl"] * 3 == [command[0] for command in commands]
    assert all("http://127.0.0.1:9000/api/" in " ".join(command) for command in commands)
    assert {"event_id": 1} == json.loads(commands[1][-1])


def test_a_child_that_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sits before a dead demo for minutes."""

    def refuse(*_: object, **__: object) -> httpx.Response:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(httpx, "get", refuse)
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as child:
        child.wait()
        with pytest.raises(store.StoreError, match=r"^nothing answers at http://x/readyz; see"):
            demo._wait_for("http://x/readyz", child)


def test_a_child_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alive and dumb, too."""
    answers = iter([httpx.Response(503)] * 3)
    clock = iter(range(0, 1_000, 50))
    monkeypatch.setattr(httpx, "get", lambda *_, **__: next(answers))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        with pytest.raises(store.StoreError):
            demo._wait_for("http://x/readyz", child)
        child.kill()


def test_an_emulator_that_ends_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what starts another one; the demo goes on for as long as its service does."""
    monkeypatch.setattr(demo, "LOOK_SECONDS", 0.01)
    asleep = [sys.executable, "-c", "import time; time.sleep(0.5); raise SystemExit(4)"]
    with (
        subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as gateway,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as provider,
        subprocess.Popen(asleep) as server,
    ):
        gateway.wait()
        urls = {"gateway": "http://127.0.0.1:9001", "provider": "http://127.0.0.1:9002"}
        emulators = dict(zip(urls.items(), (gateway, provider), strict=True))

        assert 4 == demo._watch(server, emulators)
        provider.kill()

    (told,) = capsys.readouterr().err.splitlines()
    assert "gateway has ended with code 3" in told
    assert told.endswith("billetter emulate gateway --port 9001")


@pytest.mark.timeout(60)
def test_a_signal_within_a_look_at_a_child_stops_no_stop() -> None:
    """It leaves the lock taken that a Popen looks with: whoever waited for that waited for ever."""
    asleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(asleep) as child:
        lock = child._waitpid_lock  # type: ignore[attr-defined]
        with lock:
            demo.end(child)
        with pytest.raises(ProcessLookupError):
            os.kill(child.pid, 0)
        demo.end(child)


def test_children_know_whose_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the service finds its settings in its environment, where no `ps` shows a password."""
    started: list[tuple[list[str], dict[str, str]]] = []

    def remember(command: list[str], *, env: dict[str, str]) -> None:
        started.append((command, env))

    monkeypatch.setattr(subprocess, "Popen", remember)
    settings = demo.demo_settings(Path("demo-data"), port=9_000)
    demo._child(["serve"], settings)

    ((command, environ),) = started
    assert [sys.executable, "-m", "api", "serve"] == command
    assert str(os.getpid()) == environ[CHILD_OF_VARIABLE]
    assert settings == from_environment(environ)


def test_demo_data_is_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that it was made of are gone again."""
    write = catalog.demo.write

    def write_few(directory: Path, *, today: date, progress: bool) -> catalog.demo.Files:
        return write(directory, today=today, users=30, events=4, archive=5)

    monkeypatch.setattr(catalog.demo, "write", write_few)
    demo.make_data(tmp_path / "deep" / "data")

    store.require(tmp_path / "deep" / "data")
    assert ["data"] == [path.name for path in (tmp_path / "deep").iterdir()]
