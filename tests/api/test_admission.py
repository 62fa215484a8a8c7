"""Admission: one event's crowd waits for itself, in order, and not too long."""

import asyncio
from collections.abc import Iterator

import orjson
import pytest

from api.admission import Admission, AdmissionLimits
from api.problems import EVENT_CROWDED, Refusal
from api.routes import operations
from tests.api.conftest import opened
from tests.api.rooms import ANN, CONCERT, SOON, Answer, Rooms, basic, seat

LIMITS = AdmissionLimits(under_way_max=2, waiting_max=3, wait_seconds_max=5.0)
# They free seats, are owed, or are a user's own.
NEVER_WAIT = {
    "/api/seats/release",
    "/api/bookings/initiatePayment",
    "/api/bookings/cancel",
    "/api/payments/notifications",
    "/api/payments/success",
    "/api/payments/fail",
    "/x/bookings/{id}",
    "/healthz",
    "/readyz",
    "/metrics",
}


class Crowd:
    """Callers of one admission, who write down their names when their turn has come."""

    def __init__(self) -> None:
        self.now = 0.0
        self.admission = Admission(LIMITS, clock=lambda: self.now)
        self.went: list[str] = []

    async def come(self, name: str, event_id: int = CONCERT) -> asyncio.Task[None]:
        """One more, as far as it gets."""
        task = asyncio.create_task(self._go(name, event_id))
        await rounds()
        return task

    async def _go(self, name: str, event_id: int) -> None:
        if not self.admission.enter(event_id):
            await self.admission.wait(event_id)
        self.went.append(name)

    async def leave(self, event_id: int = CONCERT) -> None:
        self.admission.leave(event_id)
        await rounds()


async def rounds() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_crowd_holds_up_nobody_of_another_event(runner: asyncio.Runner) -> None:
    """The third of the concert waits, the first of another event goes on."""

    async def story() -> None:
        crowd = Crowd()
        for name in ("a", "b", "c"):
            await crowd.come(name)
        await crowd.come("other", SOON)

        assert ["a", "b", "other"] == crowd.went
        assert (3, 1) == (crowd.admission.under_way, crowd.admission.waiting)
        await crowd.leave()
        assert ["a", "b", "other", "c"] == crowd.went

    runner.run(story())


def test_who_came_first_goes_first(runner: asyncio.Runner) -> None:
    """Whoever leaves calls the one who has waited longest, and a newcomer overtakes nobody."""

    async def story() -> None:
        crowd = Crowd()
        for name in ("a", "b", "c", "d"):
            await crowd.come(name)
        crowd.admission.leave(CONCERT)
        await crowd.come("e")
        await crowd.leave()
        await crowd.leave()

        assert ["a", "b", "c", "d", "e"] == crowd.went

    runner.run(story())


def test_a_cancelled_waiter_leaves_no_hole(runner: asyncio.Runner) -> None:
    """While it waits, and also in the moment in which it is called."""

    async def story() -> None:
        crowd = Crowd()
        _, _, c, d, _ = [await crowd.come(name) for name in ("a", "b", "c", "d", "e")]
        c.cancel()
        await rounds()
        crowd.admission.leave(CONCERT)  # calls d
        d.cancel()
        await rounds()

        assert ["a", "b", "e"] == crowd.went
        assert (2, 0) == (crowd.admission.under_way, crowd.admission.waiting)

    runner.run(story())


def test_nothing_is_remembered_of_who_has_left(runner: asyncio.Runner) -> None:
    """Ids that nobody knows take no memory for longer than their calls."""

    async def story() -> None:
        crowd = Crowd()
        for name in ("a", "b", "c"):
            await crowd.come(name, 10**15)
        for _ in range(3):
            await crowd.leave(10**15)

        assert (0, 0) == (crowd.admission.under_way, crowd.admission.waiting)
        assert ({}, {}) == (crowd.admission._under_way, crowd.admission._queues)

    runner.run(story())


def test_a_full_queue_takes_nobody(runner: asyncio.Runner) -> None:
    """The sixth is sent away at once, and those before it are not."""

    async def story() -> None:
        crowd = Crowd()
        for name in ("a", "b", "c", "d", "e"):
            await crowd.come(name)
        with pytest.raises(Refusal) as refused:
            await crowd.admission.wait(CONCERT)

        assert EVENT_CROWDED is refused.value.problem
        assert (1, 3) == (crowd.admission.shed_full, crowd.admission.waiting)

    runner.run(story())


def test_who_has_waited_too_long_is_sent_away_and_the_next_is_called(
    runner: asyncio.Runner,
) -> None:
    """Five seconds are the longest; to be sent away takes a turn and gives it back."""

    async def story() -> None:
        crowd = Crowd()
        for name in ("a", "b"):
            await crowd.come(name)
        late = await crowd.come("late")
        crowd.now = 1.0
        await crowd.come("in time")
        crowd.now = 5.5
        await crowd.leave()

        assert ["a", "b", "in time"] == crowd.went
        refused = late.exception()
        assert isinstance(refused, Refusal)
        assert EVENT_CROWDED is refused.problem
        assert (1, 2) == (crowd.admission.shed_late, crowd.admission.under_way)

    runner.run(story())


# The calls


@pytest.fixture
def crowded(runner: asyncio.Runner) -> Iterator[Rooms]:
    """One call of an event at once, and nobody may wait for it."""
    narrow = AdmissionLimits(under_way_max=1, waiting_max=0, wait_seconds_max=5.0)
    yield from opened(Rooms(runner, admission=narrow), runner)


async def beside_a_call(rooms: Rooms, *asked: tuple[str, str, object]) -> list[Answer]:
    """What Ann is answered while somebody else's booking of the concert waits for the disk."""
    on_disk = asyncio.Event()
    durable = rooms.engine.durable
    rooms.engine.durable = on_disk.wait  # type: ignore[method-assign,assignment]
    headers = [(b"authorization", basic(ANN))]
    first = asyncio.create_task(
        rooms.asgi("POST", "/api/bookings", headers, [(b'{"event_id":1}', False)])
    )
    await rounds()
    rooms.engine.durable = durable  # type: ignore[method-assign]
    told = []
    for method, target, body in asked:
        raw = b"" if body is None else orjson.dumps(body)
        told.append(await rooms.asgi(method, target, headers, [(raw, False)]))
    on_disk.set()
    assert 201 == (await first).status
    return told


def test_whoever_is_shed_is_told_to_come_back_and_nothing_is_done(
    crowded: Rooms, runner: asyncio.Runner
) -> None:
    """503 with Retry-After for all that a crowd does at one event."""
    booking_id = crowded.book()
    wanted = {"booking_id": booking_id, "seat_id": seat(1)}
    told = runner.run(
        beside_a_call(
            crowded,
            ("POST", "/api/bookings", {"event_id": CONCERT}),
            ("PATCH", "/api/seats/select", wanted),
            ("GET", f"/api/seats?event_id={CONCERT}", None),
            ("GET", f"/api/analytics?id={CONCERT}", None),
            ("GET", f"/x/events/{CONCERT}", None),
        )
    )

    assert [(503, "event-crowded", "2")] * 5 == [
        (one.status, one.problem, one.headers["retry-after"]) for one in told
    ]
    assert 2 == len(crowded.engine.bookings_of(1))
    assert crowded.engine.holder(seat(1)) is None
    metrics = crowded.call("GET", "/metrics").body.decode()
    assert 'billetter_calls_shed{reason="queue_full"} 5' in metrics
    assert "billetter_calls_under_way 0" in metrics


def test_other_events_and_ones_own_are_answered_beside_the_crowd(
    crowded: Rooms, runner: asyncio.Runner
) -> None:
    """Another event is booked; seats of the crowded one are let go, paid for, looked at."""
    held, paid = crowded.book(ANN, seat(1)), crowded.book(ANN, seat(2))
    told = runner.run(
        beside_a_call(
            crowded,
            ("POST", "/api/bookings", {"event_id": SOON}),
            ("GET", "/api/bookings", None),
            ("GET", f"/x/bookings/{held}", None),
            ("PATCH", "/api/seats/release", {"seat_id": seat(1)}),
            ("PATCH", "/api/bookings/cancel", {"booking_id": held}),
            ("PATCH", "/api/bookings/initiatePayment", {"booking_id": paid}),
        )
    )

    assert [201, 200, 200, 200, 200, 302] == [one.status for one in told]


def test_whoever_is_malformed_or_unknown_is_told_so_first(
    crowded: Rooms, runner: asyncio.Runner
) -> None:
    """Only who could be served waits or is shed."""
    told = runner.run(beside_a_call(crowded, ("POST", "/api/bookings", {"event_id": "1"})))

    assert [400] == [one.status for one in told]


def test_what_frees_seats_or_is_owed_never_waits() -> None:
    """Every call is either about an event, or one of those."""
    about_an_event = {one.path for one in operations() if one.event_of is not None}

    assert set() == about_an_event & NEVER_WAIT
    assert {
        "/api/bookings",
        "/api/seats",
        "/api/seats/select",
        "/api/analytics",
        "/x/events/{id}",
    } == about_an_event
