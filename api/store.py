"""The data directory as a whole: made once, required to be there, checked offline.

`catalog/` is the imported data, `wal/` and `snapshots/` are the engine's, `places/` is what the
provider has listed, and tickets are signed with what is in `tickets.key`. A missing directory is
never made anew in silence: it may be an unmounted disk.
"""

import errno
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

import catalog
from catalog import Catalog, Summary, import_files
from catalog.manifest import fsync
from catalog.manifest import naming as naming  # for the rooms above
from engine import STORE_FAULTS, Engine, Event, Hall, Sale, Zone
from engine.verify import Findings, verify_store
from sagas import BadPlaces, load

CATALOG_DIRECTORY = "catalog"
PLACES_DIRECTORY = "places"
TICKET_KEY = "tickets.key"
TIMEZONE = "Asia/Almaty"  # one zone for the whole country since 2024
TICKET_KEY_BYTES = 32
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_MAKE_ROOM = "make room there (a start takes 16 MiB), never inside wal/ or snapshots/"


class StoreError(Exception):
    """The data directory can't be used: the message says why and what to do."""


def sentence(failure: OSError) -> str:
    """What the system refuses, for which file, and where it has no space, what to do."""
    reason = failure.strerror or str(failure)
    told = f"{failure.filename}: {reason}" if failure.filename else reason
    return f"{told}; {_MAKE_ROOM}" if failure.errno in _NO_SPACE else told


def initialise(
    data: Path,
    *,
    users: Path,
    events: Path,
    archive: Path | None,
    halls: Path | None,
    timezone: ZoneInfo,
    replace_catalog: bool = False,
    progress: bool = True,
) -> Summary:
    """Import the files and prepare an empty log; where the import fails, nothing has changed.

    The catalog comes first and the log last: a directory with a log is complete, and one without
    can be initialised again, unless it had one. Bookings stay when the catalog is replaced.
    Raises StoreError, CatalogError, STORE_FAULTS and OSError.
    """
    target = data / CATALOG_DIRECTORY
    if data.exists() and not data.is_dir():
        raise StoreError(f"{data} is a file; name a directory")
    if is_initialised(data) and not replace_catalog:
        raise StoreError(
            f"{data} is initialised already; --replace-catalog imports anew and keeps the bookings"
        )
    with naming(target):
        summary = import_files(
            target,
            users=users,
            events=events,
            archive=archive,
            halls=halls,
            timezone=timezone,
            progress=progress,
            replace=target.exists(),
        )
    ticket_key(data)
    if not Engine.exists(data):
        Engine.create(data, store_id=secrets.token_bytes(16))
    return summary


def ticket_key(data: Path) -> bytes:
    """What tickets are signed with; drawn once, where there is none, and on disk then.

    Raises StoreError for a file that is no key: another one would make all tickets worthless.
    """
    path = data / TICKET_KEY
    if not path.exists():
        write_own(path, secrets.token_bytes(TICKET_KEY_BYTES))
    fault = _fault_of_ticket_key(data)
    if fault:
        raise StoreError(fault)
    return path.read_bytes()


def write_own(path: Path, content: bytes) -> None:
    """A small file, whole and durable when this returns; raises OSError, and it is as it was.

    A new one nobody else may read; one that is there keeps its owner and its mode.
    """
    building = path.with_name(f"{path.name}.tmp")
    building.unlink(missing_ok=True)
    try:
        descriptor = os.open(building, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with naming(path), open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if path.exists():
                _give_as(path, building)
            os.fsync(descriptor)
        building.replace(path)
    except BaseException:
        with suppress(OSError):
            building.unlink()
        raise
    fsync(path.parent)


def _give_as(model: Path, path: Path) -> None:
    """To whom the model belongs, and for those who may read it."""
    owner = model.stat()
    os.chown(path, owner.st_uid, owner.st_gid)
    path.chmod(stat.S_IMODE(owner.st_mode))


def _fault_of_ticket_key(data: Path) -> str:
    """What is wrong with it; empty: nothing, or it will be drawn at the next start."""
    path = data / TICKET_KEY
    if not path.exists() or path.stat().st_size == TICKET_KEY_BYTES:
        return ""
    return f"{path} is no key of {TICKET_KEY_BYTES} bytes; bring it back from a backup"


def is_initialised(data: Path) -> bool:
    """True for a directory with a catalog and a log; raises LogLost where it had a log."""
    return Engine.exists(data) and (data / CATALOG_DIRECTORY).is_dir()


def require(data: Path) -> None:
    """Raise StoreError or LogLost unless `data` is an initialised directory."""
    if not data.is_dir():
        raise StoreError(f"{data} does not exist; make it with: billetter init --data {data} …")
    if not is_initialised(data):
        raise StoreError(f"{data} is not initialised; run: billetter init --data {data} …")


def events_on_sale(opened: Catalog) -> list[Event]:
    """The active events as the engine wants them; equal halls stay one object."""
    halls: dict[tuple[int, int, tuple[catalog.Zone, ...]], Hall] = {}
    events = []
    for event, plan in opened.events.active():
        # However it is sold, it is the same hall.
        shape = plan.rows, plan.seats_per_row, plan.zones
        hall = halls.get(shape)
        if hall is None:
            zones = tuple(
                Zone(zone.name, zone.first_row, zone.last_row, zone.price_minor)
                for zone in plan.zones
            )
            hall = halls[shape] = Hall(plan.rows, plan.seats_per_row, zones)
        sale = Sale(plan.sale.value)
        events.append(Event(event.id, event.starts_at_ms, hall, sale, plan.allotment))
    return events


def time_zone(name: str) -> ZoneInfo:
    """Raise StoreError for a name that the system doesn't know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise StoreError(f"there is no time zone {name!r}; try {TIMEZONE}") from None


@dataclass(frozen=True, slots=True)
class Verified:
    """What the offline check found; `fault` is the first thing wrong, or empty."""

    summary: Summary | None
    findings: Findings
    fault: str

    def shown(self) -> dict[str, object]:
        """For a person: what is empty or zero is left out."""
        shown: dict[str, object] = {}
        if self.summary is not None:
            shown["users"] = f"{self.summary.users:,}"
            shown["events"] = f"{self.summary.active_events:,}"
        return shown | {
            name: value for name, value in msgspec.structs.asdict(self.findings).items() if value
        }


def verify(data: Path) -> Verified:
    """Check the catalog's checksums and everything of the engine's; changes nothing.

    Raises StoreError while a server uses the directory: nobody can check what moves.
    """
    try:
        findings = verify_store(data)
    except STORE_FAULTS:
        raise StoreError(f"a server is using {data}; stop it, or verify a copy") from None
    try:
        summary = catalog.verify(data / CATALOG_DIRECTORY)
    except (catalog.CatalogError, OSError) as fault:
        return Verified(None, findings, findings.fault or str(fault))
    return Verified(summary, findings, findings.fault or _fault_of_ticket_key(data))


def fault_of_places(data: Path) -> str:
    """The first file of the provider's places that can't be used, or empty.

    `verify` doesn't count it: the provider can be asked again, and no backup shall fail for it.
    """
    for file in sorted((data / PLACES_DIRECTORY).glob("*.places")):
        try:
            load(file)
        except BadPlaces as fault:
            return str(fault)
        except OSError as failure:
            return sentence(failure)
    return ""
