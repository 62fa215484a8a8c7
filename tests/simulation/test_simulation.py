"""Worlds full of trouble end with money, places and promises in order; broken worlds are noticed.

`billetter torture --trial worlds` plays more of them; `python -m torture.simulation` tells of one.
"""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, Payment
from sagas import owed
from sagas.filling import Filling, Refusal
from sagas.gateway_side import GatewaySide
from sagas.outcome import Done
from sagas.provider_side import ProviderSide
from torture.simulation.play import play
from torture.simulation.world import AS_BUILT, DOCUMENTED

SEEDS = {DOCUMENTED: 300, AS_BUILT: 90}
SEEDS_PER_TEST = 30
# A bug that survives so many worlds is none that they look for.
SEEDS_PER_BUG = 60
ROOT = Path(__file__).resolve().parents[2]

# What so many worlds must have seen for their silence to mean anything.
EXPECTED = {
    DOCUMENTED: {
        "AnswerRemembered",
        "BookingCancelled",
        "BookingExpired",
        "PaymentCaptured",
        "PaymentFailed",
        "PaymentRefused",
        "PaymentReturned",
        "ReservationConfirmed",
        "ReservationDoubted",
        "ReservationRefused",
        "ReturnOwed",
        "SeatReleased",
        "StateReset",
        "answers lost",
        "answers spoiled",
        "crashes",
        "late yeses",
        "met an outage",
        "requests lost",
        "requests repeated",
        "stops",
    },
    AS_BUILT: {"PaymentCaptured", "PaymentParked", "ReservationConfirmed", "crashes"},
}


@cache
def played(profile: str, first: int) -> tuple[dict[int, list[str]], Counter[str]]:
    """The faults by seed, and all that has happened, in a row of worlds."""
    seeds = range(first, first + SEEDS_PER_TEST)
    outcomes = [play(seed, profile=profile) for seed in seeds]
    faults = {outcome.seed: outcome.faults for outcome in outcomes if outcome.faults}
    return faults, sum((outcome.happened for outcome in outcomes), Counter())


@pytest.mark.parametrize(
    ("profile", "first"),
    [(name, first) for name, end in SEEDS.items() for first in range(0, end, SEEDS_PER_TEST)],
)
def test_worlds(profile: str, first: int) -> None:
    """Every saga ends, money kept is the price of tickets, and what customers were told is so.

    With the gateway as built, which gives nothing back, money that is owed is parked, not lost.
    """
    faults, _ = played(profile, first)
    assert {} == faults


@pytest.mark.parametrize("profile", SEEDS)
def test_everything_happens(profile: str) -> None:
    """The worlds are as rough as they are meant to be."""
    happened: Counter[str] = Counter()
    for first in range(0, SEEDS[profile], SEEDS_PER_TEST):
        happened += played(profile, first)[1]
    assert set() == EXPECTED[profile] - set(+happened)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_same_seed_same_log(seed: int) -> None:
    """A world is played the same way again, by another process with other hashes too."""
    expected = hashlib.sha256(play(seed).log).hexdigest()
    assert expected == hashlib.sha256(play(seed).log).hexdigest()
    program = (
        "import hashlib; from torture.simulation.play import play;"
        f"print(hashlib.sha256(play({seed}).log).hexdigest())"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert expected == elsewhere.stdout.strip()


# Bugs that somebody might make, each put into our code for some worlds.

Bug = Callable[[pytest.MonkeyPatch], None]


def silence_is_a_no(patch: pytest.MonkeyPatch) -> None:
    """A capture without an answer counts as failed."""

    async def capture(self: Any, payment: Payment, _: Any) -> None:
        outcome = await self._client.confirm(payment_id=payment.payment_id)
        engine = self._engine
        fact = engine.capture_payment if isinstance(outcome, Done) else engine.fail_payment
        await self._record(fact, payment.order_id)

    patch.setattr(GatewaySide, "_capture", capture)


def a_refund_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Money is recorded as returned, and nobody has asked the gateway to."""

    async def give_back(self: Any, payment: Payment, _: Any) -> None:
        await self._record(self._engine.return_payment, payment.order_id)

    patch.setattr(GatewaySide, "_return", give_back)


def an_untouched_page_is_a_no(patch: pytest.MonkeyPatch) -> None:
    """A payment that is NEW counts as failed."""
    patch.setitem(owed._MONEY, "NEW", owed.Money.NONE)


def places_are_confirmed_before_the_money(patch: pytest.MonkeyPatch) -> None:
    """What can't be undone comes first."""
    submitted = ProviderSide._submitted

    async def confirm_at_once(self: Any, payment: Payment, filling: Filling) -> Any:
        assert payment.reservation is not None
        await self._client.confirm(payment.reservation.provider_order)
        return await submitted(self, payment, filling)

    patch.setattr(ProviderSide, "_submitted", confirm_at_once)


def money_is_taken_before_the_places(patch: pytest.MonkeyPatch) -> None:
    """A capture doesn't wait until the provider holds the places."""
    patch.setattr(Payment, "holds_its_places", lambda _: True)


def nobody_waits_for_places(patch: pytest.MonkeyPatch) -> None:
    """An order is submitted as soon as its places are selected, shown or not."""

    async def look(self: Any, payment: Payment, reservation: Any, _: Any, filling: Any) -> Any:
        filling.is_unseen = False
        if filling.next_seat() is not None:
            return None
        outcome = await self._client.submit(reservation.provider_order)
        return await self._submitted(payment, filling) if isinstance(outcome, Done) else outcome

    patch.setattr(ProviderSide, "_look_at_order", look)


def a_refused_place_is_never_ours(patch: pytest.MonkeyPatch) -> None:
    """A select that is refused counts as taken by somebody else, whatever went before."""
    patch.setattr(Filling, "refused", lambda *_, **__: Refusal.TAKEN)


def the_disk_is_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    """Everybody is told before the records are durable."""

    async def durable(self: Any) -> None:
        self._commit_group.wake()

    patch.setattr(Engine, "durable", durable)


@pytest.mark.parametrize(
    "bug",
    [
        silence_is_a_no,
        a_refund_is_forgotten,
        an_untouched_page_is_a_no,
        places_are_confirmed_before_the_money,
        money_is_taken_before_the_places,
        nobody_waits_for_places,
        a_refused_place_is_never_ours,
        the_disk_is_not_waited_for,
    ],
)
def test_a_bug_is_noticed(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge finds fault with one of a few worlds in which our code has this bug."""
    bug(monkeypatch)
    assert any(play(seed).faults for seed in range(SEEDS_PER_BUG))
