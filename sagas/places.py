"""Which place of the provider's is which seat of ours: walked through once, kept in a file.

File: a header (magic, version, event id, rows, seats a row, CRC-32 of all that follows it and of
the header before it), then a 16-byte UUID for each seat in order of rows and numbers. All integers
are little-endian. 100,000 seats are 1.6 MB, on disk and in memory.
"""

import asyncio
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from uuid import UUID

import structlog
from tenacity import AsyncRetrying, retry_if_result, stop_after_attempt, wait_exponential_jitter

from engine import Hall, place_of_seat, seat_id_of
from engine.domain import event_of_seat
from sagas.agenda import Sleep
from sagas.errors import BadPlaces
from sagas.outcome import Done, Outcome
from sagas.provider_client import PAGE_SIZE_MAX, Place, ProviderClient

MAGIC = b"BLPL"
VERSION = 1
_HEADER = struct.Struct("<4sHxxqII")
_CRC = struct.Struct("<I")
_UUID_BYTES = 16
_BODY_AT = _HEADER.size + _CRC.size

# While the provider is still filling its own table every walk finds more; some day it must stop.
WALKS_MAX = 100
PAUSE_BETWEEN_WALKS_SECONDS = 1.0
PAGE_ATTEMPTS_MAX = 8
PAGE_PAUSE_FIRST_SECONDS = 0.2
PAGE_PAUSE_SECONDS_MAX = 10.0
# A provider with this many times our seats sells another hall.
PLACES_PER_SEAT_MAX = 4

log = structlog.get_logger("sagas.places")


class Places(Mapping[int, str]):
    """Place ids by seat id: one blob and arithmetic, 16 bytes a seat."""

    def __init__(self, *, event_id: int, hall: Hall, blob: bytes) -> None:
        self.event_id = event_id
        self._hall = hall
        self._blob = blob

    def __getitem__(self, seat_id: int) -> str:
        index = self._hall.index_at(*place_of_seat(seat_id))
        if index is None or event_of_seat(seat_id) != self.event_id:
            raise KeyError(seat_id)
        at = index * _UUID_BYTES
        return str(UUID(bytes=self._blob[at : at + _UUID_BYTES]))

    def __iter__(self) -> Iterator[int]:
        for index in range(len(self)):
            row, number = self._hall.place_at(index)
            yield seat_id_of(event_id=self.event_id, row=row, number=number)

    def __len__(self) -> int:
        return self._hall.seats_total


async def preload(
    client: ProviderClient,
    hall: Hall,
    event_id: int,
    target: Path,
    progress: Callable[[int, int], None],
    *,
    sleep: Sleep = asyncio.sleep,
) -> dict[int, str]:
    """Read all places, check that each seat of the hall has exactly one, and write `target`.

    `progress(found, wanted)` is told after every page. Raises BadPlaces; `target` is then as it
    was. Returns place ids by seat id.
    """
    found: dict[UUID, Place] = {}
    for _ in range(WALKS_MAX):
        before = len(found)
        await _walk(client, found, hall.seats_total, progress, sleep)
        # Places that come in during a walk shift its pages, so one quiet walk is the proof.
        if len(found) == before:
            break
        await sleep(PAUSE_BETWEEN_WALKS_SECONDS)
    else:
        raise BadPlaces("the provider's places don't come to rest; try again later")
    by_index = _by_index(hall, found.values())
    blob = b"".join(by_index[index].bytes for index in range(hall.seats_total))
    await asyncio.to_thread(_write, target, event_id=event_id, hall=hall, blob=blob)
    return dict(Places(event_id=event_id, hall=hall, blob=blob))


def load(target: Path) -> Places:
    """Read what `preload` has written; raises BadPlaces, and FileNotFoundError if it never has."""
    data = target.read_bytes()
    if len(data) < _BODY_AT:
        raise BadPlaces(f"{target}: too short for a file of places")
    magic, version, event_id, rows, seats_per_row = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise BadPlaces(f"{target}: not a file of places")
    if version != VERSION:
        raise BadPlaces(f"{target}: version {version}, and this program reads {VERSION}")
    header, blob = data[: _HEADER.size], data[_BODY_AT:]
    if _CRC.unpack_from(data, _HEADER.size) != (_checksum(header, blob),):
        raise BadPlaces(
            f"{target}: the checksum is wrong; a start with a provider reads them again"
        )
    hall = Hall(rows, seats_per_row, ())
    if len(blob) != hall.seats_total * _UUID_BYTES:
        raise BadPlaces(f"{target}: {len(blob)} bytes for {hall.seats_total} seats")
    return Places(event_id=event_id, hall=hall, blob=blob)


async def _walk(
    client: ProviderClient,
    found: dict[UUID, Place],
    wanted: int,
    progress: Callable[[int, int], None],
    sleep: Sleep,
) -> None:
    """Add every place the provider lists now."""
    pages_max = PLACES_PER_SEAT_MAX * (wanted // PAGE_SIZE_MAX + 1)
    for page in range(1, pages_max + 1):
        places = await _page(client, page, sleep)
        found.update((place.id, place) for place in places)
        progress(len(found), wanted)
        if not places:
            return
    raise BadPlaces(f"the provider lists more than {pages_max * PAGE_SIZE_MAX} places")


async def _page(client: ProviderClient, page: int, sleep: Sleep) -> list[Place]:
    retrying = AsyncRetrying(
        sleep=sleep,
        stop=stop_after_attempt(PAGE_ATTEMPTS_MAX),
        wait=wait_exponential_jitter(
            multiplier=PAGE_PAUSE_FIRST_SECONDS, max=PAGE_PAUSE_SECONDS_MAX
        ),
        retry=retry_if_result(lambda outcome: not isinstance(outcome, Done)),
        retry_error_callback=lambda state: state.outcome and state.outcome.result(),
    )
    outcome: Outcome[list[Place]] = await retrying(client.places, page=page)
    if not isinstance(outcome, Done):
        raise BadPlaces(f"page {page} of the provider's places can't be read: {outcome}")
    return outcome.answer


def _by_index(hall: Hall, places: Iterable[Place]) -> dict[int, UUID]:
    by_index: dict[int, UUID] = {}
    foreign = 0
    for place in places:
        index = hall.index_at(place.row, place.seat)
        if index is None:
            foreign += 1
        elif by_index.setdefault(index, place.id) != place.id:
            raise BadPlaces(f"row {place.row} seat {place.seat} has more than one place")
    if len(by_index) < hall.seats_total:
        missing = next(index for index in range(hall.seats_total) if index not in by_index)
        row, number = hall.place_at(missing)
        lacking = hall.seats_total - len(by_index)
        raise BadPlaces(f"{lacking} seats have no place, the first is row {row} seat {number}")
    if foreign:
        log.warning("the provider has places outside our hall", places=foreign)
    return by_index


def _write(target: Path, *, event_id: int, hall: Hall, blob: bytes) -> None:
    """Under its name the file is complete and durable, or not there."""
    header = _HEADER.pack(MAGIC, VERSION, event_id, hall.rows, hall.seats_per_row)
    building = target.with_name(target.name + ".tmp")
    with building.open("wb") as file:
        file.write(header + _CRC.pack(_checksum(header, blob)) + blob)
        file.flush()
        os.fsync(file.fileno())
    building.replace(target)
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _checksum(header: bytes, blob: bytes) -> int:
    return zlib.crc32(blob, zlib.crc32(header))
