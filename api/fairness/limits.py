"""How often a user, an address and an event may be called; each limit is off where it is 0.

An address is charged before anybody is authenticated, so guessing passwords is limited, too. A call
that no limit stops is charged only when its password was wrong, and a right one isn't refused; but
then whoever guesses would go on at an address that has nothing left, and know a right password by
its answer. So there a right password is answered like a wrong one, unless its user was last right
at that very address. A guesser who shares his victim's address learns more than he should.
"""

from collections import OrderedDict
from math import ceil
from typing import Any, NamedTuple, TypeVar

from api.fairness.addresses import Addresses
from api.fairness.buckets import Buckets
from api.problems import TOO_MANY_CALLS, Refusal, retry_after
from engine.keys import NOBODY

_Key = TypeVar("_Key", int, bytes)

# How many seconds' worth may come at once. A page of ours asks for ten things.
BURST_SECONDS = 10
# Users of whom it is known where they were last right: about 12 MB.
USERS_PLACED_MAX = 65_536
# Whose limits there are, and what somebody is told who is beyond one.
_BEYOND = {
    "address": "Слишком много запросов с вашего адреса.",
    "user": "Слишком много запросов от вашего имени.",
    "event": "Слишком много запросов к этому событию.",
}


class Rates(NamedTuple):
    """Calls a second; 0: no limit. `trusted_proxies` as `Addresses` wants them."""

    user: int = 0
    address: int = 0
    event: int = 0
    trusted_proxies: str = ""


class CallLimits:
    """Charges calls to who makes them and what they are about; refuses with 429."""

    def __init__(self, rates: Rates, addresses: Addresses) -> None:
        # Calls that were refused, by whose limit it was.
        self.refused = dict.fromkeys(_BEYOND, 0)
        self._addresses = addresses
        self._by_address: Buckets[bytes] | None = _buckets(rates.address)
        self._by_user: Buckets[int] | None = _buckets(rates.user)
        self._by_event: Buckets[int] | None = _buckets(rates.event)
        # Where each user was last right; the one who was so longest ago is first.
        self._placed: OrderedDict[int, bytes] = OrderedDict()

    def charge_address(self, peer: str, headers: list[tuple[bytes, bytes]], now_ms: int) -> None:
        """Raises Refusal, and then charges nothing."""
        if self._by_address is not None:
            address = self._addresses.caller(peer, headers)
            self._charge("address", self._by_address, address, now_ms)

    def place(self, user_id: int, peer: str, headers: list[tuple[bytes, bytes]]) -> None:
        """The user's password was right at this address."""
        if self._by_address is not None and user_id != NOBODY:
            self._place(user_id, self._addresses.caller(peer, headers))

    def require_placed(
        self, user_id: int, peer: str, headers: list[tuple[bytes, bytes]], now_ms: int
    ) -> None:
        """Raise Refusal where an address has nothing left, unless the user was last right there."""
        if self._by_address is None:
            return
        address = self._addresses.caller(peer, headers)
        if self._placed.get(user_id) != address:
            self._require("address", self._by_address, address, now_ms)
        self._place(user_id, address)

    def _place(self, user_id: int, address: bytes) -> None:
        self._placed[user_id] = address
        self._placed.move_to_end(user_id)
        if len(self._placed) > USERS_PLACED_MAX:
            self._placed.popitem(last=False)

    def charge_user(self, user_id: int, now_ms: int) -> None:
        """The same, for whoever is a buyer."""
        if self._by_user is not None and user_id != NOBODY:
            self._charge("user", self._by_user, user_id, now_ms)

    def charge_event(self, event_id: int, now_ms: int) -> None:
        """The same, for a call of an event's crowd."""
        if self._by_event is not None:
            self._charge("event", self._by_event, event_id, now_ms)

    def _charge(self, whose: str, buckets: Buckets[_Key], key: _Key, now_ms: int) -> None:
        self._require(whose, buckets, key, now_ms)
        buckets.take(key, now_ms)

    def _require(self, whose: str, buckets: Buckets[_Key], key: _Key, now_ms: int) -> None:
        wait_ms = buckets.wait_ms(key, now_ms)
        if wait_ms:
            self.refused[whose] += 1
            seconds = ceil(wait_ms / 1_000)
            detail = f"{_BEYOND[whose]} Запрос не выполнен, повторите его через {seconds} с."
            raise Refusal(TOO_MANY_CALLS, detail, retry_after(seconds))


def call_limits(rates: Rates, addresses: Addresses) -> CallLimits | None:
    """None where nothing is limited, so that a call has nothing to ask."""
    return CallLimits(rates, addresses) if rates.user or rates.address or rates.event else None


def _buckets(per_second: int) -> Buckets[Any] | None:
    if not per_second:
        return None
    return Buckets(per_second=per_second, burst=per_second * BURST_SECONDS)
