"""The composition root: what is handed to the server, and what opens and closes with it."""

import asyncio
import errno
import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from api import serve as root
from api import store
from api.clock import Clock
from api.places import PlacesOnSale
from api.processes import Interrupt
from api.service import Service
from api.settings import Settings, from_environment
from catalog import Catalog, NotACatalog
from engine import Engine, Event, Sale
from engine.errors import LogLost
from sagas import GatewayClient, ProviderClient
from tests.descriptors import opened_files

Made = dict[str, Any]


@pytest.fixture(autouse=True)
def own_process() -> Iterator[None]:
    """Logs and collector of this process are afterwards as they were."""
    yield
    structlog.reset_defaults()
    gc.enable()
    gc.unfreeze()


class FakeGranian:
    """Remembers how it was made; its startup hooks run as they would."""

    made: Made
    main_loop_interrupt: threading.Event

    def __init__(self, target: str, **options: Any) -> None:
        FakeGranian.made = {"target": target, **options}

    def signal_handler_interrupt(self, *_: object) -> None:
        self.made["interrupted"] = True

    def on_startup(self, hook: Callable[[], Any]) -> None:
        self.made["hook"] = hook

    @classmethod
    def keep_the_end(cls) -> None:
        cls.made["keeps the end"] = True

    def serve(self) -> None:
        self.made |= {"served": self.made["keeps the end"], "interrupt": self.main_loop_interrupt}


@pytest.fixture
def granian(monkeypatch: pytest.MonkeyPatch) -> type[FakeGranian]:
    for name in Settings().export():
        monkeypatch.setenv(name, "to be restored")
    monkeypatch.setattr(root, "Granian", FakeGranian)
    monkeypatch.setattr(root, "require_free_port", lambda *_: None)
    monkeypatch.setattr(root, "keep_the_end_for_workers", FakeGranian.keep_the_end)
    monkeypatch.setattr(root, "allow_connections", lambda wanted: min(wanted, 1_000))
    return FakeGranian


def test_one_worker_and_never_another(granian: type[FakeGranian]) -> None:
    """One writer (I1): nothing respawns it, and the settings reach it by the environment."""
    settings = Settings(port=9_000, host="::1", merchant_password="s3cret", connections=100)
    root.serve(settings)

    made = granian.made
    assert isinstance(made["interrupt"], Interrupt)
    assert ("api.serve:application", True, 1, False) == (
        made["target"],
        made["factory"],
        made["workers"],
        made["respawn_failed_workers"],
    )
    assert ("::1", 9_000, 100, 100) == (
        made["address"],
        made["port"],
        made["backlog"],
        made["backpressure"],
    )
    assert made["served"]
    assert settings == from_environment()


def test_tls_of_its_own_where_it_is_asked_for(granian: type[FakeGranian]) -> None:
    """By the benchmark of nginx alone: users have TLS by nginx."""
    root.serve(Settings())
    assert (None, None) == (granian.made["ssl_cert"], granian.made["ssl_key"])

    certificate, key = Path("tls.crt"), Path("tls.key")
    root.serve(Settings(), certificate=(certificate, key))
    assert (certificate, key) == (granian.made["ssl_cert"], granian.made["ssl_key"])


def test_a_hangup_is_a_stop(granian: type[FakeGranian]) -> None:
    """Not the reload with a second worker that the server would make of it."""
    before = signal.getsignal(signal.SIGHUP)
    try:
        root.serve(Settings())
        granian.made["hook"]()
        os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert granian.made["interrupted"]


def test_fewer_connections_than_wished_are_told(granian: type[FakeGranian]) -> None:
    """A crowd that finds no files left would end the log."""
    with capture_logs() as logs:
        root.serve(Settings(connections=5_000))

    assert 1_000 == granian.made["backpressure"]
    assert [1_000] == [line["connections"] for line in logs]


def service() -> Service:
    return Service(clock_ms=Clock().now_ms)


def test_opened_and_closed(data: Path) -> None:
    """Ready only in between; what was booked is durable and the directory is free again."""
    one = service()

    async def book() -> int:
        async with root.running(Settings(data=data), one, Clock()):
            assert one.is_ready
            return one.engine.create_booking(user_id=1, event_id=2, now_ms=1)

    booking_id = asyncio.run(book())

    assert not one.is_ready
    engine = Engine.open(data, [])
    assert [booking_id] == [booking.booking_id for booking in engine.bookings_of(1)]
    engine.close()


def test_what_is_missing_is_said(data: Path) -> None:
    """Without a gateway nothing can be paid for, without a provider nothing of partners."""

    async def open_and_close(settings: Settings) -> list[Any]:
        with capture_logs() as logs:
            async with root.running(settings, service(), Clock()):
                pass
        return logs

    logs = asyncio.run(open_and_close(Settings(data=data, webhook_secret="s3cret")))

    assert ["BILLETTER_GATEWAY_URL", "BILLETTER_PROVIDER_URL"] == [
        line["set"] for line in logs if line["log_level"] == "warning"
    ]
    assert "s3cret" not in str(logs)
    assert ["recovered", "ready", "stopped"] == [
        line["event"] for line in logs if line["log_level"] == "info"
    ]


def test_clients_of_what_is_configured() -> None:
    """Each on its own."""

    async def made(settings: Settings) -> list[type | None]:
        clients = root.clients(settings, Clock().now_ms)
        for client in clients:
            if client is not None:
                await client.aclose()
        return [None if client is None else type(client) for client in clients]

    merchant = Settings(gateway_url="http://g", merchant_id="we", merchant_password="s3cret")
    with capture_logs():
        assert [None, None] == asyncio.run(made(Settings()))
        assert [GatewayClient, None] == asyncio.run(made(merchant))
        assert [None, ProviderClient] == asyncio.run(made(Settings(provider_url="http://p")))


@pytest.mark.parametrize("is_slow", [False, True])
def test_the_first_start_waits_a_little_for_places(
    data: Path, monkeypatch: pytest.MonkeyPatch, is_slow: bool
) -> None:
    """So that the first buyer of the stadium isn't refused; a provider that is down delays none."""
    monkeypatch.setattr(root, "PLACES_SECONDS_MAX", 0.05 if is_slow else 60)
    known: list[int] = []

    async def read(places: PlacesOnSale, _: object, events: list[Event]) -> None:
        places.awaited.update(event.event_id for event in events if event.sale is Sale.PARTNER)
        await asyncio.sleep(60 if is_slow else 0.01)
        known.extend(places.awaited)
        places.awaited.clear()

    monkeypatch.setattr(PlacesOnSale, "read", read)

    async def open_and_close() -> None:
        with capture_logs():
            shop = service()
            async with root.running(Settings(data=data), shop, Clock()):
                assert ([] if is_slow else [1]) == known
                assert int(is_slow) == len(shop.sizes["places_awaited"][1])

    asyncio.run(open_and_close())


@pytest.mark.parametrize(
    ("spoil", "failure"),
    [
        (lambda data: (data / "wal").rename(data / "lost"), LogLost),
        (lambda data: (data / "catalog" / "users.sqlite").unlink(), NotACatalog),
        (lambda data: (data / "wal" / "watermark").unlink(), root.KNOWN_FAILURES),
    ],
    ids=["no log", "no users", "no watermark"],
)
def test_a_spoilt_directory_is_not_served(
    data: Path, spoil: Callable[[Path], object], failure: type[Exception]
) -> None:
    """It never becomes ready, and what was opened of it is closed."""
    one = service()
    spoil(data)

    async def open_it() -> None:
        async with root.running(Settings(data=data), one, Clock()):
            pass

    with pytest.raises(failure) as failed:
        asyncio.run(open_it())
    assert not one.is_ready
    assert [] == [file for file in opened_files() if file.is_relative_to(data)], failed


def test_what_recovery_set_aside_is_told(data: Path) -> None:
    """An operator looks at the file before it happens again."""
    broken = data / "snapshots" / f"{7:020d}.snapshot"
    broken.write_bytes(b"no snapshot")
    catalog = Catalog.open(data / "catalog")
    with capture_logs() as logs:
        engine = root.recovered(Settings(data=data), catalog)
    engine.close()
    catalog.close()

    (what,) = [line["what"] for line in logs if line["log_level"] == "warning"]
    assert what.startswith(f"{broken}: ")


def test_the_collector_never_looks_at_what_was_recovered(data: Path) -> None:
    """A look at everything would stop the loop of a server that is ready already."""
    catalog = Catalog.open(data / "catalog")
    gc.unfreeze()
    engine = root.recovered(Settings(data=data), catalog)
    engine.close()
    catalog.close()

    assert gc.get_freeze_count()
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("failure", "reason", "with_traceback"),
    [
        (store.StoreError("/data does not exist"), "/data does not exist", False),
        (NotACatalog(Path("/data"), "no"), str(NotACatalog(Path("/data"), "no")), False),
        (OSError(errno.EACCES, "Denied", "/data/wal"), "/data/wal: Denied", False),
        (
            OSError(errno.ENOSPC, "No space", "/data/wal/next.wal.tmp"),
            "/data/wal/next.wal.tmp: No space; make room there (a start takes 16 MiB), "
            "never inside wal/ or snapshots/",
            False,
        ),
        (ZeroDivisionError("ours"), "ours", True),
    ],
)
def test_the_last_word_is_the_reason(
    failure: Exception, reason: str, with_traceback: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker ends at once with a code that ends the server; only bugs of ours show a trace."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    with capture_logs() as logs:
        root.give_up(failure)

    assert [1] == codes
    assert [(reason, type(failure).__name__, with_traceback)] == [
        (line["reason"], line["kind"], line["exc_info"]) for line in logs
    ]
