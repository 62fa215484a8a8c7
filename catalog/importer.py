"""Given files become a catalog, or nothing does: a fault or a crash leaves no trace of it."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tqdm import tqdm

from catalog import manifest
from catalog.errors import BadInput
from catalog.event_file import ACTIVE_ID_MAX, EventFile, EventRow
from catalog.events import Event, event_from, write_active
from catalog.halls import HallPlan, HallRules, read_halls
from catalog.index import IndexBuilder, OutOfOrder
from catalog.manifest import Summary
from catalog.runs import SortedRuns
from catalog.source import SeenIds
from catalog.user_file import find_email_repeat, read_users
from catalog.users import EmailRepeated, build_users
from catalog.workplace import check_target, put, remove, workplace

USERS = "users.sqlite"
ACTIVE_EVENTS = "active.msgpack"
INDEX = "search"

ACTIVE_EVENTS_MAX = 200_000  # they live in memory; more are an archive given by mistake

_Dated = tuple[EventRow, datetime]  # an event and the local time it starts at


def import_files(
    target: Path,
    *,
    users: Path,
    events: Path,
    archive: Path | None = None,
    halls: Path | None = None,
    timezone: ZoneInfo,
    progress: bool = False,
    replace: bool = False,
) -> Summary:
    """Build the catalog `target` from given files; `timezone` is the one the dates are meant in.

    With `replace` an existing catalog is exchanged for the new one in one step. Raises BadInput,
    CatalogExists, ImportRunning or NotACatalog (asked to replace something else), and OSError.
    """
    check_target(target, replace=replace)
    target = target.resolve()  # a link to another disk stays, and names change places over there
    rules = read_halls(halls)
    with workplace(target) as building:
        # The small file first: a slip in it is told before a million users have been read.
        active = _read_active(EventFile(events, progress=progress))
        with_halls = _assigned(active, rules, halls, timezone)
        write_active(building / ACTIVE_EVENTS, with_halls)
        user_count = _import_users(building / USERS, users, progress=progress)
        archived_count = _index(building / INDEX, active, archive, progress=progress)
        summary = Summary(
            users=user_count,
            active_events=len(active),
            archived_events=archived_count,
            seats=sum(hall.seats_on_sale for _, hall in with_halls),
        )
        manifest.seal(building, timezone=timezone.key, summary=summary)
        put(building, target, replace=replace)
    return summary


def _import_users(path: Path, users: Path, *, progress: bool) -> int:
    try:
        return build_users(path, read_users(users, progress=progress))
    except EmailRepeated as repeated:
        raise find_email_repeat(users, repeated.email) from None


def _read_active(file: EventFile) -> list[_Dated]:
    """The active events by rising id; raises BadInput for a repeated or too great an id."""
    active: list[_Dated] = []
    seen = SeenIds()
    for row, starts_at in file:
        if row.id > ACTIVE_ID_MAX:
            raise file.fault("id", f"of an active event must not exceed {ACTIVE_ID_MAX}")
        if not seen.add(row.id):
            raise file.fault("id", f"{row.id} is used by an earlier event")
        if len(active) == ACTIVE_EVENTS_MAX:
            raise file.fault(None, f"there are more than {ACTIVE_EVENTS_MAX} active events")
        active.append((row, starts_at))
    if not active:
        raise BadInput(file.path, None, "holds no events")
    return sorted(active, key=lambda event: event[0].id)


def _assigned(
    active: list[_Dated], rules: HallRules, halls: Path | None, timezone: ZoneInfo
) -> list[tuple[Event, HallPlan]]:
    """Every active event with its hall; raises BadInput for a hall given to no active event."""
    unknown = rules.named_events - {row.id for row, _ in active}
    if halls is not None and unknown:
        raise BadInput(halls, None, f"events: there is no active event {min(unknown)}")
    return [
        (
            event_from(row, timezone=timezone, active=True),
            rules.plan_for(event_id=row.id, event_type=row.type),
        )
        for row, _ in active
    ]


def _index(path: Path, active: list[_Dated], archive: Path | None, *, progress: bool) -> int:
    """Build the search index over all events and return the number of archived ones."""
    if archive is None:
        return _write_index(path, active, [])
    try:
        past = _archived(EventFile(archive, progress=progress), active)
        return _write_index(path, active, past)
    except OutOfOrder:  # published files are sorted; any other costs a second reading
        remove(path)
    file = EventFile(archive, progress=progress)
    return _write_index(path, active, _sorted(file, active, path.parent, progress=progress))


def _write_index(path: Path, active: list[_Dated], past: Iterable[_Dated]) -> int:
    path.mkdir()
    with IndexBuilder(path) as index:
        for row, starts_at in active:
            index.add(row, starts_at, coming=True)
        for row, starts_at in past:
            index.add(row, starts_at, coming=False)
    return index.count - len(active)


def _archived(file: EventFile, active: list[_Dated]) -> Iterator[_Dated]:
    """As they lie in the file; raises BadInput for an id of an active event."""
    active_ids = {row.id for row, _ in active}
    for row, starts_at in file:
        if row.id in active_ids:
            raise file.fault("id", f"{row.id} is used by an active event")
        yield row, starts_at


def _sorted(
    file: EventFile, active: list[_Dated], directory: Path, *, progress: bool
) -> Iterator[_Dated]:
    """The same by id; raises BadInput for an id that comes twice."""
    with SortedRuns(directory) as runs:
        for row, _ in _archived(file, active):
            runs.add(row)
        last_id = 0
        name = f"{file.path.name} by id"
        for place, row in tqdm(runs, desc=name, unit="events", disable=not progress):
            if row.id == last_id:
                raise file.fault("id", f"{row.id} is used by an earlier event", place=place)
            last_id = row.id
            yield row, row.starts_at()
