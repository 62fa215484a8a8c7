"""GET /x/status: how the server stands, and what needs an operator, with the next step."""

from collections.abc import Iterator
from typing import Any

from api.endpoint import Call
from api.operator.access import require_operator
from api.operator.metrics import Found, look
from api.reply import Reply, json_reply
from api.seats import money
from api.service import Service
from api.system import VERSION
from api.timeline import instant
from engine import DiskFigures

# The same as in deploy/alerts.yml.
DISK_FREE_BYTES_MIN = 2 << 30
STALL_SECONDS_MAX = 0.1
RECORDS_SINCE_SNAPSHOT_MAX = 1_000_000

_NO_DISK = DiskFigures(0, 0, 0, 0, 0, 0.0)
_PARKED = "billetter sagas names each with its reason; mend it, then billetter sagas --retry"
_DOWN = "call its operator; what is owed is repeated until it answers, and nothing is lost"
_FULL = (
    "make room on the disk, never inside of wal/ or snapshots/; sales go on by themselves as soon"
    " as there is room for two segments (32 MiB)"
)
_STALLED = "look who else takes the cores (top); the server wants two of its own"
_NO_SNAPSHOT = "its log says why (look for: snapshot failed); mostly it is room on the disk"
_NO_PLACES = "its log says why (look for: paid for); it asks the provider again by itself"
_UNLOGGED = "look at the disk of the data directory, or set BILLETTER_REQUEST_LOG=off"


async def show_status(call: Call[None]) -> Reply:
    """All of it on one screen."""
    require_operator(call)
    service = call.service
    found = await look(service)
    shown = {**_server(service), **_store(service, found), **_shop(service, found)}
    return json_reply({**shown, "settings": service.settings, "concerns": list(concerns(shown))})


def concerns(shown: dict[str, Any]) -> Iterator[dict[str, str]]:
    """What needs a person: what it is, and what he does next."""
    if not shown["log"]["has_room"]:
        yield _concern("new sales are refused: the disk is full or too slow", _FULL)
    if shown["log"]["bytes"] and shown["disk_free_bytes"] < DISK_FREE_BYTES_MIN:
        free_mib = shown["disk_free_bytes"] >> 20
        yield _concern(f"the disk is nearly full: {free_mib:,} MiB are free", _FULL)
    for service in ("gateway", "provider"):
        if shown[service] == "down":
            yield _concern(f"the {service} doesn't answer", _DOWN)
    if parked := shown["parked_count"]:
        yield _concern(f"{parked} payments are beyond any retry", _PARKED)
    if awaited := shown["sizes"]["places_awaited"]:
        yield _concern(f"{awaited} events of partners can't be paid for", _NO_PLACES)
    if (stall := shown["stall_seconds"]) > STALL_SECONDS_MAX:
        yield _concern(f"everybody has waited for {stall:.3f} s in the last minute", _STALLED)
    behind = shown["lsn"]["appended"] - shown["lsn"]["snapshot"]
    if behind > RECORDS_SINCE_SNAPSHOT_MAX:
        yield _concern(f"no snapshot has been made for {behind:,} records", _NO_SNAPSHOT)
    if lost := shown["calls"]["unlogged"]:
        yield _concern(f"{lost} requests are missing in the request log", _UNLOGGED)


def _concern(what: str, next_step: str) -> dict[str, str]:
    return {"what": what, "next": next_step}


def _server(service: Service) -> dict[str, Any]:
    admission, requests = service.admission, service.request_log
    return {
        "version": VERSION,
        "up_since": instant(service.opened_at_ms),
        "ready": service.is_ready,
        "stall_seconds": round(service.stalls.recent_seconds, 4),
        "calls": {
            "admitted": admission.admitted,
            "waiting": admission.waiting,
            "shed": admission.shed_full + admission.shed_late,
            "unlogged": 0 if requests is None else requests.dropped,
        },
        "sizes": {name: len(one) for name, (_, one) in service.sizes.items()},
    }


def _store(service: Service, found: Found) -> dict[str, Any]:
    """Of a server without a disk everything that lies there is 0."""
    log, disk = service.engine.log_figures(), found.disk or _NO_DISK
    at_ms = round(disk.snapshot_at * 1_000)
    return {
        "lsn": {
            "appended": log.appended_lsn,
            "durable": log.durable_lsn,
            "snapshot": disk.snapshot_lsn,
        },
        "snapshot_at": instant(at_ms) if at_ms else "",
        "log": {
            "bytes": disk.log_bytes,
            "segments": disk.segments,
            "waiting_records": log.appended_lsn - log.durable_lsn,
            "waiting_bytes": log.waiting_bytes,
            "has_room": log.has_room,
        },
        "disk_free_bytes": found.free_bytes,
    }


def _shop(service: Service, found: Found) -> dict[str, Any]:
    totals, owed = found.totals, found.obligations
    return {
        **service.sagas.answering(),
        "unsettled": sum(owed.payments.values()),
        "owed_back": money(owed.owed_back_minor),
        "parked_count": owed.parked,
        "events_on_sale": service.engine.events_on_sale_count(),
        "events_booked": totals.events,
        "bookings": totals.bookings,
        "seats_reserved": totals.reserved_seats,
        "seats_sold": totals.sold_seats,
        "revenue": money(totals.revenue_minor),
    }
