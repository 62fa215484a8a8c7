"""What the engine should do, said again as plainly as possible and with no thought of speed.

Every command answers a word: the name of a refusal, `nothing` if all was so already, or `ok`; or
the id that was asked for. It shares no code with the engine but the numbers of its events.
"""

from dataclasses import dataclass, field

HOLD_MS = 900_000
PAYMENT_MS = 720_000
RETURN_MS = 43_200_000
KEY_MS = 86_400_000
SEATS_MAX = 3
LEAST_MINOR = 1_000


@dataclass
class Sold:
    """An event on sale: the seats of its hall with their prices, and which of them are ours."""

    starts_ms: int
    partner: bool
    prices: dict[int, int]
    ours: set[int]


@dataclass
class Basket:
    user: int
    event: int
    status: str = "CREATED"
    seats: list[int] = field(default_factory=list)
    admitted: dict[int, int] = field(default_factory=dict)
    expires_ms: int = 0
    order: int = 0


@dataclass
class Attempt:
    booking: int
    amount: int
    status: str = "INITIATED"
    name: str = ""
    places: str = ""
    parked: str = ""  # the reason why the gateway, or the provider, can't be helped by a retry
    places_parked: str = ""
    asked: list[int] = field(default_factory=list)

    def rests(self) -> bool:
        money = self.status in ("CAPTURED", "FAILED", "RETURNED")
        return money and self.places in ("", "CONFIRMED", "CANCELLED")


def best_first(
    block: list[int], row: list[int], found: list[list[int]], free: set[int]
) -> tuple[bool, int, int, int]:
    """The smaller, the better a block of seats: one of those `found` in this row."""

    def off(one: list[int]) -> int:
        return abs((one[0] + one[-1]) - (row[0] + row[-1]))

    before, after = block[0] - 1, block[-1] + 1
    alone = (before in free and before - 1 not in free) + (after in free and after + 1 not in free)
    far = off(block) > min(map(off, found)) + 2  # more than one seat farther than need be
    return far, alone, off(block), block[0]


class NaiveModel:
    """All bookings in a dict; every question is answered by looking at each of them."""

    def __init__(self, events: dict[int, Sold], zones: dict[str, int]) -> None:
        """`zones`: what a seat costs in each, by name; no two cost the same."""
        self.events = events
        self.zones = zones
        self.baskets: dict[int, Basket] = {}
        self.attempts: dict[int, Attempt] = {}
        self.answers: dict[tuple[int, str], tuple[str, int | tuple[int, ...] | str, int]] = {}
        self.made = dict.fromkeys(events, 0)
        self.owned: set[int] = set()
        self.last_ms = 0
        self.last_order = 0

    # Customers

    def create(self, now_ms: int, user: int, event: int) -> int | str:
        if event not in self.events:
            return "EventNotFound"
        self._at(now_ms)
        self.made[event] += 1
        booking = event * 1_000_000_000 + self.made[event]
        self.baskets[booking] = Basket(user, event)
        return booking

    def select(self, now_ms: int, user: int, booking: int, seat: int) -> str:
        basket = self.baskets.get(booking)
        if basket is None:
            return "BookingNotFound"
        if not any(seat in one.prices for one in self.events.values()):
            return "SeatNotFound"
        if basket.user != user:
            return "NotOwner"
        if seat not in self.events[basket.event].prices:
            return "SeatElsewhere"
        if seat not in self.events[basket.event].ours:
            return "SeatNotOurs"
        if basket.status != "CREATED":
            return "BookingClosed"
        if seat in basket.seats:
            return "nothing"
        if self.holder(seat) is not None:
            return "SeatTaken"
        if len(self._seats_of(user, basket.event)) >= SEATS_MAX:
            return "TooManySeats"
        at_ms = self._at(now_ms)
        basket.seats.append(seat)
        basket.expires_ms = basket.expires_ms or at_ms + HOLD_MS
        return "ok"

    def together(
        self, now_ms: int, user: int, booking: int, count: int, zone: str | None
    ) -> tuple[int, ...] | str:
        basket = self.baskets.get(booking)
        if basket is None:
            return "BookingNotFound"
        if zone not in (None, *self.zones):
            return "ZoneNotFound"
        if basket.user != user:
            return "NotOwner"
        if basket.status != "CREATED":
            return "BookingClosed"
        if len(self._seats_of(user, basket.event)) + count > SEATS_MAX:
            return "TooManySeats"
        seats = self._best(basket.event, count, zone)
        if not seats:
            return "NoSeatsTogether"
        at_ms = self._at(now_ms)
        basket.seats += seats
        basket.expires_ms = basket.expires_ms or at_ms + HOLD_MS
        return tuple(seats)

    def _best(self, event: int, count: int, zone: str | None) -> list[int]:
        """In the first row that has room, the middle, and no free seat left alone."""
        one = self.events[event]
        free = {seat for seat in one.ours if self.holder(seat) is None}
        for row in sorted({seat // 10_000 for seat in one.prices}):
            if zone is not None and one.prices[row * 10_000 + 1] != self.zones[zone]:
                continue
            hall = [seat for seat in one.prices if seat // 10_000 == row]
            found = [hall[at : at + count] for at in range(len(hall) - count + 1)]
            found = [block for block in found if free >= set(block)]
            if found and count:
                return min(found, key=lambda block: best_first(block, hall, found, free))
        return []

    def release(self, now_ms: int, user: int, seat: int) -> str:
        if not any(seat in one.prices for one in self.events.values()):
            return "SeatNotFound"
        basket = self.holder(seat)
        if basket is None:
            return "SeatNotHeld"
        if basket.user != user:
            return "NotOwner"
        if basket.status == "CONFIRMED":
            return "SeatNotHeld"
        self._at(now_ms)
        self._end_attempt(basket)
        basket.status = "CREATED"
        basket.seats.remove(seat)
        if not basket.seats:
            basket.expires_ms = 0
        return "ok"

    def pay(self, now_ms: int, user: int, booking: int) -> int | str:
        basket = self.baskets.get(booking)
        if basket is None:
            return "BookingNotFound"
        if basket.user != user:
            return "NotOwner"
        if basket.status == "PAYMENT_INITIATED":
            return basket.order
        if basket.status != "CREATED":
            return "BookingClosed"
        if not basket.seats:
            return "BookingEmpty"
        event = self.events[basket.event]
        amount = sum(event.prices[seat] for seat in basket.seats)
        if amount < LEAST_MINOR:
            return "AmountOutOfRange"
        at_ms = self._at(now_ms)
        self.last_order = max(self.last_order + 1, at_ms * 1_000)
        asked = [seat for seat in basket.seats if event.partner and seat not in self.owned]
        places = "WANTED" if asked else ""
        self.attempts[self.last_order] = Attempt(booking, amount, places=places, asked=asked)
        basket.status, basket.order = "PAYMENT_INITIATED", self.last_order
        basket.expires_ms = at_ms + PAYMENT_MS
        return self.last_order

    def cancel(self, now_ms: int, user: int, booking: int) -> str:
        basket = self.baskets.get(booking)
        if basket is None:
            return "BookingNotFound"
        if basket.user != user:
            return "NotOwner"
        if basket.status == "CANCELLED":
            return "nothing"
        if basket.admitted:
            return "BookingAdmitted"
        last_ms = self.events[basket.event].starts_ms - RETURN_MS
        if basket.status == "CONFIRMED" and max(now_ms, self.last_ms) > last_ms:
            return "TooLate"
        self._at(now_ms)
        self._end(basket)
        return "ok"

    # The door, the operator and the timer

    def admit(self, now_ms: int, booking: int, seat: int) -> str:
        basket = self.baskets.get(booking)
        if basket is None:
            return "BookingNotFound"
        if basket.status != "CONFIRMED" or seat not in basket.seats:
            return "SeatNotSold"
        if seat in basket.admitted:
            return "AlreadyAdmitted"
        basket.admitted[seat] = self._at(now_ms)
        return "ok"

    def reset(self, now_ms: int) -> str:
        self._at(now_ms)
        for attempt in self.attempts.values():
            if attempt.status not in ("FAILED", "RETURNED"):
                self._settle(attempt, "RETURN_DUE")
        self.baskets.clear()
        self.answers.clear()
        self._forget_orphans()
        return "ok"

    def expire(self, now_ms: int) -> int:
        """How many records it takes: one for all old answers, and one for each booking."""
        at_ms = max(now_ms, self.last_ms)
        old = [key for key, (_, _, expires_ms) in self.answers.items() if expires_ms <= at_ms]
        for key in old:
            del self.answers[key]
        due = [
            basket
            for basket in self.baskets.values()
            if 0 < basket.expires_ms <= at_ms and not self._is_being_captured(basket)
        ]
        for basket in due:
            self._end(basket)
        if old or due:
            self._at(now_ms)
        return bool(old) + len(due)

    # The gateway and the provider

    def fact(self, now_ms: int, order: int, verb: str) -> str:
        attempt = self.attempts.get(order)
        if attempt is None:
            return "UnknownPayment"
        before_ms = self.last_ms
        self._at(now_ms)
        if not self._learn(order, attempt, verb):
            self.last_ms = before_ms
            return "nothing"
        self._forget_orphans()
        return "ok"

    def _learn(self, order: int, attempt: Attempt, verb: str) -> bool:
        if verb.startswith("park"):
            return self._park(attempt, verb)
        before = (attempt.status, attempt.name, attempt.places)
        waiting = next((one for one in self.baskets.values() if one.order == order), None)
        self._learn_of_money(order, attempt, verb)
        self._learn_of_places(attempt, verb)
        if waiting is not None:
            self._follow(waiting, attempt, verb, changed=before[0] != attempt.status)
        if attempt.places == "SUBMITTED" and attempt.status == "CAPTURED":
            attempt.places = "CONFIRM_DUE"
        self._unpark(attempt, status=before[0], places=before[2])
        return before != (attempt.status, attempt.name, attempt.places)

    def _park(self, attempt: Attempt, verb: str) -> bool:
        if verb == "park" and attempt.status in ("AUTHORIZED", "RETURN_DUE"):
            was_parked, attempt.parked = attempt.parked, attempt.parked or "beyond help"
            return not was_parked
        if verb == "park_places" and attempt.places in ("CONFIRM_DUE", "CANCEL_DUE"):
            was_parked, attempt.places_parked = attempt.places_parked, "beyond help"
            return not was_parked
        return False

    def _unpark(self, attempt: Attempt, *, status: str, places: str) -> None:
        """Whatever moves is worth another try."""
        if attempt.status != status:
            attempt.parked = ""
        if attempt.places != places:
            attempt.places_parked = ""

    def _learn_of_money(self, order: int, attempt: Attempt, verb: str) -> None:
        status = {
            ("register", "INITIATED"): "PENDING",
            ("refuse", "INITIATED"): "FAILED",
            ("refuse", "RETURN_DUE"): "FAILED",
            ("authorize", "PENDING"): "AUTHORIZED",
            ("authorize", "FAILED"): "RETURN_DUE",
            ("authorize", "RETURNED"): "RETURN_DUE",
            ("capture", "AUTHORIZED"): "CAPTURED",
            ("capture", "FAILED"): "RETURN_DUE",
            ("capture", "RETURNED"): "RETURN_DUE",
            ("fail", "PENDING"): "FAILED",
            ("fail", "AUTHORIZED"): "FAILED",
            ("fail", "RETURN_DUE"): "FAILED",
            ("return", "RETURN_DUE"): "RETURNED",
        }.get((verb, attempt.status))
        if (
            verb == "register"
            and not attempt.name
            and attempt.status in ("INITIATED", "RETURN_DUE")
        ):
            attempt.name, attempt.parked = f"pay-{order}", ""
        attempt.status = status or attempt.status
        if attempt.status == "FAILED":
            self._let_places_go(attempt)

    def _learn_of_places(self, attempt: Attempt, verb: str) -> None:
        before = attempt.places
        attempt.places = {
            ("start", "WANTED"): "STARTED",
            ("submit", "STARTED"): "SUBMITTED",
            ("confirm", "CONFIRM_DUE"): "CONFIRMED",
            ("let_go", "CANCEL_DUE"): "CANCELLED",
            ("doubt", "STARTED"): "RENEW_DUE",
            ("let_go", "RENEW_DUE"): "WANTED",
        }.get((verb, before), before)
        if (verb, before) == ("let_go", "CONFIRM_DUE") and attempt.status != "CAPTURED":
            attempt.places = "CANCELLED"
        if before != attempt.places == "CONFIRMED":
            self.owned.update(attempt.asked)
        begun = before in ("WANTED", "STARTED", "RENEW_DUE")
        if verb == "sold_elsewhere" and begun and attempt.status != "CAPTURED":
            self._settle(attempt, "RETURN_DUE")

    def _follow(self, basket: Basket, attempt: Attempt, verb: str, *, changed: bool) -> None:
        """What the booking that waits for this attempt makes of the news."""
        if not changed:
            return
        if attempt.status == "CAPTURED":
            basket.status, basket.expires_ms = "CONFIRMED", 0
        elif verb == "refuse":
            basket.status, basket.order = "CREATED", 0
        elif verb == "register":
            basket.expires_ms = self.last_ms + PAYMENT_MS
        elif attempt.status in ("FAILED", "RETURN_DUE"):
            self._end(basket)

    # What follows from what

    def holder(self, seat: int) -> Basket | None:
        return next((one for one in self.baskets.values() if seat in one.seats), None)

    def seat_status(self, seat: int) -> str:
        basket = self.holder(seat)
        if basket is None:
            return "FREE"
        return "SOLD" if basket.status == "CONFIRMED" else "RESERVED"

    def owing(self) -> set[int]:
        return {order for order, attempt in self.attempts.items() if not attempt.rests()}

    def _seats_of(self, user: int, event: int) -> list[int]:
        mine = [one for one in self.baskets.values() if (one.user, one.event) == (user, event)]
        return [seat for basket in mine for seat in basket.seats]

    def _is_being_captured(self, basket: Basket) -> bool:
        attempt = self.attempts.get(basket.order)
        if attempt is None or attempt.status != "AUTHORIZED" or attempt.parked:
            return False
        return attempt.places in ("", "SUBMITTED")

    def _at(self, now_ms: int) -> int:
        self.last_ms = max(now_ms, self.last_ms)
        return self.last_ms

    def _end(self, basket: Basket) -> None:
        self._end_attempt(basket)
        basket.status, basket.expires_ms = "CANCELLED", 0
        basket.seats.clear()

    def _end_attempt(self, basket: Basket) -> None:
        attempt = self.attempts.get(basket.order)
        if attempt is not None and attempt.status not in ("FAILED", "RETURNED"):
            self._settle(attempt, "RETURN_DUE")
        basket.order = 0

    def _settle(self, attempt: Attempt, status: str) -> None:
        before, attempt.status = attempt.status, status
        places = attempt.places
        self._let_places_go(attempt)
        self._unpark(attempt, status=before, places=places)

    def _let_places_go(self, attempt: Attempt) -> None:
        if attempt.places == "WANTED":
            attempt.places = "CANCELLED"
        elif attempt.places in ("STARTED", "SUBMITTED", "RENEW_DUE"):
            attempt.places = "CANCEL_DUE"

    def _forget_orphans(self) -> None:
        for order, attempt in list(self.attempts.items()):
            if attempt.booking not in self.baskets and attempt.rests():
                del self.attempts[order]
