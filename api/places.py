"""The provider's places of the partners' events: read once, kept in files, looked up by seat.

While they are being read everything else is served already; a provider that is down, or lists
nothing that fits one event, delays only what it is asked for.
"""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import structlog

from engine import Event, Sale
from engine.domain import event_of_seat
from sagas import BadPlaces, Places, ProviderClient, load, preload

RETRY_SECONDS = 30.0
# A line of progress for every so many places.
PROGRESS_PLACES = 20_000

log = structlog.get_logger("places")


class PlacesOnSale(Mapping[int, str]):
    """Place ids by seat id, over all events whose places are known by now."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._by_event: dict[int, Places] = {}
        # Partners' events that can't be paid for: their places aren't known yet.
        self.awaited: set[int] = set()

    def __getitem__(self, seat_id: int) -> str:
        return self._by_event[event_of_seat(seat_id)][seat_id]

    def __contains__(self, seat_id: object) -> bool:
        if not isinstance(seat_id, int):
            return False
        places = self._by_event.get(event_of_seat(seat_id))
        return places is not None and seat_id in places

    def __iter__(self) -> Iterator[int]:
        for places in self._by_event.values():
            yield from places

    def __len__(self) -> int:
        return sum(map(len, self._by_event.values()))

    async def read(self, provider: ProviderClient | None, events: list[Event]) -> None:
        """Know the places of every partner's event, from files or from the provider; retries."""
        partners = [event for event in events if event.sale is Sale.PARTNER]
        self.awaited.update(event.event_id for event in partners)
        await asyncio.gather(*(self._read_event(provider, event) for event in partners))

    async def _read_event(self, provider: ProviderClient | None, event: Event) -> None:
        file = self._directory / f"{event.event_id}.places"
        while not await self._load(file, event) and provider is not None:
            log.info("reading the provider's places", event_id=event.event_id)
            try:
                await asyncio.to_thread(self._directory.mkdir, exist_ok=True)
                await preload(provider, event.hall, event.event_id, file, _Progress(event))
            except (BadPlaces, OSError) as fault:
                log.error(
                    "no places: the event can't be paid for yet",
                    event_id=event.event_id,
                    reason=str(fault),
                    next_try_seconds=RETRY_SECONDS,
                )
                await asyncio.sleep(RETRY_SECONDS)

    async def _load(self, file: Path, event: Event) -> bool:
        """Whether the file is there, and good, and made for this event's hall."""
        try:
            places = await asyncio.to_thread(load, file)
        except FileNotFoundError:
            return False
        except (BadPlaces, OSError) as fault:
            log.error("the file of places can't be used", file=str(file), reason=str(fault))
            return False
        if (places.event_id, len(places)) != (event.event_id, event.hall.seats_total):
            log.error("the file of places is another hall's", file=str(file))
            return False
        self._by_event[event.event_id] = places
        self.awaited.discard(event.event_id)
        return True


class _Progress:
    """Logs a line now and then."""

    def __init__(self, event: Event) -> None:
        self._event = event
        self._shown = 0

    def __call__(self, found: int, wanted: int) -> None:
        if found - self._shown >= PROGRESS_PLACES or found == wanted != self._shown:
            self._shown = found
            log.info("places", event_id=self._event.event_id, found=found, wanted=wanted)
