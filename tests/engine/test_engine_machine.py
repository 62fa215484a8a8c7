"""Anything in any order, with crashes in between: the engine does what the naive model does."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine import Event, Hall, Key, Rejected, Rules, Sale, SeatStatus, Zone, seat_id_of
from engine.errors import UnknownPayment
from tests.engine.naive_model import LEAST_MINOR, SEATS_MAX, NaiveModel, Sold
from tests.scenario import HOUR_MS, START_MS, Story, audit

# The back row is too cheap to be paid alone: the gateway's least amount is above one seat of it.
HALL = Hall(2, 3, (Zone("front", 1, 1, 5_000), Zone("back", 2, 2, LEAST_MINOR - 1)))
EVENTS = (
    Event(1, START_MS + 24 * HOUR_MS, HALL, Sale.PARTNER),
    Event(2, START_MS + 12 * HOUR_MS, HALL),
    Event(3, START_MS + 24 * HOUR_MS, HALL, Sale.ALLOTMENT, ((0, 2), (4, 5))),
)
PLACES = [(event, row, number) for event in (1, 2, 3) for row in (1, 2) for number in (1, 2, 3)]
SEATS = [seat_id_of(event_id=event, row=row, number=number) for event, row, number in PLACES]
NO_SEATS = [0, seat_id_of(event_id=1, row=3, number=1), seat_id_of(event_id=4, row=1, number=1)]

# The engine's name of a fact, and the model's.
FACTS = {
    "register_payment": "register",
    "refuse_payment": "refuse",
    "authorize_payment": "authorize",
    "capture_payment": "capture",
    "fail_payment": "fail",
    "return_payment": "return",
    "start_reservation": "start",
    "submit_reservation": "submit",
    "confirm_reservation": "confirm",
    "cancel_reservation": "let_go",
    "refuse_reservation": "sold_elsewhere",
    "doubt_reservation": "doubt",
    "park_payment": "park",
    "park_reservation": "park_places",
}

SALE = [
    "register_payment",
    "start_reservation",
    "submit_reservation",
    "authorize_payment",
    "capture_payment",
    "confirm_reservation",
]

users = st.integers(1, 3)
numbers = st.integers(0, 7)
seats = st.sampled_from(SEATS * 4 + NO_SEATS)
# Now and then somebody else comes with the request, or it carries a key.
strangers = st.sampled_from([0] * 9 + [1])
keys = st.sampled_from(["", "", "", "k", "l"])
zones = st.sampled_from([None, None, "front", "back", "loge"])
seldom = st.sampled_from([False] * 7 + [True])


# An id, some seats, or a word.
Answer = int | tuple[int, ...] | str


class EngineMachine(RuleBasedStateMachine):
    """Each rule tells both, and both must answer the same."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story(events=EVENTS, rules=Rules(seats_per_user_max=SEATS_MAX))
        prices = {(event, row): HALL.row_prices_minor[row - 1] for event, row, _ in PLACES}
        sold = {}
        for event in EVENTS:
            hall = {
                seat: prices[place[:2]]
                for seat, place in zip(SEATS, PLACES, strict=True)
                if place[0] == event.event_id
            }
            given = event.allotment or [(0, 6)]
            ours = {seat for first, end in given for seat in list(hall)[first:end]}
            partner = event.sale is Sale.PARTNER
            sold[event.event_id] = Sold(event.starts_at_ms, partner, hall, ours)
        zones = {zone.name: zone.price_minor for zone in HALL.zones}
        self.model = NaiveModel(sold, zones)

    @initialize()
    def begin(self) -> None:
        """A payment under way at each kind of event: what follows has something to work on."""
        self.basket(1, 1, [0, 1])
        self.basket(2, 2, [0, 1])
        self.basket(3, 3, [0, 2, 4])

    # Rules

    @rule(user=users, event=st.sampled_from([1, 1, 1, 2, 2, 3, 4]), key=keys)
    def create(self, user: int, event: int, key: str) -> None:
        self.compare("create_booking", "create", key, user, event_id=event)

    @rule(number=numbers, stranger=strangers, seat=seats, key=keys)
    def select(self, number: int, stranger: int, seat: int, key: str) -> None:
        booking, user = self.booking(number)
        user += stranger
        if booking in self.model.baskets and seat in SEATS and not stranger:
            seat = SEATS[(self.model.baskets[booking].event - 1) * 6 + SEATS.index(seat) % 6]
        self.compare("select_seat", "select", key, user, booking_id=booking, seat_id=seat)

    @rule(number=numbers, stranger=strangers, count=st.integers(0, 4), zone=zones, key=keys)
    def together(self, number: int, stranger: int, count: int, zone: str | None, key: str) -> None:
        booking, user = self.booking(number)
        told = {"booking_id": booking, "count": count, "zone": zone}
        self.compare("select_together", "together", key, user + stranger, **told)

    @rule(seat=seats, stranger=strangers, key=keys)
    def release(self, seat: int, stranger: int, key: str) -> None:
        basket = self.model.holder(seat)
        user = 1 if basket is None else basket.user
        self.compare("release_seat", "release", key, user + stranger, seat_id=seat)

    @rule(number=numbers, stranger=strangers, key=keys)
    def pay(self, number: int, stranger: int, key: str) -> None:
        booking, user = self.booking(number)
        self.compare("initiate_payment", "pay", key, user + stranger, booking_id=booking)

    @rule(number=numbers, stranger=strangers, key=keys, truly=seldom)
    def cancel(self, number: int, stranger: int, key: str, truly: bool) -> None:
        booking, user = self.booking(number)
        if truly:
            self.compare("cancel_booking", "cancel", key, user + stranger, booking_id=booking)

    @rule(number=numbers, names=st.lists(st.sampled_from(list(FACTS)), min_size=1, max_size=4))
    def facts(self, number: int, names: list[str]) -> None:
        """A few facts about one attempt: spread over many, they seldom make a story."""
        for name in names:
            self.fact(number, name)

    @rule(number=numbers, steps=st.integers(1, len(SALE)), late=st.sampled_from([0, 0, 720_000]))
    def sell(self, number: int, steps: int, late: int) -> None:
        """The way to a sale, or the beginning of it, sometimes beyond the deadline."""
        for name in SALE[:steps]:
            self.fact(number, name)
        self.later(late)

    @rule(user=users, event=st.sampled_from([1, 2, 3]), some=st.lists(numbers, max_size=3))
    def basket(self, user: int, event: int, some: list[int]) -> None:
        """A booking with seats that is being paid, if they are FREE."""
        self.create(user, event, "")
        booking = list(self.model.baskets)[-1]
        for number in some:
            seat = SEATS[(event - 1) * 6 + number % 6]
            self.compare("select_seat", "select", "", user, booking_id=booking, seat_id=seat)
        self.compare("initiate_payment", "pay", "", user, booking_id=booking)

    @rule(number=numbers, at=st.integers(0, 2), seat=seats, truly=seldom)
    def admit(self, number: int, at: int, seat: int, truly: bool) -> None:
        """Mostly with a ticket that is good."""
        paid = [one for one, basket in self.model.baskets.items() if basket.status == "CONFIRMED"]
        booking, _ = self.booking(number)
        if paid and not truly:
            booking = paid[number % len(paid)]
            seats = self.model.baskets[booking].seats
            seat = seats[at % len(seats)]
        expected = self.expect(lambda model: model.admit(self.now_ms, booking, seat))
        command = self.story.engine.admit_seat
        now_ms = self.now_ms
        assert expected == self.outcome(
            lambda: command(booking_id=booking, seat_id=seat, now_ms=now_ms)
        )

    @rule(truly=seldom, key=keys)
    def reset(self, truly: bool, key: str) -> None:
        if truly:
            self.compare("reset", "reset", key, 0)

    @rule(span=st.sampled_from([1, -900_000, 720_000, 720_000, 900_000, HOUR_MS, 25 * HOUR_MS]))
    def later(self, span: int) -> None:
        self.story.now_ms += span

    @rule()
    def timer(self) -> None:
        expected = self.model.expire(self.now_ms)
        assert expected == self.story.engine.expire_due(now_ms=self.now_ms, at_most=1_000)

    @rule(number=numbers, seat=seats, name=st.sampled_from(list(FACTS)))
    def while_the_log_is_behind(self, number: int, seat: int, name: str) -> None:
        """What would make a record is refused, and nothing is lost with it."""
        self.story.tell("log behind")
        self.select(number, 0, seat, "")
        self.pay(number, 0, "k")
        self.fact(number, name)
        self.story.tell("log well")

    @rule(word=st.sampled_from(["replay", "reload"]))
    def crash(self, word: str) -> None:
        self.story.tell(word)

    @rule()
    def check_state(self) -> None:
        """Every replay of the story must come to the same slices as the live engine."""
        self.story.engine.check_state(now_ms=self.now_ms)
        if any(self.model.made.values()):
            self.model._at(self.now_ms)

    # Both answers

    def fact(self, number: int, name: str) -> None:
        orders = list(self.model.attempts)[-3:]
        order = orders[number % len(orders)] if orders else 5
        more = {}
        if name == "register_payment":
            more = {"payment_id": f"pay-{order}", "url": "https://pay"}
        if name == "start_reservation":
            more = {"provider_order": f"their-{order}"}
        if name.startswith("park"):
            more = {"reason": "beyond help"}
        command = getattr(self.story.engine, name)
        expected = self.expect(lambda model: model.fact(self.now_ms, order, FACTS[name]))
        assert expected == self.outcome(lambda: command(order_id=order, now_ms=self.now_ms, **more))

    @property
    def now_ms(self) -> int:
        return self.story.now_ms

    def booking(self, number: int) -> tuple[int, int]:
        """Some booking and its user; seldom one that isn't there."""
        bookings = list(self.model.baskets)[-5:]
        if number == 7 or not bookings:
            return 1_000_999_999, 1
        booking = bookings[number % len(bookings)]
        return booking, self.model.baskets[booking].user

    def compare(self, name: str, word: str, key: str, user: int, **told: int | str | None) -> None:
        """Give both the same command, with a key if there is one."""
        named = {"user_id": user, **told} if user else told
        body = f"{word} {sorted(told.items())}"
        command: Callable[..., Any] = getattr(self.story.engine, name)
        given = Key(key, body.encode()) if key else None

        def by_model(model: NaiveModel) -> Answer:
            known = model.answers.get((user, key)) if key else None
            if known is not None:
                return "KeyReused" if known[0] != body else known[1]
            answer: Answer = getattr(model, word)(self.now_ms, *named.values())
            if key and (not isinstance(answer, str) or answer in ("ok", "nothing")):
                expires_ms = model._at(self.now_ms) + 24 * HOUR_MS
                model.answers[user, key] = body, "nothing" if answer == "ok" else answer, expires_ms
                return "ok" if answer == "nothing" else answer
            return answer

        expected = self.expect(by_model)
        assert expected == self.outcome(lambda: command(**named, now_ms=self.now_ms, key=given))

    def expect(self, command: Callable[[NaiveModel], Answer]) -> Answer:
        """What the model says; it changes nothing where the log refuses the record."""
        trial = deepcopy(self.model)
        answer = command(trial)
        if vars(trial) != vars(self.model) and self.story.log.refusal is not None:
            return "Busy"
        self.model = trial
        return answer

    def outcome(self, command: Callable[[], Any]) -> Answer:
        """The engine's answer in the model's words."""
        log = self.story.log
        before, logged = self.story.engine.digest(), log.appended_lsn
        try:
            answer = command()
        except (Rejected, UnknownPayment) as refusal:
            assert (before, logged) == (self.story.engine.digest(), log.appended_lsn)
            return type(refusal).__name__
        assert log.appended_lsn - logged in (0, 1)
        if answer is not None:
            told: Answer = answer
            return told
        return "ok" if log.appended_lsn > logged else "nothing"

    # What must be true after every rule

    @invariant()
    def invariants_hold(self) -> None:
        self.story.engine.check_invariants()
        audit(self.story.state)

    @invariant()
    def bookings_are_the_same(self) -> None:
        engine = self.story.engine
        listed = [one for user in range(1, 5) for one in engine.bookings_of(user)]
        assert len(self.model.baskets) == len(listed)
        for booking, basket in self.model.baskets.items():
            one = engine.booking(booking)
            assert one is not None
            assert (basket.user, basket.event) == (one.user_id, one.event_id)
            assert (basket.status, tuple(basket.seats)) == (one.status, one.seats)
            assert (basket.expires_ms, basket.order) == (one.expires_at_ms, one.order_id)

    @invariant()
    def admissions_are_the_same(self) -> None:
        admitted = [one.admitted for one in self.model.baskets.values()]
        expected = {seat: at_ms for one in admitted for seat, at_ms in one.items()}
        found = {seat: self.story.engine.admitted_at_ms(seat) for seat in SEATS}
        assert expected == {seat: at_ms for seat, at_ms in found.items() if at_ms is not None}

    @invariant()
    def payments_are_the_same(self) -> None:
        engine = self.story.engine
        assert set(self.model.attempts) == set(self.story.state.payments)
        assert self.model.owing() == set(engine.unsettled())
        for order, attempt in self.model.attempts.items():
            one = engine.payment(order)
            assert one is not None
            held = one.reservation
            assert (attempt.status, attempt.amount) == (one.status, one.amount_minor)
            assert attempt.places == ("" if held is None else held.status)
            assert attempt.parked == one.parked
            assert attempt.places_parked == ("" if held is None else held.parked)
            assert tuple(attempt.asked) == (() if held is None else held.seats)
            assert attempt.name == one.payment_id

    @invariant()
    def seats_are_the_same(self) -> None:
        engine = self.story.engine
        for event in EVENTS:
            views = engine.seats(event_id=event.event_id, status=None, row=None, offset=0, limit=99)
            assert sorted(self.model.events[event.event_id].ours) == [one.seat_id for one in views]
            statuses = [self.model.seat_status(one.seat_id) for one in views]
            assert statuses == [one.status.name for one in views]
            one = engine.analytics(event.event_id)
            assert statuses.count("FREE") == one.free_seats
            sold = [view.price_minor for view in views if view.status is SeatStatus.SOLD]
            assert (len(sold), sum(sold)) == (one.sold_seats, one.revenue_minor)

    def teardown(self) -> None:
        self.story.check_recovery()


TestEngineMachine = EngineMachine.TestCase
TestEngineMachine.settings = settings(max_examples=300, stateful_step_count=50)
