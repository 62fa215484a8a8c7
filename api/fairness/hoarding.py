"""Whoever takes seats and lets them go again and again waits longer and longer for the next.

What is taken counts, not what is let go: so it is all the same whether seats were released, ran
out, or went with a payment that was begun and given up. Seats that are paid for don't count.
"""

from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice
from math import ceil

from api.fairness.buckets import Buckets
from api.problems import TOO_MANY_HOLDS, Refusal, retry_after
from engine import Booking, BookingStatus

MINUTE_SECONDS = 60
# Of a user's bookings the newest are looked at: nobody may keep the loop busy with a million.
BOOKINGS_SEEN_MAX = 100
FORGIVEN_KEPT_MAX = 65_536


class Hoarding:
    """A bucket for each user and event: so many seats at once, and so many a minute."""

    def __init__(self, *, burst: int, per_minute: int) -> None:
        self._taken: Buckets[tuple[int, int]] = Buckets(
            per_second=per_minute / MINUTE_SECONDS, burst=burst
        )
        self.refused = 0
        # Paid bookings whose seats were given back, once each; the oldest is first.
        self._forgiven: OrderedDict[int, None] = OrderedDict()

    def require(
        self, user_id: int, event_id: int, count: int, bookings: list[Booking], now_ms: int
    ) -> None:
        """Raise Refusal unless the user may take `count` more seats; `bookings` are all of his."""
        key = user_id, event_id
        if self._taken.wait_ms(key, now_ms, count):
            self._forgive(key, islice(reversed(bookings), BOOKINGS_SEEN_MAX))
        wait_ms = self._taken.wait_ms(key, now_ms, count)
        if wait_ms:
            self.refused += 1
            seconds = ceil(wait_ms / 1_000)
            detail = (
                "Вы слишком часто занимаете и отпускаете места этого события. "
                f"Следующее можно занять через {seconds} с; оплаченные места не считаются."
            )
            raise Refusal(TOO_MANY_HOLDS, detail, retry_after(seconds))

    def count(self, user_id: int, event_id: int, count: int, now_ms: int) -> None:
        """The user has taken `count` seats."""
        self._taken.take((user_id, event_id), now_ms, count)

    def _forgive(self, key: tuple[int, int], bookings: Iterable[Booking]) -> None:
        for booking in bookings:
            is_paid = booking.status is BookingStatus.CONFIRMED and booking.event_id == key[1]
            if is_paid and booking.booking_id not in self._forgiven:
                self._forgiven[booking.booking_id] = None
                self._taken.give_back(key, len(booking.seats))
        while len(self._forgiven) > FORGIVEN_KEPT_MAX:
            self._forgiven.popitem(last=False)


def hoarding(*, burst: int, per_minute: int) -> Hoarding | None:
    """None where nobody is slowed."""
    return Hoarding(burst=burst, per_minute=per_minute) if burst else None
