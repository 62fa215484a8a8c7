"""The composition root: what is handed to the server, and what opens and closes with it."""

import asyncio
import errno
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from api import request_log, store
from api import serve as root
from api.clock import Clock
from api.cores import use_all_cores
from api.fairness.waiting_rooms import WaitingRooms
from api.keeper import Keeper
from api.organiser.replays import Replays
from api.organiser.sales import Sales
from api.places import PlacesOnSale
from api.processes import Interrupt
from api.request_log import RequestLog
from api.service import Service
from api.settings import Settings, from_environment
from api.stalls import Stalls
from catalog import Catalog, NotACatalog
from engine import Engine, Event, Sale
from engine.errors import LogLost
from sagas import GatewayClient, ProviderClient, Sagas
from tests.descriptors import opened_files

Made = dict[str, Any]
ALL_CORES = os.sched_getaffinity(0) if sys.platform.startswith("linux") else set[int]()


@pytest.fixture(autouse=True)
def own_process() -> Iterator[None]:
    """Logs, cores and collector of this process are afterwards as they were."""
    yield
    structlog.reset_defaults()
    use_all_cores()
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
        root.serve(Settings(connections=1_000))
        assert [] == logs
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


def test_what_goes_on_besides_is_begun_and_ended(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it outlives the engine, which makes the last records durable."""
    begun: set[str] = set()
    ended: list[str] = []

    def begin(name: str) -> Callable[..., Any]:
        async def watch(*_: object) -> None:
            begun.add(name)

        return watch

    def end(owner: type, name: str) -> Callable[..., Any]:
        stop = getattr(owner, name)

        async def noted(self: object) -> None:
            ended.append(owner.__name__)
            await stop(self)

        return noted

    beside = ("limit_who_does_not_read", "free_network_threads", "look_now_and_then")
    for name in beside:
        monkeypatch.setattr(root, name, begin(name))
    for watching in (Clock, Stalls, Sales):
        monkeypatch.setattr(watching, "watch", begin(watching.__name__))
    for working in (WaitingRooms, Replays, Keeper, Sagas, Engine):
        monkeypatch.setattr(working, "stop", end(working, "stop"))
    for client in (GatewayClient, ProviderClient):
        monkeypatch.setattr(client, "aclose", end(client, "aclose"))
    monkeypatch.setattr(PlacesOnSale, "read", begin("places"))
    settings = Settings(
        data=data,
        gateway_url="http://g",
        merchant_id="we",
        merchant_password="s3cret",
        provider_url="http://p",
    )

    async def open_and_close() -> None:
        async with root.running(settings, service(), Clock()):
            await asyncio.sleep(0)

    asyncio.run(open_and_close())

    assert {*beside, "Clock", "Stalls", "Sales", "places"} == begun
    outside = ["GatewayClient", "ProviderClient"]
    assert ["WaitingRooms", "Replays", "Keeper", "Sagas", *outside, "Engine"] == ended


def test_time_goes_on_from_the_log(data: Path) -> None:
    """Also where the system's clock has been set back."""
    later_ms = Clock().now_ms() + 3_600_000
    catalog = Catalog.open(data / store.CATALOG_DIRECTORY)
    engine = root.recovered(Settings(data=data), catalog)
    engine.create_booking(user_id=1, event_id=2, now_ms=later_ms)
    engine.flush()
    catalog.close()
    engine.close()
    clock = Clock()

    async def opened_at() -> int:
        async with root.running(Settings(data=data), service(), clock):
            return clock.now_ms()

    assert later_ms <= asyncio.run(opened_at())


@pytest.mark.skipif(len(ALL_CORES) < 2, reason="on one core there is nothing to choose")
@pytest.mark.parametrize("any_core", [False, True])
def test_only_what_needs_the_interpreter_shares_a_core(data: Path, any_core: bool) -> None:
    """What is done in threads aside, files for one, runs where there is room."""

    async def cores() -> tuple[int, int]:
        async with root.running(Settings(data=data, any_core=any_core), service(), Clock()):
            aside = await asyncio.to_thread(os.sched_getaffinity, 0)
            return len(os.sched_getaffinity(0)), len(aside)

    assert (len(ALL_CORES) if any_core else 1, len(ALL_CORES)) == asyncio.run(cores())


def test_requests_are_told_as_it_was_chosen(tmp_path: Path) -> None:
    """Not at all, those that write, or all."""

    def told(chosen: str) -> list[str] | None:
        log = root.request_log_of(Settings(data=tmp_path, request_log=chosen), Clock())
        return None if log is None else [one for one in ("GET", "POST") if log.wants(one)]

    assert [None, ["POST"], ["GET", "POST"]] == [*map(told, ("off", "writes", "all"))]


def test_the_last_requests_are_told(data: Path) -> None:
    """Those of the server's last moments, too."""
    requests = RequestLog(data, clock_ms=Clock().now_ms)
    given: Made = {"request_id": b"r", "method": "POST", "path": "/", "status": 200, "client": ""}

    async def open_and_close() -> None:
        one = Service(clock_ms=Clock().now_ms, request_log=requests)
        async with root.running(Settings(data=data), one, Clock()):
            requests.note(0.0, **given, user_id=0, subject=None, lsn=0)

    asyncio.run(open_and_close())
    assert ["r"] == [one.id for one in request_log.read(data)]
    assert [] == [file for file in opened_files() if file.is_relative_to(data)]


def test_a_new_key_for_tickets_is_told(data: Path) -> None:
    """Whoever has lost the old one learns why tickets are refused at the door."""
    (data / store.TICKET_KEY).unlink()

    async def open_and_close() -> None:
        async with root.running(Settings(data=data), service(), Clock()):
            pass

    with capture_logs() as logs:
        asyncio.run(open_and_close())
    assert [True] == [
        line["log_level"] == "warning" for line in logs if "a key for tickets" in line["event"]
    ]


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
