"""Admission: one event's crowd waits for itself, in order, and not too long."""

import asyncio
from collections.abc import Iterator

import orjson
import pytest

from api import admission
from api.admission import Admission, AdmissionLimits
from api.problems import EVENT_CROWDED, Refusal
from api.routes import operations
from tests.api.conftest import opened
from tests.api.rooms import ANN, CONCERT, SOON, Answer, Rooms, basic, seat

LIMITS = AdmissionLimits(
    per_round_max=2, pause_seconds=0.0, alone_max=4, waiting_max=3, wait_seconds_max=5.0
)
FOR_AN_HOUR = LIMITS._replace(pause_seconds=3_600.0)
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

    def __init__(self, limits: AdmissionLimits = LIMITS) -> None:
        self.now = 0.0
        self.admission = Admission(limits, clock=lambda: self.now)
        self.went: list[str] = []

    async def come(self, names: str, others: str = "") -> list[asyncio.Task[None]]:
        """One for each letter, and for another event, all in one round, as far as they get."""
        tasks = [asyncio.create_task(self._go(name, CONCERT)) for name in names]
        tasks += [asyncio.create_task(self._go(name, SOON)) for name in others]
        await asyncio.sleep(0)
        return tasks

    async def _go(self, name: str, event_id: int) -> None:
        if not self.admission.enter(event_id):
            await self.admission.wait(event_id)
        self.went.append(name)

    def all_went(self) -> str:
        return "".join(self.went)


async def rounds() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_crowd_holds_up_nobody_of_another_event(runner: asyncio.Runner) -> None:
    """The third of the concert waits for the next round, the first of another event goes on."""

    async def story() -> None:
        crowd = Crowd()
        await crowd.come("abc", "o")

        assert "abo" == crowd.all_went()
        assert 1 == crowd.admission.waiting
        await rounds()
        assert "aboc" == crowd.all_went()
        assert (4, 0) == (crowd.admission.admitted, crowd.admission.waiting)

    runner.run(story())


def test_in_each_round_so_many_begin(runner: asyncio.Runner) -> None:
    """Two of five, two, and the last: a round of the loop each."""

    async def story() -> None:
        crowd = Crowd()
        await crowd.come("abcde")
        begun = []
        for _ in range(6):
            begun.append(crowd.all_went())
            await asyncio.sleep(0)

        assert ["ab", "abcd", "abcde"] == sorted(set(begun))

    runner.run(story())


async def begun_at_once(crowd: Crowd) -> int:
    """How many of five begin in the round in which they come."""
    before = len(crowd.went)
    await crowd.come("vwxyz")
    begun = len(crowd.went) - before
    await rounds()
    return begun


def test_where_nobody_else_asks_larger_numbers_begin(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until somebody asks for another event, or for anything else, and for a while after it."""
    monkeypatch.setattr(admission, "ROUNDS_WITH_OTHERS", 8)

    async def story() -> None:
        crowd = Crowd()
        for ask in (
            lambda: crowd.admission.see_other(),
            lambda: crowd.admission.enter(SOON),
        ):
            assert 2 == await begun_at_once(crowd)
            for _ in range(8):
                await crowd.come("a")
                await rounds()
            assert 4 == await begun_at_once(crowd)
            ask()

    runner.run(story())


def test_where_others_ask_a_crowd_stands_still_between_rounds(runner: asyncio.Runner) -> None:
    """Four of five begin in two rounds, and for an hour none; whoever else comes goes on."""

    async def story() -> None:
        crowd = Crowd(FOR_AN_HOUR)
        waiting = await crowd.come("abcde", "o")
        await rounds()
        assert "abocd" == crowd.all_went()
        await crowd.come("", "pq")
        assert "abocdpq" == crowd.all_went()
        waiting[4].cancel()

    runner.run(story())


def test_a_crowd_that_stood_still_goes_on(runner: asyncio.Runner) -> None:
    """In the order in which it came, and to the last."""

    async def story() -> None:
        crowd = Crowd(LIMITS._replace(pause_seconds=0.001, waiting_max=9))
        await asyncio.wait(await crowd.come("abcdefghi", "o"))
        assert "abocdefghi" == crowd.all_went()

    runner.run(story())


@pytest.mark.parametrize(
    ("busy_share", "put_off_max", "went"),
    [(0.6, 1_000_000, "abocd"), (0.4, 1_000_000, "abocdef"), (0.6, 3, "abocdef")],
)
def test_a_crowd_stands_still_while_the_loop_is_busy(
    runner: asyncio.Runner,
    monkeypatch: pytest.MonkeyPatch,
    busy_share: float,
    put_off_max: int,
    went: str,
) -> None:
    """For more than half of the time; and even then not for ever."""
    monkeypatch.setattr(admission, "PUT_OFF_MAX", put_off_max)

    async def story() -> None:
        crowd = Crowd(LIMITS._replace(pause_seconds=0.001, waiting_max=9))
        crowd.now = idle_seconds = 1_000.0

        def busy_seconds() -> float:
            crowd.now += 0.01  # from one look to the next
            return (crowd.now - idle_seconds) * busy_share

        crowd.admission = Admission(
            crowd.admission._limits, clock=lambda: crowd.now, busy_clock=busy_seconds
        )
        crowd.admission._is_loop_busy()
        waiting = await crowd.come("abcdef", "o")
        for _ in range(50):  # as many pauses, and more
            await asyncio.sleep(0.001)
        assert went == crowd.all_went()
        for one in waiting:
            one.cancel()

    runner.run(story())


def test_a_busy_loop_puts_each_round_off_as_often(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crowd that went on all the same stands still again, as long as the first time."""
    monkeypatch.setattr(admission, "PUT_OFF_MAX", 3)

    async def story() -> None:
        crowd = Crowd(FOR_AN_HOUR._replace(pause_seconds=0.001, waiting_max=9, wait_seconds_max=60))
        looks = []

        def always_busy() -> float:
            looks.append(len(crowd.went))
            return crowd.now

        def now() -> float:
            crowd.now += 1.0
            return crowd.now

        crowd.admission = Admission(crowd.admission._limits, clock=now, busy_clock=always_busy)
        await asyncio.wait(await crowd.come("abcdefghij", "o"))
        assert [5, 5, 5, 5, 7, 7, 7, 7, 9, 9, 9, 9] == looks

    runner.run(story())


def test_a_crowd_that_is_alone_never_stands_still(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody has asked for anything else for a while, all begin as soon as they can."""
    monkeypatch.setattr(admission, "ROUNDS_WITH_OTHERS", 0)

    async def story() -> None:
        crowd = Crowd(FOR_AN_HOUR._replace(waiting_max=9))
        await crowd.come("a")
        await rounds()
        await crowd.come("bcdefghijklm")
        await rounds()
        assert "abcdefghijklm" == crowd.all_went()

    runner.run(story())


def test_two_crowds_share_a_round(runner: asyncio.Runner) -> None:
    """One of each begins, where two of one would."""

    async def story() -> None:
        crowd = Crowd(FOR_AN_HOUR)
        waiting = await crowd.come("abcde", "vwxyz")
        await rounds()
        assert "abvwcx" == crowd.all_went()
        for one in waiting:
            one.cancel()

    runner.run(story())


def test_who_came_first_goes_first(runner: asyncio.Runner) -> None:
    """A newcomer overtakes nobody, also while those before it are called but have not gone."""

    async def story() -> None:
        crowd = Crowd()
        await crowd.come("abc")
        for newcomer in "defgh":
            await crowd.come(newcomer)
        await rounds()

        assert "abcdefgh" == crowd.all_went()

    runner.run(story())


def test_a_cancelled_waiter_leaves_no_hole(runner: asyncio.Runner) -> None:
    """Its turn is the next one's; also when all who wait are cancelled."""

    async def story() -> None:
        crowd = Crowd()
        tasks = await crowd.come("abcde")
        for gone in tasks[2:4]:
            gone.cancel()
        await rounds()

        assert "abe" == crowd.all_went()
        tasks = await crowd.come("xyz")
        tasks[2].cancel()
        await rounds()
        assert "abexy" == crowd.all_went()

    runner.run(story())


def test_nothing_is_remembered_of_who_has_gone(runner: asyncio.Runner) -> None:
    """Ids that nobody knows take no memory for longer than their calls, and no round is left."""

    async def story() -> None:
        crowd = Crowd()
        await crowd.come("abc", "o")
        await rounds()

        assert ({}, {}) == (crowd.admission._begun, crowd.admission._queues)
        assert not crowd.admission._is_round_open

    runner.run(story())


def test_a_full_queue_takes_nobody(runner: asyncio.Runner) -> None:
    """The sixth is sent away at once, and those before it are not."""

    async def story() -> None:
        crowd = Crowd()
        await crowd.come("abcde")
        with pytest.raises(Refusal) as refused:
            await crowd.admission.wait(CONCERT)

        assert EVENT_CROWDED is refused.value.problem
        assert (1, 3) == (crowd.admission.shed_full, crowd.admission.waiting)

    runner.run(story())


def test_who_has_waited_too_long_is_sent_away(runner: asyncio.Runner) -> None:
    """Five seconds are the longest; to be sent away takes a turn."""

    async def story() -> None:
        crowd = Crowd()
        late = (await crowd.come("abl"))[2]
        crowd.now = 5.5
        await rounds()

        assert "ab" == crowd.all_went()
        refused = late.exception()
        assert isinstance(refused, Refusal)
        assert EVENT_CROWDED is refused.problem
        assert (1, 3) == (crowd.admission.shed_late, crowd.admission.admitted)

    runner.run(story())


# The calls


@pytest.fixture
def crowded(runner: asyncio.Runner) -> Iterator[Rooms]:
    """One call of an event in a round, and nobody may wait for the next."""
    narrow = AdmissionLimits(per_round_max=1, waiting_max=0, wait_seconds_max=5.0)
    yield from opened(Rooms(runner, admission=narrow), runner)


async def beside_a_call(rooms: Rooms, *asked: tuple[str, str, object]) -> list[Answer]:
    """What Ann is answered in the round in which somebody else has booked the concert."""
    calls = [("POST", "/api/bookings", {"event_id": CONCERT}), *asked]
    headers = [(b"authorization", basic(ANN))]
    bodies = [b"" if body is None else orjson.dumps(body) for _, _, body in calls]
    answers = await asyncio.gather(
        *(
            rooms.asgi(method, target, headers, [(raw, False)])
            for (method, target, _), raw in zip(calls, bodies, strict=True)
        )
    )
    assert 201 == answers[0].status
    return answers[1:]


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
    assert 'billetter_calls_shed_total{reason="queue_full"} 5.0' in metrics
    assert "billetter_calls_admitted_total 2.0" in metrics


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
        "/x/events/{id}/plan",
        "/x/events/{id}/seatmap",
        "/x/events/{id}/stream",
        "/x/events/{id}/waiting-room",
        "/x/events/{id}/waiting-room/place",
        "/x/seats/together",
    } == about_an_event


@pytest.fixture
def patient(runner: asyncio.Runner) -> Iterator[Rooms]:
    """One call of an event in a round, and others may wait for the next."""
    narrow = AdmissionLimits(per_round_max=1, waiting_max=5, wait_seconds_max=5.0)
    yield from opened(Rooms(runner, admission=narrow), runner)


def test_whoever_waits_when_the_server_stops_is_told_so(
    patient: Rooms, runner: asyncio.Runner
) -> None:
    """503, and nothing is done: its turn comes after the end."""

    async def story() -> tuple[Answer, Answer, None]:
        async def book() -> Answer:
            body = [(b'{"event_id":1}', False)]
            headers = [(b"authorization", basic(ANN))]
            return await patient.asgi("POST", "/api/bookings", headers, body)

        async def stop() -> None:
            patient.service.close()

        return await asyncio.gather(book(), book(), stop())

    booked, late, _ = runner.run(story())
    assert (201, 503, "not-ready") == (booked.status, late.status, late.problem)
    assert 1 == len(patient.engine.bookings_of(1))


@pytest.mark.parametrize(
    ("target", "is_other"),
    [("/api/bookings", True), ("/api/events?query=x", True), ("/healthz", False)],
)
def test_whoever_asks_for_anything_is_seen_but_a_health_check(
    rooms: Rooms, target: str, is_other: bool
) -> None:
    """A crowd that only a monitor looks at is alone."""
    seen: list[int] = []
    rooms.service.admission.see_other = lambda event_id=0: seen.append(event_id)  # type: ignore[method-assign]
    rooms.call("GET", target, user=ANN)
    assert is_other == bool(seen)
