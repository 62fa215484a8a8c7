"""Who gets places in a rush, when the provider can't work off all orders before their deadline."""

import pytest

from engine import Event, Hall, Sale, Zone
from sagas import begun_first
from sagas.begun_first import ORDERS_MAX, BegunFirst
from sagas.owed import ProviderCall
from tests.sagas import world as worlds
from tests.sagas.world import PARTNER, START_MS, Tell, World, reply

PAYMENT_SECONDS = 12 * 60
BOOKINGS, SEATS = 60, 2


class Orders:
    """What the line is told of them."""

    def __init__(self) -> None:
        self.owed: dict[int, ProviderCall | None] = {}
        self.failing: set[int] = set()
        self.line = BegunFirst(self.owed.get, is_failing=self.failing.__contains__)

    def come(self, call: ProviderCall | None, *keys: int) -> None:
        for key in keys:
            self.owed[key] = call
            self.line.add(key, ahead=False)

    def start(self, key: int) -> None:
        """Its look is over, and it waits for its places to be shown."""
        assert self.line.take(()) == key
        self.owed[key] = ProviderCall.FILL

    def taken(self) -> list[int]:
        """All who may be looked at now, none of whom is done meanwhile."""
        running: list[int] = []
        while (key := self.line.take(running)) is not None:
            running.append(key)
        return running


def full() -> Orders:
    """As many orders being filled as may be, and one that waits, number 999."""
    orders = Orders()
    orders.come(ProviderCall.START, *range(ORDERS_MAX))
    for key in range(ORDERS_MAX):
        orders.start(key)
    orders.come(ProviderCall.START, 999)
    assert orders.taken() == []
    return orders


def test_begun_first_then_the_oldest() -> None:
    """Whoever is begun goes before whoever isn't, the sold ones last, of each the oldest first."""
    orders = Orders()
    orders.come(ProviderCall.CONFIRM, 4, 3)
    orders.come(ProviderCall.START, 5, 2, 9)
    orders.come(ProviderCall.FILL, 7)
    orders.come(ProviderCall.CANCEL, 6)
    assert orders.taken() == [6, 7, 2, 5, 9, 3, 4]


def test_company() -> None:
    """An order shares the pace with all that are begun, and with the older ones that begin now."""
    orders = Orders()
    orders.come(ProviderCall.FILL, 7)
    orders.come(ProviderCall.START, 5, 2, 9)
    assert orders.taken() == [7, 2, 5, 9]
    assert [orders.line.turns_beside(key) for key in (2, 5, 9)] == [1, 2, 3]


def test_so_many_are_filled_at_once() -> None:
    """No more orders are begun than may be filled; what is owed to others is done beside them."""
    orders = full()
    orders.come(ProviderCall.CONFIRM, 1_000)
    orders.come(ProviderCall.FILL, 3)
    assert orders.taken() == [3, 1_000]


def test_confirms_in_a_rush() -> None:
    """While orders wait to be begun the sold ones are confirmed one by one, then all at once."""
    orders = full()
    orders.come(ProviderCall.CONFIRM, 100, 101, 102)
    assert orders.line.take(()) == 100
    assert orders.line.take({100}) is None
    assert orders.line.take(()) == 101
    orders.owed[5] = None
    assert orders.line.take({101}) == 999
    assert orders.line.take({101, 999}) == 102


def test_as_many_are_filled_after_a_crash() -> None:
    """Who was begun before a crash keeps the turn, however it came that there are more of them."""
    orders = Orders()
    orders.come(ProviderCall.START, 1)
    orders.come(ProviderCall.FILL, *range(10, 11 + ORDERS_MAX))
    begun = orders.taken()
    assert begun == list(range(10, 11 + ORDERS_MAX))
    orders.owed[10] = None
    assert orders.line.take(begun[1:]) is None
    orders.owed[11] = None
    assert orders.line.take(begun[2:]) == 1


@pytest.mark.parametrize("call", [ProviderCall.CONFIRM, ProviderCall.CANCEL, None])
def test_turn_is_passed_on(call: ProviderCall | None) -> None:
    """An order that is submitted, ended or forgotten leaves its turn to the next."""
    orders = full()
    orders.owed[7] = call
    assert orders.taken() == [999]


def test_start_that_came_to_nothing() -> None:
    """An order that couldn't be started has no turn while it waits to try again."""
    orders = Orders()
    orders.come(ProviderCall.START, *range(ORDERS_MAX), 999)
    assert orders.taken() == list(range(ORDERS_MAX))
    assert orders.line.take(range(1, ORDERS_MAX)) == 999


def test_who_fails_holds_up_nobody() -> None:
    """While a begun order waits to try again another is begun; then it goes on, before new ones."""
    orders = full()
    orders.failing.add(4)
    assert orders.line.take(()) == 999
    orders.owed[999] = ProviderCall.FILL
    orders.come(ProviderCall.START, 1_000)
    assert orders.line.take(()) is None
    orders.come(ProviderCall.FILL, 4)
    assert orders.line.take(()) == 4
    orders.failing.clear()
    orders.owed[5] = None
    assert orders.line.take(()) is None  # two more must end before the next
    orders.owed[6] = None
    assert orders.line.take(()) == 1_000


def a_large_hall(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(10, 20, (Zone("all", 1, 10, 200_000),))
    event = Event(PARTNER, START_MS + 90 * 86_400_000, hall, Sale.PARTNER)
    monkeypatch.setattr(worlds, "HALL", hall)
    monkeypatch.setattr(worlds, "EVENTS", (event,))


async def rush(world: World) -> list[int]:
    """All book at once, and calls for two in three are made before the deadline."""
    calls = BOOKINGS * (SEATS + 2)
    await world.set_pace(calls / PAYMENT_SECONDS * 2 / 3)
    return [initiate(world, user_id=user_id) for user_id in range(1, BOOKINGS + 1)]


def initiate(world: World, *, user_id: int) -> int:
    now_ms = world.clock.ms()
    booking_id = world.engine.create_booking(user_id=user_id, event_id=PARTNER, now_ms=now_ms)
    world.engine.select_together(user_id=user_id, booking_id=booking_id, count=SEATS, now_ms=now_ms)
    return world.initiate(booking_id, user_id=user_id)


def test_rush(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    """When more is booked at once than can be filled, those who came first get their places."""
    a_large_hall(monkeypatch)

    async def story(world: World) -> None:
        orders = await rush(world)
        await world.clock.advance(PAYMENT_SECONDS)
        statuses = [world.status(order_id) for order_id in orders]
        filled = statuses.count("PENDING SUBMITTED")
        assert filled >= BOOKINGS * 2 / 3 * 0.9
        assert statuses[:filled] == ["PENDING SUBMITTED"] * filled
        # Nobody was begun in vain.
        assert statuses[filled:] == ["PENDING WANTED"] * (BOOKINGS - filled)
        assert world.provider_net.count("orders") == filled

    tell(story)


async def come_back(world: World, *, seconds_left: int) -> None:
    """All that was down is up, and we have been away for so long that nobody waits to try again."""
    await world.within(world.sagas.stop())
    world.clock.now_ms = START_MS + (PAYMENT_SECONDS - seconds_left) * 1_000
    world.provider_net.down = world.gateway_net.down = False
    await world.crash()


def test_too_late_to_be_begun(tell: Tell) -> None:
    """An order that couldn't be filled before its booking ends isn't begun, and ends with it."""

    async def story(world: World) -> None:
        world.provider_net.down = True
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.registered(order_id)
        await come_back(world, seconds_left=1)
        await world.clock.advance(20)
        assert world.status(order_id) == "PENDING WANTED"
        assert world.orders() == []
        world.engine.expire_due(now_ms=world.clock.ms(), at_most=9)
        await world.clock.advance(10)
        assert world.status(order_id) == "RETURNED CANCELLED"

    tell(story)


def test_late_but_given_more_time(tell: Tell) -> None:
    """It is begun after all when the gateway makes its page in the last second."""

    async def story(world: World) -> None:
        world.provider_net.down = world.gateway_net.down = True
        order_id = world.initiate(world.book(PARTNER, 1))
        await come_back(world, seconds_left=1)
        await world.clock.advance(2)
        assert world.status(order_id) == "PENDING SUBMITTED"

    tell(story)


def test_late_in_company(tell: Tell) -> None:
    """It is begun after all when the order that it would share the pace with is given up."""

    async def story(world: World) -> None:
        given_up = world.book(PARTNER, 1)
        begun = world.initiate(given_up)
        await world.registered(begun)
        world.provider_net.down = True
        late = world.initiate(world.book(PARTNER, 2))
        await world.registered(late)
        # Alone it takes 31 s, in company 61 s.
        world.provider_calls_per_second = 0.1
        await come_back(world, seconds_left=60)
        await world.clock.advance(1)
        assert [world.status(one) for one in (begun, late)] == ["PENDING STARTED", "PENDING WANTED"]
        world.cancel(given_up)
        await world.clock.advance(58)
        assert world.status(late) == "PENDING SUBMITTED"

    tell(story)


def test_late_all_at_once(tell: Tell) -> None:
    """Of those whose time is enough for one of them, the oldest isn't given up with the others."""

    async def story(world: World) -> None:
        world.provider_net.down = True
        orders = [world.initiate(world.book(PARTNER, number)) for number in (1, 2, 3)]
        for order_id in orders:
            await world.registered(order_id)
        # Alone it takes 31 s, in company 61 s.
        world.provider_calls_per_second = 0.1
        await come_back(world, seconds_left=40)
        await world.clock.advance(39)
        statuses = [world.status(order_id) for order_id in orders]
        assert statuses == ["PENDING SUBMITTED", "PENDING WANTED", "PENDING WANTED"]

    tell(story)


def test_never_too_late_for_what_is_paid(tell: Tell) -> None:
    """A booking that was captured before its places were held has no deadline any more."""

    async def story(world: World) -> None:
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.registered(order_id)
        await world.clock.settle()
        assert world.status(order_id) == "PENDING STARTED"
        world.engine.authorize_payment(order_id=order_id, now_ms=world.clock.ms())
        world.engine.capture_payment(order_id=order_id, now_ms=world.clock.ms())
        world.engine.doubt_reservation(order_id=order_id, now_ms=world.clock.ms())
        await world.clock.advance(60)
        assert world.status(order_id) == "CAPTURED CONFIRMED"
        assert world.provider_net.count("cancel") == 1

    tell(story)


def test_one_turn(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for places to be shown keeps the turn; who waits to try again after a failure not.

    Both wait for a moment that has been planned: only the sagas know which of the two it is.
    """
    monkeypatch.setattr(begun_first, "ORDERS_MAX", 1)

    async def story(world: World) -> None:
        world.office.panel.change(b'{"lag_ms": 3000}')
        shown_late, second = (world.initiate(world.book(PARTNER, number)) for number in (1, 2))
        await world.clock.advance(2)
        assert "PENDING STARTED" == world.status(shown_late)
        assert "PENDING WANTED" == world.status(second)
        world.office.panel.change(b'{"lag_ms": 120}')
        await world.clock.advance(5)
        assert {"PENDING SUBMITTED"} == {world.status(one) for one in (shown_late, second)}
        world.provider_net.replies["select"] = lambda _: reply(503, {}, {"Retry-After": "60"})
        failing = world.initiate(world.book(PARTNER, 3))
        await world.clock.advance(1)
        world.provider_net.replies.clear()
        other = world.initiate(world.book(PARTNER, 4))
        await world.clock.advance(5)
        assert "PENDING STARTED" == world.status(failing)
        assert "PENDING SUBMITTED" == world.status(other)
        await world.clock.advance(60)
        assert "PENDING SUBMITTED" == world.status(failing)

    tell(story)
