"""The composition root: settings in, a running server out. Read it top to bottom.

`serve` runs in the process the operator started and hands over to Granian, which starts one worker;
`application` runs in that worker and puts the rooms together.
"""

import asyncio
import gc
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import NoReturn

import structlog
from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes, TaskImpl
from granian.http import HTTP1Settings
from starlette.types import Receive, Scope, Send

from api import staff, store
from api.app import App, create_app
from api.clock import Clock
from api.collector import look_now_and_then
from api.cores import aside, free_network_threads, share_a_core
from api.fairness.hoarding import hoarding
from api.fairness.room_files import WAITING_ROOMS_DIRECTORY, RoomFiles
from api.fairness.waiting_rooms import WaitingRooms
from api.keeper import Keeper
from api.logs import set_up_logs
from api.organiser.replays import Replays
from api.places import PlacesOnSale
from api.processes import (
    Interrupt,
    allow_connections,
    die_with_demo,
    die_with_parent,
    hear_the_first_end,
    keep_the_end_for_workers,
    leave_terminal_to_parent,
    parent_id,
    require_free_port,
)
from api.readers import limit_who_does_not_read
from api.request_log import RequestLog
from api.service import Service
from api.settings import Settings, from_environment
from catalog import Catalog, CatalogError
from engine import STORE_FAULTS, Engine
from engine.collector import collector_off
from sagas import Breaker, GatewayClient, ProviderClient, Sagas

HEADER_TIMEOUT_MS = 8_000  # also how long an idle connection may stay
HEADER_BLOCK_BYTES_MAX = 32_768
REPLY_SECONDS_MAX = 10  # without a byte of a reply taken
STOP_SECONDS_MAX = 20
# The very first start waits so long for the provider's places, which take half a second; after that
# a provider that is down delays nobody else.
PLACES_SECONDS_MAX = 5.0
# What an operator can see to; anything else is told with its traceback.
KNOWN_FAILURES = (store.StoreError, CatalogError, *STORE_FAULTS, OSError)

log = structlog.get_logger("serve")


def serve(
    settings: Settings,
    *,
    target: str = "api.serve:application",
    certificate: tuple[Path, Path] | None = None,
) -> None:
    """Serve until a signal ends it. Raises PortTaken; recovery's faults end the worker.

    Another `target` is served with the very same options: what the server itself costs. With a
    `certificate`, its file and its key's, it speaks TLS itself, which users have by nginx: what
    that costs is measured beside it.
    """
    die_with_demo()
    require_free_port(settings.host, settings.port)
    connections = allow_connections(settings.connections)
    if connections < settings.connections:
        log.warning("the system allows fewer connections", connections=connections, see="ulimit -n")
    os.environ.update(settings.export())
    ssl_cert, ssl_key = certificate or (None, None)
    server = Granian(
        target,
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=1,  # one writer (I1): never more, and never a reload beside a running one
        loop=Loops.uvloop,
        task_impl=TaskImpl.asyncio,
        runtime_mode=RuntimeModes.mt,
        runtime_threads=1,
        http=HTTPModes.http1,
        websockets=False,
        backlog=settings.connections,
        backpressure=connections,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_TIMEOUT_MS, max_buffer_size=HEADER_BLOCK_BYTES_MAX
        ),
        ssl_cert=ssl_cert,
        ssl_key=ssl_key,
        workers_kill_timeout=STOP_SECONDS_MAX,
        respawn_failed_workers=False,
    )
    server.main_loop_interrupt = Interrupt()
    keep_the_end_for_workers()
    # Granian would start a second worker beside the first; a terminal that is closed means: stop.
    server.on_startup(partial(signal.signal, signal.SIGHUP, server.signal_handler_interrupt))
    server.serve()


def application() -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The worker's application: recovers before the first request, stops cleanly."""
    die_with_parent(parent_id())
    set_up_logs()
    settings = from_environment()
    clock = Clock()
    service = Service(
        clock_ms=clock.now_ms,
        allow_reset=settings.allow_reset,
        webhook_secret=settings.webhook_secret.encode(),
        merchant_id=settings.merchant_id,
        admission=settings.admission,
        rates=settings.rates,
        waiting_rooms=WaitingRooms(RoomFiles(settings.data / WAITING_ROOMS_DIRECTORY)),
        hoarding=hoarding(burst=settings.holds_burst, per_minute=settings.holds_per_minute),
        staff=staff.chosen(settings.staff_file),
        settings=settings.shown(),
        metrics_open=settings.metrics_open,
        request_log=request_log_of(settings, clock),
        watchers_max=settings.watchers,
        connections_max=allow_connections(settings.connections),
    )

    @asynccontextmanager
    async def lifespan(_: App) -> AsyncIterator[None]:
        leave_terminal_to_parent()  # only now: Granian has set its own handlers
        has_started = hear_the_first_end(service.streams.close)
        try:
            async with running(settings, service, clock):
                has_started()
                yield
        except Exception as failure:
            give_up(failure)

    return create_app(service, lifespan=lifespan).answer


def request_log_of(settings: Settings, clock: Clock) -> RequestLog | None:
    """None: nothing is told of requests, and they cost nothing."""
    if settings.request_log == "off":
        return None
    reads_too = settings.request_log == "all"
    return RequestLog(settings.data, clock_ms=clock.now_ms, reads_too=reads_too)


def give_up(failure: Exception) -> NoReturn:
    """End the worker, and with it the server; the last word is the reason, not a library's."""
    is_known = isinstance(failure, KNOWN_FAILURES)
    kind = type(failure).__name__
    reason = store.sentence(failure) if isinstance(failure, OSError) else str(failure)
    log.critical("can't serve", reason=reason, kind=kind, exc_info=not is_known)
    os._exit(1)


@asynccontextmanager
async def running(settings: Settings, service: Service, clock: Clock) -> AsyncIterator[None]:
    """Recover, open for requests, and in the end leave everything durable and unlocked."""
    store.require(settings.data)
    with closing(Catalog.open(settings.data / store.CATALOG_DIRECTORY)) as catalog:
        async with selling(settings, service, clock, catalog):
            yield


@asynccontextmanager
async def selling(
    settings: Settings, service: Service, clock: Clock, catalog: Catalog
) -> AsyncIterator[None]:
    """What `running` promises, of all but the catalog."""
    engine = recovered(settings, catalog)
    service.waiting_rooms.load()
    if not (settings.data / store.TICKET_KEY).exists():
        log.warning("a key for tickets is drawn: those signed with another one are void now")
    ticket_key = store.ticket_key(settings.data)
    clock.start_from(engine.last_at_ms)
    if not settings.any_core:
        share_a_core()
    asyncio.get_running_loop().set_default_executor(aside("aside"))
    engine.start()
    gateway, provider = clients(settings, clock.now_ms)
    places = PlacesOnSale(settings.data / store.PLACES_DIRECTORY)
    sagas = Sagas(
        engine,
        gateway=gateway,
        provider=provider,
        places=places,
        clock_ms=clock.now_ms,
        rng=random.Random(),
        provider_calls_per_second=settings.provider_calls_per_second,
    )
    keeper = Keeper(
        engine,
        sagas,
        directory=settings.data,
        clock_ms=clock.now_ms,
        snapshot_records=settings.snapshot_records,
        keep_log=settings.keep_log,
    )
    reading = keeper.watch(places.read(provider, store.events_on_sale(catalog)))
    await asyncio.wait({reading}, timeout=PLACES_SECONDS_MAX)
    sagas.start()
    keeper.start()
    watch_over(keeper, service, clock, catalog)
    keeper.watch(service.sales.watch(engine, clock.now_ms))
    service.open(
        engine=engine,
        catalog=catalog,
        sagas=sagas,
        ticket_key=ticket_key,
        directory=settings.data,
        replays=Replays(settings.data),
        places_awaited=places.awaited,
    )
    log.info("ready", **settings.shown())
    try:
        yield
    finally:
        # Whoever is still waiting is answered by the records that `engine.stop` makes durable.
        service.close()
        await stop_aside(service)
        await keeper.stop()
        await sagas.stop()
        for client in (gateway, provider):
            if client is not None:
                await client.aclose()
        await engine.stop()
        if service.request_log is not None:
            service.request_log.stop()
        log.info("stopped")


def watch_over(keeper: Keeper, service: Service, clock: Clock, catalog: Catalog) -> None:
    """Begin what goes on besides sagas and holds; a fault of any ends the process (I8)."""
    keeper.watch(limit_who_does_not_read(REPLY_SECONDS_MAX))
    keeper.watch(free_network_threads())
    keeper.watch(clock.watch())
    keeper.watch(look_now_and_then(lambda: service.admission.waiting))
    keeper.watch(service.stalls.watch())
    keeper.watch(asyncio.to_thread(catalog.warm_up))
    if service.request_log is not None:
        service.request_log.start()


async def stop_aside(service: Service) -> None:
    """End what is written beside the engine."""
    await service.waiting_rooms.stop()
    if service.replays is not None:
        await service.replays.stop()


def recovered(settings: Settings, catalog: Catalog) -> Engine:
    """The engine as the disk knows it."""
    began = time.monotonic()
    with collector_off():
        engine = Engine.open(
            settings.data,
            store.events_on_sale(catalog),
            rules=settings.rules,
            progress=lambda lsn: log.info("recovering", lsn=lsn),
        )
        gc.freeze()  # one look at a million bookings would stop the loop for half a second
    for broken in engine.set_aside:
        log.warning("something broken was set aside; nothing acknowledged is missing", what=broken)
    log.info(
        "recovered",
        lsn=engine.durable_lsn,
        snapshot_lsn=engine.snapshot_lsn,
        seconds=round(time.monotonic() - began, 2),
    )
    return engine


def clients(
    settings: Settings, clock_ms: Callable[[], int]
) -> tuple[GatewayClient | None, ProviderClient | None]:
    """The clients of the outside services that are configured; says what can't be sold without."""
    gateway = provider = None
    if settings.gateway_url:
        gateway = GatewayClient(
            base_url=settings.gateway_url,
            merchant_id=settings.merchant_id,
            merchant_password=settings.merchant_password,
            public_url=settings.own_url,
            breaker=Breaker("gateway", clock_ms=clock_ms),
        )
    else:
        log.warning("no gateway: nothing can be paid for", set="BILLETTER_GATEWAY_URL")
    if settings.provider_url:
        provider = ProviderClient(
            base_url=settings.provider_url, breaker=Breaker("provider", clock_ms=clock_ms)
        )
    else:
        log.warning("no provider: partners' events can't be paid for", set="BILLETTER_PROVIDER_URL")
    return gateway, provider
