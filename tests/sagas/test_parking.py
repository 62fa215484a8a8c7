"""Which troubles an operator must know of."""

import random

import httpx
import pytest

from sagas.outcome import Refused, Unknown
from sagas.owed import GatewayCall
from sagas.parking import FAILURES_MAX, RETRY_MS, is_beyond_retry, reason_of, retry_ms
from tests.sagas.world import BOB, OWN, PARTNER, Tell, World, reply

CAPTURE, RETURN, LOOK_UP = GatewayCall.CAPTURE, GatewayCall.RETURN, GatewayCall.LOOK_UP

TROUBLES = [
    (RETURN, Refused(401, "3001", "token parameter is required"), True),
    (RETURN, Refused(401, "TOKEN_INVALID"), True),
    (RETURN, Refused(404, "3404"), True),
    (RETURN, Refused(422, "3422"), True),
    (RETURN, Refused(409, "3409"), False),
    (RETURN, Refused(503, "3503"), False),
    (RETURN, Unknown("HTTP 500"), False),
    (CAPTURE, Refused(400, "2100", "The payment is too old to be confirmed"), True),
    (CAPTURE, Refused(400, "2100", "Currency KZT is not supported by team"), True),
    (CAPTURE, Refused(400, "2100", "Failed to acquire confirmation lock"), False),
    (CAPTURE, Refused(400, "2100", "The team has too many active payments"), False),
    (CAPTURE, Refused(400, "2100", "The team has too many payments today"), True),
    (CAPTURE, Refused(404, "2404", "no lock of such a payment"), True),
    (CAPTURE, Refused(409, "2409"), False),
    (CAPTURE, Unknown("ReadTimeout"), False),
    (LOOK_UP, Refused(401, "TOKEN_INVALID"), True),
]


@pytest.mark.parametrize(("call", "trouble", "beyond"), TROUBLES)
def test_first_failure(call: GatewayCall, trouble: Refused | Unknown, beyond: bool) -> None:
    """A refusal for good is parked at once, one that may pass is tried again."""
    assert beyond == is_beyond_retry(call, trouble, own_failures=1)


@pytest.mark.parametrize("trouble", [Unknown("HTTP 500"), Refused(409, "3409")])
def test_patience_ends(trouble: Refused | Unknown) -> None:
    """Whatever has failed so often in a row, while the service answered others, is parked."""
    assert not is_beyond_retry(RETURN, trouble, own_failures=FAILURES_MAX - 1)
    assert is_beyond_retry(RETURN, trouble, own_failures=FAILURES_MAX)


@pytest.mark.parametrize("call", [GatewayCall.INIT, GatewayCall.CHECK])
def test_what_has_a_deadline(call: GatewayCall) -> None:
    """A payment that nobody has paid for needs no operator: its booking runs out."""
    assert not is_beyond_retry(call, Refused(401, "TOKEN_INVALID"), own_failures=FAILURES_MAX)


def test_reasons() -> None:
    """Call, status, code and the outside's own words, as far as there are any."""
    refused = Refused(401, "3001", "token parameter is required")
    assert reason_of("return", refused) == "return: HTTP 401, 3001, token parameter is required"
    assert reason_of("confirm", Refused(409, "")) == "confirm: HTTP 409"
    assert reason_of("cancel", Unknown("HTTP 500")) == "cancel: HTTP 500"


def test_once_an_hour() -> None:
    """Parked calls come back within an hour, and not all at once."""
    pauses = {retry_ms(random.Random(seed)) for seed in range(50)}
    assert len(pauses) > 40
    assert all(RETRY_MS / 2 <= pause <= RETRY_MS for pause in pauses)


@pytest.mark.parametrize("way", ["nobody there", "HTTP 503", "HTTP 500"])
def test_an_outage_of_the_gateway_parks_nothing(tell: Tell, way: str) -> None:
    """Who has paid in time gets the seats when the gateway is back, and a refund comes at once."""

    async def story(world: World) -> None:
        def fail() -> None:
            world.gateway_net.down = way == "nobody there"
            if way != "nobody there":
                for route in ("check", "confirm", "cancel"):
                    world.gateway_net.replies[route] = lambda _: reply(int(way[-3:]), {})

        returned, paid = world.book(OWN, 1), world.book(OWN, 2)
        orders = [world.initiate(booking_id) for booking_id in (returned, paid)]
        for order_id in orders:
            await world.registered(order_id)
            await world.pay(order_id)
        await world.verify(orders[0])

        async def fail_from_now_on() -> None:
            fail()
            raise httpx.ReadTimeout("lost")

        world.gateway_net.hooks["confirm"] = fail_from_now_on
        await world.verify(orders[1], within_seconds=1)
        world.cancel(returned)
        await world.clock.advance(11 * 60)
        assert [world.status(one) for one in orders] == ["RETURN_DUE", "AUTHORIZED"]
        assert world.sagas.parked() == []
        assert world.sagas.answering()["gateway"] == "down"
        world.gateway_net.down = False
        world.gateway_net.replies.clear()
        await world.clock.advance(31)
        assert [world.status(one) for one in orders] == ["RETURNED", "CAPTURED"]
        assert world.booking_status(paid) == "CONFIRMED"

    tell(story)


def test_an_outage_of_the_provider_parks_nothing(tell: Tell) -> None:
    """Soon after it is back a place that was to be let go is the next buyer's."""

    async def story(world: World) -> None:
        booking_id = world.book(PARTNER, 1)
        first = world.initiate(booking_id)
        await world.clock.advance(3)
        world.provider_net.down = True
        world.cancel(booking_id)
        await world.clock.advance(11 * 60)
        assert world.sagas.parked() == []
        assert world.sagas.answering() == {"gateway": "up", "provider": "down"}
        world.provider_net.down = False
        second = world.initiate(world.book(PARTNER, 1, user_id=BOB), user_id=BOB)
        await world.clock.advance(31)
        assert world.status(first) == "RETURNED CANCELLED"
        assert world.status(second) == "PENDING SUBMITTED"

    tell(story)


def test_what_fails_while_others_are_answered_is_parked(tell: Tell) -> None:
    """A refund that only gets errors is an operator's, if the gateway answers all others."""

    async def story(world: World) -> None:
        booking_id = world.book(OWN, 1)
        unlucky, other = world.initiate(booking_id), world.initiate(world.book(OWN, 2))
        await world.registered(unlucky)
        world.gateway_net.replies["cancel"] = lambda _: reply(500, {})
        world.cancel(booking_id)
        for _ in range(40):
            await world.clock.advance(30)
            await world.verify(other)
        assert world.payment(unlucky).parked == "return: HTTP 500"
        assert world.sagas.parked() == [world.payment(unlucky)]

    tell(story)


def test_a_crowd_at_the_gateway_parks_nothing(tell: Tell) -> None:
    """While it has too many payments under way it captures none, and the next moment it does."""

    async def story(world: World) -> None:
        world.desk.panel.change(b'{"confirm_active_max": 2}')
        other = world.book(OWN, 2)
        await world.registered(world.initiate(other))
        order_id = world.initiate(world.book(OWN, 1))
        await world.registered(order_id)
        await world.pay(order_id)
        await world.verify(order_id, within_seconds=1)
        assert (world.status(order_id), world.sagas.parked()) == ("AUTHORIZED", [])
        world.cancel(other)
        await world.clock.advance(3)
        assert world.status(order_id) == "CAPTURED"

    tell(story)
